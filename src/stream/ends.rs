//! Watches where the logs end, for lag, for closing days, and to see whether Kafka answers.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio_util::sync::CancellationToken;

use super::{
    Session, StreamError, Topic, cluster::ClusterWatch, log_identity::LogIdentities, reader::reader,
    retry::retry,
};
use crate::{
    clock::Clock,
    consumer::Part,
    read_model::{Ends, ReadModel},
    views::Source,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is checked that the logs are still the same, and have the same partitions.
const CHECK: Duration = Duration::from_secs(10);
/// After so many looks at orders without any pulse they come from a shop without our simulator.
const QUIET_LOOKS: u32 = 5;
/// Looks at the ends for one at the whole cluster.
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
        Self::with(Arc::new(session.probe()?), session)
    }

    /// The same with a client that is there.
    fn with(probe: Arc<BaseConsumer>, session: &Session) -> Result<Self, StreamError> {
        let mut places = TopicPartitionList::new();
        let mut topics = Vec::new();
        for (topic, source) in [
            (Topic::Orders, Source::Orders),
            (Topic::Deliveries, Source::Deliveries),
            (Topic::Handled, Source::Handled),
        ] {
            let name = session.topic(topic);
            for partition in 0..session.partitions_of(&probe, topic, PATIENCE)? {
                places.add_partition(&name, partition);
            }
            topics.push((name, source));
        }
        Ok(Self { probe, session: session.clone(), topics, places })
    }

    /// The ends once no transaction is open on the handled orders: those of a commit may lag behind its
    /// answer, those of a producer that died end with its time-out. Blocks for at most 20 seconds.
    pub fn look_when_settled(&self) -> Result<HashMap<Part, i64>, StreamError> {
        let begun = Instant::now();
        let uncommitted: BaseConsumer = reader(&self.session, &[("isolation.level", "read_uncommitted")])?;
        loop {
            let committed = retry(PATIENCE, |left| self.ask(&self.probe, left))?;
            let written = retry(PATIENCE, |left| self.ask(&uncommitted, left))?;
            let open = committed.iter().any(|(part, end)| {
                part.source == Source::Handled && written.get(part).is_some_and(|all| all > end)
            });
            if !open || begun.elapsed() > Duration::from_secs(20) {
                return Ok(committed);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where each partition ends for a reader of committed records. Blocks for at most five seconds.
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
    anchors: LogIdentities,
    checked: Option<Instant>,
    replaced: HashMap<Source, u64>,
}

impl Looks {
    /// One look; `doubtful` where the one before failed. Blocks for some seconds at most.
    fn look(&mut self, session: &Session, settled: Option<i64>, doubtful: bool) -> Result<Ends, StreamError> {
        let due = self.checked.is_none_or(|checked| checked.elapsed() >= CHECK);
        let asked = Some(Instant::now());
        // After an error everything is asked anew, with a new client.
        let (watch, first) = match self.watch.take() {
            // Partitions may have been added.
            Some(watch) if due => (Arc::new(EndWatch::with(Arc::clone(&watch.probe), session)?), false),
            Some(watch) => (watch, false),
            None => (Arc::new(EndWatch::new(session)?), true),
        };
        let by_part = watch.look()?;
        let mut others = self.anchors.shorter(&by_part);
        if doubtful {
            // Topics that vanished, or another Kafka in the place of the one that was away: whoever reads compares
            // with what it knows.
            others.extend([Source::Orders, Source::Deliveries, Source::Handled]);
        }
        // Whoever only wants the ends need not wait for more than them.
        if due && !first {
            others.extend(self.anchors.check(session)?);
            self.checked = Some(Instant::now());
        }
        self.watch = Some(watch);
        for source in others {
            *self.replaced.entry(source).or_default() += 1;
        }
        Ok(Ends { settled, by_part, asked, replaced: self.replaced.clone(), doubtful: false })
    }
}

/// Looks each second and writes what it sees in the read model, until told to stop.
pub async fn run(session: Session, model: Arc<ReadModel>, clock: Clock, stop: CancellationToken) {
    let mut looks = Looks::default();
    let mut cluster = ClusterWatch::default();
    let mut count = 0_u32;
    let mut without_pulse = 0;
    while !stop.is_cancelled() {
        let (settled, doubtful) = (clock.settled(), model.ends().doubtful);
        let (asking, mut known) = (session.clone(), std::mem::take(&mut looks));
        let looking = tokio::task::spawn_blocking(move || {
            let ends = known.look(&asking, settled, doubtful);
            (known, ends)
        });
        let looked = tokio::select! {
            looked = looking => looked,
            () = stop.cancelled() => return,
        };
        let second = clock.now().unwrap_or_else(|| chrono::Utc::now().timestamp());
        match looked {
            Ok((known, Ok(ends))) => {
                looks = known;
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
                model.set_connection(true, None, second);
            }
            Ok((known, Err(error))) => {
                looks = known;
                model.doubt_ends();
                // A Kafka that knows no topic of that name has answered.
                model.set_connection(
                    matches!(error, StreamError::NoTopic { .. }),
                    Some(error.sentence()),
                    second,
                );
            }
            Err(error) => tracing::error!("looking for the ends of the logs failed: {error}"),
        }
        if count % CLUSTER_LOOKS == 1
            && let Some(watch) = looks.watch.clone()
        {
            cluster = look_around(&watch, cluster, &session, &model).await;
        }
        count = count.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    super::let_go(looks);
}

/// One look at the cluster, which goes in the read model; it is no news where Kafka does not answer.
async fn look_around(
    watch: &Arc<EndWatch>,
    mut cluster: ClusterWatch,
    session: &Session,
    model: &ReadModel,
) -> ClusterWatch {
    let (watch, session) = (Arc::clone(watch), session.clone());
    let looked = tokio::task::spawn_blocking(move || {
        let seen = cluster.look(&session, &watch.probe);
        (cluster, seen)
    });
    match looked.await {
        Ok((cluster, Ok(seen))) => {
            model.set_cluster(seen);
            cluster
        }
        Ok((cluster, Err(error))) => {
            tracing::debug!("looking at the cluster: {error}");
            cluster
        }
        Err(error) => {
            tracing::error!("looking at the cluster failed: {error}");
            ClusterWatch::default()
        }
    }
}
