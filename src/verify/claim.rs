//! A consumer's claim about a partition, and the audit's own count to compare it with.

use chrono::NaiveDate;

use super::{
    difference::Differences,
    expected_figures::{ExpectedFigures, Whole},
    named_figures::said,
};
use crate::{
    consumer::{Part, Rule},
    read_model::PartState,
    shop::{Delivery, Handled, Order, Zone},
    views::Source,
};

/// A view's state of one partition, and its origin.
#[derive(Debug, Clone)]
pub struct Claim {
    /// `shop.state`, or where a checkpoint lies.
    pub by: &'static str,
    /// The view's name.
    pub view: &'static str,
    /// The partition.
    pub part: Part,
    /// Its figures, how far it has read, and the shop second that they are for.
    pub state: PartState,
}

/// The audit's count for a view, up to the position of its claims.
#[derive(Debug)]
pub(super) struct Witness {
    claims: Vec<Claim>,
    /// The offset behind the last record that counts.
    next: i64,
    now: i64,
    today: NaiveDate,
    /// How many orders that count it has read.
    orders: usize,
    /// The highest id of those that one can count up to.
    last_order_id: Option<u64>,
    /// Whether the last record that was read is there.
    seen_last: bool,
    /// Records behind the position.
    pub(super) behind: u64,
    tally: ExpectedFigures,
}

impl Witness {
    pub(super) fn new(claim: Claim, zone: Zone) -> Self {
        let now = claim.state.shop_second;
        Self {
            next: claim.state.position.next,
            now,
            today: zone.date(now),
            orders: 0,
            last_order_id: None,
            seen_last: claim.state.position.last.is_none(),
            behind: 0,
            tally: ExpectedFigures::of(&claim.state.figures),
            claims: vec![claim],
        }
    }

    /// Adds a claim if this count fits it; returns it if it needs a count of its own.
    pub(super) fn join(&mut self, claim: Claim) -> Option<Claim> {
        let same = self.claims.iter().any(|ours| {
            let (ours, theirs) = (&ours.state, &claim.state);
            (ours.position, ours.shop_second) == (theirs.position, theirs.shop_second)
                && std::mem::discriminant(&ours.figures) == std::mem::discriminant(&theirs.figures)
        });
        if same {
            self.claims.push(claim);
            return None;
        }
        Some(claim)
    }

    /// Whether the view has read the record at an offset.
    fn has_read(&mut self, offset: i64) -> bool {
        let read = offset < self.next;
        self.behind += u64::from(!read);
        let last = self.claims.first().and_then(|claim| claim.state.position.last);
        self.seen_last |= last.is_some_and(|last| last.offset == offset);
        read
    }

    /// A valid order with a new id.
    pub(super) fn order(&mut self, offset: i64, order: &Order, date: NaiveDate) {
        if !self.has_read(offset) {
            return;
        }
        self.orders += 1;
        if order.order_id < 1 << 53 {
            self.last_order_id = self.last_order_id.max(Some(order.order_id));
        }
        self.tally.order(order, date, self.now, self.today);
    }

    /// A record of orders without effect: a duplicate, or no order at all.
    pub(super) fn other(&mut self, offset: i64, is_duplicate: bool) {
        if self.has_read(offset)
            && let ExpectedFigures::Handling { duplicates, dead_letters, .. } = &mut self.tally
        {
            *(if is_duplicate { duplicates } else { dead_letters }) += 1;
        }
    }

    pub(super) fn delivery(&mut self, offset: i64, delivery: Option<&Delivery>) {
        if self.has_read(offset)
            && let (ExpectedFigures::Stock(sums), Some(delivery)) = (&mut self.tally, delivery)
        {
            sums.deliver(delivery);
        }
    }

    pub(super) fn handled(&mut self, offset: i64, handled: Option<&Handled>) {
        if !self.has_read(offset) {
            return;
        }
        if let Some(handled) = handled {
            self.tally.handled(handled, self.now);
        }
    }

    /// Notes that the order with an index is in the topic of handled orders.
    pub(super) fn was_handled(&mut self, index: usize, second: i64) {
        if let ExpectedFigures::Handling { handled, sent_until, .. } = &mut self.tally
            && index < self.orders
            && second <= *sent_until
        {
            *handled += 1;
        }
    }

    /// Compares each claim with the count; orders are duplicates by the rule `ids`.
    pub(super) fn compare(&self, ids: Rule, found: &mut Differences) {
        let expected = self.tally.facts();
        for claim in &self.claims {
            let Claim { by, view, part, state } = claim;
            let about = |what: &str| format!("{by}, {view} of {part}, {what}");
            if !self.seen_last {
                let offset = state.position.last.map_or(0, |last| last.offset);
                found.add(
                    "figures",
                    about("its last record"),
                    format!("a record at offset {offset}"),
                    "none",
                );
                continue;
            }
            if part.source == Source::Orders && state.position.next > 0 {
                let id = |id: Option<u64>| id.map_or("none".to_owned(), |id| id.to_string());
                let (ours, theirs) = (id(self.last_order_id), id(state.position.last_order_id));
                found.compare("figures", about("the highest order id"), &ours, &theirs);
                found.compare("figures", about("its rule on duplicates, --ids"), &ids, &state.position.ids);
            }
            let said = said(&state.figures);
            for (what, value) in &expected {
                found.compare("figures", about(what), value, said.get(what).unwrap_or(&"nothing".to_owned()));
            }
            for (what, value) in said.iter().filter(|(what, _)| !expected.contains_key(*what)) {
                found.add("figures", about(what), "nothing", value);
            }
        }
    }

    /// What this partition should add to the figures of the whole shop at a date.
    pub(super) fn add_to(&self, whole: &mut Whole, today: NaiveDate) {
        self.tally.add_to(whole, today);
    }

    /// The first claim, of which there is always one.
    pub(super) fn claim(&self) -> Option<&Claim> {
        self.claims.first()
    }
}
