"""From the log to an endpoint, while all goes well: bytes, headers, signatures, routing, order."""
import json
import threading

import pytest

import events
from events import make_event, record_of
from programs import make_secret
from receiver import Answer
from waiting import wait_for

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_examples_arrive_byte_for_byte(relay, log, topic, receiver):
    """The whole way: lines → incident-producer → Kafka → incident-consumer → each tenant's endpoint."""
    endpoints = {tenant: receiver.endpoint(f"/hooks/{tenant}", [make_secret(tenant)]) for tenant in events.EXAMPLE_TENANTS}
    relay.write_subscriptions(*(relay.subscription(f"crm-{tenant}", endpoint, tenant)
                                for tenant, endpoint in endpoints.items()))
    consumer = relay.start_consumer(topic)
    relay.publish(topic, events.EXAMPLES)
    by_tenant = {}
    for record in log.read(topic):
        by_tenant.setdefault(int(record.key), []).append(record)
    for tenant, endpoint in endpoints.items():
        lines = [line for line in events.EXAMPLES if json.loads(line)["payload"]["tenant_id"] == tenant]
        requests = endpoint.wait_for(len(lines))
        assert len(requests) == len(lines) == len(by_tenant[tenant])
        got = {request.id: request for request in requests}
        for line, record in zip(lines, by_tenant[tenant]):
            request = got[record.header("ce_id").decode()]
            sent_at = record.header("ce_time").decode()
            before, after = line.split(b'"sent_at":"')
            assert request.body == before + b'"sent_at":"' + sent_at.encode() + after[len(sent_at):]
            assert request.method == "POST"
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert consumer.stop() == 0


def test_headers(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook?a=b%20c", [make_secret()])
    relay.write_subscriptions(relay.subscription(
        "crm", endpoint, http={"method": "PUT", "headers": {"x-team": "proctoring", "authorization": "Bearer a b c"}}))
    relay.start_consumer(topic)
    event = make_event(9)
    log.produce(topic, [record_of(event, headers=events.headers_of(event, traceparent=TRACEPARENT) + [("x-theirs", b"1")])])
    request, = endpoint.wait_for(1)
    assert request.method == "PUT"
    assert request.header("traceparent") == TRACEPARENT
    assert (request.header("x-team"), request.header("authorization")) == ("proctoring", "Bearer a b c")
    assert request.id == events.derive_id(event)
    assert request.body == events.line_of(event)
    assert sorted(name.lower() for name, _ in request.headers if name.lower() != "accept") == sorted([
        "host", "content-type", "content-length", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature",
        "traceparent", "x-team", "authorization"])


def test_no_traceparent_without_one(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    log.produce(topic, events.records(1))
    assert endpoint.wait_for(1)[0].header("traceparent") is None


def test_several_secrets_sign_in_the_order_given(relay, log, topic, receiver):
    """The receiver compares the whole list with its own, and the library takes the delivery with either secret."""
    endpoint = receiver.endpoint("/hook", [make_secret(1, 24), make_secret(2, 64), make_secret(3)])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    log.produce(topic, events.records(3))
    for request in endpoint.wait_for(3):
        assert request.header("webhook-signature").count("v1,") == 3


def test_an_unsigned_endpoint(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook")
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    log.produce(topic, events.records(1))
    endpoint.wait_for(1)


def test_an_id_that_a_producer_gave(relay, log, topic, receiver):
    """A valid ce_id is the webhook-id; an invalid one, or one that is there twice, is derived."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    made = [make_event(number) for number in range(1, 6)]
    log.produce(topic, [
        record_of(made[0], headers=events.headers_of(made[0], "Given_id-1")),
        record_of(made[1], headers=events.headers_of(made[1], "with.dot")),
        record_of(made[2], headers=events.headers_of(made[2], "x" * 65)),
        record_of(made[3], headers=events.headers_of(made[3], "one") + [("ce_id", b"two")]),
        record_of(made[4], headers=[]),
    ])
    found = {request.incident: request.id for request in endpoint.wait_for(5)}
    assert found == {1: "Given_id-1", **{number: events.derive_id(made[number - 1]) for number in range(2, 6)}}


def test_routing(relay, log, topic, receiver):
    """Tenant, event type and `where`; a disabled subscription gets nothing."""
    names = ("all", "creates", "high", "high-resolved", "other-tenant", "disabled")
    at = {name: receiver.endpoint(f"/{name}", [make_secret(index)]) for index, name in enumerate(names)}
    relay.write_subscriptions(
        relay.subscription("all", at["all"]),
        relay.subscription("creates", at["creates"], events=["incident.instance.create"]),
        relay.subscription("high", at["high"], where={"severity": ["HIGH", "MEDIUM"]}),
        relay.subscription("high-resolved", at["high-resolved"], where={"severity": ["HIGH"], "status": ["RESOLVED", "DISMISSED"]}),
        relay.subscription("other-tenant", at["other-tenant"], tenant=7002),
        relay.subscription("disabled", at["disabled"], enabled=False))
    relay.start_consumer(topic)
    made = [make_event(1, severity="LOW"), make_event(2, severity="HIGH"),
            make_event(3, severity="HIGH", status="RESOLVED"), make_event(4, event_type="incident.instance.create"),
            make_event(5, tenant=7002), make_event(6, tenant=7003)]
    log.produce(topic, [record_of(event) for event in made])
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert {name: sorted(request.incident for request in endpoint.delivered) for name, endpoint in at.items()} == {
        "all": [1, 2, 3, 4], "creates": [4], "high": [2, 3, 4], "high-resolved": [3], "other-tenant": [5], "disabled": []}


@pytest.mark.parametrize("ordering, in_air_max, by_incident_max", [("incident", 5, 1), ("tenant", 1, 1), ("none", 8, 8)])
def test_ordering(relay, log, topic1, receiver, ordering, in_air_max, by_incident_max):
    """Five incidents by turns at an endpoint that holds its answers until nothing more comes."""
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint, ordering=ordering, http={"max_in_flight": 8}))
    relay.start_consumer(topic1)
    made = events.records(40, incidents=5)
    log.produce(topic1, made)
    endpoint.wait_for_requests(in_air_max)
    gate.set()
    endpoint.wait_for(40)
    assert endpoint.in_air_max == in_air_max
    assert endpoint.in_air_by_incident_max <= by_incident_max
    # First come, first served, for whatever the ordering binds together.
    written = [events.decode(record.value)["payload"] for record in made]
    got = [request.event["payload"] for request in endpoint.requests]
    assert len(got) == 40
    if ordering == "tenant":
        assert [(payload["id"], payload["updated_at"]) for payload in got] == [
            (payload["id"], payload["updated_at"]) for payload in written]
    if ordering != "none":
        for incident in range(1, 6):
            assert [payload["updated_at"] for payload in got if payload["id"] == incident] == [
                payload["updated_at"] for payload in written if payload["id"] == incident]


def test_max_in_flight(relay, log, topic, receiver):
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"max_in_flight": 3}))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(20))
    endpoint.wait_for_requests(3)
    consumer.wait_metric("incident_consumer_records_in_hand", 20)
    assert len(endpoint.requests) == 3
    gate.set()
    endpoint.wait_for(20)
    assert endpoint.in_air_max == 3


def test_connections_max(relay, log, topic, receiver):
    """The bound holds over all subscriptions together."""
    gate = threading.Event()
    at = [receiver.endpoint(f"/{number}", [make_secret(number)], Answer(200, until=gate)) for number in range(4)]
    relay.write_subscriptions(*(relay.subscription(f"s{number}", endpoint) for number, endpoint in enumerate(at)))
    consumer = relay.start_consumer(topic, {"connections_max": 5})
    log.produce(topic, events.records(10))
    wait_for(lambda: sum(len(endpoint.requests) for endpoint in at) == 5, "five attempts")
    consumer.wait_metric("incident_consumer_records_in_hand", 10)
    assert sum(len(endpoint.requests) for endpoint in at) == 5
    gate.set()
    for endpoint in at:
        endpoint.wait_for(10)


def test_never_another_tenant_s_event(relay, log, topic, receiver):
    tenants = range(7001, 7011)
    at = {tenant: receiver.endpoint(f"/{tenant}", [make_secret(tenant)]) for tenant in tenants}
    relay.write_subscriptions(*(relay.subscription(f"s{tenant}", at[tenant], tenant) for tenant in tenants))
    relay.start_consumer(topic)
    log.produce(topic, [record for tenant in tenants for record in events.records(20, tenant)])
    for tenant, endpoint in at.items():
        requests = endpoint.wait_for(20)
        assert len(requests) == 20
        assert {request.event["payload"]["tenant_id"] for request in requests} == {tenant}


def test_a_resolution_without_an_end_time_is_passed_on_and_counted(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic)
    log.produce(topic, [record_of(make_event(1, status="RESOLVED"))])
    endpoint.wait_for(1)
    consumer.wait_metric("incident_consumer_end_time_expected_total", 1)


def test_connections_are_kept(relay, log, topic1, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint, ordering="tenant"))
    relay.start_consumer(topic1)
    log.produce(topic1, events.records(30))
    endpoint.wait_for(30)
    assert receiver.connections <= 2
