#![doc = include_str!("../README.md")]
//!
//! ## How it is made
//!
//! It keeps records as the batches they came in, in segment files under one folder.
//!
//! ```text
//! server      connections, requests in order          wire   frames, versions, what may be decoded
//! api         one file for each family of requests    topics topics, settings, partitions
//! log         a partition on disk                     groups, transactions   the coordinators
//! journal     the broker's own durable memory         housekeeping   sealing, retention, compaction
//! ```
//!
//! Small writes are done where they are asked for, under the lock of their partition: they go to the page cache and take
//! microseconds. Syncs, large reads and writes, look-ups by time, sealing and compaction run on the blocking pool.

mod api;
mod builder;
mod clock;
mod cluster;
mod config;
mod disk;
mod error;
mod folder;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod housekeeping;
mod journal;
mod log;
mod server;
mod syncing;
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
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub use builder::Builder;
pub use config::{BrokerConfig, Durability};
pub use error::{BrokerError, CreateTopicError, remedy};
pub use folder::{clear, published_address};

use cluster::Cluster;
use folder::Folder;
use groups::Groups;
use journal::{Change, Journal, Key};
use topics::{TopicError, Topics};
use transactions::Transactions;

/// How long open connections get to end.
const FAREWELL: Duration = Duration::from_secs(2);
const JOURNAL: &str = "journal";

/// A running broker. Dropping it ends it at once; [`Broker::stop`] ends it in order.
pub struct Broker {
    address: SocketAddr,
    cluster: Arc<Cluster>,
    tasks: JoinSet<()>,
    _stop: DropGuard,
    /// The last to go.
    _temporary: Option<TempDir>,
}

impl Broker {
    /// A broker on a temporary folder, which is removed when the broker has stopped or is dropped.
    pub fn ephemeral() -> Builder {
        Builder::new(None)
    }

    /// A broker on a folder that lasts, made where it is missing.
    pub fn on(data: impl Into<PathBuf>) -> Builder {
        Builder::new(Some(data.into()))
    }

    /// Starts a broker: locks the data folder, recovers the logs, listens, and tells others where. The process may open as many
    /// files from then on as the system lets it have: each segment takes one, and each connection.
    pub async fn start(config: BrokerConfig) -> Result<Self, BrokerError> {
        let BrokerConfig { data, listen, durability } = config;
        let opening = data.clone();
        let opened = tokio::task::spawn_blocking(move || open(&opening, durability)).await;
        // Data over which it panics are damaged, whatever it is.
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients of this machine find it, for their `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port()).to_string()
    }

    /// Makes a topic with settings of its own, named as in Kafka (`retention.ms`).
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

    /// Ends connections, syncs everything and releases the data folder, within a few seconds.
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

fn open(data: &Path, durability: Durability) -> Result<Arc<Cluster>, BrokerError> {
    let folder = Folder::lock(data)?;
    // Whoever finds the folder in use serves nothing: its limit is its own.
    raise_file_limit();
    let failed = |source| BrokerError::Io { data: data.to_owned(), source };
    let journal = Arc::new(Journal::open(&folder.path().join(JOURNAL)).map_err(failed)?);
    let id = cluster_id(&journal).map_err(failed)?;
    let topics = Topics::open(folder.path(), Arc::clone(&journal));
    let topics = Arc::new(topics.map_err(|error| BrokerError::topics(data.to_owned(), error))?);
    let groups = Arc::new(Groups::open(Arc::clone(&journal)));
    let transactions =
        Transactions::open(Arc::clone(&journal), Arc::clone(&topics), Arc::clone(&groups), durability);
    let transactions = Arc::new(transactions);
    let stopping = CancellationToken::new();
    let cluster = Cluster { folder, id, durability, journal, topics, groups, transactions, stopping };
    Ok(Arc::new(cluster))
}

/// The limit that a process begins with is for programs that have few files (1024 on Linux).
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

/// The coordinators' clocks.
async fn keep_time(cluster: Arc<Cluster>) {
    tokio::select! {
        () = cluster.groups.keep_time() => {}
        () = cluster.transactions.keep_time() => {}
        () = cluster.stopping.cancelled() => {}
    }
}

#[cfg(test)]
mod durability_tests;
