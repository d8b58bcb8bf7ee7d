/* avro_name.h: names in Avro schemas.
 * Source: Avro 1.11 specification, "Names". */
#ifndef RELAY_AVRO_NAME_H
#define RELAY_AVRO_NAME_H

#include "bytes.h"

#include <stdbool.h>

/* The number of a primitive type in the order null, boolean, int, long, float, double, bytes, string; -1 for any other
 * name. */
int avro_name_primitive(const char *name);

/* True for [A-Za-z_][A-Za-z0-9_]*, several of them with dots between when `may_have_dots`. */
bool avro_name_is_legal(const char *name, bool may_have_dots);

/* True for what a "namespace" may be: a legal name with dots, or "", the null namespace. NULL, none given, is fine. */
bool avro_name_is_legal_space(const char *name_space);

/* An owned copy of the full name of `name`: itself when it has dots, otherwise in `name_space` (NULL: none is given, ""
 * is the null namespace), otherwise in `enclosing` (the namespace around it, "" when none). Free with free(). */
char *avro_name_full(const char *name, const char *name_space, const char *enclosing);

/* An owned copy of the namespace of a full name, "" when it has none. Free with free(). */
char *avro_name_space_of(const char *full_name);

#endif
