//! The processor of a view: takes records; makes figures, checkpoints and files.

mod assignment;
mod checkpoint;
mod publish_figures;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use checkpoint::{COMMIT, Committing, Handovers, Published};

use super::{
    consumer,
    context::{Ended, Env},
    group_member::{AskCommitted, CALL, Client, Committed},
    ownership::Ownership,
    processor::{ConsumerError, Processor},
    record_source::Stretch,
    until::Others,
};
use crate::{
    consumer::{Output, Part, Start, Taken, Worker, position::Fingerprint},
    consumers::PartFigures,
    messages::{Sentence, Severity},
    read_model::PartState,
    sinks::files::Files,
    store::Store,
    views::{Source, View, shop_figures::ReportNote},
};

/// Time between checkpoints, less a margin for early ticks: a second for views that write files, two for others, whose
/// records since the checkpoint are just read again after a kill.
const OFTEN: Duration = Duration::from_millis(900);
const SELDOM: Duration = Duration::from_millis(1_900);

/// Runs one view until it is told to stop, has reached its end, or must restart.
///
/// # Errors
///
/// If the checkpoint or the files cannot be opened, or Kafka reports an error that no retry can fix.
pub async fn run<V: View<Figures: Into<PartFigures>>, O: Output<V> + 'static>(
    env: &Env,
    output: O,
    store: impl Store + 'static,
    files: impl Files + 'static,
) -> Result<Ended, ConsumerError> {
    let interval = if output.folders().is_empty() { SELDOM } else { OFTEN };
    let (worker, anew) = Worker::<V, O>::open(env.zone, output, store, files)?;
    let ownership = Arc::new(Ownership::default());
    let view = ViewProcessor {
        env: env.clone(),
        ownership: Arc::clone(&ownership),
        worker,
        checkpointed: HashMap::new(),
        committed: HashMap::new(),
        committing: None,
        saved: Instant::now(),
        interval,
        handed: HashMap::new(),
        lost_handovers: 0,
        handovers: None,
        elsewhere: Others::default(),
        published: HashMap::new(),
        shown_second: None,
        end_seen: HashMap::new(),
        trouble: None,
        taking: false,
        at_end: false,
        broken: None,
        cluster: None,
        reports: None,
    };
    if anew {
        view.say(Severity::Warning, Sentence::FilesDoNotFit { view: V::NAME });
    }
    consumer::run(env, view, &ownership).await
}

struct ViewProcessor<V: View, O> {
    env: Env,
    ownership: Arc<Ownership>,
    worker: Worker<V, O>,
    /// The positions of the last checkpoint, to be committed once it is certainly on disk.
    checkpointed: HashMap<Part, Committed>,
    /// The committed offsets, our own or a former owner's.
    committed: HashMap<Part, Committed>,
    committing: Option<Committing>,
    saved: Instant,
    interval: Duration,
    /// By partition, the last handover.
    handed: HashMap<Part, Published>,
    /// The publisher's count of lost handovers at the last check.
    lost_handovers: u64,
    /// The handovers of other owners, while they are needed.
    handovers: Option<Handovers>,
    /// With `--until-end`: the partitions of other members.
    elsewhere: Others,
    /// By partition, the state that was published last, and when.
    published: HashMap<Part, (Instant, PartState)>,
    /// The shop second of the figures in the read model.
    shown_second: Option<i64>,
    /// By partition: the offset up to which nothing is left to read, trailing transaction markers included.
    end_seen: HashMap<Part, i64>,
    trouble: Option<String>,
    /// Whether records were taken since the last tick.
    taking: bool,
    /// Whether a partition has reached the end of the run since the last tick.
    at_end: bool,
    /// Why it must restart from its checkpoint.
    broken: Option<String>,
    /// The id of the records' cluster.
    cluster: Option<String>,
    reports: Option<Vec<ReportNote>>,
}

impl<V: View, O: Output<V> + 'static> ViewProcessor<V, O> {
    fn say(&self, severity: Severity, sentence: Sentence) {
        self.env.model.say(self.env.clock.now().unwrap_or_default(), severity, sentence);
    }

    fn holds(&self, client: &Arc<Client>) -> bool {
        self.ownership.holds(client, || self.committed.clone())
    }

    /// Saves, commits and publishes everything before the run ends; `false` if it could not be saved.
    fn save_last(&mut self, client: &Arc<Client>) -> bool
    where
        V::Figures: Into<PartFigures>,
    {
        let saved = self.save(client, COMMIT);
        if saved {
            match self.worker.flush() {
                Ok(()) => self.commit(client, true),
                Err(trouble) => tracing::warn!("{}: {trouble}", V::NAME),
            }
            self.hand_over(true);
        }
        self.show_all(true);
        saved
    }

    /// Discards the state: the log in Kafka was replaced, or lacks records that were read.
    fn set_aside(&mut self, why: &str) -> Result<Ended, ConsumerError> {
        self.worker.reset()?;
        self.env.model.clear(V::NAME);
        self.say(Severity::Warning, Sentence::LogDoesNotFit { view: V::NAME, why: why.to_owned() });
        Ok(Ended::Again(why.to_owned()))
    }
}

impl<V: View<Figures: Into<PartFigures>>, O: Output<V> + 'static> Processor for ViewProcessor<V, O> {
    const NAME: &'static str = V::NAME;
    const SOURCES: &'static [Source] = V::SOURCES;

    fn assigned(&mut self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String> {
        self.take_over(parts, &committed(CALL)?)
    }

    fn revoked(&mut self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)> {
        self.give_back(parts, lost)
    }

    fn take(&mut self, client: &Arc<Client>, stretch: &Stretch) -> Result<Option<Ended>, ConsumerError> {
        let part = stretch.part();
        self.taking = true;
        let end = self.env.until.as_ref().and_then(|until| until.end(part));
        for record in stretch.records() {
            // Records beyond the end are skipped, unless one must prove that this is the same log.
            let is_behind_end = end.is_some_and(|end| record.offset() >= end);
            if is_behind_end && !self.worker.is_expecting(part) {
                continue;
            }
            if self.worker.take(part, record) == Taken::OtherLog {
                return self.set_aside("the log holds other records than those that were read").map(Some);
            }
        }
        self.at_end |= end.is_some_and(|end| stretch.next() >= end);
        if self.env.until.is_none() {
            self.end_seen.insert(part, stretch.next());
        }
        if self.worker.is_full() {
            self.save(client, COMMIT);
        }
        Ok(self.broken.take().map(Ended::Again))
    }

    fn has_room(&self) -> bool {
        self.trouble.is_none() && !self.worker.is_full()
    }

    fn is_due(&self) -> bool {
        self.at_end
    }

    fn tick(&mut self, client: &Arc<Client>) -> Result<Option<Ended>, ConsumerError> {
        self.at_end = false;
        if self.saved.elapsed() >= self.interval {
            self.save(client, Duration::ZERO);
        }
        self.show_all(false);
        if let Some(why) = self.broken.take() {
            return Ok(Some(Ended::Again(why)));
        }
        let taking = std::mem::take(&mut self.taking);
        let Some(until) = self.env.until.clone() else { return Ok(None) };
        if !self.has_reached(&until, taking)? {
            return Ok(None);
        }
        if let Some(last) = until.shop_second() {
            self.worker.close_before(self.env.zone.date(last));
        }
        // A second checkpoint records that the files were written.
        Ok((self.save(client, COMMIT) && self.save_last(client)).then_some(Ended::Done))
    }

    fn show(&mut self) {
        self.show_new();
    }

    fn finish(&mut self, client: &Arc<Client>) {
        self.save_last(client);
    }

    fn anchors(&self) -> HashMap<Part, Fingerprint> {
        self.worker.anchors()
    }

    fn logs_are_same(&mut self, _: &HashMap<Source, u64>) {
        // The logs of partitions that others own may have been replaced.
        self.worker.forget_others();
        self.handovers = None;
    }

    fn start_again(&mut self, _: &Arc<Client>, _: &[Part], why: &str) -> Result<Ended, ConsumerError> {
        self.set_aside(why)
    }

    fn committed(&self) -> HashMap<Part, Committed> {
        self.committed.clone()
    }

    fn health(&self) -> (usize, Option<Sentence>) {
        (self.worker.positions().count(), self.trouble.clone().map(Sentence::Text))
    }

    fn retire(&mut self) {
        self.worker.retire();
    }
}
