"""TLS with client certificates, SASL/SCRAM, ACLs; and for each mistake one line that says what to do."""
import json
import shutil
import subprocess

import pytest
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient,
                                   ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialUpsertion)

import events
from events import line_of, make_event
from kafka_clients import Log, Record
from kafka_cluster import free_ports, with_settings
from kafka_node import PROPERTIES, KafkaNode, free_port
from newest import link_newest, version_of
from programs import Consumer, make_secret
from waiting import holds_for

PASSWORD = "keystore-pass"
USERS = {"relay": "relay-password"}
# Kafka 4 refuses the SCRAM of an older one.
SCRAM_SINCE = (2, 6, 1)


def openssl(folder, *arguments):
    run = subprocess.run(["openssl", *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, f"openssl {arguments}: {run.stderr}"


class Authority:
    """A certificate authority of its own, and what it has signed, in a folder."""

    def __init__(self, folder, name="ca"):
        self.folder = folder
        self.name = name
        openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem")

    @property
    def file(self):
        return str(self.folder / f"{self.name}.pem")

    def sign(self, name, alternatives=""):
        """NAME.key and NAME.pem."""
        openssl(self.folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.csr")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"basicConstraints=CA:FALSE\n{alternatives}\n")
        openssl(self.folder, "x509", "-req", "-days", 2, "-in", f"{name}.csr", "-CA", f"{self.name}.pem", "-CAkey",
                f"{self.name}.key", "-CAcreateserial", "-extfile", extensions, "-out", f"{name}.pem")

    def store(self, name):
        """NAME.p12 of the certificate and its key."""
        openssl(self.folder, "pkcs12", "-export", "-in", f"{name}.pem", "-inkey", f"{name}.key", "-out", f"{name}.p12",
                "-passout", f"pass:{PASSWORD}")
        return self.folder / f"{name}.p12"


class GuardedNode(KafkaNode):
    """One node with four listeners: plain (the tests' own, a super user), TLS with client certificates, TLS with
    SCRAM, SCRAM in the clear; and with ACLs that allow nothing that is not allowed."""

    def __init__(self, jars, folder):
        self.classpath = f"{jars}/*"
        self.folder = folder
        self.process = None
        self.port, controller_port, self.ssl_port, self.sasl_ssl_port, self.sasl_port = free_ports(5)
        self.authority = Authority(folder)
        self.other_authority = Authority(folder, "another-ca")
        self.authority.sign("broker", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        for name in ("relay", "stranger"):
            self.authority.sign(name)
        text = PROPERTIES.format(port=self.port, controller_port=controller_port, data=folder / "data")
        ports = {"PLAINTEXT": self.port, "CONTROLLER": controller_port, "SSL": self.ssl_port,
                 "SASL_SSL": self.sasl_ssl_port, "SASL_PLAINTEXT": self.sasl_port}
        listeners = {name: f"{name}://127.0.0.1:{port}" for name, port in ports.items()}
        self.properties = folder / "node.properties"
        self.properties.write_text(with_settings(text, {
            "listeners": ",".join(listeners.values()),
            "advertised.listeners": ",".join(text for name, text in listeners.items() if name != "CONTROLLER"),
            "listener.security.protocol.map": ",".join(
                f"{name}:{'PLAINTEXT' if name == 'CONTROLLER' else name}" for name in ports),
            "ssl.keystore.type": "PKCS12", "ssl.keystore.location": self.authority.store("broker"),
            "ssl.keystore.password": PASSWORD, "ssl.key.password": PASSWORD,
            "ssl.truststore.type": "PEM", "ssl.truststore.location": self.authority.file,
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            **{f"listener.name.{name}.scram-sha-512.sasl.jaas.config":
               "org.apache.kafka.common.security.scram.ScramLoginModule required;"
               for name in ("sasl_ssl", "sasl_plaintext")},
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS"}))
        self.format()

    def tls(self, user="relay", **more):
        return {"bootstrap.servers": f"127.0.0.1:{self.ssl_port}", "security.protocol": "SSL",
                "ssl.ca.location": self.authority.file,
                "ssl.certificate.location": str(self.folder / f"{user}.pem"),
                "ssl.key.location": str(self.folder / f"{user}.key"), **more}

    def scram(self, port=None, **more):
        return {"bootstrap.servers": f"127.0.0.1:{port or self.sasl_ssl_port}", "security.protocol": "SASL_SSL",
                "ssl.ca.location": self.authority.file, "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "relay",
                "sasl.password": USERS["relay"], **more}

    def add_users(self):
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        changes = [UserScramCredentialUpsertion(name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                                                password.encode()) for name, password in USERS.items()]
        for future in admin.alter_user_scram_credentials(changes).values():
            future.result(20)

    def deny(self, kind, name, operation):
        """One thing to the user `relay`, until the returned function is called."""
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        binding = AclBinding(kind, name, ResourcePatternType.LITERAL, "User:CN=relay", "*", operation,
                             AclPermissionType.DENY)
        for future in admin.create_acls([binding]).values():
            future.result(20)
        filters = AclBindingFilter(kind, name, ResourcePatternType.LITERAL, "User:CN=relay", "*", operation,
                                   AclPermissionType.DENY)
        return lambda: [future.result(20) for future in admin.delete_acls([filters]).values()]

    def allow(self, *principals):
        """Everything that the relay needs."""
        admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        bindings = [AclBinding(kind, "*", ResourcePatternType.LITERAL, principal, "*", operation, AclPermissionType.ALLOW)
                    for principal in principals
                    for kind, operations in (
                        (ResourceType.TOPIC, (AclOperation.READ, AclOperation.WRITE, AclOperation.DESCRIBE,
                                              AclOperation.CREATE, AclOperation.DESCRIBE_CONFIGS)),
                        (ResourceType.GROUP, (AclOperation.READ, AclOperation.DESCRIBE)))
                    for operation in operations]
        for future in admin.create_acls(bindings).values():
            future.result(20)


@pytest.fixture(scope="module")
def kafka(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    node = GuardedNode(request.config.getoption("--jars"), folder)
    try:
        node.start()
        node.add_users()
        node.allow("User:relay", "User:CN=relay")
        yield node
    finally:
        node.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def log(kafka):
    return Log(kafka)


@pytest.fixture(scope="module")
def scram_library(request, tmp_path_factory):
    """The environment in which SCRAM can work: the library that the programs find, if it is new enough."""
    found = version_of(request.config.getoption("--bin"))
    return {} if found >= SCRAM_SINCE else {"LD_LIBRARY_PATH": str(link_newest(tmp_path_factory.mktemp("library")))}


# It works


@pytest.mark.parametrize("way", ["tls", "scram", "scram in the clear"])
def test_an_event_end_to_end(relay, log, kafka, topic, receiver, scram_library, way):
    properties = {"tls": kafka.tls(), "scram": kafka.scram(),
                  "scram in the clear": {**kafka.scram(port=kafka.sasl_port), "security.protocol": "SASL_PLAINTEXT"}}[way]
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    environment = {} if way == "tls" else scram_library
    consumer = relay.start_consumer(topic, {"kafka": properties}, environment=environment)
    event = make_event(7)
    path = relay.folder / "input.ndjson"
    path.write_bytes(line_of(event) + b"\n")
    producer = relay.start_producer(topic, "--input", path, settings={"kafka": properties}, environment=environment)
    assert producer.wait() == 0, producer.text()
    endpoint.wait_for(1)
    assert endpoint.ids() == [events.derive_id(event)]
    log.wait_committed_to_end(relay.group_of(topic), topic)
    assert consumer.stop() == 0
    for program in relay.programs:
        assert USERS["relay"] not in program.text()


# It does not: what is wrong with the settings, and what the line must say


def closed(kafka):
    return {"bootstrap.servers": f"127.0.0.1:{free_port()}"}


MISTAKES = {
    "port closed": (closed, ["is the broker running", "bootstrap.servers"]),
    "tls to a plain port": (lambda kafka: kafka.tls(**{"bootstrap.servers": kafka.servers}),
                            ["not speak TLS", "security.protocol"]),
    "plain to a tls port": (lambda kafka: {"bootstrap.servers": f"127.0.0.1:{kafka.ssl_port}"},
                            ["TLS", "security.protocol"]),
    "wrong authority": (lambda kafka: kafka.tls(**{"ssl.ca.location": kafka.other_authority.file}),
                        ["ssl.ca.location"]),
    "no client certificate": (lambda kafka: {name: value for name, value in kafka.tls().items()
                                             if name not in ("ssl.certificate.location", "ssl.key.location")},
                              ["client certificate", "ssl.certificate.location", "ssl.key.location"]),
    "wrong password": (lambda kafka: kafka.scram(**{"sasl.password": "not-the-password"}),
                       ["sasl.username", "sasl.password"]),
    "no sasl where it is needed": (lambda kafka: {"bootstrap.servers": f"127.0.0.1:{kafka.sasl_port}"},
                                   ["security.protocol"]),
    "wrong mechanism": (lambda kafka: kafka.scram(**{"sasl.mechanism": "PLAIN"}), ["sasl.mechanism"]),
}


def start(relay, kind, topic, receiver, properties):
    if kind == "producer":
        path = relay.folder / "input.ndjson"
        path.write_bytes(line_of(make_event()) + b"\n")
        return relay.start_producer(topic, "--input", path, settings={"kafka": properties, "startup_timeout": "2s"})
    relay.write_subscriptions(relay.subscription("crm", receiver.endpoint("/hook", [make_secret()])))
    return relay.start_consumer(topic, {"kafka": properties, "startup_timeout": "2s"}, wait=False)


def troubles(program):
    return [line for line in program.lines() if line["level"] in ("warn", "error")]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gives_one_line(relay, kafka, topic, receiver, mistake):
    make_properties, words = MISTAKES[mistake]
    properties = make_properties(kafka)
    programs = [start(relay, kind, topic, receiver, properties) for kind in ("producer", "consumer")]
    for program in programs:
        assert program.wait() == 69, program.text()
        about = [line for line in troubles(program) if "advice" in line]
        assert len(about) == 1, program.text()
        assert not program.logged("answers again"), program.text()
        assert all(word in about[0]["advice"] for word in words), about[0]
        assert "not-the-password" not in program.text()


def test_a_library_too_old_for_scram_is_named(relay, kafka, topic, receiver, request):
    is_old = version_of(request.config.getoption("--bin")) < SCRAM_SINCE
    for kind in ("producer", "consumer"):
        program = start(relay, kind, topic, receiver, kafka.scram(**{"sasl.password": "not-the-password"}))
        assert program.wait() == 69, program.text()
        about, = [line for line in troubles(program) if "advice" in line]
        assert ("librdkafka 2.6.1" in about["advice"]) == is_old


def test_an_unknown_topic(relay, kafka, receiver):
    for kind in ("producer", "consumer"):
        program = start(relay, kind, "no-such-topic", receiver, kafka.tls())
        assert program.wait() == 69, program.text()
        about = [line for line in troubles(program) if "--create --topic no-such-topic" in json.dumps(line)]
        assert [line["level"] for line in about] in (["warn"], ["warn", "error"]), program.text()  # again as it gives up


@pytest.mark.parametrize("kind", ["producer", "consumer"])
def test_no_authorisation(relay, kafka, topic, receiver, kind):
    """The line has the command that allows it."""
    program = start(relay, kind, topic, receiver, kafka.tls("stranger"))
    assert program.wait() == 69, program.text()
    about = [line for line in troubles(program) if "not authorised" in json.dumps(line)]
    assert [line["level"] for line in about] in (["warn"], ["warn", "error"]), program.text()
    assert len(troubles(program)) <= 4, program.text()
    assert all(word in json.dumps(about[0]) for word in ("kafka-acls.sh", topic, "--add", f"--{kind}")), about[0]


# What is denied, what the line is called, and the end of the command that allows it
DENIED = {
    "the group": (ResourceType.GROUP, "group", AclOperation.READ, "the group cannot read",
                  "--topic {topic} --consumer --group {group}"),
    "reading": (ResourceType.TOPIC, "topic", AclOperation.READ, "could not be committed",
                "--topic {topic} --consumer --group {group}"),
    "writing dead letters": (ResourceType.TOPIC, "dead", AclOperation.WRITE, "a dead letter could not be written",
                             "--topic {dead} --producer"),
    "making their topic": (ResourceType.TOPIC, "dead", AclOperation.CREATE, "waiting",
                           "--operation Create --topic {dead}"),
    "writing to a sink": (ResourceType.TOPIC, "out", AclOperation.WRITE, "a topic cannot be written to",
                          "--topic {out} --producer"),
}


@pytest.mark.parametrize("denied", DENIED)
def test_what_is_denied_is_named_and_waited_for(relay, log, kafka, topic1, receiver, denied):
    """With the command that allows it; once it is allowed everything arrives, without a restart."""
    kind, name, operation, what, command = DENIED[denied]
    out = log.make_topic(partitions=1)
    names = {"topic": topic1, "group": relay.group_of(topic1), "dead": relay.dead_letters_of(topic1), "out": out}
    if denied == "writing dead letters":
        log.make_topic(names["dead"], partitions=1)
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint), {"id": "lake", "tenant": 7001, "kafka": {"topic": out}})
    log.produce(topic1, [*events.records(3), Record(b"{}", b"7001")])
    allow = kafka.deny(kind, names[name], operation)
    try:
        consumer = relay.start_consumer(topic1, {"kafka": kafka.tls()}, wait=False)
        said = consumer.wait_logged(what)
        assert f"kafka-acls.sh --bootstrap-server 127.0.0.1:{kafka.ssl_port} --add" in said[0]
        assert command.format(**names) in said[0], said[0]
        if denied in ("the group", "reading"):
            holds_for(lambda: len(consumer.logged(what)) == 1, "it is said once", 3)
    finally:
        allow()
    log.wait_committed_to_end(names["group"], topic1, 40)
    assert len(endpoint.delivered) == 3
    assert len(log.wait_for_records(out, 3)) == 3
    assert len(log.wait_for_records(names["dead"], 1)) == 1
    assert consumer.stop() == 0


def test_commands_that_may_not_read_say_what_to_do(relay, log, kafka, topic1):
    log.produce(topic1, events.records(1))
    relay.write_subscriptions()
    settings = relay.consumer_settings(topic1, kafka=kafka.tls(), topics={"events": ["other"], "dead_letters": topic1})
    path = relay.write_settings("consumer.yaml", settings)
    allow = kafka.deny(ResourceType.TOPIC, topic1, AclOperation.READ)
    try:
        for arguments in (["explain", f"{topic1}:0:0"], ["dead-letters", "list"], ["dead-letters", "show", "0:0"]):
            command = relay.run(Consumer, [*arguments, "--config", path])
            assert command.wait() == 69, command.text()
            assert f"--add --allow-principal User:NAME --topic {topic1} --consumer" in command.text(), command.text()
    finally:
        allow()
