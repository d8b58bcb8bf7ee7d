#include "heap.h"

#include "check.h"

void heap_init(struct heap *heap, heap_before *before)
{
    *heap = (struct heap){.before = before};
}

static struct heap_node *meld(const struct heap *heap, struct heap_node *a, struct heap_node *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    struct heap_node *first = heap->before(b, a) ? b : a;
    struct heap_node *second = first == a ? b : a;
    second->previous = first;
    second->next = first->child;
    if (first->child != NULL) {
        first->child->previous = second;
    }
    first->child = second;
    first->next = NULL;
    first->previous = NULL;
    return first;
}

/* Melds a list of siblings in pairs from the left, then the results from the right: what makes it logarithmic. */
static struct heap_node *meld_siblings(const struct heap *heap, struct heap_node *first)
{
    struct heap_node *pairs = NULL;
    while (first != NULL) {
        struct heap_node *a = first;
        struct heap_node *b = a->next;
        first = b == NULL ? NULL : b->next;
        a->next = a->previous = NULL;
        if (b != NULL) {
            b->next = b->previous = NULL;
        }
        struct heap_node *pair = meld(heap, a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct heap_node *root = NULL;
    while (pairs != NULL) {
        struct heap_node *next = pairs->next;
        pairs->next = NULL;
        root = meld(heap, root, pairs);
        pairs = next;
    }
    return root;
}

void heap_insert(struct heap *heap, struct heap_node *node)
{
    *node = (struct heap_node){0};
    heap->root = meld(heap, heap->root, node);
    heap->count++;
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    CHECK(heap->count > 0);
    struct heap_node *orphans = meld_siblings(heap, node->child);
    if (node == heap->root) {
        heap->root = orphans;
    } else {
        CHECK(node->previous != NULL);
        if (node->previous->child == node) {
            node->previous->child = node->next;
        } else {
            node->previous->next = node->next;
        }
        if (node->next != NULL) {
            node->next->previous = node->previous;
        }
        heap->root = meld(heap, heap->root, orphans);
    }
    *node = (struct heap_node){0};
    heap->count--;
}

struct heap_node *heap_top(const struct heap *heap)
{
    return heap->root;
}
