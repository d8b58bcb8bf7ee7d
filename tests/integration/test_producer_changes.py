"""`--format change`: rows before and after in, the events that the trigger rules make of them on the log."""
import hashlib
import json
import struct

import pytest

import events
from events import RawJson, canonical, make_event
from programs import free_port, http_get
from test_producer import raw_of, rejects, summary
from waiting import wait_for

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
VECTORS = json.loads((events.FIXTURES / "identity-vectors.json").read_text())
BEFORE_KEYS = ("id", "status", "severity", "resolution_notes", "tenant_id")


def row(incident=1, tenant=7001, **fields):
    return make_event(incident, tenant, **fields)["payload"]


def change(before, after, **more):
    return canonical({"before": before, "after": after, **more}).encode()


def derive_change_id(event_type, before, after):
    """`ce_id` of a change, from the contract's text."""
    digest = hashlib.sha256()
    image = "null" if before is None else canonical({key: before[key] for key in BEFORE_KEYS})
    for field in ("incident-relay:ce_id:1", str(after["tenant_id"]), str(after["id"]), event_type, "payload",
                  canonical(after), "before", image):
        data = field.encode()
        digest.update(struct.pack(">I", len(data)) + data)
    raw = bytearray(digest.digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def publish(relay, topic, lines, **options):
    return relay.publish(topic, lines, format="change", **options)


def test_rows_become_events(relay, log, topic1):
    new = row(1)
    resolved = {**new, "status": "RESOLVED", "end_time": "2026-02-03T11:00:00+00:00"}
    noted = {**resolved, "resolution_notes": RawJson('{"by": "a", "n": 1.0}'), "severity": "HIGH"}
    moved = {**noted, "description": None, "updated_at": "2026-02-04T00:00:00+00:00"}
    respelled = {**moved, "resolution_notes": RawJson('{"n":1,"by":"\\u0061"}')}
    steps = [(None, new), (new, resolved), (resolved, noted), (noted, moved), (moved, respelled), (respelled, new),
             (new, None)]
    producer = publish(relay, topic1, [change(before, after) for before, after in steps])

    compact = {**noted, "resolution_notes": RawJson('{"by":"a","n":1.0}')}
    expected = [("incident.instance.create", None, new), ("incident.instance.updated", new, resolved),
                ("incident.instance.updated", resolved, compact), ("incident.instance.updated", respelled, new)]
    found = log.read(topic1)
    assert [record.header("ce_type").decode() for record in found] == [kind for kind, _, _ in expected]
    for record, (kind, before, after) in zip(found, expected):
        event = events.decode(record.value)
        assert canonical(event["payload"]) == canonical(after)
        assert event["meta"]["version"] == 1
        assert record.key == b"7001"
        assert record.header("ce_id").decode() == derive_change_id(kind, before, after)
        assert "traceparent" not in dict(record.headers)
    counts = summary(producer)
    assert (counts["read"], counts["published"], counts["fired_nothing"], counts["rejected"]) == (7, 4, 3, 0)


def test_ids_are_the_published_vectors(relay, log, topic1):
    payloads = [events.split_rich_text(line)["payload"] for line in events.EXAMPLES]
    expected = []
    lines = []
    for vector in VECTORS["ce_id"]:
        if vector["as"].startswith("change"):
            before = None if "before is null" in vector["as"] else payloads[2]
            lines.append(change(before, payloads[vector["line"] - 1]))
            expected.append(vector["ce_id"].encode())
    assert len(lines) == 2
    publish(relay, topic1, lines)
    assert [record.header("ce_id") for record in log.read(topic1)] == expected


def test_a_given_id_and_trace_are_passed_on(relay, log, topic1):
    rows = [row(number) for number in range(1, 6)]
    producer = publish(relay, topic1, [
        change(None, rows[0], id="lsn_0-16B3748", traceparent=TRACE),
        change(None, rows[1], id="no.good", traceparent="00-zz"),
        change(None, rows[2], id=None, traceparent=None),
        change(None, rows[3], id=17, traceparent=[]),
        change(None, rows[4], id="x" * 64)])
    found = log.read(topic1)

    def derived(after):
        return derive_change_id("incident.instance.create", None, after).encode()
    assert [record.header("ce_id") for record in found] == [
        b"lsn_0-16B3748", derived(rows[1]), derived(rows[2]), derived(rows[3]), b"x" * 64]
    assert [dict(record.headers).get("traceparent") for record in found] == [TRACE.encode(), None, None, None, None]
    assert len(found[0].headers) == 8
    counts = summary(producer)
    assert (counts["published"], counts["warned_id_invalid"], counts["warned_traceparent_invalid"]) == (5, 2, 2)


CASES = [
    (b'{"before":null,"after":null}', "change.empty", ""),
    (b'{}', "change.empty", ""),
    (change(row(1), row(2)), "change.identity", "/after/id"),
    (change(row(1, 7001), row(1, 7002)), "change.identity", "/after/tenant_id"),
    (change(None, {**row(1), "severity": "URGENT"}), "severity.enum", "/after/severity"),
    (change({**row(1), "status": None}, row(1)), "status.null", "/before/status"),
    (change({"id": 1, "tenant_id": 7001, "status": "TRIGGERED"}, row(1)), "severity.required", "/before/severity"),
    (change(row(1), {key: value for key, value in row(1).items() if key != "session"}), "session.required",
     "/after/session"),
    (change({**row(1), "rank": 1}, row(1)), "key.unknown", "/before/rank"),
    (change(row(1), row(1), op="u"), "key.unknown", "/op"),
    (b'{"before":7,"after":null}', "before.type", "/before"),
    (events.EXAMPLES[0], "key.unknown", "/event_type"),
    (b'{"before":null,"after":{"id":1,"id":2}}', "key.duplicate", "/after/id"),
]


def test_rejected_changes_give_their_rule(relay, log, topic1):
    publish(relay, topic1, [line for line, _, _ in CASES] + [change(None, row(9))], status=65)
    found = rejects(relay)
    assert [(reject["rule"], reject["pointer"]) for reject in found] == [case[1:] for case in CASES]
    assert [raw_of(reject) for reject in found] == [line for line, _, _ in CASES]
    assert len(log.read(topic1)) == 1


def test_only_five_columns_of_before_are_needed(relay, log, topic1):
    before = {key: row(1)[key] for key in BEFORE_KEYS}
    after = row(1, severity="HIGH")
    publish(relay, topic1, [change(before, after),
                            change({**before, "start_time": "never", "session": {"id": "x"}}, after)])
    ids = {record.header("ce_id").decode() for record in log.read(topic1)}
    assert ids == {derive_change_id("incident.instance.updated", before, after)}


@pytest.mark.parametrize("before, after, fires", [
    ("0.1", "1e-1", False),
    ("0.1", "0.1000000000000000055511151231257827", True),
    ("1e400", "1e401", True),
    ('{"a":1,"b":2}', '{"b":2,"a":1}', False),
    ("[1,2]", "[2,1]", True),
    ("null", "{}", True),
    (None, "null", False),
])
def test_notes_are_compared_as_values(relay, log, topic1, before, after, fires):
    def noted(text):
        return row(1, resolution_notes=None if text is None else RawJson(text))
    producer = publish(relay, topic1, [change(noted(before), noted(after))])
    assert len(log.read(topic1)) == fires
    assert summary(producer)["fired_nothing"] == (not fires)


def test_metrics_count_what_fires_nothing(relay, log, topic1):
    port = free_port()
    path = relay.folder / "input.ndjson"
    path.write_bytes(b"\n".join([change(row(1), None), change(row(1), row(1)), change(row(2), row(2))]) + b"\n")
    log.node.freeze()  # so that the program is still there: it cannot publish the last line
    with open(path, "ab") as file:
        file.write(change(None, row(3), id="no good") + b"\n")
    producer = relay.start_producer(topic1, "--input", path, "--format", "change",
                                    settings={"admin": {"listen": f"127.0.0.1:{port}"}})

    def text():
        return http_get(port, "/metrics")[1]
    wait_for(lambda: 'incident_producer_changes_fired_nothing_total{reason="other"} 2' in text(), text)
    assert 'incident_producer_changes_fired_nothing_total{reason="deletion"} 1' in text()
    log.node.thaw()
    assert producer.wait() == 0
