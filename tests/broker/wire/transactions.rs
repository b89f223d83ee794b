//! Transactions: who may do what, and when.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        DescribeProducersRequest, DescribeTransactionsRequest, InitProducerIdRequest,
        ListTransactionsRequest, describe_producers_request::TopicRequest,
    },
};

use super::{
    client::{Batch, Wire, produce_request, says, text, topic_name, transactional_id},
    members::Member,
    producers::{Producer, init_request},
};
use crate::kit::{Cluster, read_all, unique, values};

#[tokio::test(flavor = "multi_thread")]
async fn transactional_ids_have_their_rules() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let id = unique("id");
    for (id, timeout, expected) in [
        ("", 1000, E::InvalidRequest),
        (&id, 0, E::InvalidTransactionTimeout),
        (&id, -5, E::InvalidTransactionTimeout),
        (&id, 900_001, E::InvalidTransactionTimeout),
    ] {
        let answer = wire.ask(4, &init_request(id, timeout));
        assert_eq!(
            (says(answer.error_code), answer.producer_id.0, answer.producer_epoch),
            (Some(expected), -1, -1)
        );
    }
    let mut producer = Producer::new(&cluster.bootstrap, &id);
    assert_eq!(producer.me.1, 0);
    let first = producer.me;
    // A request without a claim gets the next epoch, and so does the current producer.
    assert_eq!(Producer::new(&cluster.bootstrap, &id).me, (first.0, 1));
    let claim = |(id, epoch): (i64, i16), request: InitProducerIdRequest| {
        request.with_producer_id(id.into()).with_producer_epoch(epoch)
    };
    let mut ask = |claimed| {
        let answer = producer.wire.ask(4, &claim(claimed, init_request(&id, 60_000)));
        (says(answer.error_code), answer.producer_epoch)
    };
    assert_eq!(ask((first.0, 1)), (None, 2));
    assert_eq!(ask((first.0, 1)), (None, 2), "the same again is answered the same");
    assert_eq!(ask((first.0, 0)), (Some(E::ProducerFenced), -1));
    assert_eq!(ask((first.0 + 1_000_000, 2)), (Some(E::ProducerFenced), -1));
    let answer = producer.wire.ask(3, &claim((first.0, 0), init_request(&id, 60_000)));
    assert_eq!(says(answer.error_code), Some(E::InvalidProducerEpoch), "as it was called before version 4");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_join_a_transaction_together_or_not_at_all() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    let absent = unique("absent");
    assert_eq!(
        producer.add(3, &[(&topic, 0), (&absent, 0)]),
        [Some(E::UnknownTopicOrPartition), Some(E::OperationNotAttempted)]
    );
    assert_eq!(producer.add(3, &[(&topic, 7)]), [Some(E::UnknownTopicOrPartition)]);
    assert_eq!(producer.state(), (None, "Empty".to_owned()));
    assert_eq!(producer.send(&topic, 0, "outside"), (Some(E::TransactionAbortable), -1));
    let batch = Batch { transactional: true, ..Batch::of(&["outside"]).by(producer.me, 0) };
    let request = produce_request((&topic, 0), Some(&producer.id), batch.encode().freeze());
    let answer = producer.wire.ask(10, &request).responses.remove(0).partition_responses.remove(0);
    assert_eq!(says(answer.error_code), Some(E::InvalidTxnState), "as it was called before version 11");
    assert_eq!(producer.add(3, &[(&topic, 0)]), [None]);
    assert_eq!(producer.send(&topic, 0, "inside"), (None, 0));
    assert_eq!(producer.add(3, &[(&topic, 0)]), [None], "again");
    let (id, epoch) = producer.me;
    producer.me = (id, epoch + 1);
    assert_eq!(producer.add(3, &[(&topic, 0)]), [Some(E::ProducerFenced)]);
    assert_eq!(producer.add(1, &[(&topic, 0)]), [Some(E::InvalidProducerEpoch)]);
    producer.me = (id + 1_000_000, epoch);
    assert_eq!(producer.add(3, &[(&topic, 0)]), [Some(E::InvalidProducerIdMapping)]);
    assert_eq!(producer.add_group(3, "group"), Some(E::InvalidProducerIdMapping));
    producer.me = (id, epoch);
    let name = std::mem::replace(&mut producer.id, absent);
    assert_eq!(producer.add(3, &[(&topic, 0)]), [Some(E::InvalidProducerIdMapping)]);
    assert_eq!(producer.end(3, true), Some(E::InvalidProducerIdMapping));
    assert_eq!(producer.state().0, Some(E::TransactionalIdNotFound));
    producer.id = name;
    assert_eq!(producer.end(3, true), None);
    let seen = read_all(&cluster.bootstrap, &topic, 2, "read_committed");
    assert_eq!(values(&seen), ["inside"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_ends_once_and_one_way() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    assert_eq!(producer.end(3, true), Some(E::InvalidTxnState), "none has begun");
    assert_eq!(producer.add(3, &[(&topic, 0)]), [None]);
    assert_eq!(producer.state(), (None, "Ongoing".to_owned()));
    let epoch = producer.me.1;
    producer.me.1 = epoch + 1;
    assert_eq!(producer.end(3, true), Some(E::ProducerFenced));
    assert_eq!(producer.end(1, true), Some(E::InvalidProducerEpoch));
    producer.me.1 = epoch;
    assert_eq!(producer.end(3, true), None);
    producer.until_state("CompleteCommit");
    assert_eq!(producer.end(3, true), None, "the same again");
    assert_eq!(producer.end(3, false), Some(E::InvalidTxnState), "the contrary");
    assert_eq!(producer.add(3, &[(&topic, 0)]), [None]);
    assert_eq!(producer.end(3, false), None);
    producer.until_state("CompleteAbort");
    assert_eq!(producer.end(3, false), None);
    assert_eq!(producer.end(3, true), Some(E::InvalidTxnState));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_epoch_writes_nothing() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let id = unique("id");
    let mut old = Producer::new(&cluster.bootstrap, &id);
    assert_eq!(old.add(3, &[(&topic, 0)]), [None]);
    assert_eq!(old.send(&topic, 0, "old"), (None, 0));
    let mut new = Producer::new(&cluster.bootstrap, &id);
    assert_eq!(new.me.0, old.me.0);
    assert_eq!(old.send(&topic, 1, "late"), (Some(E::InvalidProducerEpoch), -1));
    assert_eq!(old.end(3, true), Some(E::ProducerFenced));
    assert_eq!(old.add_group(3, "group"), Some(E::ProducerFenced));
    assert_eq!(old.add_group(1, "group"), Some(E::InvalidProducerEpoch));
    assert_eq!(new.add(3, &[(&topic, 0)]), [None]);
    assert_eq!(new.send(&topic, 0, "new").0, None);
    assert_eq!(new.end(3, true), None);
    new.until_state("CompleteCommit");
    assert_eq!(values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")), ["new"]);
    cluster.stop().await;
}

/// The partition of Kafka's offsets topic for a group: that partition, not the group, is part of the transaction.
fn falls_to(group: &str) -> i32 {
    let hash = group.bytes().fold(0i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte)));
    (hash & i32::MAX) % 50
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_in_a_transaction_have_their_rules() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let mut member = Member::alone(&cluster.bootstrap, &group, Some("one"), &[&topic]);
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    assert_eq!(producer.commit(&topic, &member), Some(E::InvalidTxnState), "the group is not part of it");
    assert_eq!(producer.add_group(3, &group), None);
    let elsewhere =
        std::iter::repeat_with(|| unique("group")).find(|other| falls_to(other) != falls_to(&group));
    let elsewhere = Member::new(&cluster.bootstrap, &elsewhere.unwrap(), None);
    assert_eq!(producer.commit(&topic, &elsewhere), Some(E::InvalidTxnState), "nor is another group");
    member.generation += 1;
    assert_eq!(producer.commit(&topic, &member), Some(E::IllegalGeneration));
    member.generation -= 1;
    let id = std::mem::replace(&mut member.id, "somebody".to_owned());
    assert_eq!(producer.commit(&topic, &member), Some(E::FencedInstanceId));
    let instance = member.instance.take();
    assert_eq!(producer.commit(&topic, &member), Some(E::UnknownMemberId));
    (member.id, member.instance) = (id, instance);
    assert_eq!(producer.commit(&unique("absent"), &member), Some(E::UnknownTopicOrPartition));
    let me = producer.me;
    producer.me.1 += 1;
    assert_eq!(producer.commit(&topic, &member), Some(E::InvalidProducerEpoch));
    producer.me = (me.0 + 1_000_000, me.1);
    assert_eq!(producer.commit(&topic, &member), Some(E::InvalidProducerIdMapping));
    producer.me = me;
    assert_eq!(producer.commit(&topic, &member), None);
    assert_eq!(producer.end(3, true), None);
    producer.until_state("CompleteCommit");
    assert_eq!(producer.commit(&topic, &member), Some(E::InvalidTxnState));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_can_be_looked_at() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    assert!(producer.add(3, &[(&topic, 1), (&topic, 0)]).iter().all(Option::is_none));
    assert_eq!(producer.send(&topic, 0, "inside"), (None, 0));
    let request =
        DescribeTransactionsRequest::default().with_transactional_ids(vec![transactional_id(&producer.id)]);
    let state = producer.wire.ask(0, &request).transaction_states.remove(0);
    assert_eq!((state.producer_id.0, state.producer_epoch), producer.me);
    assert_eq!(
        (state.transaction_state.to_string(), state.transaction_timeout_ms),
        ("Ongoing".to_owned(), 60_000)
    );
    let mut partitions = state.topics[0].partitions.clone();
    partitions.sort_unstable();
    assert_eq!((state.topics[0].topic.to_string(), partitions), (topic.clone(), vec![0, 1]));
    let request = DescribeProducersRequest::default().with_topics(vec![
        TopicRequest::default().with_name(topic_name(&topic)).with_partition_indexes(vec![0, 9]),
    ]);
    let answer = producer.wire.ask(0, &request).topics.remove(0);
    let open = &answer.partitions[0].active_producers[0];
    assert_eq!((open.producer_id.0, open.producer_epoch), (producer.me.0, i32::from(producer.me.1)));
    assert_eq!((open.last_sequence, open.current_txn_start_offset), (0, 0));
    assert_eq!(says(answer.partitions[1].error_code), Some(E::UnknownTopicOrPartition));
    let id = producer.id.clone();
    let mut listed = |states: &[&str], producers: &[i64], duration: i64| {
        let request = ListTransactionsRequest::default()
            .with_state_filters(states.iter().map(|state| text(state)).collect())
            .with_producer_id_filters(producers.iter().map(|id| (*id).into()).collect())
            .with_duration_filter(duration);
        let answer = producer.wire.ask(1, &request);
        let unknown: Vec<_> = answer.unknown_state_filters.iter().map(ToString::to_string).collect();
        (answer.transaction_states.iter().any(|one| one.transactional_id.as_str() == id), unknown)
    };
    assert_eq!(listed(&[], &[], -1), (true, vec![]));
    assert_eq!(listed(&["Ongoing"], &[], -1), (true, vec![]));
    assert_eq!(listed(&["Empty"], &[], -1), (false, vec![]));
    assert_eq!(listed(&["Ongoing", "Strange"], &[], -1), (true, vec!["Strange".to_owned()]));
    assert_eq!(listed(&[], &[state.producer_id.0], -1), (true, vec![]));
    assert_eq!(listed(&[], &[state.producer_id.0 + 1_000_000], -1), (false, vec![]));
    assert_eq!(listed(&[], &[], 600_000), (false, vec![]));
    assert_eq!(producer.end(3, false), None);
    cluster.stop().await;
}
