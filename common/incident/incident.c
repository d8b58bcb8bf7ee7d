#include "incident.h"

#include "check.h"

static const char *const EVENT_TYPE_NAMES[EVENT_TYPE_COUNT] = {
    [EVENT_TYPE_CREATE] = "incident.instance.create",
    [EVENT_TYPE_UPDATED] = "incident.instance.updated",
};

static const char *const INCIDENT_STATUS_NAMES[INCIDENT_STATUS_COUNT] = {
    [INCIDENT_STATUS_TRIGGERED] = "TRIGGERED",
    [INCIDENT_STATUS_RESOLVED] = "RESOLVED",
    [INCIDENT_STATUS_DISMISSED] = "DISMISSED",
    [INCIDENT_STATUS_REOPENED] = "REOPENED",
};

static const char *const SEVERITY_NAMES[SEVERITY_COUNT] = {
    [SEVERITY_LOW] = "LOW",
    [SEVERITY_MEDIUM] = "MEDIUM",
    [SEVERITY_HIGH] = "HIGH",
};

static const char *const SESSION_STATUS_NAMES[SESSION_STATUS_COUNT] = {
    [SESSION_STATUS_CREATED] = "CREATED",     [SESSION_STATUS_IN_PROGRESS] = "IN_PROGRESS",
    [SESSION_STATUS_PAUSED] = "PAUSED",       [SESSION_STATUS_STOPPED] = "STOPPED",
    [SESSION_STATUS_SUSPENDED] = "SUSPENDED", [SESSION_STATUS_COMPLETED] = "COMPLETED",
};

/* The index of `name`, or `count`. */
static int find_name(const char *const *names, int count, struct bytes_view name)
{
    int index = 0;
    while (index < count && !bytes_view_equal_text(name, names[index])) {
        index++;
    }
    return index;
}

const char *event_type_name(enum event_type type)
{
    CHECK((unsigned)type < EVENT_TYPE_COUNT);
    return EVENT_TYPE_NAMES[type];
}

const char *incident_status_name(enum incident_status status)
{
    CHECK((unsigned)status < INCIDENT_STATUS_COUNT);
    return INCIDENT_STATUS_NAMES[status];
}

const char *severity_name(enum severity severity)
{
    CHECK((unsigned)severity < SEVERITY_COUNT);
    return SEVERITY_NAMES[severity];
}

const char *session_status_name(enum session_status status)
{
    CHECK((unsigned)status < SESSION_STATUS_COUNT);
    return SESSION_STATUS_NAMES[status];
}

bool event_type_from_name(struct bytes_view name, enum event_type *ret_type)
{
    int index = find_name(EVENT_TYPE_NAMES, EVENT_TYPE_COUNT, name);
    if (index == EVENT_TYPE_COUNT) {
        return false;
    }
    *ret_type = (enum event_type)index;
    return true;
}

bool incident_status_from_name(struct bytes_view name, enum incident_status *ret_status)
{
    int index = find_name(INCIDENT_STATUS_NAMES, INCIDENT_STATUS_COUNT, name);
    if (index == INCIDENT_STATUS_COUNT) {
        return false;
    }
    *ret_status = (enum incident_status)index;
    return true;
}

bool severity_from_name(struct bytes_view name, enum severity *ret_severity)
{
    int index = find_name(SEVERITY_NAMES, SEVERITY_COUNT, name);
    if (index == SEVERITY_COUNT) {
        return false;
    }
    *ret_severity = (enum severity)index;
    return true;
}

bool session_status_from_name(struct bytes_view name, enum session_status *ret_status)
{
    int index = find_name(SESSION_STATUS_NAMES, SESSION_STATUS_COUNT, name);
    if (index == SESSION_STATUS_COUNT) {
        return false;
    }
    *ret_status = (enum session_status)index;
    return true;
}
