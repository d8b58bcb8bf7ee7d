"""Every shell command of the READMEs is run, as it stands there, and ends as it is said to."""
import os
import re
import shlex
import signal
import socket
import subprocess

import pytest

import events
from events import EXAMPLES, ROOT, make_event, record_of
from kafka_node import free_port
from programs import http_get, make_secret, to_yaml
from waiting import wait_for

READMES = [ROOT / name for name in ("README.md", "consumer/README.md", "schemas/README.md")]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(\$ |(build/bin/)?incident-\w+ |deploy/|tests/run|kafka-[\w-]+\.sh|cmake |ninja |curl |docker |systemctl |apt)")
STATUS = re.compile(r"\s+# exit status (\d+)\b")
# Those that are not run here, and why.
NOT_RUN = {"tests/run": "it is what runs this test"}
DEAD_LETTERS = 18  # on partition 3, so that 3:17 is one


def blocks():
    for path in READMES:
        yield from FENCED.findall(path.read_text())


def commands():
    """(command, exit status), one for each line of a shell block."""
    found = []
    for language, text in blocks():
        if language == "sh":
            for line in text.splitlines():
                status = STATUS.search(line)
                command = re.sub(r"\s+#.*", "", line)
                found.append((command, int(status.group(1)) if status else 0))
    return found


def test_every_command_stands_in_a_shell_block():
    """A block without its language would not be run."""
    stray = [line for language, text in blocks() if language != "sh" for line in text.splitlines() if COMMAND.match(line)]
    assert stray == []
    assert len(commands()) >= 12 and NOT_RUN.keys() <= {command for command, _ in commands()}


def dead_letter(number, topic):
    return record_of(make_event(number, tenant=2050, description='"a description"'), partition=3, headers=[
        ("ce_id", b"id-%d" % number), ("dl_reason", b"refused"), ("dl_subscription", b"crm-2050"), ("dl_attempts", b"3"),
        ("dl_first_attempt_at", b"2026-02-03T10:46:23.000Z"), ("dl_last_error", b"http 422"), ("dl_group", b"relay"),
        ("dl_origin_topic", topic.encode()), ("dl_origin_partition", b"0"), ("dl_origin_offset", b"%d" % number)])


class Reader:
    """Somebody who has built the relay, has a Kafka, and types what the README says into a shell."""

    def __init__(self, relay, log, topic):
        self.relay = relay
        self.log = log
        self.topic = topic
        self.folder = relay.folder
        self.ports = {"9092": free_port(), "9480": free_port()}
        for name in ("schemas", "deploy", "tests"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "build").mkdir()
        (self.folder / "build/bin").symlink_to(relay.bin.resolve())
        tools = self.folder / "tools"
        tools.mkdir()
        tool = tools / "kafka-topics.sh"
        tool.write_text(f"#!/bin/sh\nexec java -cp '{log.node.classpath}' org.apache.kafka.tools.TopicCommand \"$@\"\n")
        tool.chmod(0o755)
        self.path = f"{relay.bin.resolve()}:{tools}:{os.environ['PATH']}"
        self.write_settings()
        log.make_topic(relay.dead_letters_of(topic))
        log.produce(relay.dead_letters_of(topic), [dead_letter(number, topic) for number in range(DEAD_LETTERS)])

    def write_settings(self):
        (self.folder / "secret").write_text(make_secret() + "\n")
        (self.folder / "subscriptions.yaml").write_text(
            "subscriptions:\n  - id: crm-2050\n    tenant: 2050\n"
            "    http: {url: 'https://crm.example/hooks', secrets: ['file:secret']}\n")
        self.relay.inputs |= {self.folder / "secret", self.folder / "subscriptions.yaml"}
        self.relay.secrets.add_secret(make_secret())
        settings = self.relay.consumer_settings(self.topic, subscriptions={"file": "subscriptions.yaml"}, egress={})
        self.admin_port = int(settings["admin"]["listen"].rpartition(":")[2])
        (self.folder / "consumer.yaml").write_text(to_yaml(settings))
        (self.folder / "producer.yaml").write_text(to_yaml(self.relay.producer_settings(self.topic)))

    def start(self, command):
        """The command in a shell of its own, with this test's broker, topic and ports in the place of the usual ones."""
        said = command.replace("localhost:9092", self.log.node.servers).replace("incident.events", self.topic + "-new")
        for usual, port in self.ports.items():
            said = said.replace(f"--port {usual}", f"--port {port}")
        with open(self.folder / "shell.1.out", "wb") as out:
            return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", "bash", "-o", "pipefail", "-c", said],
                                    cwd=self.folder, env={**os.environ, "PATH": self.path}, stdin=subprocess.DEVNULL,
                                    stdout=out, stderr=subprocess.STDOUT)

    def output(self):
        return (self.folder / "shell.1.out").read_text()


@pytest.fixture
def reader(relay, log, topic):
    return Reader(relay, log, topic)


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_up(reader, command):
    """None for a command that ends by itself; for one that stays, how it is seen to be up."""
    words = shlex.split(command)
    if words[0].endswith("incident-sandbox"):
        port = reader.ports[words[words.index("--port") + 1]]
        return lambda: listens(port)
    if words[:2] == ["incident-consumer", "run"]:
        return lambda: http_get(reader.admin_port, "/readyz")[0] == 200
    return None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command, status", [case for case in commands() if case[0] not in (*NOT_RUN, "deploy/quickstart")])
def test_a_command_ends_as_it_is_said_to(reader, command, status):
    up = is_up(reader, command)
    process = reader.start(command)
    if up is not None:
        wait_for(lambda: up() or process.poll() is not None, lambda: f"{command}:\n{reader.output()}", 30)
        assert process.poll() is None, reader.output()
        process.send_signal(signal.SIGTERM)
    assert process.wait(60) == status, reader.output()
    assert reader.output() or ">" in command, "it says something"


def test_the_reader_sees_a_command_that_fails(reader):
    assert reader.start("incident-consumer lists --config consumer.yaml").wait(20) == 64
    assert reader.start("incident-consumer dead-letters show 3:18 --config consumer.yaml | cat").wait(20) == 66


def test_the_subscriptions_are_right(reader):
    """The examples of the subscriptions file, one after another in one file as they stand there."""
    text = "".join(text for language, text in blocks() if language == "yaml" and "- id:" in text)
    assert text.startswith("subscriptions:\n") and text.count("- id:") >= 3
    text = text.replace("file:/run/credentials/crm-2050", "file:secret").replace("/var/lib/incident-relay", str(reader.folder))
    (reader.folder / "subscriptions.yaml").write_text(text)
    assert reader.start("incident-consumer --check --config consumer.yaml").wait(20) == 0, reader.output()


def test_the_event_is_one_of_the_examples(reader):
    """The one that is shown goes in at the door."""
    text, = (text for language, text in blocks() if language == "json" and '"event_type"' in text)
    (reader.folder / "one.ndjson").write_text(" ".join(text.split()) + "\n")
    assert reader.start("incident-producer --config producer.yaml --input one.ndjson").wait(30) == 0, reader.output()
    record, = reader.log.read(reader.topic)
    assert events.decode(record.value)["payload"]["id"] in [events.split_rich_text(line)["payload"]["id"] for line in EXAMPLES]
