"""Members of one group: several shards, joining and leaving, killed, stopped and woken again; and reloads."""
import json
import random
import signal
import threading
import time

import pytest

import events
from events import make_event, micros, record_of, row_time
from programs import make_secret
from receiver import Answer
from test_offsets import QUICK, check_all_delivered
from waiting import holds_for, wait_for

KILLS = 10
KILLS_SOAK = 500
START_US = micros("2026-02-03T10:46:23+00:00")


def batch(first, count, incidents):
    """Records first, first + 1, … of a row of different events of these incidents by turns."""
    return [record_of(make_event(1 + number % incidents, updated_at=row_time(START_US + number)))
            for number in range(first, first + count)]


def test_shards_share_the_partitions(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(*(relay.subscription(f"s{tenant}", endpoint, tenant) for tenant in range(7001, 7021)))
    consumer = relay.start_consumer(topic, {"shards": 2})
    assert len(log.members(relay.group_of(topic))) == 2
    for shard in ("0", "1"):
        consumer.wait_metric("incident_consumer_partitions_assigned", 2, shard=shard)
    made = [record_of(make_event(incident, tenant)) for tenant in range(7001, 7021) for incident in range(1, 6)]
    log.produce(topic, made)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert sorted(request.id for request in endpoint.delivered) == sorted(
        record.header("ce_id").decode() for record in made)
    assert consumer.metric("incident_consumer_attempts_total", shard="0", verdict="delivered") > 0
    assert consumer.metric("incident_consumer_attempts_total", shard="1", verdict="delivered") > 0
    assert consumer.stop() == 0


def test_shards_drain_together(relay, log, topic1, receiver):
    """The shard without work must not take the busy one's partition away by leaving first."""
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"shards": 2})
    log.produce(topic1, [record_of(make_event(1))])
    endpoint.wait_for_requests(1)
    consumer.signal(signal.SIGTERM)
    holds_for(consumer.is_running, "it waits for the answer", 1.5)
    gate.set()
    assert consumer.wait(15) == 0
    assert log.committed(relay.group_of(topic1), topic1) == {0: 1}
    assert len(endpoint.requests) == 1


def test_static_members_have_ids_of_their_own(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic, {"shards": 2, "kafka": {"group.instance.id": "box-1"}})
    described = log.admin.describe_consumer_groups([relay.group_of(topic)])[relay.group_of(topic)].result(20)
    assert sorted(member.group_instance_id for member in described.members) == ["box-1-0", "box-1-1"]
    assert consumer.stop() == 0


def test_two_members_of_one_name(relay, log, topic, receiver):
    """The newer one stays; the older one ends and says what to mend."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    settings = {"kafka": {"group.instance.id": "box-1"}}
    first = relay.start_consumer(topic, settings)
    second = relay.start_consumer(topic, settings, wait=False)
    assert first.wait() == 69
    about = [line for line in first.lines() if line["level"] == "error"]
    assert len(about) == 1 and "kafka.group.instance.id: give each process one of its own" in about[0]["reason"]
    second.wait_ready()
    made = events.records(20)
    log.produce(topic, made)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    check_all_delivered(endpoint, made, 0)
    assert second.stop() == 0


def test_more_shards_than_partitions(relay, log, topic1, receiver):
    """Those that get none are ready all the same, and end with the others."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"shards": 4})
    made = events.records(20)
    log.produce(topic1, made)
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    check_all_delivered(endpoint, made, 0)
    assert consumer.stop() == 0


@pytest.mark.grows
def test_members_join_leave_and_are_killed(relay, log, topic, receiver, request):
    """Random kills and restarts under load, two members at most: nothing is lost, order is kept."""
    kills = KILLS_SOAK if request.config.getoption("--soak") else KILLS
    chance = random.Random(4711)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"max_in_flight": 4}))
    settings = {"hand": {"records": 50}, **QUICK}
    members = [relay.start_consumer(topic, settings), relay.start_consumer(topic, settings)]
    made = []
    for number in range(kills):
        more = batch(60 * number, 60, incidents=30)
        made += more
        log.produce(topic, more)
        endpoint.wait_for(len(made) - 50, 40)
        index = chance.randrange(2)
        if chance.random() < 0.7:
            members[index].kill()
        else:
            assert members[index].stop() == 0
        members[index] = relay.start_consumer(topic, settings, wait=False)
    log.wait_committed_to_end(relay.group_of(topic), topic, 60)
    check_all_delivered(endpoint, made, len(made))
    for member in members:
        assert member.stop() == 0


def test_a_zombie_does_no_harm(relay, log, topic1, receiver):
    """Stopped longer than its session, replaced, woken again: its late answers and commits do nothing."""
    gate = threading.Event()
    held = Answer(200, until=gate)
    endpoint = receiver.endpoint("/hook", [make_secret()], held)
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"timeout_ms": 30000}))
    first = relay.start_consumer(topic1, QUICK)
    made = events.records(20)
    log.produce(topic1, made)
    endpoint.wait_for_requests(1)
    first.signal(signal.SIGSTOP)
    second = relay.start_consumer(topic1, QUICK)
    second.wait_metric("incident_consumer_partitions_assigned", 1)
    endpoint.answer = 200
    gate.set()
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    first.signal(signal.SIGCONT)
    wait_for(lambda: len(log.members(relay.group_of(topic1))) == 2, "it has joined again", 30)
    holds_for(lambda: log.committed(relay.group_of(topic1), topic1) == {0: 20}, "the commit stays", 1.5)
    check_all_delivered(endpoint, made, 40)
    assert first.stop() == 0
    assert second.stop() == 0


def test_two_groups_side_by_side(relay, log, topic1, receiver):
    """Each group has its own place and its own subscriptions."""
    mine = receiver.endpoint("/mine", [make_secret()])
    theirs = receiver.endpoint("/theirs", [make_secret(2)])
    relay.write_subscriptions(relay.subscription("mine", mine))
    first = relay.start_consumer(topic1)
    relay.write_subscriptions(relay.subscription("theirs", theirs))
    second = relay.start_consumer(topic1, {"group": "another-" + relay.group_of(topic1)})
    made = events.records(30)
    log.produce(topic1, made)
    for group in (relay.group_of(topic1), "another-" + relay.group_of(topic1)):
        log.wait_committed_to_end(group, topic1)
    check_all_delivered(mine, made, 0)
    check_all_delivered(theirs, made, 0)
    assert first.stop() == 0
    assert second.stop() == 0


def test_a_gap_that_is_accepted(relay, log, topic1, receiver):
    log.produce(topic1, events.records(10))
    log.commit(relay.group_of(topic1), topic1, {0: 2})
    log.delete_before(topic1, 0, 6)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, arguments=["--accept-gap", f"{topic1}:0"])
    said = json.loads(consumer.wait_logged("gap accepted")[0])
    assert (said["topic"], said["partition"], said["from_offset"], said["to_offset"]) == (topic1, 0, 2, 5)
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert len(endpoint.delivered) == 4
    assert consumer.stop() == 0


def test_accept_gap_takes_a_topic_that_is_read(relay, log, topic1, receiver):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    for wrong in ("other:0", topic1, f"{topic1}:x", f"{topic1}:-1"):
        consumer = relay.start_consumer(topic1, wait=False, arguments=["--accept-gap", wrong])
        assert consumer.wait() == 64
        assert wrong in consumer.text()


def test_accept_gap_of_a_partition_that_is_not_there_is_said(relay, topic1, receiver):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    consumer = relay.start_consumer(topic1, arguments=["--accept-gap", f"{topic1}:1", "--accept-gap", f"{topic1}:0"])
    said, = [json.loads(line) for line in consumer.logged("--accept-gap")]
    assert (said["level"], said["topic"], said["partition"], said["partitions"]) == ("warn", topic1, 1, 1)
    assert consumer.stop() == 0


def test_a_stop_does_not_wait_for_a_broker_that_is_away(relay, log, topic1, receiver):
    """At most drain and two seconds; a hang is four times that."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"drain": "1s", "shards": 2})
    log.produce(topic1, events.records(5))
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    log.node.kill()
    began = time.monotonic()
    assert consumer.stop() == 0
    took = time.monotonic() - began
    print(f"stopped after {took:.1f} s")
    assert took < 4 * (1 + 2)
