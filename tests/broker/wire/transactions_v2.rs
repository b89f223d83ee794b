//! Transactions by KIP-890 part 2: batches add their partitions, and each end has an epoch of its own.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        OffsetFetchRequest,
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    },
};

use super::{
    client::{Batch, Wire, group_id, produce_request, says, topic_name},
    members::Member,
    producers::{Producer, init_request},
};
use crate::kit::{Cluster, read_all, unique, until, values};

const NONE: (i64, i16) = (-1, -1);

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_adds_its_partition() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    assert_eq!(producer.send_in(12, (&topic, 7), 0, "nowhere"), (Some(E::UnknownTopicOrPartition), -1));
    let (id, epoch) = producer.me;
    for (me, error) in
        [((id + 1_000_000, epoch), E::InvalidProducerIdMapping), ((id, epoch + 1), E::InvalidProducerEpoch)]
    {
        producer.me = me;
        assert_eq!(producer.send_in(12, (&topic, 0), 0, "strange"), (Some(error), -1));
    }
    producer.me = (id, epoch);
    let name = std::mem::replace(&mut producer.id, unique("absent"));
    assert_eq!(producer.send_in(12, (&topic, 0), 0, "strange"), (Some(E::InvalidProducerIdMapping), -1));
    producer.id = name;
    let batch = Batch { transactional: true, ..Batch::of(&["strange"]).by(producer.me, 0) };
    let request = produce_request((&topic, 0), None, batch.encode().freeze());
    let refused = says(producer.wire.produce_in(12, &request).error_code);
    assert_eq!(refused, Some(E::TransactionalIdAuthorizationFailed), "it names no transactional id");
    assert_eq!(producer.state(), (None, "Empty".to_owned()));
    let late = producer.send_in(12, (&topic, 0), 5, "late");
    assert_eq!(late, (Some(E::OutOfOrderSequenceNumber), -1), "the first batch of an unknown producer");
    assert_eq!(producer.state(), (None, "Ongoing".to_owned()));
    assert_eq!(producer.send_in(12, (&topic, 0), 0, "one"), (None, 0));
    assert_eq!(producer.send_in(12, (&topic, 0), 1, "two"), (None, 1));
    assert_eq!(producer.send_in(12, (&topic, 0), 1, "two"), (None, 1), "once more");
    assert_eq!(producer.send_in(12, (&topic, 1), 0, "three"), (None, 0));
    assert_eq!(producer.end_as(5, (id, epoch), true), (None, (id, epoch + 1)));
    producer.until_state("CompleteCommit");
    let mut seen = read_all(&cluster.bootstrap, &topic, 2, "read_committed");
    seen.sort_by(|one, other| one.value.cmp(&other.value));
    assert_eq!(values(&seen), ["one", "three", "two"]);
    // What belongs to no transaction needs none.
    let (code, _) = Wire::connect(&cluster.bootstrap).produce(&topic, Batch::of(&["outside"]));
    assert_eq!(says(code), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_has_an_epoch_of_its_own() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    let (id, epoch) = producer.me;
    assert_eq!(epoch, 0);
    let fenced = (Some(E::ProducerFenced), NONE);
    let invalid = (Some(E::InvalidTxnState), NONE);
    assert_eq!(producer.end_as(5, (id, 0), true), invalid, "none has begun");
    assert_eq!(producer.end_as(5, (id, 1), false), fenced);
    assert_eq!(producer.end_as(5, (id + 1_000_000, 0), false), (Some(E::InvalidProducerIdMapping), NONE));
    assert_eq!(producer.end_as(5, (id, 0), false), (None, (id, 1)), "an abort needs no transaction");
    producer.until_state("CompleteAbort");
    assert_eq!(producer.end_as(5, (id, 0), false), (None, (id, 1)), "the same again");
    assert_eq!(producer.end_as(5, (id, 0), true), invalid, "the contrary");
    assert_eq!(producer.end_as(5, (id, 1), true), invalid);
    producer.me = (id, 1);
    assert_eq!(producer.send_in(12, (&topic, 0), 0, "committed"), (None, 0));
    assert_eq!(producer.end_as(5, (id, 0), false), fenced, "the next one has begun");
    assert_eq!(producer.end_as(5, (id, 1), true), (None, (id, 2)));
    producer.until_state("CompleteCommit");
    assert_eq!(producer.end_as(5, (id, 1), true), (None, (id, 2)), "the same again");
    assert_eq!(producer.end_as(5, (id, 1), false), invalid, "the contrary");
    assert_eq!(producer.end_as(5, (id, 0), false), fenced);
    assert_eq!(producer.end_as(5, (id, 2), true), invalid);
    assert_eq!(producer.send_in(12, (&topic, 0), 1, "late"), (Some(E::InvalidProducerEpoch), -1));
    producer.me = (id, 2);
    // The marker is at offset 1.
    assert_eq!(producer.send_in(12, (&topic, 0), 1, "gap"), (Some(E::OutOfOrderSequenceNumber), -1));
    assert_eq!(producer.send_in(12, (&topic, 0), 0, "aborted"), (None, 2));
    assert_eq!(producer.end_as(5, (id, 2), false), (None, (id, 3)));
    producer.until_state("CompleteAbort");
    assert_eq!(producer.end_as(5, (id, 3), false), (None, (id, 4)), "an abort needs no transaction");
    assert_eq!(values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")), ["committed"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_fences_the_second_version_too() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let id = unique("id");
    let mut old = Producer::new(&cluster.bootstrap, &id);
    assert_eq!(old.send_in(12, (&topic, 0), 0, "old"), (None, 0));
    let mut new = Producer::new(&cluster.bootstrap, &id);
    assert_eq!(new.me, (old.me.0, 2), "the abort has taken an epoch");
    assert_eq!(old.send_in(12, (&topic, 0), 1, "late"), (Some(E::InvalidProducerEpoch), -1));
    let me = old.me;
    for commit in [true, false] {
        assert_eq!(old.end_as(5, me, commit), (Some(E::ProducerFenced), NONE));
    }
    assert_eq!(new.send_in(12, (&topic, 0), 0, "new").0, None);
    assert_eq!(new.end(5, true), None);
    new.until_state("CompleteCommit");
    assert_eq!(values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")), ["new"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_goes_on_after_a_transaction_that_took_too_long() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    let id = producer.id.clone();
    let answer = producer.wire.ask(5, &init_request(&id, 100));
    producer.me = (answer.producer_id.0, answer.producer_epoch);
    let (number, epoch) = producer.me;
    assert_eq!(producer.send_in(12, (&topic, 0), 0, "slow"), (None, 0));
    producer.until_state("CompleteAbort");
    assert_eq!(producer.send_in(12, (&topic, 0), 1, "late"), (Some(E::InvalidProducerEpoch), -1));
    assert_eq!(producer.end_as(5, producer.me, true), (Some(E::InvalidTxnState), NONE));
    assert_eq!(producer.end(4, false), Some(E::ProducerFenced), "before version 5");
    assert_eq!(producer.end_as(5, producer.me, false), (None, (number, epoch + 1)));
    let claim = init_request(&id, 60_000).with_producer_id(number.into()).with_producer_epoch(epoch);
    let answer = producer.wire.ask(5, &claim);
    assert_eq!((says(answer.error_code), answer.producer_epoch), (None, epoch + 1));
    producer.me = (number, epoch + 1);
    assert_eq!(producer.send_in(12, (&topic, 0), 0, "quick").0, None);
    assert_eq!(producer.end(5, true), None);
    producer.until_state("CompleteCommit");
    assert_eq!(values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")), ["quick"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_add_their_group() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let mut member = Member::alone(&cluster.bootstrap, &group, None, &[&topic]);
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    assert_eq!(producer.commit_in(4, &topic, &member), Some(E::TransactionAbortable), "before version 5");
    assert_eq!(producer.commit_in(3, &topic, &member), Some(E::InvalidTxnState), "before version 4");
    assert_eq!(producer.commit_in(5, &unique("absent"), &member), Some(E::UnknownTopicOrPartition));
    let (id, epoch) = producer.me;
    for (me, error) in
        [((id + 1_000_000, epoch), E::InvalidProducerIdMapping), ((id, epoch + 1), E::InvalidProducerEpoch)]
    {
        producer.me = me;
        assert_eq!(producer.commit_in(5, &topic, &member), Some(error));
    }
    producer.me = (id, epoch);
    assert_eq!(producer.state(), (None, "Empty".to_owned()));
    member.generation += 1;
    assert_eq!(producer.commit_in(5, &topic, &member), Some(E::IllegalGeneration));
    member.generation -= 1;
    assert_eq!(producer.state(), (None, "Ongoing".to_owned()), "the group is part of it all the same");
    assert_eq!(producer.commit_in(5, &topic, &member), None);
    assert_eq!(committed(&mut member, &topic), -1);
    assert_eq!(producer.end_as(5, (id, epoch), true), (None, (id, epoch + 1)));
    until("the offset", || committed(&mut member, &topic) == 7);
    cluster.stop().await;
}

/// The group's committed offset of partition 0.
fn committed(member: &mut Member, topic: &str) -> i64 {
    let topics =
        OffsetFetchRequestTopics::default().with_name(topic_name(topic)).with_partition_indexes(vec![0]);
    let asked = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(&member.group))
        .with_topics(Some(vec![topics]));
    let request = OffsetFetchRequest::default().with_groups(vec![asked]);
    member.wire.ask(8, &request).groups[0].topics[0].partitions[0].committed_offset
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transactional_id_may_go_from_one_version_to_the_other_and_back() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    let (id, _) = producer.me;
    let first = |producer: &mut Producer, sequence, value, version| {
        assert_eq!(producer.add(3, &[(&topic, 0)]), [None]);
        assert_eq!(producer.send(&topic, sequence, value).0, None);
        assert_eq!(producer.end_as(version, producer.me, true).0, None);
        producer.until_state("CompleteCommit");
    };
    first(&mut producer, 0, "1", 4);
    assert_eq!(producer.end_as(4, (id, 0), true), (None, NONE), "the same again");
    assert_eq!(producer.send_in(12, (&topic, 0), 1, "2").0, None, "in the same epoch");
    assert_eq!(producer.end_as(5, (id, 0), true), (None, (id, 1)));
    producer.until_state("CompleteCommit");
    assert_eq!(producer.end_as(4, (id, 0), true), (Some(E::ProducerFenced), NONE), "it knows no bumps");
    assert_eq!(producer.end_as(4, (id, 1), true), (None, NONE));
    producer.me = (id, 1);
    first(&mut producer, 0, "3", 4);
    first(&mut producer, 1, "4", 5);
    producer.me = (id, 2);
    first(&mut producer, 0, "5", 4);
    assert_eq!(producer.send(&topic, 1, "outside"), (Some(E::TransactionAbortable), -1), "not of this one");
    let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["1", "2", "3", "4", "5"]);
    cluster.stop().await;
}
