//! The reader of the logs: fetches and decodes each record once for all consumers of a process.
//!
//! Consumers subscribe to partitions from an offset on. For one that is a little behind, the reader seeks back, and the
//! others skip what they know; one that is far behind, or takes nothing for a while, must fetch by itself.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    context::{Ended, Env},
    fetcher::Fetcher,
    inbox::Inbox,
};
use crate::{
    consumer::{Batch, Part, Start},
    stream::StreamError,
};

/// How many offsets the reader seeks back for a consumer, at most.
pub(super) const READ_AGAIN: i64 = 10_000;
/// A consumer with a full queue that has taken nothing for this long must fetch by itself.
const STUCK: Duration = Duration::from_secs(1);
/// How long the first fetch waits, after the first subscription, for the other consumers of the process: so they share
/// one pass over the log.
const GATHERING: Duration = Duration::from_millis(250);
/// Period of the check for fetches of transaction markers alone.
const MARKERS: Duration = Duration::from_secs(1);

/// The consumers' handle on the reader.
#[derive(Clone)]
pub struct LogReader(Arc<Shared>);

struct Shared {
    commands: UnboundedSender<Command>,
    /// Taken by the task that runs.
    received: tokio::sync::Mutex<UnboundedReceiver<Command>>,
    /// Where the reader is in each partition.
    positions: Mutex<HashMap<Part, i64>>,
    numbers: AtomicU64,
    /// How many consumers of this process will subscribe.
    expected: AtomicUsize,
}

enum Command {
    Subscribe(Part, Start, Subscriber),
    Unsubscribe(Part, u64),
}

/// One consumer's subscription to one partition; dropping it notifies the consumer.
struct Subscriber {
    part: Part,
    number: u64,
    inbox: Arc<Inbox>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.inbox.end(self.part, self.number);
    }
}

impl Default for LogReader {
    fn default() -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        Self(Arc::new(Shared {
            commands,
            received: tokio::sync::Mutex::new(received),
            positions: Mutex::default(),
            numbers: AtomicU64::new(0),
            expected: AtomicUsize::new(0),
        }))
    }
}

impl LogReader {
    /// Sets how many consumers will subscribe.
    pub fn expect(&self, consumers: usize) {
        self.0.expected.store(consumers, Ordering::Relaxed);
    }

    /// Subscribes to a partition; returns the subscription's number. A refusal comes through the inbox.
    pub(super) fn subscribe(&self, part: Part, start: Start, inbox: &Arc<Inbox>) -> u64 {
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { part, number, inbox: Arc::clone(inbox) };
        // If the reader has stopped, the dropped subscriber notifies its consumer.
        let _ = self.0.commands.send(Command::Subscribe(part, start, subscriber));
        number
    }

    /// Ends a subscription.
    pub(super) fn unsubscribe(&self, part: Part, number: u64) {
        let _ = self.0.commands.send(Command::Unsubscribe(part, number));
    }

    /// The offset that the reader reads next of a partition, where it reads it.
    pub(super) fn position(&self, part: Part) -> Option<i64> {
        self.0.positions.lock().unwrap_or_else(PoisonError::into_inner).get(&part).copied()
    }

    /// Reads until told to stop. After a failure the subscribers fetch by themselves until the next run.
    ///
    /// # Errors
    ///
    /// Where the client cannot be made or does not take a partition.
    pub async fn run(&self, env: &Env) -> Result<Ended, StreamError> {
        let mut commands = self.0.received.lock().await;
        let mut reading = Reading {
            shared: &self.0,
            fetcher: Fetcher::new(env)?,
            subscribers: BTreeMap::new(),
            begins: None,
        };
        let ended = reading.run(&mut commands, &env.stop).await;
        self.0.positions.lock().unwrap_or_else(PoisonError::into_inner).clear();
        reading.fetcher.let_go();
        ended
    }
}

struct Reading<'a> {
    shared: &'a Shared,
    fetcher: Fetcher,
    subscribers: BTreeMap<Part, Vec<Subscriber>>,
    /// When the first fetch begins, while consumers gather.
    begins: Option<Instant>,
}

impl Reading<'_> {
    async fn run(
        &mut self,
        commands: &mut UnboundedReceiver<Command>,
        stop: &CancellationToken,
    ) -> Result<Ended, StreamError> {
        let mut markers = interval(MARKERS);
        markers.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let (gathers, begins) = (self.begins.is_some(), self.begins.unwrap_or_else(Instant::now));
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(Ended::Done),
                Some(command) = commands.recv() => {
                    let mut next = Some(command);
                    while let Some(command) = next {
                        self.obey(command)?;
                        next = commands.try_recv().ok();
                    }
                }
                () = sleep_until(begins), if gathers => self.begins = None,
                _ = markers.tick(), if !self.fetcher.is_idle() => {
                    let batches = self.fetcher.markers();
                    self.hand_out(batches).await?;
                }
                fetched = self.fetcher.next(), if !gathers && !self.fetcher.is_idle() => match fetched {
                    Ok(batches) => self.hand_out(batches).await?,
                    Err(why) => return Ok(Ended::Again(why)),
                },
            }
            // Otherwise an endless stream of records would starve other tasks of this thread.
            tokio::task::yield_now().await;
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), StreamError> {
        match command {
            Command::Subscribe(part, start, subscriber) => self.subscribe(part, start, subscriber),
            Command::Unsubscribe(part, number) => self.remove(part, |subscriber| subscriber.number == number),
        }
    }

    fn subscribe(&mut self, part: Part, start: Start, subscriber: Subscriber) -> Result<(), StreamError> {
        let from = match start {
            Start::Beginning => 0,
            Start::Offset(offset) => offset,
        };
        if self.fetcher.is_idle() {
            self.begins = Some(Instant::now() + GATHERING);
        }
        match self.fetcher.position(part) {
            Some(position) if from >= position => {}
            Some(position) if self.begins.is_none() && position - from > READ_AGAIN => return Ok(()),
            _ => {
                self.fetcher.assign(part, start)?;
                self.note(part);
            }
        }
        self.subscribers.entry(part).or_default().push(subscriber);
        if self.begins.is_some() {
            let mut inboxes: Vec<_> = self
                .subscribers
                .values()
                .flatten()
                .map(|subscriber| Arc::as_ptr(&subscriber.inbox))
                .collect();
            inboxes.sort_unstable();
            inboxes.dedup();
            let all = inboxes.len() >= self.shared.expected.load(Ordering::Relaxed);
            self.begins = (!all).then(|| Instant::now() + GATHERING);
        }
        Ok(())
    }

    /// Hands each batch to all who subscribe to its partition.
    async fn hand_out(&mut self, batches: Vec<Batch>) -> Result<(), StreamError> {
        for batch in batches {
            let (part, batch) = (batch.part, Arc::new(batch));
            let mut stuck = Vec::new();
            for subscriber in self.subscribers.get(&part).into_iter().flatten() {
                if !subscriber.inbox.push(&batch, STUCK).await {
                    stuck.push(Arc::clone(&subscriber.inbox));
                }
            }
            for inbox in stuck {
                let parts: Vec<Part> = self.subscribers.keys().copied().collect();
                for part in parts {
                    self.remove(part, |subscriber| Arc::ptr_eq(&subscriber.inbox, &inbox))?;
                }
            }
            self.note(part);
        }
        Ok(())
    }

    fn remove(&mut self, part: Part, goes: impl Fn(&Subscriber) -> bool) -> Result<(), StreamError> {
        if let Some(subscribers) = self.subscribers.get_mut(&part) {
            subscribers.retain(|subscriber| !goes(subscriber));
            if subscribers.is_empty() {
                self.subscribers.remove(&part);
                self.fetcher.unassign(part)?;
                self.note(part);
            }
        }
        Ok(())
    }

    /// Tells where the reader is in a partition.
    fn note(&self, part: Part) {
        let mut positions = self.shared.positions.lock().unwrap_or_else(PoisonError::into_inner);
        match self.fetcher.position(part) {
            Some(position) => positions.insert(part, position),
            None => positions.remove(&part),
        };
    }
}
