//! Watches where the logs end, for lag, for closing days, and to see whether Kafka answers.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use tokio_util::sync::CancellationToken;

use super::{
    Session, StreamError, Topic,
    board::{Board, Ends},
    clock::Clock,
    cluster::ClusterWatch,
    scan::reader,
};
use crate::{consumer::Part, views::Source};

const PATIENCE: Duration = Duration::from_secs(5);
/// After so many looks at orders without any pulse they come from a shop without our simulator.
const QUIET_LOOKS: u32 = 5;
/// Looks at the ends for one at the whole cluster.
const CLUSTER_LOOKS: u32 = 3;

/// Asks for the ends of the logs; its calls block.
pub struct EndWatch {
    probe: BaseConsumer,
    uncommitted: BaseConsumer,
    topics: Vec<(String, Source)>,
    places: TopicPartitionList,
}

impl EndWatch {
    /// Finds the partitions of orders, deliveries and handled orders. Blocks for a moment.
    pub fn new(session: &Session) -> Result<Self, StreamError> {
        let probe = session.probe()?;
        let uncommitted = reader(session, "read_uncommitted")?;
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
        Ok(Self { probe, uncommitted, topics, places })
    }

    /// The ends once no transaction is open on the handled orders: those of a commit may lag behind its
    /// answer, those of a producer that died end with its time-out. Blocks for at most 20 seconds.
    pub fn look_when_settled(&self) -> Result<HashMap<Part, i64>, StreamError> {
        let begun = Instant::now();
        loop {
            let committed = self.look()?;
            let written = self.ask(&self.uncommitted)?;
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
        self.ask(&self.probe)
    }

    fn ask(&self, probe: &BaseConsumer) -> Result<HashMap<Part, i64>, StreamError> {
        let mut asked = self.places.clone();
        // ListOffsets takes -1 for «the end», which is how Offset::End is written on the wire.
        asked.set_all_offsets(Offset::End)?;
        let answer = probe.offsets_for_times(asked, PATIENCE)?;
        let mut ends = HashMap::new();
        for place in answer.elements() {
            place.error()?;
            let source =
                self.topics.iter().find(|(name, _)| name == place.topic()).map(|(_, source)| *source);
            if let (Some(source), Offset::Offset(end)) = (source, place.offset()) {
                ends.insert(Part { source, partition: place.partition() }, end);
            }
        }
        Ok(ends)
    }
}

/// Looks each second and writes what it sees on the board, until told to stop.
pub async fn run(session: Session, board: Arc<Board>, clock: Clock, stop: CancellationToken) {
    let mut watch: Option<Arc<EndWatch>> = None;
    let mut cluster = ClusterWatch::default();
    let mut looks = 0_u32;
    let mut without_pulse = 0;
    while !stop.is_cancelled() {
        let settled = clock.settled();
        let (asking, known) = (session.clone(), watch.take());
        let looked = tokio::task::spawn_blocking(move || {
            let watch = match known {
                Some(watch) => watch,
                None => Arc::new(EndWatch::new(&asking)?),
            };
            let ends = watch.look()?;
            Ok::<_, StreamError>((watch, ends))
        })
        .await;
        let second = clock.now().unwrap_or_else(|| chrono::Utc::now().timestamp());
        match looked {
            Ok(Ok((found, by_part))) => {
                watch = Some(found);
                let orders = by_part.iter().any(|(part, end)| part.source == Source::Orders && *end > 0);
                without_pulse = if orders && clock.pulse().is_none() { without_pulse + 1 } else { 0 };
                if without_pulse > QUIET_LOOKS {
                    clock.trade();
                }
                board.set_ends(Ends { settled, by_part });
                board.set_link(true, None, second);
            }
            Ok(Err(error)) => board.set_link(false, Some(error.said()), second),
            Err(error) => tracing::error!("looking for the ends of the logs failed: {error}"),
        }
        if looks % CLUSTER_LOOKS == 1
            && let Some(watch) = watch.clone()
        {
            cluster = look_around(&watch, cluster, &session, &board).await;
        }
        looks = looks.wrapping_add(1);
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
    super::let_go(watch);
}

/// One look at the cluster, which goes on the board; it is no news where Kafka does not answer.
async fn look_around(
    watch: &Arc<EndWatch>,
    mut cluster: ClusterWatch,
    session: &Session,
    board: &Board,
) -> ClusterWatch {
    let (watch, session) = (Arc::clone(watch), session.clone());
    let looked = tokio::task::spawn_blocking(move || {
        let seen = cluster.look(&session, &watch.probe);
        (cluster, seen)
    });
    match looked.await {
        Ok((cluster, Ok(seen))) => {
            board.set_cluster(seen);
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
