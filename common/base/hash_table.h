/* hash_table.h: uthash over our own memory.
 *
 * Tables take their memory by memory_alloc, so uthash never meets the lack of memory for which it ends the program. */
#ifndef RELAY_HASH_TABLE_H
#define RELAY_HASH_TABLE_H

#include "memory.h"

#include <stdlib.h>

#define uthash_malloc(size) memory_alloc(1, (size))
#define uthash_free(pointer, size) free(pointer)
#include <uthash.h>

#ifdef __clang_analyzer__
/* Static analyzers lose the way among uthash's links back to elements that are gone. What callers see is this. */
#undef HASH_DELETE
#define HASH_DELETE(hh, head, element) ((head) = (element)->hh.next)
#endif

#endif
