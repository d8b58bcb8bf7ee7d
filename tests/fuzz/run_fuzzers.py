#!/usr/bin/env python3
"""Runs the fuzzers, each from its kept corpus, and counts one test for each.

    run_fuzzers.py --build build/fuzz [--seconds 180] [--jobs 2] [--match TEXT] [--seed N]

--seconds is for all of them together. First the planted faults are run: a fuzzer that does not see them would see
nothing. What a fuzzer finds on its way stays in BUILD/corpus/TARGET for the next run, an input that breaks something in
BUILD/findings; it is also printed in base64. The last line is `PASSED FAILED`.
"""
import argparse
import base64
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PLANTED = "fuzz_planted"
INPUT_TIMEOUT_S = 20
MEMORY_MB = 1024
OUTPUT_LINES_MAX = 60


def targets_of(build):
    """Every fuzzer that was built, and every one that has a source: one that is missing must fail."""
    sources = {path.stem for path in HERE.glob("fuzz_*.c") if "LLVMFuzzerTestOneInput(" in path.read_text()}
    sources -= {"fuzz_input"}
    return sorted(sources - {PLANTED})


def environment():
    options = {"ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1",
               "UBSAN_OPTIONS": "print_stacktrace=1"}
    return {**options, **os.environ}


def call(command, timeout):
    """(exit status or None, output)"""
    try:
        run = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=timeout)
        return run.returncode, run.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as error:
        return None, (error.stdout or b"").decode("utf-8", "replace") + f"not through after {timeout:.0f} s\n"
    except OSError as error:
        return None, f"{error}\n"


def run_planted(build, _options):
    """Each of its inputs must end the program."""
    faults = []
    inputs = sorted((HERE / "corpus" / PLANTED).iterdir())
    for path in inputs:
        status, output = call([str(build / "fuzz" / PLANTED), str(path)], INPUT_TIMEOUT_S)
        if status in (0, None) or not re.search(r"AddressSanitizer: heap-buffer-overflow|^allocation: ", output, re.M):
            faults.append(f"{path.name}: its fault was not seen\n{output}")
    return len(inputs) == 2 and not faults, "\n".join(faults), f"{len(inputs)} faults seen"


def run_target(build, options, name, seconds):
    found = build / "corpus" / name
    findings = build / "findings"
    kept = HERE / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    command = [str(build / "fuzz" / name), f"-max_total_time={seconds}", f"-timeout={INPUT_TIMEOUT_S}",
               f"-rss_limit_mb={MEMORY_MB}", f"-seed={options.seed}", "-print_final_stats=1",
               f"-artifact_prefix={findings}/{name}-"]
    words = HERE / "dictionaries" / f"{name}.txt"
    if words.exists():
        command.append(f"-dict={words}")
    before = set(findings.glob(f"{name}-*"))
    status, output = call([*command, str(found), str(kept)], seconds * 2 + 120)
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", output)
    count = int(runs.group(1)) if runs else 0
    is_good = status == 0 and count > len(list(kept.iterdir())) > 0
    for path in sorted(set(findings.glob(f"{name}-*")) - before):
        output += f"{path} holds {path.stat().st_size} bytes"
        if path.stat().st_size <= 4096:
            output += f": {base64.b64encode(path.read_bytes()).decode()}"
        output += "\n"
    return is_good, output, f"{count} inputs"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--match", default="")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 2**31 or 1)
    options = parser.parse_args()
    build = options.build.resolve()

    names = [name for name in targets_of(build) if options.match in name]
    share = max(1, int(options.seconds * min(options.jobs, max(1, len(names))) / max(1, len(names))))
    print(f"{len(names)} fuzzers, {share} s each, seed {options.seed}")
    jobs = {PLANTED: lambda: run_planted(build, options)}
    jobs.update({name: lambda name=name: run_target(build, options, name, share) for name in names})
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, (is_good, output, note) in zip(jobs, pool.map(lambda job: job(), jobs.values())):
            passed += is_good
            failed += not is_good
            print(f"{'ok' if is_good else 'not ok':6} {name}: {note}")
            if not is_good:
                print("\n".join("       | " + line for line in output.splitlines()[-OUTPUT_LINES_MAX:]))
            sys.stdout.flush()
    print(passed, failed)


if __name__ == "__main__":
    main()
