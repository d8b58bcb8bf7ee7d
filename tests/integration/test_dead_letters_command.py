"""`incident-consumer dead-letters list|show`: letters that the real consumer has written, found, filtered and shown."""
import base64
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

import events
from events import HEADER, encode_body, make_event, record_of, to_avro
from kafka_clients import Record
from kafka_node import free_port
from programs import Consumer, make_secret
from waiting import wait_for

# Not the canary: `show` is made to tell what is in the event.
NOTE = '{"text":"as it was written, 1.0 and \\u00e9"}'
LIST_KEYS = ["position", "timestamp", "key", "tenant", "ce_id", "ce_type", "origin"]
TRIED = ["dl_reason", "dl_group", "dl_subscription", "dl_attempts", "dl_first_attempt_at", "dl_last_error",
         "dl_origin_topic", "dl_origin_partition", "dl_origin_offset"]
UNTRIED = [name for name in TRIED if name not in ("dl_subscription", "dl_attempts", "dl_first_attempt_at",
                                                  "dl_last_error")]


def note_event(incident, tenant=7001, **fields):
    return make_event(incident, tenant, description=NOTE, **fields)


def ask(relay, topic, *arguments, status=0, timeout_s=30, **settings):
    """Runs the command to its end: (standard output, standard error)."""
    path = relay.write_settings("ask.yaml", relay.consumer_settings(topic, **settings))
    program = relay.run(Consumer, ["dead-letters", *arguments, "--config", path])
    found = program.wait(timeout_s)
    assert found == status, f"exit status {found}:\n{program.text()}{program.output()}"
    return program.output(), program.text()


def ask_list(relay, topic, *arguments):
    """The JSON lines."""
    return [json.loads(line) for line in ask(relay, topic, "list", "--json", *arguments)[0].splitlines()]


def write_letters(log, topic, letters):
    """What the relay writes, by hand: for a topic that a test fills itself."""
    log.make_topic(topic, partitions=3)
    log.produce(topic, letters)
    return letters


def letter_of(event, reason="refused", subscription="crm", **more):
    headers = [("dl_reason", reason.encode()), ("dl_group", b"g"), ("dl_subscription", subscription.encode()),
               ("dl_origin_topic", b"t"), ("dl_origin_partition", b"0"), ("dl_origin_offset", b"1")]
    record = record_of(event, **more)
    record.headers += headers
    return record


class Letters:
    """A topic on which the real consumer has given up four events, each for another reason."""

    def __init__(self, relay, log, topic, receiver):
        def answer(request):
            return {1: 422, 2: 500}.get(request.incident, 200)
        endpoint = receiver.endpoint("/hook", [make_secret()], answer)
        relay.write_subscriptions(relay.subscription("crm", endpoint), relay.subscription("audit", endpoint, tenant=8001))
        self.topic = topic
        self.consumer = relay.start_consumer(topic, {"retry": {"schedule": ["0s", "50ms"]}, "lane": {"halt_after": 1000}})
        self.refused = record_of(note_event(1))
        self.exhausted = record_of(note_event(2, 8001))
        datum = to_avro(note_event(3))
        datum["payload"]["session"]["uuid"] = "05b6e6e3"
        self.undecodable = Record(HEADER + encode_body(datum), b"7001", [("ce_id", b"broken"), ("x", None), ("y", b"\xff\x1b[2J")],
                                  1_700_000_000_123)
        self.mismatch = record_of(note_event(4), key=b"crm")
        letters = relay.dead_letters_of(topic)
        log.produce(topic, [self.refused, self.exhausted, self.undecodable, self.mismatch])
        other = 100
        deadline = time.monotonic() + 30
        # Others of tenant 8001 get through between the attempts, or the failures would not count.
        while not (log.exists(letters) and sum(log.ends(letters).values()) == 4):
            assert time.monotonic() < deadline, "the dead letters are not written"
            log.produce(topic, [record_of(note_event(other, 8001))])
            other += 1
        self.records = {letter.header("dl_reason").decode(): letter for letter in log.read(letters)}

    def position(self, reason):
        record = self.records[reason]
        return f"{record.partition}:{record.offset}"


@pytest.fixture
def letters(relay, log, topic, receiver):
    return Letters(relay, log, topic, receiver)


UNDECODABLE = "undecodable.session.uuid.uuid"


def test_what_the_consumer_gave_up_is_listed_filtered_and_shown(relay, log, letters):
    topic = letters.topic
    assert letters.records.keys() == {"refused", "exhausted", UNDECODABLE, "key.mismatch"}
    found = ask_list(relay, topic)
    places = [tuple(map(int, item["position"].split(":"))) for item in found]
    assert len(found) == 4 and places == sorted(places), "by partition and offset"
    by_reason = {item["dl_reason"]: item for item in found}
    expected = {"refused": letters.refused, "exhausted": letters.exhausted, UNDECODABLE: letters.undecodable,
                "key.mismatch": letters.mismatch}
    for reason, record in expected.items():
        item = by_reason[reason]
        written = letters.records[reason]
        assert list(item) == LIST_KEYS + (TRIED if reason in ("refused", "exhausted") else UNTRIED)
        assert item["position"] == letters.position(reason)
        assert item["key"] == record.key.decode()
        assert item["tenant"] == (int(record.key) if record.key.isdigit() else None)
        assert item["ce_id"] == record.header("ce_id").decode()
        assert item["origin"] == f"{topic}:{record.partition}:{record.offset}"
        assert item["timestamp"] == events.sent_time(record.timestamp)
        assert {name: item[name] for name in item if name.startswith("dl_")} == {
            name: value.decode() for name, value in written.headers if name.startswith("dl_")}
    assert by_reason["refused"]["ce_type"] == "incident.instance.updated"
    assert by_reason[UNDECODABLE]["ce_type"] is None
    assert by_reason["exhausted"]["dl_last_error"] == "http 500"
    filters(relay, topic, by_reason)
    check_shown(relay, letters)
    # It has read, and left no trace: no group of its own, nothing committed on the dead letters.
    assert log.committed(relay.group_of(topic), relay.dead_letters_of(topic)) == {}


def filters(relay, topic, by_reason):
    def reasons(*arguments):
        return {item["dl_reason"] for item in ask_list(relay, topic, *arguments)}
    every = set(by_reason)
    assert reasons("--reason", "refused") == {"refused"}
    assert reasons("--reason", "undecodable") == reasons("--reason", UNDECODABLE) == {UNDECODABLE}
    assert reasons("--reason", "undecodable.avro") == set()
    assert reasons("--subscription", "audit") == {"exhausted"}
    assert reasons("--subscription", "crm") == {"refused"}
    assert reasons("--tenant", "7001") == {"refused", UNDECODABLE}
    assert reasons("--tenant", "7001", "--reason", "undecodable") == {UNDECODABLE}
    # The time of the first attempt where there was one, else the record's own: only the undecodable is of 2023.
    assert reasons("--from", "-1h") == every - {UNDECODABLE}
    assert reasons("--to", "-1h") == {UNDECODABLE}
    assert reasons("--from", "1700000000123", "--to", "1700000000124") == {UNDECODABLE}
    assert reasons("--from", "1700000000124", "--to", "-1h") == set()
    assert reasons("--to", "2023-11-14T23:13:20.123+01:00") == set(), "before, not at"
    first = events.micros(by_reason["refused"]["dl_first_attempt_at"]) // 1000
    assert "refused" in reasons("--from", str(first)) and "refused" not in reasons("--from", str(first + 1))
    assert len(ask_list(relay, topic, "--limit", "3")) == 3
    assert [item["position"] for item in ask_list(relay, topic, "--limit", "1")] == [
        min((item["position"] for item in by_reason.values()), key=lambda text: tuple(map(int, text.split(":"))))]


def check_shown(relay, letters):
    topic = letters.topic
    # Readable: the event as its subscriber gets it, to the byte.
    for reason, record in (("refused", letters.refused), ("exhausted", letters.exhausted)):
        line = ask(relay, topic, "show", letters.position(reason), "--json")[0]
        event = events.line_of(events.decode(record.value)).decode()
        assert line.endswith(f',"event":{event}}}\n')
        item = json.loads(line)
        assert item["id"] == record.header("ce_id").decode() and item["value_bytes"] == len(record.value)
        assert [(header["name"], header["value"].encode()) for header in item["headers"]] == letters.records[reason].headers
    # What nobody could read: which rule, where, and the bytes.
    item = json.loads(ask(relay, topic, "show", letters.position(UNDECODABLE), "--json")[0])
    assert (item["rule"], item["pointer"]) == ("session.uuid.uuid", "/payload/session/uuid")
    assert base64.b64decode(item["value_base64"]) == letters.undecodable.value and item["value_cut"] is False
    assert item["headers"][:3] == [{"name": "ce_id", "value": "broken"}, {"name": "x", "value": None},
                                   {"name": "y", "value_base64": base64.b64encode(b"\xff\x1b[2J").decode()}]
    assert "event" not in item
    # The key is wrong, the event is readable.
    item = json.loads(ask(relay, topic, "show", letters.position("key.mismatch"), "--json")[0])
    assert (item["rule"], item["key"], item["tenant"]) == ("key.mismatch", "crm", None)
    assert item["event"]["payload"]["id"] == 4

    text, _ = ask(relay, topic, "show", letters.position("refused"))
    assert text.startswith(f"dead letter {relay.dead_letters_of(topic)}:{letters.position('refused')}\ntimestamp 20")
    names = re.findall(r"^  ([\w-]+): ", text.partition("headers\n")[2].partition("event ")[0], re.MULTILINE)
    assert names == [name for name, _ in letters.records["refused"].headers]
    shown = json.loads(text[text.index("\n{\n"):])
    assert shown == json.loads(events.line_of(events.decode(letters.refused.value)))
    assert '    "description": {\n      "text": "as it was written, 1.0 and \\u00e9"\n    },\n' in text
    text, _ = ask(relay, topic, "show", letters.position(UNDECODABLE))
    assert f"cannot be read: {UNDECODABLE} at /payload/session/uuid\n  0000  c3 01 " in text
    assert "  x (null)\n  y: \\xff\\x1b[2J\n" in text and "\x1b" not in text


def test_plain_lines_and_the_count(relay, letters):
    out, said = ask(relay, letters.topic, "list", "--tenant", "7001")
    rows = [line.split("\t") for line in out.splitlines()]
    assert {row[2]: (row[0], *row[3:8]) for row in rows} == {
        "refused": (letters.position("refused"), "crm", "7001", "3", "http 422",
                    f"{letters.topic}:{letters.refused.partition}:{letters.refused.offset}"),
        UNDECODABLE: (letters.position(UNDECODABLE), "-", "7001", "-", "-",
                      f"{letters.topic}:{letters.undecodable.partition}:{letters.undecodable.offset}")}
    assert {len(row) for row in rows} == {10}
    assert said == f"2 found, of 4 read, in {relay.dead_letters_of(letters.topic)} (4 partitions)\n"
    _, said = ask(relay, letters.topic, "list", "--limit", "1")
    assert said.startswith("1 found, of ") and said.endswith("; ended by --limit, there may be more\n")
    out, said = ask(relay, letters.topic, "list", "--subscription", "nobody")
    assert out == "" and said.startswith("0 found, of 4 read")


def in_terminal(relay, topic, arguments, columns, out_is_terminal=True):
    """Starts the command with a terminal of that width for standard error, and for standard output if asked:
    (process, the terminal's other end)."""
    path = relay.write_settings("ask.yaml", relay.consumer_settings(topic, log={"format": "auto"}))
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    process = subprocess.Popen([relay.bin / Consumer.name, "dead-letters", *arguments, "--config", path],
                               stdin=subprocess.DEVNULL, stdout=slave if out_is_terminal else subprocess.PIPE, stderr=slave)
    os.close(slave)
    return process, master


def read_terminal(master, timeout_s=30):
    """Everything until the last writer is gone."""
    data = b""
    deadline = time.monotonic() + timeout_s
    while True:
        ready, _, _ = select.select([master], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"no end of {data[-500:]!r}"
        try:
            chunk = os.read(master, 65536)
        except OSError:  # EIO: nobody holds the other end
            chunk = b""
        if not chunk:
            os.close(master)
            return data.decode().replace("\r\n", "\n")
        data += chunk


@pytest.mark.parametrize("columns", [80, 120, 400])
def test_a_table_on_a_terminal(relay, log, topic, columns):
    """Columns stand under each other; those without room are left out from the right."""
    name = relay.dead_letters_of(topic)
    write_letters(log, name, [letter_of(note_event(1), "refused", "crm"), letter_of(note_event(2, 9), "exhausted", "a-longer-name"),
                              letter_of(note_event(3), "skipped", "x\x1b[31m")])
    process, master = in_terminal(relay, topic, ["list"], columns)
    *rows, said = read_terminal(master).splitlines()
    assert process.wait(30) == 0
    assert said == f"3 found, of 3 read, in {name} (3 partitions)"
    heading = rows[0]
    assert heading.startswith("POSITION  TIME                      REASON     SUBSCRIPTION")
    assert heading.split()[-1] == {80: "ATTEMPTS", 120: "ORIGIN", 400: "TYPE"}[columns]
    assert all(len(row) <= columns for row in rows) and len(rows) == 4
    at = heading.index("SUBSCRIPTION")
    assert sorted(row[at:].split()[0] for row in rows[1:]) == ["a-longer-name", "crm", "x\\x1b[31m"]
    assert all(row[at - 1] == " " for row in rows)


def test_progress_of_a_scan_that_takes_long(relay, log, topic):
    """After two seconds, on a terminal, and gone at the end. The scan takes long because nobody reads its output."""
    name = relay.dead_letters_of(topic)
    write_letters(log, name, [letter_of(note_event(number), partition=0) for number in range(1, 3001)])
    process, master = in_terminal(relay, topic, ["list", "--json"], 100, out_is_terminal=False)
    started = time.monotonic()
    wait_for(lambda: time.monotonic() - started > 2.5, "time to pass")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(out.splitlines()) == 3000
    text = read_terminal(master)
    assert re.match(r"\r\d+ found; \d+ % of 3000 offsets read, [2-9] s\x1b\[K", text), text[:300]
    assert text.endswith(f"\r\x1b[K3000 found, of 3000 read, in {name} (3 partitions)\n")


def test_no_progress_where_nobody_looks(relay, log, topic):
    name = relay.dead_letters_of(topic)
    write_letters(log, name, [letter_of(note_event(number)) for number in range(1, 301)])
    out, said = ask(relay, topic, "list")
    assert len(out.splitlines()) == 300
    assert said == f"300 found, of 300 read, in {name} (3 partitions)\n"


def test_holes_and_what_is_not_committed(relay, log, topic):
    """Deleted records, aborted ones, markers in the middle and at the end; an open transaction at the end of one."""
    name = relay.dead_letters_of(topic)
    write_letters(log, name, [letter_of(note_event(number), partition=0) for number in range(1, 6)])
    log.delete_before(name, 0, 2)
    producer = log.transactional(topic)
    for partition, commit in ((0, False), (1, True), (1, False)):
        producer.begin_transaction()
        log.send(producer, name, [letter_of(note_event(50 + number), partition=partition) for number in range(3)])
        producer.flush(20)
        (producer.commit_transaction if commit else producer.abort_transaction)(20)
    producer.begin_transaction()
    log.send(producer, name, [letter_of(note_event(90), partition=2)])
    producer.flush(20)
    try:
        found = [item["position"] for item in ask_list(relay, topic)]
        assert found == ["0:2", "0:3", "0:4", "1:0", "1:1", "1:2"]
    finally:
        producer.abort_transaction(20)
    # A hole has no letter to show, and says so.
    for place, why in (("0:0", "has the offsets"), ("0:6", "no record at offset"), ("2:5", "has the offsets"),
                       ("7:0", "partitions 0 to 2")):
        out, said = ask(relay, topic, "show", place, status=66)
        assert out == "" and why in said, (place, said)


def test_the_end_is_the_one_at_the_beginning(relay, log, topic):
    """Somebody writes faster than the command reads: it comes to its end all the same."""
    name = relay.dead_letters_of(topic)
    write_letters(log, name, [letter_of(note_event(number), partition=0) for number in range(1, 2001)])
    process, master = in_terminal(relay, topic, ["list", "--json"], 100, out_is_terminal=False)
    # Its first output is there, so it knows the ends; the pipe is full long before 2,000 lines.
    assert os.read(process.stdout.fileno(), 1) == b"{"
    log.produce(name, [letter_of(note_event(number), partition=partition) for partition in range(3) for number in range(50)])
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and len(rest.splitlines()) == 2000
    assert "2000 found, of 2000 read" in read_terminal(master)


def test_what_others_write_there(relay, log, topic):
    """A record without dl_ headers; an event whose own headers say dl_reason; a key and a value that are null."""
    name = relay.dead_letters_of(topic)
    posing = record_of(note_event(1), partition=0)
    posing.headers = [("dl_reason", b"skipped"), ("dl_subscription", b"not-yours"), *posing.headers,
                      ("dl_reason", b"key.mismatch"), ("dl_group", b"g")]
    write_letters(log, name, [posing, Record(b"\x00\x01", None, [], partition=1), Record(None, b"\xff", [], partition=2)])
    first, second, third = ask_list(relay, topic)
    assert (first["dl_reason"], "dl_subscription" in first, first["origin"]) == ("key.mismatch", False, None)
    assert (second["key"], second["tenant"], "dl_reason" in second) == (None, None, False)
    assert third["key_base64"] == base64.b64encode(b"\xff").decode()
    assert ask_list(relay, topic, "--subscription", "not-yours") == [] and ask_list(relay, topic, "--reason", "skipped") == []
    text, _ = ask(relay, topic, "show", "2:0")
    assert text.endswith("key \\xff\nno headers\nno value\n")
    assert "undecodable.framing\n  0000  00 01" in ask(relay, topic, "show", "1:0")[0]


def test_a_missing_topic(relay, log, topic):
    out, said = ask(relay, topic, "list", status=66)
    assert out == "" and f"the topic {relay.dead_letters_of(topic)} does not exist: no dead letter was ever written" in said
    assert said.count("\n") == 1
    assert ask(relay, topic, "show", "0:0", status=66)[0] == ""
    assert not log.exists(relay.dead_letters_of(topic)), "asking does not make it"


@pytest.mark.parametrize("arguments", [["list"], ["show", "0:0"]])
def test_a_broker_that_is_away(relay, topic, arguments):
    """startup_timeout is what it waits; one line says what is the matter."""
    started = time.monotonic()
    out, said = ask(relay, topic, *arguments, status=69, startup_timeout="1500ms",
                    kafka={"bootstrap.servers": f"127.0.0.1:{free_port()}"}, log={"level": "error"})
    assert 1.4 < time.monotonic() - started < 8
    assert out == ""
    assert said.count("\n") == 1 and re.match(r"incident-consumer dead-letters: .*no broker has answered", said), said


@pytest.mark.parametrize("arguments, why", [
    ([], "write `list` or `show"),
    (["lst"], "write `list` or `show"),
    (["redrive"], "`redrive` comes in a later version"),
    (["drop"], "`drop` comes in a later version"),
    (["list", "3:4"], "`show 3:4`"),
    (["show"], "PARTITION:OFFSET"),
    (["show", "3"], "PARTITION:OFFSET"),
    (["show", "0:-1"], "PARTITION:OFFSET"),
    (["show", "0:1:2"], "PARTITION:OFFSET"),
    (["show", "99999999999:1"], "PARTITION:OFFSET"),
    (["show", "0:1", "0:2"], "PARTITION:OFFSET"),
    (["show", "0:1", "--reason", "refused"], "belong to `list`"),
    (["list", "--reason", "refusd"], "--reason refusd: it is refused, exhausted"),
    (["list", "--tenant", "crm"], "--tenant crm"),
    (["list", "--tenant", "0"], "--tenant 0"),
    (["list", "--limit", "0"], "--limit 0"),
    (["list", "--from", "2026-02-03T10:00:00"], "--from: 2026-02-03T10:00:00 has no offset: write 2026-02-03T10:00:00Z"),
    (["list", "--to", "yesterday"], '--to: "yesterday" is no time'),
    (["list", "--from", "-1h", "--to", "-2h"], "--from -1h is not before --to -2h"),
    (["list", "--check"], "--check belongs to `run`"),
    (["list", "--since", "-2h"], "--since"),
])
def test_a_wrong_command_line(relay, topic, arguments, why):
    out, said = ask(relay, topic, *arguments, status=64)
    assert out == "" and why in said and "Try `incident-consumer dead-letters --help`" in said


def test_its_help_names_every_option(relay, topic):
    out, _ = ask(relay, topic, "--help")
    for word in ("--reason", "--subscription", "--tenant", "--from", "--to", "--limit", "--json", "dl_first_attempt_at"):
        assert word in out
    assert "redrive" not in out and "drop" not in out.replace("dropped", "")


def test_an_output_that_nobody_takes(relay, log, topic):
    """A full disk is an exit status, and ends the scan."""
    write_letters(log, relay.dead_letters_of(topic), [letter_of(note_event(number)) for number in range(1, 101)])
    path = relay.write_settings("ask.yaml", relay.consumer_settings(topic))
    with open("/dev/full", "wb") as full:
        run = subprocess.run([relay.bin / Consumer.name, "dead-letters", "list", "--json", "--config", path], stdout=full,
                             stderr=subprocess.PIPE, timeout=30)
    assert run.returncode == 74, run.stderr
    assert b"standard output" in run.stderr
