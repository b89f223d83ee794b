//! Injected faults of the embedded broker, as clients see them.

use std::time::{Duration, Instant};

use kafka_in_process::{ApiKey, Broker, Fault, ResponseError};
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::FutureRecord,
};

use crate::kit::{PATIENCE, client, read_all, send, values};

#[tokio::test(flavor = "multi_thread")]
async fn clients_meet_the_faults_that_were_asked_for() {
    let broker = Broker::ephemeral().start().await.unwrap();
    broker.create_topic("t", 1, &[]).await.unwrap();
    let bootstrap = broker.bootstrap();
    let producer: rdkafka::producer::FutureProducer =
        client(&bootstrap).set("linger.ms", "0").set("reconnect.backoff.max.ms", "200").create().unwrap();
    // A retriable error is retried.
    broker.fail(ApiKey::Produce, Fault::Error(ResponseError::NotLeaderOrFollower), 2);
    assert_eq!(send(&producer, "t", 0, "key", "a").await, 0);
    broker.fail(ApiKey::Produce, Fault::HangUp, 1);
    assert_eq!(send(&producer, "t", 0, "key", "b").await, 1);
    // A fatal one is returned.
    broker.fail(ApiKey::Produce, Fault::Error(ResponseError::InvalidRecord), 1);
    let refused = producer.send(FutureRecord::to("t").key("key").payload("c"), PATIENCE).await;
    let Err((KafkaError::MessageProduction(RDKafkaErrorCode::InvalidRecord), _)) = refused else {
        panic!("{refused:?}")
    };
    let delay = Duration::from_millis(300);
    broker.fail(ApiKey::Produce, Fault::Delay(delay), 1);
    let begun = Instant::now();
    assert_eq!(send(&producer, "t", 0, "key", "d").await, 2);
    assert!(begun.elapsed() >= delay);
    broker.fail(ApiKey::Fetch, Fault::HangUp, usize::MAX);
    broker.heal();
    assert_eq!(values(&read_all(&bootstrap, "t", 1, "read_committed")), ["a", "b", "d"]);
    broker.stop().await;
}
