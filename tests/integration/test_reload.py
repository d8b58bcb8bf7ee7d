"""SIGHUP: the subscriptions file is taken over as a whole or not at all, while deliveries go on."""
import json
import signal
import threading

from events import make_event, micros, record_of, row_time
from programs import make_secret
from receiver import Answer

START_US = micros("2026-02-03T10:46:23+00:00")


def reload(relay, consumer, *subscriptions):
    """Writes the file, and waits until it is in force."""
    before = len(consumer.logged("subscriptions in force"))
    relay.write_subscriptions(*subscriptions)
    consumer.signal(signal.SIGHUP)
    return json.loads(consumer.wait_logged("subscriptions in force", before + 1)[-1])


def different(first, count, tenant=7001, incidents=10):
    return [record_of(make_event(1 + number % incidents, tenant, updated_at=row_time(START_US + number)))
            for number in range(first, first + count)]


def test_added_changed_removed(relay, log, topic, receiver):
    old = receiver.endpoint("/old", [make_secret(1)])
    moved = receiver.endpoint("/moved", [make_secret(2), make_secret(3)])
    fresh = receiver.endpoint("/fresh", [make_secret(4)])
    gone = receiver.endpoint("/gone", [make_secret(5)])
    relay.write_subscriptions(relay.subscription("crm", old), relay.subscription("gone", gone, 7002))
    consumer = relay.start_consumer(topic, {"shards": 2})
    first = different(0, 20) + different(0, 20, 7002)
    log.produce(topic, first)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    said = reload(relay, consumer, relay.subscription("crm", moved), relay.subscription("fresh", fresh, 7002))
    assert said["subscriptions"] == 2
    changes = json.loads(consumer.logged("subscriptions read again")[-1])
    assert [changes[name] for name in ("added", "changed", "removed", "unchanged")] == [1, 1, 1, 0]
    assert consumer.metric("incident_consumer_subscriptions_hash") == int(said["hash"], 16) & (2**48 - 1)
    second = different(20, 20)
    log.produce(topic, second + different(20, 20, 7002))
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert (len(old.delivered), len(moved.delivered)) == (20, 20)
    assert (len(gone.delivered), len(fresh.delivered)) == (20, 20)
    assert consumer.metric("incident_consumer_reloads_total", outcome="taken_over") == 1
    assert consumer.stop() == 0


def test_a_file_with_a_mistake_changes_nothing(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    good = relay.subscription("crm", endpoint)
    relay.write_subscriptions(good)
    consumer = relay.start_consumer(topic)
    other = receiver.endpoint("/other", [make_secret(2)])
    for bad, said in (({**good, "tenant": 0}, "tenant"), ({**good, "colour": "red"}, "colour"),
                      ({**good, "tenant": 7002}, "subscription crm: its tenant was 7001 and is 7002 now")):
        refused = consumer.metric("incident_consumer_reloads_total", outcome="refused")
        relay.write_subscriptions(relay.subscription("other", other), bad)
        consumer.signal(signal.SIGHUP)
        consumer.wait_metric("incident_consumer_reloads_total", refused + 1, outcome="refused")
        assert any(said in line for line in consumer.logged('"error"')), consumer.text()
    (relay.folder / "subscriptions.yaml").unlink()
    consumer.signal(signal.SIGHUP)
    consumer.wait_metric("incident_consumer_reloads_total", 4, outcome="refused")
    log.produce(topic, different(0, 20))
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert (len(endpoint.delivered), len(other.requests)) == (20, 0)
    assert len(consumer.logged("subscriptions in force")) == 1
    assert consumer.stop() == 0


def test_what_is_in_the_air_ends_as_it_began(relay, log, topic1, receiver):
    gate = threading.Event()
    old = receiver.endpoint("/old", [make_secret(1)], Answer(200, until=gate))
    moved = receiver.endpoint("/moved", [make_secret(2)])
    relay.write_subscriptions(relay.subscription("crm", old))
    consumer = relay.start_consumer(topic1)
    made = different(0, 3, incidents=1)
    log.produce(topic1, made)
    old.wait_for_requests(1)
    reload(relay, consumer, relay.subscription("crm", moved))
    assert moved.requests == []
    gate.set()
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert [request.id for request in old.delivered + moved.delivered] == [
        record.header("ce_id").decode() for record in made]
    assert len(old.delivered) == 1
    assert consumer.stop() == 0


def test_a_reload_while_it_drains(relay, log, topic1, receiver):
    """What is in the air is waited for and counts; what was not sent belongs to the next run."""
    gate = threading.Event()
    old = receiver.endpoint("/old", [make_secret(1)], Answer(200, until=gate))
    moved = receiver.endpoint("/moved", [make_secret(2)])
    relay.write_subscriptions(relay.subscription("crm", old))
    consumer = relay.start_consumer(topic1, {"drain": "20s"})
    log.produce(topic1, different(0, 3, incidents=1))
    old.wait_for_requests(1)
    consumer.signal(signal.SIGTERM)
    consumer.wait_logged("asked to stop")
    reload(relay, consumer, relay.subscription("crm", moved))
    gate.set()
    assert consumer.wait() == 0
    assert log.committed(relay.group_of(topic1), topic1) == {0: 1}
    assert (len(old.requests), len(moved.requests)) == (1, 0)


def test_a_reload_before_the_broker_answers(relay, log, topic1, receiver):
    """It is kept for later: the file that is in force then is the new one."""
    before, after = receiver.endpoint("/before", [make_secret(1)]), receiver.endpoint("/after", [make_secret(2)])
    relay.write_subscriptions(relay.subscription("before", before))
    log.node.freeze()
    try:
        consumer = relay.start_consumer(topic1, wait=False)
        consumer.wait_logged("admin listener")
        relay.write_subscriptions(relay.subscription("after", after))
        consumer.signal(signal.SIGHUP)
    finally:
        log.node.thaw()
    consumer.wait_logged("subscriptions in force", 2)
    log.produce(topic1, different(0, 5))
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert (len(before.requests), len(after.delivered)) == (0, 5)
    assert consumer.stop() == 0


def test_what_a_removed_one_owed_is_let_go_and_said(relay, log, topic1, receiver):
    dead = receiver.endpoint("/dead", [make_secret(1)], 500)
    alive = receiver.endpoint("/alive", [make_secret(2)])
    relay.write_subscriptions(relay.subscription("dead", dead), relay.subscription("alive", alive))
    consumer = relay.start_consumer(topic1, {"lane": {"probe_first": "1h", "probe_max": "1h"}})
    log.produce(topic1, different(0, 30))
    alive.wait_for(30)
    consumer.wait_metric("incident_consumer_lanes_halted", 1)
    reload(relay, consumer, relay.subscription("alive", alive))
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    said = json.loads(consumer.wait_logged("what it owed counts as not matching")[0])
    assert (said["subscription"], said["dropped"]) == ("dead", 30)
    assert consumer.stop() == 0


def test_reloads_under_load(relay, log, topic, receiver):
    """Twenty reloads that swap endpoints and secrets while events flow: nothing lost, nothing to another tenant, order
    kept. (The receiver refuses a signature by another subscription's secret.)"""
    tenants = range(7001, 7005)
    ends = {(tenant, side): receiver.endpoint(f"/{tenant}/{side}", [make_secret(tenant * 2 + side)])
            for tenant in tenants for side in (0, 1)}

    def document(number):
        return [relay.subscription(f"s{tenant}", ends[tenant, (number + tenant) % 2], tenant,
                                   ordering=("incident", "tenant", "none")[number % 3],
                                   http={"max_in_flight": 1 + number % 4}) for tenant in tenants]
    relay.write_subscriptions(*document(0))
    consumer = relay.start_consumer(topic, {"shards": 2})
    made = []
    for number in range(1, 21):
        batch = [record for tenant in tenants for record in different(40 * number, 40, tenant)]
        made += batch
        log.produce(topic, batch)
        reload(relay, consumer, *document(number))
    log.wait_committed_to_end(relay.group_of(topic), topic, 40)
    delivered = [request for endpoint in ends.values() for request in endpoint.delivered]
    assert sorted(request.id for request in delivered) == sorted(record.header("ce_id").decode() for record in made)
    for (tenant, _), endpoint in ends.items():
        assert {request.event["payload"]["tenant_id"] for request in endpoint.delivered} == {tenant}
    assert consumer.stop() == 0
