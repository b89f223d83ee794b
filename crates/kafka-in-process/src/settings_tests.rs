//! The broker's settings.

use std::time::{Duration, SystemTime};

use kafka_protocol::{
    ResponseError,
    messages::{
        InitProducerIdRequest, JoinGroupRequest, MetadataRequest, RequestKind, ResponseKind, TransactionalId,
        metadata_request::MetadataRequestTopic,
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Broker, Builder, Clock,
    api::{self, Peer},
    log::tests::kit::{NOBODY, append, config, given},
};

async fn ask(broker: &Broker, request: RequestKind, version: i16) -> ResponseKind {
    let remote = ([127, 0, 0, 1], 4711).into();
    let peer = Peer { local: broker.address(), remote, client_id: "test".to_owned() };
    api::answer(&broker.cluster, &peer, request, version).await.unwrap()
}

async fn metadata(broker: &Broker, topic: &str) -> (i16, usize, (String, i32)) {
    let wanted = MetadataRequestTopic::default()
        .with_name(Some(kafka_protocol::messages::TopicName(topic.to_owned().into())));
    let request =
        MetadataRequest::default().with_topics(Some(vec![wanted])).with_allow_auto_topic_creation(true);
    let ResponseKind::Metadata(told) = ask(broker, RequestKind::Metadata(request), 9).await else { panic!() };
    let broker = &told.brokers[0];
    (told.topics[0].error_code, told.topics[0].partitions.len(), (broker.host.to_string(), broker.port))
}

#[tokio::test]
async fn topics_are_made_as_the_broker_was_told() {
    let broker = Broker::ephemeral()
        .default_partitions(4)
        .topic_default("retention.ms", "-1")
        .advertise("kafka.example", 19092)
        .start()
        .await
        .unwrap();
    assert_eq!(metadata(&broker, "t").await, (0, 4, ("kafka.example".to_owned(), 19092)));
    assert_eq!(broker.cluster.topics.get("t").unwrap().log_config().retention_ms, -1);
    broker.create_topic("own", 1, &[("retention.ms", "5")]).await.unwrap();
    assert_eq!(broker.cluster.topics.get("own").unwrap().log_config().retention_ms, 5);
    broker.stop().await;

    let broker = Broker::ephemeral().auto_create_topics(false).start().await.unwrap();
    assert_eq!(metadata(&broker, "t").await.0, ResponseError::UnknownTopicOrPartition.code());
    broker.stop().await;
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let refused = async |builder: Builder| match builder.start().await {
        Ok(_) => panic!(),
        Err(error) => error.to_string(),
    };
    let told = refused(Broker::ephemeral().topic_default("retention.ms", "soon")).await;
    assert!(told.contains("retention.ms"), "{told}");
    assert!(refused(Broker::ephemeral().topic_default("no.such", "1")).await.contains("no.such"));
    assert!(refused(Broker::ephemeral().default_partitions(0)).await.contains("partitions"));
}

#[tokio::test]
async fn time_outs_are_those_that_the_broker_was_told() {
    let second = Duration::from_secs(1);
    let broker = Broker::ephemeral().session_timeouts(second..=2 * second).longest_transaction(second);
    let broker = broker.start().await.unwrap();
    let join = async |timeout| {
        let group = kafka_protocol::messages::GroupId("g".to_owned().into());
        let request = JoinGroupRequest::default().with_group_id(group).with_session_timeout_ms(timeout);
        let answer = ask(&broker, RequestKind::JoinGroup(request), 5).await;
        let ResponseKind::JoinGroup(answer) = answer else { panic!() };
        answer.error_code
    };
    assert_eq!(join(2001).await, ResponseError::InvalidSessionTimeout.code());
    assert_ne!(join(1000).await, ResponseError::InvalidSessionTimeout.code());
    let init = async |timeout| {
        let id = TransactionalId("id".to_owned().into());
        let request = InitProducerIdRequest::default().with_transactional_id(Some(id));
        let request = request.with_transaction_timeout_ms(timeout);
        let answer = ask(&broker, RequestKind::InitProducerId(request), 4).await;
        let ResponseKind::InitProducerId(answer) = answer else { panic!() };
        answer.error_code
    };
    assert_eq!(init(1001).await, ResponseError::InvalidTransactionTimeout.code());
    assert_eq!(init(1000).await, 0);
    broker.stop().await;
}

/// A week passes instantly.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_time_goes_by_the_clock_that_the_broker_was_given() {
    let clock = Clock::manual(SystemTime::now());
    let broker = Broker::ephemeral().clock(clock.clone()).start().await.unwrap();
    broker.create_topic("t", 1, &[("retention.ms", "3600000")]).await.unwrap();
    let partition = broker.cluster.topics.get("t").unwrap().partition(0).unwrap();
    append(&mut partition.log(), &[given("key", Some("value"), clock.wall())], NOBODY, &config()).unwrap();
    let transactions = &broker.cluster.transactions;
    let producer = transactions.init(Some("id"), 60_000, None).unwrap();
    transactions.add_partitions("id", producer, vec![("t".to_owned(), 0)]).unwrap();
    let state = || transactions.get("id").map(|transaction| transaction.state.name());

    assert_eq!((partition.log().start(), state()), (0, Some("Ongoing")));
    clock.advance(Duration::from_secs(60));
    until(|| state() == Some("CompleteAbort")).await;
    clock.advance(Duration::from_secs(7200));
    // The marker of the abort follows the record.
    until(|| partition.log().start() == 2).await;
    clock.advance(Duration::from_secs(8 * 86_400));
    until(|| state().is_none()).await;
    broker.stop().await;
}

async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap();
}

#[tokio::test]
async fn the_broker_tells_its_settings_with_their_types_and_meanings() {
    use kafka_protocol::messages::{
        DescribeConfigsRequest, describe_configs_request::DescribeConfigsResource,
    };
    let broker =
        Broker::ephemeral().default_partitions(4).topic_default("retention.ms", "5").start().await.unwrap();
    broker.create_topic("t", 1, &[]).await.unwrap();
    let describe = async |kind: i8, name: &str, key: &str| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(name.to_owned().into())
            .with_configuration_keys(Some(vec![key.to_owned().into()]));
        let request = DescribeConfigsRequest::default()
            .with_resources(vec![resource])
            .with_include_synonyms(true)
            .with_include_documentation(true);
        let told = ask(&broker, RequestKind::DescribeConfigs(request), 4).await;
        let ResponseKind::DescribeConfigs(mut told) = told else { panic!() };
        let one = told.results.remove(0).configs.remove(0);
        let value = one.value.map(|value| value.to_string()).unwrap_or_default();
        assert!(one.documentation.is_some_and(|text| text.len() > 10), "{key}");
        (value, one.config_source, one.config_type, one.synonyms.len())
    };
    assert_eq!(describe(4, "1", "num.partitions").await, ("4".to_owned(), 4, 3, 1));
    assert_eq!(describe(4, "1", "log.retention.ms").await, ("5".to_owned(), 4, 5, 1));
    assert_eq!(describe(2, "t", "retention.ms").await, ("5".to_owned(), 4, 5, 2));
    assert_eq!(describe(2, "t", "preallocate").await, ("false".to_owned(), 5, 1, 1));
    broker.stop().await;
}

/// Whether a new connection gets a response; it stays open.
async fn connected(broker: &Broker) -> Option<TcpStream> {
    // ApiVersions, version 0, without a client's name.
    const REQUEST: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let mut stream = TcpStream::connect(broker.address()).await.unwrap();
    stream.write_all(&REQUEST).await.ok()?;
    stream.read_exact(&mut [0; 8]).await.ok()?;
    Some(stream)
}

#[tokio::test]
async fn there_are_no_more_connections_than_the_broker_was_told() {
    let broker = Broker::ephemeral().connections(2).start().await.unwrap();
    let first = connected(&broker).await.unwrap();
    let _second = connected(&broker).await.unwrap();
    assert!(connected(&broker).await.is_none());
    drop(first);
    let again = async { while connected(&broker).await.is_none() {} };
    tokio::time::timeout(Duration::from_secs(20), again).await.unwrap();
    broker.stop().await;
}
