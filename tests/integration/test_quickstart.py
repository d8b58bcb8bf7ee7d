"""The first command that anybody types."""
import os
import re
import subprocess

import pytest

from events import EXAMPLES, ROOT


@pytest.mark.timeout(300)
def test_quickstart_once(request):
    """It builds into build/ itself, so it is tried only where the programs are those."""
    if os.path.realpath(request.config.getoption("--bin")) != str(ROOT / "build/bin"):
        pytest.skip("the programs under test are not those of build/")
    run = subprocess.run([str(ROOT / "deploy/quickstart"), "--once"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, cwd="/", timeout=280)
    assert run.returncode == 0, run.stdout[-6000:]
    last = re.fullmatch(r"delivered (\d+) of (\d+), signatures ok (\d+), refused 0", run.stdout.splitlines()[-1])
    assert last, run.stdout[-6000:]
    assert last.group(1) == last.group(2) == last.group(3)
    assert int(last.group(1)) >= len(EXAMPLES)
