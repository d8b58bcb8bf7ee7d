#!/usr/bin/env python3
"""The house rules: what a review would otherwise have to look for in every change.

    house_rules.py --build build [--only RULE]

Each rule is first run over a small tree with that very fault in it and must see it, then over this tree. The last
line is `PASSED FAILED`. Rules stand in rules.py and static_analysis.py, the map of the rooms in rooms.py, the planted
faults in plants.py.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import static_analysis  # noqa: F401 - its rules are in RULES then
from plants import PLANTS, write_plant
from rules import RULES
from tree import Tree, TreeError

SHOWN_MAX = 40


def faults_of(rule, tree):
    """The rule's faults; that it could not be applied is one as well."""
    try:
        return rule(tree)
    except (OSError, subprocess.CalledProcessError, TreeError) as error:
        return [f"the rule could not be applied: {error}"]


def report(name, faults):
    print(f"{'not ok' if faults else 'ok':6} {name}")
    for fault in faults[:SHOWN_MAX]:
        print(f"       | {fault}")
    if len(faults) > SHOWN_MAX:
        print(f"       | … and {len(faults) - SHOWN_MAX} more")
    sys.stdout.flush()
    return not faults


def sees_its_fault(name, rule):
    """What is wrong with the rule: it must name the planted file, and nothing in the tree without the fault."""
    wrong = []
    for files, culprit in PLANTS[name]:
        with tempfile.TemporaryDirectory() as folder:
            write_plant(folder, files)
            faults = faults_of(rule, Tree(pathlib.Path(folder), pathlib.Path(folder) / "build"))
            if not any(culprit in fault for fault in faults):
                wrong.append(f"did not see the fault planted in {culprit}")
            wrong += [f"besides the fault planted in {culprit}: {fault}" for fault in faults if culprit not in fault]
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--only", default="")
    options = parser.parse_args()

    root = pathlib.Path(__file__).resolve().parents[2]
    tree = Tree(root, root / options.build)
    passed = failed = 0
    for name, rule in RULES.items():
        if options.only not in name:
            continue
        for title, faults in ((f"{name}: sees a planted fault", sees_its_fault(name, rule)), (name, faults_of(rule, tree))):
            if report(title, faults):
                passed += 1
            else:
                failed += 1
    print(passed, failed)


if __name__ == "__main__":
    main()
