"""The rules: each takes a Tree and returns a list of faults, `file:line: what is wrong`."""
import concurrent.futures
import itertools
import re
import shutil
import subprocess

import rooms

RULES = {}
FUNCTION_LINES_MAX = 70


def rule(function):
    RULES[function.__name__] = function
    return function


@rule
def includes_stay_inside_the_borders(tree):
    faults = []
    for path in tree.c_files():
        room = rooms.room_of(path)
        if room is None:
            faults.append(f"{path}: in no room of tests/house_rules/rooms.py")
            continue
        for number, name, is_quoted in tree.includes(path):
            header = tree.headers_by_name.get(name)
            if is_quoted and header is not None and not rooms.may_include(path, header):
                faults.append(f"{path}:{number}: {room} may not include {header}")
    return faults


@rule
def edges_do_not_know_each_other(tree):
    faults = []
    for folder, edges in rooms.EDGES.items():
        edge_of = {f"{folder}/{stem}{suffix}": edge[0] for edge in edges for stem in edge for suffix in (".c", ".h")}
        for path in tree.c_files():
            if str(path.parent) != folder:
                continue
            if str(path) not in edge_of:
                faults.append(f"{path}: an edge that tests/house_rules/rooms.py does not name")
            for number, name, _ in tree.includes(path):
                other = edge_of.get(f"{folder}/{name}")
                if other is not None and other != edge_of.get(str(path)):
                    faults.append(f"{path}:{number}: one edge may not include another ({name})")
    return faults


@rule
def include_paths_lead_along_the_arrows(tree):
    """What the build gives a room to find headers in: a wrong #include must not even build."""
    faults = []
    for source in tree.compile_commands:
        room = rooms.room_of(source)
        if room in (None, "tests"):
            continue
        for folder in tree.include_paths(source):
            other = rooms.room_of(folder / "x")
            if other not in rooms.reachable(room):
                faults.append(f"{source}: {folder} is on the include path")
    return faults


@rule
def libraries_are_used_where_they_belong(tree):
    faults = []
    for path in tree.c_files():
        for number, name, is_quoted in tree.includes(path):
            for library, places in rooms.LIBRARIES.items():
                if is_quoted or not (name == library or library.endswith("/") and name.startswith(library)):
                    continue
                if not any(str(path).startswith(place) if place.endswith("/") else str(path) == place
                           for place in places):
                    faults.append(f"{path}:{number}: <{name}> has no place here")
    return faults


@rule
def core_asks_for_nothing_but_memory(tree):
    ground = {name for name in tree.symbols(rooms.GROUND_LIBRARY, "defined")
              if not name.startswith(tuple(rooms.GROUND_NOT_FOR_THE_CORE))}
    wanted = tree.symbols(rooms.CORE_LIBRARY, "undefined")
    return [f"lib{rooms.CORE_LIBRARY}.a: uses {name}" for name in sorted(wanted - ground - rooms.CORE_SYMBOLS)]


@rule
def pure_rooms_touch_nothing(tree):
    faults = []
    for library in rooms.PURE_LIBRARIES:
        for name in sorted(tree.symbols(library, "undefined") & rooms.IMPURE_SYMBOLS):
            faults.append(f"lib{library}.a: uses {name}")
    return faults


@rule
def headers_compile_alone(tree):
    """Each header alone, and twice, with the include path of a source of its folder."""
    def flags_for(header):
        for folder in (header.parent, *header.parent.parents):
            near = [source for source in tree.compile_commands if source.parent == folder]
            if near:
                break
        else:
            return None
        paths = dict.fromkeys(itertools.chain.from_iterable(map(tree.include_paths, near)))
        return [f"-I{tree.root / path}" for path in paths]

    def check(header):
        flags = flags_for(header)
        if flags is None:
            return [f"{header}: no source near it is built"]
        text = f'#include "{tree.root / header}"\n' * 2 + "typedef int not_empty;\n"
        run = subprocess.run(["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x",
                              "c", *flags, "-"], input=text, text=True, capture_output=True)
        error = next((line for line in run.stderr.splitlines() if "error:" in line), run.stderr.strip())
        return [] if run.returncode == 0 else [f"{header}: {error}"]

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(itertools.chain.from_iterable(pool.map(check, tree.c_files((".h",)))))


@rule
def includes_are_bare_names(tree):
    faults = []
    for path in tree.c_files():
        for number, name, is_quoted in tree.includes(path):
            if is_quoted and "/" in name:
                faults.append(f"{path}:{number}: \"{name}\": bare file names only; the include path is the room's")
            elif is_quoted and name not in tree.headers_by_name:
                faults.append(f"{path}:{number}: \"{name}\": no such header here; a library's stands in <>")
    return faults


@rule
def file_names_are_unique(tree):
    first = {}
    faults = []
    for path in tree.c_files():
        if path.name == "main.c":
            continue
        if path.name in first:
            faults.append(f"{path}: {first[path.name]} has the same name")
        first.setdefault(path.name, path)
    return faults


# In all C of ours, and in the programs' C only.
ANYWHERE = {
    "strcpy|strcat|stpcpy|strncpy|strncat": "bounded copies only (bytes.h)",
    "sprintf|vsprintf": "snprintf, or bytes_append_format",
    "atoi|atol|atoll|atof": "bytes_view_to_int64: atoi knows no errors",
    "strtok|gets|alloca|setlocale|system|popen|mktemp|tmpnam": "not used here",
    "usleep|sleep": "wait for a condition, not for time",
}
OWN_CODE = {
    "malloc|calloc|realloc|strdup|strndup|asprintf|vasprintf|reallocarray": "memory.h: it never returns NULL",
}
MEMORY = {"common/base/memory.c"}


@rule
def banned_calls(tree):
    faults = []
    for path in tree.c_files():
        for number, line in tree.code_lines(path):
            calls = set(re.findall(r"(?<![\w.>])([a-z_]\w*)\s*\(", line))
            bans = [ANYWHERE] if str(path) in MEMORY or path.parts[0] == "tests" else [ANYWHERE, OWN_CODE]
            for names, why in itertools.chain.from_iterable(ban.items() for ban in bans):
                for name in sorted(calls & set(names.split("|"))):
                    faults.append(f"{path}:{number}: {name}(): {why}")
    return faults


@rule
def only_main_exits(tree):
    faults = []
    for path in tree.c_files():
        if path.name == "main.c" or path.parts[0] == "tests":
            continue
        for number, line in tree.code_lines(path):
            match = re.search(r"(?<![\w.>])(exit|_exit|quick_exit)\s*\(", line)
            if match:
                faults.append(f"{path}:{number}: {match.group(1)}(): only main.c exits")
    return faults


@rule
def formatting(tree):
    files = [str(tree.root / path) for path in tree.c_files()]
    if shutil.which("clang-format-14") is None:
        return ["clang-format-14 is not on the PATH"]
    run = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files], capture_output=True, text=True)
    root = str(tree.root) + "/"
    places = re.findall(r"^(.+?:\d+):\d+: error:", run.stderr, re.MULTILINE)
    faults = [f"{place.removeprefix(root)}: clang-format-14 -i makes it otherwise" for place in dict.fromkeys(places)]
    return faults or ([run.stderr.strip()] if run.returncode != 0 else [])


@rule
def functions_are_short(tree):
    """At most 70 lines from the brace to the brace, or `/* long: reason */` in the function or right above it."""
    faults = []
    for path in tree.c_files():
        original = tree.text(path).split("\n")
        start = None
        for number, line in tree.code_lines(path):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start is not None:
                lines = number - start + 1
                near = "\n".join(original[max(0, start - 5):number])
                if lines > FUNCTION_LINES_MAX and not re.search(r"/\* long: \S", near):
                    faults.append(f"{path}:{start}: {lines} lines; {FUNCTION_LINES_MAX} are enough")
                start = None
    return faults


@rule
def no_paths_of_one_machine(tree):
    # Put together, so that this line is no find.
    machine = re.compile("|".join(f"/{folder}/" for folder in ("work", "root", "home")) + r"|\.py" + r"env\b")
    faults = []
    for path in tree.files:
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            # http://host/work/ is no path of a machine.
            match = machine.search(re.sub(r"https?://\S+", "", line))
            if match:
                faults.append(f"{path}:{number}: {match.group()}: a path of one machine")
    return faults


@rule
def top_level_is_as_the_map_says(tree):
    found = dict.fromkeys(path.parts[0] for path in tree.files)
    return [f"{name}: not in the list of tests/house_rules/rooms.py" for name in found if name not in rooms.TOP_LEVEL]


@rule
def text_files_are_plain(tree):
    """UTF-8, lines end with LF, no white space before it, a newline at the end, no tab in C, Python and shell."""
    faults = []
    for path in tree.files:
        if str(path.parent) in ("tests/fixtures", "schemas/examples"):
            continue  # data, byte for byte as it was given
        if path.suffix not in (".c", ".h", ".py", ".md", ".cmake", ".yaml", ".yml", ".json", ".avsc", ".txt", ".sh", ""):
            continue
        data = (tree.root / path).read_bytes()
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            faults.append(f"{path}: not UTF-8")
            continue
        if text and not text.endswith("\n"):
            faults.append(f"{path}: no newline at the end")
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                faults.append(f"{path}:{number}: white space before the line's end")
            elif "\t" in line and path.suffix in (".c", ".h", ".py", ".sh", ".cmake"):
                faults.append(f"{path}:{number}: a tab")
    return faults


@rule
def tests_wait_for_conditions(tree):
    """A sleep hides a race. Python's tests wait by waiting.py, which alone may sleep between two looks."""
    faults = []
    for path in tree.files:
        if path.suffix != ".py" or path.parts[0] != "tests" or path.name in ("waiting.py", "rules.py", "plants.py"):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if re.search(r"\bsleep\s*\(", line.split("#")[0]):
                faults.append(f"{path}:{number}: a sleep; wait for a condition (waiting.py)")
    return faults


@rule
def documents_name_what_is_there(tree):
    """A relative link, and a path in backquotes that begins with a folder of ours, leads somewhere. A path with a
    part like ROOM or NAME.c in it is a pattern."""
    faults = []
    folders = "|".join(("common", "consumer", "deploy", "producer", "schemas", "tests"))
    named = re.compile(rf"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)|`((?:{folders})/[\w./-]*)[^`]*`")
    for path in tree.files:
        if path.suffix != ".md":
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            for link, quoted in named.findall(line):
                target = tree.root / path.parent / link if link else tree.root / quoted
                is_pattern = re.search(r"(^|[/_])[A-Z]{3,}([/.]|$)", re.sub(r"README\.md|CMakeLists\.txt", "", quoted))
                if not target.exists() and not is_pattern:
                    faults.append(f"{path}:{number}: {link or quoted} is not there")
    return faults


SETTINGS_TABLE = re.compile(r"<!-- settings: ([\w-]+) -->\n(.*?)<!-- end -->", re.DOTALL)
SETTINGS_ROW = re.compile(r"^\| `([\w.]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


@rule
def readme_shows_every_setting(tree):
    """README's tables of settings are what --help says: the same keys, each with its default and its meaning."""
    faults = []
    tables = dict(SETTINGS_TABLE.findall(tree.text("README.md")))
    for program in ("incident-producer", "incident-consumer"):
        said = subprocess.run([str(tree.build / "bin" / program), "--help"], check=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True).stdout
        _, _, settings = said.partition("\nSettings")
        shown = dict(re.findall(r"^  ([a-z][\w.]*) +(\S.*)$", settings.split("\n\n")[0], re.MULTILINE))
        rows = {key: (default.strip("`"), meaning) for key, default, meaning in
                SETTINGS_ROW.findall(tables.get(program, ""))}
        # `kafka.PROPERTY` stands for too many to be a row.
        if shown.pop("kafka.PROPERTY", None) is None or len(shown) < 10:
            faults.append(f"README.md: {program} --help has no settings that this rule understands")
        for key in sorted(shown.keys() ^ rows.keys()):
            faults.append(f"README.md: {program}: {key} is only in " + ("--help" if key in shown else "README.md"))
        for key in sorted(shown.keys() & rows.keys()):
            default, meaning = rows[key]
            if not (shown[key].startswith(default) and shown[key].removeprefix(default).strip() == meaning):
                faults.append(f"README.md: {program}: {key}: --help says `{shown[key]}`")
    return faults


WORDS_FILE = "consumer/README.md"
WORDS_TABLE = re.compile(r"<!-- words -->\n(.*?)<!-- end -->", re.DOTALL)
WORDS_ROW = re.compile(r"^\| ([a-z][a-z ]*) \| .+? \| (.*?) \| ?(.*?) ?\|$", re.MULTILINE)
WORDS_MIN = 10
PROGRAMS_CODE = ("common", "consumer", "producer")


def has_word(text, word):
    """As a part of an identifier, or in a comment or a text of ours; `dead letter` is dead_letter, DEAD LETTERS too."""
    return re.search(rf"(?<![a-z]){word.replace(' ', '[_ -]')}s?(?![a-z])", text, re.IGNORECASE)


@rule
def words_are_those_of_the_list(tree):
    """The list of words says how the code speaks: each is used in its folders' headers; its false friends nowhere, or
    not in the folder that is named behind one."""
    faults = []
    table = WORDS_TABLE.search(tree.text(WORDS_FILE))
    rows = WORDS_ROW.findall(table.group(1)) if table else []
    rows = [row for row in rows if row[0] != "word"]
    if len(rows) < WORDS_MIN or table.group(1).count("\n| ") != len(rows) + 1:
        faults.append(f"{WORDS_FILE}: a list of words that this rule does not understand")
    code = {path: tree.text(path) for path in tree.c_files() if path.parts[0] in PROGRAMS_CODE}
    for word, folders, friends in rows:
        for folder in re.findall(r"`([\w/]+/)`", folders):
            if not any(str(path).startswith(folder) and path.suffix == ".h" and has_word(text, word)
                       for path, text in code.items()):
                faults.append(f"{WORDS_FILE}: `{word}`: no header in {folder} says it")
        for friend, folder in re.findall(r"`([a-z]+)`(?: \(`([\w/]+/)`\))?", friends):
            for path, text in code.items():
                found = has_word(text, friend) if str(path).startswith(folder) else None
                if found:
                    line = text.count("\n", 0, found.start()) + 1
                    faults.append(f"{path}:{line}: {friend}: the word here is `{word}` ({WORDS_FILE})")
    return faults
