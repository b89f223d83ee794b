//! The loop that every consumer runs in: partitions come and go, records are taken, and what is due is done.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{consumer::Consumer as _, error::RDKafkaErrorCode};

use super::{
    env::{Ended, Env},
    input::{Input, Stretch},
    member::{self, AskCommitted, Change, Client, Committed, RebalanceListener, why_again},
    ownership::Ownership,
    processor::{ConsumerError, Processor},
    ticker::Ticker,
    watch::watch_over,
};
use crate::{
    consumer::{Part, Start},
    messages::Sentence,
    stream::log_identity,
    views::Source,
};

/// While records never end, figures are shown as often as a screen can use them, wall time.
const SHOWN: Duration = Duration::from_millis(100);
/// As long as a heartbeat and its answer may take: one goes out each second.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Runs a consumer until it is told to stop, has reached its end, or must begin again.
pub(super) async fn run<P: Processor>(
    env: &Env,
    processor: P,
    ownership: &Arc<Ownership>,
) -> Result<Ended, ConsumerError> {
    let shared = Arc::new(Shared { env: env.clone(), processor: Mutex::new(processor) });
    let listener: Arc<dyn RebalanceListener> = shared.clone();
    let shared = Retiring(shared);
    let client = Arc::new(member::join(env, P::NAME, P::SOURCES, listener)?);
    // Whether it has partitions is told to the first poll.
    let mut begin = env.begin.subscribe();
    if env.stop.run_until_cancelled(begin.wait_for(|begun| *begun)).await.is_none() {
        drop(shared);
        member::leave(env, client, P::NAME).await;
        return Ok(Ended::Done);
    }
    ownership.renew();
    let _guard = watch_over(env, P::NAME, ownership);
    // Nothing was read yet: whatever became of the logs until now, they are those that it begins with.
    let replaced = env.model.replaced();
    shared.0.processor().logs_are_same(&replaced);
    let mut consumer = Consumer {
        env,
        client,
        shared,
        ownership,
        input: Input::new(env),
        records: 0,
        shown: Instant::now(),
        replaced,
    };
    let ended = consumer.run().await;
    if !matches!(ended, Ok(Ended::Done)) {
        env.ids.doubt();
    }
    consumer.refuse_copy().await;
    // What is refused may be another's already: it gives nothing back.
    let for_good = matches!(ended, Ok(Ended::Done)) && env.model.refused().is_none();
    consumer.end(for_good).await;
    ended
}

/// A processor, as the loop and the rebalance callback share it.
struct Shared<P> {
    env: Env,
    processor: Mutex<P>,
}

impl<P> Shared<P> {
    fn processor(&self) -> MutexGuard<'_, P> {
        self.processor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Processor> RebalanceListener for Shared<P> {
    fn assigned(&self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String> {
        self.env.model.rebalanced(P::NAME);
        self.processor().assigned(parts, committed)
    }

    fn revoked(&self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)> {
        self.processor().revoked(parts, lost)
    }
}

/// The loop's own hold on the processor. When the loop ends, also by a panic, it retires: the client that goes calls it
/// once more, maybe when its successor has the files.
struct Retiring<P: Processor>(Arc<Shared<P>>);

impl<P: Processor> Drop for Retiring<P> {
    fn drop(&mut self) {
        self.0.processor().retire();
    }
}

struct Consumer<'a, P: Processor> {
    env: &'a Env,
    // Before the client, so that it is dropped first.
    shared: Retiring<P>,
    client: Arc<Client>,
    ownership: &'a Arc<Ownership>,
    input: Input,
    records: u64,
    shown: Instant,
    /// How often which log was another one when this loop began.
    replaced: HashMap<Source, u64>,
}

impl<P: Processor> Consumer<'_, P> {
    fn processor(&self) -> MutexGuard<'_, P> {
        self.shared.0.processor()
    }

    async fn run(&mut self) -> Result<Ended, ConsumerError> {
        let client = Arc::clone(&self.client);
        let mut ticker = Ticker::new(self.env.until.is_some());
        loop {
            let (room, due) = {
                let processor = self.processor();
                (processor.has_room(), processor.is_due())
            };
            tokio::select! {
                biased;
                () = self.env.stop.cancelled() => {
                    // What is refused may be another's already.
                    if self.env.model.refused().is_none() {
                        self.processor().finish(&client);
                    }
                    return Ok(Ended::Done);
                }
                () = async { if !due { ticker.tick().await } } => {
                    let ended = self.tick()?;
                    ticker.rest();
                    if let Some(ended) = ended {
                        return Ok(ended);
                    }
                }
                () = client.context().changed() => {}
                received = client.recv() => self.member_said(received.map(drop))?,
                stretch = self.input.next(), if room => {
                    let taken = match stretch {
                        Ok(stretch) => self.take(&stretch)?,
                        Err(why) => Some(Ended::Again(why)),
                    };
                    if let Some(ended) = taken {
                        return Ok(ended);
                    }
                }
            }
            let changes = client.context().take_changes();
            if !changes.is_empty() {
                let assigned = changes.iter().filter_map(|change| match change {
                    Change::Assigned(part, _) => Some(*part),
                    Change::Revoked(_) => None,
                });
                if let Err(why) = self.env.ids.prove(&self.env.session, assigned) {
                    return Ok(Ended::Again(why));
                }
            }
            for change in changes {
                match change {
                    Change::Assigned(part, start) => {
                        if let Err(why) = self.input.assign(part, start) {
                            return Ok(Ended::Again(why));
                        }
                    }
                    Change::Revoked(part) => self.input.unassign(part)?,
                }
            }
            if let Some(trouble) = client.context().trouble() {
                return Ok(Ended::Again(trouble));
            }
            if let Some(ended) = self.other_log()? {
                return Ok(ended);
            }
            if !self.holds() {
                return Ok(Ended::Again("other processes may have its partitions".to_owned()));
            }
            self.ownership.renew();
            // Where records never end, a thread that takes them would do nothing else.
            tokio::task::yield_now().await;
        }
    }

    /// A member is handed no records: what it receives is an error.
    fn member_said(&self, received: Result<(), rdkafka::error::KafkaError>) -> Result<(), ConsumerError> {
        let Err(error) = received else { return Ok(()) };
        if why_again(&error).is_some() {
            return Err(error.into());
        }
        self.env.model.failed(P::NAME);
        tracing::debug!("{}: {error}", P::NAME);
        Ok(())
    }

    fn holds(&self) -> bool {
        let committed = || self.processor().committed();
        !self.ownership.is_lost() && self.ownership.holds(&self.client, committed)
    }

    fn tick(&mut self) -> Result<Option<Ended>, ConsumerError> {
        if !self.holds() {
            return Ok(None);
        }
        self.input.tick()?;
        member::rejoin_if_abandoned(self.env, &self.client, P::NAME);
        let ended = self.processor().tick(&self.client)?;
        self.tell_health();
        self.shown = Instant::now();
        Ok(ended)
    }

    fn take(&mut self, stretch: &Stretch) -> Result<Option<Ended>, ConsumerError> {
        self.records += stretch.records().len() as u64;
        let ended = self.processor().take(&self.client, stretch)?;
        trace_delay(P::NAME, stretch);
        if ended.is_none()
            && self.env.model.is_watched()
            && (self.input.is_empty() || self.shown.elapsed() >= SHOWN)
        {
            self.processor().show();
            self.tell_health();
            self.shown = Instant::now();
        }
        Ok(ended)
    }

    fn tell_health(&self) {
        let (partitions, trouble) = self.processor().health();
        self.env.model.set_group(P::NAME, partitions, self.records, trouble);
    }

    /// Where a log was seen to be another one: whether it is what this state is from that is gone, not what it was
    /// begun with since.
    fn other_log(&mut self) -> Result<Option<Ended>, ConsumerError> {
        let replaced = self.env.model.replaced();
        if P::SOURCES.iter().all(|source| replaced.get(source) == self.replaced.get(source)) {
            return Ok(None);
        }
        let known = self.processor().anchors();
        match log_identity::others(&self.env.session, &known) {
            Ok(others) => {
                if others.is_empty() {
                    self.processor().logs_are_same(&replaced);
                    self.replaced = replaced;
                    return Ok(None);
                }
                let parts: Vec<Part> = others.into_iter().collect();
                let why = "a topic was deleted and made again";
                self.processor().start_again(&self.client, &parts, why).map(Some)
            }
            Err(error) => {
                tracing::debug!("{}: whether its log is another one is not known: {error}", P::NAME);
                Ok(None)
            }
        }
    }

    /// Ends the process where another one has joined its groups under the same instance (KIP-345): in turns they would
    /// put each other out for ever. What else fails may be the first sign of it: then the next heartbeat is waited for.
    async fn refuse_copy(&self) {
        let is_fenced = || {
            let fatal = self.client.client().fatal_error();
            fatal.is_some_and(|(code, _)| code == RDKafkaErrorCode::FencedInstanceId)
        };
        let deadline = Instant::now() + HEARTBEAT;
        while !is_fenced() {
            if !self.processor().may_be_fenced() || Instant::now() >= deadline {
                return;
            }
            // Its errors are told to whoever polls.
            let _ = tokio::time::timeout(SHOWN, self.client.recv()).await;
        }
        self.env.refuse(Sentence::FolderCopied { instance: self.env.instance.to_string() });
    }

    /// Ends the membership where the run ends for good; else the next run goes on with it.
    async fn end(self, for_good: bool) {
        let Self { env, shared, client, input, .. } = self;
        drop((shared, input));
        if for_good {
            member::leave(env, client, P::NAME).await;
        } else {
            crate::stream::let_go(client);
        }
    }
}

/// Logs how late records were applied, in ms of wall time since Kafka stamped them: for benchmarks.
fn trace_delay(name: &str, stretch: &Stretch) {
    if !tracing::enabled!(target: "shop_sim::latency", tracing::Level::TRACE) {
        return;
    }
    let now = chrono::Utc::now().timestamp_millis();
    if let (Some(first), Some(last)) = (stretch.records().first(), stretch.records().last()) {
        let (oldest, newest) = (now - first.fingerprint.timestamp, now - last.fingerprint.timestamp);
        let count = stretch.records().len();
        tracing::trace!(
            target: "shop_sim::latency",
            "applied view={name} orders={count} oldest_ms={oldest} newest_ms={newest}"
        );
    }
}
