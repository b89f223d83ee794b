//! Alarms: impossible balances, and sums that do not add up.

use std::time::{Duration, Instant};

use crate::{
    messages::Sentence,
    shop::{
        Pulse,
        pulse::{OnShelf, RunState},
    },
    views::shop_figures::{ShopFigures, StockLine},
};

/// While orders flow, one consumer is always a moment behind another: sums are compared when all logs are worked off
/// and nothing has moved for so long.
const STILL: Duration = Duration::from_secs(5);

/// Sales and deliveries of a product are read one after the other: a balance below zero is an alarm only if it lasts
/// this long while `stock` has no lag (by end offsets that are a second old).
const BELOW: Duration = Duration::from_secs(3);

/// A simulator without a pulse for this long has died.
const SILENCE: Duration = Duration::from_secs(3);

/// Detects inconsistencies.
#[derive(Debug)]
pub(super) struct Alarms {
    /// Since when produced, handled and mailed orders have been these.
    still: (Instant, [u64; 3]),
    /// Since when this balance is below zero, with all read.
    below: Option<(Instant, Sentence)>,
    /// Since when the simulator's shelf has been this one.
    shelf: (Instant, Vec<OnShelf>),
    /// When the last pulse was heard, and which it was, by the clock of its sender.
    heard: (Instant, i64),
}

impl Alarms {
    /// Nothing was seen yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { still: (now, [0; 3]), below: None, shelf: (now, Vec::new()), heard: (now, 0) }
    }

    /// What is wrong with these figures, beside the simulator's last pulse.
    pub(super) fn of(&mut self, figures: &ShopFigures, pulse: Option<&Pulse>, now: Instant) -> Vec<Sentence> {
        let is_read = figures.lag.get("stock") == Some(&0);
        self.below = below_zero(figures).filter(|_| is_read).map(|below| match self.below.take() {
            Some((since, before)) if before == below => (since, before),
            _ => (now, below),
        });
        let lasting = self.below.as_ref().filter(|(since, _)| now.saturating_duration_since(*since) >= BELOW);
        let mut alarms: Vec<Sentence> = lasting.map(|(_, below)| below.clone()).into_iter().collect();
        let (produced, handled, mails) = (figures.produced, figures.handled.total, figures.mails);
        let sums = [produced, handled, mails];
        if self.still.1 != sums {
            self.still = (now, sums);
        }
        let shelf = self.hear(pulse, now);
        let moving = now.saturating_duration_since(self.still.0) < STILL;
        if moving || figures.lag.values().any(|lag| *lag > 0) {
            return alarms;
        }
        if now.saturating_duration_since(self.shelf.0) >= STILL {
            alarms.extend(difference(figures, shelf));
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

impl Alarms {
    /// The shelf in the pulse; empty if the simulator died, as its last sales may be missing.
    fn hear<'a>(&mut self, pulse: Option<&'a Pulse>, now: Instant) -> &'a [OnShelf] {
        let shelf: &[OnShelf] = pulse.map_or(&[], |pulse| &pulse.shelf);
        if self.shelf.1 != shelf {
            self.shelf = (now, shelf.to_vec());
        }
        let sent = pulse.map_or(0, |pulse| pulse.wall_time.timestamp_millis());
        if self.heard.1 != sent {
            self.heard = (now, sent);
        }
        let lives = now.saturating_duration_since(self.heard.0) < SILENCE
            || pulse.is_some_and(|pulse| pulse.state == RunState::Stopped);
        if lives { shelf } else { &[] }
    }
}

/// Where more was sold than ever delivered.
pub fn below_zero(figures: &ShopFigures) -> Option<Sentence> {
    let mut below = figures.stock.iter().filter(|line| line.balance() < 0);
    let first = below.next()?;
    let product = if first.name.is_empty() { first.product_id.to_string() } else { first.name.clone() };
    Some(Sentence::BalanceBelowZero { product, others: below.count() })
}

/// Where what the simulator has is not the balance.
fn difference(figures: &ShopFigures, shelf: &[OnShelf]) -> Option<Sentence> {
    let of = |id| {
        figures.stock.binary_search_by_key(&id, |line| line.product_id).ok().map(|at| &figures.stock[at])
    };
    let mut others = shelf.iter().filter_map(|on_shelf| {
        let line = of(on_shelf.product_id);
        let balance = line.map_or(0, StockLine::balance);
        (balance != on_shelf.pieces).then(|| {
            let name = line.map(|line| line.name.clone()).filter(|name| !name.is_empty());
            (name.unwrap_or_else(|| on_shelf.product_id.to_string()), on_shelf.pieces, balance)
        })
    });
    let (product, shelf, balance) = others.next()?;
    Some(Sentence::ShelfDiffers { product, shelf, balance, others: others.count() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::Zone;
    use crate::views::shop_figures::{HandledFigures, StockLine};

    #[test]
    fn a_balance_below_zero_is_told_when_stock_has_read_all_and_a_wrong_sum_when_all_is_still_and_read() {
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
        figures.lag.insert("stock".to_owned(), 1);
        assert_eq!(alarms.of(&figures, None, start), [], "its deliveries are not read yet");
        let read = start + Duration::from_secs(1);
        figures.lag.insert("stock".to_owned(), 0);
        assert_eq!(alarms.of(&figures, None, read), [], "it may be a moment's");
        assert_eq!(alarms.of(&figures, None, read + BELOW), std::slice::from_ref(&below));
        let later = start + STILL;
        let orders = Sentence::OrdersDiffer { produced: 10, pending: 4, handled: 5 };
        let mails = Sentence::MailsDiffer { handled: 5, mails: 4 };
        assert_eq!(alarms.of(&figures, None, later), [below.clone(), orders, mails]);
        figures.lag.insert("mail".to_owned(), 1);
        assert_eq!(alarms.of(&figures, None, later), std::slice::from_ref(&below));
        figures.lag.remove("mail");
        (figures.pending, figures.mails) = (5, 5);
        assert_eq!(alarms.of(&figures, None, later + STILL * 2), [below]);
    }

    #[test]
    fn a_shelf_that_is_not_the_balance_is_told_when_all_is_still_and_read() {
        let start = Instant::now();
        let mut alarms = Alarms::new(start);
        let line = |product_id, delivered| StockLine { product_id, delivered, ..StockLine::default() };
        let mut figures = ShopFigures { stock: vec![line(3, 7), line(5, 9)], ..ShopFigures::default() };
        // The simulator pulses each second.
        let pulse = |three, five, second| {
            let on_shelf = |(product_id, pieces)| OnShelf { product_id, pieces };
            let time = Zone::default().stamp(second * 1000);
            Pulse {
                shelf: [(3, three), (4, 0), (5, five)].map(on_shelf).to_vec(),
                ..Pulse::sample(time, 1.0)
            }
        };
        let mut at = |figures: &ShopFigures, three, five, second: u32| {
            let now = start + Duration::from_secs(1) * second;
            alarms.of(figures, Some(&pulse(three, five, i64::from(second))), now)
        };
        let wrong = Sentence::ShelfDiffers { product: "3".to_owned(), shelf: 6, balance: 7, others: 1 };
        assert_eq!(at(&figures, 6, 8, 0), []);
        assert_eq!(at(&figures, 6, 8, 5), std::slice::from_ref(&wrong));
        figures.lag.insert("stock".to_owned(), 1);
        assert_eq!(at(&figures, 6, 8, 6), [], "it is not read yet");
        figures.lag.clear();
        assert_eq!(at(&figures, 7, 9, 7), []);
        assert_eq!(at(&figures, 7, 9, 20), []);
        assert_eq!(at(&figures, 6, 8, 21), []);
        assert_eq!(at(&figures, 6, 8, 26), std::slice::from_ref(&wrong));
        let (last, later) = (pulse(6, 8, 26), start + Duration::from_secs(40));
        assert_eq!(alarms.of(&figures, Some(&last), later), [], "it died, maybe after another sale");
        let farewell = Pulse { state: RunState::Stopped, ..last };
        assert_eq!(alarms.of(&figures, Some(&farewell), later), [wrong]);
    }
}
