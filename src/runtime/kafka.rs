//! The way to Kafka: a cluster that was named, or the built-in broker, found or started.

use std::{
    net::{Ipv4Addr, SocketAddr},
    panic::AssertUnwindSafe,
    path::PathBuf,
    time::{Duration, Instant},
};

use futures::FutureExt;
use kafka_in_process::{Broker, BrokerConfig, BrokerError, published_address};
use rdkafka::consumer::Consumer;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{broker_runtime::BrokerRuntime, out_dir::OutDir, supervisor::panic_message};
use crate::{
    cli::Common,
    read_model::Connection,
    stream::{Session, StreamError},
};

/// How long a headless command waits for Kafka.
const PATIENCE: Duration = Duration::from_secs(6);

/// A way to Kafka, open until [`Kafka::close`].
pub struct Kafka {
    /// For the clients.
    pub session: Session,
    broker: Option<Served>,
}

struct Served {
    stop: CancellationToken,
    guard: JoinHandle<()>,
    _runtime: BrokerRuntime,
}

/// Why there is no way to Kafka.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The cluster that was named.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The built-in broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Another process has the broker's data but does not answer.
    #[error(
        "another process holds the broker's data in {data} but its broker does not answer: wait until it has ended, or give this one a folder of its own with --out"
    )]
    Silent {
        /// The folder.
        data: String,
    },
    /// The system gives no threads.
    #[error(
        "the built-in broker cannot start its threads ({0}): end other programs, or raise the limit of processes"
    )]
    Threads(std::io::Error),
    /// Nothing was ever sold here.
    #[error(
        "there is no shop in {out} yet: start `shop-sim tui` or `shop-sim produce` first, or name its folder with --out"
    )]
    NoShop {
        /// The folder.
        out: String,
    },
}

/// What a command wants of Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A Kafka that answers, the built-in one started where none runs.
    Answer,
    /// The same, but a built-in broker without data is an error: the command only reads.
    Data,
    /// The way alone: whether it answers will be seen.
    Way,
}

impl Kafka {
    /// Opens the way that the options name.
    pub async fn open(common: &Common, out_dir: &OutDir, want: Want) -> Result<Self, BootstrapError> {
        let (bootstrap, broker) = if let Some(bootstrap) = &common.bootstrap {
            (bootstrap.clone(), None)
        } else {
            if want == Want::Data && !out_dir.broker_data().exists() {
                return Err(BootstrapError::NoShop { out: out_dir.path().display().to_string() });
            }
            let runtime = BrokerRuntime::open().map_err(BootstrapError::Threads)?;
            let started = runtime.spawn(find_or_start(out_dir.broker_data(), common.wait)).await;
            let (address, broker) = started.map_err(|error| BootstrapError::Threads(error.into()))??;
            let stop = CancellationToken::new();
            let guard = runtime.spawn(keep_guard(out_dir.broker_data(), address, broker, stop.clone()));
            (address.to_string(), Some(Served { stop, guard, _runtime: runtime }))
        };
        let session = Session {
            bootstrap: bootstrap.into(),
            prefix: common.prefix.as_str().into(),
            partitions: common.partitions,
            properties: common.properties.clone().into(),
        };
        let kafka = Self { session, broker };
        if want != Want::Way
            && let Err(error) = kafka.answers(common.wait).await
        {
            kafka.close().await;
            return Err(error.into());
        }
        Ok(kafka)
    }

    /// Waits until Kafka answers; for ever with `wait`. Whoever serves the built-in broker may end while it is asked:
    /// then it is asked again, where another process or this one serves it.
    pub async fn answers(&self, wait: bool) -> Result<(), StreamError> {
        let begun = Instant::now();
        loop {
            let session = self.session.clone();
            let left = PATIENCE.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
            let patience = if wait { PATIENCE } else { left };
            let asked = tokio::task::spawn_blocking(move || {
                let probe = session.probe()?;
                probe.fetch_metadata(None, patience).map(drop).map_err(|error| session.unreachable(&error))
            })
            .await;
            match asked {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error @ StreamError::Unreachable { .. })) if wait => tracing::info!("{error}"),
                Ok(Err(StreamError::Unreachable { .. })) if begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Ok(Err(error)) => return Err(error),
                Err(error) => {
                    let bootstrap = self.session.bootstrap.to_string();
                    return Err(StreamError::Unreachable { bootstrap, reason: error.to_string() });
                }
            }
        }
    }

    /// For the screen.
    pub fn shown(&self) -> Connection {
        Connection {
            bootstrap: self.session.bootstrap.to_string(),
            embedded: self.broker.is_some(),
            up: false,
            trouble: None,
        }
    }

    /// Stops the broker, if this process serves it. Everything that speaks to it must have ended.
    pub async fn close(self) {
        if let Some(Served { stop, guard, _runtime }) = self.broker {
            stop.cancel();
            if let Err(error) = guard.await {
                tracing::error!("the broker's task failed: {error}");
            }
        }
    }
}

/// Whether the built-in broker of a folder is served now.
pub async fn is_served(out_dir: &OutDir) -> bool {
    match published_address(&out_dir.broker_data()) {
        Some(address) => TcpStream::connect(address).await.is_ok(),
        None => false,
    }
}

/// The address of the broker on `data`, and the broker where this process serves it. Whoever holds the data and does
/// not serve is waited for; for ever with `wait`.
async fn find_or_start(data: PathBuf, wait: bool) -> Result<(SocketAddr, Option<Broker>), BootstrapError> {
    let begun = Instant::now();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut listen = published_address(&data).unwrap_or(any);
    while wait || begun.elapsed() < PATIENCE {
        match Broker::start(BrokerConfig::new(data.clone(), listen)).await {
            Ok(broker) => return Ok((broker.address(), Some(broker))),
            Err(BrokerError::Locked { .. }) => {
                // Whoever holds the lock writes its address a moment later.
                if let Some(address) = published_address(&data)
                    && TcpStream::connect(address).await.is_ok()
                {
                    return Ok((address, None));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // The port of the last time is somebody else's now.
            Err(BrokerError::AddressInUse { .. }) if listen != any => listen = any,
            Err(error) => return Err(error.into()),
        }
    }
    Err(BootstrapError::Silent { data: data.display().to_string() })
}

/// Guards the broker until told to stop; after a panic anew, as if another process had served it.
async fn keep_guard(data: PathBuf, address: SocketAddr, mut broker: Option<Broker>, stop: CancellationToken) {
    loop {
        let guarding = guard(data.clone(), address, broker.take(), stop.clone());
        let Err(panic) = AssertUnwindSafe(guarding).catch_unwind().await else { return };
        tracing::error!(
            "the guard of the broker starts again: it panicked ({})",
            panic_message(panic.as_ref())
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Serves the broker until told to stop; where another process serves it, takes over at the same address when
/// that process ends.
async fn guard(data: PathBuf, address: SocketAddr, mut broker: Option<Broker>, stop: CancellationToken) {
    let mut bridge: Option<Bridge> = None;
    while broker.is_none() {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
        match Broker::start(BrokerConfig::new(data.clone(), address)).await {
            Ok(taken) => {
                tracing::info!(
                    "the process that served the broker has ended: serving it at {address} from here on"
                );
                broker = Some(taken);
            }
            Err(BrokerError::Locked { .. }) => {
                let elsewhere = published_address(&data).filter(|now| *now != address);
                bridge = bridge.filter(|bridge| !bridge.accepting.is_finished());
                if bridge.as_ref().map(|bridge| bridge.to) != elsewhere {
                    drop(bridge.take());
                    bridge = match elsewhere {
                        Some(to) => Bridge::open(address, to).await,
                        None => None,
                    };
                }
            }
            // The bridge stands where the broker is to be now.
            Err(BrokerError::AddressInUse { .. }) if bridge.is_some() => bridge = None,
            Err(error) => tracing::debug!("taking over the broker: {error}"),
        }
    }
    drop(bridge);
    stop.cancelled().await;
    if let Some(broker) = broker {
        broker.stop().await;
    }
}

/// Leads the clients of this process from the address that they know to the one that the broker moved to, when
/// it was started again with an address of its own. From there its metadata lead them.
struct Bridge {
    to: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Bridge {
    /// `None` where the old address cannot be had: another process of this shop has its bridge there.
    async fn open(from: SocketAddr, to: SocketAddr) -> Option<Self> {
        let listener = TcpListener::bind(from).await.ok()?;
        tracing::info!("the broker has moved from {from} to {to}");
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                connections.spawn(async move {
                    if let Ok(mut far) = TcpStream::connect(to).await {
                        // A connection that breaks is made again by the client.
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    }
                });
            }
        });
        Some(Self { to, accepting })
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
