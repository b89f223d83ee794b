//! Single things of a shop that are changed.

use chrono::{DateTime, FixedOffset};
use proptest::{prelude::*, sample::Index};

use super::shop::{NOW, Shop, zone};
use crate::{
    consumer::Rule,
    consumers::{PartFigures, daily_report, mail, orders_today, sales, stock},
};

#[derive(Debug, Clone, Copy)]
pub(super) enum Spoil {
    Figure,
    Line,
    File,
    HandledTwice,
    HandledMissing,
    HandledOther,
    LetterMissing,
    LetterTwice,
    LetterOther,
    Note,
}

pub(super) fn any_spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        2 => Just(Spoil::Figure),
        3 => Just(Spoil::Line),
        1 => Just(Spoil::File),
        1 => Just(Spoil::HandledTwice),
        1 => Just(Spoil::HandledMissing),
        1 => Just(Spoil::HandledOther),
        1 => Just(Spoil::LetterMissing),
        1 => Just(Spoil::LetterTwice),
        1 => Just(Spoil::LetterOther),
        1 => Just(Spoil::Note),
    ]
}

impl Shop {
    /// Changes one thing; what it was.
    pub(super) fn spoil(&mut self, how: Spoil, at: Index, other: Index) -> String {
        match how {
            Spoil::Figure => self.spoil_figure(at, other),
            Spoil::Line => self.spoil_line(at, other),
            Spoil::File => {
                let path = at.get(&self.files.keys().cloned().collect::<Vec<_>>()).clone();
                self.files.remove(&path);
                path
            }
            Spoil::HandledTwice => {
                let mut again = at.get(&self.handled).clone();
                again.offset = 1_000;
                self.handled.push(again);
                "a handled order twice".to_owned()
            }
            Spoil::HandledMissing => {
                format!("missing {:?}", self.handled.remove(at.index(self.handled.len())))
            }
            Spoil::HandledOther => {
                let index = at.index(self.handled.len());
                let stored = &mut self.handled[index];
                let mut value: serde_json::Value =
                    serde_json::from_slice(stored.payload.as_deref().unwrap()).unwrap();
                let later = |text: &serde_json::Value| {
                    let time: DateTime<FixedOffset> = text.as_str().unwrap().parse().unwrap();
                    serde_json::json!((time + chrono::Duration::seconds(10)).to_rfc3339())
                };
                match other.index(6) {
                    4 => value["lines"][0]["name"] = serde_json::json!("another"),
                    0 => value["total_ore"] = serde_json::json!(1),
                    1 => value["customer"]["email"] = serde_json::json!("eve@example.com"),
                    2 => value["handled_at"] = later(&value["handled_at"]),
                    3 => value["created_at"] = later(&value["created_at"]),
                    _ => value["order_id"] = serde_json::json!(77_777),
                }
                stored.payload = Some(serde_json::to_vec(&value).unwrap());
                format!("handled {value}")
            }
            Spoil::LetterMissing => {
                format!("missing {:?}", self.letters.remove(at.index(self.letters.len())))
            }
            Spoil::LetterTwice => {
                let again = at.get(&self.letters).clone();
                self.letters.push(again);
                "a letter twice".to_owned()
            }
            Spoil::LetterOther => {
                let index = at.index(self.letters.len());
                let letter = &mut self.letters[index];
                match other.index(6) {
                    0 => letter.payload = Some(b"another".to_vec()),
                    1 => letter.key = Some(b"another".to_vec()),
                    header => letter.headers[header - 2].1 = Vec::new(),
                }
                format!("{letter:?}")
            }
            Spoil::Note => {
                let index = at.index(self.notes.len().max(1));
                let Some(note) = self.notes.get_mut(index) else {
                    return self.spoil(Spoil::Figure, at, other);
                };
                match other.index(3) {
                    0 => note.orders += 1,
                    1 => note.sales_ore += 1,
                    _ => note.revision += 1,
                }
                format!("{note:?}")
            }
        }
    }

    /// A number of what a consumer says, one more. What only the feed shows is left alone.
    #[allow(
        clippy::match_wildcard_for_single_variants,
        reason = "a view that comes later need not be recounted"
    )]
    fn spoil_figure(&mut self, at: Index, other: Index) -> String {
        let index = at.index(self.claims.len());
        let claim = &mut self.claims[index];
        let more = |value: &mut u64| *value += 1;
        match &mut claim.state.figures {
            PartFigures::OrdersToday(orders_today::Figures { days, slots }) => {
                match slots.iter_mut().next() {
                    Some((_, count)) if other.index(2) == 0 => more(count),
                    _ => more(days.entry(zone().date(NOW)).or_default()),
                }
            }
            PartFigures::Sales(sales::Figures { days, slots, last_hour_ore }) => {
                match (other.index(3), slots.iter_mut().next()) {
                    (0, Some((_, ore))) => *ore += 1,
                    (1, _) => *days.entry(zone().date(NOW)).or_default() += 1,
                    _ => *last_hour_ore += 1,
                }
            }
            PartFigures::DailyReport(daily_report::Figures { today, .. }) => {
                match (other.index(3), today.products.values_mut().next()) {
                    (0, _) => today.orders += 1,
                    (1, Some(product)) => product.sales_ore += 1,
                    _ => today.sales_ore += 1,
                }
            }
            PartFigures::Stock(stock::Figures { lines }) => match lines.first_mut() {
                Some(line) if other.index(2) == 0 => line.sold += 1,
                Some(line) => line.delivered += 1,
                None => claim.state.position.next += 1,
            },
            PartFigures::Handling(resume) => match other.index(4) {
                0 => resume.figures.accepted += 1,
                1 => resume.figures.handled += 1,
                2 => resume.figures.dead_letters += 1,
                _ => resume.figures.duplicates += 1,
            },
            PartFigures::Mail(mail::Figures { mails, .. }) => more(mails),
            PartFigures::HandledWindows(windows) => match other.index(4) {
                0 => more(&mut windows.total),
                3 => windows.waits.add(70, 1),
                1 => more(&mut windows.last_30_min),
                _ => more(&mut windows.intervals[3]),
            },
            // The journal, and what is not recounted.
            _ => {
                claim.state.position.ids = Rule::Seen { days: Some(7) };
            }
        }
        if matches!(&claim.state.figures, PartFigures::Stock(stock) if stock.lines.is_empty()) {
            // A partition without records: nothing of it can be one more but its position.
            claim.state.position.last =
                Some(crate::consumer::position::Fingerprint { offset: 99, timestamp: 0, hash: 0 });
        }
        format!("{claim:?}")
    }

    /// A line of a file is lost, doubled, or another.
    fn spoil_line(&mut self, at: Index, other: Index) -> String {
        let path = at.get(&self.files.keys().cloned().collect::<Vec<_>>()).clone();
        let text = self.files.get_mut(&path).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        // The lines that tell something: of a mail its facts, of a report its figures.
        let facts = [
            "X-Order-Id",
            "To:",
            "Date",
            "Subject",
            "Order:",
            "Ordered",
            "Lagd",
            "Shipped",
            "Skickad",
            "Total",
            "Summa",
            "  ",
            "<tr>",
            "--",
        ];
        let telling: Vec<usize> = (0..lines.len())
            .filter(|index| {
                let line = &lines[*index];
                let is_fact =
                    facts.iter().any(|fact| line.starts_with(fact)) && !line.contains("undisclosed");
                let is_address = line.starts_with("To:") && !line.contains("example");
                let figure = ["Daily", "Orders", "Sales", "Mean", "Dags", "Order ", "Förs", "Medel"]
                    .iter()
                    .any(|label| line.starts_with(label));
                let is_row = line.trim_start().starts_with(|first: char| first.is_ascii_digit())
                    || line.ends_with(" kr");
                match path.split('/').next().unwrap() {
                    "mail" => is_fact && !is_address,
                    "reports" if path.ends_with("txt") => figure || is_row,
                    _ => true,
                }
            })
            .collect();
        let Some(line) = (!telling.is_empty()).then(|| *other.get(&telling)) else {
            return self.spoil(Spoil::File, at, other);
        };
        let was = lines[line].clone();
        // Of a recipient the address counts, not how the name before it is written.
        let from = was.find('<').filter(|_| was.starts_with("To:")).unwrap_or(0);
        let digit = was[from..].rfind(|one: char| one.is_ascii_digit()).map(|digit| from + digit);
        match (other.index(3), digit) {
            (0, Some(digit)) => {
                let other = if &was[digit..=digit] == "7" { "8" } else { "7" };
                lines[line].replace_range(digit..=digit, other);
            }
            (1, _)
                if !path.starts_with("mail")
                    && !was.starts_with(['D', 'O', 'S', 'M', 'F'])
                    && !path.ends_with("json") =>
            {
                lines.insert(line, was.clone());
            }
            _ => drop(lines.remove(line)),
        }
        *text = lines.into_iter().fold(String::new(), |text, line| text + &line + "\n");
        format!("{path}: {was:?}")
    }
}
