/* avro_steps.h: a writer's schema, compiled into the steps that read its records.
 *
 * Each place of the record where a field of ours stands has steps of its own, with the field as their target;
 * everything else is compiled once per named type and is walked over. So the walk needs no names: projection is done
 * here. */
#ifndef RELAY_AVRO_STEPS_H
#define RELAY_AVRO_STEPS_H

#include "bytes.h"
#include "incident_rules.h"
#include "status.h"

#include <stdint.h>

enum { AVRO_STEPS_MAX = 16 * 1024, AVRO_LINKS_MAX = 64 * 1024 };

enum avro_step_kind {
    AVRO_STEP_NULL, /* the primitive ones in the order of avro_name_primitive */
    AVRO_STEP_BOOLEAN,
    AVRO_STEP_INT,
    AVRO_STEP_LONG,
    AVRO_STEP_FLOAT,
    AVRO_STEP_DOUBLE,
    AVRO_STEP_BYTES,
    AVRO_STEP_STRING,
    AVRO_STEP_FIXED,
    AVRO_STEP_ENUM,
    AVRO_STEP_ARRAY,
    AVRO_STEP_MAP,
    AVRO_STEP_UNION,
    AVRO_STEP_RECORD,
};

struct avro_step {
    enum avro_step_kind kind;
    enum incident_field target; /* the field that the value is; INCIDENT_FIELD_COUNT: none */
    enum field_form form;       /* the form in which the target takes it */
    int64_t factor;             /* of a TIME_US */
    uint32_t first;             /* in links (record, union, array, map) or in symbols (enum) */
    uint32_t count;             /* of them; bytes of a fixed */
};

struct avro_steps {
    struct avro_step *steps; /* 0 is the record */
    uint32_t step_count;
    uint32_t *links; /* steps */
    uint32_t link_count;
    struct bytes_view *symbols; /* owned by `schema` */
    uint32_t symbol_count;
    void *schema; /* the parsed JSON */
};

/* Compiles `schema_text`.
 * Errors: STATUS_INVALID with a line in *ret_error (may be NULL); there is nothing to destroy then. */
WARN_UNUSED enum status avro_steps_compile(struct bytes_view schema_text, struct avro_steps *ret_steps,
                                           struct error *ret_error);
void avro_steps_destroy(struct avro_steps *steps);

#endif
