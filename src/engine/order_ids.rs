//! The order ids of a process: an index for each partition of the orders, which judges for all its consumers.
//!
//! A consumer that takes a partition over reads from where the index is, where that is before its own position: what
//! lies between goes to the index alone. From there on the index is never behind a consumer, since whoever reads a record
//! first enters it.

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
    /// How far it had come when it was saved last.
    saved: i64,
}

/// The order ids of all partitions that the consumers of a process own.
#[derive(Debug)]
pub struct OrderIds {
    folder: PathBuf,
    rule: OnceLock<Rule>,
    parts: Mutex<BTreeMap<i32, Arc<Mutex<Held>>>>,
    /// The partitions whose log is known to be the one that the index is of.
    proven: Mutex<BTreeSet<i32>>,
    saving: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OrderIds {
    /// Those of a folder. Nothing is read before a partition is assigned.
    pub fn new(folder: PathBuf) -> Self {
        let (parts, proven) = (Mutex::default(), Mutex::default());
        Self { folder, rule: OnceLock::new(), parts, proven, saving: Mutex::new(()) }
    }

    /// Decides on the rule, once and before the consumers begin.
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

    /// Compares the last record of each index with the log; one that is of another log is set aside. Partitions that are
    /// known to be the same are not asked for again, and all others at once. Reads the disk, and asks Kafka: blocks.
    pub(super) fn prove(
        &self,
        session: &Session,
        parts: impl IntoIterator<Item = Part>,
    ) -> Result<(), String> {
        // Whoever else begins waits for the answer.
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

    /// Where to read from a partition that a consumer begins at `start`, once its log is proven. Reads the disk, and asks
    /// Kafka where records are missing: blocks.
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
        // Nothing is written to the folder any more.
        held.index = Index::new(rule, None);
        let cleared = Index::clear(rule, &self.folder(partition));
        // A folder that cannot be emptied is not read again either: its check sums and its last record decide.
        let index = cleared.unwrap_or_else(|_| Index::new(rule, None));
        *held = Held { index, saved: 0 };
    }

    /// Whether the logs are still those that the indexes are of must be asked again before a consumer begins.
    pub(super) fn doubt(&self) {
        lock(&self.proven).clear();
    }

    /// Judges the orders of a batch, unless that is done; `false` where records before it are missing or the index failed:
    /// then its consumer must begin again.
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

    /// Brings what is known to the disk, so that less is read again after the end of the process. Blocks.
    ///
    /// # Errors
    ///
    /// Where the disk does not take it.
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
