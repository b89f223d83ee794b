//! One transactional id, used in turn by a producer of the first transaction version and one of the second (KIP-890):
//! under any sequence of actions, what was committed is there once, and what was not is never seen.

use bytes::Bytes;
use kafka_protocol::{
    messages::{
        AddPartitionsToTxnRequest, EndTxnRequest, InitProducerIdRequest, ProduceRequest, RequestKind as Q,
        ResponseKind as A, TopicName, TransactionalId,
        add_partitions_to_txn_request::AddPartitionsToTxnTopic,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::StrBytes,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::*;
use crate::{
    api::{Peer, answer},
    cluster::Cluster,
    config::Settings,
    log::{
        Isolation,
        tests::kit::{Writer, bytes, given, read_from},
    },
    open,
    topics::config::Overrides,
};

const PARTITIONS: i32 = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    Init(usize),
    Send(usize, i32),
    /// The last batch once more.
    Resend(usize),
    End(usize, bool),
    /// The last `EndTxn` once more.
    AskAgain(usize),
    Restart,
    /// The broker ends between the decision and the last marker; so many of them are written.
    EndAndRestart(usize, bool, usize),
    TimeOut,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..2usize;
    prop_oneof![
        2 => who().prop_map(Step::Init),
        8 => (who(), 0..PARTITIONS).prop_map(|(who, partition)| Step::Send(who, partition)),
        2 => who().prop_map(Step::Resend),
        6 => (who(), any::<bool>()).prop_map(|(who, commit)| Step::End(who, commit)),
        2 => who().prop_map(Step::AskAgain),
        1 => Just(Step::Restart),
        2 => (who(), any::<bool>(), 0..2usize).prop_map(|(who, commit, n)| Step::EndAndRestart(who, commit, n)),
        1 => Just(Step::TimeOut),
    ]
}

/// A producer: number 0 is of the first version, number 1 of the second.
#[derive(Clone, Default)]
struct Client {
    me: Option<ProducerId>,
    sequences: [i32; PARTITIONS as usize],
    batch: Option<(i32, Bytes)>,
    asked: Option<(ProducerId, bool)>,
}

struct World {
    runtime: Runtime,
    data: TempDir,
    cluster: Option<Arc<Cluster>>,
    clients: [Client; 2],
    /// Who has initialized last, and whether its transaction has timed out since.
    holder: Option<usize>,
    timed_out: bool,
    sent: usize,
    open: Vec<(i32, String)>,
    committed: Vec<(i32, String)>,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
        cluster.topics.create("t", PARTITIONS, Overrides::new(), false).unwrap();
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            data,
            cluster: Some(cluster),
            clients: Default::default(),
            holder: None,
            timed_out: false,
            sent: 0,
            open: Vec::new(),
            committed: Vec::new(),
        }
    }

    fn cluster(&self) -> &Arc<Cluster> {
        self.cluster.as_ref().unwrap()
    }

    fn ask(&self, request: Q, version: i16) -> A {
        let address = "127.0.0.1:9092".parse().unwrap();
        let peer = Peer { local: address, remote: address, client_id: String::new() };
        self.runtime.block_on(answer(self.cluster(), &peer, request, version)).unwrap()
    }

    fn restart(&mut self) {
        self.cluster = None;
        self.cluster = Some(open(self.data.path(), Durability::Process, Settings::default()).unwrap());
    }

    fn id() -> TransactionalId {
        TransactionalId(StrBytes::from_static_str("id"))
    }

    fn init(&mut self, who: usize) {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(Self::id()))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let A::InitProducerId(told) = self.ask(Q::InitProducerId(request), 4) else { panic!() };
        assert_eq!(told.error_code, 0);
        let me = ProducerId { id: told.producer_id.0, epoch: told.producer_epoch };
        self.clients[who] = Client { me: Some(me), ..Client::default() };
        (self.holder, self.timed_out) = (Some(who), false);
        self.open.clear();
    }

    /// Produces bytes; the error code.
    fn produce(&self, who: usize, partition: i32, batch: Bytes) -> i16 {
        let me = self.clients[who].me.unwrap();
        let name = || TopicName(StrBytes::from_static_str("t"));
        if who == 0 {
            let topic = AddPartitionsToTxnTopic::default().with_name(name()).with_partitions(vec![partition]);
            let request = AddPartitionsToTxnRequest::default()
                .with_v3_and_below_transactional_id(Self::id())
                .with_v3_and_below_producer_id(me.id.into())
                .with_v3_and_below_producer_epoch(me.epoch)
                .with_v3_and_below_topics(vec![topic]);
            let A::AddPartitionsToTxn(told) = self.ask(Q::AddPartitionsToTxn(request), 3) else { panic!() };
            let topic = &told.results_by_topic_v3_and_below[0];
            let code = topic.results_by_partition[0].partition_error_code;
            if code != 0 {
                return code;
            }
        }
        let part = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
        let request =
            ProduceRequest::default().with_acks(-1).with_transactional_id(Some(Self::id())).with_topic_data(
                vec![TopicProduceData::default().with_name(name()).with_partition_data(vec![part])],
            );
        let A::Produce(told) = self.ask(Q::Produce(request), if who == 0 { 11 } else { 12 }) else {
            panic!()
        };
        told.responses[0].partition_responses[0].error_code
    }

    fn send(&mut self, who: usize, partition: i32) {
        let Some(me) = self.clients[who].me else { return };
        self.sent += 1;
        let value = format!("{}", self.sent);
        let client = &mut self.clients[who];
        let sequence = client.sequences[usize::try_from(partition).unwrap()];
        let writer = Writer { id: me.id, epoch: me.epoch, sequence, transactional: true };
        let batch = bytes(&[given("key", Some(&value), crate::clock::wall())], writer);
        client.batch = Some((partition, batch.clone()));
        let code = self.produce(who, partition, batch);
        let may = self.holder == Some(who) && !self.timed_out;
        assert_eq!(code == 0, may, "code {code} for {who}");
        if may {
            self.clients[who].sequences[usize::try_from(partition).unwrap()] += 1;
            self.open.push((partition, value));
        }
    }

    fn resend(&mut self, who: usize) {
        let Some((partition, batch)) = self.clients[who].batch.clone() else { return };
        let code = self.produce(who, partition, batch);
        let holds = self.holder == Some(who) && !self.timed_out;
        assert!(code != 0 || holds, "an old epoch is refused");
        if who == 1 && holds && self.open.is_empty() {
            assert_ne!(code, 0, "its transaction has ended");
        }
    }

    /// Asks for an end; the error code, and the producer that it tells.
    fn ask_end(&self, who: usize, me: ProducerId, commit: bool) -> (i16, ProducerId) {
        let request = EndTxnRequest::default()
            .with_transactional_id(Self::id())
            .with_producer_id(me.id.into())
            .with_producer_epoch(me.epoch)
            .with_committed(commit);
        let A::EndTxn(told) = self.ask(Q::EndTxn(request), if who == 0 { 4 } else { 5 }) else { panic!() };
        (told.error_code, ProducerId { id: told.producer_id.0, epoch: told.producer_epoch })
    }

    /// The client has been told that its transaction has ended.
    fn ended(&mut self, who: usize, next: ProducerId) {
        let client = &mut self.clients[who];
        if who == 1 {
            let old = client.me.replace(next).unwrap();
            assert_eq!((next.id, next.epoch), (old.id, old.epoch + 1));
            client.sequences = Default::default();
        }
        self.timed_out = false;
    }

    fn decided(&mut self, commit: bool) {
        let open = std::mem::take(&mut self.open);
        self.committed.extend(open.into_iter().filter(|_| commit));
    }

    fn end(&mut self, who: usize, commit: bool) {
        let Some(me) = self.clients[who].me else { return };
        let (code, next) = self.ask_end(who, me, commit);
        let holds = self.holder == Some(who);
        if who == 1 {
            let may = holds && (!commit || !self.open.is_empty());
            assert_eq!(code == 0, may, "code {code}");
        } else if !holds || self.timed_out || !self.open.is_empty() {
            assert_eq!(code == 0, holds && !self.timed_out, "code {code}");
        }
        if code == 0 {
            self.clients[who].asked = Some((me, commit));
            self.ended(who, next);
            self.decided(commit);
        }
    }

    fn ask_again(&mut self, who: usize) {
        let Some((me, commit)) = self.clients[who].asked else { return };
        if who == 0 && !self.open.is_empty() {
            // In the first version this would be the next end.
            return;
        }
        let (code, next) = self.ask_end(who, me, commit);
        let holds = self.holder == Some(who);
        assert!(code != 0 || holds, "an old epoch is refused");
        // The next transaction has not begun: it is told the same as before.
        if who == 1 && holds && self.open.is_empty() && !self.timed_out {
            assert_eq!((code, Some(next)), (0, self.clients[who].me));
        } else if who == 1 {
            assert_ne!(code, 0);
        }
    }

    fn end_and_restart(&mut self, who: usize, commit: bool, markers: usize) {
        let Some(me) = self.clients[who].me else { return };
        if self.holder != Some(who) || self.timed_out || self.open.is_empty() {
            return;
        }
        let marker = if commit { Marker::Commit } else { Marker::Abort };
        let transactions = &self.cluster().transactions;
        let decide = |transaction: &mut Transaction| {
            let end = if who == 0 {
                transaction.end(me.id, me.epoch, marker)?
            } else {
                transaction
                    .end_and_bump(me.id, me.epoch, marker, 0, || Err(ResponseError::UnknownServerError))?
            };
            Ok((end, true))
        };
        assert_eq!(transactions.change("id", decide), Ok(End::Decided(marker)));
        let transaction = transactions.get("id").unwrap();
        let producer = ProducerId { id: transaction.producer_id, epoch: transaction.epoch };
        for place in transaction.partitions.iter().take(markers) {
            transactions.end_in(place, producer, marker).unwrap();
        }
        self.decided(commit);
        self.restart();
        let (code, next) = self.ask_end(who, me, commit);
        assert_eq!(code, 0, "a repeated request");
        self.clients[who].asked = Some((me, commit));
        self.ended(who, next);
    }

    fn time_out(&mut self) {
        let transactions = &self.cluster().transactions;
        let begun = transactions.get("id").is_some_and(|transaction| transaction.state == State::Ongoing);
        assert!(transactions.abort(vec!["id".to_owned()], |_| true) || self.holder.is_none());
        assert!(transactions.finish_decided());
        self.timed_out |= begun;
        self.open.clear();
    }

    fn check(&self) {
        let topic = self.cluster().topics.get("t").unwrap();
        for index in 0..PARTITIONS {
            let seen = read_from(&topic.partition(index).unwrap().log(), 0, Isolation::Committed);
            let seen = seen.into_iter().map(|(_, record)| String::from_utf8(record.value.unwrap()).unwrap());
            let expected = self.committed.iter().filter(|(partition, _)| *partition == index);
            assert_eq!(
                seen.collect::<Vec<_>>(),
                expected.map(|(_, value)| value.clone()).collect::<Vec<_>>()
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn what_was_committed_is_there_once_and_nothing_else(steps in proptest::collection::vec(step(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Init(who) => world.init(who),
                Step::Send(who, partition) => world.send(who, partition),
                Step::Resend(who) => world.resend(who),
                Step::End(who, commit) => world.end(who, commit),
                Step::AskAgain(who) => world.ask_again(who),
                Step::Restart => world.restart(),
                Step::EndAndRestart(who, commit, markers) => world.end_and_restart(who, commit, markers),
                Step::TimeOut => world.time_out(),
            }
            world.check();
        }
        // An open transaction hides nothing for ever.
        world.init(1);
        world.check();
        world.send(1, 0);
        world.end(1, true);
        world.check();
    }
}
