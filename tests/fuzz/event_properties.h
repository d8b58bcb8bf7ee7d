/* event_properties.h: what must hold for every event, however it came in, and for every rejection. Each aborts when it
 * does not. */
#ifndef RELAY_EVENT_PROPERTIES_H
#define RELAY_EVENT_PROPERTIES_H

#include "incident.h"
#include "incident_rules.h"

/* Equal in every field, rich text byte for byte. */
void event_properties_check_equal(const struct incident_event *a, const struct incident_event *b);

/* The same for incidents alone. */
void event_properties_check_equal_incidents(const struct incident *a, const struct incident *b);

/* An event that door or reader has accepted: rendered it is one JSON object that the door reads to the same event and
 * the same bytes; written as Avro it is read to the same event; its derived id is a legal one. A line above the door's
 * bounds is the one exception: a key that was absent is rendered as null, `Z` as +00:00. */
void event_properties_check(const struct incident_event *event);

/* A rejection: a rule's name, a pointer and one line of UTF-8. */
void event_properties_check_violation(const struct rule_violation *violation);

#endif
