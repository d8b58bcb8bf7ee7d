"""Three nodes: each ended and started again in turn under load, a member of the group killed meanwhile."""
import collections
import shutil
import signal
import subprocess
import threading

import pytest

import events
from events import line_of, make_event, micros, row_time
from kafka_cluster import ClusterLog, KafkaCluster
from programs import make_secret
from test_offsets import QUICK
from test_producer import summary
from waiting import wait_for

TENANTS = 6
INCIDENTS = 40
IN_FLIGHT = 300
PAUSE_S = 0.02
LINES_AT_ONCE = 2
START_US = micros("2026-02-03T10:46:23+00:00")


@pytest.fixture(scope="module")
def kafka(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    cluster = KafkaCluster(request.config.getoption("--jars"), folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def log(kafka):
    kafka.ensure_running()
    return ClusterLog(kafka)


def event(number):
    return make_event(1 + number % INCIDENTS, 8001 + number % TENANTS, updated_at=row_time(START_US + number))


class Load:
    """Lines into a producer's standard input, a hundred a second, until told to stop."""

    def __init__(self, producer):
        self.pipe = producer.process.stdin
        self.events = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.feed)
        self.thread.start()

    def feed(self):
        with self.pipe:
            while not self.is_over.wait(PAUSE_S):
                for _ in range(LINES_AT_ONCE):
                    made = event(len(self.events))
                    self.pipe.write(line_of(made) + b"\n")
                    self.events.append(made)
                self.pipe.flush()

    def end(self):
        self.is_over.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


def identities(made, key):
    """key of the event → the ids of its events, in order."""
    found = collections.defaultdict(list)
    for one in made:
        found[key(one)].append(events.derive_id(one))
    return found


def firsts(pairs):
    """(key, id) as they came → key → ids in the order of their first occurrence."""
    found = collections.defaultdict(dict)
    for key, name in pairs:
        found[key].setdefault(name)
    return {key: list(names) for key, names in found.items()}


def tenant_of(one):
    return one["payload"]["tenant_id"]


def incident_of(one):
    return one["payload"]["tenant_id"], one["payload"]["id"]


def check_log(log, topic, made, doubles_max=0):
    """Every event, each tenant's in order, once."""
    found = log.read(topic)
    assert len(made) <= len(found) <= len(made) + doubles_max
    assert firsts((int(record.key), record.header("ce_id").decode()) for record in found) == identities(made, tenant_of)


def check_deliveries(endpoint, made, is_by_tenant):
    """Each event at least once, first occurrences in order for each incident, or for the whole tenant."""
    key = tenant_of if is_by_tenant else incident_of
    assert firsts((key(request.event), request.id) for request in endpoint.delivered) == identities(made, key)


@pytest.mark.timeout(120)
def test_a_node_less_is_enough(relay, log, kafka, receiver):
    """With one of three nodes away for good nothing waits; acknowledged means on two of them."""
    topic = log.make_topic(partitions=6)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, 8001))
    consumer = relay.start_consumer(topic, QUICK)
    kafka.nodes[2].kill()
    made = [event(number) for number in range(600)]
    relay.publish(topic, [line_of(one) for one in made])
    log.wait_committed_to_end(relay.group_of(topic), topic, 40)
    check_log(log, topic, made)
    check_deliveries(endpoint, [one for one in made if tenant_of(one) == 8001], False)
    assert consumer.stop() == 0
    kafka.nodes[2].start()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_rolling_restarts(relay, log, kafka, receiver, number):
    """Nothing is lost, order holds; the producer ends as if nothing had been. Nothing is on the log twice, but what was in
    flight when librdkafka gave a client up: its successor cannot know what had arrived."""
    topic = log.make_topic(partitions=6)
    endpoints = {tenant: receiver.endpoint(f"/hook-{tenant}", [make_secret()]) for tenant in range(8001, 8001 + TENANTS)}
    relay.write_subscriptions(*(
        relay.subscription(f"crm-{tenant}", endpoint, tenant, ordering="tenant" if tenant % 2 else "incident")
        for tenant, endpoint in endpoints.items()))
    members = [relay.start_consumer(topic, QUICK) for _ in range(2)]
    watched = [topic, "__consumer_offsets"]
    log.wait_in_sync(watched)
    producer = relay.start_producer(topic, stdin=subprocess.PIPE, settings={"in_flight": {"events": IN_FLIGHT}})
    load = Load(producer)
    try:
        for turn, node in enumerate(kafka.nodes):
            before = len(load.events)
            wait_for(lambda: len(load.events) > before + 60, "the load runs")
            node.end(number)
            if turn == 1:
                members[0].kill()
                members[0] = relay.start_consumer(topic, QUICK, wait=False)
            node.start()
            log.wait_in_sync(watched)
    finally:
        load.end()
    assert producer.wait(40) == 0
    counts = summary(producer)
    assert (counts["read"], counts["published"], counts["rejected"]) == (len(load.events), len(load.events), 0)
    log.wait_committed_to_end(relay.group_of(topic), topic, 40)
    check_log(log, topic, load.events, IN_FLIGHT * len(producer.logged("has failed for good")))
    for tenant, endpoint in endpoints.items():
        check_deliveries(endpoint, [one for one in load.events if tenant_of(one) == tenant], tenant % 2 == 1)
    taken = sum(len(endpoint.delivered) for endpoint in endpoints.values())
    print(f"{len(load.events)} events, {taken - len(load.events)} deliveries twice")
    for member in members:
        assert member.stop() == 0
