"""The contract once more, in Python, from the contract's text: events, canonical JSON, Avro, identity, murmur2."""
import datetime
import hashlib
import io
import json
import pathlib
import struct

import fastavro

from kafka_clients import Record

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests/fixtures"
SCHEMA_TEXT = (ROOT / "schemas/incident_event.v1.avsc").read_text()
SCHEMA = fastavro.parse_schema(json.loads(SCHEMA_TEXT))
EXAMPLES = (ROOT / "schemas/examples/incidents.ndjson").read_bytes().splitlines()
EXAMPLE_TENANTS = sorted({json.loads(line)["payload"]["tenant_id"] for line in EXAMPLES})
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# In every narrative that the tests make: it must never be seen in a log line or a metric.
CANARY = "narrative-canary-5d1c"


def crc_64_avro(data):
    """Avro specification, Schema Fingerprints."""
    empty = 0xC15D213AA4D7A795
    fingerprint = empty
    for byte in data:
        fingerprint ^= byte
        for _ in range(8):
            fingerprint = (fingerprint >> 1) ^ (empty & -(fingerprint & 1))
    return fingerprint


def framed(schema, body):
    """Avro single-object encoding."""
    form = fastavro.schema.to_parsing_canonical_form(schema)
    return b"\xc3\x01" + struct.pack("<Q", crc_64_avro(form.encode())) + body


HEADER = framed(SCHEMA, b"")


class RawJson(str):
    """Rich text, carried verbatim."""


def split_rich_text(line):
    """The event with its rich text as RawJson: json alone would lose the spelling of numbers and escapes."""
    text = line.decode() if isinstance(line, bytes) else line
    event = json.loads(text)
    decoder = json.JSONDecoder()
    for field in ("description", "resolution_notes"):
        mark = f'"{field}":'
        # The canonical line has each of these keys once outside rich text, and `description` before everything that
        # could hold another; for the notes the last one counts that is followed by `,"session":`.
        start = text.index(mark) if field == "description" else text.rindex(mark, 0, text.index(',"session":{"id":'))
        start += len(mark)
        _, end = decoder.raw_decode(text, start)
        event["payload"][field] = None if text[start:end] == "null" else RawJson(text[start:end])
    return event


def micros(text):
    """RFC 3339 → microseconds."""
    return (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // datetime.timedelta(microseconds=1)


def row_time(value):
    """As PostgreSQL prints it."""
    moment = EPOCH + datetime.timedelta(microseconds=value)
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + (f".{fraction}" if fraction else "") + "+00:00"


def sent_time(value_ms):
    moment = EPOCH + datetime.timedelta(milliseconds=value_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0") + f".{moment.microsecond // 1000:03d}Z"


def canonical(value):
    """Compact JSON in the order of the dict; RawJson as it is."""
    if isinstance(value, RawJson):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{canonical(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)


def line_of(event):
    return canonical(event).encode()


def make_event(incident=1, tenant=7001, event_type="incident.instance.updated", description=f'{{"text":"{CANARY}"}}',
               sent_at_ms=None, **fields):
    """A canonical event. Rich text is given as JSON text, or None."""
    sent_at_ms = sent_at_ms if sent_at_ms is not None else now_ms()
    payload = {"id": incident, "description": None if description is None else RawJson(description),
               "status": "TRIGGERED", "severity": "MEDIUM", "start_time": "2026-02-03T10:46:23.26+00:00",
               "end_time": None, "resolution_notes": None,
               "session": {"id": 55, "uuid": "05b6e6e3-07d4-4edc-9143-1193e6c3f339", "score": -3,
                           "status": "IN_PROGRESS", "created_at": "2026-02-03T10:46:23+00:00",
                           "updated_at": "2026-02-03T10:46:23.260001+00:00"},
               "tenant_id": tenant, "created_at": "2026-02-03T10:46:23.26+00:00",
               "updated_at": "2026-02-03T10:46:23.26+00:00"}
    payload.update(fields)
    return {"event_type": event_type, "payload": payload, "meta": {"version": 1, "sent_at": sent_time(sent_at_ms)}}


def now_ms():
    return (datetime.datetime.now(datetime.timezone.utc) - EPOCH) // datetime.timedelta(milliseconds=1)


TIMES = ("start_time", "end_time", "created_at", "updated_at")


def to_avro(event):
    """The Avro datum of an event."""
    def times(fields):
        return {key: micros(value) if key in TIMES and value is not None else
                str(value) if isinstance(value, RawJson) else value for key, value in fields.items()}
    payload = times(event["payload"])
    payload["session"] = times(payload["session"])
    return {"event_type": event["event_type"], "payload": payload,
            "meta": {"version": event["meta"]["version"], "sent_at": micros(event["meta"]["sent_at"])}}


def encode_body(datum, schema=SCHEMA):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, datum)
    return out.getvalue()


def encode(event):
    return HEADER + encode_body(to_avro(event))


def decode(value):
    """The event in a record's value, read by fastavro; times and rich text back in their canonical form."""
    assert value.startswith(HEADER), value[:10].hex()
    source = io.BytesIO(value[len(HEADER):])
    datum = fastavro.schemaless_reader(source, SCHEMA)
    assert source.read() == b"", "trailing bytes"

    def untimed(fields):
        return {key: row_time((item - EPOCH) // datetime.timedelta(microseconds=1)) if key in TIMES and item is not None
                else item for key, item in fields.items()}
    payload = untimed(datum["payload"])
    payload["session"] = untimed(payload["session"])
    payload["session"]["uuid"] = str(payload["session"]["uuid"])
    for field in ("description", "resolution_notes"):
        if payload[field] is not None:
            payload[field] = RawJson(payload[field])
    sent_at = (datum["meta"]["sent_at"] - EPOCH) // datetime.timedelta(milliseconds=1)
    return {"event_type": datum["event_type"], "payload": payload,
            "meta": {"version": datum["meta"]["version"], "sent_at": sent_time(sent_at)}}


def derive_id(event):
    """`ce_id` of an event without one."""
    payload = event["payload"]
    digest = hashlib.sha256()
    for field in ("incident-relay:ce_id:1", str(payload["tenant_id"]), str(payload["id"]), event["event_type"],
                  "payload", canonical(payload)):
        data = field.encode()
        digest.update(struct.pack(">I", len(data)) + data)
    raw = bytearray(digest.digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def headers_of(event, event_id=None, **more):
    """The headers of a record as the producer writes them."""
    headers = [("ce_specversion", b"1.0"), ("ce_id", (event_id or derive_id(event)).encode()),
               ("ce_type", event["event_type"].encode()), ("ce_source", b"/proctoring/incidents"),
               ("ce_subject", str(event["payload"]["id"]).encode()), ("ce_time", event["meta"]["sent_at"].encode()),
               ("content-type", b"application/avro")]
    return headers + [(name, value.encode()) for name, value in more.items()]


def record_of(event, **more):
    """The record of an event, made by hand."""
    fields = {"value": encode(event), "key": str(event["payload"]["tenant_id"]).encode(),
              "headers": headers_of(event), "timestamp": micros(event["meta"]["sent_at"]) // 1000}
    fields.update(more)
    return Record(**fields)


def records(count, tenant=7001, incidents=None, **fields):
    """`count` records of one tenant; incident 1, 2, … or of that many incidents by turns. Each one is a different event."""
    made = []
    for number in range(count):
        incident = 1 + (number % incidents if incidents else number)
        event = make_event(incident, tenant, updated_at=row_time(micros("2026-02-03T10:46:23+00:00") + number), **fields)
        made.append(record_of(event))
    return made


def murmur2(data):
    """Kafka's murmur2, from Austin Appleby's MurmurHash2 with the seed that Kafka takes."""
    mask = 0xFFFFFFFF
    m = 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for (k,) in struct.iter_unpack("<I", data[:whole]):
        k = k * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    for index in reversed(range(len(rest))):
        h ^= rest[index] << 8 * index
    if rest:
        h = h * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions
