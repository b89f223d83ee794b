//! The trait for what a consumer does with its records, inside the event loop of all consumers.

use std::{collections::HashMap, sync::Arc};

use rdkafka::error::KafkaError;

use super::{
    context::Ended,
    group_member::{AskCommitted, Client, Committed},
    record_source::Stretch,
};
use crate::{
    consumer::{Part, Start, Trouble, position::Fingerprint},
    messages::Sentence,
    stream::StreamError,
    views::Source,
};

/// What a consumer does with its records.
pub(super) trait Processor: Send + 'static {
    /// The consumer's name, as in its group.
    const NAME: &'static str;
    /// The logs that it reads.
    const SOURCES: &'static [Source];

    /// Partitions were assigned: returns where to read each from, or a sentence that says why it cannot.
    fn assigned(&mut self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String>;

    /// Partitions were revoked; `lost` if another member may own them already. Returns the offsets to commit before the
    /// next owner fetches them.
    fn revoked(&mut self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)>;

    /// Takes in records.
    fn take(&mut self, client: &Arc<Client>, stretch: &Stretch) -> Result<Option<Ended>, ConsumerError>;

    /// Whether it has room for more records.
    fn has_room(&self) -> bool;

    /// Whether a tick is due at once.
    fn is_due(&self) -> bool {
        false
    }

    /// Periodic work, at the turn of a second.
    fn tick(&mut self, client: &Arc<Client>) -> Result<Option<Ended>, ConsumerError>;

    /// Puts what changed since the last call in the read model.
    fn show(&mut self);

    /// Called last, when the consumer is told to stop.
    fn finish(&mut self, client: &Arc<Client>);

    /// By partition, a record that is known to be part of its state, if one was read.
    fn anchors(&self) -> HashMap<Part, Fingerprint>;

    /// The logs were found to be those that it has read, as of these counts of replacements (see
    /// [`Ends`](crate::read_model::Ends)).
    fn logs_are_same(&mut self, replaced: &HashMap<Source, u64>) {
        let _ = replaced;
    }

    /// Discards the state of partitions whose log was replaced.
    fn start_again(
        &mut self,
        client: &Arc<Client>,
        parts: &[Part],
        why: &str,
    ) -> Result<Ended, ConsumerError>;

    /// The committed offsets of its partitions, its own or a former owner's.
    fn committed(&self) -> HashMap<Part, Committed> {
        HashMap::new()
    }

    /// How many partitions it owns, and what is wrong or is waited for.
    fn health(&self) -> (usize, Option<Sentence>);

    /// Whether it failed in a way that may mean that another process has fenced it.
    fn may_be_fenced(&self) -> bool {
        false
    }

    /// Forbids further writes: the next run goes on from the last checkpoint.
    fn retire(&mut self) {}
}

/// Why a consumer could not run.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The checkpoint or the files.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// Kafka.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<KafkaError> for ConsumerError {
    fn from(error: KafkaError) -> Self {
        Self::Stream(error.into())
    }
}
