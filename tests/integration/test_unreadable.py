"""Records that cannot be read, each a dead letter by its rule; tombstones; transactions; the partition goes on."""
import json
import struct

import fastavro
import pytest

import events
from events import HEADER, RawJson, encode, encode_body, make_event, record_of, to_avro
from kafka_clients import Record
from programs import make_secret
from test_failures import check_dead_letter
from waiting import wait_for

ABSENT = ("dl_subscription", "dl_attempts", "dl_last_error", "dl_first_attempt_at")


def with_field(value, *path, **options):
    """The value of an event with one field of its datum replaced."""
    datum = to_avro(make_event(**options))
    place = datum
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return HEADER + encode_body(datum)


def other_schema():
    """The schema with one more status: another fingerprint, which nobody here knows."""
    schema = json.loads(events.SCHEMA_TEXT)
    text = json.dumps(schema).replace('"TRIGGERED"', '"TRIGGERED", "ESCALATED"')
    return fastavro.parse_schema(json.loads(text))


GOOD = encode(make_event())
UNREADABLE = {
    "an empty value": (b"", "framing"),
    "JSON": (b'{"event_type":1}', "framing"),
    "the magic alone": (b"\xc3\x01", "framing"),
    "another magic": (b"\xc3\x02" + GOOD[2:], "framing"),
    "cut short": (GOOD[:-1], "avro"),
    "cut in the middle": (GOOD[:40], "avro"),
    "nothing behind the header": (HEADER, "avro"),
    "a trailing byte": (GOOD + b"\0", "avro"),
    "a length beyond the end": (HEADER + b"\xfe\xff\xff\xff\x0f" + GOOD[11:], "avro"),
    "a negative length": (HEADER + b"\x01" + GOOD[11:], "avro"),
    "above 1 MiB": (with_field('"' + "x" * (1 << 20) + '"', "payload", "description"), "value.size"),
    "an unknown event type": (with_field("incident.instance.removed", "event_type"), "event_type.enum"),
    "an unknown version": (with_field(2, "meta", "version"), "meta.version.unsupported"),
    "an incident of 0": (with_field(0, "payload", "id"), "id.range"),
    "a session of -1": (with_field(-1, "payload", "session", "id"), "session.id.range"),
    "a UUID that is none": (with_field("05b6e6e3", "payload", "session", "uuid"), "session.uuid.uuid"),
    "the year 10000": (with_field(253402300800000000, "payload", "start_time"), "start_time.timestamp"),
    "an injection": (with_field('null,"tenant_id":1', "payload", "description"), "json.syntax"),
    "half a value": (with_field('{"a":', "payload", "description"), "json.syntax"),
    "an empty text": (with_field("", "payload", "resolution_notes"), "json.syntax"),
    "a NUL in rich text": (with_field('"\\u0000"', "payload", "description"), "json.nul"),
    "a lone surrogate": (with_field('"\\ud800"', "payload", "description"), "json.utf8"),
    "33 deep": (with_field("[" * 40 + "]" * 40, "payload", "description"), "json.depth"),
    "5000 values": (with_field("[" + "1," * 4999 + "1]", "payload", "description"), "json.values"),
}


def test_unreadable_records(relay, log, receiver):
    """One of each between good ones: every one a dead letter with its rule, untouched, and every good one delivered."""
    topic = log.make_topic(partitions=1, max_message_bytes=3_000_000)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic)
    made = []
    for number, (value, _) in enumerate(UNREADABLE.values()):
        made.append(Record(value, b"7001", [("ce_id", b"id-%d" % number), ("x", None), ("x", b"\xff\x00twice")],
                           1_700_000_000_000 + number))
        made.append(record_of(make_event(1000 + number)))
    log.produce(topic, made)
    endpoint.wait_for(len(UNREADABLE))
    log.wait_committed_to_end(relay.group_of(topic), topic)
    letters = {letter.header("ce_id"): letter for letter in log.read(relay.dead_letters_of(topic))}
    assert len(letters) == len(UNREADABLE)
    found = {name: letters[b"id-%d" % number].header("dl_reason").decode() for number, name in enumerate(UNREADABLE)}
    assert found == {name: f"undecodable.{rule}" for name, (_, rule) in UNREADABLE.items()}
    for number, record in enumerate(made[::2]):
        check_dead_letter(letters[b"id-%d" % number], record, topic, ABSENT)
    assert sorted(request.incident for request in endpoint.requests) == [
        1000 + number for number in range(len(UNREADABLE))]
    assert consumer.metric("incident_consumer_records_total", reading="unreadable") == len(UNREADABLE)


@pytest.mark.parametrize("key", [b"7002", b"07001", b"", None, b"7001 ", b"crm"])
def test_a_key_that_is_not_the_tenant(relay, log, topic1, receiver, key):
    endpoint = receiver.endpoint("/hook", [make_secret(1)])
    other = receiver.endpoint("/other", [make_secret(2)])
    relay.write_subscriptions(relay.subscription("crm", endpoint), relay.subscription("other", other, tenant=7002))
    relay.start_consumer(topic1)
    wrong = record_of(make_event(1), key=key, partition=0)
    log.produce(topic1, [wrong, record_of(make_event(2))])
    endpoint.wait_for(1)
    letter, = log.wait_for_records(relay.dead_letters_of(topic1), 1)
    check_dead_letter(letter, wrong, topic1, ABSENT, dl_reason="key.mismatch")
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert [request.incident for request in endpoint.requests] == [2] and other.requests == []


def test_white_space_in_rich_text_is_removed(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    spaced = make_event(1, description=' { "a b" : [ 1.0 , "\\/ \\u00e9" , 1e5 ] }\n')
    log.produce(topic, [record_of(spaced, headers=[])])
    tight = {**spaced, "payload": {**spaced["payload"], "description": RawJson('{"a b":[1.0,"\\/ \\u00e9",1e5]}')}}
    request, = endpoint.wait_for(1)
    assert request.body == events.line_of(tight)
    assert request.id == events.derive_id(tight)


@pytest.mark.parametrize("framing", ["another fingerprint", "confluent"])
def test_an_unknown_schema_holds_its_partition_for_a_while(relay, log, topic1, receiver, framing):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"schema_wait": "2s"})
    datum = to_avro(make_event(1))
    value = (events.framed(other_schema(), encode_body(datum, other_schema())) if framing == "another fingerprint"
             else b"\0" + struct.pack(">I", 12) + encode_body(datum))
    strange = record_of(make_event(1), value=value)
    after = record_of(make_event(2))
    log.produce(topic1, [strange, after])
    consumer.wait_logged("schema")
    consumer.wait_metric("incident_consumer_partitions_held", 1, 5)
    assert log.committed(relay.group_of(topic1), topic1).get(0, 0) == 0
    letter, = log.wait_for_records(relay.dead_letters_of(topic1), 1)
    check_dead_letter(letter, strange, topic1, ABSENT, dl_reason="schema.unknown")
    endpoint.wait_for(1)
    log.wait_committed_to_end(relay.group_of(topic1), topic1)


def test_tombstones_are_counted_and_skipped(relay, log, topic1, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1)
    log.produce(topic1, [Record(None, b"7001"), record_of(make_event(1)), Record(None, None, partition=0)])
    endpoint.wait_for(1)
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert consumer.metric("incident_consumer_records_total", reading="tombstone") == 2
    assert not log.exists(relay.dead_letters_of(topic1)) or log.read(relay.dead_letters_of(topic1)) == []


def test_aborted_transactions_are_not_delivered(relay, log, topic1, receiver):
    """read_committed; the markers' offsets are settled too, so the commit reaches the end."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic1)
    producer = log.transactional(topic1)
    for number, commit in enumerate((True, False, True, False)):
        producer.begin_transaction()
        log.send(producer, topic1, [record_of(make_event(10 * number + index)) for index in range(1, 4)])
        producer.flush(20)
        if commit:
            producer.commit_transaction(20)
        else:
            producer.abort_transaction(20)
    log.produce(topic1, [record_of(make_event(99))])
    endpoint.wait_for(7)
    assert sorted(request.incident for request in endpoint.requests) == [1, 2, 3, 21, 22, 23, 99]
    log.wait_committed_to_end(relay.group_of(topic1), topic1)


def test_a_hole_at_the_end_is_settled_too(relay, log, topic1, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic1)
    log.produce(topic1, [record_of(make_event(1))])
    endpoint.wait_for(1)
    producer = log.transactional(topic1)
    producer.begin_transaction()
    log.send(producer, topic1, [record_of(make_event(2))])
    producer.flush(20)
    producer.abort_transaction(20)
    # What is behind the last readable record is passed at the latest with the next one.
    log.produce(topic1, [record_of(make_event(3))])
    endpoint.wait_for(2)
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    assert wait_for(lambda: [request.incident for request in endpoint.requests] == [1, 3], "1 and 3 only")


def test_foreign_headers_are_no_trouble(relay, log, topic1, receiver):
    """Other people's headers, null ones, a hundred of them; a traceparent that is none is not sent on."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic1)
    event = make_event(1)
    headers = [(f"h{number}", None if number % 3 else b"\xff" * number) for number in range(100)]
    log.produce(topic1, [record_of(event, headers=headers),
                         record_of(make_event(2), headers=[("traceparent", b"00-evil\r\nx-evil: 1")])])
    requests = endpoint.wait_for(2)
    assert events.derive_id(event) in [request.id for request in requests]
    assert all(request.header("traceparent") is None and request.header("x-evil") is None for request in requests)
