#!/usr/bin/env python3
"""Searches the model of the lanes' protocol with spin, whole and with each of its rules taken out.

    run_model.py [--soak] [--jobs 2] [--match TEXT] [--keep FOLDER]

A search of the whole protocol passes when it went through every state within its bounds and found nothing; one without a
rule passes when it breaks the promise that the rule is for. Each is one test. The last line is `PASSED FAILED`; of one
that failed, spin's output and the counterexample's steps are shown. --keep leaves each search's program, and the steps of
what it found, in FOLDER/NUMBER.
"""
import argparse
import concurrent.futures
import dataclasses
import pathlib
import re
import subprocess
import sys
import tempfile
import time

MODEL = pathlib.Path(__file__).resolve().parent / "lanes.pml"
PROMISES = {"lost": "P1", "overtaken": "P2", "undone": "P3"}
DEPTH_MAX = 1000
PLANT_TIMEOUT_S = 120
WHOLE_TIMEOUT_S = 600
SOAK_TIMEOUT_S = 3600
OUTPUT_LINES_MAX = 80


@dataclasses.dataclass(frozen=True)
class Search:
    name: str
    bounds: str  # the words of lanes.pml, "EVENTS=2 OWNERS=2"
    plant: str = ""
    promise: str = ""  # which one the plant breaks
    is_soak: bool = False

    def defines(self):
        words = self.bounds.split()
        if self.plant:
            words += [f"PLANT_{self.plant}", f"PROMISE={self.promise[1]}"]
        return [f"-D{word}" for word in words]


def whole(bounds, is_soak=False):
    return Search("whole, " + bounds.lower().replace("=", " ").replace("_", " "), bounds, is_soak=is_soak)


def without(rule, what, plant, promise, bounds):
    return Search(f"without {rule}: {what}", bounds, plant, promise)


WHOLE = [
    whole("EVENTS=2 OWNERS=2 RECORDS=4"),
    whole("EVENTS=1 OWNERS=3 RECORDS=6"),
    whole("EVENTS=1 OWNERS=2 RECORDS=5 LATE_ACKNOWLEDGEMENTS SLOW_COMMITS WILD_ZOMBIES"),
    whole("EVENTS=1 OWNERS=2 RECORDS=5 DEAD_EPOCHS"),
    whole("EVENTS=2 OWNERS=1 RECORDS=4 ONE_INCIDENT"),
    whole("EVENTS=1 LANES=2 OWNERS=2 RECORDS=3"),
    whole("EVENTS=2 OWNERS=2 RECORDS=5", is_soak=True),
    whole("EVENTS=3 OWNERS=1 RECORDS=4", is_soak=True),
    whole("EVENTS=1 LANES=2 OWNERS=2 RECORDS=4", is_soak=True),
]

ONE = "EVENTS=1 OWNERS=2 RECORDS=6"
SHORT = "EVENTS=1 OWNERS=2 RECORDS=4"
ALONE = "EVENTS=2 OWNERS=1 RECORDS=5"
TWO = "EVENTS=2 OWNERS=2 RECORDS=4"
PLANTED = [
    without("the epoch in the key", "a zombie's record has the good one compacted", "EPOCH_NOT_IN_KEY", "P1", ONE),
    without("R2", "the epoch taken from claims", "EPOCH_FROM_CLAIMS", "P1", ONE),
    without("R2", "records of any epoch count", "ANY_EPOCH_READ", "P1", ONE + " DEAD_EPOCHS"),
    without("R3", "reading stops at the claim", "STOP_AT_CLAIM", "P1", ONE),
    without("R3", "the end is looked up once, after the claim", "END_LOOKED_UP_ONCE", "P1", ONE),
    without("R3", "the first record of a key wins", "FIRST_RECORD_WINS", "P1", ALONE),
    without("R4", "commit before the carry is acknowledged", "COMMIT_BEFORE_CARRY", "P1", SHORT),
    without("R4", "stragglers not carried", "STRAGGLERS_NOT_CARRIED", "P1", SHORT),
    without("R4", "a carried record loses its settled ranges", "RANGES_NOT_CARRIED", "P3", TWO),
    without("R5", "covered taken for settled in a record", "COVERED_IS_SETTLED", "P1", ALONE),
    without("R5", "the ledger releases when a record is sent", "RELEASED_WHEN_SENT", "P1", ALONE),
    without("R5", "any acknowledgement counts", "ANY_ACKNOWLEDGEMENT", "P1", ALONE),
    without("R5", "a straggler passed before its record is acknowledged", "STRAGGLER_PASSED_UNRECORDED", "P1", ALONE),
    without("R5", "commit one too far", "COMMIT_ONE_TOO_FAR", "P1", ALONE),
    without("R5", "settled when the dead letter is sent", "SETTLED_WHEN_SENT", "P1", ALONE),
    without("R6", "a write in flight does not pin", "WRITE_DOES_NOT_PIN", "P3", ALONE),
    without("R7", "the old record still covers after re-attach", "OLD_RECORD_COVERS", "P1", ALONE),
    without("R7", "re-attach one event early", "REATTACH_EARLY", "P1", ALONE),
    without("R7", "a following record disowns what is unsettled below live_from", "FOLLOWING_TOO_SOON", "P1", TWO),
    without("R7", "tombstone before the commit has passed live_from", "TOMBSTONE_TOO_SOON", "P3", ALONE),
    without("R7", "live_from is the shared read's position", "LIVE_FROM_IS_POSITION", "P3", ALONE),
    without("R7", "live_from missing in a straggler's record", "NO_LIVE_FROM", "P3", ALONE),
    without("R8", "the old epoch's keys removed before the own commit", "CLEAN_BEFORE_COMMIT", "P1", SHORT),
    without("R8", "a zombie removes its successor's keys", "CLEAN_SUCCESSOR", "P1", ONE + " DEAD_EPOCHS"),
    without("R9", "the epoch kept on re-assignment", "EPOCH_KEPT", "P3", ONE + " DEAD_EPOCHS"),
    without("R10", "a rebuilt producer goes on under the same epoch", "REBUILT_PRODUCER", "P1", ALONE),
    without("R11", "a stale owner's commit is accepted", "STALE_COMMIT", "P1", ONE + " DEAD_EPOCHS"),
    without("order", "a later event of an incident passes its straggler", "STRAGGLER_OVERTAKEN", "P2",
            "EVENTS=2 OWNERS=1 RECORDS=4 ONE_INCIDENT"),
]


class SearchError(Exception):
    """The search could not be run; the text says why."""


def call(command, folder, timeout):
    try:
        run = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise SearchError(f"{command[0]}: not through after {timeout} s") from None
    except OSError as error:
        raise SearchError(str(error)) from None
    return run.returncode, run.stdout.decode("utf-8", "replace")


def build(search, folder):
    """The search's program. -O2 pays only where there is much to search.

    A search goes deep first. The model's steps end with sending, so that a loss comes early; for what needs something to
    have been delivered they are tried from the other end.
    """
    status, output = call(["spin", "-a", *search.defines(), str(MODEL)], folder, PLANT_TIMEOUT_S)
    if status != 0:
        raise SearchError(output)
    is_large = not search.plant or search.bounds == TWO
    flags = ["-O2" if is_large else "-O0", *(["-DT_REVERSE"] if search.promise in ("P2", "P3") else [])]
    status, output = call(["gcc", *flags, "-w", "-DSAFETY", "-DNOFAIR", "-o", "pan", "pan.c"], folder, PLANT_TIMEOUT_S)
    if status != 0:
        raise SearchError(output)


def number(pattern, output):
    found = re.search(pattern, output)
    return int(found.group(1)) if found else 0


def judge(search, output):
    """(is it as it should be, what is said of it)"""
    broken = re.search(r"assertion violated .*?(\w+)==0.* \(at depth (\d+)\)", output)
    states = number(r"(\d+) states, stored", output)
    if broken:
        promise = PROMISES.get(broken.group(1), broken.group(1))
        return promise == search.promise, f"{promise} found at depth {broken.group(2)}, {states} states"
    is_through = states > 0 and re.search(r"errors: 0\b", output) and not re.search(
        r"max search depth too small|Search not completed|out of memory", output)
    depth = number(r"depth reached (\d+)", output)
    note = f"{states} states, depth {depth}"
    if not is_through:
        return False, f"not searched through, {note}"
    return not search.plant, note if not search.plant else f"{search.promise} not found, {note}"


def steps(search, folder):
    """The counterexample that the search has left, as the model prints it; empty without one."""
    if not (folder / (MODEL.name + ".trail")).exists():
        return ""
    _, output = call(["spin", "-k", str(folder / (MODEL.name + ".trail")), *search.defines(), str(MODEL)], folder,
                     PLANT_TIMEOUT_S)
    return output


def run(search, folder, options):
    """(is good, note, output, seconds)"""
    start = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    timeout = PLANT_TIMEOUT_S if search.plant else SOAK_TIMEOUT_S if options.soak else WHOLE_TIMEOUT_S
    output = ""
    try:
        build(search, folder)
        _, output = call(["./pan", f"-m{DEPTH_MAX}", "-w22", "-n"], folder, timeout)
        is_good, note = judge(search, output)
        trail = steps(search, folder)
        if not is_good:
            output += trail
        if options.keep:
            (folder / "steps").write_text(trail)
    except SearchError as error:
        is_good, note = False, str(error)
    return is_good, note, output, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--match", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()

    searches = [search for search in WHOLE + PLANTED
                if options.match in search.name and (options.soak or not search.is_soak)]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        root = options.keep.resolve() if options.keep else pathlib.Path(temporary)
        results = pool.map(lambda pair: run(pair[1], root / str(pair[0]), options), enumerate(searches, 1))
        for place, (search, (is_good, note, output, seconds)) in enumerate(zip(searches, results), 1):
            passed += is_good
            failed += not is_good
            kept = f" ({root / str(place)})" if options.keep else ""
            print(f"{'ok' if is_good else 'not ok':6} {search.name}: {note}, {seconds:.1f} s{kept}")
            if not is_good:
                print("\n".join("       | " + line for line in output.splitlines()[-OUTPUT_LINES_MAX:]))
            sys.stdout.flush()
    print(passed, failed)


if __name__ == "__main__":
    main()
