"""What the rules look at: the files that are ours, C with comments and strings blanked, and what the build knows."""
import functools
import json
import pathlib
import re
import shlex
import subprocess

NOT_OURS = {".git", "build", "__pycache__", ".pytest_cache"}
CODE = re.compile(r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE)


class TreeError(Exception):
    """The tree or the build is not there as a rule needs it."""


def blank(match):
    """Spaces of the same length, so that every line stays where it is."""
    return re.sub(r"[^\n]", " ", match.group())


class Tree:
    def __init__(self, root, build):
        self.root = root
        self.build = build

    @functools.cached_property
    def files(self):
        """Every file that is in the repository or about to be, relative to the root."""
        if (self.root / ".git").exists():
            listed = subprocess.run(["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others",
                                     "--exclude-standard"], check=True, stdout=subprocess.PIPE).stdout
            names = [pathlib.Path(name) for name in sorted(set(listed.decode().split("\0"))) if name]
            return [name for name in names if (self.root / name).is_file()]
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(path for path in found if not NOT_OURS & set(path.parts))

    def c_files(self, suffixes=(".c", ".h")):
        return [path for path in self.files if path.suffix in suffixes]

    def text(self, path):
        return (self.root / path).read_text("utf-8", "replace")

    def code_lines(self, path):
        """(line number, line) without comments and literals."""
        return enumerate(CODE.sub(blank, self.text(path)).split("\n"), 1)

    def includes(self, path):
        """(line number, what stands between < or ", is it in quotes)"""
        for number, line in enumerate(self.text(path).split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match.group(2), match.group(1) == '"'

    @functools.cached_property
    def headers_by_name(self):
        return {path.name: path for path in self.c_files((".h",))}

    @functools.cached_property
    def compile_commands(self):
        """source → its compiler's arguments, of the sources that are ours."""
        database = self.build / "compile_commands.json"
        if not database.exists():
            raise TreeError(f"{database} is not there: build first (tests/run does)")
        commands = {}
        for entry in json.loads(database.read_text()):
            path = pathlib.Path(entry["directory"], entry["file"]).resolve()
            if path.is_relative_to(self.root.resolve()):
                commands[path.relative_to(self.root.resolve())] = shlex.split(entry["command"])
        return commands

    def include_paths(self, source):
        """The folders of this tree on the source's include path, relative to the root."""
        arguments = self.compile_commands[source]
        paths = [argument[2:] for argument in arguments if argument.startswith("-I")]
        paths += [after for argument, after in zip(arguments, arguments[1:]) if argument == "-isystem"]
        folders = (pathlib.Path(path).resolve() for path in paths)
        root = self.root.resolve()
        return [folder.relative_to(root) for folder in folders
                if folder.is_relative_to(root) and not folder.is_relative_to(self.build.resolve())]

    def symbols(self, library, kind):
        """The names of one kind (`defined`, `undefined`) of build/**/lib<library>.a, without what it defines itself."""
        others = [cache.parent for cache in self.build.glob("*/CMakeCache.txt")]  # build/asan, build/fuzz
        archives = [path for path in self.build.rglob(f"lib{library}.a")
                    if not any(path.is_relative_to(other) for other in others)]
        if len(archives) != 1:
            raise TreeError(f"lib{library}.a is in {len(archives)} places of {self.build}")
        out = subprocess.run(["nm", "-g", "--format=posix", str(archives[0])], check=True, stdout=subprocess.PIPE,
                             text=True).stdout
        pairs = [line.split()[:2] for line in out.splitlines() if len(line.split()) >= 2]
        defined = {name for name, letter in pairs if letter not in "Uwv"}
        if kind == "defined":
            return defined
        return {name for name, letter in pairs if letter in "Uwv"} - defined
