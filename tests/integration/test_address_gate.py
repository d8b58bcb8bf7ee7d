"""No call into our own network: judged on the address that would be connected to, whatever it was called."""
import os
import socket

import pytest

import events
from kafka_clients import Record
from namespace import Canary, Namespace, Tunnel
from programs import Consumer, make_secret
from waiting import holds_for, wait_for

# One of each denied range, its edges where they are cheap, and other spellings of the same.
DENIED = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1",
          "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
          "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7", "224.0.0.1", "239.1.1.1",
          "240.0.0.1", "255.255.255.255",
          "2130706433", "0x7f.1", "127.1", "017700000001", "localhost",
          "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:8.8.8.8]", "[64:ff9b::7f00:1]", "[fc00::1]", "[fd12::1]",
          "[fe80::1]", "[ff02::1]", "[2001::1]", "[2001:1ff::1]", "[2001:db8::1]", "[2002:7f00:1::1]", "[3fff::1]",
          "[4000::1]", "[1fff::1]"]
ALLOWED = ["8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.255.255", "172.32.0.1", "198.17.0.1", "223.255.255.255",
           "[2000::1]", "[2001:200::1]", "[2003::1]", "[2606:4700::1111]", "[3ffe::1]"]


def test_loopback_is_not_called_by_default(relay, log, topic1, receiver):
    """With the default table: no connection at all, the lane halts with that reason, nothing is lost."""
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    settings = relay.consumer_settings(topic1)
    del settings["egress"]["allow"]
    path = relay.write_settings("consumer.yaml", settings)

    consumer = relay.run(Consumer, ["run", "--config", path])
    consumer.admin_port = int(settings["admin"]["listen"].rpartition(":")[2])
    consumer.wait_ready()
    log.produce(topic1, events.records(2))
    said = consumer.wait_logged("halted")
    assert any("address" in line for line in said), said
    consumer.wait_metric("incident_consumer_lanes_halted", 1)
    holds_for(lambda: receiver.connections == 0, "no connection", 1)
    assert log.committed(relay.group_of(topic1), topic1).get(0, 0) == 0
    assert consumer.stop() == 0
    # With leave it is called, and gets what was held.
    relay.start_consumer(topic1)
    endpoint.wait_for(2)


def test_deny_beats_allow(relay, log, topic1, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"egress": {"deny": ["127.0.0.1/32"]}})
    log.produce(topic1, events.records(1))
    consumer.wait_logged("halted")
    assert receiver.connections == 0


def test_a_port_that_is_not_allowed(relay, log, topic1, receiver):
    endpoint = receiver.endpoint("/hook", [make_secret()])
    relay.write_subscriptions(relay.subscription("crm", endpoint))
    consumer = relay.start_consumer(topic1, {"egress": {"ports": [443]}})
    log.produce(topic1, events.records(1))
    consumer.wait_logged("halted")
    assert receiver.connections == 0


@pytest.fixture
def namespace():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    namespace = Namespace()
    wait_for(namespace.is_ready, "the namespace")
    namespace.make_all_local()
    yield namespace
    namespace.close()


def test_no_denied_address_is_ever_called(relay, log, receiver, namespace):
    """One subscription for each address, in a namespace where all of them answer; only the allowed ones hear of it."""
    topic = log.make_topic(partitions=1)
    tunnel = namespace.socket(lambda: socket.create_server(("127.0.0.1", log.node.port)))
    Tunnel(tunnel, log.node.port)
    canary = Canary(namespace.socket(lambda: socket.create_server(("::", 8080), family=socket.AF_INET6,
                                                                 dualstack_ipv6=True, backlog=1024)))
    secret = relay.folder / "secret"
    secret.write_text(make_secret() + "\n")
    relay.write_subscriptions(*(
        {"id": f"s{number}", "tenant": 7001, "http": {"url": f"http://{host}:8080/hook", "secrets": [f"file:{secret}"]}}
        for number, host in enumerate(DENIED + ALLOWED)))
    settings = relay.consumer_settings(topic)
    del settings["egress"]["allow"]
    settings["admin"]["listen"] = "127.0.0.1:9464"
    path = relay.write_settings("consumer.yaml", settings)

    consumer = relay.run(Consumer, ["run", "--config", path], wrapper=namespace.wrapper)
    log.produce(topic, events.records(3) + [Record(None, b"7001")])
    allowed = {host.strip("[]") for host in ALLOWED}
    wait_for(lambda: allowed <= set(canary.seen), lambda: f"not called: {allowed - set(canary.seen)}\n{consumer.text()[-2000:]}")
    wait_for(lambda: len(consumer.logged("halted")) >= len(DENIED), lambda: consumer.text()[-3000:])
    holds_for(lambda: set(canary.seen) <= allowed, lambda: f"called: {set(canary.seen) - allowed}", 1)
    assert consumer.stop() == 0
