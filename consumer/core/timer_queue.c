#include "timer_queue.h"

#include "check.h"

static bool comes_first(const struct heap_node *a, const struct heap_node *b)
{
    const struct timer *first = (const struct timer *)(const void *)a;
    const struct timer *second = (const struct timer *)(const void *)b;
    return first->due_ms != second->due_ms ? first->due_ms < second->due_ms : first->sequence < second->sequence;
}

void timer_queue_init(struct timer_queue *queue)
{
    *queue = (struct timer_queue){0};
    heap_init(&queue->heap, comes_first);
}

void timer_queue_set(struct timer_queue *queue, struct timer *timer, enum timer_kind kind, int64_t due_ms)
{
    _Static_assert(offsetof(struct timer, node) == 0, "a node is cast to its timer");
    timer_queue_cancel(queue, timer);
    timer->kind = kind;
    timer->due_ms = due_ms;
    timer->sequence = ++queue->sequence;
    timer->is_set = true;
    heap_insert(&queue->heap, &timer->node);
}

void timer_queue_cancel(struct timer_queue *queue, struct timer *timer)
{
    if (timer->is_set) {
        heap_remove(&queue->heap, &timer->node);
        timer->is_set = false;
    }
}

int64_t timer_queue_next(const struct timer_queue *queue)
{
    const struct heap_node *top = heap_top(&queue->heap);
    return top == NULL ? TIMER_QUEUE_EMPTY : ((const struct timer *)(const void *)top)->due_ms;
}

struct timer *timer_queue_take_due(struct timer_queue *queue, int64_t now_ms)
{
    if (timer_queue_next(queue) > now_ms) {
        return NULL;
    }
    struct timer *timer = (struct timer *)(void *)heap_top(&queue->heap);
    timer_queue_cancel(queue, timer);
    return timer;
}
