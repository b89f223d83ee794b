//! A memory budget that all connections share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The granularity of shares.
const UNIT: usize = 4 << 10;

/// A budget in bytes, taken up by the shares that are held.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    units: usize,
    free: Arc<Semaphore>,
}

/// A share of a budget; returned when dropped.
pub(crate) type Share = OwnedSemaphorePermit;

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let units = bytes / UNIT;
        Self { units, free: Arc::new(Semaphore::new(units)) }
    }

    /// The free bytes.
    pub(crate) fn left(&self) -> usize {
        self.free.available_permits() * UNIT
    }

    /// Waits for a share of this size, at most the whole budget.
    pub(crate) async fn share(&self, bytes: usize) -> Option<Share> {
        let units = bytes.div_ceil(UNIT).min(self.units);
        Arc::clone(&self.free).acquire_many_owned(u32::try_from(units).unwrap_or(u32::MAX)).await.ok()
    }
}
