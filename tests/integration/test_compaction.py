"""A compacted event topic: offsets that are not there any more are passed like settled ones, wherever a group stands."""
import time

import pytest

import events
from events import make_event, record_of
from kafka_clients import Record
from programs import make_secret
from waiting import wait_for

pytestmark = pytest.mark.timeout(120)
TENANTS = (7001, 7002, 7003)
# Each batch is a segment of its own: a segment is closed by a record that is younger by more than segment.ms.
COMPACTED = {"cleanup_policy": "compact", "segment_ms": 1000, "min_cleanable_dirty_ratio": 0.01, "delete_retention_ms": 0}
BATCH_MS = 10_000


def batch_time(number):
    """Not in the past: the broker stamps the end of a transaction with its own time, and what is older than that closes
    no segment."""
    return int(time.time() * 1000) + number * BATCH_MS


def batch(number, incidents, tenants=TENANTS):
    """The records of each tenant for each incident; compaction keeps the last one of a tenant."""
    return [record_of(make_event(incident, tenant), timestamp=batch_time(number))
            for incident in incidents for tenant in tenants]


def offsets_of(log, topic):
    return [record.offset for record in log.read(topic, isolation="read_uncommitted")]


def wait_compacted(log, topic, gone):
    """Until a client of its own reads none of these offsets any more."""
    wait_for(lambda: not set(gone) & set(offsets_of(log, topic)),
             lambda: f"offsets {sorted(gone)} are compacted away; there are {offsets_of(log, topic)}", 60, 0.5)


def endpoint_of_each(relay, receiver):
    at = {tenant: receiver.endpoint(f"/{tenant}", [make_secret(tenant)]) for tenant in TENANTS}
    relay.write_subscriptions(*(relay.subscription(f"s{tenant}", endpoint, tenant) for tenant, endpoint in at.items()))
    return at


def incidents_at(at):
    return {tenant: sorted(request.incident for request in endpoint.requests) for tenant, endpoint in at.items()}


def test_a_group_that_begins_on_holes(relay, log, receiver):
    """The log begins with a hole, a tombstone takes the last of a tenant away, a transaction is given up in between."""
    topic = log.make_topic(partitions=1, **COMPACTED)
    old = batch(0, range(1, 11))
    log.produce(topic, old)
    producer = log.transactional(topic)
    producer.begin_transaction()
    log.send(producer, topic, batch(1, range(11, 15)))
    producer.flush(20)
    producer.abort_transaction(20)
    tombstone = Record(None, b"7003", timestamp=batch_time(2))
    log.produce(topic, [*batch(2, [20], (7001, 7002)), tombstone])
    log.produce(topic, batch(3, [30], (7001,)))
    wait_compacted(log, topic, [record.offset for record in old])
    offsets = offsets_of(log, topic)
    end = log.ends(topic)[0]
    assert log.starts(topic)[0] == 0 < offsets[0] and len(offsets) < end, "holes, not a log that begins later"
    at = endpoint_of_each(relay, receiver)
    consumer = relay.start_consumer(topic)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    found = incidents_at(at)
    assert found[7001][-1] == 30 and found[7002] == [20] and found[7003] == []
    assert set(found[7001]) <= {20, 30}, "the one before the last may still be there"
    assert consumer.metric("incident_consumer_partitions_held") == 0
    assert consumer.stop() == 0


def test_a_committed_offset_that_became_a_hole(relay, log, receiver):
    """Delivered and committed, stopped; then everything around the commit is compacted away: it goes on behind it."""
    topic = log.make_topic(partitions=1, **COMPACTED)
    at = endpoint_of_each(relay, receiver)
    first = batch(0, range(1, 6))
    log.produce(topic, first)
    consumer = relay.start_consumer(topic)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert consumer.stop() == 0
    committed = log.committed(relay.group_of(topic), topic)[0]
    missed = batch(1, range(10, 16))
    log.produce(topic, missed)
    log.produce(topic, batch(2, [20]))
    log.produce(topic, batch(3, [30], (7001,)))
    assert committed == missed[0].offset
    wait_compacted(log, topic, [record.offset for record in first + missed])
    consumer = relay.start_consumer(topic)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    once = [1, 2, 3, 4, 5]
    assert incidents_at(at)[7002] == [*once, 20] and incidents_at(at)[7003] == [*once, 20]
    assert incidents_at(at)[7001] in ([*once, 20, 30], [*once, 30])
    assert not consumer.logged("accept-gap"), "a hole is no gap"
    assert consumer.metric("incident_consumer_partitions_held") == 0
    assert consumer.stop() == 0


def test_holes_come_while_a_delivery_waits(relay, log, receiver):
    """What is in hand is delivered although the log has it no more; then the commit passes the holes."""
    topic = log.make_topic(partitions=1, **COMPACTED)
    endpoint = receiver.endpoint("/hook", [make_secret()], [500] * 3 + [200])
    relay.write_subscriptions(relay.subscription("crm", endpoint, ordering="tenant"))
    first = batch(0, range(1, 6), (7001,))
    log.produce(topic, first)
    relay.start_consumer(topic, {"retry": {"schedule": ["0s", *["3s"] * 9]}})
    wait_for(lambda: endpoint.requests, "a first attempt")
    log.produce(topic, batch(1, [10], (7001,)))
    log.produce(topic, batch(2, [20], (7001,)))
    wait_compacted(log, topic, [record.offset for record in first])
    log.wait_committed_to_end(relay.group_of(topic), topic, 40)
    # All before the last answer are one delivery's: the order is the tenant's.
    assert [request.incident for request in endpoint.requests] == [1, 1, 1, 1, 2, 3, 4, 5, 10, 20]
    assert events.derive_id(make_event(1)) == endpoint.requests[0].id
