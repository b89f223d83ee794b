use std::time::Duration;

use kafka_in_process::{Broker, BrokerConfig};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    messages::Sentence,
    runtime::order_tracking::track,
    shop::Zone,
    stream::{
        order_search::{OrderStatus, TrackedOrder},
        topics,
    },
    views::naive,
};

const PARTITIONS: i32 = 3;

/// A broker with the shop's topics.
async fn kafka() -> (tempfile::TempDir, Broker, Session) {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::start(BrokerConfig::new(folder.path().join("kafka"), ([127, 0, 0, 1], 0).into()))
        .await
        .unwrap();
    let session = Session::new(&broker.address().to_string(), "shop", PARTITIONS, Vec::new());
    topics::ensure(&session, Duration::from_secs(30)).await.unwrap();
    (folder, broker, session)
}

struct Writer<'a>(&'a Session, BaseProducer);

impl Writer<'_> {
    fn write(&self, topic: Topic, partition: i32, key: u64, payload: &[u8]) {
        let (topic, key) = (self.0.topic(topic), key.to_string());
        let record = BaseRecord::to(&topic).partition(partition).key(&key).payload(payload);
        self.1.send(record).map_err(|(error, _)| error).unwrap();
        self.1.poll(Duration::ZERO);
    }

    /// With a key of another shop's, or none, now and then.
    fn order(&self, partition: i32, id: u64) {
        let order = naive::order(id, 1_795_000_000 + i64::try_from(id).unwrap(), &[(1, 1, 1, 100)]);
        let payload = serde_json::to_vec(&order).unwrap();
        if id.is_multiple_of(4) {
            let topic = self.0.topic(Topic::Orders);
            let record: BaseRecord<'_, [u8], [u8]> =
                BaseRecord::to(&topic).partition(partition).payload(&payload);
            self.1.send(record).map_err(|(error, _)| error).unwrap();
        } else {
            self.write(Topic::Orders, partition, if id % 4 == 1 { id } else { id + 1 }, &payload);
        }
    }

    fn handled(&self, partition: i32, id: u64) {
        let handled = naive::handled(id, 1_795_000_000 + i64::try_from(id).unwrap(), 40_000);
        self.write(Topic::Handled, partition, id, &serde_json::to_vec(&handled).unwrap());
    }

    fn done(&self) {
        self.1.flush(Duration::from_secs(30)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_order_is_found_among_copies_and_garbage_and_its_handled_record_when_it_comes() {
    let (_folder, broker, session) = kafka().await;
    let looking = session.clone();
    tokio::task::spawn_blocking(move || {
        let session = looking;
        let writer = Writer(&session, session.client(&[]).create().unwrap());
        let mut next = [0; PARTITIONS as usize];
        let mut place = |partition: usize| {
            next[partition] += 1;
            next[partition] - 1
        };
        let mut expected = Vec::new();
        for id in 1..=1_500_u64 {
            // Some come by another way than the simulator's.
            let to = if id % 50 == 0 { (id + 1) % 3 } else { id % 3 };
            let (to, partition) = (usize::try_from(to).unwrap(), i32::try_from(to).unwrap());
            expected.push((id, partition, place(to)));
            writer.order(partition, id);
            if id % 7 == 0 {
                place(to);
                writer.write(Topic::Orders, partition, id, b"no order");
            }
            // A copy of an order of this partition.
            let copied = id - id / 6 * 3;
            if id % 11 == 0 && id % 50 > 0 && copied % 50 > 0 {
                place(to);
                writer.order(partition, copied);
            }
        }
        writer.handled(0, 3);
        writer.handled(1, 4);
        writer.done();
        let finder = Finder::new(&session).unwrap();
        for (id, partition, offset) in expected.iter().copied().step_by(13) {
            let sale = finder.sale(id).unwrap().unwrap_or_else(|| panic!("{id} is not found"));
            assert_eq!(
                (sale.order.order_id, sale.place.partition, sale.place.offset),
                (id, partition, offset)
            );
            assert_eq!(finder.sale_anywhere(id, || false).unwrap().as_ref(), Some(&sale));
        }
        assert_eq!(finder.sale(1_501).unwrap(), None);
        assert_eq!(finder.sale(0).unwrap(), None);

        let mut third = finder.sale(3).unwrap().unwrap();
        let (handled, place) = finder.handled(&mut third).unwrap().unwrap();
        assert_eq!((handled.order_id, place.partition, place.offset), (3, 0, 0));
        let mut seventh = finder.sale(7).unwrap().unwrap();
        assert_eq!(finder.handled(&mut seventh).unwrap(), None);
        writer.handled(1, 10);
        writer.handled(1, 7);
        writer.done();
        let (handled, place) = finder.handled(&mut seventh).unwrap().unwrap();
        assert_eq!((handled.order_id, place.topic.as_str(), place.offset), (7, "shop.handled", 2));
    })
    .await
    .unwrap();
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_followed_from_its_sale_to_its_mail() {
    let (_folder, broker, session) = kafka().await;
    let (wanted, asked) = watch::channel(None);
    let (told, mut seen) = watch::channel(None);
    let stop = CancellationToken::new();
    let (following, over) = (session.clone(), stop.clone());
    let tracking =
        tokio::task::spawn_blocking(move || track(&following, Zone::default(), asked, &told, &over));
    let writer = Writer(&session, session.client(&[]).create().unwrap());
    let mut until = async |what: &str, reached: &dyn Fn(&OrderStatus) -> bool| {
        let there =
            |followed: &Option<TrackedOrder>| followed.as_ref().is_some_and(|one| reached(&one.status));
        let status = tokio::time::timeout(Duration::from_secs(60), seen.wait_for(there)).await;
        status.unwrap_or_else(|_| panic!("not {what}")).unwrap().clone().unwrap()
    };

    wanted.send_replace(Some(4));
    until("missed", &|status| matches!(status, OrderStatus::Unknown(Sentence::NoOrder { order_id: 4, .. })))
        .await;
    writer.order(1, 1);
    writer.order(1, 4);
    writer.done();
    let stage = |status: &OrderStatus| match status {
        OrderStatus::Found(status) => {
            1 + u8::from(status.handled.is_some()) + u8::from(status.mail.is_some())
        }
        OrderStatus::Searching | OrderStatus::Unknown(_) => 0,
    };
    let sold = until("sold", &|status| stage(status) == 1).await;
    let OrderStatus::Found(status) = &sold.status else { panic!("{sold:?}") };
    assert_eq!((sold.order_id, status.order.order_id, status.sold.offset), (4, 4, 1));
    writer.handled(1, 4);
    writer.done();
    let handled = until("handled", &|status| stage(status) == 2).await;
    let OrderStatus::Found(status) = &handled.status else { panic!("{handled:?}") };
    assert_eq!(status.handled.as_ref().map(|(record, place)| (record.order_id, place.offset)), Some((4, 0)));

    // The mail's consumer has come further.
    let mail: BaseConsumer = session.client(&[("group.id", &session.group("mail"))]).create().unwrap();
    let mut position = TopicPartitionList::new();
    position.add_partition_offset("shop.handled", 1, Offset::Offset(1)).unwrap();
    mail.commit(&position, rdkafka::consumer::CommitMode::Sync).unwrap();
    let mailed = until("mailed", &|status| stage(status) == 3).await;
    let OrderStatus::Found(status) = &mailed.status else { panic!("{mailed:?}") };
    assert_eq!(status.mail.as_deref(), Some("mail/2026-11-18.mbox"));

    wanted.send_replace(Some(1));
    let other = until("the other one", &|status| stage(status) == 1).await;
    assert_eq!(other.order_id, 1);
    wanted.send_replace(None);
    tokio::time::timeout(Duration::from_secs(60), seen.wait_for(Option::is_none)).await.unwrap().unwrap();
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(60), tracking).await.unwrap().unwrap();
    broker.stop().await;
}
