#include "reload.h"

#include "check.h"
#include "log.h"
#include "subscriptions_file.h"

#include <inttypes.h>
#include <stdio.h>

/* What a metric can hold: Prometheus' numbers are doubles, which are exact up to 53 bits. */
static const uint64_t HASH_SHOWN = (UINT64_C(1) << 48) - 1;

static void say_what_is_in_force(struct reload *reload)
{
    char hash[17];
    snprintf(hash, sizeof(hash), "%016" PRIx64, reload->in_force->hash);
    log_info("subscriptions in force", LOG_INT("subscriptions", reload->in_force->count), LOG_TEXT("hash", hash));
    metric_set(reload->count, (int64_t)reload->in_force->count);
    metric_set(reload->hash, (int64_t)(reload->in_force->hash & HASH_SHOWN));
}

void reload_init(struct reload *reload, const struct subscription_set *first, struct metrics *registry)
{
    *reload = (struct reload){.in_force = first};
    reload->count = metrics_gauge(registry, "incident_consumer_subscriptions", "Subscriptions in force.", NULL);
    reload->hash = metrics_gauge(registry, "incident_consumer_subscriptions_hash",
                                 "The low 48 bits of the hash of the subscriptions in force; members that differ have "
                                 "different documents.",
                                 NULL);
    reload->outcomes[0] = metrics_counter(registry, "incident_consumer_reloads_total",
                                          "Reloads of the subscriptions file.", "outcome=\"taken_over\"");
    reload->outcomes[1] = metrics_counter(registry, "incident_consumer_reloads_total",
                                          "Reloads of the subscriptions file.", "outcome=\"refused\"");
    say_what_is_in_force(reload);
}

void reload_destroy(struct reload *reload)
{
    subscription_changes_free(&reload->changes);
    subscription_set_destroy(reload->next);
    subscription_set_destroy(reload->owned);
}

static void refuse(struct reload *reload)
{
    metric_add(reload->outcomes[1], 1);
    log_error("the subscriptions file was refused; what was in force stays so");
}

bool reload_begin(struct reload *reload, const struct consumer_settings *settings)
{
    CHECK(reload->next == NULL);
    const struct subscriptions_rules rules = consumer_settings_subscriptions_rules(settings);
    struct error_list errors = {0};
    struct subscription_set *set = NULL;
    if (subscriptions_file_load(settings->subscriptions_file, &rules, &set, &errors) != STATUS_OK) {
        for (size_t i = 0; i < errors.count; i++) {
            log_error("subscriptions", LOG_TEXT("error", errors.lines[i]));
        }
        error_list_free(&errors);
        refuse(reload);
        return false;
    }
    struct error error = {0};
    if (subscription_changes_find(reload->in_force, set, &reload->changes, &error) != STATUS_OK) {
        log_error("subscriptions", LOG_TEXT("error", error.text));
        subscription_changes_free(&reload->changes);
        subscription_set_destroy(set);
        refuse(reload);
        return false;
    }
    log_info("subscriptions read again", LOG_INT("added", reload->changes.added),
             LOG_INT("changed", reload->changes.changed), LOG_INT("removed", reload->changes.removed),
             LOG_INT("unchanged", reload->changes.unchanged));
    reload->next = set;
    return true;
}

void reload_finish(struct reload *reload)
{
    CHECK(reload->next != NULL);
    subscription_changes_free(&reload->changes);
    subscription_set_destroy(reload->owned);
    reload->in_force = reload->owned = reload->next;
    reload->next = NULL;
    metric_add(reload->outcomes[0], 1);
    say_what_is_in_force(reload);
}
