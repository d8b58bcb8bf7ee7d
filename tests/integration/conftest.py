"""The fixtures: one Kafka for the session; a topic, a receiver and a relay for each test."""
import os
import pathlib
import shutil
import subprocess

import pytest

from kafka_clients import Log
from kafka_node import KafkaNode
from newest import is_chosen
from programs import Relay
from receiver import Receiver
from secrecy import told_on_the_log

TIMEOUT_S = 60
SOAK_TIMEOUT_S = 2 * 3600


def pytest_addoption(parser):
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.addoption("--bin", default=str(root / "build/bin"), help="folder of the programs")
    parser.addoption("--tsan-bin", help="folder of the programs under ThreadSanitizer; without it test_threads.py is skipped")
    parser.addoption("--jars", required=True, help="folder of Kafka's jars (tests/run makes it)")
    parser.addoption("--counts", help="file for `PASSED FAILED`")
    parser.addoption("--soak", action="store_true", help="the large counts as well")


def pytest_collection_modifyitems(config, items):
    for item in items:
        if is_chosen(item):
            item.add_marker(pytest.mark.newest)
        if item.get_closest_marker("grows") and config.getoption("--soak"):
            item.add_marker(pytest.mark.timeout(SOAK_TIMEOUT_S))
        elif item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        if item.get_closest_marker("soak") and not config.getoption("--soak"):
            item.add_marker(pytest.mark.skip(reason="only with --soak"))


def pytest_configure(config):
    config.addinivalue_line("markers", "newest: run once more with the newest librdkafka")
    config.addinivalue_line("markers", "soak: a large count; only with --soak")
    config.addinivalue_line("markers", "grows: its count, and so its time, is larger with --soak")
    # kafka-python's own loading of its schemas.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:kafka")
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning:importlib")
    config.outcomes = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    outcomes = item.config.outcomes
    if report.failed:
        outcomes[item.nodeid] = "failed"
        for program in getattr(item, "relay_programs", []):
            report.sections.append((f"{program.log_path.name}, exit status {program.status}", program.text()[-6000:]))
    elif report.when == "call" and report.passed:
        outcomes.setdefault(item.nodeid, "passed")
    return report


def pytest_sessionfinish(session):
    path = session.config.getoption("--counts")
    if path:
        outcomes = list(session.config.outcomes.values())
        broken = 1 if session.exitstatus not in (0, 1, 5) else 0
        counts = f"{outcomes.count('passed')} {outcomes.count('failed') + broken}"
        pathlib.Path(path).write_text(counts)


@pytest.fixture(scope="session")
def kafka(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("kafka")
    node = KafkaNode(request.config.getoption("--jars"), folder)
    node.start()
    yield node
    node.ensure_running()
    log = Log(node)
    told = told_on_the_log(log)
    log.close()
    node.close()
    assert told == []
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def log(kafka):
    kafka.ensure_running()
    log = Log(kafka)
    yield log
    kafka.ensure_running()
    log.close()


@pytest.fixture
def topic(log):
    """A new topic of four partitions."""
    return log.make_topic()


@pytest.fixture
def topic1(log):
    """A new topic of one partition."""
    return log.make_topic(partitions=1)


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()
    assert receiver.faults == []


@pytest.fixture
def relay(request, tmp_path, log):
    relay = Relay(request.config.getoption("--bin"), tmp_path, log)
    request.node.relay_programs = relay.programs
    yield relay
    relay.close()
    assert relay.faults() == []
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def tmpfs(tmp_path_factory):
    """A file system of 128 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    folder = tmp_path_factory.mktemp("small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
