/* heap.h: an intrusive pairing heap.
 *
 * The caller puts a `heap_node` into its struct and gives a function that says which of two comes first; the
 * heap itself never allocates. Insert and top are O(1), remove is O(log n) amortised.
 * Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", Algorithmica 1 (1986). */
#ifndef RELAY_HEAP_H
#define RELAY_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    struct heap_node *child;
    struct heap_node *next;     /* sibling */
    struct heap_node *previous; /* the sibling before, or the parent for a first child */
};

/* True when `a` must leave the heap before `b`. A total order makes runs repeatable. */
typedef bool heap_before(const struct heap_node *a, const struct heap_node *b);

struct heap {
    struct heap_node *root;
    heap_before *before;
    size_t count;
};

void heap_init(struct heap *heap, heap_before *before);
void heap_insert(struct heap *heap, struct heap_node *node); /* node is in no heap */
void heap_remove(struct heap *heap, struct heap_node *node); /* node is in this heap */

/* The first node, or NULL; it stays in. */
struct heap_node *heap_top(const struct heap *heap);

#endif
