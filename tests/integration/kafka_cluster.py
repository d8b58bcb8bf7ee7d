"""A real Apache Kafka of three nodes, each a broker and a controller: ended and started again one by one."""
import base64
import itertools
import pathlib
import uuid

from confluent_kafka.admin import NewTopic

from kafka_clients import Log
from kafka_node import PROPERTIES, KafkaNode, free_port
from waiting import wait_for

NODES = 3
REPLICAS = {
    "default.replication.factor": 3, "min.insync.replicas": 2,
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3, "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": 3, "share.coordinator.state.topic.min.isr": 2,
}


def free_ports(count):
    found = set()
    while len(found) < count:
        found.add(free_port())
    return sorted(found)


def with_settings(text, settings):
    """The properties with these in place of theirs."""
    lines = [line for line in text.splitlines() if line.partition("=")[0] not in settings]
    return "\n".join([*lines, *(f"{name}={value}" for name, value in settings.items())]) + "\n"


class ClusterNode(KafkaNode):
    def __init__(self, jars, folder, number, port, controller_ports, cluster):
        self.classpath = str(pathlib.Path(jars) / "*")
        self.folder = folder
        self.number = number
        self.port = port
        self.cluster = cluster
        self.process = None
        folder.mkdir()
        voters = ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in enumerate(controller_ports, 1))
        text = PROPERTIES.format(port=port, controller_port=controller_ports[number - 1], data=folder / "data")
        text = "".join(line for line in text.splitlines(True) if not line.startswith("controller.quorum.bootstrap"))
        self.properties = folder / "node.properties"
        self.properties.write_text(with_settings(text, {
            **REPLICAS, "node.id": number, "controller.quorum.voters": voters,
            # The leadership goes back by itself only after five minutes: a test wants none of it meanwhile.
            "auto.leader.rebalance.enable": "false"}))
        self.format()

    def format(self):
        self.java("kafka.tools.StorageTool", "format", "-t", self.cluster, "-c", self.properties)

    def launch(self):
        """Starts it and does not wait: alone it has no quorum and will not answer."""
        self.wait_ready = lambda: None
        try:
            self.start()
        finally:
            del self.wait_ready


class KafkaCluster:
    """Stands where a KafkaNode can."""

    def __init__(self, jars, folder):
        folder = pathlib.Path(folder)
        ports = free_ports(2 * NODES)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "_")
        cluster = "A" + cluster[1:]  # a leading hyphen would be read as an option
        self.nodes = [ClusterNode(jars, folder / f"node-{number}", number, ports[number - 1], ports[NODES:], cluster)
                      for number in range(1, NODES + 1)]

    @property
    def servers(self):
        return ",".join(node.servers for node in self.nodes)

    def java(self, *arguments, **options):
        return self.nodes[0].java(*arguments, **options)

    def start(self):
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_ready()

    def ensure_running(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is not None:
                node.process = None
            if node.process is None:
                node.launch()
        for node in self.nodes:
            node.wait_ready()

    def close(self):
        for node in self.nodes:
            node.close()


class ClusterLog(Log):
    counter = itertools.count(1)

    def make_topic(self, name=None, partitions=4, **config):
        name = name or f"replicated-{next(ClusterLog.counter)}"
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, NODES, config=config)])[name].result(20)
        self.wait_in_sync([name])
        return name

    def replicas_missing(self, topics):
        """(topic, partition) of those that have not all replicas in sync, or no leader."""
        found = []
        for topic in topics:
            facts = self.admin.list_topics(topic, timeout=10).topics[topic]
            if facts.error is not None or not facts.partitions:
                found.append((topic, None))
            found += [(topic, number) for number, partition in facts.partitions.items()
                      if partition.leader < 0 or len(partition.isrs) < NODES]
        return found

    def wait_in_sync(self, topics, timeout_s=40.0):
        """The next node may only be ended when the last one has caught up; and the cluster is whole again."""
        wait_for(lambda: not self.replicas_missing(topics),
                 lambda: f"replicas in sync; missing are {self.replicas_missing(topics)}", timeout_s, 0.1)
