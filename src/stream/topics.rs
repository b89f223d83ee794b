//! The topics of the shop and how they are made.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use rdkafka::{
    admin::{
        AdminClient, AdminOptions, NewTopic, OwnedResourceSpecifier, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    metadata::MetadataTopic,
    types::RDKafkaErrorCode,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Session, StreamError,
    agreed_settings::{self, Agreement},
};
use crate::{
    clock::Clock,
    messages::Severity,
    read_model::{Cluster, ReadModel},
};

/// A topic of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Finished orders.
    Orders,
    /// Goods that arrived.
    Deliveries,
    /// Handled orders, written in transactions.
    Handled,
    /// Records of `orders` that are no valid orders.
    DeadLetters,
    /// The simulator's heartbeat.
    Pulse,
    /// What dashboards ask of a simulator.
    Control,
    /// The views' states.
    State,
}

/// Partition of [`Topic::State`] for every view but `handling`.
pub const STATE_VIEWS: i32 = 0;
/// Partition of [`Topic::State`] for `handling`: its open transactions hold back the last stable offset.
pub const STATE_HANDLING: i32 = 1;
/// Partition of [`Topic::State`] for handovers: processes that only show figures need not read them.
pub const STATE_HANDOVERS: i32 = 2;

impl Topic {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Orders,
        Self::Deliveries,
        Self::Handled,
        Self::DeadLetters,
        Self::Pulse,
        Self::Control,
        Self::State,
    ];

    /// The name behind the prefix.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Deliveries => "deliveries",
            Self::Handled => "handled",
            Self::DeadLetters => "dead-letters",
            Self::Pulse => "pulse",
            Self::Control => "control",
            Self::State => "state",
        }
    }

    /// How many partitions it is made with.
    pub const fn partitions(self, wanted: i32) -> i32 {
        match self {
            Self::Orders | Self::Deliveries | Self::Handled => wanted,
            Self::State => 3,
            Self::DeadLetters | Self::Pulse | Self::Control => 1,
        }
    }

    /// The configuration it is made with.
    const fn config(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Orders | Self::Deliveries | Self::Handled | Self::DeadLetters => {
                &[("retention.ms", "-1"), ("retention.bytes", "-1")]
            }
            // Small segments, closed often: only closed ones are compacted.
            Self::Pulse | Self::State => &[
                ("cleanup.policy", "compact"),
                ("segment.bytes", "1048576"),
                ("segment.ms", "600000"),
                ("min.cleanable.dirty.ratio", "0.05"),
            ],
            Self::Control => &[("retention.ms", "3600000")],
        }
    }
}

/// How often it is looked whether all topics are there.
const LOOK: Duration = Duration::from_secs(5);
/// How long a Kafka that answers may take to give each partition of a new topic a leader.
const LEADERS: Duration = Duration::from_secs(30);
/// How long topics stay missing before they are recreated, so that every reader notices.
const ABSENCE: Duration = Duration::from_secs(3);

/// What [`keep`] works with.
pub struct Kept {
    /// How to reach Kafka.
    pub session: Session,
    /// For messages.
    pub model: Arc<ReadModel>,
    /// Their shop time.
    pub clock: Clock,
    /// This process's settings.
    pub agreement: Agreement,
    /// The id of this process in its groups.
    pub instance: Arc<str>,
}

impl Kept {
    /// Writes the agreed settings to a recreated topic again, unless another process has done so.
    async fn agree_again(&self, stop: &CancellationToken) {
        let (ours, instance) = (self.agreement.clone(), Arc::clone(&self.instance));
        let agree = move |session: &Session| agreed_settings::join(session, &ours, Some(&*instance));
        match self.session.aside(agree).await {
            Ok(()) => {}
            Err(error @ StreamError::Disagrees { .. }) => {
                self.model.refuse(self.clock.now().unwrap_or_default(), error.sentence());
                stop.cancel();
            }
            Err(error) => tracing::warn!("agreeing again: {error}"),
        }
    }
}

/// Makes topics again that were deleted, and says so, until told to stop.
pub async fn keep(shop: Kept, stop: CancellationToken) {
    let Kept { session, model, clock, .. } = &shop;
    let look = async {
        let mut replaced = model.replaced();
        loop {
            tokio::time::sleep(LOOK).await;
            // The end watch also looks at the cluster.
            let all_there = |cluster: &Cluster| {
                !cluster.topics.is_empty() && cluster.topics.iter().all(|topic| topic.partitions > 0)
            };
            if !model.ends().doubtful && all_there(&model.cluster()) {
                let now = model.replaced();
                if now != replaced {
                    // Another process may have made them.
                    shop.agree_again(&stop).await;
                    replaced = now;
                }
                continue;
            }
            match missing(session, LOOK).await {
                Ok((_, _, missing)) if missing.is_empty() => continue,
                _ => tokio::time::sleep(ABSENCE).await,
            }
            match ensure(session, LOOK).await {
                Ok(made) if made.is_empty() => {}
                Ok(made) => {
                    shop.agree_again(&stop).await;
                    let made = made.join(", ");
                    let text = format!("Topics were missing and have been made again: {made}.");
                    model.say(clock.now().unwrap_or_default(), Severity::Warning, text.into());
                }
                // The end watch reports an outage.
                Err(error) => tracing::debug!("looking for the topics: {error}"),
            }
        }
    };
    stop.run_until_cancelled(look).await;
}

/// An error unless Kafka answers within `patience` and a topic is there.
pub async fn exist(session: &Session, topic: Topic, patience: Duration) -> Result<(), StreamError> {
    let look = move |session: &Session| {
        let count = session.partitions_of(topic, patience)?;
        enough(session, topic, count)
    };
    session.aside(look).await
}

/// Makes the topics that are missing, and returns their names; replication factor min(3, brokers). Where a connection
/// breaks it is tried again; Kafka is waited for some `timeout`.
pub async fn ensure(session: &Session, timeout: Duration) -> Result<Vec<String>, StreamError> {
    let deadline = Instant::now() + timeout;
    let mut made = BTreeSet::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        match make(session, left, &mut made).await {
            Ok(()) => return Ok(made.into_iter().collect()),
            Err(error) if error.passes() && Instant::now() < deadline => {
                tracing::debug!("making the topics again: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Deletes a shop's topics and the groups of its `views`. Failures are only logged.
pub async fn remove(session: &Session, views: &[&str]) {
    let admin: AdminClient<DefaultClientContext> = match session.client(&[]).create() {
        Ok(admin) => admin,
        Err(error) => return tracing::warn!("the topics of {} stay: {error}", session.prefix),
    };
    let options = AdminOptions::new().operation_timeout(Some(LEADERS)).request_timeout(Some(LEADERS));
    let groups: Vec<String> = views.iter().map(|view| session.group(view)).collect();
    let topics = Topic::ALL.map(|topic| session.topic(topic));
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let gone = match admin.delete_groups(&groups, &options).await {
        Ok(_) => admin.delete_topics(&topics, &options).await,
        Err(error) => Err(error),
    };
    match gone {
        Ok(_) => tracing::info!("the topics of {} are removed", session.prefix),
        Err(error) => tracing::warn!("the topics of {} stay: {error}", session.prefix),
    }
}

/// An error unless a topic has as many partitions as are needed.
fn enough(session: &Session, topic: Topic, partitions: i32) -> Result<(), StreamError> {
    let least = if topic == Topic::State { Topic::State.partitions(1) } else { 1 };
    if partitions >= least {
        return Ok(());
    }
    let topic = session.topic(topic);
    let ending = if partitions == 1 { "" } else { "s" };
    Err(StreamError::Unfit {
        what: format!("has {partitions} partition{ending} and needs {least}"),
        remedy: format!("add some (`kafka-topics.sh --alter --topic {topic} --partitions {least}`)"),
        topic,
    })
}

/// An error unless existing topics have a suitable retention: states and pulses keep the last record of each key, the
/// others every record. Without an answer they are assumed to.
async fn keeps_records(
    admin: &AdminClient<DefaultClientContext>,
    session: &Session,
    topics: &[Topic],
) -> Result<(), StreamError> {
    let names: Vec<String> = topics.iter().map(|topic| session.topic(*topic)).collect();
    let asked: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
    if asked.is_empty() {
        return Ok(());
    }
    let answers = match admin.describe_configs(&asked, &AdminOptions::new().request_timeout(Some(LOOK))).await
    {
        Ok(answers) => answers,
        Err(error) => {
            tracing::debug!("how the topics are kept is not known: {error}");
            return Ok(());
        }
    };
    for answer in answers.into_iter().flatten() {
        let OwnedResourceSpecifier::Topic(name) = &answer.specifier else { continue };
        let Some(topic) = topics.iter().find(|topic| session.topic(**topic) == *name) else { continue };
        let policy = answer.entry_map().get("cleanup.policy").and_then(|entry| entry.value.clone());
        let Some(policy) = policy else { continue };
        let compacts = matches!(topic, Topic::State | Topic::Pulse);
        let fits = if compacts { policy == "compact" } else { !policy.contains("compact") };
        if !fits {
            let wanted = if compacts { "compact" } else { "delete" };
            return Err(StreamError::Unfit {
                topic: name.clone(),
                what: format!("has cleanup.policy={policy}, which takes records that are needed"),
                remedy: format!(
                    "set it (`kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config cleanup.policy={wanted}`)"
                ),
            });
        }
    }
    Ok(())
}

/// One attempt. Adds the new topics to `made`, also if their creation is not confirmed.
async fn make(session: &Session, timeout: Duration, made: &mut BTreeSet<String>) -> Result<(), StreamError> {
    let (admin, brokers, missing) = missing(session, timeout).await?;
    let there: Vec<Topic> = Topic::ALL.into_iter().filter(|topic| !missing.contains(topic)).collect();
    keeps_records(&admin, session, &there).await?;
    let replication = i32::try_from(brokers.clamp(1, 3)).unwrap_or(1);
    let names: Vec<String> = missing.iter().map(|topic| session.topic(*topic)).collect();
    made.extend(names.iter().cloned());
    if made.is_empty() {
        return Ok(());
    }
    let wanted: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&names)
        .map(|(topic, name)| {
            let mut new = NewTopic::new(
                name,
                topic.partitions(session.partitions),
                TopicReplication::Fixed(replication),
            );
            for (key, value) in topic.config() {
                new = new.set(key, value);
            }
            new
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(timeout)).request_timeout(Some(timeout));
    let results = if wanted.is_empty() {
        Vec::new()
    } else {
        admin.create_topics(&wanted, &options).await.map_err(|error| session.unreachable(&error))?
    };
    for result in results {
        match result {
            // Another process was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(StreamError::CreateTopic { topic, reason: code.to_string() }),
        }
    }
    wait_until_known(admin, made).await
}

/// The topics that are missing, a client to make them with, and how many brokers there are.
async fn missing(
    session: &Session,
    timeout: Duration,
) -> Result<(AdminClient<DefaultClientContext>, usize, Vec<Topic>), StreamError> {
    let admin: AdminClient<DefaultClientContext> = session.client(&[]).create()?;
    let look = move |session: &Session| {
        let metadata =
            admin.inner().fetch_metadata(None, timeout).map_err(|error| session.unreachable(&error))?;
        let known: HashSet<&str> = metadata.topics().iter().map(MetadataTopic::name).collect();
        for topic in Topic::ALL {
            let name = session.topic(topic);
            if let Some(found) =
                metadata.topics().iter().find(|found| found.name() == name && found.error().is_none())
            {
                enough(session, topic, i32::try_from(found.partitions().len()).unwrap_or(i32::MAX))?;
            }
        }
        let missing: Vec<Topic> =
            Topic::ALL.into_iter().filter(|topic| !known.contains(session.topic(*topic).as_str())).collect();
        let brokers = metadata.brokers().len();
        Ok((admin, brokers, missing))
    };
    session.aside(look).await
}

/// Waits for leaders: a topic is reported as created before every broker knows it and each partition has a leader.
async fn wait_until_known(
    admin: AdminClient<DefaultClientContext>,
    names: &BTreeSet<String>,
) -> Result<(), StreamError> {
    let deadline = Instant::now() + LEADERS;
    let admin = Arc::new(admin);
    for name in names {
        loop {
            let (asked, topic) = (Arc::clone(&admin), name.clone());
            let known = tokio::task::spawn_blocking(move || {
                asked.inner().fetch_metadata(Some(&topic), LOOK).is_ok_and(|metadata| {
                    metadata.topics().iter().any(|found| {
                        found.error().is_none()
                            && !found.partitions().is_empty()
                            && found.partitions().iter().all(|partition| partition.leader() >= 0)
                    })
                })
            });
            if known.await.unwrap_or(false) {
                break;
            }
            if Instant::now() >= deadline {
                return Err(StreamError::NoLeader { topic: name.clone(), seconds: LEADERS.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}
