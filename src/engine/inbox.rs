//! The bounded queue from the log reader to one consumer; a full one does not hold up other consumers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::consumer::{Batch, Part};

/// Bytes of keys and values in the queue; an empty queue takes a batch of any size.
const BYTES: usize = 4 << 20;

/// What a consumer is handed.
#[derive(Debug, Clone)]
pub(super) enum Delivery {
    /// Records of a partition.
    Batch(Arc<Batch>),
    /// The subscription with this number has ended: the reader is too far ahead, or has stopped.
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

    /// Queues a batch. Waits for room while the consumer makes progress; `false` if there is no room and it has taken
    /// nothing for `patience`.
    pub(super) async fn push(&self, batch: &Arc<Batch>, patience: Duration) -> bool {
        loop {
            let left = {
                let mut state = self.lock();
                if state.bytes == 0 || state.bytes + batch.bytes() <= BYTES {
                    state.bytes += batch.bytes();
                    state.queue.push_back(Delivery::Batch(Arc::clone(batch)));
                    break;
                }
                patience.saturating_sub(state.taken.elapsed())
            };
            if left.is_zero() {
                return false;
            }
            // After the time-out the room is checked once more.
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
            state.bytes -= batch.bytes();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{consumer::Record, views::Source};

    const PART: Part = Part { source: Source::Orders, partition: 0 };
    const SHORT: Duration = Duration::from_millis(30);

    fn batch(from: i64, bytes: usize) -> Arc<Batch> {
        let mut batch = Batch::new(PART, from, from);
        let payload = vec![0; bytes];
        batch.push(&Record { part: PART, offset: from, timestamp: 0, key: None, payload: Some(&payload) });
        Arc::new(batch)
    }

    fn taken(inbox: &Inbox) -> Option<i64> {
        match inbox.try_take()? {
            Delivery::Batch(batch) => Some(batch.from),
            Delivery::Ended(..) => None,
        }
    }

    #[tokio::test]
    async fn what_is_pushed_comes_out_in_order_and_a_large_batch_where_none_waits() {
        let inbox = Inbox::new();
        assert!(inbox.push(&batch(0, BYTES + 1), SHORT).await);
        assert!(!inbox.push(&batch(1, 1), SHORT).await, "there is no room");
        assert_eq!(taken(&inbox), Some(0));
        assert!(inbox.push(&batch(1, BYTES), SHORT).await && inbox.push(&batch(2, 0), SHORT).await);
        inbox.end(PART, 7);
        assert_eq!((taken(&inbox), taken(&inbox)), (Some(1), Some(2)));
        assert!(matches!(inbox.try_take(), Some(Delivery::Ended(PART, 7))));
        assert!(inbox.is_empty());
    }

    #[tokio::test]
    async fn whoever_takes_now_and_then_is_waited_for_and_whoever_takes_nothing_is_not() {
        let inbox = Arc::new(Inbox::new());
        assert!(
            inbox.push(&batch(0, BYTES / 2), SHORT).await && inbox.push(&batch(1, BYTES / 2), SHORT).await
        );
        let (pushed, taker) = (Arc::clone(&inbox), Arc::clone(&inbox));
        let pushing =
            tokio::spawn(async move { pushed.push(&batch(2, BYTES), Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        assert_eq!((taken(&taker), taken(&taker)), (Some(0), Some(1)));
        assert!(pushing.await.unwrap());
        assert_eq!(taken(&inbox), Some(2));
        assert!(inbox.push(&batch(3, BYTES), SHORT).await);
        assert!(!inbox.push(&batch(4, 1), SHORT).await);
    }
}
