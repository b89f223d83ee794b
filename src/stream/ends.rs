//! Watches where the logs end, for lag, for closing days, and to see whether Kafka answers.

use std::{
    collections::{HashMap, HashSet},
    pin::pin,
    sync::{Arc, Mutex, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    Session, StreamError,
    cluster::ClusterWatch,
    log_identity::LogIdentities,
    reader::reader,
    retry::{FAILOVER, retry},
    topic_name, topic_of,
};
use crate::{
    clock::Clock,
    consumer::Part,
    messages::Sentence,
    read_model::{Ends, ReadModel},
    views::Source,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// A response later than this counts as missing: that is reported, and the wait goes on.
const PROMPT: Duration = Duration::from_millis(900);
/// How often it is checked that the logs are still the same, and have the same partitions.
const CHECK: Duration = Duration::from_secs(10);
/// After so many checks with orders but no pulse, the orders are not from our simulator.
const QUIET_LOOKS: u32 = 5;
/// Checks of the ends per check of the cluster.
const CLUSTER_LOOKS: u32 = 3;

/// Asks for the ends of the logs; its calls block.
pub struct EndWatch {
    probe: Arc<BaseConsumer>,
    session: Session,
    topics: Vec<(String, Source)>,
    places: TopicPartitionList,
}

impl EndWatch {
    /// Finds the partitions of orders, deliveries and handled orders. Blocks for a moment.
    pub fn new(session: &Session) -> Result<Self, StreamError> {
        let mut places = TopicPartitionList::new();
        let mut topics = Vec::new();
        for source in Source::ALL {
            let name = topic_name(session, source);
            for partition in 0..session.partitions_of(topic_of(source), FAILOVER)? {
                places.add_partition(&name, partition);
            }
            topics.push((name, source));
        }
        Ok(Self { probe: session.probe()?, session: session.clone(), topics, places })
    }

    /// The end offsets once no transaction is open on the handled orders: the markers of a commit may come after its
    /// response, those of a dead producer only with its time-out. Blocks for at most 20 seconds.
    pub fn look_when_settled(&self) -> Result<HashMap<Part, i64>, StreamError> {
        let begun = Instant::now();
        let uncommitted: BaseConsumer = reader(&self.session, &[("isolation.level", "read_uncommitted")])?;
        loop {
            let committed = retry(FAILOVER, |left| self.ask(&self.probe, left))?;
            let written = retry(FAILOVER, |left| self.ask(&uncommitted, left))?;
            let open = committed.iter().any(|(part, end)| {
                part.source == Source::Handled && written.get(part).is_some_and(|all| all > end)
            });
            if !open || begun.elapsed() > Duration::from_secs(20) {
                return Ok(committed);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The last stable offset of each partition. Blocks for at most five seconds.
    pub fn look(&self) -> Result<HashMap<Part, i64>, StreamError> {
        self.ask(&self.probe, PATIENCE)
    }

    fn ask(&self, probe: &BaseConsumer, patience: Duration) -> Result<HashMap<Part, i64>, StreamError> {
        let mut asked = self.places.clone();
        // ListOffsets takes -1 for «the end», which is how Offset::End is written on the wire.
        asked.set_all_offsets(Offset::End)?;
        let answer = probe.offsets_for_times(asked, patience).map_err(|error| self.error(error, "orders"))?;
        let mut ends = HashMap::new();
        for place in answer.elements() {
            place.error().map_err(|error| self.error(error, place.topic()))?;
            let source =
                self.topics.iter().find(|(name, _)| name == place.topic()).map(|(_, source)| *source);
            if let (Some(source), Offset::Offset(end)) = (source, place.offset()) {
                ends.insert(Part { source, partition: place.partition() }, end);
            }
        }
        Ok(ends)
    }

    fn error(&self, error: KafkaError, topic: &str) -> StreamError {
        match error.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::UnknownTopicOrPartition,
            ) => StreamError::NoTopic {
                topic: topic.to_owned(),
                bootstrap: self.session.bootstrap.to_string(),
            },
            _ => error.into(),
        }
    }
}

/// What the watch knows from one look to the next.
#[derive(Default)]
struct Looks {
    watch: Option<Arc<EndWatch>>,
    /// Held by a check for as long as it takes.
    anchors: Arc<Mutex<LogIdentities>>,
    /// When the partitions were found.
    found: Option<Instant>,
    replaced: HashMap<Source, u64>,
}

impl Looks {
    /// Fetches ends; `doubtful` if the last call failed. Blocks for some seconds at most.
    fn look(&mut self, session: &Session, settled: Option<i64>, doubtful: bool) -> Result<Ends, StreamError> {
        let asked = Some(Instant::now());
        let due = self.found.is_none_or(|found| found.elapsed() >= CHECK);
        let watch = match self.watch.take() {
            Some(watch) if !due => watch,
            // Partitions may have been added; after an error everything is asked anew.
            _ => {
                self.found = asked;
                Arc::new(EndWatch::new(session)?)
            }
        };
        let by_part = watch.look()?;
        // While a check holds the lock, the comparison is left to the next call.
        let mut others = match self.anchors.try_lock() {
            Ok(mut anchors) => anchors.shorter(&by_part),
            Err(TryLockError::Poisoned(anchors)) => anchors.into_inner().shorter(&by_part),
            Err(TryLockError::WouldBlock) => HashSet::new(),
        };
        if doubtful {
            // Topics may have been recreated, or another Kafka may answer: every reader must compare its state with
            // the log.
            others.extend(Source::ALL);
        }
        self.watch = Some(watch);
        self.note(others);
        Ok(Ends { settled, by_part, asked, replaced: self.replaced.clone(), doubtful: false })
    }

    fn note(&mut self, others: impl IntoIterator<Item = Source>) {
        for source in others {
            *self.replaced.entry(source).or_default() += 1;
        }
    }

    /// Compares the anchors with the logs in the background; returns the logs that were replaced.
    fn check(&self, session: &Session) -> JoinHandle<Result<HashSet<Source>, StreamError>> {
        let (anchors, session) = (Arc::clone(&self.anchors), session.clone());
        tokio::task::spawn_blocking(move || {
            anchors.lock().unwrap_or_else(PoisonError::into_inner).check(&session)
        })
    }
}

/// Puts the end offsets in the read model each second, until told to stop.
pub async fn run(session: Session, model: Arc<ReadModel>, clock: Clock, stop: CancellationToken) {
    let mut looks = Looks::default();
    let mut around: Option<JoinHandle<ClusterWatch>> = None;
    let (mut check, mut checked): (Option<JoinHandle<_>>, Instant) = (None, Instant::now());
    let mut count = 0_u32;
    let mut without_pulse = 0;
    while !stop.is_cancelled() {
        let (settled, doubtful) = (clock.settled(), model.ends().doubtful);
        let mut known = std::mem::take(&mut looks);
        let looking = session.aside(move |session| {
            let answer = known.look(session, settled, doubtful);
            Ok((known, answer))
        });
        let Some(looked) = answered(looking, &model, &clock, &stop).await else { return };
        let answer;
        (looks, answer) = looked.unwrap_or_else(|error| (Looks::default(), Err(error)));
        match answer {
            Ok(ends) => {
                let orders = ends.by_part.iter().any(|(part, end)| part.source == Source::Orders && *end > 0);
                without_pulse = if orders && clock.has_heard() && clock.pulse().is_none() {
                    without_pulse + 1
                } else {
                    0
                };
                if without_pulse > QUIET_LOOKS {
                    clock.trade();
                }
                model.set_ends(ends);
                model.set_connection(true, None, second(&clock));
            }
            Err(error) => {
                session.drop_probe();
                tracing::debug!("looking for the ends of the logs: {error}");
                model.doubt_ends();
                let trouble = if error.passes() { Sentence::KafkaAway } else { error.sentence() };
                // A missing topic is an answer, too.
                let up = matches!(error, StreamError::NoTopic { .. });
                model.set_connection(up, Some(trouble), second(&clock));
            }
        }
        // In the background: it may take long.
        if check.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(ended) = check.take()
        {
            match ended.await {
                Ok(Ok(others)) => looks.note(others),
                Ok(Err(error)) => {
                    tracing::debug!("comparing the logs: {error}");
                    model.doubt_ends();
                }
                Err(error) => tracing::error!("comparing the logs failed: {error}"),
            }
        }
        if looks.watch.is_some() && check.is_none() && (count == 1 || checked.elapsed() >= CHECK) {
            (check, checked) = (Some(looks.check(&session)), Instant::now());
        }
        if count % CLUSTER_LOOKS == 1
            && let Some(watch) = looks.watch.clone()
            && around.as_ref().is_none_or(JoinHandle::is_finished)
        {
            let cluster = match around.take() {
                Some(ended) => ended.await.unwrap_or_default(),
                None => ClusterWatch::default(),
            };
            around = Some(look_around(watch, cluster, session.clone(), Arc::clone(&model)));
        }
        count = count.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    super::let_go(looks);
}

/// Waits for a response, and reports one that is late. `None` when told to stop.
async fn answered<T>(
    asking: impl Future<Output = T>,
    model: &ReadModel,
    clock: &Clock,
    stop: &CancellationToken,
) -> Option<T> {
    let mut asking = pin!(asking);
    tokio::select! {
        answer = &mut asking => return Some(answer),
        () = stop.cancelled() => return None,
        () = tokio::time::sleep(PROMPT), if model.connection().up => {}
    }
    model.set_connection(false, Some(Sentence::KafkaAway), second(clock));
    stop.run_until_cancelled(asking).await
}

/// Shop time, for what is told.
fn second(clock: &Clock) -> i64 {
    clock.now().unwrap_or_else(|| chrono::Utc::now().timestamp())
}

/// Puts the state of the cluster in the read model; keeps the last one if Kafka does not answer.
fn look_around(
    watch: Arc<EndWatch>,
    mut cluster: ClusterWatch,
    session: Session,
    model: Arc<ReadModel>,
) -> JoinHandle<ClusterWatch> {
    tokio::task::spawn_blocking(move || {
        match cluster.look(&session, &watch.probe) {
            Ok(seen) => model.set_cluster(seen),
            Err(error) => tracing::debug!("looking at the cluster: {error}"),
        }
        cluster
    })
}
