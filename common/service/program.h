/* program.h: what main() of either program does before and after its own work. */
#ifndef RELAY_PROGRAM_H
#define RELAY_PROGRAM_H

#include "error_list.h"
#include "status.h"

/* For the first line of main(): no core dumps (see core_dump.h), and a standard descriptor that the program was started
 * without is /dev/null: else the next file that is opened, an input say, would be written to as standard error. */
void program_begin(void);

/* Says on standard error what is wrong with the command line, and how to learn more. Returns EXIT_STATUS_USAGE. */
enum exit_status program_usage_error(const char *name, const char *reason);

/* Says each error on standard error, and frees the list. Returns EXIT_STATUS_SETTINGS. */
enum exit_status program_settings_error(struct error_list *errors);

/* `NAME VERSION`, and a line for each library of this room that both programs use, on standard output;
 * program_print_library for the others. */
void program_print_version(const char *name);

/* A line of --version; NULL: the library does not tell. */
void program_print_library(const char *library, const char *built, const char *running);

/* Flushes standard output. Returns `exit_status`, or EXIT_STATUS_CANT_WRITE, and says it, when not all was written. */
WARN_UNUSED enum exit_status program_end(const char *name, enum exit_status exit_status);

#endif
