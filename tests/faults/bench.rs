//! Runs consumers inside the test's process, on the shop's Kafka: their views, disks and stores can be made to fail.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::{AbortHandle, Aborted, abortable};
use shop_sim::{
    clock::Clock,
    consumer::Output,
    consumers::PartFigures,
    engine::{ConsumerError, Env, order_ids::OrderIds, publisher::Publisher, shared_reader::LogReader, view},
    read_model::{Connection, ReadModel},
    runtime::{
        dedicated_thread::{self, NoThread},
        supervisor::Supervisor,
    },
    shop::Zone,
    sinks::{faulty_memory_files::Disk, files::Files},
    store::Store,
    stream::{Session, ends, topics},
    views::View,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::common::{kafka::Record, orders::Hand, shop::Shop};

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Waits for a condition without holding a thread.
pub async fn until(what: &str, mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A session, and what its consumers share.
pub struct Bench {
    pub env: Env,
    pub zone: Zone,
    stop: CancellationToken,
}

impl Bench {
    /// With the topics of the shop made, two partitions each, and the ends of the logs watched.
    pub async fn open(shop: &Shop, instance: &str, properties: &[(&str, &str)]) -> Self {
        let zone = Zone(chrono_tz::Europe::Stockholm);
        let own = |text: &str| text.to_owned();
        let properties = properties.iter().map(|(name, value)| (own(name), own(value))).collect();
        let session = Session::new(shop.bootstrap(), shop.topic("").trim_end_matches('.'), 2, properties);
        topics::ensure(&session, PATIENCE).await.unwrap();
        let link = Connection { bootstrap: own(""), embedded: false, up: false, trouble: None };
        let (model, clock) = (Arc::new(ReadModel::new(zone, link)), Clock::default());
        clock.trade();
        let stop = CancellationToken::new();
        tokio::spawn(ends::run(session.clone(), Arc::clone(&model), clock.clone(), stop.clone()));
        let publisher = Arc::new(Publisher::new(&session).unwrap());
        let instance: Arc<str> = instance.into();
        let (beside, stops, reader) = (Handle::current(), stop.clone(), LogReader::default());
        let env = Env {
            session,
            reader,
            ids: Arc::new(OrderIds::new(shop.out().join("state/bench-ids"))),
            model,
            clock,
            zone,
            publisher,
            process: instance.clone(),
            instance,
            until: None,
            begin: tokio::sync::watch::Sender::new(true),
            stop: stops,
            beside,
        };
        let reading = env.clone();
        let supervisor =
            Supervisor { model: Arc::clone(&env.model), clock: env.clock.clone(), stop: stop.clone() };
        tokio::spawn(async move {
            let run = || {
                let env = reading.clone();
                async move { env.reader.run(&env).await }
            };
            supervisor.keep("the reader of the logs", run).await;
        });
        Self { env, zone, stop }
    }

    /// Supervises a view as the program does.
    pub fn keep<V, O, S, F>(
        &self,
        store: &S,
        mut output: impl FnMut() -> O + Send + 'static,
        mut files: impl FnMut() -> F + Send + 'static,
    ) -> Kept
    where
        V: View<Figures: Into<PartFigures>>,
        O: Output<V> + 'static,
        S: Store + Clone + Sync + 'static,
        F: Files + 'static,
    {
        let (env, store) = (self.env.clone(), store.clone());
        let supervisor =
            Supervisor { model: Arc::clone(&env.model), clock: env.clock.clone(), stop: env.stop.clone() };
        let (keeping, abort) = abortable(async move {
            let run = || {
                let (env, store, output, files) = (env.clone(), store.clone(), output(), files());
                async move { view::run::<V, O>(&env, output, store, files).await }
            };
            supervisor.keep::<_, _, ConsumerError>(V::NAME, run).await;
        });
        Kept { ended: tokio::spawn(dedicated_thread::run(V::NAME, keeping)), abort }
    }

    /// What was told so far.
    pub fn told(&self) -> Vec<String> {
        self.env.model.messages().into_iter().map(|message| message.sentence.to_string()).collect()
    }

    pub fn was_told(&self, words: &[&str]) -> bool {
        self.told().iter().any(|text| words.iter().all(|word| text.contains(word)))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}: {:#?}", self.env.instance, self.told());
        }
        self.stop.cancel();
    }
}

/// A view that is kept alive.
pub struct Kept {
    ended: tokio::task::JoinHandle<Result<Result<(), Aborted>, NoThread>>,
    abort: AbortHandle,
}

impl Kept {
    /// Waits until it has ended by itself.
    pub async fn ended(self) {
        self.ended.await.unwrap().unwrap().unwrap();
    }

    /// Ends it immediately, without a shutdown.
    pub async fn kill(self) {
        self.abort.abort();
        assert!(self.ended.await.unwrap().unwrap().is_err());
    }
}

/// Orders with these ids, spread over two partitions.
pub fn orders(ids: std::ops::Range<u64>) -> Vec<Record> {
    let order = |id| Hand::at("2026-11-20T12:00:00.000+01:00").id(id);
    ids.map(|id| order(id).record(i32::try_from(id % 2).unwrap())).collect()
}

/// The ids of the orders in the journal on a disk, in order, each as often as it is there.
pub fn journal(disk: &Disk) -> Vec<u64> {
    let text = String::from_utf8(disk.read("orders/2026-11-20.txt").unwrap_or_default()).unwrap();
    let mut ids: Vec<u64> =
        text.lines().skip(1).map(|row| row.split('\t').next().unwrap().parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}
