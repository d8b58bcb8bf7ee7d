"""The consumer's offline commands, driven as a person would, and checked by libraries that share nothing with us."""
import base64
import datetime
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest
import standardwebhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

import events
from events import FIXTURES, make_event, record_of
from kafka_clients import Record
from namespace import Namespace
from programs import Consumer, free_port, make_secret
from receiver import signature
from waiting import wait_for

VECTORS = json.loads((FIXTURES / "standard-webhooks-vectors.json").read_text())
AT = 1770112682


def run(relay, *arguments, stdin=b"", wrapper=(), environment=None):
    """(exit status, standard output, standard error) of one command."""
    path = relay.folder / "stdin"
    path.write_bytes(stdin)
    with open(path, "rb") as source:
        command = relay.run(Consumer, arguments, stdin=source, wrapper=wrapper, environment=environment)
    status = command.wait()
    return status, command.output(), command.text()


def files_of(relay):
    return ["--set", f"subscriptions.file={relay.folder}/subscriptions.yaml", "--set", "egress.http=true"]


def headers_of(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


def key_file(relay, name, text):
    path = relay.folder / name
    path.write_text(text + "\n")
    return f"file:{path}"


def make_pair(seed):
    """(whsk_, whpk_, public key of `cryptography`)"""
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return ("whsk_" + base64.b64encode(raw + public).decode(), "whpk_" + base64.b64encode(public).decode(),
            private.public_key())


def make_torn_pair():
    """A whsk_ key whose public half is another one's."""
    first, second = (base64.b64decode(make_pair(seed)[0].removeprefix("whsk_")) for seed in (3, 4))
    return "whsk_" + base64.b64encode(first[:32] + second[32:]).decode()


# sign, verify

@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["signature"].split(",")[0])
def test_published_vectors_are_signed_and_verified(relay, vector):
    message = ["--id", vector["id"], "--timestamp", str(vector["timestamp"])]
    body = vector["body"].encode()
    secret = key_file(relay, "secret", vector["secret"])
    status, said, _ = run(relay, "sign", "-", *message, "--secret", secret, stdin=body)
    assert status == 0
    assert said == (f"webhook-id: {vector['id']}\nwebhook-timestamp: {vector['timestamp']}\n"
                    f"webhook-signature: {vector['signature']}\n")
    verifiers = [vector["secret"]] + ([vector["public"]] if "public" in vector else [])
    for number, verifier in enumerate(verifiers):
        source = key_file(relay, f"verifier{number}", verifier)
        status, said, _ = run(relay, "verify", "-", *message, "--signature", vector["signature"], "--secret", source,
                              "--at", str(vector["timestamp"]), stdin=body)
        assert (status, said.startswith("right: ")) == (0, True), said


@pytest.mark.parametrize("body", [b"", b"{}\n", bytes(range(256)) * 300], ids=["empty", "a newline", "77 KB of all bytes"])
def test_what_we_sign_now_others_verify(relay, body):
    """HMAC by the standardwebhooks library, ed25519 by `cryptography`; the order of the entries is that of the secrets."""
    first, second = make_secret(1), make_secret(2, 64)
    pair, _, public = make_pair(7)
    (relay.folder / "body").write_bytes(body)
    before = int(time.time())
    status, said, _ = run(relay, "sign", relay.folder / "body", "--id", "msg_1-A", "--secret", "env:FIRST", "--secret",
                          key_file(relay, "pair", pair), "--secret", key_file(relay, "second", second),
                          environment={"FIRST": first})
    assert status == 0
    headers = headers_of(said)
    entries = headers["webhook-signature"].split(" ")
    assert [entry.split(",")[0] for entry in entries] == ["v1", "v1a", "v1"]
    assert before <= int(headers["webhook-timestamp"]) <= time.time()
    moment = datetime.datetime.fromtimestamp(int(headers["webhook-timestamp"]), datetime.timezone.utc)
    for secret, entry in ((first, entries[0]), (second, entries[2])):
        try:
            assert standardwebhooks.Webhook(secret).sign("msg_1-A", moment, body.decode()) == entry
        except UnicodeDecodeError:  # the library signs text only
            assert signature(secret, "msg_1-A", headers["webhook-timestamp"], body) == entry
    signed = f"msg_1-A.{headers['webhook-timestamp']}.".encode() + body
    public.verify(base64.b64decode(entries[1].removeprefix("v1a,")), signed)
    with pytest.raises(InvalidSignature):
        public.verify(base64.b64decode(entries[1].removeprefix("v1a,")), signed + b"x")
    # And our own verify takes it, with any one of the three.
    for source in ("env:FIRST", f"file:{relay.folder}/pair", f"file:{relay.folder}/second"):
        status, said, _ = run(relay, "verify", "-", "--id", "msg_1-A", "--timestamp", headers["webhook-timestamp"],
                              "--signature", headers["webhook-signature"], "--secret", source, stdin=body,
                              environment={"FIRST": first})
        assert status == 0, said


def test_what_others_sign_we_verify(relay):
    secret = make_secret(3)
    _, public_text, _ = make_pair(9)
    private = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    stamp = str(int(now.timestamp()))
    body = '{"é":1}'
    ours = standardwebhooks.Webhook(secret).sign("evt_9", now, body)
    pair = "v1a," + base64.b64encode(private.sign(f"evt_9.{stamp}.{body}".encode())).decode()
    for signature, source in ((ours, key_file(relay, "hmac", secret)), (pair, key_file(relay, "public", public_text))):
        message = ["--id", "evt_9", "--timestamp", stamp, "--secret", source]
        assert run(relay, "verify", "-", *message, "--signature", f"v0,AA== {signature}",
                   stdin=body.encode())[0] == 0
        assert run(relay, "verify", "-", *message, "--signature", signature, stdin=body.encode() + b"\n")[0] == 1


V1 = VECTORS[0]


@pytest.mark.parametrize("change, status, said", [
    ({"--id": "msg_other"}, 1, "no entry fits"),
    ({"--timestamp": "1614265331"}, 1, "no entry fits"),
    ({"--signature": "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="}, 1, "no entry fits"),
    ({"--signature": "v1a,AAAA v2,AAAA"}, 1, "no entry of the signature is of a version"),
    ({"--signature": "nonsense"}, 1, "no entry like v1,BASE64"),
    ({"--at": "1614265630"}, 0, "right: entry 1 fits secret 1 (v1)"),
    ({"--at": "1614265631"}, 1, "301 s before now; 300 s are tolerated"),
    ({"--at": "1614265029"}, 1, "301 s after now"),
    ({"--at": "1614265631", "--tolerance": "301"}, 0, "right"),
    ({"--at": "1614265331", "--tolerance": "0"}, 1, "1 s before now"),
    ({"--at": "2021-02-25T15:02:10Z", "--tolerance": "0"}, 0, "right"),
    ({"--at": None}, 1, "before now"),
    ({"--at": "yesterday"}, 64, "yesterday"),
    ({"--tolerance": "-1"}, 64, "--tolerance"),
    ({"--timestamp": None}, 64, "--timestamp"),
    ({"--secret": None}, 64, "--secret"),
    ({"--secret": V1["secret"]}, 64, "env:NAME or file:PATH"),
    ({"--secret": "env:NOT_SET_HERE"}, 66, "NOT_SET_HERE"),
])
def test_verify_answers(relay, change, status, said):
    options = {"--id": V1["id"], "--timestamp": str(V1["timestamp"]), "--signature": V1["signature"],
               "--secret": key_file(relay, "secret", V1["secret"]), "--at": str(V1["timestamp"]), **change}
    arguments = [word for name, value in options.items() if value is not None for word in (name, value)]
    found, out, err = run(relay, "verify", "-", *arguments, stdin=V1["body"].encode())
    assert found == status, out + err
    assert said in out + err
    assert V1["secret"].removeprefix("whsec_") not in out + err


@pytest.mark.parametrize("arguments, status, said", [
    (["-"], 64, "--id"),
    (["-", "--id", "a.b", "--secret", "env:X"], 64, "1 to 64"),
    (["-", "--id", "a"], 64, "--secret"),
    (["-", "--id", "a", "--secret", "env:X", "--subscription", "crm"], 64, "one of the two"),
    (["--id", "a", "--secret", "env:X"], 64, "one file"),
    (["-", "--id", "a", "--secret", "env:PUBLIC"], 64, "public key"),
    (["-", "--id", "a", "--secret", "env:TORN"], 64, "do not belong together"),
    (["-", "--id", "a", "--secret", "env:NOT_SET_HERE"], 66, "NOT_SET_HERE"),
    (["/nowhere/body", "--id", "a", "--secret", "env:X"], 66, "/nowhere/body"),
    (["-", "--id", "a", "--secret", "env:X", "--check"], 64, "--check"),
    (["-", "--id", "a", "--secret", "env:X", "--at", "1"], 64, "--at"),
])
def test_sign_refusals(relay, arguments, status, said):
    found, out, err = run(relay, "sign", *arguments,
                          environment={"X": make_secret(), "PUBLIC": make_pair(3)[1], "TORN": make_torn_pair()})
    assert (found, out) == (status, ""), err
    assert said in err


def test_sign_as_a_subscription(relay, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret(1), make_secret(2)])
    relay.write_subscriptions(relay.subscription("crm", endpoint),
                              {"id": "open", "tenant": 1, "http": {"url": endpoint.url, "unsigned": True}})
    files = files_of(relay)
    message = ["-", "--id", "a", "--timestamp", str(AT)]
    status, said, err = run(relay, "sign", *message, "--subscription", "crm", *files, stdin=b"body")
    assert status == 0, err
    by_hand = run(relay, "sign", *message, "--secret", f"file:{relay.folder}/secret-crm-0", "--secret",
                  f"file:{relay.folder}/secret-crm-1", stdin=b"body")
    assert by_hand == (0, said, "")
    assert len(headers_of(said)["webhook-signature"].split(" ")) == 2
    assert run(relay, "sign", *message, "--subscription", "none", *files)[0] == 64
    assert "no secrets" in run(relay, "sign", *message, "--subscription", "open", *files)[2]


def test_a_torn_pair_is_refused_when_the_subscriptions_are_read(relay):
    relay.write_subscriptions({"id": "crm", "tenant": 1, "http": {"url": "https://a.example/", "secrets": ["env:TORN"]}})
    status, out, err = run(relay, "--check", *files_of(relay), environment={"TORN": make_torn_pair()})
    assert status == 78
    assert re.search(r"subscriptions\.yaml:\d+:\d+: subscriptions\[0\]\.http\.secrets\[0\]: .* do not belong together",
                     out + err)


def test_signatures_of_both_kinds_are_delivered_in_order(relay, log, topic1, receiver):
    """A subscription with whsec_, whsk_, whsec_: each verifies what is its own."""
    pair, _, public = make_pair(11)
    endpoint = receiver.endpoint("/hook")
    subscription = relay.subscription("crm", endpoint)
    subscription["http"].pop("unsigned")
    subscription["http"]["secrets"] = ["env:FIRST", key_file(relay, "pair", pair), "env:SECOND"]
    relay.write_subscriptions(subscription)
    first, second = make_secret(1), make_secret(2)
    # The receiver's own check is of v1 lists only.
    receiver.check = lambda endpoint, request: None
    relay.start_consumer(topic1, environment={"FIRST": first, "SECOND": second})
    log.produce(topic1, events.records(1))
    request, = endpoint.wait_for(1)
    entries = request.header("webhook-signature").split(" ")
    assert [entry.split(",")[0] for entry in entries] == ["v1", "v1a", "v1"]
    headers = {name.lower(): value for name, value in request.headers}
    for secret, entry in ((first, entries[0]), (second, entries[2])):
        standardwebhooks.Webhook(secret).verify(request.body, {**headers, "webhook-signature": entry})
    public.verify(base64.b64decode(entries[1].removeprefix("v1a,")),
                  f"{request.id}.{request.header('webhook-timestamp')}.".encode() + request.body)


# check-url

@pytest.mark.parametrize("arguments, status, said", [
    (["https://8.8.8.8/"], 0, "8.8.8.8 port 443: allowed by public (built in)"),
    (["https://8.8.8.8/", "https://10.0.0.1:8443/"], 1, "10.0.0.1 port 8443: refused by 10.0.0.0/8 (built in)"),
    (["http://8.8.8.8/"], 1, "scheme http: refused by egress.http (false)"),
    (["http://8.8.8.8/", "--set", "egress.http=true"], 0, "scheme http: allowed"),
    (["https://10.0.0.1/", "--set", "egress.allow=[10.0.0.0/8]"], 0, "allowed by 10.0.0.0/8 (egress.allow)"),
    (["https://8.8.8.8/", "--set", "egress.deny=[8.0.0.0/8]"], 1, "refused by 8.0.0.0/8 (egress.deny)"),
    (["https://8.8.8.8:444/", "--set", "egress.ports=[443]"], 1, "refused by port 444 (egress.ports)"),
    (["https://[::ffff:127.0.0.1]/"], 1, "refused by"),
    (["https://localhost/"], 1, "127.0.0.1 port 443: refused by 127.0.0.0/8 (built in)"),
    (["crm.example"], 1, "no scheme"),
    (["https://a b/"], 1, "has 0x20 in its host"),
    ([], 64, "which URL"),
    (["https://8.8.8.8/", "--set", "egress.allow=[x]"], 78, "egress.allow"),
    (["--help"], 0, "egress.deny"),
])
def test_check_url(relay, arguments, status, said):
    found, out, err = run(relay, "check-url", *arguments)
    assert found == status, out + err
    assert said in out + err


def test_check_url_takes_the_settings_file(relay):
    path = relay.write_settings("consumer.yaml", {"egress": {"http": True, "allow": ["127.0.0.0/8"]}})
    assert run(relay, "check-url", "--config", path, "http://127.0.0.1:1/")[0] == 0
    assert run(relay, "--config", path, "check-url", "http://127.0.0.1:1/")[0] == 0
    assert run(relay, "check-url", "http://127.0.0.1:1/")[0] == 1


@pytest.mark.parametrize("addresses, status", [
    (["8.8.8.8", "10.0.0.1"], 1), (["10.0.0.1", "8.8.8.8"], 1), (["8.8.8.8", "8.8.4.4"], 0), ([], 1)])
def test_check_url_looks_at_every_address_of_a_name(relay, addresses, status):
    """With a hosts file of our own, in a mount namespace."""
    if os.geteuid() != 0:
        pytest.skip("mount namespaces need root")
    hosts = relay.folder / "hosts"
    hosts.write_text("".join(f"{address} many.invalid\n" for address in addresses))
    wrapper = ["unshare", "--mount", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
    found, out, err = run(relay, "check-url", "https://many.invalid/", wrapper=wrapper)
    assert found == status, out + err
    for address in addresses:
        assert f"  {address} port 443: {'refused' if address.startswith('10.') else 'allowed'} by " in out
    assert addresses or "host many.invalid: no address" in out


@pytest.fixture
def namespace():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    namespace = Namespace()
    wait_for(namespace.is_ready, "the namespace")
    namespace.make_all_local()
    yield namespace
    namespace.close()


class Sniffer:
    """Every packet of a namespace's loopback, where all addresses are."""

    def __init__(self, namespace):
        everything = socket.htons(3)  # ETH_P_ALL
        self.socket = namespace.socket(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, everything))
        self.sender = namespace.socket(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                self.seen.append(self.socket.recv(65536))
            except OSError:
                return

    def count_until_now(self):
        """How many packets there were; a datagram of ours marks the end, so that none can still be under way."""
        mark = os.urandom(16)
        self.sender.sendto(mark, ("192.0.2.99", 9))
        wait_for(lambda: any(mark in packet for packet in self.seen), "the mark")
        return next(number for number, packet in enumerate(self.seen) if mark in packet)


def test_check_url_sends_nothing(relay, namespace):
    """Allowed and refused ones, addresses in every spelling, and names of the hosts file: not one packet."""
    sniffer = Sniffer(namespace)
    hosts = ["8.8.8.8", "[2606:4700::1111]", "10.0.0.1", "2130706433", "0x7f.1", "localhost", "[fe80::1]"]
    status, out, err = run(relay, "check-url", *(f"https://{host}/hook" for host in hosts), wrapper=namespace.wrapper)
    assert status == 1, err
    assert out.count(": allowed by ") == 2 and out.count(": refused by ") >= 5, out
    assert sniffer.count_until_now() == 0, sniffer.seen
    # The same sniffer does see what does call.
    calling = namespace.socket(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    with pytest.raises(ConnectionRefusedError):
        calling.connect(("8.8.8.8", 443))
    assert sniffer.count_until_now() > 0


def test_explain_of_a_file_sends_nothing(relay, namespace):
    sniffer = Sniffer(namespace)
    relay.write_subscriptions({"id": "crm", "tenant": 7001, "http": {"url": "https://8.8.8.8/hook", "unsigned": True}})
    status, out, err = run(relay, "explain", "-", *files_of(relay), stdin=events.line_of(plain_event()),
                           wrapper=namespace.wrapper)
    assert status == 0 and "to crm:" in out, err
    assert sniffer.count_until_now() == 0, sniffer.seen


# explain

def plain_event(incident=1, **fields):
    """An event without the canary: explain shows narratives, as it should."""
    return make_event(incident, description='{"text":"to be shown"}', **fields)


def requests_in(text):
    """subscription → (first line, [(name, value)], body) as explain prints them."""
    found = {}
    for part in re.split(r"\n(?=to )", text)[1:]:
        head, body = part.split("\n\n", 1)
        lines = head.split("\n")
        found[lines[0].removeprefix("to ").removesuffix(":")] = (
            lines[1], [tuple(line.split(": ", 1)) for line in lines[2:]], body.split("\n")[0])
    return found


def test_explain_says_who_and_why_not(relay):
    http = {"url": "https://a.example/", "unsigned": True}
    relay.write_subscriptions(
        {"id": "all", "tenant": 7001, "http": http},
        {"id": "created", "tenant": 7001, "events": ["incident.instance.create"], "http": http},
        {"id": "high", "tenant": 7001, "where": {"severity": ["HIGH"], "status": ["RESOLVED"]}, "http": http},
        {"id": "off", "tenant": 7001, "enabled": False, "http": http},
        {"id": "other", "tenant": 7002, "http": http})
    lines = [events.line_of(plain_event(1)), b"", b'{"event_type":"x"}',
             events.line_of(plain_event(2, tenant=7003))]
    status, out, err = run(relay, "explain", "-", "--at", str(AT), *files_of(relay), stdin=b"\n".join(lines))
    assert status == 65, err
    first, rejected, last = re.split(r"\n(?=line \d+:)", out)
    assert re.search(r"^  all +gets it$", first, re.M)
    assert re.search(r"^  created +does not: events is \[incident.instance.create\], the event's is "
                     r"incident.instance.updated$", first, re.M)
    assert re.search(r"^  high +does not: where.status is \[RESOLVED\], the event's is TRIGGERED; where.severity is "
                     r"\[HIGH\], the event's is MEDIUM$", first, re.M)
    assert re.search(r"^  off +does not: it is disabled$", first, re.M)
    assert re.search(r"^  other +does not: it is of tenant 7002$", first, re.M)
    assert list(requests_in(first)) == ["all"]
    assert rejected.startswith("line 3: rejected by the producer's door\n  /event_type: ")
    assert "nobody gets it" in last and requests_in(last) == {}


ROW = make_event(1)["payload"]


@pytest.mark.parametrize("line, is_change", [
    ({"before": None, "after": ROW}, True),
    ({"id": "x", "before": {"id": 1}, "after": {**ROW, "status": "OPEN"}}, True),
    ({"traceparent": "x", "after": {"colour": "red"}}, True),
    ({"before": None, "after": None}, True),
    ({"after": ROW, "colour": "red"}, False),
    ({"colour": "red"}, False),
    ({}, False),
], ids=["a change", "a wrong change", "an unknown key in its row", "no row", "an unknown key", "another key", "no key"])
def test_explain_of_a_change_says_what_to_do(relay, line, is_change):
    """Whether a change becomes an event is the producer's to say."""
    relay.write_subscriptions()
    status, out, err = run(relay, "explain", "-", *files_of(relay), stdin=events.canonical(line).encode())
    assert status == 65, err
    assert ("incident-producer --format change" in out, "rejected by the producer's door" in out) == (
        is_change, not is_change), out


def test_explain_file_gives_the_bytes_that_are_sent(relay, log, topic1, receiver):
    """The published examples: explained first, then delivered; the clock of each explanation is that of its request."""
    lines = events.EXAMPLES[:8]
    endpoint = receiver.endpoint("/hook", [make_secret(1), make_secret(2)])
    tenants = sorted({json.loads(line)["payload"]["tenant_id"] for line in lines})
    relay.write_subscriptions(*(relay.subscription(f"s{tenant}", endpoint, tenant=tenant,
                                                   http={"headers": {"x-team": "proctoring"}}) for tenant in tenants))
    relay.start_consumer(topic1)
    log.produce(topic1, [record_of(events.split_rich_text(line)) for line in lines])
    for request in endpoint.wait_for(len(lines)):
        status, out, err = run(relay, "explain", "-", "--at", request.header("webhook-timestamp"), *files_of(relay),
                               stdin=request.body)
        assert status == 0, err
        check_same(request, requests_in(out)[f"s{request.event['payload']['tenant_id']}"], endpoint)


def check_same(request, explained, endpoint):
    first, headers, body = explained
    assert first == f"{request.method} {endpoint.url}"
    assert body.encode() == request.body
    own = [(name, value) for name, value in request.headers if name.lower() not in ("host", "accept", "content-length")]
    assert headers == own


def test_explain_place_gives_the_bytes_that_were_sent(relay, log, topic, receiver):
    """By its place on the log: its own ce_id and traceparent, and no trace on the broker."""
    endpoint = receiver.endpoint("/hook", [make_secret(1)])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    relay.start_consumer(topic)
    event = plain_event(5)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = events.headers_of(event, "own_id-5", traceparent=trace)
    log.produce(topic, [*events.records(2), record_of(event, headers=headers)])
    request = next(request for request in endpoint.wait_for(3) if request.id == "own_id-5")
    assert request.header("traceparent") == trace
    log.wait_committed_to_end(relay.group_of(topic), topic)
    place, = [record for record in log.read(topic) if record.header("ce_id") == b"own_id-5"]
    committed, members = log.committed(relay.group_of(topic), topic), log.members(relay.group_of(topic))
    status, out, err = run(relay, "explain", f"{topic}:{place.partition}:{place.offset}", "--config",
                           relay.folder / "consumer.yaml", "--at", request.header("webhook-timestamp"))
    assert status == 0, err
    assert "id own_id-5\n" in out
    check_same(request, requests_in(out)["crm"], endpoint)
    assert log.committed(relay.group_of(topic), topic) == committed
    assert log.members(relay.group_of(topic)) == members
    assert len(endpoint.requests) == 3


def test_explain_of_what_cannot_be_read(relay, log, topic1):
    relay.write_subscriptions({"id": "crm", "tenant": 7001, "http": {"url": "https://a.example/", "unsigned": True}})
    log.produce(topic1, [Record(b"{}", b"7001"), record_of(make_event(1), key=b"7002"),
                         Record(b"\0\0\0\0\7abc", b"7001"), Record(None, b"7001")])
    server = [*files_of(relay), "--set", f"kafka.bootstrap.servers={log.node.servers}", "--set",
              "topics.dead_letters=the-dead"]
    for offset, (status, reason) in enumerate([(65, "undecodable.framing"), (65, "key.mismatch"),
                                               (65, "schema.unknown"), (0, "counted and skipped")]):
        found, out, err = run(relay, "explain", f"{topic1}:0:{offset}", *server)
        assert found == status, out + err
        assert reason in out and "nobody gets it" in out
        assert ("in the-dead, with dl_reason " in out) == (status == 65)


def test_explain_of_places_where_nothing_is(relay, log, topic1):
    """Holes before, between and after what is there: an answer at once, since the end of the log is one too."""
    relay.write_subscriptions()
    producer = log.transactional(topic1)

    def abort_one():
        producer.begin_transaction()
        log.send(producer, topic1, [record_of(make_event(1))])
        producer.flush(20)
        producer.abort_transaction(20)
    abort_one()
    log.produce(topic1, [record_of(make_event(2))])
    abort_one()
    server = [*files_of(relay), "--set", f"kafka.bootstrap.servers={log.node.servers}"]
    for place, said in ((f"{topic1}:0:0", "no record at offset 0"), (f"{topic1}:0:1", "no record at offset 1"),
                        (f"{topic1}:0:3", "no record at offset 3"), (f"{topic1}:0:4", "no record at offset 4"),
                        (f"{topic1}:0:5", "has the offsets 0 to 4, and no 5"), (f"{topic1}:1:0", "no 1"),
                        ("no-such-topic:0:0", "no-such-topic"), (f"{topic1}:x:0", "No such file")):
        found, out, err = run(relay, "explain", place, *server)
        assert (found, out) == (66, ""), out + err
        assert said in err, err
    assert run(relay, "explain", f"{topic1}:0:2", *server)[0] == 0
    assert not log.exists("no-such-topic")


def test_explain_where_no_broker_is(relay):
    relay.write_subscriptions()
    started = time.monotonic()
    found, _, err = run(relay, "explain", "incident.events:0:0", *files_of(relay), "--set",
                        f"kafka.bootstrap.servers=127.0.0.1:{free_port()}", "--set", "startup_timeout=1s")
    assert found == 69, err
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("arguments, status, said", [
    (["explain"], 64, "name one file"),
    (["explain", "a", "b"], 64, "name one file"),
    (["explain", "-", "--at", "x"], 64, "--at"),
    (["explain", "-", "--subscription", "none"], 64, "none"),
    (["explain", "/nowhere/events"], 66, "/nowhere/events: No such file or directory\n"),
    (["explain", "/dev/null"], 66, "is empty"),
    *[(["explain", place], 66, "TOPIC:PARTITION:OFFSET") for place in (
        "incident.events:0", "incident.events:0:-1", "incident.events:-1:0", "incident.events::0", "incident.events:0:",
        "incident.events:0:9223372036854775808", "incident.events:2147483648:0", ":0:0", "incident events:0:0", "..:0:0")],
    (["explain", "--help"], 0, "TOPIC:PARTITION:OFFSET"),
    (["sign", "--help"], 0, "--subscription ID"),
    (["verify", "--help"], 0, "--tolerance SECONDS"),
    (["run", "--help"], 0, "--check"),
    (["check-url", "--no-such-option"], 64, "no-such-option"),
])
def test_command_lines(relay, arguments, status, said):
    relay.write_subscriptions()
    found, out, err = run(relay, *arguments, *(files_of(relay) if arguments[0] == "explain" else []))
    assert found == status, out + err
    assert said in out + err


def test_a_full_disk_is_said(relay):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([relay.bin / "incident-consumer", "check-url", "https://8.8.8.8/"], stdout=full,
                              stderr=subprocess.PIPE)
    assert done.returncode == 74
    assert b"No space left" in done.stderr
