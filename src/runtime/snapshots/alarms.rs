//! Balances that cannot be, and sums that do not add up.

use std::time::{Duration, Instant};

use crate::{messages::Sentence, views::figures::ShopFigures};

/// While orders flow, one consumer is always a moment behind another: sums are compared when all logs are worked off
/// and nothing has moved for so long.
const STILL: Duration = Duration::from_secs(5);

/// Looks for what cannot be.
#[derive(Debug)]
pub(super) struct Alarms {
    /// Since when produced, handled and mailed orders have been these.
    still: (Instant, [u64; 3]),
}

impl Alarms {
    /// Nothing was seen yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { still: (now, [0; 3]) }
    }

    /// What is wrong with these figures.
    pub(super) fn of(&mut self, figures: &ShopFigures, now: Instant) -> Vec<Sentence> {
        let mut alarms = Vec::new();
        let mut below = figures.stock.iter().filter(|line| line.balance() < 0);
        if let Some(first) = below.next() {
            let product =
                if first.name.is_empty() { first.product_id.to_string() } else { first.name.clone() };
            alarms.push(Sentence::BalanceBelowZero { product, others: below.count() });
        }
        let (produced, handled, mails) = (figures.produced, figures.handled.total, figures.mails);
        let sums = [produced, handled, mails];
        if self.still.1 != sums {
            self.still = (now, sums);
        }
        let moving = now.saturating_duration_since(self.still.0) < STILL;
        if moving || figures.lag.values().any(|lag| *lag > 0) {
            return alarms;
        }
        let pending = figures.pending;
        if pending.checked_add(handled) != Some(produced) {
            alarms.push(Sentence::OrdersDiffer { produced, pending, handled });
        }
        if mails != handled {
            alarms.push(Sentence::MailsDiffer { handled, mails });
        }
        alarms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::figures::{HandledFigures, StockLine};

    #[test]
    fn a_balance_below_zero_is_told_at_once_and_a_wrong_sum_when_all_is_still_and_read() {
        let start = Instant::now();
        let mut alarms = Alarms::new(start);
        let line = |product_id, sold| StockLine { product_id, sold, ..StockLine::default() };
        let mut figures = ShopFigures {
            stock: vec![line(7, 3), line(8, 1), line(9, 0)],
            produced: 10,
            pending: 4,
            handled: HandledFigures { total: 5, ..HandledFigures::default() },
            mails: 4,
            ..ShopFigures::default()
        };
        let below = Sentence::BalanceBelowZero { product: "7".to_owned(), others: 1 };
        assert_eq!(alarms.of(&figures, start), std::slice::from_ref(&below));
        let later = start + STILL;
        let orders = Sentence::OrdersDiffer { produced: 10, pending: 4, handled: 5 };
        let mails = Sentence::MailsDiffer { handled: 5, mails: 4 };
        assert_eq!(alarms.of(&figures, later), [below.clone(), orders, mails]);
        figures.lag.insert("mail".to_owned(), 1);
        assert_eq!(alarms.of(&figures, later), std::slice::from_ref(&below));
        figures.lag.clear();
        (figures.pending, figures.mails) = (5, 5);
        assert_eq!(alarms.of(&figures, later + STILL * 2), [below]);
    }
}
