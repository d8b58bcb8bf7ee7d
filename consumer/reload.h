/* reload.h: the subscriptions in force, and the taking over of a changed file: as a whole or not at all. */
#ifndef RELAY_RELOAD_H
#define RELAY_RELOAD_H

#include "consumer_settings.h"
#include "metrics.h"
#include "status.h"
#include "subscription.h"
#include "subscription_changes.h"

#include <stdbool.h>

struct reload {
    const struct subscription_set *in_force;
    struct subscription_set *owned;      /* in_force, once it came from a reload: the first set is its caller's */
    struct subscription_set *next;       /* NULL while no reload is under way */
    struct subscription_changes changes; /* from in_force to next */
    struct metric *count;
    struct metric *hash;
    struct metric *outcomes[2]; /* taken over, refused */
};

/* `first` is borrowed for the life of the reload. Says which document is in force: log line and metrics. */
void reload_init(struct reload *reload, const struct subscription_set *first, struct metrics *registry);
void reload_destroy(struct reload *reload);

/* Reads the file anew. True when `next` and `changes` are to be handed to the shards; reload_finish when all of them
 * have taken them over. False when nothing changed or when the file was refused, with a log line for each error; what
 * was in force stays so. Not while one is under way. */
bool reload_begin(struct reload *reload, const struct consumer_settings *settings);
void reload_finish(struct reload *reload);

#endif
