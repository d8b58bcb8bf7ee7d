#!/usr/bin/env python3
"""Runs the tests that a build registered with ctest under one label and counts their cases.

    run_programs.py --build DIR --label unit [--jobs N] [--match TEXT]

ctest counts programs; this counts what they hold: the cases of a cmocka program, or 1 for a program that prints none.
A program that ends badly without naming a failed case counts as one failed case, so a crash is never a pass. The last
line is `PASSED FAILED`; what failed is shown with all of its output.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time

CASE = re.compile(r"^\[\s+(OK|FAILED|ERROR|SKIPPED)\s+\] (?!\d+ test)([A-Za-z_]\w*)\s*$", re.MULTILINE)
GROUP_ERROR = re.compile(r"^\[\s+ERROR\s+\] --- ", re.MULTILINE)
DEFAULT_TIMEOUT_S = 60


def registered_tests(build, label):
    text = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1", "-L", f"^{label}$"],
                          check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout
    for test in json.loads(text)["tests"]:
        properties = {entry["name"]: entry["value"] for entry in test.get("properties", [])}
        yield {"name": test["name"], "command": test.get("command", []),
               "timeout": float(properties.get("TIMEOUT", DEFAULT_TIMEOUT_S)),
               "folder": properties.get("WORKING_DIRECTORY", build),
               "environment": dict(entry.split("=", 1) for entry in properties.get("ENVIRONMENT", []))}


def count_cases(output, status):
    """How many cases passed and failed, from what a program printed and its exit status."""
    last = {}
    passed = failed = 0
    for word, name in CASE.findall(output):
        # A failed case is named twice, where it failed and in the summary.
        if word == "OK":
            passed += 1
        elif word != "SKIPPED" and last.get(name) is None:
            last[name] = word
            failed += 1
    if passed + failed == 0:
        return (1, 0) if status == 0 else (0, 1)
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed


def run(test):
    start = time.monotonic()
    environment = {**os.environ, **test["environment"], "CMOCKA_MESSAGE_OUTPUT": "STDOUT"}
    with tempfile.TemporaryFile() as output:
        try:
            if not test["command"]:
                raise FileNotFoundError("the program has not been built")
            status = subprocess.run(test["command"], cwd=test["folder"], env=environment, stdin=subprocess.DEVNULL,
                                    stdout=output, stderr=subprocess.STDOUT, timeout=test["timeout"]).returncode
            end = f"exit status {status}" if status >= 0 else f"ended by signal {-status}"
        except subprocess.TimeoutExpired:
            status, end = -1, f"not through after {test['timeout']:.0f} s"
        except OSError as error:
            status, end = -1, str(error)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    passed, failed = count_cases(text, status)
    return {"name": test["name"], "passed": passed, "failed": failed, "end": end, "output": text,
            "seconds": time.monotonic() - start}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--match", default="")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()

    tests = [test for test in registered_tests(options.build, options.label) if options.match in test["name"]]
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for result in pool.map(run, tests):
            passed += result["passed"]
            failed += result["failed"]
            word = "not ok" if result["failed"] else "ok"
            counts = f"{result['passed']} passed" + (f", {result['failed']} failed" if result["failed"] else "")
            print(f"{word:6} {result['name']}: {counts} ({result['seconds']:.1f} s)")
            if result["failed"]:
                print("\n".join("       | " + line for line in result["output"].splitlines()))
                print(f"       {result['name']}: {result['end']}")
            sys.stdout.flush()
    print(passed, failed)


if __name__ == "__main__":
    main()
