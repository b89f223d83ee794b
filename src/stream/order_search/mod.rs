//! Finds one order in the logs without reading all of them.
//!
//! Order ids go up within a partition, so a binary search finds an order. Its handled record is in the partition of the
//! same number and was written after the order, so the search for it starts at that time.

mod trace;
mod tracker;

use std::{ops::ControlFlow, time::Instant};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::BorrowedMessage,
    topic_partition_list::TopicPartitionListElem,
};

use super::{
    Session, StreamError, Topic,
    reader::{read, reader, watermarks},
    retry::{FAILOVER, retry},
    scan::scan,
};
use crate::{
    consumers::Mail,
    shop::{Handled, Order},
    views::View,
};

/// A range this short is read linearly.
const SHORT: i64 = 32;
/// Orders that are read at one step of the search.
const GLANCE: usize = 16;
/// The clocks of two machines that write records differ by less than this, ms.
const SKEW_MS: i64 = 60_000;

pub use trace::{OrderStatus, OrderTrace, TopicPartitionOffset, TrackedOrder};
pub use tracker::Tracker;

/// Looks for orders; its calls block.
pub struct Finder {
    session: Session,
    reader: BaseConsumer,
    orders: String,
    handled: String,
    order_partitions: i32,
    handled_partitions: i32,
}

/// The result of a step of the binary search.
enum Probe {
    /// The order is after this offset.
    Behind(i64),
    /// Before the offset where the step began, unless it is this record.
    InFront(Option<Sale>),
}

/// A sale that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Sale {
    /// The order.
    pub order: Order,
    /// Where its record lies.
    pub place: TopicPartitionOffset,
    /// When its record was written: wall time, Unix ms.
    written_ms: i64,
    /// Where the search for its handled record goes on.
    next: Option<i64>,
}

impl Finder {
    /// Makes one. The topics must be there.
    pub fn new(session: &Session) -> Result<Self, StreamError> {
        let reader: BaseConsumer = reader(
            session,
            &[
                // It joins no group, and asks how far this one has come.
                ("group.id", &session.group(Mail::NAME)),
                // Most looks want one record: no more is fetched ahead than a longer read can use.
                ("fetch.message.max.bytes", "131072"),
                ("queued.min.messages", "500"),
            ],
        )?;
        Ok(Self {
            order_partitions: session.partitions_of(Topic::Orders, FAILOVER)?,
            handled_partitions: session.partitions_of(Topic::Handled, FAILOVER)?,
            orders: session.topic(Topic::Orders),
            handled: session.topic(Topic::Handled),
            session: session.clone(),
            reader,
        })
    }

    /// The first record of an order, where ids go up within each partition: some twenty records are read.
    pub fn sale(&self, order_id: u64) -> Result<Option<Sale>, StreamError> {
        let count = u64::from(self.order_partitions.unsigned_abs().max(1));
        // Our simulator spreads orders by their number; another shop may do it in its own way.
        let likely = i32::try_from(order_id % count).unwrap_or(0);
        let others = (0..self.order_partitions).filter(|partition| *partition != likely);
        for partition in std::iter::once(likely).chain(others) {
            if let Some(sale) = self.in_partition(partition, order_id)? {
                self.rest();
                return Ok(Some(sale));
            }
        }
        self.rest();
        Ok(None)
    }

    /// The first record of an order, where ids are in any order: every order is read, until `stop`.
    pub fn sale_anywhere(&self, order_id: u64, stop: impl Fn() -> bool) -> Result<Option<Sale>, StreamError> {
        let digits = order_id.to_string();
        let found =
            scan(&self.session, Topic::Orders, |message| match sale_of(message, &digits, order_id) {
                Some(sale) => ControlFlow::Break(Some(sale)),
                None if stop() => ControlFlow::Break(None),
                None => ControlFlow::Continue(()),
            })?;
        Ok(found.flatten())
    }

    /// The handled record of a sale, where there is one by now. Another look goes on where the last one ended.
    pub fn handled(&self, sale: &mut Sale) -> Result<Option<(Handled, TopicPartitionOffset)>, StreamError> {
        let partition = sale.place.partition.rem_euclid(self.handled_partitions.max(1));
        let (low, end) = watermarks(&self.reader, &self.handled, partition, FAILOVER)?;
        let from = match sale.next {
            Some(next) => next,
            None => self.written_after(partition, sale.written_ms.saturating_sub(SKEW_MS))?.unwrap_or(end),
        };
        let key = sale.order.order_id.to_string();
        let found = self.read(&self.handled, partition, from.max(low), end, |message| {
            if message.key() != Some(key.as_bytes()) {
                return ControlFlow::Continue(());
            }
            match Handled::decode(message.payload()) {
                Ok(record) if record.order_id == sale.order.order_id => {
                    ControlFlow::Break((record, place(message)))
                }
                _ => ControlFlow::Continue(()),
            }
        })?;
        sale.next = Some(end.max(from));
        self.rest();
        Ok(found)
    }

    /// Whether the mail about a handled record is written: its consumer has a checkpoint behind it.
    pub fn is_mailed(&self, handled: &TopicPartitionOffset) -> Result<bool, StreamError> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&handled.topic, handled.partition);
        let answer = retry(FAILOVER, |left| Ok(self.reader.committed_offsets(asked.clone(), left)?))?;
        let next = answer.elements().first().map(TopicPartitionListElem::offset);
        Ok(matches!(next, Some(Offset::Offset(next)) if next > handled.offset))
    }

    /// The first handled record of a partition that was written at a time (Unix ms) or later.
    fn written_after(&self, partition: i32, ms: i64) -> Result<Option<i64>, StreamError> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(&self.handled, partition, Offset::Offset(ms.max(0)))?;
        let answer = retry(FAILOVER, |left| Ok(self.reader.offsets_for_times(asked.clone(), left)?))?;
        Ok(answer.elements().first().and_then(|place| match place.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }))
    }

    fn in_partition(&self, partition: i32, order_id: u64) -> Result<Option<Sale>, StreamError> {
        let (mut low, mut end) = watermarks(&self.reader, &self.orders, partition, FAILOVER)?;
        // A record of this order, perhaps a duplicate of an earlier one.
        let mut copy = None;
        while end - low > SHORT {
            let middle = low + (end - low) / 2;
            match self.probe(partition, middle, end, order_id)? {
                Probe::Behind(last) => low = last + 1,
                Probe::InFront(same) => {
                    copy = same.or(copy);
                    end = middle;
                }
            }
        }
        let digits = order_id.to_string();
        let first = self.read(&self.orders, partition, low, end, |message| {
            sale_of(message, &digits, order_id).map_or(ControlFlow::Continue(()), ControlFlow::Break)
        })?;
        Ok(first.or(copy))
    }

    /// Compares some orders from an offset on with the id; several, since some may be duplicates.
    fn probe(&self, partition: i32, from: i64, end: i64, order_id: u64) -> Result<Probe, StreamError> {
        let mut looked_at = 0;
        let found = self.read(&self.orders, partition, from, end, |message| {
            let Some(sale) = sale(message) else { return ControlFlow::Continue(()) };
            looked_at += 1;
            if sale.order.order_id >= order_id {
                ControlFlow::Break(Probe::InFront(Some(sale).filter(|sale| sale.order.order_id == order_id)))
            } else if looked_at == GLANCE {
                ControlFlow::Break(Probe::Behind(message.offset()))
            } else {
                ControlFlow::Continue(())
            }
        })?;
        // All was read up to the end, and it was not there.
        Ok(found.unwrap_or(Probe::InFront(None)))
    }

    /// Hands the committed records of a stretch of a log to `each`, until it breaks.
    fn read<T>(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
        end: i64,
        each: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<T>,
    ) -> Result<Option<T>, StreamError> {
        let deadline = || Instant::now() + FAILOVER;
        read(&self.session, &self.reader, topic, [(partition, from..end)], deadline, each)
    }

    /// Lets it go without waiting.
    pub fn let_go(self) {
        super::let_go(self.reader);
    }

    /// Fetches nothing more.
    fn rest(&self) {
        if let Err(error) = self.reader.unassign() {
            tracing::debug!("the finder goes on reading: {error}");
        }
    }
}

/// The sale that a record tells of, where it is a valid order.
fn sale(message: &BorrowedMessage<'_>) -> Option<Sale> {
    Some(Sale {
        order: Order::decode(message.payload()).ok()?,
        place: place(message),
        written_ms: message.timestamp().to_millis().unwrap_or(0),
        next: None,
    })
}

/// The same where it is a certain order, whatever its key is. Only what holds the id's digits is decoded.
fn sale_of(message: &BorrowedMessage<'_>, digits: &str, order_id: u64) -> Option<Sale> {
    let has_digits = |payload: &[u8]| payload.windows(digits.len()).any(|seen| seen == digits.as_bytes());
    let sale = message.payload().is_some_and(has_digits).then(|| sale(message))?;
    sale.filter(|sale| sale.order.order_id == order_id)
}

fn place(message: &BorrowedMessage<'_>) -> TopicPartitionOffset {
    TopicPartitionOffset {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
    }
}

#[cfg(test)]
mod tests;
