"""Secrets nowhere, narratives only where their event is kept: the search itself, and the memory of a program that dies.
What every other test's programs have written is searched after it (programs.py), what is on the log at the end
(secrecy.py)."""
import base64
import pathlib
import signal
import subprocess
import threading

import pytest

import events
from kafka_clients import Record
from programs import make_secret
from receiver import Answer
from secrecy import NARRATIVES, SECRETS_OF_THE_RUN, Canaries, told_on_the_log
from waiting import wait_for

SECRET = make_secret(77)
KEY = base64.b64decode(SECRET.removeprefix("whsec_"))
TOLD = {
    "the secret as it stands": SECRET.encode(), "its key": KEY, "its key in hexadecimal": KEY.hex().encode(),
    "in capitals": KEY.hex().upper().encode(), "for a URL": base64.urlsafe_b64encode(KEY),
    "the secret in base64 once more": base64.b64encode(SECRET.encode()),
    **{f"{before} bytes before it, in base64": base64.b64encode(b"?" * before + KEY + b"?") for before in range(7)},
}


@pytest.mark.parametrize("name", TOLD)
def test_a_secret_is_found_however_it_is_spelled(tmp_path, name):
    canaries = Canaries()
    canaries.add_secret(SECRET)
    (tmp_path / "clean.log").write_bytes(b"key=" + base64.b64encode(KEY[::-1]) + make_secret(78).encode())
    assert canaries.found_in([tmp_path]) == []
    (tmp_path / "some.log").write_bytes(b"msg\0\xff\n" * 1000 + b"key=" + TOLD[name] + b" and so on\n")
    assert canaries.found_in([tmp_path]) != []
    assert canaries.found_in_texts([("header", TOLD[name])]) != []


@pytest.mark.parametrize("suffix", ["log", "out", "metrics", "cmdline"])
def test_the_fixture_sees_what_a_program_tells(relay, topic, receiver, suffix):
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [SECRET])))
    consumer = relay.start_consumer(topic)
    assert consumer.stop() == 0
    path = consumer.log_path.with_suffix("." + suffix)
    honest = path.read_bytes()
    assert honest or suffix == "out", "nothing was kept to be searched"
    for told in (SECRET, f"x{events.CANARY}x"):
        path.write_bytes(honest + told.encode())
        assert relay.faults() != []
    path.write_bytes(honest)
    assert relay.faults() == []


def test_the_end_of_the_run_sees_what_is_on_the_log(log):
    """Both plants are taken away again: the run's own end must find nothing."""
    SECRETS_OF_THE_RUN.add_secret(SECRET)
    topic = log.make_topic("planted-dead-letters", partitions=1)
    log.produce(topic, [Record(b"value", b"7001", [("dl_last_error", f"x {events.CANARY} x".encode())])])
    planted = log.node.folder / "planted"
    planted.write_text(SECRET)
    told = told_on_the_log(log)
    planted.unlink()
    log.admin.delete_topics([topic])[topic].result(20)
    wait_for(lambda: not log.exists(topic), "the topic is gone")
    assert any("planted tells a secret" in line for line in told), told
    assert any(line.startswith("planted-dead-letters 0:0 dl_last_error tells a narrative") for line in told), told


def abort_with_cores_allowed(relay, start, prepare):
    """The files that a program leaves behind that dies of SIGABRT with no limit on core dumps."""
    unlimited = ("prlimit", "--core=unlimited", "--")
    control = relay.folder / "control"
    control.mkdir()
    subprocess.run([*unlimited, "bash", "-c", "kill -ABRT $$"], cwd=control, stderr=subprocess.DEVNULL)
    if not list(control.iterdir()):
        pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text().strip()
        pytest.skip(f"nobody's core dump is written into its folder here; core_pattern is {pattern}")
    program = start(unlimited)
    prepare(program)
    before = set(relay.folder.iterdir())
    program.signal(signal.SIGABRT)
    assert program.wait() == -signal.SIGABRT
    relay.programs.remove(program)  # it was meant to end so
    return set(relay.folder.iterdir()) - before


def test_a_consumer_that_aborts_leaves_no_core_dump(relay, log, topic, receiver):
    gate = threading.Event()
    endpoint = receiver.endpoint("/hook", [SECRET], lambda request: Answer(200, until=gate))
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    log.produce(topic, events.records(200))
    left = abort_with_cores_allowed(relay, lambda wrapper: relay.start_consumer(topic, wrapper=wrapper),
                                    lambda consumer: wait_for(lambda: len(endpoint.requests) >= 16, "attempts in the air"))
    gate.set()
    assert left == set(), relay.secrets.found_in(left) + NARRATIVES.found_in(left)


def test_a_producer_that_aborts_leaves_no_core_dump(relay, log, topic):
    def start(wrapper):
        return relay.start_producer(topic, stdin=subprocess.PIPE, wrapper=wrapper,
                                    settings={"kafka": {"ssl.key.password": "password-of-the-producer"}})

    def prepare(producer):
        producer.process.stdin.write(b"".join(events.line_of(events.make_event(number)) + b"\n" for number in range(1, 200)))
        producer.process.stdin.flush()
        wait_for(lambda: sum(log.ends(topic).values()) == 199, "everything is on the log")
    left = abort_with_cores_allowed(relay, start, prepare)
    assert left == set(), relay.secrets.found_in(left) + NARRATIVES.found_in(left)
