"""`on_invalid: stop`, `--checkpoint`, `--follow`, progress: a producer that can be left alone."""
import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import time

import pytest

import events
from events import line_of, make_event
from kafka_node import free_port
from programs import Producer, http_get
from test_producer import expected_by_tenant, incidents_by_tenant, lines_of_tenants, rejects, summary
from waiting import holds_for, wait_for

FIELDS = re.compile(r"incident-producer checkpoint 1\ninput (?P<input>.*)\ninode (?P<inode>\d+)\n"
                    r"head (?P<head>\d+) [0-9a-f]{16}\nline (?P<line>\d+)\noffset (?P<offset>\d+)\n"
                    r"(next \d+\n)*")


class Spool:
    """An input that grows, and the checkpoint beside it."""

    def __init__(self, relay, topic):
        self.relay = relay
        self.topic = topic
        self.path = relay.folder / "spool.ndjson"
        self.checkpoint = relay.folder / "spool.checkpoint"

    def append(self, lines, end=b"\n"):
        with open(self.path, "ab") as file:
            file.write(b"".join(line + b"\n" for line in lines[:-1]) + lines[-1] + end)

    def start(self, *more, **options):
        return self.relay.start_producer(self.topic, "--input", self.path, "--checkpoint", self.checkpoint, *more,
                                         **options)

    def run(self, *more, status=0, timeout_s=30.0, **options):
        producer = self.start(*more, **options)
        assert producer.wait(timeout_s) == status, producer.text()
        return producer

    def position(self):
        match = FIELDS.fullmatch(self.checkpoint.read_text())
        assert match, self.checkpoint.read_text()
        return int(match["line"]), int(match["offset"])


@pytest.fixture
def spool(relay, topic):
    return Spool(relay, topic)


def incidents(log, topic):
    return [events.decode(record.value)["payload"]["id"] for record in log.read(topic)]


def count(log, topic):
    return sum(log.ends(topic).values())


def assert_all_there(log, topic, lines):
    """Every event is on the log; the first of each come in the order of their tenant; doubles have the same id."""
    firsts = {}
    ids = {}
    for record in log.read(topic):
        payload = events.decode(record.value)["payload"]
        order = firsts.setdefault(payload["tenant_id"], [])
        if payload["id"] not in order:
            order.append(payload["id"])
        ids.setdefault((payload["tenant_id"], payload["id"]), set()).add(record.header("ce_id"))
    assert firsts == expected_by_tenant(lines)
    assert all(len(found) == 1 for found in ids.values())


# on_invalid: stop


def test_stop_at_the_first_reject(relay, log, topic1):
    lines = [line_of(make_event(1)), line_of(make_event(2)), b'{"event_type":"x"}', line_of(make_event(3))]
    producer = relay.publish(topic1, lines, status=65, on_invalid="stop")
    assert incidents(log, topic1) == [1, 2]
    reject, = rejects(relay)
    assert reject["line"] == 3
    said, = [line for line in producer.lines() if "on_invalid is stop" in line["msg"]]
    assert (said["line"], said["offset"], said["rule"]) == (3, len(lines[0]) + len(lines[1]) + 2, reject["rule"])
    after, = [line for line in producer.lines() if "stopped before the end" in line["msg"]]
    assert (after["line"], after["offset"]) == (4, said["offset"] + len(lines[2]) + 1)
    assert (summary(producer)["published"], summary(producer)["rejected"]) == (2, 1)


def test_stop_at_a_long_line(relay, log, topic1):
    lines = [line_of(make_event(1)), b" " * 300_000, line_of(make_event(3))]
    relay.publish(topic1, lines, status=65, on_invalid="stop")
    assert incidents(log, topic1) == [1]
    assert [reject["rule"] for reject in rejects(relay)] == ["line.size"]


def test_stop_when_the_broker_refuses(relay, log):
    topic = log.make_topic(partitions=1, max_message_bytes=20_000)
    lines = [line_of(make_event(number)) for number in range(1, 2001)]
    lines[20] = line_of(make_event(21, description='"' + "x" * 30_000 + '"'))
    producer = relay.publish(topic, lines, status=65, on_invalid="stop", in_flight={"events": 50})
    assert [reject["line"] for reject in rejects(relay)] == [21]
    found = incidents(log, topic)
    assert 21 not in found and len(found) < 1999
    position, = [line for line in producer.lines() if "stopped before the end" in line["msg"]]
    assert found == [number for number in range(1, position["line"]) if number != 21]


def test_stop_without_a_reject(relay, log, topic1):
    relay.publish(topic1, [line_of(make_event(1)), b""], on_invalid="stop")
    assert incidents(log, topic1) == [1]


def test_a_stopped_run_goes_on_behind_the_reject(spool, log, topic):
    spool.append([line_of(make_event(1)), b"{}", line_of(make_event(2))])
    spool.run("--set", "on_invalid=stop", status=65)
    assert spool.position()[0] == 3
    spool.run("--set", "on_invalid=stop")
    assert sorted(incidents(log, topic)) == [1, 2]
    assert len(rejects(spool.relay)) == 1


# Progress


def run_on_terminal(relay, topic, lines, seconds):
    """What a producer says on a terminal while its input stays open for so long."""
    settings = relay.write_settings("terminal.yaml", relay.producer_settings(topic))
    master, slave = pty.openpty()
    process = subprocess.Popen([str(relay.bin / Producer.name), "--config", settings], stdin=subprocess.PIPE,
                               stderr=slave, stdout=subprocess.DEVNULL)
    os.close(slave)
    process.stdin.write(b"".join(line + b"\n" for line in lines))
    process.stdin.flush()
    said = b""
    end = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > end and not process.stdin.closed:
            process.stdin.close()
        if select.select([master], [], [], 0.1)[0]:
            try:
                said += os.read(master, 65536)
            except OSError:
                break
    os.close(master)
    assert process.wait(10) == 0
    (relay.folder / "terminal.out").write_bytes(said)  # to be searched for what must not be told
    return [line for line in said.decode().splitlines() if re.search(r'msg"?[:=]"?progress\b', line)]


def test_progress_on_a_terminal(relay, topic):
    said = run_on_terminal(relay, topic, lines_of_tenants(7), 5)
    assert len(said) == 1, said  # nothing new came after the first
    assert re.search(r'"read":7\b|\bread=7\b', said[-1]) and "\x1b" not in said[-1]


def test_no_progress_for_a_short_run(relay, topic):
    assert run_on_terminal(relay, topic, lines_of_tenants(7), 0.5) == []


def test_no_progress_elsewhere(relay, log, topic):
    producer = relay.start_producer(topic, stdin=subprocess.PIPE)
    producer.process.stdin.write(line_of(make_event()) + b"\n")
    producer.process.stdin.flush()
    wait_for(lambda: count(log, topic) == 1, "it is on the log")
    holds_for(lambda: not producer.logged("progress"), "says nothing", 3)
    producer.process.stdin.close()
    assert producer.wait() == 0


# The checkpoint


def test_a_checkpoint_names_input_and_position(spool, log, topic):
    lines = lines_of_tenants(20)
    spool.append(lines)
    producer = spool.run()
    assert spool.position() == (21, spool.path.stat().st_size)
    match = FIELDS.fullmatch(spool.checkpoint.read_text())
    assert match["input"] == f'"{spool.path}"'
    assert int(match["inode"]) == spool.path.stat().st_ino
    assert int(match["head"]) == 4096
    assert (summary(producer)["began_line"], summary(producer)["began_offset"]) == (1, 0)
    assert not spool.checkpoint.with_name("spool.checkpoint.new").exists()
    assert events.CANARY not in spool.checkpoint.read_text()


def test_the_next_run_goes_on_there(spool, log, topic):
    lines = lines_of_tenants(30)
    spool.append(lines[:3])
    spool.run()
    again = spool.run()
    assert (summary(again)["read"], summary(again)["began_line"]) == (0, 4)
    offset = spool.path.stat().st_size
    spool.append(lines[3:] + [b"{}"])
    more = spool.run(status=65)
    assert (summary(more)["read"], summary(more)["began_line"], summary(more)["began_offset"]) == (28, 4, offset)
    reject, = rejects(spool.relay)
    assert (reject["line"], reject["offset"]) == (31, spool.path.stat().st_size - 3)
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_a_line_without_its_newline_is_ended_later(spool, log, topic):
    spool.append([line_of(make_event(1)), line_of(make_event(2))], end=b"")
    spool.run()
    spool.append([b"", line_of(make_event(3)), b"{}"])
    producer = spool.run(status=65)
    assert (summary(producer)["began_line"], summary(producer)["blank"]) == (3, 0)
    assert sorted(incidents(log, topic)) == [1, 2, 3]
    assert [reject["line"] for reject in rejects(spool.relay)] == [4]


def refused(spool, *words):
    before = spool.checkpoint.read_text()
    producer = spool.run(status=78)
    said = [line for line in producer.lines() if line["level"] == "error"]
    assert len(said) == 1 and all(word in said[0]["reason"] for word in words), producer.text()
    assert spool.checkpoint.read_text() == before
    check = spool.run("--check", status=78)
    assert all(word in check.text() for word in words), check.text()


def test_another_input_is_refused(spool, log, topic):
    spool.append(lines_of_tenants(5))
    spool.run()
    original = spool.path
    other = spool.relay.folder / "other.ndjson"
    other.write_bytes(original.read_bytes())
    spool.path = other
    refused(spool, str(original), "move the checkpoint away")
    # The same name and the same bytes, but another file.
    spool.path = original
    os.rename(other, original)
    refused(spool, "the inode differs")
    assert count(log, topic) == 5


def test_a_changed_input_is_refused(spool, log, topic):
    lines = lines_of_tenants(10)
    spool.append(lines)
    spool.run()
    whole = spool.path.read_bytes()
    os.truncate(spool.path, len(whole) - 10)
    refused(spool, "shorter")
    with open(spool.path, "r+b") as file:
        file.write(whole.replace(b"TRIGGERED", b"triggered"))
    refused(spool, "beginning")
    with open(spool.path, "r+b") as file:
        file.write(whole[:-1] + b"xyz\n")
    refused(spool, "goes on")
    assert count(log, topic) == 10


@pytest.mark.parametrize("text", ["", "incident-producer checkpoint 2\n", "line 1\n"])
def test_what_is_no_checkpoint_is_refused(spool, text):
    spool.append(lines_of_tenants(1))
    spool.checkpoint.write_text(text)
    refused(spool, "is no checkpoint")


def test_standard_input_has_no_checkpoint(relay, topic):
    producer = relay.start_producer(topic, "--checkpoint", "c")
    assert producer.wait() == 78
    assert "checkpoint: standard input" in producer.text()
    os.mkfifo(relay.folder / "pipe")
    producer = relay.start_producer(topic, "--checkpoint", "c", "--input", relay.folder / "pipe")
    assert producer.wait() == 78
    assert producer.logged("no regular file")


def test_a_checkpoint_that_cannot_be_written(spool, log, topic):
    spool.append(lines_of_tenants(3))
    spool.checkpoint = spool.relay.folder / "no/folder/checkpoint"
    assert spool.run(status=74).logged("no/folder")
    spool.checkpoint = spool.relay.folder / "c"
    (spool.relay.folder / "c.new").mkdir()
    assert spool.run(status=74).logged("the checkpoint cannot be written")


def test_one_checkpoint_is_one_producers(spool, log, topic):
    spool.append(lines_of_tenants(5))
    first = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 5, "all five")
    assert spool.run(status=74).logged("another producer")
    assert spool.run("--check").output().startswith("settings are fine")
    assert first.stop() == 0
    spool.run()
    assert count(log, topic) == 5


def test_sigterm_in_the_middle_of_a_file(spool, log, topic):
    lines = lines_of_tenants(20_000)
    spool.append(lines)
    producer = spool.start(settings={"in_flight": {"events": 20}})
    wait_for(lambda: count(log, topic) > 50, "some are on the log")
    producer.signal(signal.SIGTERM)
    assert producer.wait() == 75
    said, = [line for line in producer.lines() if "stopped before the end" in line["msg"]]
    assert spool.position() == (said["line"], said["offset"])
    assert said["offset"] == sum(len(line) + 1 for line in lines[:said["line"] - 1])
    rest = spool.run()
    assert summary(rest)["began_line"] == said["line"]
    # Nothing was cut, so nothing is there twice.
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def kills(count, relay, log, topic, spool, lines, seed):
    """Killed at random `count` times, then run to the end."""
    source = random.Random(seed)
    began = 1
    for _ in range(count):
        producer = spool.start(settings={"in_flight": {"events": 40}})
        target = count_now = sum(log.ends(topic).values())
        target += source.randrange(1, len(lines) // (2 * count))
        wait_for(lambda: sum(log.ends(topic).values()) >= target or not producer.is_running(), f"{count_now} and more")
        if not producer.is_running():
            break
        producer.kill()
        line, offset = spool.position()
        assert line >= began and offset == sum(len(line) + 1 for line in lines[:line - 1])
        began = line
    last = spool.run(timeout_s=30 + len(lines) / 1000)
    assert summary(last)["began_line"] == began
    assert spool.position()[0] == len(lines) + 1
    assert_all_there(log, topic, lines)


def test_killed_at_random(relay, log, topic, spool):
    lines = lines_of_tenants(12_000, tenants=7)
    spool.append(lines)
    kills(4, relay, log, topic, spool, lines, seed=11)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_at_random_500_times(relay, log, topic, spool):
    lines = lines_of_tenants(400_000, tenants=50)
    spool.append(lines)
    kills(500, relay, log, topic, spool, lines, seed=12)


STRACE = ["strace", "-qq", "-o", "/dev/null", "-f"]


def can_trace():
    return subprocess.run([*STRACE, "-e", "trace=getpid", "true"], capture_output=True).returncode == 0


@pytest.mark.parametrize("call, number", [
    ("write", 1), ("write", 3), ("write", 5), ("write", 8), ("write", 13), ("write", 21),
    ("rename", 1), ("rename", 2), ("fsync", 1), ("fsync", 2), ("fsync", 3), ("fsync", 4), ("fdatasync", 1),
    ("fdatasync", 2)])
def test_killed_at_a_write(relay, log, topic, spool, call, number):
    """The call is not made: the program ends right before it. Then a run to the end."""
    if not can_trace():
        pytest.skip("tracing is not allowed here")
    lines = lines_of_tenants(300)
    bad = [b'{"number":%d}' % number for number in range(12)]
    mixed = [line for index, good in enumerate(lines) for line in ([good] if index % 25 else [good, bad[index // 25]])]
    spool.append(mixed)
    killed = spool.start(wrapper=[*STRACE, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}"],
                         settings={"in_flight": {"events": 30}})
    assert killed.wait() == -signal.SIGKILL, killed.text()
    assert spool.start().wait() in (0, 65)  # it depends on whether the last reject was behind the checkpoint
    assert spool.position()[0] == len(mixed) + 1
    assert_all_there(log, topic, lines)
    found = [reject["raw"].encode() for reject in rejects_but_torn(relay)]
    assert sorted(set(found)) == sorted(bad)


def rejects_but_torn(relay):
    """A reject may be there twice, and a line that was cut off by a kill once."""
    found = []
    for line in (relay.folder / "rejects.ndjson").read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            assert line.startswith('{"input"')
    return found


# Following


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_a_growing_file_is_followed(spool, log, topic):
    lines = lines_of_tenants(40)
    spool.append(lines[:10])
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 10, "the first ten")
    spool.append(lines[10:20], end=b"")  # the last one is not ended
    wait_for(lambda: count(log, topic) == 19, "nine more")
    holds_for(lambda: count(log, topic) == 19, "half a line is not taken", 1)
    spool.append([b"", *lines[20:]])
    wait_for(lambda: count(log, topic) == 40, "the rest")
    used = cpu_seconds(producer.pid)
    holds_for(producer.is_running, "waits for more", 3)
    assert cpu_seconds(producer.pid) - used < 0.5, "waiting costs next to nothing"
    assert producer.stop() == 0
    assert spool.position() == (41, spool.path.stat().st_size)
    assert summary(producer)["published"] == 40
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_half_a_line_is_left_for_the_next_run(spool, log, topic):
    lines = lines_of_tenants(3)
    spool.append([lines[0], lines[1][:20]], end=b"")
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 1, "the first")
    assert producer.stop() == 0
    assert spool.position() == (2, len(lines[0]) + 1)
    spool.append([lines[1][20:], lines[2]])
    spool.run()
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_rotation_by_rename(spool, log, topic):
    lines = lines_of_tenants(60)
    spool.append(lines[:20])
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 20, "the first twenty")
    old = spool.path.with_name("spool.ndjson.1")
    os.rename(spool.path, old)
    with open(old, "ab") as file:  # its writer still has it open
        file.write(b"".join(line + b"\n" for line in lines[20:30]))
    wait_for(lambda: count(log, topic) == 30, "what was appended after the renaming")
    spool.append(lines[40:])
    with open(old, "ab") as file:
        file.write(b"".join(line + b"\n" for line in lines[30:39]) + lines[39])
    wait_for(lambda: count(log, topic) == 60, "the new file")
    said, = producer.wait_logged("taken its name")
    assert '"lines":40' in said
    assert not producer.logged("renamed while nobody read it")
    assert producer.stop() == 0
    assert spool.position() == (21, spool.path.stat().st_size)
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_what_a_late_writer_appends_is_told(spool, log, topic):
    lines = lines_of_tenants(3)
    spool.append(lines[:1])
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 1, "the first")
    old = spool.path.with_name("spool.ndjson.1")
    os.rename(spool.path, old)
    spool.append(lines[1:2])
    producer.wait_logged("taken its name")
    with open(old, "ab") as file:
        file.write(lines[2] + b"\n")
    said, = producer.wait_logged("was left")
    said = json.loads(said)
    assert (said["level"], said["inode"], said["offset"], said["bytes"]) == (
        "error", old.stat().st_ino, len(lines[0]) + 1, len(lines[2]) + 1)
    assert producer.stop() == 0
    assert count(log, topic) == 2


def test_rotated_several_times_while_the_broker_is_away(spool, log, topic):
    lines = lines_of_tenants(50)
    spool.append(lines[:10])
    producer = spool.start("--follow", settings={"in_flight": {"events": 5}})
    wait_for(lambda: count(log, topic) == 10, "the first ten")
    log.node.freeze()
    for turn in range(1, 5):
        spool.append(lines[10 * turn:10 * turn + 5])
        os.rename(spool.path, spool.path.with_name(f"old.{turn}"))
        spool.append(lines[10 * turn + 5:10 * turn + 10])
        holds_for(producer.is_running, "sees the new file", 1.2)
    log.node.thaw()
    wait_for(lambda: count(log, topic) == 50, "all of them", 30)
    assert producer.stop() == 0
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_rotated_while_it_was_away(spool, log, topic):
    lines = lines_of_tenants(30)
    spool.append(lines[:10])
    spool.run()
    spool.append(lines[10:20])
    os.rename(spool.path, spool.path.with_name("spool.ndjson.1"))
    spool.append(lines[20:])
    refused(spool, "the inode differs")
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 30, "both files")
    assert len(producer.logged("renamed while nobody read it")) == 1
    assert producer.stop() == 0
    assert summary(producer)["began_line"] == 11
    assert spool.position() == (11, spool.path.stat().st_size)
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_renamed_twice_while_it_was_away(spool, log, topic):
    """The file in between is named, never passed over."""
    lines = lines_of_tenants(40)
    spool.append(lines[:10])
    spool.run()
    spool.append(lines[10:20])
    os.rename(spool.path, spool.path.with_name("spool.ndjson.2"))
    between = spool.path.with_name("spool.ndjson.1")
    between.write_bytes(b"".join(line + b"\n" for line in lines[20:30]))
    # Whatever the clock's grain: it was written later.
    stamp = spool.path.with_name("spool.ndjson.2").stat().st_mtime_ns + 1_000_000
    os.utime(between, ns=(stamp, stamp))
    spool.append(lines[30:])
    before = spool.checkpoint.read_text()
    refusal = spool.run("--follow", status=78)
    assert refusal.logged("renamed more than once") and refusal.logged(r"spool\.ndjson\.1\b")
    assert spool.checkpoint.read_text() == before and count(log, topic) == 10
    # What the line says to do.
    for file in (spool.path.with_name("spool.ndjson.2"), between):
        assert spool.relay.start_producer(topic, "--input", file).wait() == 0
    spool.checkpoint.unlink()
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 50, "the new file")
    assert producer.stop() == 0
    assert_all_there(log, topic, lines)


def test_a_small_file_is_truncated_again_and_again(spool, log, topic):
    """Truncated between the acknowledgement and the checkpoint, whose head was not whole yet."""
    lines = lines_of_tenants(12, tenants=1)
    spool.path.touch()
    producer = spool.start("--follow")
    for number, line in enumerate(lines, 1):
        spool.append([line])
        wait_for(lambda: count(log, topic) == number, "the line")
        os.truncate(spool.path, 0)
        producer.wait_logged("shorter", number)
    assert producer.stop() == 0
    assert incidents(log, topic) == list(expected_by_tenant(lines).values())[0]


def test_truncation_begins_anew(spool, log, topic):
    lines = lines_of_tenants(25)
    spool.append(lines[:20])
    producer = spool.start("--follow")
    wait_for(lambda: count(log, topic) == 20, "the first twenty")
    os.truncate(spool.path, 0)
    producer.wait_logged("shorter")
    spool.append(lines[20:])
    wait_for(lambda: count(log, topic) == 25, "the new lines")
    assert producer.stop() == 0
    assert spool.position() == (6, spool.path.stat().st_size)
    assert incidents_by_tenant(log.read(topic)) == expected_by_tenant(lines)


def test_sigterm_before_all_is_acknowledged(spool, log, topic):
    lines = lines_of_tenants(50)
    spool.append(lines[:10])
    producer = spool.start("--follow", settings={"drain": "500ms", "in_flight": {"events": 5}})
    wait_for(lambda: count(log, topic) == 10, "the first ten")
    log.node.freeze()
    spool.append(lines[10:])
    holds_for(producer.is_running, "has read some", 1)
    producer.signal(signal.SIGTERM)
    status = producer.wait()
    log.node.thaw()
    assert status == 75
    assert spool.position()[0] == 11
    producer = spool.start("--follow")
    wait_for(lambda: spool.position()[0] == 51, "all of it")
    assert producer.stop() == 0
    assert_all_there(log, topic, lines)


def published(producer):
    """Events that this run has published, as its admin listener says."""
    text = http_get(producer.admin_port, "/metrics")[1]
    found = re.search(r"^incident_producer_events_published_total (\d+)$", text, re.M)
    return int(found.group(1)) if found else 0


def test_killed_while_it_follows(spool, log, topic):
    """Renamed in each run, and killed while the old file or the new one is read."""
    lines = lines_of_tenants(3000)
    spool.append(lines[:250])
    for turn in range(6):
        admin = {"listen": f"127.0.0.1:{free_port()}"}
        producer = spool.start("--follow", settings={"in_flight": {"events": 40}, "admin": admin})
        # Its own word for it: what the killed one had on its way may come to the log later than this run begins.
        wait_for(lambda: published(producer) > 0, "it publishes")
        os.rename(spool.path, spool.path.with_name(f"old.{turn}"))
        spool.append(lines[500 * turn + 250:500 * turn + 500])
        if turn % 2:
            producer.wait_logged("taken its name")
        producer.kill()
        spool.append(lines[500 * turn + 500:500 * turn + 750] or [b""])
    producer = spool.start("--follow")
    wait_for(lambda: spool.position() == (252, spool.path.stat().st_size), spool.checkpoint.read_text, 30)
    assert producer.stop() == 0
    assert_all_there(log, topic, lines)


def test_only_a_file_can_be_followed(relay, topic):
    producer = relay.start_producer(topic, "--follow")
    assert producer.wait() == 78
    assert "--follow: standard input" in producer.text()
    os.mkfifo(relay.folder / "pipe")
    producer = relay.start_producer(topic, "--follow", "--input", relay.folder / "pipe")
    assert producer.wait() == 66
