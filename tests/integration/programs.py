"""The two programs, as a test drives them: settings, log lines, admin listener, signals, exit status."""
import base64
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

from kafka_node import free_port
from secrecy import NARRATIVES, SECRETS_OF_THE_RUN, Canaries
from waiting import wait_for

PLAIN = re.compile(r"[A-Za-z/][\w./:@%-]*")


def to_yaml(value, indent=0):
    """A YAML document of maps, lists and scalars, in block style."""
    pad = "  " * indent
    if isinstance(value, dict):
        if not value:
            return " {}\n"
        lines = "".join(f"{pad}{scalar(key)}:{to_yaml(item, indent + 1)}" for key, item in value.items())
        return ("\n" if indent else "") + lines
    if isinstance(value, list):
        if not value:
            return " []\n"
        if not any(isinstance(item, dict) for item in value):
            return " [" + ", ".join(scalar(item) for item in value) + "]\n"
        return "\n" + "".join(f"{pad}-{to_yaml(item, indent + 1)}" for item in value)
    return f" {scalar(value)}\n"


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if re.fullmatch(r"[0-9.]+(ms|s|m|h|d|KiB|MiB)", value) or PLAIN.fullmatch(value) and value not in ("true", "false"):
        return value
    return json.dumps(value)


def make_secret(number=1, size=32):
    return "whsec_" + base64.b64encode(bytes((number * 31 + index * 7) % 256 for index in range(size))).decode()


def http_get(port, path, method="GET", timeout_s=5):
    """(status, body as text, headers) of a request to an admin listener; status 0 when nobody listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout_s) as answer:
            return answer.status, answer.read().decode(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers
    except (urllib.error.URLError, OSError):
        return 0, "", {}


class Program:
    """One run. Its standard error is `NAME.N.log`, where N counts the runs in this folder; beside it, for the search of
    what it has told, stand its standard output, its command line and its last metrics."""
    name = None
    admin_port = None

    def __init__(self, binary, folder, arguments, stdin=subprocess.DEVNULL, environment=None, wrapper=()):
        self.folder = pathlib.Path(folder)
        number = len(list(self.folder.glob(f"{self.name}.*.log"))) + 1
        self.log_path = self.folder / f"{self.name}.{number}.log"
        self.out_path = self.folder / f"{self.name}.{number}.out"
        self.last_text = ""
        self.status = None
        assert threading.current_thread() is threading.main_thread()
        with open(self.log_path, "wb") as log, open(self.out_path, "wb") as out:
            self.process = subprocess.Popen(
                [*wrapper, "setpriv", "--pdeathsig", "KILL", "--", str(binary), *map(str, arguments)], cwd=folder,
                stdin=stdin, stdout=out, stderr=log, env={**os.environ, **(environment or {})})

    def keep_what_it_tells(self):
        """Metrics and command line, into files beside its log; nothing of one that has ended."""
        if not self.is_running() or not self.folder.exists():
            return
        line = pathlib.Path(f"/proc/{self.pid}/cmdline").read_bytes()
        self.log_path.with_suffix(".cmdline").write_bytes(line)
        if self.admin_port is not None:
            self.log_path.with_suffix(".metrics").write_text(http_get(self.admin_port, "/metrics", timeout_s=1)[1])

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        if self.log_path.exists():
            self.last_text = self.log_path.read_text("utf-8", "replace")
        return self.last_text  # of the last look, once the folder is gone

    def output(self):
        return self.out_path.read_text("utf-8", "replace")

    def lines(self):
        """The log lines so far, each a JSON object; a last one that is not whole yet is left out."""
        return [json.loads(line) for line in self.text().split("\n")[:-1]]

    def logged(self, pattern):
        """The log lines in which the pattern is found, anywhere in the line."""
        return [line for line in self.text().split("\n")[:-1] if re.search(pattern, line)]

    def wait_logged(self, pattern, count=1, timeout_s=20.0):
        def seen():
            found = self.logged(pattern)
            if len(found) < count:
                assert self.is_running(), f"{self.name} has ended with {self.status}:\n{self.text()}"
            return found if len(found) >= count else None
        return wait_for(seen, lambda: f"log line {pattern!r} of {self.name}:\n{self.text()[-3000:]}", timeout_s)

    def poll(self):
        """Its exit status, None while it runs."""
        self.status = self.process.poll()
        return self.status

    def is_running(self):
        return self.poll() is None

    def wait(self, timeout_s=30.0):
        """Its exit status; a signal's number is negative."""
        wait_for(lambda: self.poll() is not None, lambda: f"end of {self.name}:\n{self.text()[-3000:]}", timeout_s)
        return self.status

    def signal(self, number):
        assert self.is_running(), f"{self.name} has ended with {self.status}:\n{self.text()[-3000:]}"
        os.kill(self.pid, number)

    def stop(self, timeout_s=20.0):
        """SIGTERM; its exit status."""
        self.keep_what_it_tells()
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self):
        self.keep_what_it_tells()
        self.signal(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    def memory(self, name):
        """VmRSS or VmHWM, in bytes. (The rusage of a child begins with its parent's size, so it is of no use.)"""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+)", text).group(1)) * 1024

    def resident_bytes(self):
        return self.memory("VmRSS")

    def peak_bytes(self):
        return self.memory("VmHWM")

    def close(self):
        self.keep_what_it_tells()
        if self.is_running():
            os.kill(self.pid, signal.SIGKILL)
            self.wait()


class Producer(Program):
    name = "incident-producer"


class Consumer(Program):
    name = "incident-consumer"

    def wait_ready(self, timeout_s=30.0):
        def ready():
            assert self.is_running(), f"the consumer has ended with {self.status}:\n{self.text()}"
            return http_get(self.admin_port, "/readyz")[0] == 200
        wait_for(ready, lambda: f"/readyz: {http_get(self.admin_port, '/readyz')}\n{self.text()[-3000:]}", timeout_s)
        return self

    def metrics(self):
        status, text, _ = http_get(self.admin_port, "/metrics")
        assert status == 200
        return text

    def metric(self, name, **labels):
        """The sum of the samples of that name that have these labels."""
        total = 0.0
        for line in self.metrics().split("\n"):
            match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)", line)
            if match and match.group(1) == name:
                text = match.group(2) or ""
                if all(f'{label}="{value}"' in text for label, value in labels.items()):
                    total += float(match.group(3))
        return total

    def wait_metric(self, name, value, timeout_s=20.0, **labels):
        wait_for(lambda: self.metric(name, **labels) == value,
                 lambda: f"{name}{labels} = {value}; it is {self.metric(name, **labels)}", timeout_s)


def merge(base, more):
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value
    return base


class Relay:
    """Starts the programs of one test, in one folder, against one broker; ends what is left of them."""

    def __init__(self, bin_folder, folder, log):
        self.bin = pathlib.Path(bin_folder)
        self.folder = pathlib.Path(folder)
        self.log = log
        self.programs = []
        self.secrets = Canaries()
        self.inputs = {self.folder / "input.ndjson"}  # what the test itself has written

    def is_sanitized(self):
        return b"__asan_init" in (self.bin / Producer.name).read_bytes()

    # Settings

    def producer_settings(self, topic, **more):
        return merge({"kafka": {"bootstrap.servers": self.log.node.servers}, "log": {"format": "json"}, "topic": topic,
                      "rejects": str(self.folder / "rejects.ndjson")}, more)

    def consumer_settings(self, topic, **more):
        """Quick where the defaults are slow: the times of the contract are proved elsewhere, in virtual time."""
        return merge({
            "kafka": {"bootstrap.servers": self.log.node.servers},
            "admin": {"listen": f"127.0.0.1:{free_port()}"}, "log": {"format": "json"}, "group": self.group_of(topic),
            "topics": {"events": [topic], "dead_letters": self.dead_letters_of(topic)},
            "subscriptions": {"file": str(self.folder / "subscriptions.yaml")}, "commit_interval": "50ms",
            "retry": {"schedule": ["0s", *["200ms"] * 9], "refused": ["0s", "100ms", "100ms"], "jitter": 0},
            "lane": {"probe_first": "100ms", "probe_max": "400ms"},
            "egress": {"http": True, "allow": ["127.0.0.0/8"]},
        }, more)

    @staticmethod
    def group_of(topic):
        return f"{topic}-relay"

    @staticmethod
    def dead_letters_of(topic):
        return f"{topic}-dead-letters"

    def subscription(self, name, endpoint, tenant=7001, **more):
        """A subscription of an endpoint, with its secrets in files."""
        files = []
        for number, secret in enumerate(endpoint.secrets):
            path = self.folder / f"secret-{name}-{number}"
            path.write_text(secret + "\n")
            self.inputs.add(path)
            self.secrets.add_secret(secret)
            files.append(f"file:{path}")
        http = {"url": endpoint.url, **({"secrets": files} if files else {"unsigned": True}), **more.pop("http", {})}
        if "authorization" in http.get("headers", {}):
            self.secrets.add_secret(http["headers"]["authorization"])
        return {"id": name, "tenant": tenant, **more, "http": http}

    def write_subscriptions(self, *subscriptions):
        text = to_yaml({"subscriptions": list(subscriptions)})
        # A list item's first key stands on the line of its hyphen.
        text = re.sub(r"-\n +", "- ", text)
        path = self.folder / "subscriptions.yaml"
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)  # whole at once: a program may be reading it
        self.inputs.add(path)

    def write_settings(self, name, settings):
        path = self.folder / name
        path.write_text(to_yaml(settings))
        self.inputs.add(path)
        for key, value in settings.get("kafka", {}).items():
            if key.endswith("password"):
                self.secrets.add_secret(value)
        return path

    # Programs

    def run(self, kind, arguments, **options):
        program = kind(self.bin / kind.name, self.folder, arguments, **options)
        self.programs.append(program)
        return program

    def start_producer(self, topic, *arguments, stdin=subprocess.DEVNULL, settings=None, wrapper=(), environment=None):
        settings = self.producer_settings(topic, **(settings or {}))
        path = self.write_settings("producer.yaml", settings)
        producer = self.run(Producer, ["--config", path, *arguments], stdin=stdin, wrapper=wrapper, environment=environment)
        if "admin" in settings:
            producer.admin_port = int(settings["admin"]["listen"].rpartition(":")[2])
        return producer

    def publish(self, topic, lines, status=0, timeout_s=30.0, **settings):
        """Runs the producer over a file of these lines, to its end."""
        path = self.folder / "input.ndjson"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        producer = self.start_producer(topic, "--input", path, settings=settings)
        found = producer.wait(timeout_s)
        assert found == status, f"exit status {found}:\n{producer.text()}"
        return producer

    def start_consumer(self, topic, settings=None, wrapper=(), wait=True, environment=None, arguments=()):
        settings = self.consumer_settings(topic, **(settings or {}))
        path = self.write_settings("consumer.yaml", settings)
        consumer = self.run(Consumer, ["run", "--config", path, *arguments], wrapper=wrapper, environment=environment)
        consumer.admin_port = int(settings["admin"]["listen"].rpartition(":")[2])
        return consumer.wait_ready() if wait else consumer

    # Afterwards

    def close(self):
        for program in self.programs:
            program.close()

    def faults(self):
        """What no program may ever do, whatever the test: die by itself, log what is no log line, tell what is secret."""
        found = []
        for program in self.programs:
            if program.status is not None and program.status < 0 and program.status != -signal.SIGKILL:
                found.append(f"{program.name} was ended by signal {-program.status}")
            text = program.text() + program.output()
            if re.search(r"AddressSanitizer|LeakSanitizer|runtime error:|CHECK", text):
                found.append(f"{program.name}: {text[-4000:]}")
        return found + self.told()

    def told(self):
        """Secrets in any file that a program of ours has written, narratives in what it says."""
        SECRETS_OF_THE_RUN.add_all(self.secrets)
        written = [path for path in self.folder.rglob("*") if path.is_file() and path not in self.inputs]
        said = [path for path in written if path.suffix in (".log", ".out", ".metrics", ".cmdline", ".checkpoint")]
        return self.secrets.found_in(written) + NARRATIVES.found_in(said)
