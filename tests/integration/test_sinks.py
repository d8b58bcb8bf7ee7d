"""The kafka and file sinks through the real programs: what is written, what is refused, what is waited for."""
import json
import os
import pathlib
import signal
import subprocess

import pytest

import events
from events import make_event, record_of
from waiting import holds_for, wait_for

OTHER_TENANT = 7002


def sink(name, tenant=7001, **sink_and_more):
    return {"id": name, "tenant": tenant, **sink_and_more}


def lines_of(path):
    path = pathlib.Path(path)
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def wait_lines(path, count):
    return wait_for(lambda: len(lines_of(path)) >= count and lines_of(path),
                    lambda: f"{count} lines in {path}; there are {len(lines_of(path))}")


def test_kafka_avro_passes_the_record_on(relay, log, topic):
    out = log.make_topic()
    relay.write_subscriptions(sink("lake", kafka={"topic": out}))
    relay.start_consumer(topic)
    records = events.records(20)
    log.produce(topic, records)
    log.produce(topic, [record_of(make_event(99, tenant=OTHER_TENANT))])
    log.wait_committed_to_end(relay.group_of(topic), topic)
    found = log.wait_for_records(out, 20)
    by_id = {record.header("ce_id"): record for record in log.read(topic) if record.key == b"7001"}
    assert len(by_id) == 20
    for record in found:
        source = by_id.pop(record.header("ce_id"))
        assert (record.key, record.value, record.headers, record.timestamp) == (
            source.key, source.value, source.headers, source.timestamp)


def test_kafka_json_is_the_body(relay, log, topic, receiver):
    """The same bytes that a webhook of the same events has."""
    out = log.make_topic()
    endpoint = receiver.endpoint("/hook")
    relay.write_subscriptions(sink("lake", kafka={"topic": out, "format": "json"}),
                              relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    log.produce(topic, events.records(10))
    bodies = {request.id: request.body for request in endpoint.wait_for(10)}
    for record in log.wait_for_records(out, 10):
        assert record.value == bodies.pop(record.header("ce_id").decode())
        assert record.key == b"7001"
        assert record.header("content-type") == b"application/json"
        assert record.header("ce_type").startswith(b"incident.instance.")


def test_kafka_order_within_an_incident(relay, log, topic):
    out = log.make_topic()
    relay.write_subscriptions(sink("lake", kafka={"topic": out, "format": "json"}))
    relay.start_consumer(topic)
    log.produce(topic, [record_of(make_event(1, description=json.dumps({"step": step}))) for step in range(30)])
    found = log.wait_for_records(out, 30)
    assert [json.loads(record.value)["payload"]["description"]["step"] for record in found] == list(range(30))


def test_kafka_too_large_is_refused_and_the_others_flow(relay, log, topic):
    out = log.make_topic(max_message_bytes=3000)
    relay.write_subscriptions(sink("lake", kafka={"topic": out}))
    relay.start_consumer(topic)
    log.produce(topic, [record_of(make_event(number, description=json.dumps("x" * (5000 if number == 5 else 10))))
                        for number in range(1, 11)])
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert len(log.wait_for_records(out, 9)) == 9
    letter, = log.wait_for_records(relay.dead_letters_of(topic), 1)
    assert letter.header("dl_reason") == b"refused"
    assert letter.header("dl_last_error") == b"too-large"
    assert letter.header("dl_attempts") == b"3"


def test_kafka_waits_for_a_topic_that_is_not_there(relay, log, topic):
    """An endpoint failure: the lane halts and nothing is given up; with the topic there everything arrives."""
    out = topic + "-out"
    relay.write_subscriptions(sink("lake", kafka={"topic": out}))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(10))
    consumer.wait_logged("UNKNOWN_TOPIC_OR_PART", timeout_s=40)
    assert log.committed(relay.group_of(topic), topic) != log.ends(topic)
    log.make_topic(out)
    assert len(log.wait_for_records(out, 10, timeout_s=40)) == 10
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert not log.exists(relay.dead_letters_of(topic)) or not log.read(relay.dead_letters_of(topic))


def test_kafka_topics_of_the_group_are_refused(relay, log, topic):
    relay.write_subscriptions(sink("loop", kafka={"topic": topic}))
    consumer = relay.start_consumer(topic, wait=False)
    assert consumer.wait() == 78
    assert "is a topic that this group reads (topics.events)" in consumer.text()


def test_file_lines_are_the_bodies(relay, log, topic, receiver):
    path = relay.folder / "out.ndjson"
    endpoint = receiver.endpoint("/hook")
    relay.write_subscriptions(sink("archive", file={"path": str(path)}), relay.subscription("crm", endpoint),
                              sink("other", OTHER_TENANT, file={"path": str(relay.folder / "other.ndjson"),
                                                                "fsync": "never"}))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(10))
    log.produce(topic, [record_of(make_event(99, tenant=OTHER_TENANT))])
    bodies = sorted(request.body for request in endpoint.wait_for(10))
    assert sorted(wait_lines(path, 10)) == bodies
    other, = wait_lines(relay.folder / "other.ndjson", 1)
    assert json.loads(other)["payload"]["tenant_id"] == OTHER_TENANT
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert consumer.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="which files a program holds open is told to root only")
def test_file_is_opened_anew_at_sighup(relay, log, topic):
    path = relay.folder / "out.ndjson"
    relay.write_subscriptions(sink("archive", file={"path": str(path)}))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(5))
    wait_lines(path, 5)
    os.rename(path, relay.folder / "out.ndjson.1")
    consumer.signal(signal.SIGHUP)
    held = f"/proc/{consumer.pid}/fd"
    wait_for(lambda: not any("out.ndjson" in os.readlink(f"{held}/{number}") for number in os.listdir(held)
                             if os.path.islink(f"{held}/{number}")), "the old file is let go of")
    log.produce(topic, [record_of(make_event(number)) for number in range(100, 105)])
    wait_lines(path, 5)
    assert len(lines_of(relay.folder / "out.ndjson.1")) == 5
    assert consumer.stop() == 0


def test_file_on_a_full_disk(relay, log, topic, tmpfs):
    """Whole lines only; nothing is given up; with room again everything is there."""
    path = tmpfs / "out.ndjson"
    filler = tmpfs / "filler"
    filler.write_bytes(b"x" * 120_000)
    relay.write_subscriptions(sink("archive", file={"path": str(path)}))
    consumer = relay.start_consumer(topic)
    records = [record_of(make_event(number, description=json.dumps("y" * 700))) for number in range(1, 41)]
    log.produce(topic, records)
    consumer.wait_logged("No space left on device")
    wait_for(lambda: consumer.metric("incident_consumer_lanes_halted") >= 1, "a halted lane")
    holds_for(lambda: all(json.loads(line) for line in lines_of(path)), "whole lines", 0.5)
    assert path.read_bytes()[-1:] in (b"", b"\n")
    filler.unlink()
    log.wait_committed_to_end(relay.group_of(topic), topic)
    ids = {json.loads(line)["payload"]["id"] for line in lines_of(path)}
    assert ids == set(range(1, 41))
    assert consumer.stop() == 0


def test_files_that_cannot_be_written_stop_nobody_else(relay, log, topic):
    """Each with its path and its reason; nothing is given up."""
    (relay.folder / "folder").mkdir()
    os.mkfifo(relay.folder / "pipe")
    good = relay.folder / "good.ndjson"
    bad = {"/dev/full": "No space left on device", str(relay.folder / "folder"): "Is a directory",
           str(relay.folder / "none/out"): "No such file or directory", str(relay.folder / "pipe"): "Invalid argument"}
    relay.write_subscriptions(sink("good", file={"path": str(good)}),
                              *(sink(f"bad{number}", file={"path": path}) for number, path in enumerate(bad)))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(5))
    wait_lines(good, 5)
    consumer.wait_metric("incident_consumer_lanes_halted", len(bad))
    said = {(line["path"], line["reason"]) for line in consumer.lines() if "reason" in line and "path" in line}
    assert said == set(bad.items())
    assert not log.read(relay.dead_letters_of(topic))
    assert consumer.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_file_of_somebody_else(relay, log, topic):
    """Written once its owner allows it."""
    path = relay.folder / "out.ndjson"
    path.touch(mode=0o600)
    os.chown(path, 65534, 65534)
    relay.write_subscriptions(sink("archive", file={"path": str(path)}))
    consumer = relay.start_consumer(topic, wrapper=["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"])
    log.produce(topic, events.records(5))
    consumer.wait_logged("Permission denied")
    path.chmod(0o666)
    wait_lines(path, 5)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert consumer.stop() == 0


def test_renamed_again_and_again_while_two_shards_write(relay, log, topic):
    """Every event in one of the files, in whole lines, whichever file its shard had open."""
    path = relay.folder / "out.ndjson"
    relay.write_subscriptions(sink("a", file={"path": str(path)}),
                              sink("b", OTHER_TENANT, file={"path": str(path), "fsync": "never"}))
    consumer = relay.start_consumer(topic, {"shards": 2})
    made = set()
    for number in range(10):
        batch = [(tenant, 100 * number + index) for tenant in (7001, OTHER_TENANT) for index in range(1, 41)]
        made.update(batch)
        log.produce(topic, [record_of(make_event(incident, tenant)) for tenant, incident in batch])
        if path.exists():
            path.rename(relay.folder / f"out.{number}.ndjson")
            consumer.signal(signal.SIGHUP)
    log.wait_committed_to_end(relay.group_of(topic), topic)
    payloads = [json.loads(line)["payload"] for file in relay.folder.glob("out*.ndjson") for line in lines_of(file)]
    assert {(payload["tenant_id"], payload["id"]) for payload in payloads} == made
    assert consumer.stop() == 0


TRACE = ["strace", "-qq", "-f", "--seccomp-bpf", "-e", "trace=fdatasync"]


@pytest.mark.parametrize("policy", ["always", "never"])
def test_the_fsync_policy(relay, log, topic1, policy):
    """always: an fsync that fails is an endpoint failure, and the event is written again. never: there is none."""
    if subprocess.run([*TRACE, "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("tracing is not allowed here")
    path, calls = relay.folder / "out.ndjson", relay.folder / "calls"
    relay.write_subscriptions(sink("archive", file={"path": str(path), "fsync": policy}))
    consumer = relay.start_consumer(topic1, wrapper=[*TRACE, "-o", str(calls), "-e",
                                                     "inject=fdatasync:error=EIO:when=1"])
    log.produce(topic1, events.records(1))
    log.wait_committed_to_end(relay.group_of(topic1), topic1)
    failed = len(consumer.logged("Input/output error"))  # strace counts for each thread of the pool
    assert (failed > 0) == (policy == "always")
    assert len(lines_of(path)) == failed + 1
    assert calls.read_text().count("fdatasync(") == (failed + 1 if policy == "always" else 0)
    consumer.kill()
