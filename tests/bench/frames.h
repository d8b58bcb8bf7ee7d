/* frames.h: files of byte strings, each behind its size in 4 bytes, little-endian; a string may hold such strings
 * again.
 *
 * The bench keeps in them what a program of ours sent, so that the bare clients send the same bytes. */
#ifndef RELAY_FRAMES_H
#define RELAY_FRAMES_H

#include "bytes.h"

#include <stdbool.h>
#include <stdio.h>

/* The whole file; the caller frees it. Aborts with a line when it cannot be read. */
struct bytes frames_load(const char *path);

/* Takes the first string off `rest`; false when nothing is left. Aborts when a string is cut short. */
bool frames_next(struct bytes_view *rest, struct bytes_view *ret_frame);

/* Aborts with a line when it cannot be written. */
void frames_write(FILE *file, struct bytes_view frame);

#endif
