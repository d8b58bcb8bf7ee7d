"""The first command that anybody types, and the ones that it proposes next."""
import os
import re
import signal
import subprocess

import pytest

from events import EXAMPLES, ROOT
from waiting import wait_for

QUICKSTART = str(ROOT / "deploy/quickstart")
LAST = re.compile(r"delivered (\d+) of (\d+), signatures ok (\d+), refused (\d+)")
# What it proposes, but for what shows something until somebody ends it.
STAYS = ("tail -f", "less ")


@pytest.fixture
def built_here(request):
    """It builds into build/ itself, so it is tried only where the programs are those."""
    if os.path.realpath(request.config.getoption("--bin")) != str(ROOT / "build/bin"):
        pytest.skip("the programs under test are not those of build/")


@pytest.mark.timeout(300)
def test_quickstart_once(built_here):
    run = subprocess.run([QUICKSTART, "--once"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, cwd="/", timeout=280)
    assert run.returncode == 0, run.stdout[-6000:]
    delivered, expected, signed, refused = map(int, LAST.fullmatch(run.stdout.splitlines()[-1]).groups())
    assert delivered == expected == signed >= len(EXAMPLES) and refused == 0, run.stdout[-6000:]


def proposals(text):
    """The indented commands below the headline, each as one line of shell."""
    lines = text[text.index("it stays until Ctrl-C"):].splitlines()
    joined = "\n".join(line for line in lines if line.startswith("  ")).replace("|\n", "| ")
    return [line.strip() for line in joined.splitlines() if not line.strip().startswith(STAYS)]


@pytest.mark.timeout(300)
def test_quickstart_stays_until_ctrl_c(built_here, tmp_path):
    """What it says to try next works; Ctrl-C ends all of it and leaves nothing behind."""
    output = tmp_path / "output"
    folders = tmp_path / "folders"
    folders.mkdir()
    # A test run in the background has SIGINT ignored, and what it starts would have it so as well.
    with open(output, "wb") as out:
        run = subprocess.Popen(["env", "--default-signal=INT", QUICKSTART], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd="/",
                               env={**os.environ, "TMPDIR": str(folders)}, start_new_session=True)
    try:
        wait_for(lambda: run.poll() is not None or "The settings and subscriptions of this run" in output.read_text(),
                 lambda: output.read_text()[-6000:], 280)
        assert run.poll() is None, output.read_text()[-6000:]
        tried = proposals(output.read_text())
        assert len(tried) >= 7, tried
        for command in tried:
            done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=30)
            # One of them publishes a line that is no event, to be seen in the rejects.
            expected = 65 if command.startswith("echo ") else 0
            assert done.returncode == expected, f"{command}:\n{done.stdout}\n{done.stderr}"
    finally:
        os.killpg(run.pid, signal.SIGINT)
        status = run.wait(60)
    assert status == 0, output.read_text()[-6000:]
    assert list(folders.iterdir()) == []
