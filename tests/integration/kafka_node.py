"""A real Apache Kafka, one node, from its jars: started, stopped, killed, started again."""
import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import threading

from waiting import wait_for

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
num.partitions=1
# The relay must never make the event topic, and the broker must not do it behind its back.
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# Back in 5 s after kill -9 instead of 13.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
log.segment.bytes=67108864
# Retention is looked at every second, so that a test can see what it spares.
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=1000
log.cleaner.dedupe.buffer.size=16777216
# Compaction is looked for every second, not every 15 s.
log.cleaner.backoff.ms=1000
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=1
"""
JVM = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
START_S = 60.0
STOP_S = 30.0


def free_port():
    """A port that nobody listens on, below the range that outgoing connections take theirs from: a node that is
    down for a while must find its own again."""
    for _ in range(1000):
        port = random.randint(15000, 31999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


def answers_api_versions(port):
    """Ready means that a request is answered; the port opens before that."""
    request = struct.pack(">hhih", 18, 0, 7, 5) + b"tests"
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = b""
            while len(answer) < 10:
                part = connection.recv(4096)
                if not part:
                    return False
                answer += part
    except OSError:
        return False
    _, correlation, error = struct.unpack(">iih", answer[:10])
    return correlation == 7 and error == 0


class KafkaNode:
    def __init__(self, jars, folder):
        self.classpath = os.path.join(jars, "*")
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.process = None
        controller_port = free_port()
        while controller_port == self.port:
            controller_port = free_port()
        self.properties = self.folder / "node.properties"
        self.properties.write_text(PROPERTIES.format(port=self.port, controller_port=controller_port,
                                                     data=self.folder / "data"))
        self.format()

    @property
    def servers(self):
        return f"127.0.0.1:{self.port}"

    def java(self, main, *arguments, **options):
        """Runs one of Kafka's own tools; its standard output."""
        options.setdefault("timeout", 60)
        run = subprocess.run(["java", *JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", self.classpath, main,
                              *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                             errors="replace",
                             **({"stdin": subprocess.DEVNULL} if "input" not in options else {}), **options)
        assert run.returncode == 0, f"{main} {arguments}: {run.stdout}\n{run.stderr}"
        return run.stdout

    def format(self):
        cluster = self.java("kafka.tools.StorageTool", "random-uuid").split()[-1]
        self.java("kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", self.properties)

    def start(self):
        assert self.process is None
        # setpriv is replaced by java, so the process is ours to signal, and ends with us whatever becomes of us. (The
        # signal comes when the thread that started it ends, so that must be the main one.)
        assert threading.current_thread() is threading.main_thread()
        with open(self.folder / "node.log", "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "java", *JVM, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                 "-cp", self.classpath, "kafka.Kafka", str(self.properties)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder)
        self.wait_ready()

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, "Kafka has ended:\n" + self.last_lines()
            return answers_api_versions(self.port)
        wait_for(ready, lambda: "Kafka answers:\n" + self.last_lines(), START_S, 0.1)

    def last_lines(self):
        return "".join((self.folder / "node.log").read_text("utf-8", "replace").splitlines(True)[-30:])

    def end(self, signal_number):
        process, self.process = self.process, None
        process.send_signal(signal_number)
        process.wait(STOP_S)

    def stop(self):
        self.end(signal.SIGTERM)

    def kill(self):
        self.end(signal.SIGKILL)

    def freeze(self):
        """It keeps its connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def ensure_running(self):
        """For the next test, whatever the last one left."""
        if self.process is not None:
            self.thaw()
        if self.process is not None and self.process.poll() is not None:
            self.process = None
        if self.process is None:
            self.start()

    def close(self):
        if self.process is not None:
            self.thaw()
            self.end(signal.SIGKILL)
