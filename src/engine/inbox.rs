//! The queue between the reader of the logs and one consumer: bounded, and never waited for by a consumer's neighbours.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::consumer::{Batch, Part};

/// Bytes of keys and values that may wait for a consumer; a batch is taken whatever its size where none waits.
const BYTES: usize = 4 << 20;

/// What a consumer is handed.
#[derive(Debug, Clone)]
pub(super) enum Delivery {
    /// Records of a partition.
    Batch(Arc<Batch>),
    /// The subscription with this number has ended: the reader is too far ahead, or is gone.
    Ended(Part, u64),
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Delivery>,
    bytes: usize,
    /// When the consumer took something last.
    taken: Instant,
}

/// A consumer's queue.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    filled: Notify,
    room: Notify,
}

impl Inbox {
    /// An empty one.
    pub(super) fn new() -> Self {
        let state = State { queue: VecDeque::new(), bytes: 0, taken: Instant::now() };
        Self { state: Mutex::new(state), filled: Notify::new(), room: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a batch in. Waits for room for as long as the consumer takes something now and then; `false` where it has
    /// taken nothing for `patience` and there is no room.
    pub(super) async fn push(&self, batch: &Arc<Batch>, patience: Duration) -> bool {
        loop {
            let left = {
                let mut state = self.lock();
                if state.bytes == 0 || state.bytes + batch.bytes <= BYTES {
                    state.bytes += batch.bytes;
                    state.queue.push_back(Delivery::Batch(Arc::clone(batch)));
                    break;
                }
                patience.saturating_sub(state.taken.elapsed())
            };
            if left.is_zero() {
                return false;
            }
            // One that has no time left is asked once more.
            let _ = tokio::time::timeout(left, self.room.notified()).await;
        }
        self.filled.notify_one();
        true
    }

    /// Says that a subscription has ended.
    pub(super) fn end(&self, part: Part, number: u64) {
        self.lock().queue.push_back(Delivery::Ended(part, number));
        self.filled.notify_one();
    }

    /// What is next, where something is there.
    pub(super) fn try_take(&self) -> Option<Delivery> {
        let mut state = self.lock();
        state.taken = Instant::now();
        let next = state.queue.pop_front()?;
        if let Delivery::Batch(batch) = &next {
            state.bytes -= batch.bytes;
        }
        drop(state);
        self.room.notify_one();
        Some(next)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().queue.is_empty()
    }

    /// Waits until something may be there.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }
}
