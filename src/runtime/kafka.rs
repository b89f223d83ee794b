//! The connection to Kafka: a named cluster, or the built-in broker, found or started.

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
    sync::watch,
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

/// Access to Kafka, until [`Kafka::close`].
pub struct Kafka {
    /// Makes clients.
    pub session: Session,
    broker: Option<Served>,
}

struct Served {
    stop: CancellationToken,
    guard: JoinHandle<()>,
    line: Line,
    _runtime: BrokerRuntime,
}

/// A switch that makes the built-in broker unreachable.
#[derive(Debug, Clone)]
pub struct Line {
    reachable: watch::Sender<bool>,
    /// Whether it is this process that serves the broker.
    serves: watch::Sender<bool>,
}

impl Line {
    fn new() -> Self {
        Self { reachable: watch::Sender::new(true), serves: watch::Sender::new(false) }
    }

    /// Whether this process serves the broker and can cut it off.
    pub fn is_own(&self) -> bool {
        *self.serves.borrow()
    }

    /// Cuts the broker off from all clients, with `false`, until it is called with `true`.
    pub fn set_reachable(&self, reachable: bool) {
        self.reachable.send_replace(reachable);
    }

    /// Until `stop`, makes the broker reachable or unreachable as requested.
    async fn hold(&self, broker: &Broker, stop: &CancellationToken) {
        self.serves.send_replace(true);
        let mut reachable = self.reachable.subscribe();
        loop {
            broker.set_reachable(*reachable.borrow_and_update());
            if !matches!(stop.run_until_cancelled(reachable.changed()).await, Some(Ok(()))) {
                break;
            }
        }
        self.serves.send_replace(false);
    }
}

/// Why Kafka cannot be used.
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
    /// No thread can be started.
    #[error(
        "the built-in broker cannot start its threads ({0}): end other programs, or raise the limit of processes"
    )]
    Threads(std::io::Error),
    /// There is no broker data.
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
    /// A session; Kafka need not answer yet.
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
            let (stop, line) = (CancellationToken::new(), Line::new());
            line.serves.send_replace(broker.is_some());
            let place = (out_dir.broker_data(), address);
            let guard = runtime.spawn(keep_guard(place, broker, line.clone(), stop.clone()));
            (address.to_string(), Some(Served { stop, guard, line, _runtime: runtime }))
        };
        let properties = common.properties.clone();
        let session = Session::new(&bootstrap, &common.prefix, common.partitions, properties);
        let kafka = Self { session, broker };
        if want != Want::Way
            && let Err(error) = kafka.answers(common.wait).await
        {
            kafka.close().await;
            return Err(error.into());
        }
        Ok(kafka)
    }

    /// Waits until Kafka answers; for ever with `wait`. If the process that serves the built-in broker ends meanwhile,
    /// the request is repeated, as another process or this one takes over.
    pub async fn answers(&self, wait: bool) -> Result<(), StreamError> {
        let begun = Instant::now();
        loop {
            let session = self.session.clone();
            let left = PATIENCE.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
            let patience = if wait { PATIENCE } else { left };
            let asked = tokio::task::spawn_blocking(move || {
                let probe = session.probe()?;
                probe.fetch_metadata(None, patience).map(drop).map_err(|error| {
                    session.drop_probe();
                    session.unreachable(&error)
                })
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

    /// The switch of the built-in broker, if that is used.
    pub fn line(&self) -> Option<Line> {
        self.broker.as_ref().map(|served| served.line.clone())
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
        self.session.drop_probe();
        if let Some(Served { stop, guard, .. }) = self.broker {
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

/// The address of the broker on `data`, and the broker if this process serves it. Waits for a process that has locked
/// the data but does not serve yet; for ever with `wait`.
async fn find_or_start(data: PathBuf, wait: bool) -> Result<(SocketAddr, Option<Broker>), BootstrapError> {
    let begun = Instant::now();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut listen = published_address(&data).unwrap_or(any);
    while wait || begun.elapsed() < PATIENCE {
        match Broker::start(BrokerConfig::new(data.clone(), listen)).await {
            Ok(broker) => return Ok((broker.address(), Some(broker))),
            Err(BrokerError::Locked { .. }) => {
                // The process with the lock writes its address a moment later.
                if let Some(address) = published_address(&data)
                    && TcpStream::connect(address).await.is_ok()
                {
                    return Ok((address, None));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // Another program uses the previous port.
            Err(BrokerError::AddressInUse { .. }) if listen != any => listen = any,
            Err(error) => return Err(error.into()),
        }
    }
    Err(BootstrapError::Silent { data: data.display().to_string() })
}

/// Runs [`guard`] until told to stop; after a panic again, as if another process had served the broker.
async fn keep_guard(
    place: (PathBuf, SocketAddr),
    mut broker: Option<Broker>,
    line: Line,
    stop: CancellationToken,
) {
    loop {
        let guarding = guard(place.clone(), broker.take(), &line, &stop);
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
async fn guard(
    (data, address): (PathBuf, SocketAddr),
    mut broker: Option<Broker>,
    line: &Line,
    stop: &CancellationToken,
) {
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
            // The bridge occupies the address: close it first.
            Err(BrokerError::AddressInUse { .. }) if bridge.is_some() => bridge = None,
            Err(error) => tracing::debug!("taking over the broker: {error}"),
        }
    }
    drop(bridge);
    if let Some(broker) = broker {
        line.hold(&broker, stop).await;
        broker.stop().await;
    }
}

/// Forwards connections of this process's clients from the old address of the broker to the new one, after it was
/// restarted at another address. From then on clients use its metadata.
struct Bridge {
    to: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Bridge {
    /// `None` if the old address is in use: another process of this shop has its bridge there.
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
