//! The summary after the screen is closed.

use std::time::Duration;

use crate::{messages::Lang, shop::number_format::thousands};

/// A finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct ExitSummary {
    /// Its duration, wall time.
    pub lasted: Duration,
    /// The totals before it.
    pub before: Tally,
    /// The totals after it.
    pub after: Tally,
    /// Records left unread.
    pub unread: u64,
    /// The folder of the files.
    pub out: String,
}

/// Totals of a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Orders sold.
    pub orders: u64,
    /// Sales in öre.
    pub sales_ore: i64,
    /// Orders handled.
    pub handled: u64,
    /// Mails written.
    pub mails: u64,
    /// Daily reports.
    pub reports: u64,
    /// Exported files.
    pub files: u64,
}

/// The words of the table, as in [`Tally`], and of its heading.
struct Labels {
    lasted: &'static str,
    this_run: &'static str,
    in_all: &'static str,
    rows: [&'static str; 6],
    lie_in: &'static str,
    /// After the number of records: singular and plural.
    unread: [&'static str; 2],
}

const EN: Labels = Labels {
    lasted: "shop-sim ran for",
    this_run: "this run",
    in_all: "in all",
    rows: ["Orders", "Sales", "Handled", "Mails", "Reports", "Files"],
    lie_in: "in",
    unread: [
        "record is not in these figures yet: the next start goes on with it.",
        "records are not in these figures yet: the next start goes on with them.",
    ],
};

const SV: Labels = Labels {
    lasted: "shop-sim kördes i",
    this_run: "den här gången",
    in_all: "totalt",
    rows: ["Order", "Försäljning", "Hanterade", "Mejl", "Rapporter", "Filer"],
    lie_in: "i",
    unread: [
        "post är inte med i siffrorna än: nästa start fortsätter med den.",
        "poster är inte med i siffrorna än: nästa start fortsätter med dem.",
    ],
};

impl Lang {
    /// The summary of a run, for the terminal.
    pub fn exit_summary(self, run: &ExitSummary) -> String {
        let labels = match self {
            Self::En => EN,
            Self::Sv => SV,
        };
        let seconds = run.lasted.as_secs();
        let mut lines = vec![
            format!("{} {}:{:02}:{:02}.", labels.lasted, seconds / 3600, seconds / 60 % 60, seconds % 60),
            String::new(),
        ];
        let cells: Vec<[String; 2]> = cells(self, run.before, run.after)
            .into_iter()
            .zip(cells_of(self, run.after))
            .map(|(now, all)| [now, all])
            .collect();
        let width = |column: usize, title: &str| {
            let widest =
                cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(title.chars().count())
        };
        let label = labels.rows.iter().map(|label| label.chars().count()).max().unwrap_or(0);
        let (left, right) = (width(0, labels.this_run), width(1, labels.in_all));
        lines.push(format!("  {:label$}   {:>left$}   {:>right$}", "", labels.this_run, labels.in_all));
        for (name, [now, all]) in labels.rows.iter().zip(cells) {
            lines.push(format!("  {name:label$}   {now:>left$}   {all:>right$}"));
        }
        if let Some(files) = lines.last_mut() {
            *files = format!("{files}   {} {}", labels.lie_in, run.out);
        }
        if run.unread > 0 {
            let [one, many] = labels.unread;
            let unread = if run.unread == 1 { one } else { many };
            lines.extend([String::new(), format!("{} {unread}", thousands(run.unread))]);
        }
        lines.join("\n")
    }
}

/// The difference of two tallies. If logs were replaced in between, figures that fell count as 0.
fn cells(lang: Lang, before: Tally, after: Tally) -> [String; 6] {
    let between = Tally {
        orders: after.orders.saturating_sub(before.orders),
        sales_ore: after.sales_ore.saturating_sub(before.sales_ore).max(0),
        handled: after.handled.saturating_sub(before.handled),
        mails: after.mails.saturating_sub(before.mails),
        reports: after.reports.saturating_sub(before.reports),
        files: after.files.saturating_sub(before.files),
    };
    cells_of(lang, between)
}

fn cells_of(lang: Lang, tally: Tally) -> [String; 6] {
    [
        thousands(tally.orders),
        lang.kronor(tally.sales_ore),
        thousands(tally.handled),
        thousands(tally.mails),
        thousands(tally.reports),
        thousands(tally.files),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_summed_up_beside_all_that_was_before() {
        let run = ExitSummary {
            lasted: Duration::from_secs(3_725),
            before: Tally {
                orders: 48_000,
                sales_ore: 2_400_000_000,
                handled: 47_990,
                mails: 47_990,
                reports: 3,
                files: 12,
            },
            after: Tally {
                orders: 51_123,
                sales_ore: 2_556_150_050,
                handled: 51_100,
                mails: 51_100,
                reports: 4,
                files: 16,
            },
            unread: 0,
            out: "out/demo".to_owned(),
        };
        insta::assert_snapshot!(format!(
            "{}\n\n{}",
            Lang::En.exit_summary(&run),
            Lang::Sv.exit_summary(&run)
        ));
        let behind = Lang::En.exit_summary(&ExitSummary { unread: 1_234, ..run.clone() });
        assert!(behind.ends_with(
            "\n\n1\u{a0}234 records are not in these figures yet: the next start goes on with them."
        ));
        for (lang, one) in [(Lang::En, "\n1 record is not in"), (Lang::Sv, "\n1 post är inte med")] {
            assert!(lang.exit_summary(&ExitSummary { unread: 1, ..run.clone() }).contains(one));
        }
    }
}
