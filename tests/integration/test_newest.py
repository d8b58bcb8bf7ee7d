"""Which librdkafka is under the programs: a run with the newest that were none would prove nothing."""
import os
import pathlib

import confluent_kafka
import pytest

from newest import find_newest, version_of


@pytest.mark.newest
def test_the_programs_run_with_the_library_of_this_run(request):
    found = {version_of(request.config.getoption("--bin"), f"incident-{name}") for name in ("producer", "consumer")}
    assert len(found) == 1
    folders = [folder for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    links = [path for path in (pathlib.Path(folder) / "librdkafka.so.1" for folder in folders) if path.exists()]
    newest = tuple(map(int, confluent_kafka.libversion()[0].split(".")))
    is_newest = bool(links) and links[0].resolve() == find_newest().resolve()
    print(f"librdkafka {found}, the newest is {newest}")
    assert (found == {newest}) == is_newest
