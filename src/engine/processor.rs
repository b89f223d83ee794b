//! What a consumer does with its records, beneath the loop that all consumers share.

use std::{collections::HashMap, sync::Arc};

use rdkafka::error::KafkaError;

use super::{
    env::Ended,
    input::Stretch,
    member::{AskCommitted, Client, Committed},
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

    /// Takes partitions over; returns where to read each from, or a sentence that says why it cannot.
    fn assigned(&mut self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String>;

    /// Lets go of partitions; `lost` when another member has them already. Returns what is to be committed before the
    /// next owner asks.
    fn revoked(&mut self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)>;

    /// Takes in records.
    fn take(&mut self, client: &Arc<Client>, stretch: &Stretch) -> Result<Option<Ended>, ConsumerError>;

    /// Whether it has room for more records.
    fn has_room(&self) -> bool;

    /// Whether a tick is due at once.
    fn is_due(&self) -> bool {
        false
    }

    /// What is due at the turn of a second.
    fn tick(&mut self, client: &Arc<Client>) -> Result<Option<Ended>, ConsumerError>;

    /// Puts what changed since the last call in the read model.
    fn show(&mut self);

    /// The last thing it does when it is told to stop.
    fn finish(&mut self, client: &Arc<Client>);

    /// Of each partition a record that its state is known to follow from, where one was read.
    fn anchors(&self) -> HashMap<Part, Fingerprint>;

    /// The logs were found to be those that it read, when each had been another one so often, as in
    /// [`Ends`](crate::read_model::Ends).
    fn logs_are_same(&mut self, replaced: &HashMap<Source, u64>) {
        let _ = replaced;
    }

    /// Sets aside what it knows of partitions whose log is another one by now.
    fn start_again(
        &mut self,
        client: &Arc<Client>,
        parts: &[Part],
        why: &str,
    ) -> Result<Ended, ConsumerError>;

    /// What was committed of the partitions that it owns, by it or an owner before it.
    fn committed(&self) -> HashMap<Part, Committed> {
        HashMap::new()
    }

    /// How many partitions it owns, and what is wrong or is waited for.
    fn health(&self) -> (usize, Option<Sentence>);

    /// Whether it failed in a way that may mean that another process has its place.
    fn may_be_fenced(&self) -> bool {
        false
    }

    /// Writes nothing any more: another one goes on from its last checkpoint.
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
