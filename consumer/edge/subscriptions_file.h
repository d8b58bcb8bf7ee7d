/* subscriptions_file.h: subscriptions from a YAML file.
 *
 * The file has one key, `subscriptions`, a list of maps. Every mistake is found in one go and said with file, line,
 * column, key and what to write instead; a secret is never part of a message. A value of a header and a secret may be
 * `env:NAME` or `file:PATH` (see yaml_value.h). */
#ifndef RELAY_SUBSCRIPTIONS_FILE_H
#define RELAY_SUBSCRIPTIONS_FILE_H

#include "status.h"
#include "subscription.h"

#include <stdbool.h>
#include <stddef.h>

struct error_list;

enum {
    SUBSCRIPTIONS_MAX = 100000, /* in one file; subscription_rules.h has the bounds of one subscription */
};

struct subscriptions_rules {
    bool allow_inline_secrets;      /* setting subscriptions.allow_inline_secrets */
    bool egress_http;               /* setting egress.http: a URL may be http, not only https */
    const char *const *topics_read; /* setting topics.events: no kafka sink may write to one of them */
    size_t topics_read_count;
    const char *topic_dead_letters; /* the same for topics.dead_letters; NULL: there is none */
    /* Says whether a key that is spelled rightly can sign (signer_check_key); NULL: not asked. */
    enum status (*check_key)(const struct signing_key *key, struct error *ret_error);
};

/* Loads the whole file or nothing. On STATUS_OK *ret_set is the caller's (subscription_set_destroy); an empty list is
 * a set of none, with a warning in the log. Otherwise *ret_set is NULL and *ret_errors has at least one line.
 * Errors: STATUS_NOT_FOUND no such file, STATUS_IO it cannot be read, STATUS_INVALID it breaks a rule. */
WARN_UNUSED enum status subscriptions_file_load(const char *path, const struct subscriptions_rules *rules,
                                                struct subscription_set **ret_set, struct error_list *ret_errors);

#endif
