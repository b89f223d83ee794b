#![doc = include_str!("../README.md")]
//!
//! ## Design
//!
//! Record batches are stored as received, in segment files under one folder.
//!
//! ```text
//! server      connections, requests in order          wire   frames, versions, what may be decoded
//! api         one file for each family of requests    topics topics, settings, partitions
//! log         a partition on disk                     groups, transactions   the coordinators
//! journal     the broker's own durable memory         housekeeping   sealing, retention, compaction
//! ```
//!
//! Small writes run on the async threads, under their partition's lock: they go to the page cache and take
//! microseconds. Syncs, large reads and writes, look-ups by time, sealing and compaction run on the blocking pool.

mod api;
mod builder;
mod clock;
mod cluster;
mod config;
mod direct;
mod error;
mod faults;
mod folder;
mod fsync;
mod fsync_batching;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod housekeeping;
mod journal;
mod log;
mod server;
mod topics;
mod transactions;
mod wire;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub use builder::Builder;
pub use clock::Clock;
pub use config::{BrokerConfig, Durability};
pub use direct::Record;
pub use error::{BrokerError, CreateTopicError, RecordError, remedy};
pub use faults::Fault;
pub use folder::{clear, published_address};
/// The kinds of requests, and the error codes of responses.
pub use kafka_protocol::{ResponseError, messages::ApiKey};

use cluster::Cluster;
use config::Settings;
use faults::Faults;
use folder::Folder;
use groups::Groups;
use journal::{Change, Journal, Key};
use topics::{TopicError, Topics};
use transactions::Transactions;
use wire::{Budget, FrameMemory};

/// Time for open connections to end.
const FAREWELL: Duration = Duration::from_secs(2);
const JOURNAL: &str = "journal";

/// A running broker. Dropping it ends it at once; [`Broker::stop`] shuts it down cleanly.
pub struct Broker {
    address: SocketAddr,
    cluster: Arc<Cluster>,
    tasks: JoinSet<()>,
    _stop: DropGuard,
    /// Dropped last.
    _temporary: Option<TempDir>,
}

impl Broker {
    /// A broker on a temporary folder, which is removed when the broker is stopped or dropped.
    pub fn ephemeral() -> Builder {
        Builder::new(None)
    }

    /// A broker on a persistent folder, created if missing.
    pub fn on(data: impl Into<PathBuf>) -> Builder {
        Builder::new(Some(data.into()))
    }

    /// Starts a broker: locks the data folder, recovers the logs, listens, and publishes its address. Raises the
    /// process's limit of open files to the maximum, since each segment and each connection takes one.
    pub async fn start(config: BrokerConfig) -> Result<Self, BrokerError> {
        Self::launch(config, Settings::default()).await
    }

    async fn launch(config: BrokerConfig, settings: Settings) -> Result<Self, BrokerError> {
        let BrokerConfig { data, listen, durability } = config;
        settings.check()?;
        let opening = data.clone();
        let opened = tokio::task::spawn_blocking(move || open(&opening, durability, settings)).await;
        // A panic while opening is due to damaged data.
        let cluster = opened
            .map_err(|error| BrokerError::Corrupt { data: data.clone(), what: error.to_string() })??;
        let listener = TcpListener::bind(listen).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => BrokerError::AddressInUse { listen },
            _ => BrokerError::Listen { listen, source },
        })?;
        let io = |source| BrokerError::Io { data: data.clone(), source };
        let address = listener.local_addr().map_err(io)?;
        cluster.folder.publish(address).map_err(io)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, Arc::clone(&cluster)));
        tasks.spawn(housekeeping::run(Arc::clone(&cluster)));
        tasks.spawn(keep_time(Arc::clone(&cluster)));
        tracing::info!(%address, data = %data.display(), "the broker is ready");
        let stop = cluster.stopping.clone().drop_guard();
        Ok(Self { address, cluster, tasks, _stop: stop, _temporary: None })
    }

    /// Its own address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for `bootstrap.servers` of clients on this machine.
    pub fn bootstrap(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port()).to_string()
    }

    /// Creates a topic with settings under Kafka's names (`retention.ms`).
    pub async fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<(), CreateTopicError> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let (topics, owned, settings) =
            (Arc::clone(&self.cluster.topics), name.to_owned(), settings.collect());
        let refused = |why: String| CreateTopicError::Refused { name: name.to_owned(), why };
        let made = tokio::task::spawn_blocking(move || topics.create(&owned, partitions, settings, false));
        match made.await {
            Ok(Ok(_)) => {}
            Ok(Err(TopicError::Exists(name))) => return Err(CreateTopicError::Exists { name }),
            Ok(Err(error)) => return Err(refused(error.to_string())),
            Err(error) => return Err(refused(error.to_string())),
        }
        self.cluster.settle().await.map_err(|error| refused(error.to_string()))
    }

    /// Injects a fault into the next `times` requests of a kind, from any client: to test how clients react. Faults of
    /// one kind of request apply in the order of these calls.
    pub fn fail(&self, request: ApiKey, fault: Fault, times: usize) {
        self.cluster.faults.plan(request, fault, times);
    }

    /// Removes all pending faults.
    pub fn heal(&self) {
        self.cluster.faults.clear();
    }

    /// With `false`, makes the broker unreachable: all connections break, and new ones at once, until it is called with
    /// `true`. The broker keeps running: sessions and transactions time out.
    pub fn set_reachable(&self, reachable: bool) {
        self.cluster.reachable.send_replace(reachable);
    }

    /// Closes connections, syncs everything and releases the data folder; takes a few seconds at most.
    pub async fn stop(mut self) {
        self.cluster.stopping.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, ended).await.is_err() {
            tracing::warn!("some connections did not end in time");
            self.tasks.shutdown().await;
        }
        let cluster = Arc::clone(&self.cluster);
        let put_to_bed = move || {
            housekeeping::put_to_bed(&cluster);
            cluster.folder.withdraw()
        };
        match tokio::task::spawn_blocking(put_to_bed).await {
            Ok(Ok(())) => tracing::info!("the broker has stopped"),
            Ok(Err(error)) => tracing::warn!(%error, "the broker's address could not be withdrawn"),
            Err(error) => tracing::warn!(%error, "the broker did not stop in order"),
        }
    }
}

fn open(data: &Path, durability: Durability, settings: Settings) -> Result<Arc<Cluster>, BrokerError> {
    let settings = Arc::new(settings);
    let folder = Arc::new(Folder::lock(data)?);
    // Only once the folder is locked: a process that fails to start keeps its limit.
    raise_file_limit();
    let failed = |source| BrokerError::Io { data: data.to_owned(), source };
    let journal = Arc::new(Journal::open(&folder.path().join(JOURNAL)).map_err(failed)?);
    let id = cluster_id(&journal).map_err(failed)?;
    let topics = Topics::open(Arc::clone(&folder), Arc::clone(&journal), Arc::clone(&settings));
    let topics = Arc::new(topics.map_err(|error| BrokerError::topics(data.to_owned(), error))?);
    let groups = Arc::new(Groups::open(Arc::clone(&journal), Arc::clone(&topics), Arc::clone(&settings)));
    let transactions =
        Transactions::open(Arc::clone(&journal), Arc::clone(&topics), Arc::clone(&groups), durability);
    let transactions = Arc::new(transactions);
    let stopping = CancellationToken::new();
    let frames = FrameMemory::new(settings.request_memory);
    let answers = Budget::new(settings.answer_memory);
    Ok(Arc::new(Cluster {
        folder,
        id,
        durability,
        settings,
        faults: Faults::default(),
        frames,
        answers,
        journal,
        topics,
        groups,
        transactions,
        stopping,
        reachable: watch::Sender::new(true),
    }))
}

/// Raises the limit of open files: the initial one (1024 on Linux) is too low.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if let Err(error) = raised {
        tracing::debug!(%error, "the limit of open files stays as it was");
    }
}

fn cluster_id(journal: &Journal) -> io::Result<String> {
    if let Some(id) = journal.get(&Key::Cluster) {
        return Ok(id);
    }
    let id = Uuid::from_bytes(rand::random()).simple().to_string();
    journal.write(vec![Change::set(Key::Cluster, &id)?])?;
    Ok(id)
}

/// The coordinators' time-outs.
async fn keep_time(cluster: Arc<Cluster>) {
    tokio::select! {
        () = cluster.groups.keep_time() => {}
        () = cluster.transactions.keep_time() => {}
        () = cluster.stopping.cancelled() => {}
    }
}

#[cfg(test)]
mod durability_tests;

#[cfg(test)]
mod settings_tests;
