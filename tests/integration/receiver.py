"""A strict HTTP/1.1 receiver on raw sockets: it keeps what came, byte for byte, and answers as a test says."""
import base64
import collections
import dataclasses
import hashlib
import hmac
import json
import re
import socket
import threading
import time

import standardwebhooks

from waiting import wait_for

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
VALUE = re.compile(rb"[\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?|")
ONCE_ONLY = {"host", "content-length", "content-type", "user-agent", "webhook-id", "webhook-timestamp",
             "webhook-signature", "traceparent", "webhook-replay"}
REASONS = {200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request", 404: "Not Found", 410: "Gone",
           422: "Unprocessable Content", 429: "Too Many Requests", 500: "Internal Server Error",
           503: "Service Unavailable"}


class NotStrict(Exception):
    pass


@dataclasses.dataclass
class Answer:
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    until: threading.Event | None = None  # no answer before it is set
    close: bool = False                   # close without an answer


@dataclasses.dataclass
class Request:
    raw: bytes
    method: str
    target: str
    headers: list           # (name, value) as they came
    body: bytes
    arrived: float          # Unix seconds
    connection: int
    answered: Answer | None = None

    def header(self, name):
        found = [value for other, value in self.headers if other.lower() == name]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None

    @property
    def id(self):
        return self.header("webhook-id")

    @property
    def event(self):
        return json.loads(self.body)

    @property
    def incident(self):
        return self.event["payload"]["id"]


def parse(read_until, read_exactly):
    """One request. Raises NotStrict for whatever RFC 9112 forbids a client to send."""
    head = read_until(b"\r\n\r\n")
    if head is None:
        return None
    lines = head[:-4].split(b"\r\n")
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b"") or b"\0" in head:
        raise NotStrict(f"a bare CR, LF or NUL in {head!r}")
    first = re.fullmatch(rb"([A-Z]+) (/[\x21-\x7e]*) HTTP/1\.1", lines[0])
    if first is None:
        raise NotStrict(f"request line {lines[0]!r}")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            raise NotStrict(f"header line {line!r}")
        headers.append((name.decode(), value.decode("latin-1")))
    counts = collections.Counter(name.lower() for name, _ in headers)
    twice = [name for name in ONCE_ONLY if counts[name] > 1]
    if twice or counts["host"] != 1:
        raise NotStrict(f"{twice} twice, or host not once: {lines}")
    if counts["transfer-encoding"] or counts["expect"]:
        raise NotStrict(f"transfer-encoding or expect: {lines}")
    size = next((value for name, value in headers if name.lower() == "content-length"), None)
    if size is None or not re.fullmatch(r"[0-9]+", size):
        raise NotStrict(f"content-length {size!r}")
    body = read_exactly(int(size))
    if body is None:
        return None
    return head + body, first.group(1).decode(), first.group(2).decode(), headers, body


class Endpoint:
    """One path of a receiver. `answer` is a status, an Answer, a list of these (the last one stays), or a function of
    the request that gives one."""

    def __init__(self, receiver, path, secrets, answer):
        self.receiver = receiver
        self.path = path
        self.secrets = secrets
        self.answer = answer
        self.requests = []
        self.in_air = 0
        self.in_air_max = 0
        self.in_air_by_incident_max = 0
        self.by_incident = collections.Counter()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.receiver.port}{self.path}"

    @property
    def bodies(self):
        return [request.body for request in self.requests]

    @property
    def delivered(self):
        """The requests that were answered with 2xx."""
        return [request for request in list(self.requests)
                if request.answered is not None and not request.answered.close and 200 <= request.answered.status < 300]

    def ids(self, incidents=None):
        return [request.id for request in self.delivered]

    def wait_for(self, count, timeout_s=20.0):
        """At least `count` deliveries taken."""
        wait_for(lambda: len(self.delivered) >= count,
                 lambda: f"{count} deliveries at {self.path}; {len(self.delivered)} taken, {len(self.requests)} requests",
                 timeout_s)
        return self.delivered

    def wait_for_requests(self, count, timeout_s=20.0):
        wait_for(lambda: len(self.requests) >= count, lambda: f"{count} requests at {self.path}: {len(self.requests)}",
                 timeout_s)
        return list(self.requests)

    def choose(self, request):
        answer = self.answer
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return Answer(answer) if isinstance(answer, int) else answer


def secret_key(secret):
    return base64.b64decode(secret.removeprefix("whsec_"), validate=True)


def signature(secret, message_id, timestamp, body):
    """Standard Webhooks 1.0.0, v1, without any library for it."""
    signed = message_id.encode() + b"." + str(timestamp).encode() + b"." + body
    return "v1," + base64.b64encode(hmac.new(secret_key(secret), signed, hashlib.sha256).digest()).decode()


class Receiver:
    def __init__(self, socket_of=None):
        """`socket_of` gives the listening socket (of another network namespace, say)."""
        self.listener = socket_of() if socket_of else socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.endpoints = {}
        self.faults = []
        self.connections = 0
        self.lock = threading.Lock()
        self.open = set()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def endpoint(self, path, secrets=(), answer=200):
        self.endpoints[path] = Endpoint(self, path, list(secrets), answer)
        return self.endpoints[path]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection, number), daemon=True).start()

    def serve(self, connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        buffer = bytearray()

        def more():
            part = connection.recv(65536)
            buffer.extend(part)
            return bool(part)

        def read_until(mark):
            while mark not in buffer:
                if len(buffer) > 65536:
                    raise NotStrict("a head above 64 KiB")
                if not more():
                    return None
            end = buffer.index(mark) + len(mark)
            data = bytes(buffer[:end])
            del buffer[:end]
            return data

        def read_exactly(size):
            while len(buffer) < size:
                if not more():
                    return None
            data = bytes(buffer[:size])
            del buffer[:size]
            return data

        try:
            while True:
                parsed = parse(read_until, read_exactly)
                if parsed is None:
                    return
                raw, method, target, headers, body = parsed
                if not self.take(connection, Request(raw, method, target, headers, body, time.time(), number)):
                    return
        except NotStrict as fault:
            self.faults.append(str(fault))
        except OSError:
            pass  # the other side has gone, or the test has closed us
        except Exception as fault:  # a test's answer function that raised: the test must hear of it
            self.faults.append(f"{type(fault).__name__}: {fault}")
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def take(self, connection, request):
        endpoint = self.endpoints.get(request.target)
        if endpoint is None:
            self.faults.append(f"a request to {request.target}, where nobody is")
            return False
        incident = request.incident
        with self.lock:
            endpoint.requests.append(request)
            endpoint.in_air += 1
            endpoint.by_incident[incident] += 1
            endpoint.in_air_max = max(endpoint.in_air_max, endpoint.in_air)
            endpoint.in_air_by_incident_max = max(endpoint.in_air_by_incident_max, endpoint.by_incident[incident])
            answer = endpoint.choose(request)
        self.check(endpoint, request)
        if answer.until is not None:
            answer.until.wait()
        # Out of the air before the answer: the next one may come as soon as the first byte of it is out.
        with self.lock:
            endpoint.in_air -= 1
            endpoint.by_incident[incident] -= 1
        if answer.close:
            request.answered = answer
            return False
        head = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Status')}",
                *(f"{name}: {value}" for name, value in answer.headers.items()), f"content-length: {len(answer.body)}"]
        request.answered = answer
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + answer.body)
        return True

    def check(self, endpoint, request):
        """Every request of every test is checked: the signatures by an implementation of our own and by the library."""
        try:
            assert request.header("content-type") == "application/json"
            assert re.fullmatch(r"incident-relay/[0-9]+\.[0-9]+\.[0-9]+\S*", request.header("user-agent"))
            assert request.header("host") == f"127.0.0.1:{self.port}", request.header("host")
            stamp = request.header("webhook-timestamp")
            assert re.fullmatch("[0-9]{10}", stamp) and abs(int(stamp) - request.arrived) <= 5, stamp
            assert re.fullmatch("[A-Za-z0-9_-]{1,64}", request.id), request.id
            if not endpoint.secrets:
                assert request.header("webhook-signature") is None
                return
            expected = [signature(secret, request.id, stamp, request.body) for secret in endpoint.secrets]
            assert request.header("webhook-signature").split(" ") == expected
            headers = {name: request.header(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
            for secret in endpoint.secrets:
                standardwebhooks.Webhook(secret).verify(request.body, headers)
        except (AssertionError, standardwebhooks.WebhookVerificationError) as fault:
            self.faults.append(f"{endpoint.path}: {fault!r}: {request.headers}")

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # or an accept() that waits would take one more
        self.listener.close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
