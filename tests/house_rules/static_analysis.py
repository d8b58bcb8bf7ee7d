"""The rules that clang-tidy and cppcheck apply. What they look for, and why not for more: .clang-tidy,
tests/.clang-tidy, and cppcheck.txt and cppcheck.cfg beside this file."""
import concurrent.futures
import os
import pathlib
import re
import subprocess

from rules import rule
from tree import TreeError

HERE = pathlib.Path(__file__).resolve().parent
WORKERS = os.cpu_count() or 1
# What cppcheck must see of the libraries: their macros. It does without the rest of their headers.
MACRO_HEADERS = ("sys/queue.h", "uthash.h", "jansson.h")
FIND = re.compile(r"^(/[^:\n]+:\d+):(?:\d+:)? ((?:warning|error|style|performance|portability): .*)$", re.MULTILINE)


def finds_in(tree, text):
    """What a tool says of our files, each find once, in the order of the files. A find in a library's header is about
    a double of ours that names its parameters otherwise."""
    root = f"{tree.root.resolve()}/"
    return sorted({f"{place.removeprefix(root)}: {find}" for place, find in FIND.findall(text)
                   if place.startswith(root)})


@rule
def clang_tidy_finds_nothing(tree):
    def finds(source):
        run = subprocess.run(["clang-tidy-14", "--quiet", "-p", str(tree.build), str(tree.root / source)], text=True,
                             capture_output=True)
        if run.returncode != 0 and not FIND.search(run.stdout):
            raise TreeError(f"clang-tidy-14 {source}: {run.stderr.strip()}")
        return run.stdout

    # The long ones first, so that no worker has one left at the end.
    sources = sorted(tree.compile_commands, key=lambda source: -(tree.root / source).stat().st_size)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return finds_in(tree, "".join(pool.map(finds, sources)))


def macro_headers():
    includes = "".join(f"#include <{name}>\n" for name in MACRO_HEADERS)
    made = subprocess.run(["gcc", "-M", "-x", "c", "-"], input=includes, check=True, stdout=subprocess.PIPE, text=True)
    return [f"--include={path}" for path in made.stdout.split() if path.endswith(tuple(f"/{n}" for n in MACRO_HEADERS))]


@rule
def cppcheck_finds_nothing(tree):
    run = subprocess.run(["cppcheck", f"--project={tree.build / 'compile_commands.json'}", "--quiet", "-j", str(WORKERS),
                          "--std=c11", "--enable=warning,style,performance,portability", "--inline-suppr",
                          "--library=posix,gnu,libcurl,openssl", f"--library={HERE / 'cppcheck.cfg'}",
                          f"--suppressions-list={HERE / 'cppcheck.txt'}", *macro_headers(),
                          "--template={file}:{line}: {severity}: {message} [{id}]"], text=True, capture_output=True)
    if run.returncode != 0:
        raise TreeError(f"cppcheck: {run.stdout.strip()}")
    return finds_in(tree, run.stderr)


@rule
def suppressions_have_a_reason(tree):
    """NOLINT(CHECK): REASON and cppcheck-suppress ID ; REASON, each for one place and one check."""
    wanted = re.compile(r"NOLINT(?:NEXTLINE)?\([\w.,-]+\): \w|cppcheck-suppress \w+ ; \w")
    return [f"{path}:{number}: a suppression without its check and a reason"
            for path in tree.c_files() for number, line in enumerate(tree.text(path).split("\n"), 1)
            if re.search(r"NOLINT|cppcheck-suppress", line) and not wanted.search(line)]
