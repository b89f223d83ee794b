//! Reads the views' handovers on `shop.state`, the changelog.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::{BorrowedMessage, Header, Headers, OwnedHeaders},
};

use crate::{
    consumer::{Handover, Part},
    stream::{
        Session, StreamError, Topic,
        reader::{Heard, next, reader},
        state_keys::parse_key,
        topics::STATE_HANDOVERS,
    },
};

/// How long reading up to the end may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a piece: a record must stay below a megabyte.
const PIECE: usize = 400_000;

/// The handover that a piece belongs to: its sender, its time (wall ms) and its number of pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Set {
    who: String,
    at: String,
    of: usize,
}

/// A reader of the handovers of one view.
pub(super) struct Changelog {
    consumer: BaseConsumer,
    view: &'static str,
    pieces: Pieces,
    /// What `news_of` returned last.
    given: HashMap<Part, Set>,
}

/// The pieces of each partition's state, by number.
type Pieces = HashMap<Part, HashMap<usize, (Set, Vec<u8>)>>;

impl Changelog {
    /// Opens a reader at the oldest record; [`Changelog::catch_up`] reads.
    pub(super) fn open(session: &Session, view: &'static str) -> Result<Self, StreamError> {
        let consumer: BaseConsumer = reader(session, &[("fetch.wait.max.ms", "250")])?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&session.topic(Topic::State), STATE_HANDOVERS, Offset::Beginning)?;
        consumer.assign(&list)?;
        Ok(Self { consumer, view, pieces: HashMap::new(), given: HashMap::new() })
    }

    /// Reads up to the end of the partition. Blocks for at most 20 seconds; `false` if the end was not reached.
    pub(super) fn catch_up(&mut self) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match next(&self.consumer, deadline, "reading what was handed over") {
                Ok(Some(Heard::Record(message))) => note(&mut self.pieces, self.view, &message),
                Ok(Some(Heard::End(_))) => return true,
                Ok(None) => return false,
                Err(error) => {
                    tracing::warn!("what was handed over: {error}");
                    return false;
                }
            }
        }
    }

    /// Reads what was added since the last call. Does not block.
    pub(super) fn look(&mut self) {
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            if let Ok(message) = polled {
                note(&mut self.pieces, self.view, &message);
            }
        }
    }

    /// The latest handover of a partition, if all of its pieces are there.
    pub(super) fn of(&self, part: Part) -> Option<Handover> {
        let pieces = self.pieces.get(&part)?;
        let (set, _) = pieces.get(&0)?;
        let mut whole = Vec::new();
        for number in 0..set.of {
            let (of, bytes) = pieces.get(&number)?;
            if of != set {
                return None;
            }
            whole.extend_from_slice(bytes);
        }
        serde_json::from_slice(&whole)
            .inspect_err(|error| tracing::warn!("what was handed over of {part} is passed over: {error}"))
            .ok()
    }

    /// The latest handover, if it is newer than at the last call.
    pub(super) fn news_of(&mut self, part: Part) -> Option<Handover> {
        let (set, _) = self.pieces.get(&part)?.get(&0)?;
        if self.given.get(&part) == Some(set) {
            return None;
        }
        let set = set.clone();
        let state = self.of(part)?;
        self.given.insert(part, set);
        Some(state)
    }
}

fn note(pieces: &mut Pieces, view: &str, message: &BorrowedMessage<'_>) {
    let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
    let (key, number) = key.split_once('+').unwrap_or((&key, "0"));
    let (Some((of, part)), Ok(number), Some(payload)) = (parse_key(key), number.parse(), message.payload())
    else {
        return;
    };
    let header = |name: &str| {
        let headers = message.headers()?;
        let found = headers.iter().find(|header| header.key == name)?;
        found.value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    if of == view
        && let (Some(who), Some(at), Some(of)) = (header("who"), header("at"), header("of"))
        && let Ok(of) = of.parse()
    {
        let piece = (Set { who, at, of }, payload.to_vec());
        pieces.entry(part).or_default().insert(number, piece);
    }
}

/// A state in pieces that fit into records: for each a suffix of the key, headers and bytes.
pub(super) fn pieces(who: &str, at_ms: i64, whole: &[u8]) -> Vec<(String, OwnedHeaders, Vec<u8>)> {
    let chunks: Vec<&[u8]> = whole.chunks(PIECE).collect();
    let (at, of) = (at_ms.to_string(), chunks.len().to_string());
    let headers = || {
        OwnedHeaders::new()
            .insert(Header { key: "who", value: Some(who) })
            .insert(Header { key: "at", value: Some(&at) })
            .insert(Header { key: "of", value: Some(&of) })
    };
    let name = |number: usize| if number == 0 { String::new() } else { format!("+{number}") };
    chunks.iter().enumerate().map(|(number, bytes)| (name(number), headers(), bytes.to_vec())).collect()
}
