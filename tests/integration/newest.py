"""The newest librdkafka that a package of PyPI brings (confluent-kafka's wheel), under the programs instead of their own.

`python newest.py` prints its path: linked as librdkafka.so.1 into a folder that LD_LIBRARY_PATH names, it is taken."""
import importlib.util
import pathlib
import re
import subprocess

# Run a second time with it in the normal run: each way of using the library once, by both programs.
NEWEST = {
    "test_producer.py": ("test_every_byte_of_the_examples", "test_partitions_agree_with_other_producers",
                         "test_one_too_large_among_199", "test_a_missing_topic_is_waited_for",
                         "test_a_broker_restart_in_the_middle"),
    "test_offsets.py": ("test_commits_stop_at_the_frontier", "test_kill_9_in_the_middle"),
    "test_group.py": ("test_shards_share_the_partitions", "test_static_members_have_ids_of_their_own",
                      "test_a_zombie_does_no_harm", "test_a_gap_that_is_accepted"),
    "test_unreadable.py": ("test_aborted_transactions_are_not_delivered",),
}


def is_chosen(item):
    return item.originalname in NEWEST.get(item.path.name, ())


def find_newest():
    package = pathlib.Path(importlib.util.find_spec("confluent_kafka").origin).parent
    library, = (package.parent / "confluent_kafka.libs").glob("librdkafka-*.so.1")
    return library


def link_newest(folder):
    """The folder, with the library in it under the name that the programs look for."""
    (pathlib.Path(folder) / "librdkafka.so.1").symlink_to(find_newest())
    return pathlib.Path(folder)


def version_of(bin_folder, program="incident-consumer"):
    """(2, 0, 2): the librdkafka that the program runs with, as it tells itself."""
    text = subprocess.run([str(pathlib.Path(bin_folder) / program), "--version"], capture_output=True, text=True,
                          check=True).stdout
    return tuple(map(int, re.search(r"librdkafka .*running (\d+)\.(\d+)\.(\d+)", text).groups()))


if __name__ == "__main__":
    print(find_newest())
