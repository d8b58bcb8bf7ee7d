"""The consumer's settings, subscriptions file, commands, and its admin listener."""
import re
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

import events
from kafka_node import free_port
from programs import Consumer, http_get, make_secret
from waiting import holds_for, wait_for

HEAD = "subscriptions:\n  - id: crm\n    tenant: 2050\n"
SECRET = make_secret()

# What the file says → the line of the error, and what its message must name.
BAD_SUBSCRIPTIONS = {
    "an unknown key": (HEAD + "    colour: red\n    http: {url: 'https://a.example/', unsigned: true}\n", 4, "colour"),
    "an unknown http key": (HEAD + "    http:\n      url: https://a.example/\n      unsigned: true\n      verb: POST\n",
                            7, "verb"),
    "the same id twice": (HEAD + "    http: {url: 'https://a.example/', unsigned: true}\n"
                          "  - id: crm\n    tenant: 2051\n    http: {url: 'https://a.example/', unsigned: true}\n", 5, "crm"),
    "no sink": (HEAD, 2, "http"),
    "no secret": (HEAD + "    http:\n      url: https://a.example/\n", None, "secret"),
    "a short secret": (HEAD + "    http:\n      url: https://a.example/\n      secrets: [file:SHORT]\n", 6, "24"),
    "a secret that is none": (HEAD + "    http:\n      url: https://a.example/\n      secrets: [file:NONE]\n", 6, "whsec_"),
    "a secret's file that is missing": (HEAD + "    http:\n      url: https://a.example/\n      secrets: [file:MISSING]\n", 6,
                                        "MISSING"),
    "an inline secret": (HEAD + f"    http:\n      url: https://a.example/\n      secrets: ['{SECRET}']\n", 6,
                         "allow_inline_secrets"),
    "a URL without a scheme": (HEAD + "    http:\n      url: a.example/hook\n      unsigned: true\n", 5, "https://"),
    "http without leave": (HEAD + "    http:\n      url: http://a.example/hook\n      unsigned: true\n", 5, "egress.http"),
    "a header with a line end": (HEAD + "    http:\n      url: https://a.example/\n      unsigned: true\n"
                                 "      headers: {x-a: \"b\\r\\nx-c: d\"}\n", 7, "x-a"),
    "a framing header": (HEAD + "    http:\n      url: https://a.example/\n      unsigned: true\n"
                         "      headers: {Content-Length: 5}\n", 7, "(?i)content-length"),
    "a webhook header": (HEAD + "    http:\n      url: https://a.example/\n      unsigned: true\n"
                         "      headers: {Webhook-Id: x}\n", 7, "(?i)webhook-"),
    "a tenant of 0": ("subscriptions:\n  - id: crm\n    tenant: 0\n    http: {url: 'https://a.example/', unsigned: true}\n",
                      3, "tenant"),
    "an event that is none": (HEAD + "    events: [incident.removed]\n    http: {url: 'https://a.example/', unsigned: true}\n",
                              4, "incident.removed"),
    "a status that is none": (HEAD + "    where: {status: [OPEN]}\n    http: {url: 'https://a.example/', unsigned: true}\n",
                              4, "OPEN"),
    "an ordering that is none": (HEAD + "    ordering: strict\n    http: {url: 'https://a.example/', unsigned: true}\n", 4,
                                 "strict"),
    "an id that is none": ("subscriptions:\n  - id: crm 1\n    tenant: 1\n    http: {url: 'https://a.example/', unsigned: true}\n",
                           2, r"subscriptions\[0\]\.id"),
    "a version that is none": (HEAD + "    payload_version: 2\n    http: {url: 'https://a.example/', unsigned: true}\n", 4,
                               "payload_version"),
    "a method that is none": (HEAD + "    http:\n      url: https://a.example/\n      unsigned: true\n      method: DELETE\n", 7,
                              "DELETE"),
    "a key of a later version": (HEAD + "    start: earliest\n    http: {url: 'https://a.example/', unsigned: true}\n", 4,
                                 "comes in a later version"),
    "two sinks": (HEAD + "    kafka: {topic: t}\n    file: {path: f}\n", 2, "more than one sink"),
    "no YAML": ("subscriptions: [\n", None, ""),
}


@pytest.fixture
def secrets(tmp_path):
    (tmp_path / "SHORT").write_text(make_secret(1, 23) + "\n")
    (tmp_path / "NONE").write_text("c2VjcmV0\n")
    return tmp_path


def check(relay, text, *arguments):
    path = relay.folder / "subscriptions.yaml"
    path.write_text(re.sub(r"file:([A-Z]+)", rf"file:{relay.folder}/\1", text))
    consumer = relay.run(Consumer, ["run", "--check", "--set", f"subscriptions.file={path}", *arguments])
    return consumer, path


@pytest.mark.parametrize("name", BAD_SUBSCRIPTIONS)
def test_a_bad_subscriptions_file(relay, secrets, name):
    text, line, said = BAD_SUBSCRIPTIONS[name]
    consumer, path = check(relay, text)
    assert consumer.wait() == 78, consumer.text()
    output = consumer.text() + consumer.output()
    assert f"{path}:{line}:" in output if line else str(path) in output, output
    assert re.search(said, output), output
    assert SECRET not in output


def test_every_error_of_a_file_is_said_at_once(relay, secrets):
    consumer, path = check(relay, HEAD + "    colour: red\n    ordering: strict\n    http: {url: 'https://a.example/', unsigned: true}\n")
    assert consumer.wait() == 78
    output = consumer.text() + consumer.output()
    assert f"{path}:4:" in output and f"{path}:5:" in output


def test_a_good_file_is_checked_without_a_broker(relay):
    consumer, _ = check(relay, HEAD + f"    http:\n      url: https://a.example/\n      secrets: ['{SECRET}']\n",
                        "--set", "subscriptions.allow_inline_secrets=true",
                        "--set", f"kafka.bootstrap.servers=127.0.0.1:{free_port()}")
    assert consumer.wait() == 0, consumer.text()


def test_a_missing_subscriptions_file(relay):
    consumer = relay.run(Consumer, ["run", "--check", "--set", f"subscriptions.file={relay.folder}/none.yaml"])
    assert consumer.wait() == 78
    assert "none.yaml" in consumer.text() + consumer.output()


@pytest.mark.parametrize("arguments, status, said", [
    (["--help"], 0, "hand.records"),
    (["--version"], 0, "librdkafka"),
    (["run", "--no-such-option"], 64, "no-such-option"),
    (["walk"], 64, "walk"),
    (["replay"], 64, "comes in a later version"),
    (["lanes", "list"], 64, "comes in a later version"),
    (["dead-letters", "redrive"], 64, "comes in a later version"),
    (["run", "--check", "--set", "no.such.key=1"], 78, "no.such.key"),
    (["run", "--check", "--set", "hand.records=0"], 78, "hand.records"),
    (["run", "--check", "--set", "drain=8"], 78, "drain"),
    (["run", "--check", "--set", "egress.allow=[10.0.0.0/33]"], 78, "egress.allow"),
    (["run", "--check", "--set", "topics.lanes=x"], 78, "comes in a later version"),
    (["run", "--check", "--set", "replay.rate=100/s"], 78, "comes in a later version"),
    *[(["run", "--check", "--set", f"kafka.{name}=1"], 78, name) for name in (
        "enable.auto.commit", "enable.auto.offset.store", "auto.offset.reset", "group.id", "isolation.level",
        "enable.idempotence", "acks", "partitioner")],
    (["run", "--check", "--set", "topics.dead_letters=incident.events"], 78, "topics.dead_letters"),
    (["run", "--check", "--set", "topics.events=[]"], 78, "--set topics.events: has 0 items; it takes 1 or more"),
    (["run", "--check", "--set", "retry.schedule=[]"], 78, "--set retry.schedule: has 0 items; it takes 1 to 64"),
    (["run", "--check", "--set", "retry.refused=[]"], 78, "--set retry.refused: has 0 items"),
    (["run", "--check", "--set", "lane.probe_max=1s"], 78, "lane.probe_max: is less than lane.probe_first"),
    (["run", "--check", "--set", "kafka.bootstrap.servers=''"], 78, "kafka.bootstrap.servers: is empty"),
    (["run", "--check", "--set", "kafka.group.instance.id=''"], 78, "kafka.group.instance.id: is empty"),
    (["run", "--check", "--set", "kafka.security.protocol=sasl_ssl"], 78, "sasl.mechanism is not set"),
])
def test_commands(relay, arguments, status, said):
    consumer = relay.run(Consumer, arguments)
    assert consumer.wait() == status, consumer.text()
    assert said in consumer.text() + consumer.output()


@pytest.mark.parametrize("setting", [
    "topics.lanes=x", "topics.commands=x", "lane.halt_after_refusals=20", "lane.detach_after=30s",
    "lane.uncommitted_max=1000", "lane.stragglers_max=256", "lane.disable_after=5d", "replay.rate=100/s",
    "kafka.partition.assignment.strategy=cooperative-sticky", "kafka.group.protocol=consumer"])
def test_a_setting_of_a_later_version_is_refused_by_name(relay, setting):
    consumer = relay.run(Consumer, ["--check", "--set", setting])
    assert consumer.wait() == 78
    assert f"--set {setting.split('=')[0]}: comes in a later version" in consumer.text()


@pytest.mark.parametrize("key", ["start", "rate", "http2", "keep_response", "http.rate", "http.http2",
                                 "http.keep_response"])
def test_a_key_of_a_later_version_is_refused_by_name(relay, key):
    in_http, name = key.startswith("http."), key.removeprefix("http.")
    text = (HEAD + ("" if in_http else f"    {name}: x\n") + "    http:\n      url: https://a.example/\n"
            "      unsigned: true\n" + (f"      {name}: x\n" if in_http else ""))
    consumer, _ = check(relay, text)
    assert consumer.wait() == 78
    assert f"subscriptions[0].{key}: comes in a later version" in consumer.text()


def test_every_error_of_the_settings_is_said_at_once(relay):
    """Those of single keys, and those of keys that contradict each other."""
    path = relay.folder / "consumer.yaml"
    path.write_text("drain: 8\nretry:\n  schedule: []\ntopics:\n  dead_letters: incident.events\n"
                    "lane: {probe_first: 5s, probe_max: 1s}\n")
    consumer = relay.run(Consumer, ["--check", "--config", path])
    assert consumer.wait() == 78
    for said in (f"{path}:1:8: drain: ", f"{path}:3:13: retry.schedule: ", "topics.dead_letters: incident.events is read",
                 "lane.probe_max: is less than lane.probe_first"):
        assert said in consumer.text(), consumer.text()


def test_help_names_no_later_key(relay):
    consumer = relay.run(Consumer, ["--help"])
    assert consumer.wait() == 0
    said = consumer.text() + consumer.output()
    for key in ("topics.lanes", "topics.commands", "lane.detach_after", "lane.disable_after", "replay"):
        assert key not in said


def test_secrets_and_headers_from_the_environment(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [SECRET])
    subscription = relay.subscription("crm", endpoint, http={"headers": {"x-a": "env:X_A", "x-b": f"file:{relay.folder}/b"}})
    subscription["http"]["secrets"] = ["env:HOOK_SECRET"]
    (relay.folder / "b").write_text("from a file\n")
    relay.write_subscriptions(subscription)
    relay.start_consumer(topic, environment={"HOOK_SECRET": SECRET, "X_A": "from the environment"})
    log.produce(topic, events.records(1))
    request, = endpoint.wait_for(1)
    assert (request.header("x-a"), request.header("x-b")) == ("from the environment", "from a file")


def test_a_missing_event_topic_is_named_and_waited_for(relay, log, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer("events-to-come", wait=False)
    said = consumer.wait_logged("events-to-come")
    wait_for(lambda: any("kafka-topics" in line and "--create" in line for line in consumer.logged("events-to-come")),
             "the command that makes it")
    holds_for(lambda: consumer.is_running() and http_get(consumer.admin_port, "/readyz")[0] != 200, said, 1.5)
    assert not log.exists("events-to-come"), "never made by the relay"
    log.make_topic("events-to-come", partitions=2)
    consumer.wait_ready()
    log.produce("events-to-come", events.records(3))
    endpoint.wait_for(3)


def test_a_broker_that_is_away_at_start_is_waited_for(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    log.produce(topic, events.records(3))
    log.node.stop()
    consumer = relay.start_consumer(topic, wait=False)
    consumer.wait_logged(str(log.node.port))
    holds_for(lambda: http_get(consumer.admin_port, "/livez")[0] == 200
              and http_get(consumer.admin_port, "/readyz")[0] == 503, "live, not ready", 3)
    assert len(consumer.text().splitlines()) <= 10, f"one clear line, not a flood:\n{consumer.text()}"
    log.node.start()
    endpoint.wait_for(3)
    consumer.wait_ready()
    assert consumer.stop() == 0


def test_startup_timeout(relay, topic, receiver):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    consumer = relay.start_consumer(topic, {"kafka": {"bootstrap.servers": f"127.0.0.1:{free_port()}"},
                                            "startup_timeout": "1s"}, wait=False)
    assert consumer.wait() == 69


def test_sigterm_before_the_broker_answers(relay, topic, receiver):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    consumer = relay.start_consumer(topic, {"kafka": {"bootstrap.servers": f"127.0.0.1:{free_port()}"}}, wait=False)
    wait_for(lambda: http_get(consumer.admin_port, "/livez")[0] == 200, "live")
    assert consumer.stop(12) == 0


def test_admin_listener(relay, log, topic, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic)
    log.produce(topic, events.records(4))
    endpoint.wait_for(4)
    port = consumer.admin_port
    assert http_get(port, "/livez")[0] == 200
    assert http_get(port, "/readyz")[0] == 200
    assert http_get(port, "/elsewhere")[0] == 404
    assert http_get(port, "/metrics", "POST")[0] == 405
    status, text, headers = http_get(port, "/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(name.startswith("incident_consumer_") for name in families)
    assert all(family.documentation and family.type in ("counter", "gauge", "histogram") for family in families.values())
    assert text.endswith("\n") and len(set(text.splitlines())) == len(text.splitlines())
    consumer.wait_metric("incident_consumer_attempts_total", 4, verdict="delivered")
    assert consumer.metric("incident_consumer_records_total", reading="readable") == 4
    assert consumer.stop() == 0
    assert http_get(port, "/livez")[0] == 0


def test_the_admin_listener_of_the_producer(relay, log, topic):
    port = free_port()
    producer = relay.start_producer(topic, stdin=subprocess.PIPE, settings={"admin": {"listen": f"127.0.0.1:{port}"}})
    producer.process.stdin.write(events.line_of(events.make_event()) + b"\n{}\n")
    producer.process.stdin.flush()
    wait_for(lambda: http_get(port, "/readyz")[0] == 200, "ready")
    wait_for(lambda: re.search(r"^incident_producer_events_published_total(\{.*\})? 1$", http_get(port, "/metrics")[1], re.MULTILINE),
             lambda: http_get(port, "/metrics")[1])
    families = list(text_string_to_metric_families(http_get(port, "/metrics")[1]))
    assert families and all(family.name.startswith("incident_producer_") for family in families)
    producer.process.stdin.close()
    assert producer.wait() == 65


def test_an_address_that_is_taken(relay, topic, receiver):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    consumer = relay.start_consumer(topic, {"admin": {"listen": f"127.0.0.1:{receiver.port}"}}, wait=False)
    assert consumer.wait() != 0
    assert consumer.logged("admin.listen")


def test_logs_are_json_lines_without_secrets_or_narratives(relay, log, topic, receiver):
    """At the most talkative level, with failures; the fixture looks for the canaries."""
    endpoint = receiver.endpoint("/hook", [make_secret()], [500, 400, 400, 400, 200])
    relay.write_subscriptions(relay.subscription("crm", endpoint, http={"headers": {"authorization": "Bearer canary-77aa"}}))
    consumer = relay.start_consumer(topic, {"log": {"level": "debug"}})
    log.produce(topic, events.records(3))
    log.wait_committed_to_end(relay.group_of(topic), topic)
    metrics = consumer.metrics()
    assert consumer.stop() == 0
    for line in consumer.lines():
        assert {"time", "level", "msg"} <= line.keys()
    for place in (consumer.text(), metrics):
        assert "canary-77aa" not in place and events.CANARY not in place


def test_logfmt_is_a_choice(relay, topic, receiver):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    consumer = relay.start_consumer(topic, {"log": {"format": "logfmt"}})
    assert consumer.stop() == 0
    assert all(re.match(r"time=\S+ level=\w+ msg=", line) for line in consumer.text().splitlines())
