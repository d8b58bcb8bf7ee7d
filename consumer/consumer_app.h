/* consumer_app.h: the group member as a whole: start, signals, shards, admin listener, end. */
#ifndef RELAY_CONSUMER_APP_H
#define RELAY_CONSUMER_APP_H

#include "consumer_settings.h"
#include "subscription.h"

/* Runs until SIGTERM or SIGINT (a drain; a second one cuts) or until it cannot go on, and returns the exit status. Both
 * are borrowed. */
enum exit_status consumer_app_run(const struct consumer_settings *settings,
                                  const struct subscription_set *subscriptions);

#endif
