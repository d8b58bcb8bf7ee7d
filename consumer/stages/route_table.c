#include "route_table.h"

#include "check.h"
#include "memory.h"

#include <stdlib.h>

/* The enabled subscriptions of one tenant: a run of `routes`. */
struct tenant_routes {
    int64_t tenant;
    uint32_t first;
    uint32_t count;
};

struct route {
    int64_t tenant;
    uint32_t subscription;
};

struct route_table {
    const struct subscription_set *set;
    struct route *routes; /* by tenant, then by subscription */
    struct tenant_routes *tenants;
    size_t tenant_count;
    uint32_t *matches;
};

static int compare_routes(const void *a, const void *b)
{
    const struct route *left = a;
    const struct route *right = b;

    if (left->tenant != right->tenant) {
        return left->tenant < right->tenant ? -1 : 1;
    }
    return (left->subscription > right->subscription) - (left->subscription < right->subscription);
}

struct route_table *route_table_create(const struct subscription_set *set)
{
    struct route_table *table = memory_alloc(1, sizeof(*table));
    uint32_t count = 0;
    uint32_t largest = 0;

    CHECK(set->count <= UINT32_MAX);
    table->set = set;
    table->routes = memory_alloc(set->count + 1, sizeof(*table->routes));
    table->tenants = memory_alloc(set->count + 1, sizeof(*table->tenants));
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->items[i].enabled) {
            table->routes[count++] = (struct route){set->items[i].tenant, i};
        }
    }
    qsort(table->routes, count, sizeof(*table->routes), compare_routes);
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || table->routes[i].tenant != table->routes[i - 1].tenant) {
            table->tenants[table->tenant_count++] = (struct tenant_routes){table->routes[i].tenant, i, 0};
        }
        struct tenant_routes *last = &table->tenants[table->tenant_count - 1];

        last->count++;
        largest = last->count > largest ? last->count : largest;
    }
    table->matches = memory_alloc((size_t)largest + 1, sizeof(*table->matches));
    return table;
}

void route_table_destroy(struct route_table *table)
{
    if (table == NULL) {
        return;
    }
    free(table->routes);
    free(table->tenants);
    free(table->matches);
    free(table);
}

static const struct tenant_routes *find_tenant(const struct route_table *table, int64_t tenant)
{
    size_t low = 0;
    size_t high = table->tenant_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (table->tenants[middle].tenant < tenant) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == table->tenant_count || table->tenants[low].tenant != tenant) {
        return NULL;
    }
    return &table->tenants[low];
}

size_t route_table_match(struct route_table *table, const struct incident_event *event,
                         const uint32_t **ret_subscriptions)
{
    const struct tenant_routes *tenant = find_tenant(table, event->incident.tenant_id);
    size_t count = 0;

    *ret_subscriptions = table->matches;
    if (tenant == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < tenant->count; i++) {
        uint32_t index = table->routes[tenant->first + i].subscription;

        /* subscription_matches compares the tenant once more: the search is not the only thing that keeps tenants
         * apart. */
        if (subscription_matches(&table->set->items[index], event)) {
            table->matches[count++] = index;
        }
    }
    return count;
}
