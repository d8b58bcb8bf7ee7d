"""The map of the rooms: who may include whom, and which library is used where. DESIGN of the borders, as a table."""

# Folder → the folders whose headers its files may include besides its own. A more special folder comes first.
# `FOLDER/FILE.h` allows that one header.
ROOMS = {
    "common/base": [],
    "common/incident": ["common/base"],
    "common/service": ["common/base"],
    # The core decides: it sees the ground and nothing else, not even the log.
    "consumer/core": ["common/base"],
    "producer/core": ["common/base"],
    # Stages translate. A verdict is a word of the core's.
    "consumer/stages": ["common/base", "common/incident", "consumer/core/delivery_core.h"],
    "producer/stages": ["common/base", "common/incident"],
    # Edges touch the world. They see plain types of core and stages; of other edges, only what every call goes
    # through: the gate and the signer.
    "consumer/edge/sinks": ["common/base", "common/service", "consumer/stages", "consumer/core/delivery_core.h",
                            "consumer/edge/address_gate.h", "consumer/edge/signer.h"],
    "consumer/edge": ["common/base", "common/service", "common/incident/utc_time.h", "common/incident/incident.h",
                      "consumer/stages", "consumer/core/delivery_core.h"],
    "producer/edge": ["common/base", "common/service", "common/incident/utc_time.h", "common/incident/incident.h",
                      "producer/stages", "producer/core"],
    # Each program joins its own rooms; a command is a program of its own that shares them.
    "consumer/commands": ["common/base", "common/incident", "common/service", "consumer", "consumer/core",
                          "consumer/stages", "consumer/edge", "consumer/edge/sinks"],
    "consumer": ["common/base", "common/incident", "common/service", "consumer/core", "consumer/stages",
                 "consumer/edge", "consumer/edge/sinks", "consumer/commands/commands.h",
                 "consumer/commands/run_command.h"],
    "producer": ["common/base", "common/incident", "common/service", "producer/core", "producer/stages",
                 "producer/edge"],
    # The sandbox witnesses against both programs, so it shares the ground with them and nothing else.
    "deploy/sandbox": ["common/base"],
    # Tests may use everything; nothing uses tests.
    "tests": ["common", "consumer", "producer", "deploy", "tests"],
}

# Edges that one folder holds: no file of one may include the header of another.
EDGES = {
    "consumer/edge": [["kafka_subscription", "partition_starts", "group_trouble"], ["dead_letter_writer"], ["signer"],
                      ["address_gate"], ["subscriptions_file", "document_reader", "sink_section"],
                      ["kafka_record"], ["record_fetch"], ["topic_scan"]],
}

# Library header → where it may be included. A folder ends with a slash. What --version prints names every library's
# version: common/service/program.c those of its room, each program's main.c the others.
MAINS = ["consumer/main.c", "producer/main.c"]
LIBRARIES = {
    "jansson.h": ["common/incident/incident_door.c", "common/incident/incident_json.c",
                  "common/incident/avro_schema.c", "common/incident/avro_steps.c", "common/incident/avro_name.h",
                  "common/incident/avro_name.c", "common/incident/avro_steps.h", "deploy/sandbox/", "tests/", *MAINS],
    "avro.h": ["common/incident/incident_avro.c", "common/incident/incident_encoder.c", "tests/"],
    "openssl/": ["common/incident/event_id.c", "consumer/edge/signer.c", "deploy/sandbox/", "tests/", *MAINS],
    "yaml.h": ["common/service/yaml_tree.c", "common/service/program.c"],
    "microhttpd.h": ["common/service/admin_http.c", "common/service/program.c", "deploy/sandbox/", "tests/"],
    "uv.h": ["common/service/event_loop.c", "common/service/event_loop.h", "consumer/edge/", "consumer/consumer_app.c",
             "consumer/shard.c", "producer/edge/", "tests/", *MAINS],
    "curl/": ["consumer/edge/sinks/", "consumer/edge/subscriptions_file.c", "tests/", *MAINS],
    "librdkafka/": ["common/service/", "consumer/edge/", "producer/edge/", "deploy/sandbox/", "tests/"],
}

# What the core's library may ask of the outside: the ground and the C library's memory and text functions. No clock,
# no file, no socket, no log.
CORE_LIBRARY = "consumer_core"
GROUND_LIBRARY = "common_base"
CORE_SYMBOLS = {"memcpy", "memmove", "memset", "memcmp", "strlen", "strcmp", "strnlen", "qsort", "bsearch", "free",
                "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "__memcpy_chk", "__memset_chk", "__memmove_chk"}
GROUND_NOT_FOR_THE_CORE = {"log_"}

# Pure rooms: what they may not ask for, whatever library would give it.
PURE_LIBRARIES = ["consumer_stages", "consumer_webhook", "common_incident"]
IMPURE_SYMBOLS = {"time", "clock_gettime", "gettimeofday", "nanosleep", "usleep", "sleep", "socket", "connect", "bind",
                  "send", "recv", "open", "open64", "fopen", "fopen64", "read", "write", "fwrite", "printf", "puts",
                  "getenv", "rand", "random", "getrandom", "pthread_create", "localtime", "localtime_r", "setlocale"}

TOP_LEVEL = {".ci", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", ".gitattributes", "CMakeLists.txt",
             "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "README.md", "common", "consumer", "deploy", "producer",
             "schemas", "tests"}


def room_of(path):
    """The room that a file is in, or None."""
    for folder in sorted(ROOMS, key=len, reverse=True):
        if str(path).startswith(folder + "/"):
            return folder
    return None


def may_include(path, header):
    room = room_of(path)
    if room is None:
        return False
    if room == "tests":
        return True
    if room_of(header) == room:
        return True
    return any(str(header) == allowed or room_of(header) == allowed for allowed in ROOMS[room])


def reachable(room):
    """The rooms on the include path of a room: those that it may include, and what their headers may include."""
    found = {room}
    todo = [room]
    while todo:
        for allowed in ROOMS[todo.pop()]:
            folder = room_of(allowed) if allowed.endswith(".h") else allowed
            if folder not in found:
                found.add(folder)
                todo.append(folder)
    return found
