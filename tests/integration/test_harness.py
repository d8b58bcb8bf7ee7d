"""The witnesses, tried against each other before anything of ours is: a broken one must not be what convicts or acquits."""
import base64
import hashlib
import http.client
import json
import socket
import time

import confluent_kafka
import fastavro
import kafka as kafka_python
import pytest
import standardwebhooks

import events
from kafka_clients import Record
from receiver import signature
from waiting import wait_for

VECTORS = json.loads((events.FIXTURES / "identity-vectors.json").read_text())


def test_a_broker_takes_and_gives_back(log, topic):
    moment = events.now_ms() - 60_000  # younger than the broker's retention, which is looked at every second
    log.produce(topic, [Record(b"value %d" % number, b"key %d" % number, [("a", b"1"), ("b", None)], moment)
                        for number in range(20)])
    found = log.read(topic)
    assert len(found) == 20
    for record in found:
        assert (record.headers, record.timestamp) == ([("a", b"1"), ("b", None)], moment)
        assert record.partition == events.partition_of(record.key, 4)
    assert sum(log.ends(topic).values()) == 20


def test_kafka_python_reads_the_same(log, topic):
    log.produce(topic, events.records(10))
    reader = kafka_python.KafkaConsumer(topic, bootstrap_servers=log.node.servers, auto_offset_reset="earliest",
                                        consumer_timeout_ms=3000, enable_auto_commit=False)
    try:
        seen = {(record.partition, record.offset): (record.key, record.value, record.timestamp) for record in reader}
    finally:
        reader.close()
    assert seen == {(record.partition, record.offset): (record.key, record.value, record.timestamp)
                    for record in log.read(topic)}


def test_a_killed_broker_keeps_what_it_acknowledged(log, topic):
    log.produce(topic, events.records(5))
    log.node.kill()
    log.node.start()
    assert len(wait_for(lambda: log.read(topic), "the records")) == 5


def test_murmur2_is_java_s_and_librdkafka_s(log):
    topic = log.make_topic(partitions=7)
    keys = [str(number) for number in (1, 12, 123, 1234, 2050, 99999, 7, 2**63 - 1, 4611686018427387904)]
    log.node.java("org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", log.node.servers, "--topic", topic,
                  "--reader-property", "parse.key=true", "--reader-property", "key.separator=:",
                  input="".join(f"{key}:java\n" for key in keys))
    log.produce(topic, [Record(b"librdkafka", key.encode()) for key in keys])
    found = log.read(topic)
    assert len(found) == 2 * len(keys)
    for record in found:
        assert record.partition == events.partition_of(record.key, 7), (record.key, record.value)


def test_fingerprint_and_record_are_the_contract_s():
    form = fastavro.schema.to_parsing_canonical_form(json.loads(events.SCHEMA_TEXT))
    assert len(form) == VECTORS["schema_v1"]["canonical_form_bytes"]
    assert f"{events.crc_64_avro(form.encode()):016x}" == VECTORS["schema_v1"]["crc_64_avro"]
    assert events.HEADER.hex() == VECTORS["schema_v1"]["single_object_header"]
    value = events.encode(events.split_rich_text(events.EXAMPLES[0]))
    assert len(value) == VECTORS["record"]["bytes"]
    assert hashlib.sha256(value).hexdigest() == VECTORS["record"]["sha256"]


def test_identity_is_the_contract_s():
    vectors = [vector for vector in VECTORS["ce_id"] if vector["as"] == "event"]
    assert len(vectors) == 2
    for vector in vectors:
        assert events.derive_id(events.split_rich_text(events.EXAMPLES[vector["line"] - 1])) == vector["ce_id"]


def test_examples_survive_our_own_codec():
    assert len(events.EXAMPLES) == 60
    for line in events.EXAMPLES:
        event = events.split_rich_text(line)
        assert events.line_of(event) == line
        assert events.line_of(events.decode(events.encode(event))) == line


def test_signature_is_the_published_one():
    vectors = json.loads((events.FIXTURES / "standard-webhooks-vectors.json").read_text())
    symmetric = [vector for vector in vectors if vector["secret"].startswith("whsec_")]
    assert len(symmetric) == 2
    for vector in symmetric:
        found = signature(vector["secret"], vector["id"], vector["timestamp"], vector["body"].encode())
        assert found == vector["signature"]


def deliver(receiver, path, body, secret, stamp=None, tamper=b""):
    stamp = stamp or str(int(time.time()))
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=5)
    connection.request("POST", path, body + tamper, {
        "content-type": "application/json", "user-agent": "incident-relay/0.0.0", "webhook-id": "id-1",
        "webhook-timestamp": stamp, "webhook-signature": signature(secret, "id-1", stamp, body)})
    status = connection.getresponse().status
    connection.close()
    return status


SECRET = "whsec_" + base64.b64encode(b"x" * 24).decode()


def test_the_receiver_takes_what_is_right_and_answers_as_told(receiver):
    endpoint = receiver.endpoint("/hook", [SECRET], [500, 500, 204])
    body = events.line_of(events.make_event(42))
    assert [deliver(receiver, "/hook", body, SECRET) for _ in range(4)] == [500, 500, 204, 204]
    assert endpoint.bodies == [body] * 4
    assert [request.incident for request in endpoint.delivered] == [42, 42]


@pytest.mark.parametrize("fault", ["tampered", "other secret", "old timestamp"])
def test_the_receiver_sees_a_wrong_signature(receiver, fault):
    receiver.endpoint("/hook", [SECRET])
    body = events.line_of(events.make_event(42))
    other = "whsec_" + base64.b64encode(b"y" * 24).decode()
    deliver(receiver, "/hook", body, other if fault == "other secret" else SECRET,
            str(int(time.time()) - 1000) if fault == "old timestamp" else None, b" " if fault == "tampered" else b"")
    assert len(receiver.faults) == 1
    receiver.faults.clear()


@pytest.mark.parametrize("raw", [
    b"POST /hook HTTP/1.1\nhost: a\ncontent-length: 2\n\n{}", b"POST /hook HTTP/1.0\r\nhost: a\r\n\r\n",
    b"POST /hook HTTP/1.1\r\nhost: a\r\nbad name: x\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /hook HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /hook HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    b"POST /ho ok HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /hook HTTP/1.1\r\nhost: a\r\nx-a: one\rx-b: two\r\ncontent-length: 2\r\n\r\n{}",
])
def test_the_receiver_is_strict(receiver, raw):
    receiver.endpoint("/hook")
    with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
        connection.sendall(raw + b"\r\n\r\n")
        connection.settimeout(5)
        assert connection.recv(100) == b""
    assert len(receiver.faults) == 1
    receiver.faults.clear()


def test_standardwebhooks_agrees_with_our_own_signature():
    stamp = str(int(time.time()))
    headers = {"webhook-id": "a-b", "webhook-timestamp": stamp, "webhook-signature": signature(SECRET, "a-b", stamp, b"{}")}
    assert standardwebhooks.Webhook(SECRET).verify(b"{}", headers) == {}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(b"{} ", headers)


def test_versions_are_the_pinned_ones(log):
    assert confluent_kafka.libversion()[0] >= "2.16"
    assert "4.3.1" in log.node.java("kafka.Kafka", "--version")
