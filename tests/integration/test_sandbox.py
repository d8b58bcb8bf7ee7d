"""The sandbox's receiver is the judge of the quickstart: it must refuse what is wrong, and say so at the end."""
import base64
import concurrent.futures
import copy
import datetime
import hashlib
import http.client
import json
import pathlib
import subprocess
import time

import pytest
from standardwebhooks import Webhook

from events import EXAMPLES, ROOT
from programs import make_secret
from secrecy import Canaries
from waiting import wait_for

SUBSCRIBERS = ROOT / "deploy/sandbox/subscribers.json"


def wants(subscriber, event):
    payload = event["payload"]
    return (subscriber["tenant"] == payload["tenant_id"]
            and event["event_type"] in subscriber.get("event_type", [event["event_type"]])
            and all(payload[field] in subscriber.get(field, [payload[field]]) for field in ("status", "severity")))


class Sandbox:
    """incident-sandbox --receiver-only with the quickstart's subscribers, and a client that signs for them."""

    def __init__(self, binary, folder, *arguments):
        self.subscribers = json.loads(SUBSCRIBERS.read_text())
        self.secrets = {each["id"]: make_secret(number) for number, each in enumerate(self.subscribers, 1)}
        (folder / "secrets").mkdir()
        for name, secret in self.secrets.items():
            (folder / "secrets" / name).write_text(secret + "\n")
        self.state_path = folder / "state"
        self.journal_path = folder / "journal"
        self.process = subprocess.Popen(
            [str(binary), "--receiver-only", "--port", "0", "--state", str(self.state_path), "--journal",
             str(self.journal_path), "--secrets", str(folder / "secrets"), "--subscribers", str(SUBSCRIBERS),
             "--expect", str(ROOT / "schemas/examples/incidents.ndjson"), *arguments], stdout=subprocess.PIPE, text=True)
        wait_for(self.state_path.exists, "the sandbox's state file")
        self.connection = http.client.HTTPConnection(self.state()["receiver"], timeout=5)

    def beside(self):
        """Another client of the same sandbox, with a connection of its own."""
        other = copy.copy(self)
        other.connection = http.client.HTTPConnection(self.state()["receiver"], timeout=5)
        return other

    def state(self):
        return dict(line.split("=", 1) for line in self.state_path.read_text().splitlines())

    def send(self, subscriber, body, secret=None, path=None, age_s=0, **changed):
        now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age_s)
        name = hashlib.sha256(body.rpartition(b',"meta"')[0]).hexdigest()[:32]
        headers = {"content-type": "application/json", "webhook-id": name, "webhook-timestamp": str(int(now.timestamp())),
                   "webhook-signature": Webhook(secret or self.secrets[subscriber]).sign(name, now, body.decode())}
        headers.update({key.replace("_", "-"): value for key, value in changed.items()})
        return self.request("POST", path or f"/hooks/{subscriber}", body, headers)

    def request(self, method, path, body=None, headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def connections(self):
        """How many clients the receiver has accepted, of those that are still there."""
        port = int(self.state()["receiver"].rpartition(":")[2])
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" for row in rows)

    def deliver_all(self, but=0):
        """Every delivery that the subscribers ordered, less the first `but`; how many there are of them."""
        due = [(each["id"], line) for line in EXAMPLES for each in self.subscribers if wants(each, json.loads(line))]
        for subscriber, line in due[but:]:
            assert self.send(subscriber, line) == 204
        return len(due)

    def end(self):
        """(exit status, lines of standard output)"""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=10)
        canaries = Canaries()
        for secret in self.secrets.values():
            canaries.add_secret(secret)
        assert canaries.found_in_texts([("standard output", output.encode())]) == []
        assert canaries.found_in([path for path in (self.state_path, self.journal_path) if path.exists()]) == []
        return self.process.returncode, output.splitlines()


@pytest.fixture
def sandbox(request, tmp_path):
    sandbox = Sandbox(pathlib.Path(request.config.getoption("--bin")) / "incident-sandbox", tmp_path,
                      *getattr(request, "param", ()))
    yield sandbox
    if sandbox.process.poll() is None:
        sandbox.process.kill()
        sandbox.process.communicate()


def test_all_that_was_ordered_is_counted_once(sandbox):
    count = sandbox.deliver_all()
    assert sandbox.state()["complete"] == "yes"
    assert sandbox.send("crm-2051", EXAMPLES[0]) == 204
    status, lines = sandbox.end()
    assert status == 0
    assert lines[-1] == f"delivered {count} of {count}, signatures ok {count}, refused 0"
    assert "1 deliveries came again with the same webhook-id" in lines


def test_one_that_is_missing_is_named(sandbox):
    count = sandbox.deliver_all(but=1)
    assert sandbox.state()["complete"] == "no"
    status, lines = sandbox.end()
    assert status == 1
    assert lines[-1] == f"delivered {count - 1} of {count}, signatures ok {count - 1}, refused 0"
    assert lines[-2].startswith("missing: line 1 of ") and lines[-2].endswith(" at crm-2051")


def test_a_body_that_is_not_the_expected_one_byte_for_byte_is_not_counted(sandbox):
    count = sandbox.deliver_all(but=1)
    assert sandbox.send("crm-2051", EXAMPLES[0].replace(b'"quote ', b'"Quote ')) == 204
    status, lines = sandbox.end()
    assert status == 1
    assert lines[-1] == f"delivered {count - 1} of {count}, signatures ok {count - 1}, refused 0"
    assert "1 deliveries were right, but not among the expected" in lines


def test_what_is_wrong_is_refused_and_journaled(sandbox):
    event = EXAMPLES[0]  # tenant 2051, MEDIUM
    low = next(line for line in EXAMPLES if b'"severity":"LOW"' in line and b'"tenant_id":2053' in line)
    tries = [
        (401, dict(subscriber="crm-2051", body=event, secret=make_secret(99))),
        (401, dict(subscriber="crm-2051", body=event, age_s=301)),
        (401, dict(subscriber="crm-2051", body=event, age_s=-302)),
        (401, dict(subscriber="crm-2051", body=event, webhook_id="another")),
        (401, dict(subscriber="crm-2051", body=event, webhook_id="a.b")),
        (401, dict(subscriber="crm-2051", body=event, webhook_signature="")),
        (422, dict(subscriber="crm-2051", body=event, content_type="text/plain")),
        (422, dict(subscriber="crm-2051", body=event + b"\n")),
        (422, dict(subscriber="crm-2051", body=event.replace(b'"MEDIUM"', b'"URGENT"'))),
        (422, dict(subscriber="crm-2050", body=event)),  # another tenant's
        (422, dict(subscriber="pager-2053", body=low)),  # not ordered
        (404, dict(subscriber="crm-2051", body=event, path="/hooks/nobody")),
    ]
    for expected, arguments in tries:
        assert sandbox.send(**arguments) == expected, arguments
    status, lines = sandbox.end()
    assert status == 1
    assert lines[-1].endswith(f"signatures ok 0, refused {len(tries)}")
    journal = [json.loads(line) for line in sandbox.journal_path.read_text().splitlines()]
    assert [entry["status"] for entry in journal] == [expected for expected, _ in tries]
    assert {entry["verdict"] for entry in journal} == {"refused"}
    assert all(entry["reason"] for entry in journal)
    assert base64.b64decode(journal[0]["body_base64"]) == event
    assert journal[-1]["path"] == "/hooks/nobody"
    assert journal[0]["headers"]["content-type"] == "application/json"


def test_an_endpoint_can_be_told_what_to_answer(sandbox):
    assert sandbox.request("PUT", "/answer/crm-2051/503") == 204
    assert sandbox.send("crm-2051", EXAMPLES[0]) == 503
    assert sandbox.request("PUT", "/answer/crm-2051/judge") == 204
    assert sandbox.send("crm-2051", EXAMPLES[0]) == 204
    assert sandbox.request("PUT", "/answer/crm-2051/99") == 400
    assert sandbox.request("PUT", "/answer/nobody/503") == 404


@pytest.mark.parametrize("sandbox", [("--fail", "503:2")], indirect=True)
def test_the_first_deliveries_can_be_told_to_fail(sandbox):
    assert [sandbox.send("crm-2051", EXAMPLES[0]) for _ in range(3)] == [503, 503, 204]
    status, lines = sandbox.end()
    assert status == 1 and lines[-1].startswith("delivered 1 of "), lines


@pytest.mark.parametrize("sandbox", [("--delay", "60000")], indirect=True)
def test_a_delay_is_the_deliveries_alone_and_ends_with_the_sandbox(sandbox):
    began = time.monotonic()
    assert sandbox.request("PUT", "/answer/crm-2051/503") == 204
    client = sandbox.beside()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(client.send, "crm-2051", EXAMPLES[0])
        wait_for(lambda: sandbox.connections() == 2, "the delivery waits")
        sandbox.end()
        assert sent.exception(5) is not None or sent.result() == 503
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("sandbox", [("--delay", "400")], indirect=True)
def test_a_delay_is_each_deliverys_own(sandbox):
    """Four at once are answered together, each 400 ms late, not one after the other."""
    due = [(each["id"], line) for line in EXAMPLES for each in sandbox.subscribers if wants(each, json.loads(line))][:4]
    clients = [sandbox.beside() for _ in due]
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: pair[0].send(*pair[1]), zip(clients, due)))
    took = time.monotonic() - began
    assert answers == [204] * 4
    assert 0.4 <= took < 4 * 0.4
