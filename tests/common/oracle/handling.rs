//! Checks of handled orders and dead letters. Which orders are drawn depends on the program's hash; everything else is
//! recomputed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Differences, Oracle, Time, record::Order};

/// Below this probability something counts as impossible.
const IMPOSSIBLE: f64 = 1e-12;

impl Oracle {
    pub(super) fn check_handling(&self, found: &mut Differences, now: Time) {
        let orders: BTreeMap<u64, &Order> = self.orders.iter().map(|order| (order.id, order)).collect();
        let once: BTreeSet<u64> = self.handled.iter().map(|handled| handled.order_id).collect();
        found.same_bag(
            "handled orders",
            once.iter().copied(),
            self.handled.iter().map(|handled| handled.order_id),
        );

        let mut wrong = Vec::new();
        for handled in &self.handled {
            let id = handled.order_id;
            let Some(order) = orders.get(&id) else {
                wrong.push(format!("handled order {id} is no valid order"));
                continue;
            };
            if handled.created_at != order.at
                || handled.customer != order.customer
                || handled.total_ore != order.total_ore
            {
                wrong.push(format!("handled order {id} differs from its order: {handled:?}, {order:?}"));
            }
            let waited = (handled.at - order.at).num_milliseconds();
            let every = self.every.num_milliseconds();
            if waited < every || waited % every != 0 {
                wrong.push(format!("order {id} was handled {waited} ms after its sale"));
            }
            // Shop time is a whole second, which covers all of that second.
            if handled.at.timestamp() > now.timestamp() {
                wrong.push(format!("order {id} is handled at {}, after {now}", handled.at));
            }
        }
        found.some(wrong);
        self.check_draws(found, &once, now);
    }

    /// All attempts have the given chance: the share of successes lies within five standard deviations, and no order
    /// has an impossible run of failures.
    fn check_draws(&self, found: &mut Differences, handled: &BTreeSet<u64>, now: Time) {
        let every = self.every.num_milliseconds();
        let attempts = |from: Time, to: Time| ((to - from).num_milliseconds() / every).max(0) as f64;
        // A second that has begun is reached: the attempts in it were made.
        let now = now + chrono::Duration::milliseconds(999);
        let handled_attempts = self.handled.iter().map(|one| attempts(one.created_at, one.at));
        let pending = self.orders.iter().filter(|order| !handled.contains(&order.id));
        let made =
            handled_attempts.sum::<f64>() + pending.clone().map(|one| attempts(one.at, now)).sum::<f64>();
        let hits = self.handled.len() as f64;
        let spread = (made * self.chance * (1.0 - self.chance)).sqrt();
        if (hits - made * self.chance).abs() > 5.0 * spread + 1.0 {
            found.add(format!(
                "of {made} attempts {hits} handled their order, where about {:.0} should have",
                made * self.chance
            ));
        }
        found.some(pending.filter_map(|order| {
            let tried = attempts(order.at, now);
            let luck = (1.0 - self.chance).powf(tried);
            (luck < IMPOSSIBLE).then(|| {
                format!("order {} of {} is still not handled after {tried} attempts", order.id, order.at)
            })
        }));
    }

    /// Each invalid record is in the dead letters once, unchanged, with its reason and origin.
    pub(super) fn check_dead_letters(&self, found: &mut Differences) {
        let place = |partition: i32, offset: i64| (Some(partition.to_string()), Some(offset.to_string()));
        found.same_bag(
            "dead letters (partition, offset)",
            self.invalid.iter().map(|record| place(record.partition, record.offset)),
            self.letters.iter().map(|letter| (letter.partition.clone(), letter.offset.clone())),
        );
        for letter in &self.letters {
            let at = (letter.partition.clone(), letter.offset.clone());
            if letter.error.as_deref().is_none_or(|error| error.trim().is_empty()) {
                found.add(format!("the dead letter of {at:?} says no error"));
            }
            if letter.topic.as_deref().is_none_or(|topic| !topic.ends_with(".orders")) {
                found.add(format!("the dead letter of {at:?} comes from {:?}", letter.topic));
            }
            let Some(came) = self.invalid.iter().find(|one| place(one.partition, one.offset) == at) else {
                continue;
            };
            if letter.record.key != came.key {
                found.add(format!("the dead letter of {at:?} has another key"));
            }
            let (came, kept) = (came.payload.as_deref(), letter.record.payload.as_deref());
            // A missing payload and an empty one differ, and both may occur.
            let cut = letter.record.headers.len() > 4
                && came.is_some_and(|came| came.len() > 500_000 && came.starts_with(kept.unwrap_or(b"?")));
            if came != kept && !cut {
                found.add(format!("the dead letter of {at:?} has another payload"));
            }
        }
    }
}
