#include "node/keeper/flows.h"

#include "node/core/job.h"

uint32_t kr_flow_of(const struct kr_event *event)
{
    switch (event->type) {
    case KR_EVENT_FRAME:
        return event->number;
    case KR_EVENT_JOB_DONE:
        return event->job->kind == KR_JOB_CHECK ? event->job->number : 0;
    default:
        return 0;
    }
}

static void append_flow(struct kr_flows *flows, struct kr_item *first)
{
    first->next_flow = NULL;
    if (flows->last == NULL) {
        flows->first = first;
    } else {
        flows->last->next_flow = first;
    }
    flows->last = first;
}

/* Unlinks the flow behind `before` (NULL: the first). */
static struct kr_item *remove_flow(struct kr_flows *flows, struct kr_item *before)
{
    struct kr_item *first = before == NULL ? flows->first : before->next_flow;
    if (before == NULL) {
        flows->first = first->next_flow;
    } else {
        before->next_flow = first->next_flow;
    }
    if (flows->last == first) {
        flows->last = before;
    }
    return first;
}

void kr_flows_put(struct kr_flows *flows, struct kr_item *item)
{
    struct kr_item *flow = flows->first;
    item->flow = kr_flow_of(&item->event);
    item->next = NULL;
    while (flow != NULL && flow->flow != item->flow) {
        flow = flow->next_flow;
    }
    if (flow == NULL) {
        item->last = item;
        append_flow(flows, item);
    } else {
        flow->last->next = item;
        flow->last = item;
    }
}

struct kr_item *kr_flows_take(struct kr_flows *flows)
{
    if (flows->first == NULL) {
        return NULL;
    }
    struct kr_item *item = remove_flow(flows, NULL);
    if (item->next != NULL) {
        item->next->last = item->last;
        append_flow(flows, item->next);
    }
    item->next = NULL;
    return item;
}

void kr_flows_give_back(struct kr_flows *flows, struct kr_item *item)
{
    struct kr_item *before = NULL, *flow = flows->first;
    while (flow != NULL && flow->flow != item->flow) {
        before = flow;
        flow = flow->next_flow;
    }
    item->next = flow == NULL ? NULL : remove_flow(flows, before);
    item->last = item->next == NULL ? item : item->next->last;
    item->next_flow = flows->first;
    flows->first = item;
    flows->last = flows->last == NULL ? item : flows->last;
}

size_t kr_flows_filter(struct kr_flows *flows, bool (*drops)(const struct kr_event *event, const struct kr_event *why),
                       const struct kr_event *why, void (*drop)(struct kr_item *item))
{
    struct kr_flows kept = {0};
    size_t count = 0;
    while (flows->first != NULL) {
        struct kr_item *item = remove_flow(flows, NULL), *first = NULL, *last = NULL;
        while (item != NULL) {
            struct kr_item *next = item->next;
            if (drops(&item->event, why)) {
                drop(item);
                count++;
            } else {
                first = first == NULL ? item : first;
                if (last != NULL) {
                    last->next = item;
                }
                last = item;
                item->next = NULL;
            }
            item = next;
        }
        if (first != NULL) {
            first->last = last;
            append_flow(&kept, first);
        }
    }
    *flows = kept;
    return count;
}
