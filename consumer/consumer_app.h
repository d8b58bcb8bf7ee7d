/* consumer_app.h: the group member as a whole: start, signals, shards, admin listener, end. */
#ifndef RELAY_CONSUMER_APP_H
#define RELAY_CONSUMER_APP_H

#include "consumer_settings.h"
#include "subscription.h"

/* What the run command was told beside the settings; borrowed. */
struct consumer_run {
    const struct consumer_settings *settings;
    const struct subscription_set *subscriptions;
    const struct accepted_gap *accepted_gaps;
    size_t accepted_gap_count;
};

/* Runs until SIGTERM or SIGINT (a drain; a second one cuts) or until it cannot go on, and returns the exit
 * status. */
enum exit_status consumer_app_run(const struct consumer_run *run);

#endif
