//! The order ids of a process: an index for each partition of the orders finds duplicates for all consumers.
//!
//! If the index of a newly assigned partition is behind the consumer's position, reading starts at the index; only the
//! index takes the records in between. From then on it is never behind a consumer, since the first consumer to read a
//! record enters it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use crate::{
    consumer::{Batch, Part, Rule, Start, order_ids::Index},
    stream::{Session, log_identity, topic_name},
    views::Source,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(10);

/// The index of a partition.
#[derive(Debug)]
struct Held {
    index: Index,
    /// Its next offset when it was last saved.
    saved: i64,
}

/// The order ids of all partitions that the consumers of a process own.
#[derive(Debug)]
pub struct OrderIds {
    folder: PathBuf,
    rule: OnceLock<Rule>,
    parts: Mutex<BTreeMap<i32, Arc<Mutex<Held>>>>,
    /// The partitions whose index is known to belong to the present log.
    proven: Mutex<BTreeSet<i32>>,
    saving: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OrderIds {
    /// The indexes of a folder; each is read when its partition is assigned.
    pub fn new(folder: PathBuf) -> Self {
        let (parts, proven) = (Mutex::default(), Mutex::default());
        Self { folder, rule: OnceLock::new(), parts, proven, saving: Mutex::new(()) }
    }

    /// Sets the rule, once, before the consumers start.
    pub fn set_rule(&self, rule: Rule) {
        self.rule.get_or_init(|| rule);
    }

    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule.get().copied().unwrap_or_default()
    }

    fn folder(&self, partition: i32) -> PathBuf {
        self.folder.join(partition.to_string())
    }

    /// Compares the last record of each index with the log, and clears an index of another log. Proven partitions are
    /// skipped; all others are read in one pass. Reads the disk and Kafka: blocks.
    pub(super) fn prove(
        &self,
        session: &Session,
        parts: impl IntoIterator<Item = Part>,
    ) -> Result<(), String> {
        // Held, so that other consumers wait for the result.
        let mut proven = lock(&self.proven);
        let (mut asked, mut anchors) = (BTreeMap::new(), HashMap::new());
        for part in parts {
            if part.source == Source::Orders && !proven.contains(&part.partition) {
                let held = self.open(part.partition)?;
                anchors.extend(lock(&held).index.last().map(|last| (part, last)));
                asked.insert(part.partition, held);
            }
        }
        for part in log_identity::others(session, &anchors).map_err(|error| error.to_string())? {
            tracing::warn!("the ids of {part} are those of another log: they are read again");
            if let Some(held) = asked.get(&part.partition) {
                self.clear(part.partition, &mut lock(held));
            }
        }
        proven.extend(asked.into_keys());
        Ok(())
    }

    /// The offset to read a partition from that a consumer begins at `start`; the index must be proven. Reads the disk,
    /// and asks Kafka if records are missing: blocks.
    pub(super) fn begin(&self, session: &Session, part: Part, start: Start) -> Result<Start, String> {
        if part.source != Source::Orders {
            return Ok(start);
        }
        let held = self.open(part.partition)?;
        let mut held = lock(&held);
        let next = held.index.next();
        match start {
            Start::Offset(offset) if offset > next => {
                let topic = topic_name(session, part.source);
                let marks = session.watermarks(&topic, part.partition, CALL);
                let (low, _) = marks.map_err(|error| error.to_string())?;
                if low > next {
                    tracing::warn!(
                        "the ids of {part} from offset {next} to {low} are gone with their orders"
                    );
                    held.index.skip_to(low.min(offset));
                }
                let next = held.index.next();
                tracing::info!("reading the ids of {part} from offset {next} to {offset}");
                Ok(if next == 0 { Start::Beginning } else { Start::Offset(next) })
            }
            start => Ok(start),
        }
    }

    fn open(&self, partition: i32) -> Result<Arc<Mutex<Held>>, String> {
        let mut parts = lock(&self.parts);
        if let Some(held) = parts.get(&partition) {
            return Ok(Arc::clone(held));
        }
        let folder = self.folder(partition);
        let index = Index::open(self.rule(), &folder).map_err(|error| {
            let folder = folder.display();
            format!(
                "{folder} cannot be used ({error}): check that the disk has room and the folder is writable"
            )
        })?;
        let held = Arc::new(Mutex::new(Held { saved: index.next(), index }));
        parts.insert(partition, Arc::clone(&held));
        Ok(held)
    }

    fn clear(&self, partition: i32, held: &mut Held) {
        let rule = self.rule();
        // Stops writes of the old index to the folder.
        held.index = Index::new(rule, None);
        let cleared = Index::clear(rule, &self.folder(partition));
        // If the folder cannot be emptied, check sums and the last record decide whether it is read again.
        let index = cleared.unwrap_or_else(|_| Index::new(rule, None));
        *held = Held { index, saved: 0 };
    }

    /// Marks all indexes as unproven: each is compared with its log again before a consumer begins.
    pub(super) fn doubt(&self) {
        lock(&self.proven).clear();
    }

    /// Marks the duplicates of a batch, unless that is done; `false` if records before it are missing or the index
    /// failed: then the consumer must restart.
    pub(super) fn judge(&self, batch: &Batch) -> bool {
        let Part { source: Source::Orders, partition } = batch.part else { return batch.judge(|_| true) };
        let Some(held) = lock(&self.parts).get(&partition).map(Arc::clone) else { return false };
        batch.judge(|records| {
            let mut held = lock(&held);
            held.index.judge(batch.from, batch.next, records).unwrap_or_else(|error| {
                tracing::warn!("the ids of {} are read again: {error}", batch.part);
                self.clear(partition, &mut held);
                false
            })
        })
    }

    /// Saves the indexes, so that a restart reads less of the log again. Blocks.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn save(&self) -> std::io::Result<()> {
        let _alone = lock(&self.saving);
        let parts: Vec<_> = lock(&self.parts).values().cloned().collect();
        for held in parts {
            let (snapshot, next) = {
                let held = lock(&held);
                let next = held.index.next();
                if next == held.saved {
                    continue;
                }
                (held.index.snapshot(), next)
            };
            if let Some(snapshot) = snapshot {
                snapshot.write()?;
            }
            lock(&held).saved = next;
        }
        Ok(())
    }
}
