"""Endpoints that fail, refuse, pace, vanish; dead letters."""
import socket
import threading
import time

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

import events
from events import make_event, record_of
from programs import make_secret
from receiver import Answer, Receiver
from waiting import holds_for, wait_for

DAY_MS = 24 * 3600 * 1000
ADDED = {"dl_reason", "dl_group", "dl_subscription", "dl_attempts", "dl_last_error", "dl_first_attempt_at",
         "dl_origin_topic", "dl_origin_partition", "dl_origin_offset"}


def check_dead_letter(letter, record, topic, absent=(), **expected):
    """Key, value, timestamp and headers untouched; the dl_ headers as expected."""
    assert (letter.key, letter.value, letter.timestamp) == (record.key, record.value, record.timestamp)
    own = len(record.headers)
    assert letter.headers[:own] == record.headers
    added = dict(letter.headers[own:])
    assert len(added) == len(letter.headers) - own
    assert added.keys() == ADDED - set(absent)
    expected = {"dl_origin_topic": topic, "dl_origin_partition": record.partition, "dl_origin_offset": record.offset,
                "dl_group": f"{topic}-relay", **expected}
    assert {name: added[name].decode() for name in expected} == {name: str(value) for name, value in expected.items()}
    return added


def test_three_failures_then_recovery(relay, log, topic, receiver):
    """Four attempts of one id and one body, each with a timestamp and a signature of its own time."""
    endpoint = receiver.endpoint("/hook", [make_secret()], [500, 503, 502, 200])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic, {"retry": {"schedule": ["0s", "1100ms"]}, "lane": {"probe_first": "1100ms", "probe_max": "2s"}})
    log.produce(topic, events.records(1))
    requests = endpoint.wait_for_requests(4)
    endpoint.wait_for(1)
    assert len({request.id for request in requests}) == 1
    assert len({request.body for request in requests}) == 1
    stamps = [int(request.header("webhook-timestamp")) for request in requests]
    assert stamps == sorted(set(stamps)), "a fresh timestamp each time"
    for stamp, request in zip(stamps, requests):
        assert abs(stamp - request.arrived) < 2
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert not log.exists(relay.dead_letters_of(topic)) or log.read(relay.dead_letters_of(topic)) == []


def test_a_connection_closed_without_an_answer_is_a_failure(relay, log, topic, receiver):
    """On a fresh connection and on one that has been used before."""
    endpoint = receiver.endpoint("/hook", [make_secret()], [Answer(close=True), 200, Answer(close=True), 500, 200])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    made = events.records(2)
    for number, record in enumerate(made, 1):
        log.produce(topic, [record])
        endpoint.wait_for(number)
    assert [request.id for request in endpoint.delivered] == [record.header("ce_id").decode() for record in made]
    assert len(endpoint.requests) == 5
    log.wait_committed_to_end(relay.group_of(topic), topic)


def test_a_failing_event_among_others_keeps_its_order(relay, log, topic, receiver):
    """One incident fails three times while others get through; its later events wait for it."""
    tries = []

    def answer(request):
        if request.incident == 3 and len(tries) < 3:
            tries.append(request)
            return 500
        return 200
    endpoint = receiver.endpoint("/hook", [make_secret()], answer)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    made = events.records(30, incidents=5)
    log.produce(topic, made)
    endpoint.wait_for(30)
    assert len(endpoint.requests) == 33
    for incident in range(1, 6):
        assert [request.id for request in endpoint.delivered if request.incident == incident] == [
            record.header("ce_id").decode() for record in made if record.header("ce_subject") == b"%d" % incident]


@pytest.mark.parametrize("status", [400, 404, 422])
def test_one_event_is_refused(relay, log, topic, receiver, status):
    endpoint = receiver.endpoint("/hook", [make_secret()], lambda request: status if request.incident == 4 else 200)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic)
    made = events.records(24, incidents=8)
    log.produce(topic, made)
    refused = [record for record in made if record.header("ce_subject") == b"4"]
    letters = log.wait_for_records(relay.dead_letters_of(topic), 3)
    assert [letter.header("ce_id") for letter in sorted(letters, key=lambda letter: int(letter.header("dl_origin_offset")))] == [
        record.header("ce_id") for record in refused], "in order"
    for letter in letters:
        record = next(record for record in refused if record.value == letter.value)
        added = check_dead_letter(letter, record, topic, dl_reason="refused", dl_subscription="crm", dl_attempts=3,
                                  dl_last_error=f"http {status}")
        first = events.micros(added["dl_first_attempt_at"].decode()) / 1e6
        assert abs(first - time.time()) < 30
        assert added["dl_first_attempt_at"].decode() == events.sent_time(round(first * 1000))
    assert len(endpoint.wait_for(21)) == 21
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert len(endpoint.requests) == 21 + 9
    assert consumer.metric("incident_consumer_dead_letter_writes_total", outcome="ok") == 3


def test_an_exhausted_event(relay, log, topic, receiver):
    """One event fails while others get through until its schedule is at its end."""
    endpoint = receiver.endpoint("/hook", [make_secret()], lambda request: 500 if request.incident == 1 else 200)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic, {"retry": {"schedule": ["0s", "100ms", "100ms"]}, "lane": {"halt_after": 1000}})
    failing, = made = [record_of(make_event(1))]
    log.produce(topic, made)
    # Others get through between its attempts, or the failures would not count.
    other = 2
    letters = relay.dead_letters_of(topic)
    deadline = time.monotonic() + 30
    while not (log.exists(letters) and sum(log.ends(letters).values())):
        assert time.monotonic() < deadline, "no dead letter"
        log.produce(topic, [record_of(make_event(other))])
        other += 1
    letter, = log.read(letters)
    check_dead_letter(letter, failing, topic, dl_reason="exhausted", dl_subscription="crm", dl_last_error="http 500",
                      dl_attempts=len([request for request in endpoint.requests if request.incident == 1]))
    endpoint.wait_for(other - 2)
    log.wait_committed_to_end(relay.group_of(topic), topic)


def test_a_dead_subscriber_beside_a_healthy_one(relay, log, topic, receiver):
    """Both of one tenant. The healthy one gets everything at once; the dead one, back on its port, everything later."""
    healthy = receiver.endpoint("/hook", [make_secret(1)])
    gone = Receiver()
    dead = gone.endpoint("/hook", [make_secret(2)])
    gone.close()
    relay.write_subscriptions(relay.subscription("healthy", healthy), relay.subscription("dead", dead))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(100, incidents=10))
    healthy.wait_for(100, 10)
    said = consumer.wait_logged("halted")
    assert "dead" in said[0]
    consumer.wait_metric("incident_consumer_lanes_halted", len({record.partition for record in log.read(topic)}))
    assert sum(log.committed(relay.group_of(topic), topic).values()) == 0, "nothing is passed"
    assert not log.exists(relay.dead_letters_of(topic)) or log.read(relay.dead_letters_of(topic)) == []


    back = Receiver(lambda: socket.create_server(("127.0.0.1", gone.port), backlog=1024))
    try:
        back.endpoints = gone.endpoints
        dead.wait_for(100)
        assert len(dead.delivered) == 100
        log.wait_committed_to_end(relay.group_of(topic), topic)
        consumer.wait_metric("incident_consumer_lanes_halted", 0)
        assert back.faults == []
    finally:
        back.close()
    assert len(healthy.requests) == 100, "the healthy one noticed nothing"


def test_a_halt_holds_the_partition_in_bounded_memory(relay, log, topic1, receiver):
    """The hand is full behind a halted lane: held, said by a line and a metric, and nothing is lost."""
    endpoint = receiver.endpoint("/hook", [make_secret()], 500)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"hand": {"records": 50}})
    log.produce(topic1, events.records(400, incidents=40))
    consumer.wait_logged("partition held")
    consumer.wait_metric("incident_consumer_partitions_held", 1)
    assert consumer.metric("incident_consumer_records_in_hand") == 50
    before = len(endpoint.requests)
    endpoint.wait_for_requests(before + 2)  # probes go on
    endpoint.answer = 200
    assert len(endpoint.wait_for(400)) == 400
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    consumer.wait_metric("incident_consumer_partitions_held", 0)
    assert not log.read(relay.dead_letters_of(topic1))


def test_a_hanging_endpoint_is_timed_out(relay, log, topic, receiver):
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [make_secret()], [Answer(until=gate), 200])
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"timeout_ms": 500}))
    relay.start_consumer(topic)
    log.produce(topic, events.records(1))
    first, second = endpoint.wait_for_requests(2)
    assert 0.4 <= second.arrived - first.arrived <= 4 * 0.6
    assert first.id == second.id
    gate.set()
    endpoint.wait_for(1)
    log.wait_committed_to_end(relay.group_of(topic), topic)


def test_retry_after_holds_the_lane(relay, log, topic, receiver):
    """A 429 is about pace: nothing more starts before the hold ends, and the event has lost nothing."""
    endpoint = receiver.endpoint("/hook", [make_secret()], [Answer(429, {"retry-after": "2"}), 200])
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"max_in_flight": 1}))
    relay.start_consumer(topic)
    log.produce(topic, events.records(6))
    endpoint.wait_for(6)
    assert len(endpoint.requests) == 7
    first, second = endpoint.requests[:2]
    assert second.arrived - first.arrived >= 1.9


def test_a_redirect_is_never_followed(relay, log, topic, receiver):
    trap = receiver.endpoint("/trap", [make_secret()])
    endpoint = receiver.endpoint("/hook", [make_secret()], [Answer(302, {"location": "/trap"}), 200])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    log.produce(topic, events.records(1))
    endpoint.wait_for(1)
    assert len(endpoint.requests) == 2 and trap.requests == []


def test_410_halts_at_once(relay, log, topic1, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()], 410)
    relay.write_subscriptions(relay.subscription("crm", endpoint, ordering="tenant"))
    consumer = relay.start_consumer(topic1)
    log.produce(topic1, events.records(5))
    consumer.wait_logged("halted")
    holds_for(lambda: len(endpoint.requests) == 1, "no probes", 1.5)
    assert log.committed(relay.group_of(topic1), topic1).get(0, 0) == 0
    assert consumer.stop() == 0


def test_a_dead_letter_of_an_old_event_stays(relay, log, receiver):
    """Thirty days old: an ordinary topic with time retention would drop its dead letter at the broker's next look."""
    topic = log.make_topic(partitions=1, retention_ms=-1, max_message_bytes=300_000)
    endpoint = receiver.endpoint("/hook", [make_secret()], 400)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic)
    control = log.make_topic(partitions=1, retention_ms=7 * DAY_MS)
    old = events.now_ms() - 30 * DAY_MS
    record = record_of(make_event(1, sent_at_ms=old))
    log.produce(topic, [record])
    letters = relay.dead_letters_of(topic)
    letter, = log.wait_for_records(letters, 1)
    check_dead_letter(letter, record, topic, dl_reason="refused", dl_subscription="crm", dl_attempts=3,
                      dl_last_error="http 400")
    config = log.topic_config(letters)
    assert config["retention.ms"] == "-1"
    assert int(config["max.message.bytes"]) == 300_000 + 64 * 1024
    # The broker does look: a record as old, written after the dead letter, goes from the control topic.
    log.produce(control, [record_of(make_event(1, sent_at_ms=old))])
    wait_for(lambda: log.starts(control) == {0: 1}, "retention takes the control's record", 30, 0.2)
    assert [found.value for found in log.read(letters)] == [record.value]
    assert consumer.stop() == 0


def test_dead_letter_topic_as_many_partitions_as_the_event_topic(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()], 400)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    log.produce(topic, events.records(1))
    log.wait_for_records(relay.dead_letters_of(topic), 1)
    assert len(log.partitions(relay.dead_letters_of(topic))) == 4


def test_a_dead_letter_topic_with_time_retention_is_warned_of(relay, log, topic, receiver):
    log.make_topic(relay.dead_letters_of(topic), partitions=1, retention_ms=DAY_MS)
    endpoint = receiver.endpoint("/hook", [make_secret()], 400)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic)
    consumer.wait_logged(r"retention\.ms")
    log.produce(topic, events.records(1))
    log.wait_for_records(relay.dead_letters_of(topic), 1)


def test_a_dead_letter_that_cannot_be_written_is_waited_for(relay, log, topic1, receiver):
    """Without the topic nothing is passed and nothing is lost; with it everything goes on."""
    endpoint = receiver.endpoint("/hook", [make_secret()], lambda request: 400 if request.incident == 1 else 200)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    letters = relay.dead_letters_of(topic1)
    log.make_topic(letters, partitions=1)
    consumer = relay.start_consumer(topic1, {"topics": {"create": False}})
    log.admin.delete_topics([letters])[letters].result(20)
    wait_for(lambda: not log.exists(letters), "the topic is gone")
    made = events.records(10)
    log.produce(topic1, made)
    endpoint.wait_for(9)
    consumer.wait_logged("dead.letter", 2)
    holds_for(lambda: log.committed(relay.group_of(topic1), topic1).get(0, 0) == 0, "no commit passes it", 1.5)
    log.make_topic(letters, partitions=1)
    letter, = log.wait_for_records(letters, 1, 30)
    check_dead_letter(letter, made[0], topic1, dl_reason="refused", dl_subscription="crm", dl_attempts=3,
                      dl_last_error="http 400")
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert consumer.stop() == 0


def test_a_dead_letter_above_the_topic_s_size_names_the_setting(relay, log, topic1, receiver):
    letters = log.make_topic(relay.dead_letters_of(topic1), partitions=1, max_message_bytes=3_000, retention_ms=-1)
    endpoint = receiver.endpoint("/hook", [make_secret()], 400)
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1)
    made = [record_of(make_event(1, description='"' + "x" * 5_000 + '"'))]
    log.produce(topic1, made)
    consumer.wait_logged(r"max\.message\.bytes")

    change = ConfigResource(ConfigResource.Type.TOPIC, letters, incremental_configs=[
        ConfigEntry("max.message.bytes", "100000", incremental_operation=AlterConfigOpType.SET)])
    log.admin.incremental_alter_configs([change])[change].result(20)
    letter, = log.wait_for_records(letters, 1, 30)
    assert letter.value == made[0].value
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
