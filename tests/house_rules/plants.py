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


def readme(producer_default="incident.events", more=""):
    return ({"README.md": ROWS % ("incident-producer", producer_default) + ROWS % ("incident-consumer", "incident.events"),
             "build/bin/incident-producer": HELP % more, "build/bin/incident-consumer": HELP % ""}, "README.md")


PLANTS["readme_shows_every_setting"] = [readme("incidents"), readme(more="\n  drain   8s   how long")]


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
