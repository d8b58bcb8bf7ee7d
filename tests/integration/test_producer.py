"""The producer against a real broker: what goes in as lines is read back by other people's clients."""
import base64
import hashlib
import json
import os
import signal
import subprocess
import threading

import pytest

import events
from events import line_of, make_event
from kafka_clients import Record
from kafka_node import free_port
from programs import Producer
from waiting import holds_for, wait_for

VECTORS = json.loads((events.FIXTURES / "identity-vectors.json").read_text())


def lines_of_tenants(count, tenants=5, first=1):
    """(tenant, incident) unique, canonical lines."""
    return [line_of(make_event(first + number, 8000 + number % tenants)) for number in range(count)]


def incidents_by_tenant(records):
    found = {}
    for record in records:
        event = events.decode(record.value)
        found.setdefault(event["payload"]["tenant_id"], []).append(event["payload"]["id"])
    return found


def expected_by_tenant(lines):
    found = {}
    for line in lines:
        payload = json.loads(line)["payload"]
        found.setdefault(payload["tenant_id"], []).append(payload["id"])
    return found


def summary(producer):
    """The one line at the end that has all the counts."""
    found = [line for line in producer.lines() if {"read", "published", "rejected"} <= line.keys()]
    assert len(found) == 1, producer.text()
    return found[0]


# What is on the log


def test_every_byte_of_the_examples(relay, log, topic):
    before = events.now_ms()
    relay.publish(topic, events.EXAMPLES)
    after = events.now_ms()
    found = log.read(topic)
    assert len(found) == len(events.EXAMPLES)

    by_tenant = {}
    for record in found:
        event = events.decode(record.value)
        by_tenant.setdefault(event["payload"]["tenant_id"], []).append((record, event))
    for tenant, lines in {tenant: [line for line in events.EXAMPLES if json.loads(line)["payload"]["tenant_id"] == tenant]
                          for tenant in events.EXAMPLE_TENANTS}.items():
        assert len(by_tenant[tenant]) == len(lines)
        for line, (record, event) in zip(lines, by_tenant[tenant]):
            went_in = events.split_rich_text(line)
            came_out = json.loads(json.dumps(event["meta"]))
            assert before <= record.timestamp <= after
            assert event["meta"]["sent_at"] == events.sent_time(record.timestamp)
            # sent_at aside, the line is there byte for byte, and fastavro would have written the same value.
            assert events.line_of({**event, "meta": went_in["meta"]}) == line
            assert record.value == events.encode({**went_in, "meta": came_out})
            assert record.key == str(tenant).encode()
            assert record.partition == events.partition_of(record.key, 4)
            assert dict(record.headers) == dict(events.headers_of({**went_in, "meta": came_out}))
            assert len(record.headers) == 7


def test_ids_are_the_published_vectors(relay, log, topic):
    relay.publish(topic, events.EXAMPLES)
    ids = {(record.header("ce_subject"), record.header("ce_type"), events.decode(record.value)["payload"]["updated_at"]):
           record.header("ce_id").decode() for record in log.read(topic)}
    for vector in VECTORS["ce_id"]:
        if vector["as"] == "event":
            event = json.loads(events.EXAMPLES[vector["line"] - 1])
            place = (str(event["payload"]["id"]).encode(), event["event_type"].encode(), event["payload"]["updated_at"])
            assert ids[place] == vector["ce_id"]


def test_record_value_is_the_published_vector(relay, log, topic):
    line = events.EXAMPLES[VECTORS["record"]["line"] - 1]
    relay.publish(topic, [line])
    event = events.decode(log.read(topic)[0].value)
    value = events.encode({**event, "meta": events.split_rich_text(line)["meta"]})
    assert (len(value), hashlib.sha256(value).hexdigest()) == (VECTORS["record"]["bytes"], VECTORS["record"]["sha256"])


def test_the_same_line_twice_has_the_same_id(relay, log, topic):
    line = line_of(make_event(5))
    relay.publish(topic, [line, line])
    first, second = log.read(topic)
    assert first.header("ce_id") == second.header("ce_id")


def test_partitions_agree_with_other_producers(relay, log):
    topic = log.make_topic(partitions=11)
    lines = [line_of(make_event(1, tenant)) for tenant in (1, 12, 999, 1234, 2**31, 2**53, 2**63 - 1)]
    relay.publish(topic, lines)
    ours = {record.key: record.partition for record in log.read(topic)}
    log.produce(topic, [Record(b"x", key) for key in ours])
    theirs = {record.key: record.partition for record in log.read(topic) if record.value == b"x"}
    assert len(ours) == len(lines)
    assert ours == theirs == {key: events.partition_of(key, 11) for key in ours}


def test_source_id_is_a_setting(relay, log, topic):
    relay.publish(topic, [line_of(make_event())], source_id="/elsewhere")
    assert log.read(topic)[0].header("ce_source") == b"/elsewhere"


def test_java_reads_it(relay, log, topic):
    relay.publish(topic, [line_of(make_event(77, 2050))])
    said = log.node.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", log.node.servers,
                         "--topic", topic, "--from-beginning", "--max-messages", "1", "--timeout-ms", "10000",
                         "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true")
    assert "ce_subject:77" in said and "content-type:application/avro" in said and "2050" in said
    offsets = log.node.java("org.apache.kafka.tools.GetOffsetShell", "--bootstrap-server", log.node.servers, "--topic",
                            topic)
    assert sum(int(line.rsplit(":", 1)[1]) for line in offsets.split()) == 1


# The input


def rejects(relay, name="rejects.ndjson"):
    path = relay.folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def raw_of(reject):
    assert ("raw" in reject) != ("raw_base64" in reject)
    return reject["raw"].encode() if "raw" in reject else base64.b64decode(reject["raw_base64"], validate=True)


def load_rejected():
    for entry in map(json.loads, (events.FIXTURES / "rejected.ndjson").read_text().splitlines()):
        line = entry["line"].encode() if "line" in entry else base64.b64decode(entry["line_base64"])
        yield entry["rule"], entry["pointer"], line


def test_every_rejected_line_gives_its_rule(relay, log, topic):
    cases = list(load_rejected())
    assert len(cases) == 23
    good = [line_of(make_event(1)), line_of(make_event(2))]
    producer = relay.publish(topic, [good[0], *[line for _, _, line in cases], good[1]], status=65)

    found = rejects(relay)
    assert [(reject["rule"], reject["pointer"]) for reject in found] == [(rule, pointer) for rule, pointer, _ in cases]
    offset = len(good[0]) + 1
    for number, ((_, _, line), reject) in enumerate(zip(cases, found)):
        assert (reject["line"], reject["offset"], reject["bytes"]) == (number + 2, offset, len(line))
        assert reject["input"] == str(relay.folder / "input.ndjson")
        assert reject["message"]
        assert raw_of(reject) == line
        offset += len(line) + 1
    assert [events.decode(record.value)["payload"]["id"] for record in log.read(topic)] == [1, 2]
    counts = summary(producer)
    assert (counts["read"], counts["published"], counts["rejected"]) == (25, 2, 23)


def test_rejects_are_appended(relay, topic):
    relay.publish(topic, [b"{}"], status=65)
    relay.publish(topic, [b"[]"], status=65)
    assert [raw_of(reject) for reject in rejects(relay)] == [b"{}", b"[]"]


def test_last_line_without_a_newline(relay, log, topic):
    path = relay.folder / "input.ndjson"
    path.write_bytes(line_of(make_event(1)) + b"\n" + line_of(make_event(2)))
    assert relay.start_producer(topic, "--input", path).wait() == 0
    assert len(log.read(topic)) == 2


def test_an_empty_file(relay, log, topic):
    counts = summary(relay.publish(topic, []))
    assert (counts["read"], counts["published"], counts["rejected"]) == (0, 0, 0)
    assert log.read(topic) == []
    assert rejects(relay) == []


def test_blank_lines_are_counted(relay, log, topic):
    counts = summary(relay.publish(topic, [b"", b"  \t", line_of(make_event()), b"\r"]))
    assert (counts["blank"], counts["published"], counts["rejected"]) == (3, 1, 0)


def test_standard_input(relay, log, topic):
    producer = relay.start_producer(topic, stdin=subprocess.PIPE)
    with producer.process.stdin as pipe:
        pipe.write(line_of(make_event(1)) + b"\n{}\n" + line_of(make_event(2)) + b"\n")
    assert producer.wait() == 65
    assert len(log.read(topic)) == 2
    reject, = rejects(relay)
    assert (reject["input"], reject["line"]) == ("-", 2)


@pytest.mark.parametrize("what", ["missing", "directory"])
def test_an_input_that_is_none(relay, topic, what):
    path = relay.folder / what
    if what == "directory":
        path.mkdir()
    producer = relay.start_producer(topic, "--input", path)
    assert producer.wait() == 66
    assert producer.logged(what), producer.text()


def feed_huge_line(pipe, size):
    """Writes one line of `size` bytes that begins like an event, then a good one; the SHA-256 of the first."""
    head = b'{"event_type":"incident.instance.create","payload":{"id":1,"description":"'
    block = b"0123456789abcdef" * 4096
    digest = hashlib.sha256(head)
    pipe.write(head)
    left = size - len(head)
    while left > 0:
        part = block[:left]
        digest.update(part)
        pipe.write(part)
        left -= len(part)
    pipe.write(b"\n" + line_of(make_event(2)) + b"\n")
    pipe.flush()
    return digest.hexdigest()


def check_huge_reject(path, size, digest):
    """Reads the reject's raw_base64 in pieces: it may be larger than memory."""
    found = hashlib.sha256()
    total = 0
    with open(path, "rb") as file:
        head = b""
        while b'"raw_base64":"' not in head:
            head += file.read(1024)
        before, rest = head.split(b'"raw_base64":"', 1)
        tail = b""
        while True:
            text, quote, tail = rest.partition(b'"')
            whole = len(text) // 4 * 4 if not quote else len(text)
            data = base64.b64decode(text[:whole], validate=True)
            found.update(data)
            total += len(data)
            if quote:
                break
            rest = text[whole:] + file.read(1 << 20)
        tail += file.read()
    reject = json.loads(before + b'"raw_base64":""' + tail)
    assert (reject["rule"], reject["pointer"], reject["line"], reject["offset"]) == ("line.size", "", 1, 0)
    assert list(reject).index("bytes") > list(reject).index("raw_base64")
    assert (reject["bytes"], total, found.hexdigest()) == (size, size, digest)


def huge_line(relay, log, topic, size, timeout_s):
    producer = relay.start_producer(topic, stdin=subprocess.PIPE)
    digest = feed_huge_line(producer.process.stdin, size)
    log.wait_for_records(topic, 1, timeout_s)
    # AddressSanitizer keeps what was freed for a while.
    assert producer.peak_bytes() <= (256 << 20 if relay.is_sanitized() else 64 << 20)
    producer.process.stdin.close()
    assert producer.wait() == 65
    check_huge_reject(relay.folder / "rejects.ndjson", size, digest)
    (relay.folder / "rejects.ndjson").unlink()


def test_a_line_of_300_megabytes(relay, log, topic):
    huge_line(relay, log, topic, 300_000_000, 50)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_line_of_10_gigabytes(relay, log, topic):
    huge_line(relay, log, topic, 10_000_000_000, 1700)


def test_a_full_disk_under_the_rejects(relay, log, topic):
    good = [line_of(make_event(number)) for number in (1, 2)]
    producer = relay.publish(topic, [good[0], b'{"event_type": 1}', good[1]], status=74, rejects="/dev/full")
    assert producer.logged("/dev/full")


def test_a_small_disk_under_the_rejects(relay, log, topic, tmpfs):
    """What fits is whole and counts; the line whose reject does not fit is not handled, and said with its place."""
    lines = [b'{"x":"' + b"y" * 3000 + b'"}' for _ in range(100)]
    producer = relay.publish(topic, lines, status=74, rejects=str(tmpfs / "rejects.ndjson"))
    text = (tmpfs / "rejects.ndjson").read_bytes()
    whole = [json.loads(line) for line in text.split(b"\n")[:-1]]
    assert 0 < len(whole) < 100
    assert [raw_of(reject) for reject in whole] == lines[:len(whole)]
    assert producer.logged("rejects.ndjson")


def test_a_rejects_file_in_no_folder(relay, topic):
    assert relay.publish(topic, [b"{}"], status=74, rejects=str(relay.folder / "no/such/folder/rejects.ndjson"))


@pytest.mark.parametrize("arguments, said", [
    (["--set", "rejects=input.ndjson"], "rejects: input.ndjson is the input itself"),
    (["--set", "rejects=./link"], "rejects: ./link is the input itself"),
    (["--checkpoint", "rejects.ndjson"], "checkpoint: rejects.ndjson is the rejects file"),
    (["--checkpoint", "new", "--set", "rejects=./new"], "checkpoint: new is the rejects file"),
])
def test_one_file_is_not_two(relay, topic, arguments, said):
    """A reject in the input would be read and rejected without end; a checkpoint would replace the rejects."""
    path = relay.folder / "input.ndjson"
    path.write_bytes(b"{}\n")
    (relay.folder / "link").symlink_to(path)
    for more in (["--check"], []):
        producer = relay.start_producer(topic, "--input", "input.ndjson", *arguments, *more)
        assert producer.wait() == 78
        assert said in producer.text()
    assert path.read_bytes() == b"{}\n"


def test_a_file_size_limit_under_the_rejects(relay, topic):
    path = relay.folder / "input.ndjson"
    path.write_bytes(b"{}\n")
    # Room for the log, which is a file as well, and for nothing behind this:
    (relay.folder / "rejects.ndjson").write_bytes(b"x" * 8191 + b"\n")
    producer = relay.start_producer(topic, "--input", path, wrapper=["prlimit", "--fsize=8192"])
    assert producer.wait() == 74
    assert producer.logged("File too large")
    assert (relay.folder / "rejects.ndjson").stat().st_size == 8192


# The broker


def test_one_too_large_among_199(relay, log):
    topic = log.make_topic(partitions=1, max_message_bytes=20_000)
    lines = [line_of(make_event(number)) for number in range(1, 201)]
    lines[120] = line_of(make_event(121, description=json.dumps("x" * 30_000)))
    producer = relay.publish(topic, lines, status=65)
    reject, = rejects(relay)
    assert reject["rule"].startswith("kafka.") and reject["line"] == 121
    assert raw_of(reject) == lines[120]
    found = [events.decode(record.value)["payload"]["id"] for record in log.read(topic)]
    assert found == [number for number in range(1, 201) if number != 121]
    assert (summary(producer)["published"], summary(producer)["rejected"]) == (199, 1)


def test_a_missing_topic_is_waited_for(relay, log):
    path = relay.folder / "input.ndjson"
    path.write_bytes(line_of(make_event()) + b"\n")
    producer = relay.start_producer("not-there-yet", "--input", path)
    said = producer.wait_logged("not-there-yet")
    assert any("kafka-topics" in line and "--create" in line for line in said), said
    holds_for(lambda: producer.is_running() and not log.exists("not-there-yet"), "waits and makes no topic", 2)
    assert len(producer.logged("not-there-yet")) <= 2
    log.make_topic("not-there-yet")
    assert producer.wait() == 0
    assert len(log.read("not-there-yet")) == 1


def test_a_broker_that_is_away_at_start_is_waited_for(relay, log, topic):
    path = relay.folder / "input.ndjson"
    path.write_bytes(line_of(make_event()) + b"\n")
    log.node.stop()
    producer = relay.start_producer(topic, "--input", path)
    producer.wait_logged(str(log.node.port))
    holds_for(producer.is_running, "waits", 3)
    lines = producer.text().count("\n")
    assert lines <= 8, f"one clear line, not a flood:\n{producer.text()}"
    log.node.start()
    assert producer.wait() == 0
    assert len(log.read(topic)) == 1


def test_startup_timeout(relay, topic):
    path = relay.folder / "input.ndjson"
    path.write_bytes(line_of(make_event()) + b"\n")
    port = free_port()
    producer = relay.start_producer(topic, "--input", path, settings={
        "kafka": {"bootstrap.servers": f"127.0.0.1:{port}"}, "startup_timeout": "1s"})
    assert producer.wait() == 69
    assert producer.logged(str(port))


def test_startup_timeout_without_the_topic(relay):
    path = relay.folder / "input.ndjson"
    path.write_bytes(line_of(make_event()) + b"\n")
    producer = relay.start_producer("never-there", "--input", path, settings={"startup_timeout": "1s"})
    assert producer.wait() == 69
    assert producer.logged("within startup_timeout.*kafka-topics.sh .*--create --topic never-there")


def test_a_broker_restart_in_the_middle(relay, log, topic):
    """Kill -9 of the broker under load: nothing is lost, nothing is there twice, each tenant's order is kept."""
    lines = lines_of_tenants(6000)
    producer = relay.start_producer(topic, stdin=subprocess.PIPE, settings={"in_flight": {"events": 500}})

    def feed():
        # It blocks while the producer takes nothing.
        with producer.process.stdin as pipe:
            for number, line in enumerate(lines):
                if number == len(lines) // 2:
                    pipe.flush()
                    killed.wait()
                pipe.write(line + b"\n")
    killed = threading.Event()
    feeder = threading.Thread(target=feed)
    feeder.start()
    wait_for(lambda: sum(log.ends(topic).values()) > 100, "some are on the log")
    log.node.kill()
    killed.set()
    log.node.start()
    feeder.join(30)
    assert producer.wait(30) == 0
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_a_full_house_stops_reading(relay, log, topic):
    """The broker answers nothing: only `in_flight` events are taken, then the pipe fills. It answers: all is well."""
    lines = lines_of_tenants(3000)
    data = b"".join(line + b"\n" for line in lines)
    producer = relay.start_producer(topic, stdin=subprocess.PIPE, settings={"in_flight": {"events": 50}})
    pipe = producer.process.stdin
    pipe.write(data[:len(lines[0]) + 1])
    pipe.flush()
    wait_for(lambda: sum(log.ends(topic).values()) == 1, "the first one")
    log.node.freeze()
    os.set_blocking(pipe.fileno(), False)
    written = len(lines[0]) + 1
    resident = producer.resident_bytes()

    def feed():
        nonlocal written
        try:
            written += os.write(pipe.fileno(), data[written:written + 65536])
        except BlockingIOError:
            pass
        return True
    holds_for(feed, "feeding", 2, 0.01)
    assert written < len(data) // 2, "it has stopped reading"
    assert producer.resident_bytes() < resident + (16 << 20)
    log.node.thaw()
    os.set_blocking(pipe.fileno(), True)
    pipe.write(data[written:])
    pipe.close()
    assert producer.wait() == 0
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


# Signals and settings


def test_sigterm_before_the_end_of_the_input(relay, log, topic):
    lines = lines_of_tenants(10)
    producer = relay.start_producer(topic, stdin=subprocess.PIPE)
    pipe = producer.process.stdin
    pipe.write(b"".join(line + b"\n" for line in lines))
    pipe.flush()
    wait_for(lambda: sum(log.ends(topic).values()) == 10, "all are on the log")
    producer.signal(signal.SIGTERM)
    assert producer.wait() == 75
    assert any(line.get("line") == 10 or line.get("lines") == 10 or line.get("read") == 10
               for line in producer.lines()), producer.text()
    assert len(log.read(topic)) == 10
    pipe.close()


def test_a_second_signal_cuts_at_once(relay, log, topic):
    producer = relay.start_producer(topic, stdin=subprocess.PIPE, settings={"drain": "60s"})
    pipe = producer.process.stdin
    lines = lines_of_tenants(2)
    pipe.write(lines[0] + b"\n")
    pipe.flush()
    wait_for(lambda: sum(log.ends(topic).values()) == 1, "the first is on the log")
    log.node.freeze()
    pipe.write(lines[1] + b"\n")
    pipe.flush()
    holds_for(producer.is_running, "has read the second", 0.5)
    producer.signal(signal.SIGTERM)
    producer.wait_logged("stopping")
    holds_for(producer.is_running, "waits for the broker", 1)
    producer.signal(signal.SIGTERM)
    status = producer.wait(5)
    log.node.thaw()
    pipe.close()
    assert status == 75
    said, = [line for line in producer.lines() if "stopped before the end" in line["msg"]]
    assert (said["line"], said["offset"]) == (2, len(lines[0]) + 1)


def test_the_first_signal_in_a_drain_is_no_second_one(relay, log, topic):
    """A failure has begun the drain: SIGTERM does not cut what is in the air."""
    producer = relay.start_producer(topic, stdin=subprocess.PIPE, settings={"drain": "20s", "on_invalid": "stop"})
    pipe = producer.process.stdin
    pipe.write(line_of(make_event(1)) + b"\n")
    pipe.flush()
    wait_for(lambda: sum(log.ends(topic).values()) == 1, "the first is on the log")
    log.node.freeze()
    pipe.write(line_of(make_event(2)) + b"\n{}\n")
    pipe.flush()
    producer.wait_logged("on_invalid is stop")
    producer.signal(signal.SIGTERM)
    producer.wait_logged("stopping")
    log.node.thaw()
    assert producer.wait() == 65
    pipe.close()
    assert sum(log.ends(topic).values()) == 2


@pytest.mark.parametrize("arguments, status, said", [
    (["--help"], 0, "in_flight.events"),
    (["--version"], 0, "librdkafka"),
    (["--no-such-option"], 64, "no-such-option"),
    (["--check"], 0, ""),
    (["--check", "--set", "in_flight.events=none"], 78, "in_flight.events"),
    (["--check", "--set", "no.such.key=1"], 78, "no.such.key"),
    (["--check", "--set", "kafka.enable.idempotence=false"], 78, "enable.idempotence"),
    (["--check", "--set", "kafka.acks=1"], 78, "acks"),
    (["--check", "--set", "kafka.partitioner=random"], 78, "partitioner"),
    (["--check", "--set", "checkpoint=/tmp/x"], 78, "checkpoint: standard input"),
    (["--check", "--format", "change", "--set", "on_invalid=stop"], 0, "settings are fine"),
    (["--check", "--format", "csv"], 64, "event or change"),
    (["--check", "--follow"], 78, "--follow: standard input"),
    (["--check", "--set", "topic=a b"], 78, "topic"),
])
def test_commands(relay, arguments, status, said):
    producer = relay.run(Producer, arguments)
    assert producer.wait() == status, producer.text()
    assert said in producer.text() + producer.output()


def test_settings_errors_have_a_place(relay):
    path = relay.folder / "bad.yaml"
    path.write_text("topic: incident.events\nin_flight:\n  events: many\nsurprise: 1\n")
    producer = relay.run(Producer, ["--check", "--config", path])
    assert producer.wait() == 78
    said = producer.text() + producer.output()
    assert f"{path}:3:" in said and "in_flight.events" in said
    assert f"{path}:4:" in said and "surprise" in said
