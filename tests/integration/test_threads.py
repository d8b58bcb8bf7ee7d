"""Both programs under ThreadSanitizer, with all of their threads at work: load, reloads, scrapes, members, restarts."""
import itertools
import pathlib
import signal
import threading

import pytest

from events import derive_id, make_event, micros, record_of, row_time, split_rich_text
from kafka_clients import Record
from kafka_node import free_port
from programs import http_get, make_secret
from test_checkpoint import Spool, assert_all_there
from test_producer import lines_of_tenants
from waiting import wait_for

SUPPRESSIONS = pathlib.Path(__file__).resolve().parents[1] / "support/thread_sanitizer.supp"
ROUNDS = 60
TENANTS = (7001, 7002, 7003, 7004)
START_US = micros("2026-02-03T10:46:23+00:00")


@pytest.fixture
def relay(relay, request, tmp_path, monkeypatch):
    """With the programs of the build under ThreadSanitizer. Each of its reports is a file; none may be there."""
    folder = request.config.getoption("--tsan-bin")
    if folder is None:
        pytest.skip("needs the programs of the preset `tsan`: --tsan-bin")
    relay.bin = pathlib.Path(folder)
    assert b"__tsan_init" in (relay.bin / "incident-consumer").read_bytes()
    monkeypatch.setenv("TSAN_OPTIONS", f"log_path='{tmp_path}/race':suppressions='{SUPPRESSIONS}':exitcode=0:history_size=5")
    yield relay
    relay.close()
    reports = [path.read_text() for path in sorted(tmp_path.glob("race.*"))]
    assert reports == [], "\n".join(reports)[:20_000]


class Scraper:
    """Asks the admin listeners of these programs, by turns and without end."""

    def __init__(self, *programs):
        self.programs = list(programs)
        self.answers = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.is_over.wait(0.01):
            for program, path in itertools.product(list(self.programs), ("/metrics", "/readyz", "/livez")):
                self.answers += http_get(program.admin_port, path)[0] in (200, 503)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()


@pytest.mark.timeout(120)
def test_the_producer(relay, log, topic):
    """It follows a file that grows and is renamed; its broker is killed; it is stopped in the middle and begun again."""
    spool = Spool(relay, topic)
    lines = lines_of_tenants(4000)
    parts = [lines[start:start + 500] for start in range(0, len(lines), 500)]
    settings = {"admin": {"listen": f"127.0.0.1:{free_port()}"}, "in_flight": {"events": 300}}
    spool.append(parts.pop(0))
    producer = spool.start("--follow", settings=settings)
    with Scraper(producer) as scraper:
        wait_for(lambda: sum(log.ends(topic).values()) > 100, "some are on the log")
        spool.append(parts.pop(0) + [b"no event"])
        log.node.kill()
        spool.append(parts.pop(0))
        log.node.start()
        spool.path.rename(spool.path.with_name("spool.ndjson.1"))
        for part in parts[:-1]:
            spool.append(part)
        assert producer.stop() == 75
        producer = spool.start("--follow", settings=settings)
        spool.append(parts[-1])
        wait_for(lambda: len({record.header("ce_id") for record in log.read(topic)}) == len(lines), "all of them", 40, 0.3)
        assert producer.stop() in (0, 65)  # 65: the checkpoint had not passed the reject
    assert scraper.answers > 100
    assert_all_there(log, topic, lines)


class Load:
    """What the consumer's test puts on the log, and where it must be found: each tenant has sinks of its own that stay
    while their documents change, and guests that come and go."""

    def __init__(self, relay, log, topic, receiver):
        self.relay = relay
        self.log = log
        self.topic = topic
        self.made = {tenant: set() for tenant in TENANTS}
        self.hooks = [receiver.endpoint(f"/{side}", [make_secret(side)], self.answer()) for side in (1, 2)]
        # Each with secret files of its own: a reload may still be reading those of the document before.
        self.http = [relay.subscription(f"side-{hook.path[1:]}", hook)["http"] for hook in self.hooks]
        self.archive = relay.folder / "archive.ndjson"
        self.lake = log.make_topic()
        self.producer = log.producer()

    @staticmethod
    def answer():
        """Now and then the endpoint fails, so that retries and lanes have something to do."""
        return lambda request, turns=itertools.cycle([503] + [200] * 30): next(turns)

    def produce(self, number):
        made = [make_event(1 + incident, tenant, updated_at=row_time(START_US + number))
                for incident in range(10) for tenant in TENANTS]
        for event in made:
            self.made[event["payload"]["tenant_id"]].add(derive_id(event))
        unreadable = Record(b"no event", headers=[("ce_id", b"%d" % number)])
        self.log.send(self.producer, self.topic, [record_of(event) for event in made] + [unreadable])

    def document(self, number):
        side = number % 2
        ordering = ("incident", "tenant", "none")[number % 3]
        hook = {"id": "hook", "tenant": 7001, "ordering": ordering,
                "http": {**self.http[side], "max_in_flight": 1 + number % 4}}
        lake = {"id": "lake", "tenant": 7002, "ordering": ordering,
                "kafka": {"topic": self.lake, "format": ("avro", "json")[side]}}
        archive = {"id": "archive", "tenant": 7003, "file": {"path": str(self.archive),
                                                             "fsync": ("always", "never")[side]}}
        # The last tenant has all three sinks: one event, one body, three deliveries.
        all_three = [{**item, "id": f"{item['id']}-7004", "tenant": 7004} for item in (hook, lake, archive)]
        guests = [{"id": "dead-end", "tenant": 7001, "http": {"url": f"http://127.0.0.1:{free_port()}/", "unsigned": True}},
                  {"id": "diary", "tenant": 7002, "file": {"path": str(self.relay.folder / "diary.ndjson")}},
                  {"id": "nowhere", "tenant": 7003, "kafka": {"topic": f"{self.lake}-missing"}}]
        mistakes = [{**hook, "id": "wrong", "tenant": 0}] if number % 5 == 4 else []
        return [hook, lake, archive, *all_three, *guests[:number % 4], *mistakes]

    def assert_all_there(self):
        hooked = {request.id for hook in self.hooks for request in hook.delivered}
        laked = {record.header("ce_id").decode() for record in self.log.read(self.lake)}
        archived = {derive_id(split_rich_text(line)) for line in self.archive.read_bytes().splitlines()}
        assert hooked == self.made[7001] | self.made[7004]
        assert laked == self.made[7002] | self.made[7004]
        assert archived == self.made[7003] | self.made[7004]
        letters = {record.header("ce_id") for record in self.log.read(self.relay.dead_letters_of(self.topic))
                   if record.header("dl_reason") == b"undecodable.framing"}
        assert letters == {b"%d" % number for number in range(ROUNDS + 1)}


def reload(members):
    """Two SIGHUPs, the second while the first is under way; waits until the first has been dealt with."""
    outcomes = "subscriptions in force|the subscriptions file was refused"
    before = {member: len(member.logged(outcomes)) for member in members}
    for member in members * 2:
        member.signal(signal.SIGHUP)
    for member, count in before.items():
        member.wait_logged(outcomes, count + 1)


@pytest.mark.timeout(180)
def test_the_consumer(relay, log, topic, receiver):
    """Three shards, every kind of sink, one reload after another; a member joins and leaves, the broker is killed, it is
    stopped under load and begun again."""
    load = Load(relay, log, topic, receiver)
    relay.write_subscriptions(*load.document(0))
    settings = {"shards": 3, "hand": {"records": 300}, "drain": "2s"}
    members = [relay.start_consumer(topic, settings)]
    with Scraper(*members) as scraper:
        for number in range(ROUNDS):
            load.produce(number)
            relay.write_subscriptions(*load.document(number))
            reload(members)
            if number == ROUNDS // 3:
                members.append(relay.start_consumer(topic, {**settings, "shards": 2}))
                scraper.programs.append(members[-1])
            if number == ROUNDS // 2:
                log.node.kill()
                log.node.start()
            if number == ROUNDS * 2 // 3:
                assert members.pop().stop() == 0
        load.produce(ROUNDS)
        assert members.pop().stop() == 0
        assert load.producer.flush(30) == 0, "not everything was written"
        relay.write_subscriptions(*load.document(0))
        last = relay.start_consumer(topic, settings)
        scraper.programs.append(last)
        log.wait_committed_to_end(relay.group_of(topic), topic, 40)
        assert last.stop() == 0
    assert scraper.answers > 100
    load.assert_all_there()
