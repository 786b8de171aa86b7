#include "tools/client/in_turn.h"

#include <string.h>
#include <time.h>

#include "tools/client/stream.h"

#define PAUSE_MS 100

static bool is_same_place(const struct kr_way *a, const struct kr_way *b)
{
    return strcmp(a->endpoint, b->endpoint) == 0;
}

/* How many of the ways lead to that place. */
static uint32_t count_at(const struct kr_ways *ways, const struct kr_way *place)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ways->count; i++) {
        count += is_same_place(&ways->items[i], place) ? 1 : 0;
    }
    return count;
}

static bool is_absence(enum kr_err err)
{
    return err == KR_NOT_FOUND || err == KR_TIMEOUT || err == KR_CLOSED;
}

/* Nothing that another node would mend. */
static bool is_our_own(enum kr_err err)
{
    return err == KR_NOMEM || err == KR_SYSTEM || err == KR_MLOCK;
}

static struct kr_in_turn_miss *miss_at(struct kr_in_turn *turn, const struct kr_way *way)
{
    for (uint32_t i = 0; i < turn->miss_count; i++) {
        if (strcmp(turn->misses[i].endpoint, way->endpoint) == 0) {
            return &turn->misses[i];
        }
    }
    return NULL;
}

/* One a place: that somebody was there says more than that nobody was, under whichever of its keys. */
static void note(struct kr_in_turn *turn, const struct kr_way *way, enum kr_err err, const struct kr_error *error)
{
    struct kr_in_turn_miss *miss = miss_at(turn, way);
    const bool is_new = miss == NULL;
    if (is_new && turn->miss_count < KR_IN_TURN_MISSES_MAX) {
        miss = &turn->misses[turn->miss_count++];
    }
    if (miss != NULL && (is_new || is_absence(miss->err))) {
        *miss = (struct kr_in_turn_miss){.endpoint = way->endpoint, .err = err, .error = *error};
    }
}

struct pass {
    int64_t end_ms;            /* no way is tried from then on */
    bool is_long;              /* each way has all the time */
    bool has_silent, may_come; /* somebody said nothing; somebody may be there in a moment */
    bool is_down[KR_WAYS_MAX]; /* a way to a place that has turned out to be out of reach */
};

static void rule_out(const struct kr_ways *ways, const struct kr_way *place, struct pass *pass)
{
    for (uint32_t i = 0; i < ways->count; i++) {
        pass->is_down[i] = pass->is_down[i] || is_same_place(&ways->items[i], place);
    }
}

/* All ways once. */
static enum kr_err try_all(struct kr_in_turn *turn, struct pass *pass, struct kr_conn **ret_conn, struct kr_afar_told *ret_told,
                           struct kr_error *error)
{
    const struct kr_ways *ways = turn->ways;
    enum kr_err err = KR_NOT_FOUND;
    for (uint32_t i = 0; i < ways->count; i++) {
        const struct kr_way *way = &ways->items[i];
        const bool has_others = count_at(ways, way) < ways->count;
        struct kr_afar_target target = turn->target;
        if (pass->is_down[i] || kr_stream_deadline(0) >= pass->end_ms) {
            continue;
        }
        target.endpoint = way->endpoint;
        target.transport_public = way->transport;
        target.is_tried_once = true;
        target.open_ms = pass->is_long || !has_others ? turn->open_ms : turn->try_ms > 0 ? turn->try_ms : KR_IN_TURN_TRY_MS;
        *error = (struct kr_error){0};
        err = kr_conn_open_afar(&target, turn->program, turn->language, ret_conn, ret_told, error);
        if (err == KR_OK || is_our_own(err)) {
            turn->way = i;
            break;
        }
        note(turn, way, err, error);
        pass->has_silent = pass->has_silent || (err == KR_TIMEOUT && has_others);
        /* A node that turns to its next transport key hangs up under either for a moment. */
        pass->may_come = pass->may_come || err == KR_NOT_FOUND || (err == KR_CLOSED && count_at(ways, way) > 1);
        if (err == KR_NOT_FOUND || err == KR_TIMEOUT) {
            rule_out(ways, way, pass);
        }
    }
    return err;
}

static enum kr_err tell_miss(const struct kr_in_turn *turn, struct kr_error *error)
{
    const struct kr_in_turn_miss *told = turn->misses;
    for (uint32_t i = 0; i < turn->miss_count && is_absence(told->err); i++) {
        told = is_absence(turn->misses[i].err) ? told : &turn->misses[i];
    }
    if (error != NULL) {
        *error = told->error;
    }
    return told->err;
}

enum kr_err kr_in_turn_connect(struct kr_in_turn *turn, struct kr_conn **ret_conn, struct kr_afar_told *ret_told,
                               struct kr_error *error)
{
    const int64_t begin_ms = kr_stream_deadline(0);
    struct kr_error last = {0};
    turn->miss_count = 0;
    if (turn->ways->count == 0) {
        return kr_fail(error, KR_NOT_FOUND, "no address of a node is known");
    }
    for (struct pass pass = {.end_ms = begin_ms + KR_IN_TURN_ALL_MS};;
         pass = (struct pass){.end_ms = pass.end_ms, .is_long = pass.has_silent}) {
        enum kr_err err = try_all(turn, &pass, ret_conn, ret_told, &last);
        if (err == KR_OK) {
            return err;
        }
        if (is_our_own(err)) {
            return kr_fail(error, err, "%s", last.text);
        }
        const bool goes_on = pass.has_silent || (pass.may_come && kr_stream_deadline(0) - begin_ms <= KR_AFAR_RETRY_MS);
        if (pass.is_long || !goes_on) {
            return tell_miss(turn, error);
        }
        if (!pass.has_silent) {
            const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
            (void)nanosleep(&pause, NULL);
        }
    }
}
