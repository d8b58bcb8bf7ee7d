/* sandbox_options.h: the command line of incident-sandbox. */
#ifndef RELAY_SANDBOX_OPTIONS_H
#define RELAY_SANDBOX_OPTIONS_H

#include "status.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct sandbox_options {
    bool wants_help;
    bool has_broker;
    bool has_receiver;
    uint16_t broker_port;
    uint16_t receiver_port;
    const char *subscribers; /* paths point into argv; NULL when not given */
    const char *secrets;
    const char *expect;
    const char *journal;
    const char *state;
    int64_t whole; /* deliveries printed whole */
    bool is_quiet;
    int fail_status;    /* the answer to the first fail_count deliveries */
    int64_t fail_count; /* 0: none */
    int64_t delay_ms;   /* of each answer */
};

/* Errors: STATUS_INVALID with what to write instead. */
WARN_UNUSED enum status sandbox_options_parse(int argc, char *const *argv, struct sandbox_options *ret_options,
                                              struct error *ret_error);

void sandbox_options_help(FILE *out);

#endif
