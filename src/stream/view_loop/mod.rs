//! The loop that every view runs in: records from its group in, figures and checkpoints out.

mod save;
mod shared;
mod show;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    Message,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use shared::{Hold, Shared};

use super::{
    StreamError,
    board::PartState,
    env::{Ended, Env},
    group::{Member, settings},
};
use crate::{
    consumer::{Output, Part, Record, Taken, Trouble, Worker},
    dashboard::snapshot::{Said, Weight},
    sinks::files::Files,
    store::Store,
    views::{View, figures::ReportNote},
};

/// How often figures go to the board.
const TICK: Duration = Duration::from_millis(250);
/// How often checkpoints are made and figures published.
const INTERVAL: Duration = Duration::from_secs(1);
/// Records taken between two looks at the clock.
const GULP: usize = 2_000;

/// Runs one view until it is told to stop, has reached its end, or must be built again.
pub async fn run<V, O, S, F>(env: &Env, output: O, store: S, files: F) -> Result<Ended, ViewError>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    let (worker, anew) = Worker::<V, O, S, F>::open(env.zone, output, store, files)?;
    if anew {
        env.board.say(
            env.clock.now().unwrap_or_default(),
            Weight::Warning,
            Said::FilesDoNotFit { view: V::NAME },
        );
    }
    let shared = Arc::new(Shared {
        worker: Mutex::new(worker),
        clock: env.clock.clone(),
        board: Arc::clone(&env.board),
        lost: Mutex::new(false),
    });
    let member = Member::new(&env.session, V::SOURCES, Arc::clone(&shared));
    let group = env.session.group(V::NAME);
    let consumer: Client<V, O, S, F> =
        env.session.client(&settings(&group, &env.instance)).create_with_context(member)?;
    consumer.subscribe(&consumer.context().topics())?;
    let mut turn = Turn {
        env,
        shared: Hold(shared),
        consumer: Arc::new(consumer),
        records: 0,
        saved: Instant::now(),
        published: HashMap::new(),
        end_seen: HashMap::new(),
        at_end: HashSet::new(),
        trouble: None,
        broken: None,
        cluster: None,
        paused: false,
        reports: None,
        _view: std::marker::PhantomData,
    };
    let ended = turn.run().await;
    turn.leave();
    ended
}

/// Why a view could not run.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The checkpoint or the files.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// Kafka.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<KafkaError> for ViewError {
    fn from(error: KafkaError) -> Self {
        Self::Stream(error.into())
    }
}

type Client<V, O, S, F> = StreamConsumer<Member<Shared<V, O, S, F>>>;

struct Turn<'a, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    env: &'a Env,
    // Before the consumer, so that it is dropped first.
    shared: Hold<V, O, S, F>,
    consumer: Arc<Client<V, O, S, F>>,
    records: u64,
    saved: Instant,
    published: HashMap<Part, PartState>,
    /// By partition: the end of the log at which it was last seen to hold nothing more.
    end_seen: HashMap<Part, i64>,
    /// Partitions with nothing more to read since their last record.
    at_end: HashSet<Part>,
    trouble: Option<String>,
    /// Why it must be built again from its checkpoint.
    broken: Option<String>,
    /// Which Kafka the records come from.
    cluster: Option<String>,
    paused: bool,
    reports: Option<Vec<ReportNote>>,
    _view: std::marker::PhantomData<V>,
}

impl<V, O, S, F> Turn<'_, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    async fn run(&mut self) -> Result<Ended, ViewError> {
        let consumer = Arc::clone(&self.consumer);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.env.stop.cancelled() => {
                    self.save();
                    self.show(true);
                    return Ok(Ended::Done);
                }
                _ = tick.tick() => {
                    if self.look_after()? {
                        return Ok(Ended::Done);
                    }
                }
                received = consumer.recv() => {
                    let mut next = Some(received);
                    let mut left = GULP;
                    while let Some(received) = next.take() {
                        if let Some(again) = self.received(received)? {
                            return Ok(again);
                        }
                        left -= 1;
                        // What is received must be taken: no look after the last one.
                        if left > 0 {
                            next = consumer.recv().now_or_never();
                        }
                    }
                    if self.shared.worker().is_full() {
                        self.save();
                    }
                }
            }
            if let Some(trouble) = consumer.context().trouble() {
                return Ok(Ended::Again(trouble));
            }
            if self.shared.is_lost() {
                return Ok(Ended::Again("it lost its partitions".to_owned()));
            }
            if let Some(why) = self.broken.take() {
                return Ok(Ended::Again(why));
            }
        }
    }

    fn received(
        &mut self,
        received: Result<BorrowedMessage<'_>, KafkaError>,
    ) -> Result<Option<Ended>, ViewError> {
        match received {
            Ok(message) => self.take(&message),
            Err(KafkaError::PartitionEOF(partition)) => {
                // An end is told by the partition's number alone.
                if let [source] = V::SOURCES {
                    self.at_end.insert(Part { source: *source, partition });
                }
                Ok(None)
            }
            Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange),
            )) => {
                self.start_again(&format!("the log does not reach back or forward to its position ({code})"))
            }
            Err(KafkaError::MessageConsumptionFatal(code)) => Ok(Some(Ended::Again(code.to_string()))),
            Err(error) => {
                self.env.board.failed(V::NAME);
                tracing::debug!("{}: {error}", V::NAME);
                Ok(None)
            }
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<Option<Ended>, ViewError> {
        let Some(part) = self.consumer.context().part(message.topic(), message.partition()) else {
            return Ok(None);
        };
        // What lies behind the end is passed over, unless it is to show whether this is the same log.
        if self.env.until.as_ref().is_some_and(|until| !until.takes(part, message.offset()))
            && !self.shared.worker().is_expecting(part)
        {
            return Ok(None);
        }
        let record = Record {
            part,
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or_default(),
            key: message.key(),
            payload: message.payload(),
        };
        let taken = self.shared.worker().take(&record);
        match taken {
            Taken::Yes => {
                self.records += 1;
                self.at_end.remove(&part);
                self.end_seen.remove(&part);
                Ok(None)
            }
            Taken::Before => Ok(None),
            Taken::OtherLog => self.start_again("the log holds other records than those that were read"),
        }
    }

    /// Sets the state aside: what lies in Kafka is another log, or lacks what was read.
    fn start_again(&mut self, why: &str) -> Result<Option<Ended>, ViewError> {
        tokio::task::block_in_place(|| self.shared.worker().reset())?;
        self.env.board.clear(V::NAME);
        let said = Said::LogDoesNotFit { view: V::NAME, why: why.to_owned() };
        self.env.board.say(self.env.clock.now().unwrap_or_default(), Weight::Warning, said);
        Ok(Some(Ended::Again(why.to_owned())))
    }

    fn leave(self) {
        let Self { shared, consumer, .. } = self;
        drop(shared);
        super::let_go(consumer);
    }
}
