#!/usr/bin/env python3
"""What an event costs: CPU of the programs beside bare clients that send the same bytes, on a real Apache Kafka.

    bench.py --build build --jars FOLDER [--match TEXT] [--rounds 5] [--scale 1.0] [--profile FOLDER]

Each scenario runs its contestants by turns, --rounds times; a ratio is taken within one round. A scenario passes when
every count is right and its figures are written, as JSON lines, into BUILD/bench.jsonl. README.md says what is measured.
With --profile `perf` watches every contestant's last run; FOLDER/SCENARIO-CONTESTANT.perf is its record. The last line
is `PASSED FAILED`.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from events import line_of, make_event
from kafka_clients import Log
from kafka_node import KafkaNode, free_port
from programs import Relay, make_secret
from waiting import wait_for

DELIVERIES = 50_000
EVENTS = 50_000
FEW_EVENTS = 500      # a run of so many is what the start and the end of a program cost
CONNECTIONS = 64
TENANT = 7001
FIRST_INCIDENT = 1_000_000_000  # all ids have the same width, so all bodies have the same size
STEP_S = 60.0

# No goal is set yet; a number here is the median to reach, by (scenario, figure).
GOALS = {}


@dataclasses.dataclass
class Figure:
    scenario: str
    name: str
    unit: str
    values: list

    def facts(self):
        return {"scenario": self.scenario, "figure": self.name, "median": round(statistics.median(self.values), 3),
                "min": round(min(self.values), 3), "max": round(max(self.values), 3),
                "goal": GOALS.get((self.scenario, self.name)), "unit": self.unit}


# ---- what goes in ----

def prose(size):
    """Rich text of that many bytes, of the shape that an editor makes."""
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": ""}]}
    words = "The proctor saw a second person enter the room and look at the screen. "
    paragraph["content"][0]["text"] = (words * size)[:size - len(json.dumps({"type": "doc", "content": [paragraph]},
                                                                            separators=(",", ":")))]
    return json.dumps({"type": "doc", "content": [paragraph]}, separators=(",", ":"))


def numbered(template, count):
    """`count` lines of the template, each of another incident. The id stands in it as often as there are rows."""
    mark = b'"id":%d,' % FIRST_INCIDENT
    assert mark in template
    return [template.replace(mark, b'"id":%d,' % (FIRST_INCIDENT + number)) for number in range(count)]


def event_lines(count):
    """Events of about 850 bytes."""
    return numbered(line_of(make_event(FIRST_INCIDENT, TENANT, description=prose(290))), count)


def change_lines(count):
    """Changes of a row's status, of which each is an event."""
    def row(status):
        event = json.loads(line_of(make_event(FIRST_INCIDENT, TENANT, description=prose(290), status=status)))
        return json.dumps(event["payload"], separators=(",", ":")).encode()
    return numbered(b'{"before":' + row("TRIGGERED") + b',"after":' + row("DISMISSED") + b"}", count)


def frame(data):
    return struct.pack("<I", len(data)) + data


def write_records(path, records):
    """The records as bare_produce reads them."""
    with open(path, "wb") as file:
        for record in records:
            parts = [record.key, record.value]
            for name, value in record.headers:
                parts += [name.encode(), value]
            file.write(frame(b"".join(map(frame, parts))))


# ---- what is measured ----

def cpu_seconds(pid):
    """What all threads of a process have used so far, user and system, to the nanosecond; also of one that has ended and
    was not waited for. (clock_getcpuclockid(3): this is the id that it gives.)"""
    return time.clock_gettime(~pid << 3 | 2)


def check_end(process):
    status = process.wait(STEP_S)
    assert status == 0, f"exit status {status} of {' '.join(map(str, process.args))}"


class BenchReceiver:
    """The bench_receiver of one run."""

    def __init__(self, bench, port, expected, record=None):
        command = [bench.programs / "bench_receiver", str(port), str(expected), *([record] if record else [])]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.bench = bench
        bench.processes.append(self.process)
        self.expect("listening")

    def line(self):
        readable, _, _ = select.select([self.process.stdout], [], [], STEP_S)
        assert readable, f"the receiver says nothing for {STEP_S:g} s"
        return self.process.stdout.readline().decode().strip()

    def expect(self, word):
        said = self.line()
        assert said == word, f"the receiver says {said!r}, not {word!r}"

    def cpu_between(self, name, pid):
        """What the process uses from its first request to its last."""
        self.expect("first")
        start = cpu_seconds(pid)
        self.bench.watch(name, pid)
        self.expect("last")
        return cpu_seconds(pid) - start

    def finish(self):
        """(requests, bytes)"""
        self.process.stdin.close()
        words = self.line().split()
        check_end(self.process)
        return int(words[1]), int(words[3])


def cpu_to_end(process):
    """What a process uses from its start to its end, which must be a good one."""
    wait_for(lambda: os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT),
             lambda: f"end of {' '.join(map(str, process.args))}", STEP_S)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    check_end(process)
    return usage.ru_utime + usage.ru_stime


class Bench:
    """The broker, the programs and the folder of a run."""

    def __init__(self, options, folder):
        self.bin = options.build / "bin"
        self.programs = options.build / "bench"
        self.rounds = options.rounds
        self.scale = options.scale
        self.profiles = options.profile
        self.folder = folder
        self.processes = []
        self.watchers = []  # they end by themselves
        for part in ("kafka", "relay"):
            (folder / part).mkdir()
        self.node = KafkaNode(options.jars, folder / "kafka")
        self.node.start()
        self.log = Log(self.node)
        self.relay = Relay(self.bin, folder / "relay", self.log)

    def end_programs(self):
        """Ends what a scenario that failed has left running."""
        self.relay.close()
        for watcher in self.watchers:
            watcher.wait(STEP_S)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def close(self):
        self.end_programs()
        self.log.close()
        self.node.close()

    def start(self, name, *arguments, wrapper=()):
        process = subprocess.Popen([*wrapper, self.programs / name, *map(str, arguments)], stdin=subprocess.PIPE)
        self.processes.append(process)
        return process

    def perf(self, name):
        """What goes before a command that perf is to watch; nothing without --profile."""
        if self.profiles is None:
            return []
        return ["perf", "record", "--quiet", "-g", "-o", str(self.profiles / f"{name}.perf")]

    def watch(self, name, pid):
        """Has perf watch all threads of a process, from now to its end; nothing without --profile."""
        if self.profiles is not None:
            self.watchers.append(subprocess.Popen([*self.perf(name), "-p", str(pid)]))

    def drop(self, topic):
        self.log.admin.delete_topics([topic])[topic].result(STEP_S)


# ---- deliveries ----

class Delivery:
    """`subscriptions` of them get every event."""

    def __init__(self, bench, name, subscriptions):
        self.bench = bench
        self.name = name
        self.port = free_port()
        self.events = round(DELIVERIES * bench.scale) // subscriptions
        self.count = self.events * subscriptions
        self.requests = bench.folder / f"{name}.requests"
        self.runs = 0
        self.topic = bench.log.make_topic(f"bench-{name}", partitions=1)
        bench.relay.publish(self.topic, event_lines(self.events), timeout_s=STEP_S)
        endpoints = [types.SimpleNamespace(url=f"http://127.0.0.1:{self.port}/hooks/{number}",
                                           secrets=[make_secret(number)]) for number in range(subscriptions)]
        bench.relay.write_subscriptions(*(
            bench.relay.subscription(f"crm-{number}", endpoint, TENANT,
                                     http={"max_in_flight": CONNECTIONS // subscriptions})
            for number, endpoint in enumerate(endpoints)))
        # The first run is none of the figures: it keeps the requests for the others, and warms everything up.
        _, self.size = self.relay(self.requests)

    def relay(self, record=None):
        """(CPU seconds, bytes) of the whole topic delivered by a new group."""
        self.runs += 1
        group = f"{self.topic}-{self.runs}"
        receiver = BenchReceiver(self.bench, self.port, self.count, record)
        consumer = self.bench.relay.start_consumer(self.topic, {"group": group, "commit_interval": "1s"}, wait=False)
        seconds = receiver.cpu_between(f"{self.name}-relay", consumer.pid)
        assert consumer.stop() == 0
        assert self.bench.log.committed(group, self.topic) == self.bench.log.ends(self.topic)
        requests, size = receiver.finish()
        assert requests == self.count, f"{requests} requests, not {self.count}"
        return seconds, size

    def bare(self, program):
        """CPU seconds of a bare client for the same requests."""
        receiver = BenchReceiver(self.bench, self.port, self.count)
        client = self.bench.start(program, self.port, CONNECTIONS, self.requests)
        seconds = receiver.cpu_between(f"{self.name}-{program}", client.pid)
        client.stdin.close()
        check_end(client)
        self.check(program, receiver.finish())
        return seconds

    def check(self, who, found):
        assert found == (self.count, self.size), f"{who} has sent {found}, not {(self.count, self.size)}"

    def run(self):
        ours, epoll, curl = [], [], []
        for _ in range(self.bench.rounds):
            seconds, size = self.relay()
            self.check("the relay", (self.count, size))
            ours.append(seconds / self.count * 1e6)
            epoll.append(self.bare("epoll_client") / self.count * 1e6)
            curl.append(self.bare("curl_client") / self.count * 1e6)
        yield Figure(self.name, "cpu_per_delivery_us", "us", ours)
        yield Figure(self.name, "epoll_cpu_per_delivery_us", "us", epoll)
        yield Figure(self.name, "libcurl_cpu_per_delivery_us", "us", curl)
        yield Figure(self.name, "ratio_to_epoll", "ratio", [mine / bare for mine, bare in zip(ours, epoll)])
        yield Figure(self.name, "ratio_to_libcurl", "ratio", [mine / bare for mine, bare in zip(ours, curl)])


# ---- events produced ----

class Production:
    """Lines of one format into a topic. A program's start and end are what a run of few lines costs."""

    def __init__(self, bench, name, form, make_lines):
        self.bench = bench
        self.name = name
        self.form = form
        self.lines = make_lines(round(EVENTS * bench.scale))
        self.few = self.lines[:FEW_EVENTS]
        self.runs = 0
        self.inputs = {}
        self.record_files = {}
        for lines in (self.few, self.lines):
            path = bench.folder / f"{name}-{len(lines)}.ndjson"
            path.write_bytes(b"".join(line + b"\n" for line in lines))
            self.inputs[len(lines)] = path
        # The first run is none of the figures: what it writes is what the bare producer writes too.
        topic = self.make_topic()
        self.relay(topic, len(self.lines))
        self.records = bench.log.read(topic)
        for lines in (self.few, self.lines):
            path = bench.folder / f"{name}-{len(lines)}.records"
            write_records(path, self.records[:len(lines)])
            self.record_files[len(lines)] = path
        bare = self.make_topic()
        self.bare(bare, len(self.lines))
        self.check_same(bench.log.read(bare))
        bench.drop(topic)
        bench.drop(bare)

    def make_topic(self):
        self.runs += 1
        return self.bench.log.make_topic(f"bench-{self.name}-{self.runs}", partitions=1)

    def watched(self, who, count):
        return self.bench.perf(f"{self.name}-{who}") if count == len(self.lines) else []

    def relay(self, topic, count):
        producer = self.bench.relay.start_producer(topic, "--format", self.form, "--input", self.inputs[count],
                                                   wrapper=self.watched("relay", count))
        return cpu_to_end(producer.process)

    def bare(self, topic, count):
        return cpu_to_end(self.bench.start("bare_produce", self.bench.node.servers, topic, self.inputs[count],
                                           self.record_files[count], wrapper=self.watched("bare_produce", count)))

    def check_same(self, records):
        def plain(record):
            return record.key, record.value, record.headers
        assert list(map(plain, records)) == list(map(plain, self.records)), "the bare producer's records differ"

    def cost(self, contestant):
        """Microseconds of CPU per event."""
        seconds = {}
        for count in (len(self.few), len(self.lines)):
            topic = self.make_topic()
            seconds[count] = contestant(topic, count)
            assert self.bench.log.ends(topic) == {0: count}, f"{self.bench.log.ends(topic)} written, not {count}"
            self.bench.drop(topic)
        return (seconds[len(self.lines)] - seconds[len(self.few)]) / (len(self.lines) - len(self.few)) * 1e6

    def run(self):
        ours, bare = [], []
        for _ in range(self.bench.rounds):
            ours.append(self.cost(self.relay))
            bare.append(self.cost(self.bare))
        yield Figure(self.name, "cpu_per_event_us", "us", ours)
        yield Figure(self.name, "bare_cpu_per_event_us", "us", bare)
        yield Figure(self.name, "ratio_to_jansson_and_librdkafka", "ratio",
                     [mine / other for mine, other in zip(ours, bare)])


SCENARIOS = {
    "deliver": lambda bench: Delivery(bench, "deliver", 1),
    "deliver-to-8": lambda bench: Delivery(bench, "deliver-to-8", 8),
    "produce-event": lambda bench: Production(bench, "produce-event", "event", event_lines),
    "produce-change": lambda bench: Production(bench, "produce-change", "change", change_lines),
}


def show(facts):
    goal = "" if facts["goal"] is None else f"   goal {facts['goal']:g}"
    print(f"       {facts['figure']:32} {facts['median']:8.2f} {facts['unit']:5}  "
          f"({facts['min']:.2f} … {facts['max']:.2f}){goal}")


def run_scenario(bench, name):
    """Its figures' facts; None when it has failed."""
    began = time.monotonic()
    try:
        found = [figure.facts() for figure in SCENARIOS[name](bench).run()]
        assert bench.relay.faults() == []
    except (AssertionError, OSError) as fault:
        print(f"not ok {name}: {fault}")
        traceback.print_exc(file=sys.stdout)
        return None
    finally:
        bench.end_programs()
    print(f"ok     {name}, {time.monotonic() - began:.0f} s: median (min … max) of {bench.rounds} rounds")
    for facts in found:
        show(facts)
    sys.stdout.flush()
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=lambda text: pathlib.Path(text).resolve())
    parser.add_argument("--jars", required=True)
    parser.add_argument("--match", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of events")
    parser.add_argument("--profile", type=lambda text: pathlib.Path(text).resolve())
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="relay-bench-"))
    passed = failed = 0
    try:
        bench = Bench(options, folder)
        try:
            with open(options.build / "bench.jsonl", "w", encoding="utf-8") as out:
                for name in SCENARIOS:
                    if options.match not in name:
                        continue
                    found = run_scenario(bench, name)
                    passed += found is not None
                    failed += found is None
                    for facts in found or []:
                        out.write(json.dumps(facts) + "\n")
        finally:
            bench.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(passed, failed)


if __name__ == "__main__":
    main()
