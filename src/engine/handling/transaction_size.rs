//! How much goes into one transaction.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Orders in one transaction, about.
const MOST: usize = 50_000;
const LEAST: usize = 100;

/// How many orders go into one transaction; kept across failed runs. A transaction that is too large for its time-out
/// would fail on every retry: so each failure halves the next one, down to `LEAST`, and each success may double it
/// again.
#[derive(Debug, Clone)]
pub struct TransactionSize(Arc<AtomicUsize>);

impl Default for TransactionSize {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(MOST)))
    }
}

impl TransactionSize {
    /// Orders in the next transaction, about.
    pub(super) fn orders(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes the outcome of a transaction.
    pub(super) fn learn(&self, succeeded: bool) {
        let now = self.orders();
        let next = if succeeded { (now * 2).min(MOST) } else { (now / 2).max(LEAST) };
        self.0.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a link carries in the time of a transaction, from the least on, all that waits gets through.
        #[test]
        fn what_waits_gets_through_however_little_a_transaction_can_hold(
            carries in LEAST..2 * MOST, waiting in 0..1_000_000_usize,
        ) {
            let (size, mut left, mut tries) = (TransactionSize::default(), waiting, 0);
            while left > 0 {
                let orders = size.orders().min(left);
                size.clone().learn(orders <= carries);
                left -= if orders <= carries { orders } else { 0 };
                tries += 1;
                // One failure at most for each success, once it has come down.
                prop_assert!(tries <= 10 + 4 * waiting.div_ceil(carries.min(MOST)), "{tries}");
            }
        }
    }
}
