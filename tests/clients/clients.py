"""Python's confluent-kafka against a broker: `clients.py HOST:PORT`. Ends with 1 at the first difference."""

import sys
import uuid

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec

bootstrap = sys.argv[1]
run = uuid.uuid4().hex[:8]
topic, copied, group = f"py-{run}", f"py-copied-{run}", f"py-group-{run}"
base = {"bootstrap.servers": bootstrap}
admin = AdminClient(base)


def same(what, found, expected):
    if found != expected:
        sys.exit(f"python: {what}: {found!r}, expected {expected!r}")


def done(futures):
    return {key: future.result(30) for key, future in futures.items()}


def read(count, **settings):
    consumer = Consumer({**base, "group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False, **settings})
    consumer.subscribe([topic])
    found = []
    while len(found) < count:
        message = consumer.poll(30)
        same("a record in time", message is not None, True)
        if message.error():
            raise KafkaException(message.error())
        found.append(message.value().decode())
    return consumer, found


done(admin.create_topics([NewTopic(topic, 3, 1, config={"retention.ms": "-1"}), NewTopic(copied, 1, 1)]))
producer = Producer({**base, "enable.idempotence": True, "compression.type": "lz4"})
for n in range(3000):
    producer.produce(topic, key=str(n), value=str(n), partition=n % 3)
    producer.poll(0)
same("left to send", producer.flush(30), 0)

consumer, found = read(3000)
same("records", sorted(map(int, found)), list(range(3000)))
consumer.commit(asynchronous=False)

# Input offsets are committed with the output.
transactional = Producer({**base, "transactional.id": f"py-{run}"})
transactional.init_transactions(30)
for commit in (False, True):
    transactional.begin_transaction()
    for n in range(100):
        transactional.produce(copied, value=f"{commit}-{n}")
    transactional.send_offsets_to_transaction(
        consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30)
    transactional.commit_transaction(30) if commit else transactional.abort_transaction(30)
consumer.close()

reader = Consumer({**base, "group.id": f"{group}-2", "isolation.level": "read_committed", "enable.partition.eof": True})
reader.assign([TopicPartition(copied, 0, 0)])
committed = []
while (message := reader.poll(30)) and not message.error():
    committed.append(message.value().decode())
same("committed records", committed, [f"True-{n}" for n in range(100)])
reader.close()

partitions = [TopicPartition(topic, partition) for partition in range(3)]
offsets = done(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, partitions)]))[group]
same("committed offsets", [one.offset for one in offsets.topic_partitions], [1000] * 3)
described = done(admin.describe_consumer_groups([group]))[group]
same("the group's state", (described.state.name, len(described.members)), ("EMPTY", 0))
listed = admin.list_consumer_groups().result(30).valid
same("the group is listed", group in [one.group_id for one in listed], True)

# The same records under the consumer protocol.
consumer, found = read(3000, **{"group.id": f"{group}-3", "group.protocol": "consumer"})
same("records", sorted(map(int, found)), list(range(3000)))
consumer.commit(asynchronous=False)
described = done(admin.describe_consumer_groups([f"{group}-3"]))[f"{group}-3"]
same("the group's members", (described.state.name, len(described.members)), ("STABLE", 1))
consumer.close()
ends = done(admin.list_offsets({one: OffsetSpec.latest() for one in partitions}))
same("ends", [ends[one].offset for one in partitions], [1000] * 3)
config = done(admin.describe_configs([ConfigResource("topic", topic)]))
same("retention.ms", list(config.values())[0]["retention.ms"].value, "-1")
done(admin.create_partitions([NewPartitions(topic, 5)]))
deleted = done(admin.delete_records([TopicPartition(topic, 0, 400)]))
same("the low watermark", [one.low_watermark for one in deleted.values()], [400])
starts = done(admin.list_offsets({partitions[0]: OffsetSpec.earliest()}))
same("the start", starts[partitions[0]].offset, 400)
done(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 1, 10)])]))
offsets = done(admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, partitions)]))[group]
same("committed offsets", [one.offset for one in offsets.topic_partitions], [1000, 10, 1000])
cluster = admin.describe_cluster().result(30)
same("brokers", (len(cluster.nodes), cluster.controller.id), (1, 1))
done(admin.delete_consumer_groups([group]))
done(admin.delete_topics([topic, copied]))
