/* incident_fixture.h: what the tests of common/incident share. */
#ifndef RELAY_INCIDENT_FIXTURE_H
#define RELAY_INCIDENT_FIXTURE_H

#include "bytes.h"
#include "incident.h"
#include "random.h"

#include <stdint.h>

/* A canonical line with every field set, for tests that change one. */
extern const char FIXTURE_LINE[];

/* A file as a whole; stops the test program when it cannot be read. */
struct bytes fixture_read(const char *path);

/* Takes the next line off *rest; false when there is none. */
bool fixture_next_line(struct bytes_view *rest, struct bytes_view *ret_line);

/* `text` with the first `old` replaced, which must be there. */
struct bytes fixture_replace(const char *text, const char *old, const char *new);

/* Avro's binary encoding, written by hand. */
void avro_put_long(struct bytes *bytes, int64_t number);
void avro_put_text(struct bytes *bytes, const char *text);

/* An event within the rules. Its rich text, at most a few hundred bytes, is appended to *rich_text, which must have
 * room for 4 KiB and outlive it. */
struct incident_event fixture_random_event(struct random_source *random, struct bytes *rich_text);

/* Appends a random JSON value that has at most `depth` containers in one another. */
void fixture_random_json(struct random_source *random, int depth, bool with_space, struct bytes *json);

#endif
