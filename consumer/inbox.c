#include "inbox.h"

#include "memory.h"

#include <stdlib.h>

void inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){0};
}

void inbox_destroy(struct inbox *inbox)
{
    free(inbox->halves[0].events);
    free(inbox->halves[1].events);
    *inbox = (struct inbox){0};
}

void inbox_append(struct inbox *inbox, const struct delivery_event *event)
{
    struct inbox_half *half = &inbox->halves[inbox->appending];
    if (half->count == half->capacity) {
        half->capacity = half->capacity == 0 ? 64 : half->capacity * 2;
        half->events = memory_resize(half->events, half->capacity, sizeof(*half->events));
    }
    half->events[half->count++] = *event;
}

const struct delivery_event *inbox_drain(struct inbox *inbox, size_t *ret_count)
{
    struct inbox_half *half = &inbox->halves[inbox->appending];
    inbox->appending ^= 1;
    inbox->halves[inbox->appending].count = 0;
    *ret_count = half->count;
    return half->events;
}
