//! The loop that every view runs in: records from its group in, figures and checkpoints out.

mod save;
mod shared;
mod show;
mod watch;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use rdkafka::{
    Message, TopicPartitionList,
    consumer::{CommitMode, Consumer, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
};
use save::Handed;
use shared::{Hold, Shared};
use watch::watch_over;

use super::{
    StreamError, anchors,
    board::PartState,
    env::{Ended, Env},
    gathering::{Gathering, settings},
    group::{Keeper, Member, record, why_again},
    handovers::Handovers,
    until::Others,
};
use crate::{
    consumer::{Output, Part, Taken, Trouble, Worker},
    dashboard::snapshot::{Said, Weight},
    sinks::files::Files,
    store::Store,
    views::{Source, View, figures::ReportNote},
};

/// How often checkpoints are made, at a beat that may be a little early: where they bring rows, mails and reports to files
/// each second, elsewhere every other one: what a kill takes back there is read again.
const OFTEN: Duration = Duration::from_millis(900);
const SELDOM: Duration = Duration::from_millis(1_900);
/// Records taken between two looks at the clock.
const GULP: usize = 2_000;
/// How long Kafka may take to say whether it knows us.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs one view until it is told to stop, has reached its end, or must be built again.
pub async fn run<V, O, S, F>(env: &Env, output: O, store: S, files: F) -> Result<Ended, ViewError>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    let interval = if output.folders().is_empty() { SELDOM } else { OFTEN };
    let (worker, anew) = Worker::<V, O, S, F>::open(env.zone, output, store, files)?;
    if anew {
        env.board.say(
            env.clock.now().unwrap_or_default(),
            Weight::Warning,
            Said::FilesDoNotFit { view: V::NAME },
        );
    }
    let shared = Arc::new(Shared::new(worker, env));
    let member = Member::new(&env.session, V::SOURCES, Arc::clone(&shared));
    let _guard = watch_over(&shared);
    let group = env.session.group(V::NAME);
    let settings = settings(&group, &env.instance, Gathering::of(env, V::NAME));
    let consumer: Client<V, O, S, F> = env.session.client(&settings).create_with_context(member)?;
    consumer.subscribe(&consumer.context().topics())?;
    let mut turn = Turn {
        env,
        shared: Hold(shared),
        consumer: Arc::new(consumer),
        records: 0,
        saved: Instant::now(),
        interval,
        handed: HashMap::new(),
        others: None,
        published: HashMap::new(),
        elsewhere: Others::default(),
        end_seen: HashMap::new(),
        replaced: env.board.replaced(),
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
    interval: Duration,
    handed: HashMap<Part, Handed>,
    /// What others hand over, while it is needed.
    others: Option<Handovers>,
    /// Who else has partitions to work off, with `--until-end`.
    elsewhere: Others,
    published: HashMap<Part, PartState>,
    /// By partition: up to where there is nothing that was not read, transaction markers behind the last record
    /// included.
    end_seen: HashMap<Part, i64>,
    /// How often which log was another one when this loop began.
    replaced: HashMap<Source, u64>,
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
        let mut beat = self.env.beat();
        loop {
            tokio::select! {
                biased;
                () = self.env.stop.cancelled() => {
                    self.finish();
                    return Ok(Ended::Done);
                }
                () = beat.tick() => {
                    if self.look_after()? {
                        return Ok(Ended::Done);
                    }
                    // Where a look takes longer than a beat, the next one is due already: records must come in between.
                    if let Some(received) = consumer.recv().now_or_never()
                        && let Some(again) = self.gulp(&consumer, received)?
                    {
                        return Ok(again);
                    }
                }
                received = consumer.recv() => {
                    if let Some(again) = self.gulp(&consumer, received)? {
                        return Ok(again);
                    }
                }
            }
            if let Some(trouble) = consumer.context().trouble() {
                return Ok(Ended::Again(trouble));
            }
            if self.is_other_log()
                && let Some(again) = self.start_again("a topic was deleted and made again")?
            {
                return Ok(again);
            }
            if let Some(why) = self.broken.take() {
                return Ok(Ended::Again(why));
            }
            if !self.holds() {
                return Ok(Ended::Again("other processes may have its partitions".to_owned()));
            }
            self.shared.lease.renew();
            // Where records never end, a thread that takes them would do nothing else.
            tokio::task::yield_now().await;
        }
    }

    /// Where a log was seen to be another one: whether it is what this state is from that is gone, not what it was
    /// begun with since.
    fn is_other_log(&mut self) -> bool {
        let replaced = self.env.board.replaced();
        if V::SOURCES.iter().all(|source| replaced.get(source) == self.replaced.get(source)) {
            return false;
        }
        let known = self.shared.worker().anchors();
        match anchors::others(&self.env.session, &known) {
            Ok(others) => {
                self.replaced = replaced;
                !others.is_empty()
            }
            Err(error) => {
                tracing::debug!("{}: whether its log is another one is not known: {error}", V::NAME);
                false
            }
        }
    }

    /// Whether Kafka still knows this member: it takes from it once more what it knows. Asks for a bounded time.
    fn is_member(&self) -> bool {
        let told = self.shared.told().told.clone();
        tracing::debug!(
            "{}: nothing is known of its partitions for {:?}",
            V::NAME,
            self.shared.lease.silence()
        );
        told.is_empty() || tell_within(&self.consumer, self.consumer.context().telling(told), PATIENCE)
    }

    /// Whether the partitions held are surely still our own.
    fn holds(&self) -> bool {
        if self.shared.is_lost() {
            return false;
        }
        let ours = !self.consumer.assignment_lost() && (!self.shared.lease.is_stale() || self.is_member());
        if !ours {
            self.shared.lose();
        }
        ours
    }

    /// Takes what was received and what else is there, up to a limit.
    fn gulp(
        &mut self,
        consumer: &Client<V, O, S, F>,
        first: Result<BorrowedMessage<'_>, KafkaError>,
    ) -> Result<Option<Ended>, ViewError> {
        if let Some(again) = self.received(first)? {
            return Ok(Some(again));
        }
        // What is received must be taken: no look after the last one.
        for _ in 1..GULP {
            let Some(received) = consumer.recv().now_or_never() else { break };
            if let Some(again) = self.received(received)? {
                return Ok(Some(again));
            }
        }
        if self.shared.worker().is_full() {
            self.save();
        }
        Ok(None)
    }

    fn received(
        &mut self,
        received: Result<BorrowedMessage<'_>, KafkaError>,
    ) -> Result<Option<Ended>, ViewError> {
        match received {
            Ok(message) => self.take(&message),
            Err(error) => {
                let again = why_again(&error).map(Ended::Again);
                if again.is_none() {
                    self.env.board.failed(V::NAME);
                    tracing::debug!("{}: {error}", V::NAME);
                }
                Ok(again)
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
        let taken = self.shared.worker().take(&record(part, message));
        match taken {
            Taken::Yes => {
                self.records += 1;
                Ok(None)
            }
            Taken::Before => Ok(None),
            Taken::OtherLog => self.start_again("the log holds other records than those that were read"),
        }
    }

    /// Sets the state aside: what lies in Kafka is another log, or lacks what was read.
    fn start_again(&mut self, why: &str) -> Result<Option<Ended>, ViewError> {
        self.shared.worker().reset()?;
        self.env.board.clear(V::NAME);
        let said = Said::LogDoesNotFit { view: V::NAME, why: why.to_owned() };
        self.env.board.say(self.env.clock.now().unwrap_or_default(), Weight::Warning, said);
        Ok(Some(Ended::Again(why.to_owned())))
    }

    fn leave(self) {
        let Self { shared, consumer, others, .. } = self;
        drop(shared);
        super::let_go((consumer, others));
    }
}

/// Tells Kafka positions and waits until it has taken them, for a bounded time.
fn tell_within<K: Keeper>(
    consumer: &Arc<StreamConsumer<Member<K>>>,
    list: TopicPartitionList,
    patience: Duration,
) -> bool {
    let (told, heard) = std::sync::mpsc::channel();
    let consumer = Arc::clone(consumer);
    // The call itself knows no deadline.
    std::thread::spawn(move || told.send(consumer.commit(&list, CommitMode::Sync)));
    matches!(heard.recv_timeout(patience), Ok(Ok(())))
}
