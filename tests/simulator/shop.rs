//! A shop of its own for each test: a prefix on a broker, and simulators that run on it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use kafka_in_process::{Broker, BrokerConfig};
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
    producer::{BaseProducer, BaseRecord, Producer},
};
use shop_sim::{
    shop::{Catalog, Control, Pulse, Zone},
    simulator::{Outcome, Pace, Progress, Rate, Rhythm, SimulatorError, SimulatorOptions, start},
    stream::{Session, Topic, reader::watermarks, topics},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::log::Log;

/// Time-out of all waits in the tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Twenty orders a second in real time.
pub(crate) fn options() -> SimulatorOptions {
    SimulatorOptions {
        catalog: Catalog::builtin(),
        zone: Zone::default(),
        rate: Rate::PerSecond(20.0),
        seed: 1,
        rhythm: Rhythm::flat(),
        pace: Pace::Real,
        count: None,
        backfill: None,
        then_live: false,
        goes_on: false,
        take_over: false,
    }
}

pub(crate) struct Shop {
    pub(crate) session: Session,
    // Ends when dropped.
    broker: Option<(Broker, tempfile::TempDir)>,
    /// Its data while it is stopped.
    folder: Option<tempfile::TempDir>,
}

/// A simulator that runs.
pub(crate) struct Running {
    pub(crate) control: mpsc::Sender<Control>,
    progress: watch::Receiver<Progress>,
    stop: CancellationToken,
    task: JoinHandle<Result<Outcome, SimulatorError>>,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let (bootstrap, broker) = if let Ok(bootstrap) = std::env::var("SHOP_SIM_TEST_BOOTSTRAP") {
            (bootstrap, None)
        } else {
            let folder = tempfile::tempdir().unwrap();
            let config = BrokerConfig::new(folder.path().join("kafka"), ([127, 0, 0, 1], 0).into());
            let broker = Broker::start(config).await.unwrap();
            (broker.address().to_string(), Some((broker, folder)))
        };
        let session = Session::new(&bootstrap, &prefix(), 6, Vec::new());
        topics::ensure(&session, DEADLINE).await.unwrap();
        Self { session, broker, folder: None }
    }

    pub(crate) fn with_other_prefix(&self) -> Session {
        self.session.with_prefix(&prefix())
    }

    pub(crate) async fn start(&self, options: SimulatorOptions) -> Result<Running, SimulatorError> {
        let simulator = start(&self.session, options).await?;
        let (control, asks) = mpsc::channel(8);
        let (told, progress) = watch::channel(Progress::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(simulator.run(asks, told, stop.clone()));
        Ok(Running { control, progress, stop, task })
    }

    /// Runs a simulator that ends by itself.
    pub(crate) async fn run(&self, options: SimulatorOptions) -> Result<Outcome, SimulatorError> {
        self.start(options).await?.outcome().await
    }

    /// All that is in the topics.
    pub(crate) fn read(&self) -> Log {
        Log::read(&self.session)
    }

    /// Stops the embedded broker; `None` on another Kafka.
    pub(crate) async fn take_broker_away(&mut self) -> Option<BrokerConfig> {
        let (broker, folder) = self.broker.take()?;
        let config = BrokerConfig::new(folder.path().join("kafka"), broker.address());
        broker.stop().await;
        self.folder = Some(folder);
        Some(config)
    }

    /// Brings it back, on the same data and port.
    pub(crate) async fn bring_broker_back(&mut self, config: BrokerConfig) {
        let broker = Broker::start(config).await.unwrap();
        self.broker = self.folder.take().map(|folder| (broker, folder));
    }

    /// Waits for a pulse.
    pub(crate) async fn pulse(&self, wanted: impl Fn(&Pulse) -> bool) -> Pulse {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let pulses = self.read().pulses;
            if let Some(pulse) = pulses.into_iter().find(|pulse| wanted(pulse)) {
                return pulse;
            }
            assert!(tokio::time::Instant::now() < deadline, "no such pulse");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Follows partition 0 of a topic from its beginning.
    pub(crate) fn follow(&self, topic: Topic) -> BaseConsumer {
        let consumer: BaseConsumer =
            self.session.client(&[("group.id", "test"), ("enable.auto.commit", "false")]).create().unwrap();
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(&self.session.topic(topic), 0, Offset::Beginning).unwrap();
        consumer.assign(&assignment).unwrap();
        consumer
    }

    /// Where the partitions of a topic end now.
    pub(crate) fn ends(&self, probe: &BaseConsumer, topic: Topic) -> Vec<i64> {
        let name = self.session.topic(topic);
        (0..self.session.partitions)
            .map(|partition| watermarks(probe, &name, partition, DEADLINE).unwrap().1)
            .collect()
    }

    /// Asks by way of the topic.
    pub(crate) fn ask(&self, ask: Control) {
        self.put(Topic::Control, &serde_json::to_vec(&ask).unwrap());
    }

    /// Sends a pulse as another simulator.
    pub(crate) fn tell(&self, pulse: &Pulse) {
        self.put(Topic::Pulse, &serde_json::to_vec(pulse).unwrap());
    }

    fn put(&self, topic: Topic, bytes: &[u8]) {
        let producer: BaseProducer = self.session.client(&[]).create().unwrap();
        let topic = self.session.topic(topic);
        producer.send(BaseRecord::to(&topic).key("pulse").payload(bytes)).unwrap();
        producer.flush(DEADLINE).unwrap();
    }
}

impl Running {
    /// Waits until its progress is such.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.clone();
        *tokio::time::timeout(DEADLINE, progress.wait_for(wanted)).await.expect("in time").expect("it runs")
    }

    pub(crate) async fn stop(self) -> Result<Outcome, SimulatorError> {
        self.stop.cancel();
        self.outcome().await
    }

    /// Its progress now.
    pub(crate) fn now(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Ends it at any point, as a kill would.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }

    pub(crate) async fn outcome(self) -> Result<Outcome, SimulatorError> {
        tokio::time::timeout(DEADLINE * 2, self.task).await.expect("in time").expect("no panic")
    }
}

/// The payload of the next record, if one comes in time.
pub(crate) fn poll(consumer: &BaseConsumer) -> Option<Vec<u8>> {
    next(consumer).map(|message| message.payload().unwrap_or_default().to_vec())
}

/// The next record, if one comes in time. The client reconnects by itself.
fn next(consumer: &BaseConsumer) -> Option<BorrowedMessage<'_>> {
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        match consumer.poll(deadline - Instant::now())? {
            Ok(message) => return Some(message),
            Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::BrokerTransportFailure,
            )) => {}
            Err(error) => panic!("{error}"),
        }
    }
    None
}

/// Reads a partition to its end: bytes in order.
pub(crate) fn read_partition(session: &Session, topic: Topic, partition: i32) -> Vec<Vec<u8>> {
    let consumer: BaseConsumer = session
        .client(&[("group.id", "test"), ("enable.auto.commit", "false"), ("fetch.queue.backoff.ms", "5")])
        .create()
        .unwrap();
    let name = session.topic(topic);
    let (_, end) = watermarks(&consumer, &name, partition, DEADLINE).unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(&name, partition, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let mut records = Vec::new();
    let mut read_to = 0;
    while read_to < end {
        let message = next(&consumer).expect("a record in time");
        read_to = message.offset() + 1;
        records.push(message.payload().unwrap_or_default().to_vec());
    }
    records
}

fn prefix() -> Arc<str> {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("sim-{}-{nanos}", std::process::id()).into()
}
