"""For each rule, small trees with one fault in them: ({file: text}, the file that the rule must name).

A rule must name nothing else: what is clean in a plant must stay clean. A file build/NAME.a.c is compiled into
build/libNAME.a; every other .c stands in a compile_commands.json, with its own folder on the include path.
"""
import json
import pathlib
import subprocess

FUNCTION = "int f(void)\n{\n%s    return 0;\n}\n"
LONG = FUNCTION % ("    f();\n" * 80)
GROUND = "void memory_get(void);\nvoid log_write(void);\nvoid memory_get(void) {}\nvoid log_write(void) {}\n"
HEADER = "#ifndef X_H\n#define X_H\n%s#endif\n"


def core(call):
    return {"build/consumer_core.a.c": f"void {call}(void);\nvoid memory_get(void);\nvoid step(void);\n"
                                       f"void step(void)\n{{\n    memory_get();\n    {call}();\n}}\n",
            "build/common_base.a.c": GROUND}


def pure(call, library):
    plant = {f"build/{name}.a.c": "int used_%s;\n" % name
             for name in ("consumer_stages", "consumer_webhook", "common_incident")}
    plant[f"build/{library}.a.c"] = f"int {call}(void);\nint step(void);\nint step(void)\n{{\n    return {call}();\n}}\n"
    return plant


def borders(path, header):
    return ({path: f'#include "{pathlib.PurePosixPath(header).name}"\n', header: HEADER % ""}, path)


PLANTS = {
    "includes_stay_inside_the_borders": [
        borders("consumer/core/a.c", "common/incident/incident.h"),
        borders("consumer/core/a.c", "common/service/metrics.h"),
        borders("consumer/stages/a.c", "common/service/metrics.h"),
        borders("consumer/stages/a.c", "consumer/core/lane.h"),
        borders("consumer/edge/a.c", "consumer/core/lane.h"),
        borders("consumer/edge/a.h", "consumer/edge/sinks/http_sink.h"),
        borders("consumer/edge/sinks/a.c", "consumer/edge/kafka_subscription.h"),
        borders("consumer/a.c", "producer/edge/source.h"),
        borders("producer/edge/a.c", "producer/app.h"),
        borders("common/base/a.c", "common/service/metrics.h"),
        borders("common/incident/a.c", "common/service/metrics.h"),
        borders("common/service/a.c", "common/incident/incident.h"),
        borders("common/base/a.c", "tests/support/b.h"),
        borders("deploy/sandbox/a.c", "consumer/edge/signer.h"),
        ({"elsewhere/a.c": "int a;\n"}, "elsewhere/a.c"),
    ],
    "edges_do_not_know_each_other": [
        ({"consumer/edge/signer.c": '#include "signer.h"\n#include "address_gate.h"\n',
          "consumer/edge/signer.h": "", "consumer/edge/address_gate.h": ""}, "consumer/edge/signer.c"),
        ({"consumer/edge/surprise.c": "int a;\n"}, "consumer/edge/surprise.c"),
    ],
    "include_paths_lead_along_the_arrows": [
        ({"consumer/core/a.c": "/* -I common/base -I common/incident */\n", "common/base/b.c": "int b;\n"},
         "consumer/core/a.c"),
        ({"consumer/stages/a.c": "/* -I common/base -I common/incident -I consumer/core -I common/service */\n"},
         "consumer/stages/a.c"),
    ],
    "libraries_are_used_where_they_belong": [
        ({"consumer/core/a.c": "#include <uv.h>\n", "consumer/edge/b.c": "#include <uv.h>\n"}, "consumer/core/a.c"),
        ({"consumer/stages/a.c": "#include <openssl/evp.h>\n", "consumer/main.c": "#include <openssl/evp.h>\n"},
         "consumer/stages/a.c"),
    ],
    "core_asks_for_nothing_but_memory": [
        (core("clock_gettime"), "clock_gettime"), (core("log_write"), "log_write"), (core("fopen"), "fopen"),
    ],
    "pure_rooms_touch_nothing": [
        (pure("time", "consumer_webhook"), "libconsumer_webhook.a"),
        (pure("fopen", "common_incident"), "libcommon_incident.a"),
        (pure("socket", "consumer_stages"), "libconsumer_stages.a"),
    ],
    "headers_compile_alone": [
        ({"common/base/a.c": "int a;\n", "common/base/a.h": HEADER % "size_t a_size(void);\n",
          "common/base/b.h": HEADER % "#include <stddef.h>\nsize_t b_size(void);\n"}, "common/base/a.h"),
        ({"common/base/a.c": "int a;\n", "common/base/a.h": "struct a {\n    int b;\n};\n"}, "common/base/a.h"),
    ],
    "includes_are_bare_names": [
        ({"common/base/a.c": '#include "../service/b.h"\n', "common/service/b.h": ""}, "common/base/a.c"),
        ({"common/base/a.c": '#include "uv.h"\n'}, "common/base/a.c"),
    ],
    "file_names_are_unique": [
        ({"consumer/core/a.c": "", "producer/core/a.c": "", "consumer/main.c": "", "producer/main.c": ""},
         "producer/core/a.c"),
    ],
    "banned_calls": [
        ({f"common/base/{name}.c": FUNCTION % f"    {name}(a);\n" +
          f'/* {name}() */ const char *t = "{name}()";\n',
          "common/base/memory.c": FUNCTION % "    calloc(1, 1);\n    my_malloc(1);\n    a->sleep(1);\n"},
         f"common/base/{name}.c:3")
        for name in ("strcpy", "sprintf", "atoi", "strtok", "gets", "malloc", "strdup", "sleep", "system")
    ],
    "only_main_exits": [
        ({"consumer/app.c": FUNCTION % "    exit(1);\n", "consumer/main.c": FUNCTION % "    exit(1);\n"},
         "consumer/app.c:3"),
    ],
    "formatting": [
        ({".clang-format": "BasedOnStyle: LLVM\n", "common/base/a.c": "int  a;\n", "common/base/b.c": "int b;\n"},
         "common/base/a.c:1"),
    ],
    "functions_are_short": [
        ({"common/base/a.c": FUNCTION % "" + LONG, "common/base/b.c": "/* long: a table, nothing else */\n" + LONG},
         "common/base/a.c:6"),
    ],
    "no_paths_of_one_machine": [
        ({"README.md": "cd /" + "work/main\n", "CONTRIBUTING.md": "http://host/" + "home/x\n"}, "README.md:1"),
        ({"tests/a.py": "HOME = '/" + "root/.cache'\n"}, "tests/a.py:1"),
    ],
    "top_level_is_as_the_map_says": [
        ({"notes.txt": "", "README.md": ""}, "notes.txt"), ({"scripts/a": "", "common/base/a.c": ""}, "scripts"),
    ],
    "text_files_are_plain": [
        ({"common/base/a.c": "int a; \n"}, "common/base/a.c:1"), ({"common/base/a.c": "int a;"}, "common/base/a.c"),
        ({"common/base/a.h": "\tint a;\n"}, "common/base/a.h:1"), ({"README.md": b"\xff\n"}, "README.md"),
    ],
    "tests_wait_for_conditions": [
        ({"tests/integration/test_a.py": "time.sleep(1)\n", "tests/integration/waiting.py": "time.sleep(1)\n"},
         "tests/integration/test_a.py:1"),
    ],
    "documents_name_what_is_there": [
        ({"README.md": "see [the map](map.md) and [it](common/base/a.c)\n", "common/base/a.c": ""}, "README.md:1"),
        ({"common/README.md": "`common/base/b.c` and `common/base/a.c`\n", "common/base/a.c": ""},
         "common/README.md:1"),
    ],
}


KEYS = [f"a.key_{number}" for number in range(10)]
HELP = ("#!/bin/sh\necho 'Usage\n\nSettings:\n  kafka.PROPERTY   any\n  topic   incident.events   topic to write to%s\n"
        + "\n".join(f"  {key}   8s  text" for key in KEYS) + "'\n")
ROWS = "<!-- settings: %s -->\n\n| key | default | meaning |\n|---|---|---|\n| `topic` | `%s` | topic to write to |\n" \
    + "".join(f"| `{key}` | `8s` | text |\n" for key in KEYS) + "<!-- end -->\n"


def readme(old="", new="", more="", program="incident-producer"):
    """A row of one program that is not as --help says, or a setting more in its --help."""
    tables = {name: ROWS % (name, "incident.events") for name in ("incident-producer", "incident-consumer")}
    tables[program] = tables[program].replace(old, new)
    return ({"README.md": "".join(tables.values()),
             **{f"build/bin/{name}": HELP % (more if name == program else "") for name in tables}}, "README.md")


PLANTS["readme_shows_every_setting"] = [
    readme("`incident.events`", "`incidents`"), readme("`incident.events`", "`incident.event`"),
    readme("topic to write to", "to write to"), readme("topic to write to", "topic to write"),
    readme("| `a.key_3` | `8s` | text |\n"), readme("<!-- end", "| `b.gone` | `8s` | text |\n<!-- end"),
    readme("`8s` | text |\n<!-- end", "`9s` | text |\n<!-- end", program="incident-consumer"),
    readme(more="\n  drain   8s   how long"), readme(more="\n  drain   8s   how long", program="incident-consumer"),
]

# Ten words in the list, each in a header; the eleventh row is the one that a plant is about.
WORD_NAMES = [f"word{letter}" for letter in "abcdefghij"]
SPOKEN = "".join(f"void {name}_verb(void);\n" for name in WORD_NAMES)
WORDS = "<!-- words -->\n\n| word | means | folder | not |\n|---|---|---|---|\n" + "".join(
    f"| {name} | a thing | `consumer/core/` | |\n" for name in WORD_NAMES) + "%s<!-- end -->\n"


def words(row, culprit, **files):
    return ({"consumer/README.md": WORDS % row, "consumer/core/spoken.h": SPOKEN,
             **{f"consumer/core/{name}.c": text for name, text in files.items()}}, culprit)


DEAD_LETTER = "| dead letter | kept | `consumer/core/` | `dlq`, `lost` (`consumer/edge/`) |\n"
PLANTS["words_are_those_of_the_list"] = [
    words("| lane | a thing | `consumer/core/` | |\n", "consumer/README.md"),
    words("| Lane | a thing | `consumer/core/` | |\n", "consumer/README.md"),
    words(DEAD_LETTER.replace("dead letter", "wordb"), "consumer/core/a.c:2", a="int lost;\nint dlq_size;\n",
          b="int addlq;\n"),
    words(DEAD_LETTER.replace("dead letter", "wordb"), "consumer/core/a.c:1", a='const char *t = "to the DLQ";\n'),
    words("| wordb | a thing | `consumer/core/` | `lost` (`consumer/core/`) |\n", "consumer/core/a.c:1", a="/* it is lost */\n"),
    ({"consumer/README.md": "# No list\n"}, "consumer/README.md"),
]


# Each under the real settings: a fault that the checks of that folder must see, and the like of it that is none.
ROOT = pathlib.Path(__file__).resolve().parents[2]
TIDY = {name: (ROOT / name).read_text() for name in (".clang-tidy", "tests/.clang-tidy")}
MAYBE_NULL = "int f(const int *at);\nint f(const int *at)\n{\n    return at == 0 ? %s : *at;\n}\n"
PLANTS["clang_tidy_finds_nothing"] = [
    ({**TIDY, "common/base/a.c": MAYBE_NULL % "*at", "common/base/b.c": MAYBE_NULL % "0"}, "common/base/a.c:4"),
    ({**TIDY, "common/base/a.h": HEADER % "#define TWICE(a) a * 2\n", "common/base/a.c": '#include "a.h"\n'},
     "common/base/a.h:3"),
    ({**TIDY, "tests/a.c": FUNCTION % "    if (f() == 1)\n        f();\n", "tests/b.c": FUNCTION % ""}, "tests/a.c:3"),
]
PLANTS["cppcheck_finds_nothing"] = [
    ({"common/base/a.c": "int f(int at);\nint f(int at)\n{\n    int of[2] = {1, 2};\n    return at == 2 ? of[%s] : 0;\n}\n"
      % at, "common/base/b.c": MAYBE_NULL % "0"}, "common/base/a.c:5") for at in ("at", "2")
]
PLANTS["suppressions_have_a_reason"] = [
    ({"common/base/a.c": f"int a; /* {word} */\n", "common/base/b.c": f"int b; /* {word}{reason} */\n"},
     "common/base/a.c:1") for word, reason in (("NOLINT(cert-err33-c)", ": it cannot fail"),
                                               ("cppcheck-suppress memleak", " ; given to the library"))
]


def write_plant(folder, files):
    root = pathlib.Path(folder)
    (root / "build").mkdir()
    commands = []
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        if name.startswith("build/bin/"):
            path.chmod(0o755)
        elif name.startswith("build/"):
            archive = path.parent / f"lib{path.name.removesuffix('.a.c')}.a"
            member = path.with_suffix(".o")
            subprocess.run(["gcc", "-w", "-O0", "-fno-builtin", "-c", str(path), "-o", str(member)], check=True)
            subprocess.run(["ar", "rcs", str(archive), str(member)], check=True)
        elif path.suffix == ".c":
            # `-I FOLDER` in the source is what the plant's build would give it.
            words = text.split() if isinstance(text, str) else []
            paths = [f"-I{root / after}" for word, after in zip(words, words[1:]) if word == "-I"]
            commands.append({"directory": str(root), "file": name,
                             "command": " ".join(["cc", f"-I{path.parent}", *paths, "-c", name])})
    (root / "build/compile_commands.json").write_text(json.dumps(commands))
