/* What an honest node says to one peer: so many frames and bytes in a minute of virtual time at most, whatever the peer does.
 * Beside the bounds of queues and memory, this finds storms: answers to answers, work that is done over and over. */
#include <stdlib.h>

#include "tests/sim/internal.h"

#define MINUTE_MS 60000u

static struct sim_traffic *traffic_of(struct sim_node *node, uint32_t number)
{
    for (uint32_t i = 0; i < node->traffic_count; i++) {
        if (node->traffic[i].number == number) {
            return &node->traffic[i];
        }
    }
    if (node->traffic_count == node->traffic_capacity) {
        node->traffic_capacity = node->traffic_capacity == 0 ? 4 : node->traffic_capacity * 2;
        node->traffic = realloc(node->traffic, node->traffic_capacity * sizeof *node->traffic);
        KR_ASSERT(node->traffic != NULL);
    }
    node->traffic[node->traffic_count] = (struct sim_traffic){.number = number};
    return &node->traffic[node->traffic_count++];
}

enum sim_verdict sim_check_traffic(struct sim_world *world, struct sim_node *from, uint32_t number, size_t len)
{
    if (from->is_hostile) {
        return SIM_HOLDS;
    }
    struct sim_traffic *traffic = traffic_of(from, number);
    const uint64_t minute = world->now_ms / MINUTE_MS;
    if (traffic->minute != minute) {
        *traffic = (struct sim_traffic){.number = number, .minute = minute};
    }
    traffic->frames++;
    traffic->bytes += len;
    world->minute_frames = traffic->frames > world->minute_frames ? traffic->frames : world->minute_frames;
    world->minute_bytes = traffic->bytes > world->minute_bytes ? traffic->bytes : world->minute_bytes;
    if (traffic->frames <= SIM_MINUTE_FRAMES && traffic->bytes <= SIM_MINUTE_BYTES) {
        return SIM_HOLDS;
    }
    return sim_fail(world, SIM_UNBOUNDED, "%s sent %llu frames with %llu bytes over one link in one minute", from->name,
                    (unsigned long long)traffic->frames, (unsigned long long)traffic->bytes);
}
