//! The worker, as the loop and the rebalance callback share it.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rdkafka::consumer::Consumer;

use crate::{
    consumer::{Output, Part, Start, Worker},
    dashboard::snapshot::Weight,
    sinks::files::Files,
    store::Store,
    stream::{
        StreamError,
        env::Env,
        group::{AskTold, Keeper, Told, topic_name},
        handovers::Handovers,
        lease::Lease,
    },
    views::View,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(10);

/// A worker, shared by the loop and the rebalance callback.
pub(super) struct Shared<V: View, O, S, F> {
    pub(super) worker: Mutex<Worker<V, O, S, F>>,
    pub(super) env: Env,
    pub(super) lease: Lease,
    lost: Mutex<bool>,
    told: Mutex<Positions>,
}

/// What Kafka knows of the partitions held.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// Those of the last checkpoint, to be told when it is sure to be on disk.
    pub(super) kept: HashMap<Part, Told>,
    /// Those that were told, by us or another.
    pub(super) told: HashMap<Part, Told>,
}

impl<V: View, O: Output<V>, S: Store, F: Files> Shared<V, O, S, F> {
    pub(super) fn new(worker: Worker<V, O, S, F>, env: &Env) -> Self {
        Self {
            worker: Mutex::new(worker),
            env: env.clone(),
            lease: Lease::default(),
            lost: Mutex::new(false),
            told: Mutex::default(),
        }
    }

    pub(super) fn worker(&self) -> MutexGuard<'_, Worker<V, O, S, F>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_lost(&self) -> bool {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn told(&self) -> MutexGuard<'_, Positions> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on nothing is written: the loop starts again from the last checkpoint.
    pub(super) fn lose(&self) {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Hands a partition over to whoever comes next; returns the bytes that it took.
    pub(super) fn hand_over(&self, worker: &Worker<V, O, S, F>, part: Part) -> usize {
        match worker.handover(part) {
            Ok(Some(state)) => self.env.publisher.hand_over(V::NAME, part, &self.env.instance, &state),
            Ok(None) => 0,
            Err(trouble) => {
                tracing::warn!("{}: {part} could not be handed over: {trouble}", V::NAME);
                0
            }
        }
    }

    /// Where a log begins and ends now. Asks for a bounded time.
    fn watermarks(&self, part: Part) -> Result<(i64, i64), StreamError> {
        let session = &self.env.session;
        let probe = session.probe()?;
        let marks = probe.fetch_watermarks(&topic_name(session, part.source), part.partition, CALL);
        crate::stream::let_go(probe);
        Ok(marks?)
    }

    /// Where to read from in a log that retention has taken the last record from, or that has become another one.
    fn fit(&self, worker: &mut Worker<V, O, S, F>, part: Part, start: Start) -> Result<Start, String> {
        let Start::Offset(last) = start else { return Ok(start) };
        let (low, end) = self.watermarks(part).map_err(|error| error.to_string())?;
        let say = |weight, text: &str| {
            let text = format!("{}: {part} {text}.", V::NAME);
            self.env.board.say(self.env.clock.now().unwrap_or_default(), weight, text.clone().into());
            text
        };
        if end <= last {
            worker.reset().map_err(|trouble| trouble.to_string())?;
            worker.retire();
            self.env.board.clear(V::NAME);
            let text =
                "is shorter than what was read of it, so it is another log: everything is computed again";
            return Err(say(Weight::Warning, text));
        }
        if low <= last {
            return Ok(start);
        }
        if worker.skip_to(part, low) {
            say(
                Weight::Warning,
                "has lost records to its retention before they were read: they count nowhere",
            );
        }
        Ok(Start::Offset(low))
    }

    /// What Kafka is to be told, once the checkpoint that was made last is on disk.
    pub(super) fn to_tell(&self, worker: &Worker<V, O, S, F>) -> impl Iterator<Item = (Part, Told)> {
        let known = |part| !worker.is_expecting(part) && worker.may_tell(part);
        worker
            .positions()
            .filter(move |(part, position)| position.next > 0 && known(*part))
            .map(|(part, position)| (part, Told { next: position.next, who: Arc::clone(&self.env.instance) }))
    }

    /// Of partitions that are taken over: those that another instance has read further than the checkpoint here
    /// says, with how far. None where a checkpoint is begun and no other instance is there to share with: what this
    /// one writes is to be whole then.
    fn elsewhere(
        &self,
        worker: &Worker<V, O, S, F>,
        parts: &[Part],
        told: &HashMap<Part, Told>,
    ) -> Result<HashMap<Part, i64>, String> {
        let mut elsewhere = HashMap::new();
        let others = |told: &Told| !told.who.is_empty() && told.who != self.env.instance;
        for (&part, told) in told.iter().filter(|(_, told)| others(told)) {
            if told.next > worker.saved_next(part).map_err(|trouble| trouble.to_string())? {
                elsewhere.insert(part, told.next);
            }
        }
        let ends = self.env.board.ends().by_part;
        let has_all =
            ends.keys().filter(|part| V::SOURCES.contains(&part.source)).all(|part| parts.contains(part));
        if has_all && worker.is_blank().map_err(|trouble| trouble.to_string())? {
            elsewhere.clear();
        }
        Ok(elsewhere)
    }
}

/// A loop's own hold on what it shares. When the loop ends, also by a panic, the worker retires: the consumer's
/// farewell calls it once more, maybe when its successor has the files.
pub(super) struct Hold<V: View, O: Output<V>, S: Store, F: Files>(pub(super) Arc<Shared<V, O, S, F>>);

impl<V: View, O: Output<V>, S: Store, F: Files> Deref for Hold<V, O, S, F> {
    type Target = Shared<V, O, S, F>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V: View, O: Output<V>, S: Store, F: Files> Drop for Hold<V, O, S, F> {
    fn drop(&mut self) {
        self.worker().retire();
    }
}

impl<V, O, S, F> Keeper for Shared<V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    fn assign(&self, parts: &[Part], told: AskTold<'_>) -> Result<Vec<Start>, String> {
        self.env.board.rebalanced(V::NAME);
        let mut worker = self.worker();
        let told = told()?;
        let elsewhere = self.elsewhere(&worker, parts, &told)?;
        let mut handed = None;
        if !elsewhere.is_empty() {
            let mut reading =
                Handovers::open(&self.env.session, V::NAME).map_err(|error| error.to_string())?;
            if !reading.catch_up() {
                return Err(
                    "what others hand over on the topic of states cannot be read to its end".to_owned()
                );
            }
            let count = elsewhere.len();
            let text =
                format!("{}: goes on with {count} partitions from where another process was.", V::NAME);
            self.env.board.say(self.env.clock.now().unwrap_or_default(), Weight::Info, text.into());
            handed = Some(reading);
        }
        let starts = parts.iter().map(|part| {
            let start = match elsewhere.get(part) {
                Some(until) => {
                    let state = handed.as_ref().and_then(|handed| handed.of(*part));
                    worker.inherit(*part, state.as_ref(), *until)
                }
                None => worker.assign(*part),
            };
            let start = start.map_err(|trouble| trouble.to_string())?;
            self.fit(&mut worker, *part, start)
        });
        let starts = starts.collect();
        if let Some(handed) = handed {
            crate::stream::let_go(handed);
        }
        // What nobody has told yet is 0, which is how it is read anyhow.
        let nothing = Told { next: 0, who: Arc::clone(&self.env.instance) };
        let known = |part| (part, told.get(&part).cloned().unwrap_or_else(|| nothing.clone()));
        self.told().told.extend(parts.iter().copied().map(known));
        self.lease.renew();
        starts
    }

    fn revoke(&self, parts: &[Part], lost: bool) -> Vec<(Part, Told)> {
        let mut worker = self.worker();
        // What another member reads already must not go to our files too: the loop starts again from the
        // last checkpoint. The same where no checkpoint can be made now.
        let saved = !lost
            && !self.is_lost()
            && worker.checkpoint(self.env.clock.now()).and_then(|()| worker.flush()).is_ok();
        let mut positions = Vec::new();
        if saved {
            positions.extend(self.to_tell(&worker).filter(|(part, _)| parts.contains(part)));
            for (part, _) in &positions {
                self.hand_over(&worker, *part);
            }
        } else {
            self.lose();
        }
        worker.revoke(parts);
        let mut told = self.told();
        told.kept.retain(|part, _| !parts.contains(part));
        told.told.retain(|part, _| !parts.contains(part));
        positions
    }
}
