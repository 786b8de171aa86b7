#include "node/core/forward.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/effect.h"

#define ASKS_BUDGET   12u  /* that a council is answered at once, of one pair, and … */
#define ASKS_A_SECOND 1u   /* … in a second in the long run */
#define PIECE_BYTES   128u /* about so much a piece is longer on the wire than what it carries */

/* ---- rows ---- */

#define PREFIX_BYTES 5u
#define KEY_BYTES    (PREFIX_BYTES + 64u)
static const uint8_t prefix[PREFIX_BYTES] = {'f', 'o', 'r', 'w', 'd'};

static void row_key(uint8_t ret_key[static KEY_BYTES], const struct kr_forward *forward)
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, forward->sides[0].council, 32);
    memcpy(ret_key + PREFIX_BYTES + 32, forward->sides[1].council, 32);
}

static enum kr_err put_row(struct kr_step *step, const struct kr_forward *forward)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    row_key(key, forward);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 2);
    kr_writer_uint(&writer, forward->rate);
    kr_writer_uint(&writer, forward->since_ms);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

/* ---- the list ---- */

static void drop_pieces(struct kr_forward *forward, struct kr_forward_side *side)
{
    while (side->pieces != NULL) {
        struct kr_piece *piece = side->pieces;
        side->pieces = piece->next;
        free(piece);
        forward->dropped++;
    }
    side->end = &side->pieces;
    side->waiting = 0;
}

static void free_one(struct kr_forward *forward)
{
    if (forward != NULL) {
        drop_pieces(forward, &forward->sides[0]);
        drop_pieces(forward, &forward->sides[1]);
        free(forward);
    }
}

void kr_forwards_free(struct kr_core *core)
{
    for (uint32_t i = 0; i < core->forward_count; i++) {
        free_one(core->forwards[i]);
    }
    core->forward_count = 0;
}

static void name_sides(struct kr_forward *forward, const uint8_t a[static 32], const uint8_t b[static 32])
{
    const bool is_in_order = memcmp(a, b, 32) < 0;
    memcpy(forward->sides[0].council, is_in_order ? a : b, 32);
    memcpy(forward->sides[1].council, is_in_order ? b : a, 32);
}

/* NULL: there are too many, or no memory. */
static struct kr_forward *append(struct kr_core *core, const uint8_t a[static 32], const uint8_t b[static 32])
{
    struct kr_forward *forward = core->forward_count < KR_FORWARDS_MAX ? calloc(1, sizeof *forward) : NULL;
    if (forward != NULL) {
        name_sides(forward, a, b);
        forward->sides[0].end = &forward->sides[0].pieces;
        forward->sides[1].end = &forward->sides[1].pieces;
        core->forwards[core->forward_count++] = forward;
    }
    return forward;
}

static void forget(struct kr_core *core, struct kr_forward *forward)
{
    for (uint32_t i = 0; i < core->forward_count; i++) {
        if (core->forwards[i] == forward) {
            core->forwards[i] = core->forwards[--core->forward_count];
            free_one(forward);
            return;
        }
    }
}

static bool load_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_core *core = context;
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 2);
    const uint64_t rate = kr_reader_uint(&reader, KR_FORWARD_RATE_MAX), since_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    const bool is_good = kr_reader_end(&reader) == KR_OK && key.len == KEY_BYTES && rate >= KR_FORWARD_RATE_MIN;
    struct kr_forward *forward = is_good ? append(core, key.bytes + PREFIX_BYTES, key.bytes + PREFIX_BYTES + 32) : NULL;
    if (forward == NULL) {
        core->rows_skipped++; /* not allowed, then: nothing is passed on that nobody allowed */
        return true;
    }
    forward->rate = rate;
    forward->since_ms = since_ms;
    return true;
}

enum kr_err kr_forwards_load(struct kr_step *step)
{
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, load_one, step->core, &damaged);
    step->core->rows_skipped += damaged;
    return err;
}

static struct kr_forward *find(struct kr_core *core, const uint8_t a[static 32], const uint8_t b[static 32], uint32_t *ret_side)
{
    for (uint32_t i = 0; i < core->forward_count; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            const struct kr_forward_side *sides = core->forwards[i]->sides;
            if (memcmp(sides[side].council, a, 32) == 0 && memcmp(sides[1 - side].council, b, 32) == 0) {
                *ret_side = side;
                return core->forwards[i];
            }
        }
    }
    return NULL;
}

static bool can_carry(const struct kr_link *link)
{
    return link->has_session && link->state == KR_LINK_OPEN && link->through == NULL;
}

/* The link of the node that has asked, of one of the two councils; NULL: none has, or it is not up. */
static struct kr_link *link_of(struct kr_core *core, const struct kr_forward_side *side)
{
    struct kr_link *link = side->has_asked ? kr_link_by_number(core, side->number) : NULL;
    return link != NULL && can_carry(link) ? link : NULL;
}

bool kr_forward_is_up(struct kr_core *core, const struct kr_forward_side *side)
{
    struct kr_link *link;
    bool is_up = false;
    for (uint32_t at = 0; !is_up && (link = kr_link_of_council(core, side->council, &at)) != NULL;) {
        is_up = can_carry(link);
    }
    return is_up;
}

/* ---- saying how it is ---- */

static enum kr_err say_state(struct kr_step *step, struct kr_link *link, const uint8_t other[static 32], uint32_t status)
{
    struct kr_message state = {.type = KR_MESSAGE_FORWARD_STATE, .status = status};
    memcpy(state.id, other, 32);
    return kr_link_send(step, link, &state);
}

static enum kr_err give_credit(struct kr_step *step, struct kr_link *link, struct kr_forward_side *side,
                               const struct kr_forward_side *other, uint64_t bytes)
{
    struct kr_message credit = {.type = KR_MESSAGE_FORWARD_CREDIT, .count = bytes};
    memcpy(credit.id, other->council, 32);
    side->granted += bytes;
    return kr_link_send(step, link, &credit);
}

/* To all nodes of both councils. */
static enum kr_err say_both(struct kr_step *step, const struct kr_forward *forward, uint32_t status)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_link *link;
        for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, forward->sides[i].council, &at)) != NULL;) {
            err = can_carry(link) ? say_state(step, link, forward->sides[1 - i].council, status) : KR_OK;
        }
    }
    return err;
}

static uint32_t why_not(struct kr_core *core, const struct kr_forward_side *other)
{
    return kr_forward_is_up(core, other) ? KR_FORWARD_WAITING : KR_FORWARD_NOT_UP;
}

static void reset(struct kr_forward *forward)
{
    forward->is_ready = false;
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_forward_side *side = &forward->sides[i];
        drop_pieces(forward, side);
        side->granted = side->owed = side->credit = side->under_way = 0;
        side->has_asked = false;
    }
}

/* Both have to ask again, so that nothing that is on its way comes behind the next "ready". `but`: who need not be told; NULL:
 * both are. */
static enum kr_err undo(struct kr_step *step, struct kr_forward *forward, const struct kr_forward_side *but)
{
    struct kr_link *links[2] = {link_of(step->core, &forward->sides[0]), link_of(step->core, &forward->sides[1])};
    enum kr_err err = KR_OK;
    reset(forward);
    for (uint32_t i = 0; i < 2 && err == KR_OK; i++) {
        struct kr_forward_side *side = &forward->sides[i], *other = &forward->sides[1 - i];
        struct kr_link *link = side == but ? NULL : links[i];
        err = link != NULL && !KR_FAULT(KR_FAULT_FORWARD_UNTOLD) ? say_state(step, link, other->council, why_not(step->core, other))
                                                                 : KR_OK;
    }
    return err;
}

static enum kr_err make_ready(struct kr_step *step, struct kr_forward *forward)
{
    enum kr_err err = KR_OK;
    forward->is_ready = true;
    for (uint32_t i = 0; i < 2 && err == KR_OK; i++) {
        struct kr_forward_side *side = &forward->sides[i], *other = &forward->sides[1 - i];
        struct kr_link *link = link_of(step->core, side);
        KR_ASSERT(link != NULL);
        err = say_state(step, link, other->council, KR_FORWARD_READY);
        if (err == KR_OK) {
            err = give_credit(step, link, side, other, KR_FORWARD_WINDOW);
        }
    }
    return err;
}

void kr_forward_link_down(struct kr_core *core, const struct kr_link *link)
{
    for (uint32_t i = 0; i < core->forward_count && link->through == NULL; i++) {
        struct kr_forward *forward = core->forwards[i];
        for (uint32_t side = 0; side < 2; side++) {
            if (forward->sides[side].has_asked && forward->sides[side].number == link->number) {
                forward->sides[side].has_asked = false;
            }
        }
    }
}

/* ---- the operator's word ---- */

enum kr_err kr_forward_allow(struct kr_step *step, const uint8_t a[static 32], const uint8_t b[static 32], uint64_t rate)
{
    struct kr_core *core = step->core;
    uint32_t at;
    struct kr_forward *forward = find(core, a, b, &at), next = {.rate = rate, .since_ms = step->now_ms};
    if (forward == NULL && core->forward_count == KR_FORWARDS_MAX) {
        return KR_BOUNDS;
    }
    name_sides(&next, a, b);
    next.since_ms = forward != NULL ? forward->since_ms : step->now_ms;
    enum kr_err err = put_row(step, &next);
    if (err != KR_OK || forward != NULL) {
        if (err == KR_OK) {
            forward->rate = rate;
        }
        return err;
    }
    forward = append(core, a, b);
    if (forward == NULL) {
        return KR_NOMEM;
    }
    forward->rate = rate;
    forward->since_ms = next.since_ms;
    return say_both(step, forward, KR_FORWARD_WAITING); /* who was denied asks again */
}

enum kr_err kr_forward_deny(struct kr_step *step, const uint8_t a[static 32], const uint8_t b[static 32], enum kr_err *ret_verdict)
{
    uint8_t key[KEY_BYTES];
    uint32_t at;
    struct kr_forward *forward = find(step->core, a, b, &at);
    if (forward == NULL) {
        *ret_verdict = KR_NOT_FOUND;
        return KR_OK;
    }
    row_key(key, forward);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    if (err == KR_OK) {
        err = say_both(step, forward, KR_FORWARD_DENIED);
    }
    if (err == KR_OK) {
        forget(step->core, forward);
    }
    return err;
}

enum kr_err kr_forwards_void(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    while (core->forward_count > 0 && err == KR_OK) {
        uint8_t councils[2][32];
        char names[2][KR_NAME_BYTES_MAX + 1];
        enum kr_err verdict;
        for (uint32_t i = 0; i < 2; i++) {
            memcpy(councils[i], core->forwards[core->forward_count - 1]->sides[i].council, 32);
            kr_core_name(core, councils[i], false, names[i], sizeof names[i]);
        }
        err = kr_forward_deny(step, councils[0], councils[1], &verdict);
        if (err == KR_OK) {
            err = kr_step_log(step, KR_LOG_NOTICE,
                              "passing on between %s and %s was allowed in that older state, and may have been ended since: it is "
                              "ended; where it is still to be, kairan forward allow",
                              names[0], names[1]);
        }
    }
    return err;
}

/* ---- passing on ---- */

static void count(struct kr_forward *forward, uint64_t now_ms, uint64_t bytes)
{
    if (now_ms >= forward->span_ms + KR_FORWARD_SPAN_MS) {
        forward->last_bytes = now_ms < forward->span_ms + 2u * KR_FORWARD_SPAN_MS ? forward->span_bytes : 0;
        forward->span_ms = now_ms - now_ms % KR_FORWARD_SPAN_MS;
        forward->span_bytes = 0;
    }
    forward->span_bytes += bytes;
    forward->bytes += bytes;
}

/* Of all pairs, what is on its way to that council. */
static uint64_t under_way_to(const struct kr_core *core, const uint8_t council[static 32])
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < core->forward_count; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            const struct kr_forward_side *to = &core->forwards[i]->sides[side];
            sum += memcmp(to->council, council, 32) == 0 ? to->under_way : 0;
        }
    }
    return sum;
}

/* The first piece that waits for that side, if there is room and its pair's time has come. */
static enum kr_err pass_one(struct kr_step *step, struct kr_forward *forward, uint32_t at, bool *ret_passed)
{
    struct kr_forward_side *to = &forward->sides[at], *from = &forward->sides[1 - at];
    struct kr_piece *piece = to->pieces;
    if (piece == NULL) {
        return KR_OK;
    }
    const uint64_t cost = piece->len + KR_FORWARD_PIECE_COST, bytes = piece->len + PIECE_BYTES;
    struct kr_link *link = link_of(step->core, to);
    if (link == NULL || cost > to->credit || under_way_to(step->core, to->council) + cost > KR_FORWARD_TO_MAX) {
        return KR_OK; /* credit comes, and with it the next flush */
    }
    if (!kr_budget_take(&forward->budget, step->now_ms, bytes, KR_FORWARD_WINDOW, forward->rate)) {
        return kr_step_wake(step, step->now_ms + 1 + 1000u * bytes / forward->rate);
    }
    struct kr_message message = {
        .type = KR_MESSAGE_FORWARD, .count = piece->total, .from = piece->from, .piece = {piece->bytes, piece->len}};
    memcpy(message.id, from->council, 32);
    to->pieces = piece->next;
    to->end = piece->next == NULL ? &to->pieces : to->end;
    to->waiting -= cost;
    to->credit -= cost;
    to->under_way += cost;
    from->owed += cost;
    count(forward, step->now_ms, piece->len);
    enum kr_err err = kr_link_send(step, link, &message);
    free(piece);
    *ret_passed = true;
    return err;
}

/* ---- in ---- */

static enum kr_err asked(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    struct kr_core *core = step->core;
    uint32_t at;
    char name[KR_NAME_BYTES_MAX + 1], other_name[KR_NAME_BYTES_MAX + 1];
    struct kr_forward *forward = find(core, link->council, message->id, &at);
    if (forward == NULL) {
        if (message->status == 0 || !kr_budget_take(&link->forward_asks, step->now_ms, 1, ASKS_BUDGET, ASKS_A_SECOND)) {
            return KR_OK;
        }
        enum kr_err err = say_state(step, link, message->id, KR_FORWARD_DENIED);
        return err != KR_OK ? err
                            : kr_step_log_peer(step, link, KR_LOG_NOTICE,
                                               "%s wants a link with %s through this node, which is not allowed: if it is to be, "
                                               "kairan forward allow",
                                               kr_core_name(core, link->council, false, name, sizeof name),
                                               kr_core_name(core, message->id, false, other_name, sizeof other_name));
    }
    struct kr_forward_side *side = &forward->sides[at], *other = &forward->sides[1 - at];
    if (message->status != 0 && !kr_budget_take(&side->asks, step->now_ms, 1, ASKS_BUDGET, ASKS_A_SECOND)) {
        return KR_OK; /* it asks again; that it wants the link no more it says once */
    }
    const struct kr_link *before = link_of(core, side);
    if (before != NULL && before != link) {
        return message->status == 0 ? KR_OK : say_state(step, link, other->council, KR_FORWARD_TAKEN);
    }
    enum kr_err err = KR_OK;
    bool has_passed = message->status == 0; /* its last word may be among what waits: why it wants the link no more */
    while (has_passed && err == KR_OK) {
        has_passed = false;
        err = pass_one(step, forward, 1 - at, &has_passed);
    }
    if (err == KR_OK && forward->is_ready) {
        err = undo(step, forward, side);
    }
    side->has_asked = message->status != 0;
    side->number = link->number;
    if (err != KR_OK || !side->has_asked || other->has_asked) {
        return err; /* where both have asked, the flush tells both */
    }
    return say_state(step, link, other->council, why_not(core, other));
}

static enum kr_err overrun(struct kr_step *step, struct kr_link *link)
{
    char name[KR_NAME_BYTES_MAX + 1];
    kr_link_session_down(step->core, link);
    return kr_step_log_peer(step, link, KR_LOG_WARNING,
                            "%s sent more to be passed on than it was given room for; the session is closed",
                            kr_core_name(step->core, link->council, false, name, sizeof name));
}

/* A piece from `link`, which waits until the batch is over. */
static enum kr_err take_piece(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    uint32_t at;
    struct kr_forward *forward = find(step->core, link->council, message->id, &at);
    if (forward == NULL || !forward->is_ready || forward->sides[at].number != link->number) {
        if (forward != NULL) {
            forward->dropped++;
        }
        return KR_OK;
    }
    struct kr_forward_side *from = &forward->sides[at], *to = &forward->sides[1 - at];
    const uint64_t cost = message->piece.len + KR_FORWARD_PIECE_COST;
    if (cost > from->granted) {
        forward->dropped++;
        return overrun(step, link);
    }
    struct kr_piece *piece = malloc(sizeof *piece + message->piece.len);
    if (piece == NULL) {
        return KR_NOMEM;
    }
    piece->next = NULL;
    piece->total = (uint32_t)message->count;
    piece->from = (uint32_t)message->from;
    piece->len = (uint32_t)message->piece.len;
    memcpy(piece->bytes, message->piece.bytes, message->piece.len);
    from->granted -= cost;
    *to->end = piece;
    to->end = &piece->next;
    to->waiting += cost;
    return KR_OK;
}

static void credited(struct kr_core *core, const struct kr_link *link, const struct kr_message *message)
{
    uint32_t at;
    struct kr_forward *forward = find(core, link->council, message->id, &at);
    if (forward != NULL && forward->is_ready && forward->sides[at].number == link->number) {
        struct kr_forward_side *side = &forward->sides[at];
        const uint64_t most = KR_FORWARD_WINDOW - side->credit;
        side->credit += message->count < most ? message->count : most;
        side->under_way -= message->count < side->under_way ? message->count : side->under_way;
    }
}

enum kr_err kr_forward_message(struct kr_step *step, struct kr_link *link, const struct kr_message *message)
{
    if (link->state != KR_LINK_OPEN) {
        return KR_OK;
    }
    switch (message->type) {
    case KR_MESSAGE_FORWARD_ASK:
        return asked(step, link, message);
    case KR_MESSAGE_FORWARD:
        return take_piece(step, link, message);
    case KR_MESSAGE_FORWARD_CREDIT:
        credited(step->core, link, message);
        return KR_OK;
    default:
        return KR_OK;
    }
}

/* ---- every batch ---- */

static enum kr_err give_back(struct kr_step *step, struct kr_forward *forward, uint32_t at)
{
    struct kr_forward_side *side = &forward->sides[at], *other = &forward->sides[1 - at];
    struct kr_link *link = side->owed > 0 ? link_of(step->core, side) : NULL;
    const bool is_worth_it = side->owed >= KR_FORWARD_WINDOW / 4 || (side->owed > 0 && other->pieces == NULL);
    const uint64_t owed = side->owed;
    if (link == NULL || !is_worth_it || KR_FAULT(KR_FAULT_FORWARD_ROOM_KEPT)) {
        return KR_OK;
    }
    side->owed = 0;
    return give_credit(step, link, side, other, owed);
}

static bool is_wanted(struct kr_core *core, const struct kr_forward *forward)
{
    bool is_wanted = true;
    for (uint32_t i = 0; i < 2; i++) {
        is_wanted = is_wanted && forward->sides[i].has_asked && link_of(core, &forward->sides[i]) != NULL;
    }
    return is_wanted;
}

static enum kr_err settle(struct kr_step *step, struct kr_forward *forward)
{
    enum kr_err err = KR_OK;
    if (forward->is_ready && !is_wanted(step->core, forward)) {
        err = undo(step, forward, NULL);
    }
    return err == KR_OK && !forward->is_ready && is_wanted(step->core, forward) ? make_ready(step, forward) : err;
}

enum kr_err kr_forward_flush(struct kr_step *step)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    bool has_passed = core->forward_count > 0;
    for (uint32_t i = 0; i < core->forward_count && err == KR_OK; i++) {
        err = settle(step, core->forwards[i]);
    }
    core->forward_at += core->forward_count > 0;
    while (has_passed && err == KR_OK) { /* a piece of each in turn */
        has_passed = false;
        for (uint32_t i = 0; i < 2 * core->forward_count && err == KR_OK; i++) {
            const uint32_t at = (core->forward_at + i) % (2 * core->forward_count);
            err = pass_one(step, core->forwards[at / 2], at % 2, &has_passed);
        }
    }
    for (uint32_t i = 0; i < 2 * core->forward_count && err == KR_OK; i++) {
        err = give_back(step, core->forwards[i / 2], i % 2);
    }
    return err;
}
