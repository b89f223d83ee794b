//! The records of one consumer's partitions, in order and without gaps: from the shared log reader, or from a fetcher of
//! its own while the consumer lags behind that.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    context::Env,
    fetcher::Fetcher,
    inbox::{Delivery, Inbox},
    shared_reader::READ_AGAIN,
};
use crate::{
    consumer::{Batch, Decoded, Part, Start},
    stream::StreamError,
};

/// Where a partition's records come from, and how far they were delivered.
struct Source {
    /// The offset that the next batch must reach back to.
    next: i64,
    /// The offset at which the consumer begins: records before it are read only for the order ids.
    begin: i64,
    /// The subscription to the log reader; `None` while the consumer fetches by itself.
    subscription: Option<u64>,
}

/// Records that are new to a consumer.
pub(super) struct Stretch {
    batch: Arc<Batch>,
    from: i64,
}

impl Stretch {
    /// The partition.
    pub(super) fn part(&self) -> Part {
        self.batch.part
    }

    /// The offset to read next, behind the records and the transaction markers that follow them.
    pub(super) fn next(&self) -> i64 {
        self.batch.next
    }

    /// Bytes of the batch that it is from.
    pub(super) fn bytes(&self) -> usize {
        self.batch.bytes()
    }

    /// The records, in the order of the log.
    pub(super) fn records(&self) -> &[Decoded] {
        let records = self.batch.records();
        let known = records.partition_point(|record| record.offset() < self.from);
        records.get(known..).unwrap_or_default()
    }
}

/// The records of one consumer's partitions.
pub(super) struct RecordSource {
    env: Env,
    inbox: Arc<Inbox>,
    sources: BTreeMap<Part, Source>,
    own: Option<Fetcher>,
    fetched: VecDeque<Batch>,
}

impl RecordSource {
    /// Without partitions.
    pub(super) fn new(env: &Env) -> Self {
        Self {
            env: env.clone(),
            inbox: Arc::new(Inbox::new()),
            sources: BTreeMap::new(),
            own: None,
            fetched: VecDeque::new(),
        }
    }

    /// Starts to deliver a partition at `start`. If the order ids before it are not known, reads these first. Blocks for
    /// some seconds at most; after an error the consumer must restart.
    pub(super) fn assign(&mut self, part: Part, start: Start) -> Result<(), String> {
        self.unassign(part).map_err(|error| error.to_string())?;
        let from = self.env.ids.begin(&self.env.session, part, start)?;
        let number = self.env.reader.subscribe(part, from, &self.inbox);
        let offset = |start| match start {
            Start::Beginning => 0,
            Start::Offset(offset) => offset,
        };
        let source = Source { next: offset(from), begin: offset(start), subscription: Some(number) };
        self.sources.insert(part, source);
        Ok(())
    }

    /// Stops delivering a partition.
    pub(super) fn unassign(&mut self, part: Part) -> Result<(), StreamError> {
        match self.sources.remove(&part) {
            Some(Source { subscription: Some(number), .. }) => self.env.reader.unsubscribe(part, number),
            Some(_) => self.leave_own(part)?,
            None => {}
        }
        Ok(())
    }

    /// Whether no records are queued.
    pub(super) fn is_empty(&self) -> bool {
        self.fetched.is_empty() && self.inbox.is_empty()
    }

    /// The next records. Cancel safe. After an error the partitions must be assigned again.
    pub(super) async fn next(&mut self) -> Result<Stretch, String> {
        loop {
            if let Some(batch) = self.fetched.pop_front() {
                let part = batch.part;
                let stretch = self.unknown(Arc::new(batch))?;
                self.join_again(part).map_err(|error| error.to_string())?;
                if let Some(stretch) = stretch {
                    return Ok(stretch);
                }
                continue;
            }
            match self.inbox.try_take() {
                Some(Delivery::Batch(batch)) => {
                    if let Some(stretch) = self.unknown(batch)? {
                        return Ok(stretch);
                    }
                }
                Some(Delivery::Ended(part, number)) => {
                    self.ended(part, number).map_err(|error| error.to_string())?;
                }
                None => match &mut self.own {
                    None => self.inbox.filled().await,
                    Some(own) => tokio::select! {
                        () = self.inbox.filled() => {}
                        fetched = own.next() => self.fetched.extend(fetched?),
                    },
                },
            }
        }
    }

    /// Periodic work: passes transaction markers, and returns partitions that have caught up to the log reader.
    pub(super) fn tick(&mut self) -> Result<(), StreamError> {
        if let Some(own) = &mut self.own {
            self.fetched.extend(own.markers());
            let apart: Vec<Part> = self.sources.keys().copied().collect();
            for part in apart {
                self.join_again(part)?;
            }
        }
        Ok(())
    }

    /// The new records of a batch. If there is a gap before it, the consumer fetches the partition by itself.
    fn unknown(&mut self, batch: Arc<Batch>) -> Result<Option<Stretch>, String> {
        let Some(source) = self.sources.get_mut(&batch.part) else { return Ok(None) };
        match advance(&mut source.next, &batch) {
            Advance::From(_) if !self.env.ids.judge(&batch) => {
                Err(format!("the order ids before offset {} of {} are not known", batch.from, batch.part))
            }
            Advance::From(from) => Ok(Some(Stretch { from: from.max(source.begin), batch })),
            Advance::Nothing => Ok(None),
            Advance::Missing => {
                if let Some(number) = source.subscription {
                    self.env.reader.unsubscribe(batch.part, number);
                    self.ended(batch.part, number).map_err(|error| error.to_string())?;
                }
                Ok(None)
            }
        }
    }

    /// The log reader has dropped a subscription: fetches the partition by itself.
    fn ended(&mut self, part: Part, number: u64) -> Result<(), StreamError> {
        let Some(source) = self.sources.get_mut(&part).filter(|source| source.subscription == Some(number))
        else {
            return Ok(());
        };
        source.subscription = None;
        let start = if source.next == 0 { Start::Beginning } else { Start::Offset(source.next) };
        let own = match self.own.take() {
            Some(own) => own,
            None => Fetcher::new(&self.env)?,
        };
        self.own.insert(own).assign(part, start)
    }

    /// Subscribes to the log reader again, unless that is far ahead.
    fn join_again(&mut self, part: Part) -> Result<(), StreamError> {
        let Some(source) = self.sources.get_mut(&part).filter(|source| source.subscription.is_none()) else {
            return Ok(());
        };
        if self.env.reader.position(part).is_some_and(|ahead| ahead - source.next > READ_AGAIN / 2) {
            return Ok(());
        }
        let start = if source.next == 0 { Start::Beginning } else { Start::Offset(source.next) };
        source.subscription = Some(self.env.reader.subscribe(part, start, &self.inbox));
        self.leave_own(part)
    }

    /// Stops fetching a partition by itself.
    fn leave_own(&mut self, part: Part) -> Result<(), StreamError> {
        self.fetched.retain(|batch| batch.part != part);
        if let Some(mut own) = self.own.take() {
            own.unassign(part)?;
            if own.is_idle() {
                own.let_go();
            } else {
                self.own = Some(own);
            }
        }
        Ok(())
    }
}

/// What a batch adds to what was read.
#[derive(Debug, PartialEq, Eq)]
enum Advance {
    /// Its records from this offset on are new.
    From(i64),
    /// All of it is known.
    Nothing,
    /// There is a gap before it.
    Missing,
}

/// Moves `next` to the end of a batch, unless there is a gap.
fn advance(next: &mut i64, batch: &Batch) -> Advance {
    if batch.from > *next {
        Advance::Missing
    } else if batch.next <= *next {
        Advance::Nothing
    } else {
        Advance::From(std::mem::replace(next, batch.next))
    }
}

impl Drop for RecordSource {
    fn drop(&mut self) {
        for (part, source) in &self.sources {
            if let Some(number) = source.subscription {
                self.env.reader.unsubscribe(*part, number);
            }
        }
        if let Some(own) = self.own.take() {
            own.let_go();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{consumer::Record, views::Source as Log};

    /// The records of a log at every third offset, as a batch.
    fn batch(from: i64, next: i64) -> Arc<Batch> {
        let part = Part { source: Log::Orders, partition: 0 };
        let mut batch = Batch::new(part, from, from);
        for offset in (from..next).filter(|offset| offset % 3 == 0) {
            batch.push(&Record { part, offset, timestamp: 0, key: None, payload: None });
        }
        batch.next = next;
        Arc::new(batch)
    }

    proptest! {
        /// Batches of one log come in any order, overlap and repeat.
        #[test]
        fn each_record_is_handed_on_once_and_none_before_one_that_is_missing(
            start in 0..20_i64, stretches in prop::collection::vec((0..60_i64, 0..20_i64), 0..30),
        ) {
            let (mut next, mut handed) = (start, Vec::new());
            for (from, length) in stretches {
                let batch = batch(from, from + length);
                if let Advance::From(from) = advance(&mut next, &batch) {
                    prop_assert!(batch.judge(|_| true));
                    let stretch = Stretch { batch, from };
                    handed.extend(stretch.records().iter().map(Decoded::offset));
                }
            }
            let expected: Vec<i64> = (start..next).filter(|offset| offset % 3 == 0).collect();
            prop_assert_eq!(handed, expected);
        }
    }
}
