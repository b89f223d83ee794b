//! Memory that all connections share: what one holds, the others do not have.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Room is given out in pieces of this size.
const UNIT: usize = 4 << 10;

/// So much memory, for so long as shares of it are held.
#[derive(Debug)]
pub(crate) struct Budget {
    units: usize,
    free: Semaphore,
}

/// A part of a budget; given back when dropped.
pub(crate) type Share = SemaphorePermit<'static>;

impl Budget {
    /// A budget of so many bytes.
    pub(crate) const fn new(bytes: usize) -> Self {
        let units = bytes / UNIT;
        Self { units, free: Semaphore::const_new(units) }
    }

    /// Bytes that nobody has.
    pub(crate) fn left(&self) -> usize {
        self.free.available_permits() * UNIT
    }

    /// Waits for a share of so many bytes; for what is more than there is, all of it.
    pub(crate) async fn share(&'static self, bytes: usize) -> Option<Share> {
        let units = bytes.div_ceil(UNIT).min(self.units);
        self.free.acquire_many(u32::try_from(units).unwrap_or(u32::MAX)).await.ok()
    }
}
