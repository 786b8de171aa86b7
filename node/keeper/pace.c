#include "node/keeper/pace.h"

#include <string.h>

/* Small is one record on its way from somebody to somebody: as it is submitted, and when it has been checked. Frames may bring
 * anything, and other requests do not become durable; who asks for the status all the time must not slow bulk down. */
enum kr_pace_sort kr_pace_sort(const struct kr_event *event)
{
    const enum kr_lane lane = kr_event_lane(event);
    if (lane == KR_CORE_LANE_BULK) {
        return KR_PACE_BULK;
    }
    bool is_record = lane == KR_CORE_LANE_FRESH && event->type == KR_EVENT_JOB_DONE;
    bool is_submission = lane == KR_CORE_LANE_CLIENT && event->op == KR_OP_SUBMIT;
    return is_record || is_submission ? KR_PACE_SMALL : KR_PACE_OTHER;
}

void kr_pace_add(struct kr_pace *pace, enum kr_pace_sort sort)
{
    pace->small_count += sort == KR_PACE_SMALL;
    pace->had_bulk = pace->had_bulk || sort == KR_PACE_BULK;
}

void kr_pace_end(struct kr_pace *pace, uint64_t begin_us, uint64_t end_us)
{
    if (pace->small_count > 0 && pace->small_count <= KR_SMALL_FEW) {
        pace->small_us = end_us;
    }
    if (pace->had_bulk && pace->small_us > 0 && end_us - pace->small_us < KR_SMALL_MS * 1000u) {
        pace->bulk_at_us = end_us + KR_BULK_RESTS * (end_us - begin_us);
    }
    pace->small_count = 0;
    pace->had_bulk = false;
    memset(pace->link_us, 0, sizeof pace->link_us);
}

void kr_pace_waited(struct kr_pace *pace, uint32_t flow, uint64_t now_us)
{
    if (pace->waited[0].flow != flow) {
        pace->waited[1] = pace->waited[0];
        pace->waited[0].flow = flow;
    }
    pace->waited[0].at_us = now_us;
}

void kr_pace_link_took(struct kr_pace *pace, uint32_t flow, uint64_t us)
{
    pace->link_us[flow % KR_LINK_SUMS] += us;
}

bool kr_pace_link_rests(const struct kr_pace *pace, uint32_t flow, uint64_t now_us)
{
    bool is_missed = false;
    for (unsigned i = 0; i < 2; i++) {
        is_missed = is_missed || (pace->waited[i].at_us > 0 && pace->waited[i].flow != flow &&
                                  now_us - pace->waited[i].at_us < KR_SMALL_MS * 1000u);
    }
    return is_missed && pace->link_us[flow % KR_LINK_SUMS] >= KR_LINK_US;
}

bool kr_pace_bulk_rests(const struct kr_pace *pace, uint64_t now_us)
{
    return now_us < pace->bulk_at_us;
}
