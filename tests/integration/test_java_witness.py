"""Java's libraries as the witness: partitions by kafka-clients, records and the fingerprint by Avro."""
import json
import pathlib
import random

import events
from events import line_of, make_event

WITNESS = pathlib.Path(__file__).with_name("Witness.java")
SCHEMA_FILE = events.ROOT / "schemas/incident_event.v1.avsc"
PARTITIONS = 12
KEYS = 1000


def ask_java(log, questions):
    """The answers of Witness.java to these lines."""
    answers = log.node.java(WITNESS, SCHEMA_FILE, input="".join(question + "\n" for question in questions)).splitlines()
    assert len(answers) == len(questions)
    return answers


def test_tenants_are_where_java_would_put_them(relay, log):
    chance = random.Random(20260203)
    # As many of each length as of the others: the hash treats the last one to three bytes by themselves.
    tenants = {chance.randrange(10 ** (digits - 1), min(10**digits, 2**63))
               for digits in range(4, 20) for _ in range(KEYS // 16 + 1)}
    tenants = sorted(tenants)[-KEYS:]
    assert len(tenants) == KEYS
    topic = log.make_topic(partitions=PARTITIONS)
    relay.publish(topic, [line_of(make_event(1, tenant)) for tenant in tenants])
    found = log.read(topic)
    assert sorted(int(record.key) for record in found) == tenants
    answers = ask_java(log, [f"partition {PARTITIONS} {record.key.hex()}" for record in found])
    assert [record.partition for record in found] == [int(answer) for answer in answers]
    assert {record.partition for record in found} == set(range(PARTITIONS))


def test_java_reads_every_field(relay, log, topic):
    """The examples, real-looking and odd; numbers, escapes and other scripts in the rich text come as they went in."""
    odd = make_event(2**63 - 1, 2**63 - 1, description='{"n":[0.1,1.0,1e5,12345678901234567890],"t":"\\u00e9\\/é😀"}',
                     resolution_notes=events.RawJson('"\\"quoted\\""'), end_time="9999-12-31T23:59:59.999999+00:00",
                     start_time="0001-01-01T00:00:00+00:00")
    lines = [*events.EXAMPLES, line_of(odd)]
    relay.publish(topic, lines)
    found = log.read(topic)
    assert len(found) == len(lines)
    expected = {events.derive_id(event): events.to_avro(event) for event in map(events.split_rich_text, lines)}
    for record, answer in zip(found, ask_java(log, [f"record {record.value.hex()}" for record in found])):
        datum = expected.pop(record.header("ce_id").decode())
        datum["meta"]["sent_at"] = record.timestamp * 1000  # stamped at publishing
        assert json.loads(answer) == datum
    assert not expected


def test_the_fingerprint_is_java_s(relay, log, topic1):
    relay.publish(topic1, [line_of(make_event())])
    record, = log.read(topic1)
    assert record.value[:10].hex() == "c301" + ask_java(log, ["fingerprint"])[0]
