#include <stdlib.h>

#include "node/core/job.h"
#include "tests/sim/internal.h"

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

void sim_heap_push(struct sim_world *world, struct sim_event event)
{
    event.order = world->order++;
    if (event.at_ms < world->now_ms) {
        event.at_ms = world->now_ms;
    }
    if (world->heap_count == world->heap_capacity) {
        world->heap_capacity = world->heap_capacity == 0 ? 256 : world->heap_capacity * 2;
        world->heap = realloc(world->heap, world->heap_capacity * sizeof *world->heap);
        KR_ASSERT(world->heap != NULL);
    }
    size_t at = world->heap_count++;
    while (at > 0 && is_before(&event, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = event;
}

struct sim_event sim_heap_pop(struct sim_world *world)
{
    struct sim_event top = world->heap[0], last = world->heap[--world->heap_count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= world->heap_count) {
            break;
        }
        if (child + 1 < world->heap_count && is_before(&world->heap[child + 1], &world->heap[child])) {
            child++;
        }
        if (!is_before(&world->heap[child], &last)) {
            break;
        }
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return top;
}

void sim_event_free(struct sim_event *event)
{
    free(event->bytes);
    if (event->kind == SIM_CORE_EVENT && event->event.type == KR_EVENT_JOB_DONE) {
        kr_job_free(event->event.job);
    }
}
