//! The event loop of every consumer: applies rebalances, passes records to its processor, and ticks once a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{consumer::Consumer as _, error::RDKafkaErrorCode};

use super::{
    context::{Ended, Env},
    group_member::{self, AskCommitted, Change, Client, Committed, RebalanceListener, why_again},
    ownership::Ownership,
    processor::{ConsumerError, Processor},
    record_source::{RecordSource, Stretch},
    stall_monitor::watch_over,
    ticker::Ticker,
};
use crate::{
    consumer::{Part, Start},
    messages::Sentence,
    stream::{Session, log_identity, published_states::runs_elsewhere},
    views::Source,
};

/// Wall time between two updates of the read model while records arrive without a pause.
const SHOWN: Duration = Duration::from_millis(100);
/// The longest that a heartbeat and its response may take; one is sent each second.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// Runs a consumer until it is told to stop, has reached its end, or must restart.
pub(super) async fn run<P: Processor>(
    env: &Env,
    processor: P,
    ownership: &Arc<Ownership>,
) -> Result<Ended, ConsumerError> {
    let shared = Arc::new(Shared { env: env.clone(), processor: Mutex::new(processor) });
    let listener: Arc<dyn RebalanceListener> = shared.clone();
    let shared = Retiring(shared);
    let client = Arc::new(group_member::join(env, P::NAME, P::SOURCES, listener)?);
    // librdkafka delivers the assignment in the first poll.
    let mut begin = env.begin.subscribe();
    if env.stop.run_until_cancelled(begin.wait_for(|begun| *begun)).await.is_none() {
        drop(shared);
        group_member::leave(env, client, P::NAME, false).await;
        return Ok(Ended::Done);
    }
    ownership.renew();
    let _guard = watch_over(env, P::NAME, ownership);
    // Nothing was read yet, so it does not matter which logs were replaced before now.
    let replaced = env.model.replaced();
    shared.0.processor().logs_are_same(&replaced);
    let mut consumer = Consumer {
        env,
        client,
        shared,
        ownership,
        input: RecordSource::new(env),
        records: 0,
        shown: Instant::now(),
        replaced,
    };
    let ended = consumer.run().await;
    if !matches!(ended, Ok(Ended::Done)) {
        env.ids.doubt();
    }
    consumer.refuse_copy().await;
    // A refused process must not leave the group: another one uses its membership.
    let may_leave = env.model.refused().is_none();
    let must_leave = may_leave && group_member::has_missing_partitions(env, &consumer.client);
    consumer.end(may_leave && matches!(ended, Ok(Ended::Done)), must_leave).await;
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

/// The loop's reference to the processor. Dropping it, also in a panic, retires the processor: the closing client
/// calls its rebalance callback once more, perhaps after the next run has opened the files.
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
    input: RecordSource,
    records: u64,
    shown: Instant,
    /// By log: how often it had been replaced when this loop began.
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
                    // A refused process may have lost its partitions.
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
            // Otherwise an endless stream of records would starve other tasks of this thread.
            tokio::task::yield_now().await;
        }
    }

    /// The member's client fetches no records: it only receives errors.
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
        if group_member::has_missing_partitions(self.env, &self.client) {
            return Ok(Some(Ended::Again("a topic was made again with fewer partitions".to_owned())));
        }
        self.input.tick()?;
        group_member::rejoin_if_abandoned(self.env, &self.client, P::NAME);
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

    /// After a log was seen to be replaced: compares the anchors with it. If this state already follows from the new
    /// log, nothing needs to be done.
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

    /// Ends the process if another one has joined its groups under the same `group.instance.id` (KIP-345): the two would
    /// fence each other for ever. A fenced producer may be the first sign of it; then one more heartbeat is awaited.
    /// A fenced member is no proof: a late `JoinGroup` of a client that this process has dropped fences it too, for
    /// example after a coordinator failover.
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
            // The client reports its errors to a poll.
            let _ = tokio::time::timeout(SHOWN, self.client.recv()).await;
        }
        let (instance, process) = (Arc::clone(&self.env.instance), Arc::clone(&self.env.process));
        let look = move |session: &Session| runs_elsewhere(session, &instance, &process);
        match self.env.session.aside(look).await {
            Ok(true) => self.env.refuse(Sentence::FolderCopied { instance: self.env.instance.to_string() }),
            Ok(false) => tracing::warn!("{}: its member was fenced; it joins again", P::NAME),
            Err(error) => tracing::warn!("{}: whether its folder was copied is not known: {error}", P::NAME),
        }
    }

    /// Leaves the group if the run ends for good, or if it must; otherwise the next run keeps the membership.
    async fn end(self, for_good: bool, must_leave: bool) {
        let Self { env, shared, client, input, .. } = self;
        drop((shared, input));
        if for_good || must_leave {
            group_member::leave(env, client, P::NAME, must_leave).await;
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
