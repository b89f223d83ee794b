//! Reads what `handling` committed last: its states, and records beyond those that the states count.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message,
    consumer::BaseConsumer,
    message::{BorrowedMessage, Headers},
};

use crate::{
    handling::{Counted, Uncounted},
    read_model::PartState,
    shop::Handled,
    stream::{
        Session, StreamError, Topic,
        agreed_settings::{Agreement, decode},
        reader::{read, reader, settled, watermarks},
        state_keys::{AGREEMENT, parse_key},
        topics::STATE_HANDLING,
    },
};

/// Covers the ten seconds after which Kafka aborts a dead owner's transaction.
const PATIENCE: Duration = Duration::from_secs(20);
/// After the loss of a state all handled orders are read; `max.poll.interval.ms` (5 min) bounds the time for it.
const LONG: Duration = Duration::from_secs(240);
const CALL: Duration = Duration::from_secs(5);
/// The only partition of the dead letters that is written.
pub(super) const LETTERS: i32 = 0;

/// A reader of committed records.
pub(super) struct Restore<'a> {
    session: &'a Session,
    committed: BaseConsumer,
    written: BaseConsumer,
    /// Partitions of the handled orders.
    handled_partitions: i32,
}

impl<'a> Restore<'a> {
    /// Connects. Blocks for a moment.
    pub(super) fn open(session: &'a Session) -> Result<Self, StreamError> {
        let committed: BaseConsumer = reader(session, &[])?;
        let written: BaseConsumer = reader(session, &[("isolation.level", "read_uncommitted")])?;
        let handled_partitions = session.partitions_of(Topic::Handled, CALL)?;
        Ok(Self { session, committed, written, handled_partitions })
    }

    /// Where a partition of the orders begins and ends. Blocks for a moment.
    pub(super) fn orders(&self, partition: i32) -> Result<(i64, i64), StreamError> {
        watermarks(&self.written, &self.session.topic(Topic::Orders), partition, CALL)
    }

    /// The last committed state of each partition, and what was agreed on. Blocks until no transaction is open on them.
    pub(super) fn states(&self) -> Result<(HashMap<i32, PartState>, Agreement), StreamError> {
        let (mut states, mut kept) = (HashMap::new(), Agreement::default());
        let deadline = Instant::now() + PATIENCE;
        self.read(Topic::State, &BTreeMap::from([(STATE_HANDLING, 0)]), deadline, |message| {
            let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
            let state = message.payload().map(serde_json::from_slice::<PartState>);
            if let (Some(("handling", part)), Some(Ok(state))) = (parse_key(&key), state) {
                states.insert(part.partition, state);
            } else if key == AGREEMENT {
                kept = message.payload().and_then(decode).unwrap_or_default();
            }
        })?;
        Ok((states, kept))
    }

    /// By partition, the committed records beyond those that its state counts, and the offsets up to which they reach.
    /// `None` is a state without that count: then everything is taken as counted.
    pub(super) fn uncounted(
        &self,
        parts: &BTreeMap<i32, Option<Counted>>,
    ) -> Result<BTreeMap<i32, (Uncounted, Counted)>, StreamError> {
        let mut found: BTreeMap<i32, Uncounted> =
            parts.keys().map(|part| (*part, Uncounted::default())).collect();
        let deadline = Instant::now() + LONG;
        let to = |part: i32| part.rem_euclid(self.handled_partitions);
        let mut from: BTreeMap<i32, i64> = BTreeMap::new();
        for (part, counted) in parts {
            let begin = counted.map_or(i64::MAX, |counted| counted.begin());
            let least = from.entry(to(*part)).or_insert(i64::MAX);
            *least = begin.min(*least);
        }
        let ends = self.read(Topic::Handled, &from, deadline, |message| {
            let Ok(handled) = Handled::decode(message.payload()) else { return };
            for (part, counted) in parts {
                let Some(counted) = counted.filter(|_| to(*part) == message.partition()) else { continue };
                if message.offset() >= counted.begin()
                    && let Some(uncounted) = found.get_mut(part)
                {
                    uncounted.note_handled(&handled, message.offset() < counted.handled);
                }
            }
        })?;
        let letters_of = |counted: &Option<Counted>| counted.map_or(i64::MAX, |counted| counted.dead_letters);
        let from = parts.values().map(letters_of).min().unwrap_or(i64::MAX);
        let orders = self.session.topic(Topic::Orders);
        let letters =
            self.read(Topic::DeadLetters, &BTreeMap::from([(LETTERS, from)]), deadline, |message| {
                let Some((part, offset)) = origin(message, &orders) else { return };
                if parts.get(&part).is_some_and(|counted| message.offset() >= letters_of(counted))
                    && let Some(uncounted) = found.get_mut(&part)
                {
                    uncounted.note_dead_letter(offset);
                }
            })?;
        let with_ends = |(part, uncounted): (i32, Uncounted)| {
            let counted = parts.get(&part).copied().flatten().unwrap_or_default();
            let mut now = Counted { handled_since: Some(counted.begin()), ..counted };
            now.advance(
                ends.get(&to(part)).copied().unwrap_or(0),
                letters.get(&LETTERS).copied().unwrap_or(0),
            );
            (part, (uncounted, now))
        };
        Ok(found.into_iter().map(with_ends).collect())
    }

    /// Closes its clients in the background.
    pub(super) fn let_go(self) {
        crate::stream::let_go((self.committed, self.written));
    }

    /// Passes the committed records of partitions from an offset on to `each`, once no transaction is open on them;
    /// returns their end offsets. Blocks.
    fn read(
        &self,
        topic: Topic,
        from: &BTreeMap<i32, i64>,
        deadline: Instant,
        mut each: impl FnMut(&BorrowedMessage<'_>),
    ) -> Result<BTreeMap<i32, i64>, StreamError> {
        let name = self.session.topic(topic);
        let (mut ends, mut ranges) = (BTreeMap::new(), BTreeMap::new());
        for (partition, from) in from {
            let (low, end) = settled(self.session, (&self.committed, &self.written), &name, *partition)?;
            ends.insert(*partition, end);
            // A recreated topic is shorter than the count: read it from its beginning.
            let from = if *from > end && *from < i64::MAX { low } else { (*from).max(low) };
            ranges.insert(*partition, from..end);
        }
        read(
            self.session,
            &self.committed,
            &name,
            ranges,
            || deadline,
            |message| {
                each(message);
                ControlFlow::<()>::Continue(())
            },
        )?;
        Ok(ends)
    }
}

/// The partition and offset of the record that became a dead letter, if it was in the log of orders.
fn origin(letter: &BorrowedMessage<'_>, orders: &str) -> Option<(i32, i64)> {
    let headers = letter.headers()?;
    let header = |name: &str| {
        let found = headers.iter().find(|header| header.key == name)?;
        std::str::from_utf8(found.value?).ok()
    };
    if header("topic")? != orders {
        return None;
    }
    Some((header("partition")?.parse().ok()?, header("offset")?.parse().ok()?))
}
