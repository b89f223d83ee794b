//! An embedded Kafka broker: a cluster of one, inside the process, that speaks the Kafka protocol on a socket.
//!
//! Producers, consumers and administrators talk to it with any Kafka client, exactly as to a real cluster. It keeps
//! records as the batches they came in, in segment files under one folder, survives `kill -9` without losing what it
//! acknowledged, and does idempotence, transactions, consumer groups, retention and compaction by Kafka's rules.
//! `docs/broker.md` tells which requests it knows, what it promises and what it leaves out.
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

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub use config::{BrokerConfig, Durability};
pub use error::{BrokerError, remedy};
pub use folder::{clear, published_address};

use cluster::Cluster;
use folder::Folder;
use groups::Groups;
use journal::{Change, Journal, Key};
use topics::Topics;
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
}

impl Broker {
    /// Starts a broker: locks the data folder, recovers the logs, listens, and tells others where.
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
        Ok(Self { address, cluster, tasks, _stop: stop })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
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
