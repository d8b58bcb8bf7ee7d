"""What is committed and when: the frontier, crashes, restarts, rebalances, drains, gaps, the start."""
import collections
import signal
import threading
import time

import pytest
from confluent_kafka.admin import NewPartitions

import events
from events import make_event, record_of
from programs import make_secret
from receiver import Answer
from waiting import holds_for, wait_for


# A dead member is missed after this long instead of 6 s.
QUICK = {"kafka": {"session.timeout.ms": 2000, "heartbeat.interval.ms": 300}}


def check_all_delivered(endpoint, made, duplicates_max):
    """Each at least once, first occurrences in order for each incident, duplicates bounded."""
    expected = collections.defaultdict(list)
    for record in made:
        expected[int(record.header("ce_subject"))].append(record.header("ce_id").decode())
    first = collections.defaultdict(list)
    for request in endpoint.delivered:
        if request.id not in first[request.incident]:
            first[request.incident].append(request.id)
    assert first == expected
    duplicates = len(endpoint.delivered) - len(made)
    assert 0 <= duplicates <= duplicates_max, f"{duplicates} duplicates"


def test_commits_stop_at_the_frontier(relay, log, topic1, receiver):
    """One delivery hangs: everything behind it is delivered, and nothing from it on is committed."""
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()],
                                 lambda request: Answer(200, until=gate if request.incident == 6 else None))
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"timeout_ms": 30000}))
    relay.start_consumer(topic1)
    log.produce(topic1, events.records(50))
    endpoint.wait_for(49)
    wait_for(lambda: log.committed(relay.group_of(topic1), topic1).get(0) == 5, "a commit right before it")
    holds_for(lambda: log.committed(relay.group_of(topic1), topic1).get(0) == 5, "the commit stays before it", 1)
    gate.set()
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert len(endpoint.requests) == 50


def test_kill_9_in_the_middle(relay, log, topic, receiver):
    """Killed three times at work: nothing is lost, order is kept, duplicates are what was not committed yet."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"max_in_flight": 8}))
    made = events.records(1500, incidents=50)
    relay.start_consumer(topic, {"hand": {"records": 200}, **QUICK})
    log.produce(topic, made)
    for share in (100, 400, 800):
        consumer = relay.programs[-1]
        endpoint.wait_for(share)
        consumer.kill()
        relay.start_consumer(topic, {"hand": {"records": 200}, **QUICK}, wait=False)
    log.wait_committed_to_end(relay.group_of(topic), topic, 40)
    check_all_delivered(endpoint, made, 3 * 400)
    assert relay.programs[-1].stop() == 0


def test_kill_9_with_many_tenants_and_failures(relay, log, topic, receiver):
    seen = collections.Counter()

    def answer(request):
        seen[request.id] += 1
        return 500 if request.incident % 7 == 3 and seen[request.id] == 1 else 200
    at = {tenant: receiver.endpoint(f"/{tenant}", [make_secret(tenant)], answer) for tenant in range(7001, 7006)}
    relay.write_subscriptions(*(relay.subscription(f"s{tenant}", endpoint, tenant) for tenant, endpoint in at.items()))
    made = {tenant: events.records(100, tenant, incidents=20) for tenant in at}
    relay.start_consumer(topic, QUICK)
    log.produce(topic, [record for records in zip(*made.values()) for record in records])
    at[7001].wait_for(20)
    relay.programs[-1].kill()
    relay.start_consumer(topic, QUICK)
    log.wait_committed_to_end(relay.group_of(topic), topic, 30)
    for tenant, endpoint in at.items():
        check_all_delivered(endpoint, made[tenant], 500)


def test_a_broker_restart_in_the_middle(relay, log, topic, receiver):
    """Kill -9 of the broker while the endpoint is at work; it goes on by itself."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"max_in_flight": 4}))
    consumer = relay.start_consumer(topic, {"hand": {"records": 100}})
    made = events.records(2000, incidents=50)
    log.produce(topic, made)
    endpoint.wait_for(50)
    log.node.kill()
    log.node.start()
    back = time.monotonic()
    log.wait_committed_to_end(relay.group_of(topic), topic, 40)
    assert time.monotonic() - back < 30
    check_all_delivered(endpoint, made, 2000)
    more = [record_of(make_event(5000))]
    log.produce(topic, more)
    wait_for(lambda: endpoint.delivered[-1].incident == 5000, "flow goes on")
    assert len(consumer.text().splitlines()) < 200, "no flood of lines"
    assert consumer.stop() == 0


def test_a_drain_waits_for_what_is_in_the_air(relay, log, topic, receiver):
    """SIGTERM: nothing more starts, the answers in the air count and are committed, exit 0, the rest comes later, once."""
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"max_in_flight": 4}))
    consumer = relay.start_consumer(topic)
    made = events.records(20)
    log.produce(topic, made)
    endpoint.wait_for_requests(4)
    consumer.signal(signal.SIGTERM)
    consumer.wait_logged("stop")
    holds_for(lambda: len(endpoint.requests) == 4 and consumer.is_running(), "nothing starts, it waits", 0.7)
    gate.set()
    assert consumer.wait(15) == 0
    assert len(endpoint.requests) == 4
    endpoint.answer = 200
    relay.start_consumer(topic)
    endpoint.wait_for(20)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    # Order is by incident, so of four in the air one partition's may not have been the lowest: those come twice.
    check_all_delivered(endpoint, made, 3)


def test_a_drain_cuts_what_hangs(relay, log, topic, receiver):
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"timeout_ms": 60000}))
    consumer = relay.start_consumer(topic, {"drain": "1s"})
    log.produce(topic, events.records(1))
    first, = endpoint.wait_for_requests(1)
    start = time.monotonic()
    assert consumer.stop() == 0
    assert 0.8 <= time.monotonic() - start <= 4 * 3
    gate.set()
    endpoint.answer = 200
    relay.start_consumer(topic)
    again = endpoint.wait_for_requests(2)[1]
    assert (again.id, again.body) == (first.id, first.body)
    assert not log.exists(relay.dead_letters_of(topic)) or log.read(relay.dead_letters_of(topic)) == []


def test_a_second_signal_cuts_at_once(relay, log, topic, receiver):
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"timeout_ms": 60000}))
    consumer = relay.start_consumer(topic, {"drain": "55s"})
    log.produce(topic, events.records(1))
    endpoint.wait_for_requests(1)
    consumer.signal(signal.SIGTERM)
    consumer.wait_logged("stop")
    assert consumer.stop(15) == 0
    gate.set()


def test_a_clean_stop_and_start_doubles_nothing(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    made = events.records(300, incidents=30)
    for part in range(3):
        consumer = relay.start_consumer(topic)
        log.produce(topic, made[part * 100:part * 100 + 100])
        endpoint.wait_for(part * 100 + 100)
        assert consumer.stop() == 0
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert len(endpoint.requests) == 300
    check_all_delivered(endpoint, made, 0)


def test_a_second_member_takes_its_share(relay, log, topic, receiver):
    """Two members, one killed: handed over mid-flow, nothing is lost, order is kept."""
    at = {tenant: receiver.endpoint(f"/{tenant}", [make_secret(tenant)]) for tenant in range(7001, 7009)}
    relay.write_subscriptions(*(relay.subscription(f"s{tenant}", endpoint, tenant) for tenant, endpoint in at.items()))
    made = {tenant: events.records(200, tenant, incidents=20) for tenant in at}
    mixed = [record for records in zip(*made.values()) for record in records]
    group = relay.group_of(topic)
    first = relay.start_consumer(topic, QUICK)
    log.produce(topic, mixed[:400])
    second = relay.start_consumer(topic, QUICK)
    log.produce(topic, mixed[400:800])
    second.wait_metric("incident_consumer_partitions_assigned", 2)
    first.wait_metric("incident_consumer_partitions_assigned", 2)
    log.produce(topic, mixed[800:1200])
    first.kill()
    log.produce(topic, mixed[1200:])
    second.wait_metric("incident_consumer_partitions_assigned", 4, 20)
    log.wait_committed_to_end(group, topic, 30)
    for tenant, endpoint in at.items():
        check_all_delivered(endpoint, made[tenant], 400)
    assert second.stop() == 0


def test_a_clean_handover_doubles_nothing(relay, log, topic, receiver):
    """A second member joins while nothing is in the air: what was settled is committed before the partitions go."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, ordering="none"))
    first = relay.start_consumer(topic, {"commit_interval": "30s"})
    log.produce(topic, [record_of(make_event(number), partition=number % 4) for number in range(1, 101)])
    endpoint.wait_for(100)
    second = relay.start_consumer(topic, {"commit_interval": "30s"})
    second.wait_metric("incident_consumer_partitions_assigned", 2)
    log.produce(topic, [record_of(make_event(number), partition=number % 4) for number in range(101, 121)])
    endpoint.wait_for(120)
    assert first.stop() == 0 and second.stop() == 0
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert len(endpoint.requests) == 120


def test_a_gap_is_held_and_said(relay, log, topic1, receiver):
    """The log no longer has the committed offset: an operator must hear of it before anything is skipped."""
    log.produce(topic1, events.records(10))
    log.commit(relay.group_of(topic1), topic1, {0: 2})
    log.delete_before(topic1, 0, 6)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, wait=False)
    said = consumer.wait_logged("held")
    assert any(topic1 in line and "no longer has the committed offset" in line for line in said), said
    consumer.wait_metric("incident_consumer_partitions_held", 1)
    holds_for(lambda: endpoint.requests == [] and log.committed(relay.group_of(topic1), topic1) == {0: 2},
              "nothing is sent, nothing is committed", 1.5)
    assert consumer.stop() == 0


@pytest.mark.parametrize("start_from, expected", [("earliest", [1, 2, 3, 4]), ("latest", [3, 4])])
def test_where_a_new_group_starts(relay, log, topic1, receiver, start_from, expected):
    log.produce(topic1, [record_of(make_event(1)), record_of(make_event(2))])
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"start_from": start_from})
    wait_for(lambda: 0 in log.committed(relay.group_of(topic1), topic1), "the start is committed")
    log.produce(topic1, [record_of(make_event(3)), record_of(make_event(4))])
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert sorted(request.incident for request in endpoint.requests) == expected
    # Obeyed once: a group with a commit goes on from there.
    assert consumer.stop() == 0
    log.produce(topic1, [record_of(make_event(5))])
    relay.start_consumer(topic1, {"start_from": start_from})
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert sorted(request.incident for request in endpoint.requests) == [*expected, 5]


def test_a_new_group_starts_at_a_time(relay, log, topic1, receiver):
    moment = events.now_ms() - 60_000
    log.produce(topic1, [record_of(make_event(number, sent_at_ms=moment + 1000 * number)) for number in range(1, 9)])
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic1, {"start_from": events.sent_time(moment + 5000)})
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert sorted(request.incident for request in endpoint.requests) == [5, 6, 7, 8]


def test_a_partition_added_later_starts_at_its_beginning(relay, log, receiver):
    topic = log.make_topic(partitions=1)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, ordering="none"))
    settings = {"start_from": "latest", "kafka": {"topic.metadata.refresh.interval.ms": 60000}}
    relay.start_consumer(topic, settings)
    log.produce(topic, [record_of(make_event(1))])
    endpoint.wait_for(1)
    log.wait_committed_to_end(relay.group_of(topic), topic)

    log.admin.create_partitions([NewPartitions(topic, 2)])[topic].result(20)
    wait_for(lambda: len(log.partitions(topic)) == 2, "two partitions")
    # Written before any member has seen the partition.
    log.produce(topic, [record_of(make_event(2), partition=1)])
    assert relay.programs[-1].stop() == 0
    relay.start_consumer(topic, settings)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert sorted(request.incident for request in endpoint.requests) == [1, 2]


def test_an_idle_member_stays_in_its_group(relay, log, topic, receiver):
    """Longer than max.poll.interval.ms without an event, and with no credit to give: the same member all the time."""
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()],
                                 lambda request: Answer(200, until=gate if request.incident == 1 else None))
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"timeout_ms": 50000}))
    consumer = relay.start_consumer(topic, {"kafka": {"max.poll.interval.ms": 2500, "session.timeout.ms": 2000},
                                            "hand": {"records": 1}})
    members = log.members(relay.group_of(topic))
    assert len(members) == 1
    holds_for(lambda: log.members(relay.group_of(topic)) == members, "the same member", 5, 0.5)
    log.produce(topic, events.records(3))
    endpoint.wait_for_requests(1)
    holds_for(lambda: log.members(relay.group_of(topic)) == members, "the same member, without credit", 5, 0.5)
    gate.set()
    endpoint.wait_for(3)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert not consumer.logged("revoked")
