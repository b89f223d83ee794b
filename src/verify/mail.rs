//! The mails: the content expected from the log, and the content of the messages in a file.

use std::io::{self, BufRead};

use chrono::{DateTime, Datelike, NaiveDate};

use unicode_width::UnicodeWidthChar;

use super::{
    rows_by_day::{Rows, digest},
    sales_sums::fitting,
};
use crate::{
    shop::{Handled, Line, Zone, number_format::kronor},
    sinks::sanitize::is_format,
};

/// The last line of a mail without an HTML part, as earlier versions wrote them.
const END: &str = "The Shop";
/// In a text line of goods: between quantity and name.
const TIMES: &str = " × ";
/// Terminal columns of the longest name of goods.
const COLUMNS: usize = 48;

/// The facts in one part of a mail, text or HTML, in any wording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Form {
    /// The first line that tells it: order, when it was placed and shipped, the sum.
    order: Option<String>,
    ordered: Option<String>,
    shipped: Option<String>,
    total: Option<String>,
    /// Quantity, name and sum of each of the goods.
    goods: Vec<[String; 3]>,
}

impl Form {
    /// What the log says.
    fn of(handled: &Handled, zone: Zone) -> Self {
        let moment = |second| Some(zone.at(second).format("%Y-%m-%d %H:%M:%S").to_string());
        let goods = |line: &Line| {
            let sum = i128::from(line.quantity) * i128::from(line.unit_price_ore);
            [line.quantity.to_string(), shown(&line.name), kronor(fitting(sum))]
        };
        Self {
            order: Some(handled.order_id.to_string()),
            ordered: moment(handled.created_at.timestamp()),
            shipped: moment(handled.second()),
            total: Some(kronor(handled.total_ore)),
            goods: handled.lines.iter().map(goods).collect(),
        }
    }

    fn line(&mut self, line: &str) {
        if line.starts_with('<') {
            let cells = cells(line);
            match cells.as_slice() {
                [label, value] => self.fact(label, value),
                [quantity, name, sum] => {
                    self.goods.push([quantity, name, sum].map(|cell| unescaped(cell)));
                }
                _ => {}
            }
        } else if let Some((quantity, rest)) = line.strip_prefix("  ").and_then(|line| line.split_once(TIMES))
        {
            let (name, sum) = rest.rsplit_once("  ").unwrap_or((rest, ""));
            self.goods.push([quantity, name.trim_end(), sum].map(str::to_owned));
        } else if let Some((label, value)) = line.split_once(':') {
            self.fact(label, value.trim_start());
        }
    }

    fn fact(&mut self, label: &str, value: &str) {
        let fact = match label {
            "Order" => &mut self.order,
            "Ordered" | "Lagd" => &mut self.ordered,
            "Shipped" | "Skickad" => &mut self.shipped,
            "Total" | "Summa" => &mut self.total,
            _ => return,
        };
        fact.get_or_insert_with(|| value.to_owned());
    }
}

/// The facts in a mail: headers and parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    /// `X-Order-Id`.
    order_ids: Vec<String>,
    to: Vec<String>,
    /// `Date`, Unix seconds.
    sent: Vec<Option<i64>>,
    /// The order's number, where the subject is one of ours.
    subject: Vec<String>,
    /// The delimiter line of a multipart body.
    boundary: Option<String>,
    /// The body, or its parts so far.
    forms: Vec<Form>,
    /// Whether the closing delimiter was read.
    ended: bool,
}

impl Told {
    fn digest(&self) -> u64 {
        let to = self.to.first().map_or("", |to| recipient(to));
        let sent = self.sent.first().copied().flatten().unwrap_or(i64::MIN);
        let mut parts = vec![to.as_bytes(), self.subject.first().map_or(b"", String::as_bytes)];
        let sent = sent.to_be_bytes();
        parts.push(&sent);
        // Text and HTML must hold the same facts.
        let mut forms: Vec<&Form> = self.forms.iter().collect();
        forms.dedup();
        for form in forms {
            for fact in [&form.order, &form.ordered, &form.shipped, &form.total] {
                parts.push(fact.as_ref().map_or(b"-", String::as_bytes));
            }
            parts.extend(form.goods.iter().flatten().map(String::as_bytes));
        }
        digest(&parts)
    }

    /// What the log says.
    fn of(handled: &Handled, zone: Zone) -> Self {
        let local = zone.at(handled.second());
        // RFC 5322 knows no years but these.
        let sent = if (1900..=9999).contains(&local.year()) { handled.second() } else { 0 };
        Self {
            order_ids: vec![handled.order_id.to_string()],
            to: vec![handled.customer.email.to_string()],
            sent: vec![Some(sent)],
            subject: vec![handled.order_id.to_string()],
            forms: vec![Form::of(handled, zone)],
            ..Self::default()
        }
    }

    fn header(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "x-order-id" => self.order_ids.push(value.to_owned()),
            "to" => {
                let inside = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
                self.to.push(inside.map_or(value, |(address, _)| address).to_owned());
            }
            "date" => self.sent.push(DateTime::parse_from_rfc2822(value).ok().map(|time| time.timestamp())),
            "subject" => {
                let between = |before, behind| value.strip_prefix(before)?.strip_suffix(behind);
                let ours = between("Your order ", " has shipped").or(between("Din order ", " har skickats"));
                self.subject.push(ours.unwrap_or(value).to_owned());
            }
            "content-type" => {
                let parts = value.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"'));
                self.boundary = parts.map(|(boundary, _)| format!("--{boundary}"));
            }
            _ => {}
        }
    }

    fn body(&mut self, line: &str) {
        if let Some(rest) = self.boundary.as_ref().and_then(|boundary| line.strip_prefix(boundary.as_str())) {
            match rest {
                "" => self.forms.push(Form::default()),
                _ => self.ended = true,
            }
        } else if let Some(form) = self.forms.last_mut() {
            form.line(line);
        }
    }

    /// Whether the message is complete; `last` is its last line that is not empty.
    fn is_whole(&self, last: &str) -> bool {
        match self.boundary {
            Some(_) => self.forms.len() == 2 && self.ended,
            None => last == END,
        }
    }

    /// Whether each header is there once.
    fn is_one_mail(&self) -> bool {
        [self.order_ids.len(), self.to.len(), self.sent.len(), self.subject.len()] == [1; 4]
    }
}

/// The texts of a line's cells.
fn cells(line: &str) -> Vec<&str> {
    let tags = line.split('<').filter_map(|tag| tag.split_once('>'));
    tags.filter(|(tag, _)| tag.starts_with("td") || tag.starts_with("th")).map(|(_, text)| text).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A name as it is displayed: format characters removed, whitespace runs collapsed to a space, cut to [`COLUMNS`].
fn shown(name: &str) -> String {
    let gap = |one: char| one.is_control() || one.is_whitespace();
    let seen: String = name
        .chars()
        .filter(|one| !is_format(*one) || gap(*one))
        .map(|one| if gap(one) { ' ' } else { one })
        .collect();
    let text = seen.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    // A mark that stacks on the letter before it takes a column too.
    let columns = |text: &str| -> usize { text.chars().map(|one| one.width().unwrap_or(1).max(1)).sum() };
    if columns(&text) <= COLUMNS {
        return text;
    }
    let ends = text.char_indices().map(|(end, _)| end).rev();
    let begin = ends.filter_map(|end| text.get(..end)).find(|begin| columns(begin) < COLUMNS);
    format!("{}…", begin.unwrap_or_default().trim_end())
}

/// An address that every mail program takes, or nothing: what becomes of a stranger one is left open.
fn recipient(address: &str) -> &str {
    let address = address.trim();
    let atom = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let label = |text: &str| atom(text, b"-") && !text.starts_with('-') && !text.ends_with('-');
    let plain = address.len() <= 200
        && address.split_once('@').is_some_and(|(local, domain)| {
            let labels: Vec<&str> = domain.split('.').collect();
            local.len() <= 64
                && local.split('.').all(|part| atom(part, b"_+-"))
                && labels.len() > 1
                && labels.iter().all(|text| label(text) && text.len() <= 63)
                && labels.last().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_alphabetic()))
        });
    if plain { address } else { "" }
}

/// Where in a file the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first message.
    Nothing,
    Header,
    Body,
}

impl Rows {
    /// Adds the mail that a handled order leads to.
    pub(super) fn expect_mail(&mut self, date: NaiveDate, handled: &Handled, zone: Zone) {
        self.add(date, handled.order_id, Told::of(handled, zone).digest());
    }

    /// Reads the mbox of a day (mboxrd, RFC 4155).
    pub fn read_mbox(&mut self, date: NaiveDate, mut file: impl BufRead) -> io::Result<()> {
        self.open(date);
        let path = format!("mail/{date}.mbox");
        let mut at = At::Nothing;
        let mut told = Told::default();
        // A header may go over several lines.
        let mut header = String::new();
        let (mut last, mut blank, mut whole) = (String::new(), true, true);
        let mut bytes = Vec::new();
        for number in 1_u64.. {
            bytes.clear();
            if file.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
            let line = String::from_utf8_lossy(&bytes);
            if line.starts_with("From ") {
                if at != At::Nothing {
                    self.close(date, &path, &told, told.is_whole(&last) && blank);
                }
                (at, told) = (At::Header, Told::default());
                header.clear();
                last.clear();
            } else if at == At::Nothing {
                self.broken().add(
                    "mails",
                    format!("{path}, line {number}"),
                    "a message",
                    super::tables::quoted(&line),
                );
            } else if at == At::Header {
                if line.starts_with([' ', '\t']) {
                    header.push_str(&line);
                } else {
                    told.header(&header);
                    header.clear();
                    header.push_str(&line);
                }
                if line.is_empty() {
                    at = At::Body;
                    if told.boundary.is_none() {
                        told.forms.push(Form::default());
                    }
                }
            } else {
                let quoted = line.trim_start_matches('>').starts_with("From ");
                told.body(if quoted { line.get(1..).unwrap_or_default() } else { &line });
                if !line.is_empty() {
                    last.clear();
                    last.push_str(&line);
                }
            }
            blank = line.is_empty();
        }
        if at != At::Nothing {
            self.close(date, &path, &told, told.is_whole(&last) && blank && whole);
        }
        Ok(())
    }

    /// A message has come to its end.
    fn close(&mut self, date: NaiveDate, path: &str, told: &Told, whole: bool) {
        let id = told.order_ids.first().and_then(|id| id.parse().ok());
        match id {
            Some(id) if whole && told.is_one_mail() => self.add(date, id, told.digest()),
            _ => {
                let what = match told.order_ids.first() {
                    Some(id) => format!("{path}, order {id:?}"),
                    None => format!("{path}, a mail"),
                };
                let found = if whole { "headers that are missing or double" } else { "a part of one" };
                self.broken().add("mails", what, "a whole mail with X-Order-Id, To, Date and Subject", found);
            }
        }
    }
}
