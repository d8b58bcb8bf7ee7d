"""What the tests do on the log with clients that share nothing with the relay: confluent-kafka, kafka-python."""
import dataclasses
import itertools
import time

import confluent_kafka
from confluent_kafka import TIMESTAMP_CREATE_TIME, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec

from waiting import wait_for

QUIET = {"log_level": 0}


@dataclasses.dataclass
class Record:
    value: bytes | None
    key: bytes | None = None
    headers: list = dataclasses.field(default_factory=list)  # (name, bytes or None), in order
    timestamp: int | None = None                             # milliseconds
    partition: int | None = None
    offset: int | None = None
    topic: str | None = None

    def header(self, name):
        """The only header of that name; None when there is none."""
        found = [value for other, value in self.headers if other == name]
        assert len(found) <= 1, f"{name} is there {len(found)} times"
        return found[0] if found else None


# What a broker answers for a while after its start.
NOT_YET = {confluent_kafka.KafkaError.COORDINATOR_LOAD_IN_PROGRESS, confluent_kafka.KafkaError.COORDINATOR_NOT_AVAILABLE,
           confluent_kafka.KafkaError.NOT_COORDINATOR, confluent_kafka.KafkaError.UNKNOWN_LEADER_EPOCH,
           confluent_kafka.KafkaError.NOT_LEADER_FOR_PARTITION, confluent_kafka.KafkaError.LEADER_NOT_AVAILABLE,
           confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART, confluent_kafka.KafkaError.KAFKA_STORAGE_ERROR,
           confluent_kafka.KafkaError._TIMED_OUT, confluent_kafka.KafkaError._TRANSPORT,
           confluent_kafka.KafkaError._WAIT_COORD}


def answer_of(ask, what):
    """ask(), again while the broker is not ready to answer it."""
    refusal = []

    def answered():
        try:
            return [ask()]
        except confluent_kafka.KafkaException as error:
            if error.args[0].code() not in NOT_YET:
                raise
            refusal[:] = [error]
            return None
    return wait_for(answered, lambda: f"{what}: {refusal}", every_s=0.1)[0]


def end_time(seconds):
    return time.monotonic() + seconds


class Log:
    """The broker seen by the tests."""
    counter = itertools.count(1)

    def __init__(self, node):
        self.node = node
        self.admin = AdminClient({"bootstrap.servers": node.servers, **QUIET})
        self.group_clients = {}

    def close(self):
        for client in self.group_clients.values():
            client.close()

    def make_topic(self, name=None, partitions=4, **config):
        name = name or f"incidents-{next(Log.counter)}"
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, 1, config=config)])[name].result(20)
        # The broker may not know it yet in every corner: wait until each partition has a leader.
        wait_for(lambda: len(self.partitions(name)) == partitions, f"topic {name}")
        return name

    def topics(self):
        return sorted(self.admin.list_topics(timeout=10).topics)

    def partitions(self, topic):
        found = self.admin.list_topics(topic, timeout=10).topics.get(topic)
        if found is None or found.error is not None:
            return []
        return sorted(number for number, facts in found.partitions.items() if facts.leader >= 0)

    def topic_config(self, topic):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        entries = self.admin.describe_configs([resource])[resource].result(20)
        return {name: entry.value for name, entry in entries.items()}

    def offsets(self, topic, spec):
        def ask():
            wanted = {TopicPartition(topic, number): spec for number in self.partitions(topic)}
            return {partition.partition: future.result(20).offset
                    for partition, future in self.admin.list_offsets(wanted).items()} if wanted else None
        return wait_for(lambda: answer_of(ask, f"offsets of {topic}"), f"partitions of {topic}")

    def ends(self, topic):
        return self.offsets(topic, OffsetSpec.latest())

    def starts(self, topic):
        return self.offsets(topic, OffsetSpec.earliest())

    def delete_before(self, topic, partition, offset):
        place = TopicPartition(topic, partition, offset)
        self.admin.delete_records([place])[place].result(20)

    def producer(self, **config):
        return confluent_kafka.Producer({"bootstrap.servers": self.node.servers, "partitioner": "murmur2_random",
                                         "enable.idempotence": True, "linger.ms": 0, "message.max.bytes": 50_000_000,
                                         **QUIET, **config})

    def produce(self, topic, records, **config):
        """Writes the records as they are, in order; fills in their partition and offset."""
        producer = self.producer(**config)
        self.send(producer, topic, records)
        assert producer.flush(30) == 0, "not everything was written"

    def send(self, producer, topic, records):
        def reported(record):
            def on_delivery(error, message):
                assert error is None, error
                record.partition, record.offset = message.partition(), message.offset()
                record.timestamp = message.timestamp()[1]
            return on_delivery

        for record in records:
            options = {} if record.partition is None else {"partition": record.partition}
            if record.timestamp is not None:
                options["timestamp"] = record.timestamp
            producer.produce(topic, value=record.value, key=record.key, headers=record.headers,
                             on_delivery=reported(record), **options)

    def transactional(self, name):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.node.servers, "transactional.id": name,
                                             "partitioner": "murmur2_random", **QUIET})
        producer.init_transactions(30)
        return producer

    def read(self, topic, timeout_s=30, isolation="read_committed"):
        """Every record of the topic, partition by partition, in order of offset."""
        return self.read_topics([topic], timeout_s, isolation)

    def read_topics(self, topics, timeout_s=30, isolation="read_committed"):
        """The same of several."""
        places = [TopicPartition(topic, number, starts[number]) for topic in topics
                  for starts, ends in [(self.starts(topic), self.ends(topic))]
                  for number in sorted(ends) if ends[number] > starts[number]]
        waiting = {(place.topic, place.partition) for place in places}
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.node.servers, "group.id": "tests-reader",
                                             "enable.auto.commit": False, "auto.offset.reset": "error",
                                             "enable.partition.eof": True, "isolation.level": isolation,
                                             "fetch.wait.max.ms": 20, "fetch.message.max.bytes": 20_000_000, **QUIET})
        found = []
        try:
            consumer.assign(places)
            deadline = end_time(timeout_s)
            while waiting:
                assert time.monotonic() < deadline, f"{len(found)} records, {sorted(waiting)} are not through"
                message = consumer.poll(0.2)
                if message is None:
                    continue
                if message.error():
                    assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
                    waiting.discard((message.topic(), message.partition()))
                    continue
                kind, timestamp = message.timestamp()
                assert kind == TIMESTAMP_CREATE_TIME
                found.append(Record(message.value(), message.key(), message.headers() or [], timestamp,
                                    message.partition(), message.offset(), message.topic()))
        finally:
            consumer.close()
        return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))

    def exists(self, topic):
        return bool(self.partitions(topic))

    def wait_for_records(self, topic, count, timeout_s=20.0):
        """The records of a topic once there are `count`; the topic may not exist yet."""
        found = []

        def enough():
            if self.exists(topic) and sum(self.ends(topic).values()) - sum(self.starts(topic).values()) >= count:
                found[:] = self.read(topic)
            return len(found) >= count
        wait_for(enough, lambda: f"{count} records in {topic}; there are {len(found)}", timeout_s, 0.1)
        assert len(found) == count, f"{topic} has {len(found)} records, not {count}"
        return found

    def of_group(self, group):
        """A consumer that never joins: it may ask the coordinator for the group's commits. (The admin client's calls for
        that end the process, in librdkafka 2.16.0, when the answer is that the coordinator has moved.)"""
        if group not in self.group_clients:
            self.group_clients[group] = confluent_kafka.Consumer({
                "bootstrap.servers": self.node.servers, "group.id": group, "enable.auto.commit": False, **QUIET})
        return self.group_clients[group]

    def committed(self, group, topic):
        """partition → committed offset, of those that have one; read from the coordinator by another client."""
        asked = [TopicPartition(topic, number) for number in self.partitions(topic)]
        places = answer_of(lambda: self.of_group(group).committed(asked, 10), f"commits of {group}")
        return {place.partition: place.offset for place in places if place.offset >= 0}

    def commit(self, group, topic, offsets):
        places = [TopicPartition(topic, partition, offset) for partition, offset in offsets.items()]
        answer_of(lambda: self.of_group(group).commit(offsets=places, asynchronous=False), f"commit of {group}")

    def members(self, group):
        """The ids of the group's members."""
        described = answer_of(lambda: self.admin.describe_consumer_groups([group])[group].result(20), f"group {group}")
        return sorted(member.member_id for member in described.members)

    def wait_committed_to_end(self, group, topic, timeout_s=20.0):
        """Everything on the topic is settled and committed."""
        ends = self.ends(topic)
        last = {}

        def at_end():
            last.clear()
            last.update(self.committed(group, topic))
            return all(last.get(number, 0) == end for number, end in ends.items())
        wait_for(at_end, lambda: f"commits {last} at the ends {ends}", timeout_s, 0.05)
