/* incident.h: the shared noun: an incident event as both programs hold it.
 *
 * Times are microseconds since 1970-01-01T00:00:00Z. Rich text is JSON text without white space outside strings;
 * a view of size 0 is null. Who made the event says how long its views are valid. */
#ifndef RELAY_INCIDENT_H
#define RELAY_INCIDENT_H

#include "bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum { INCIDENT_VERSION = 1 };    /* the payload version that this build reads and writes */
enum { INCIDENT_UUID_SIZE = 36 }; /* 8-4-4-4-12 hexadecimal digits */

enum event_type { EVENT_TYPE_CREATE, EVENT_TYPE_UPDATED };
enum { EVENT_TYPE_COUNT = EVENT_TYPE_UPDATED + 1 };

enum incident_status {
    INCIDENT_STATUS_TRIGGERED,
    INCIDENT_STATUS_RESOLVED,
    INCIDENT_STATUS_DISMISSED,
    INCIDENT_STATUS_REOPENED,
};
enum { INCIDENT_STATUS_COUNT = INCIDENT_STATUS_REOPENED + 1 };

enum severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };
enum { SEVERITY_COUNT = SEVERITY_HIGH + 1 };

enum session_status {
    SESSION_STATUS_CREATED,
    SESSION_STATUS_IN_PROGRESS,
    SESSION_STATUS_PAUSED,
    SESSION_STATUS_STOPPED,
    SESSION_STATUS_SUSPENDED,
    SESSION_STATUS_COMPLETED,
};
enum { SESSION_STATUS_COUNT = SESSION_STATUS_COMPLETED + 1 };

struct session {
    int64_t id;
    char uuid[INCIDENT_UUID_SIZE + 1]; /* lower case, NUL-terminated */
    bool has_score;
    int64_t score; /* 0 without one */
    enum session_status status;
    int64_t created_at_us;
    int64_t updated_at_us;
};

struct incident {
    int64_t id;
    struct bytes_view description; /* rich text; size 0 is null */
    enum incident_status status;
    enum severity severity;
    int64_t start_time_us;
    bool has_end_time;
    int64_t end_time_us;                /* 0 without one */
    struct bytes_view resolution_notes; /* rich text; size 0 is null */
    struct session session;
    int64_t tenant_id;
    int64_t created_at_us;
    int64_t updated_at_us;
};

struct incident_event {
    enum event_type type;
    struct incident incident;
    int32_t version;
    bool has_sent_at;
    int64_t sent_at_us; /* 0 without one; printed in whole milliseconds */
};

/* The names as JSON, Avro and settings write them: "incident.instance.create", "TRIGGERED", "LOW",
 * "IN_PROGRESS" … Static strings; the value must be one of the enum's. */
const char *event_type_name(enum event_type type);
const char *incident_status_name(enum incident_status status);
const char *severity_name(enum severity severity);
const char *session_status_name(enum session_status status);

/* The value of a name, which must match exactly. False, and *ret_… untouched, when there is none. */
WARN_UNUSED bool event_type_from_name(struct bytes_view name, enum event_type *ret_type);
WARN_UNUSED bool incident_status_from_name(struct bytes_view name, enum incident_status *ret_status);
WARN_UNUSED bool severity_from_name(struct bytes_view name, enum severity *ret_severity);
WARN_UNUSED bool session_status_from_name(struct bytes_view name, enum session_status *ret_status);

#endif
