//! A transactional producer, made by hand.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, DescribeTransactionsRequest, EndTxnRequest,
        FindCoordinatorRequest, InitProducerIdRequest, TxnOffsetCommitRequest,
        add_partitions_to_txn_request::AddPartitionsToTxnTopic,
        txn_offset_commit_request::{TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic},
    },
};

use super::{
    client::{Batch, PRODUCE, Wire, group_id, produce_request, says, text, topic_name, transactional_id},
    members::Member,
};
use crate::kit::until;

/// A producer with a connection of its own.
pub(super) struct Producer {
    pub wire: Wire,
    pub id: String,
    /// Producer id and epoch.
    pub me: (i64, i16),
}

pub(super) fn init_request(id: &str, timeout_ms: i32) -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(Some(transactional_id(id)))
        .with_transaction_timeout_ms(timeout_ms)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1)
}

/// The first answer whose code does not say that markers of the transaction before are missing.
fn once_ended<T>(mut ask: impl FnMut() -> T, code: impl Fn(&T) -> Option<E>) -> T {
    let mut answer = ask();
    until("the transaction before to end", || {
        let ended = code(&answer) != Some(E::ConcurrentTransactions);
        if !ended {
            answer = ask();
        }
        ended
    });
    answer
}

impl Producer {
    pub(super) fn new(bootstrap: &str, id: &str) -> Self {
        let mut producer = Self { wire: Wire::connect(bootstrap), id: id.to_owned(), me: (-1, -1) };
        // Kafka has no coordinator before somebody looks for one.
        let coordinator = FindCoordinatorRequest::default().with_key_type(1);
        producer.wire.ask(4, &coordinator.with_coordinator_keys(vec![text(id)]));
        until("a producer id", || {
            let answer = producer.wire.ask(4, &init_request(id, 60_000));
            producer.me = (answer.producer_id.0, answer.producer_epoch);
            answer.error_code == 0
        });
        producer
    }

    /// Adds partitions and says what became of each, by the topics' names.
    pub(super) fn add(&mut self, version: i16, topics: &[(&str, i32)]) -> Vec<Option<E>> {
        let topics = topics.iter().map(|(topic, partition)| {
            AddPartitionsToTxnTopic::default().with_name(topic_name(topic)).with_partitions(vec![*partition])
        });
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(transactional_id(&self.id))
            .with_v3_and_below_producer_id(self.me.0.into())
            .with_v3_and_below_producer_epoch(self.me.1)
            .with_v3_and_below_topics(topics.collect());
        let ask = || {
            let mut answer = self.wire.ask(version, &request);
            answer.results_by_topic_v3_and_below.sort_by(|one, other| one.name.cmp(&other.name));
            let results = answer.results_by_topic_v3_and_below.iter();
            let codes = results.map(|topic| says(topic.results_by_partition[0].partition_error_code));
            codes.collect::<Vec<_>>()
        };
        once_ended(ask, |codes| codes[0])
    }

    pub(super) fn add_group(&mut self, version: i16, group: &str) -> Option<E> {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(transactional_id(&self.id))
            .with_producer_id(self.me.0.into())
            .with_producer_epoch(self.me.1)
            .with_group_id(group_id(group));
        once_ended(|| says(self.wire.ask(version, &request).error_code), |code| *code)
    }

    pub(super) fn end(&mut self, version: i16, commit: bool) -> Option<E> {
        self.end_as(version, self.me, commit).0
    }

    /// Ends the transaction as this producer; the producer that the answer tells.
    pub(super) fn end_as(
        &mut self,
        version: i16,
        (id, epoch): (i64, i16),
        commit: bool,
    ) -> (Option<E>, (i64, i16)) {
        let request = EndTxnRequest::default()
            .with_transactional_id(transactional_id(&self.id))
            .with_producer_id(id.into())
            .with_producer_epoch(epoch)
            .with_committed(commit);
        let ask = || {
            let answer = self.wire.ask(version, &request);
            (says(answer.error_code), (answer.producer_id.0, answer.producer_epoch))
        };
        once_ended(ask, |outcome| outcome.0)
    }

    pub(super) fn send(&mut self, topic: &str, sequence: i32, value: &str) -> (Option<E>, i64) {
        self.send_in(PRODUCE, (topic, 0), sequence, value)
    }

    pub(super) fn send_in(
        &mut self,
        version: i16,
        at: (&str, i32),
        sequence: i32,
        value: &str,
    ) -> (Option<E>, i64) {
        let values = [value];
        let batch = Batch { transactional: true, ..Batch::of(&values).by(self.me, sequence) };
        let request = produce_request(at, Some(&self.id), batch.encode().freeze());
        let ask = || {
            let answer = self.wire.produce_in(version, &request);
            (says(answer.error_code), answer.base_offset)
        };
        once_ended(ask, |outcome| outcome.0)
    }

    /// Commits an offset of a topic's partition 0 with the transaction, as this member.
    pub(super) fn commit(&mut self, topic: &str, member: &Member) -> Option<E> {
        self.commit_in(3, topic, member)
    }

    pub(super) fn commit_in(&mut self, version: i16, topic: &str, member: &Member) -> Option<E> {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_committed_offset(7)
            .with_committed_leader_epoch(-1);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(transactional_id(&self.id))
            .with_group_id(group_id(&member.group))
            .with_producer_id(self.me.0.into())
            .with_producer_epoch(self.me.1)
            .with_generation_id(member.generation)
            .with_member_id(text(&member.id))
            .with_group_instance_id(member.instance.as_deref().map(text))
            .with_topics(vec![
                TxnOffsetCommitRequestTopic::default()
                    .with_name(topic_name(topic))
                    .with_partitions(vec![partition]),
            ]);
        let ask = || says(self.wire.ask(version, &request).topics[0].partitions[0].error_code);
        once_ended(ask, |code| *code)
    }

    pub(super) fn state(&mut self) -> (Option<E>, String) {
        let request =
            DescribeTransactionsRequest::default().with_transactional_ids(vec![transactional_id(&self.id)]);
        let state = self.wire.ask(0, &request).transaction_states.remove(0);
        (says(state.error_code), state.transaction_state.to_string())
    }

    pub(super) fn until_state(&mut self, wanted: &str) {
        until(wanted, || self.state() == (None, wanted.to_owned()));
    }
}
