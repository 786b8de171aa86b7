/* What the operator does with links: pause, resume, remove, block. In force at once: the session ends, and net is told in the same
 * batch to let nothing of that key in or out. */
#include <string.h>

#include "node/core/effect.h"
#include "node/core/sister.h"
#include "node/core/through.h"

/* In KR_TABLE_RECEIPTS: "block" ‖ council 32 → array of 1: since_ms. */
#define PREFIX_BYTES 5u
#define KEY_BYTES    (PREFIX_BYTES + 32u)
static const uint8_t prefix[PREFIX_BYTES] = {'b', 'l', 'o', 'c', 'k'};

static void block_key(uint8_t ret_key[static KEY_BYTES], const uint8_t council[static 32])
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, council, 32);
}

enum kr_err kr_peer_is_blocked(struct kr_step *step, const uint8_t council[static 32], bool *ret_blocked)
{
    uint8_t key[KEY_BYTES], value[64];
    size_t len;
    block_key(key, council);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    *ret_blocked = err != KR_NOT_FOUND; /* a damaged row, too: somebody said so once */
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

struct blocked {
    uint8_t (*councils)[32];
    uint32_t count, max;
};

static bool collect(void *context, struct kr_slice key, struct kr_slice value)
{
    struct blocked *blocked = context;
    (void)value;
    if (key.len == KEY_BYTES) {
        memcpy(blocked->councils[blocked->count++], key.bytes + PREFIX_BYTES, 32);
    }
    return blocked->count < blocked->max;
}

enum kr_err kr_peer_blocked(struct kr_step *step, uint8_t (*ret_councils)[32], uint32_t max, uint32_t *ret_count)
{
    struct blocked blocked = {.councils = ret_councils, .max = max};
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, collect, &blocked, &damaged);
    *ret_count = blocked.count;
    return err;
}

/* ---- acting ---- */

static enum kr_err cut(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = kr_link_send(step, link, &(struct kr_message){.type = KR_MESSAGE_BYE});
    kr_link_session_down(step->core, link);
    return err == KR_OK && link->through != NULL ? kr_through_ask(step, link, false) : err;
}

/* Who waits for a join by this link is told. */
static enum kr_err tell_waiting(struct kr_step *step, struct kr_link *link)
{
    const uint64_t client = link->client, request = link->request;
    link->client = link->request = 0;
    return client == 0 ? KR_OK : kr_step_error(step, client, request, KR_CANCELLED, "the link was ended by the operator");
}

static enum kr_err pause_one(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = cut(step, link);
    if (err == KR_OK) {
        err = tell_waiting(step, link);
    }
    link->state = KR_LINK_PAUSED;
    if (err == KR_OK && link->we_dial && link->through == NULL) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    }
    return err == KR_OK ? kr_link_put(step, link) : err;
}

/* What is done to a link is done to all with that council. */
static enum kr_err pause(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_link *link;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, council, &at)) != NULL;) {
        err = pause_one(step, link);
    }
    return err == KR_OK ? kr_links_allow(step) : err;
}

static enum kr_err resume(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_link *link;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, council, &at)) != NULL;) {
        link->state = KR_LINK_OPEN;
        link->stop = KR_STOP_NOT;
        link->stopped_ms = 0;
        err = kr_link_put(step, link);
    }
    if (err == KR_OK) {
        err = kr_links_allow(step);
    }
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, council, &at)) != NULL;) {
        err = link->through == NULL ? kr_link_dial(step, link) : kr_through_ask(step, link, true);
    }
    return err;
}

static enum kr_err remove_one(struct kr_step *step, struct kr_link *link)
{
    enum kr_err err = cut(step, link);
    if (err == KR_OK) {
        err = tell_waiting(step, link);
    }
    if (err == KR_OK) {
        err =
            kr_invitations_fulfilled(step, link); /* else who shows the ticket again is told that it is welcome, and has no link */
    }
    return err == KR_OK ? kr_link_drop(step, link) : err;
}

static enum kr_err remove_links(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_link *link;
    enum kr_err err = KR_OK;
    for (uint32_t at = 0; err == KR_OK && (link = kr_link_of_council(step->core, council, &at)) != NULL; at = 0) {
        err = remove_one(step, link);
    }
    return err;
}

enum kr_err kr_peer_remove(struct kr_step *step, const struct kr_link *link)
{
    uint8_t council[32];
    memcpy(council, link->council, 32);
    return remove_links(step, council);
}

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    (void)key;
    (void)value;
    return ++*count < KR_BLOCKED_MAX;
}

/* `*ret_verdict`: KR_BOUNDS where there is no room for one more. */
static enum kr_err block(struct kr_step *step, const uint8_t council[static 32], enum kr_err *ret_verdict)
{
    uint8_t key[KEY_BYTES];
    uint32_t count = 0, damaged = 0;
    struct kr_writer writer;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, count_one, &count, &damaged);
    if (err != KR_OK || count >= KR_BLOCKED_MAX) {
        *ret_verdict = KR_BOUNDS;
        return err;
    }
    block_key(key, council);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 1);
    kr_writer_uint(&writer, step->now_ms);
    err = kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
    return err;
}

static enum kr_err unblock(struct kr_step *step, const uint8_t council[static 32], enum kr_err *ret_verdict)
{
    uint8_t key[KEY_BYTES];
    block_key(key, council);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    *ret_verdict = err == KR_NOT_FOUND ? KR_NOT_FOUND : KR_OK;
    return err == KR_NOT_FOUND ? KR_OK : err;
}

/* What keeps an action from making sense; NULL: nothing. */
static const char *why_not(uint32_t action, const struct kr_link *link)
{
    if (action == KR_PEER_BLOCK || action == KR_PEER_UNBLOCK) {
        return NULL;
    }
    if (link == NULL) {
        return "this council is not linked: see `kairan peers`";
    }
    const bool may_try = action == KR_PEER_RESUME && kr_link_may_try_again(link);
    if (link->stop != KR_STOP_NOT && action != KR_PEER_REMOVE && !may_try) {
        return "this link stands still because of a key: `kairan peers` says why, and what to do";
    }
    if (action == KR_PEER_PAUSE && link->state != KR_LINK_OPEN) {
        return link->state == KR_LINK_PAUSED ? "this link is paused already" : "this link is not made yet: remove it, or wait";
    }
    return action == KR_PEER_RESUME && link->state != KR_LINK_PAUSED && !may_try ? "this link is not paused" : NULL;
}

enum kr_err kr_peer_do(struct kr_step *step, uint32_t action, const uint8_t council[static 32], enum kr_err *ret_verdict)
{
    step->core->links_differ = true;
    enum kr_err err = step->core->shares_council ? kr_step_wake(step, step->now_ms) : KR_OK; /* others of ours are told */
    if (err != KR_OK) {
        return err;
    }
    switch (action) {
    case KR_PEER_PAUSE:
        return pause(step, council);
    case KR_PEER_RESUME:
        return resume(step, council);
    case KR_PEER_REMOVE:
        return remove_links(step, council);
    case KR_PEER_UNBLOCK:
        return unblock(step, council, ret_verdict);
    default:
        err = block(step, council, ret_verdict);
        return err == KR_OK && *ret_verdict == KR_OK ? remove_links(step, council) : err;
    }
}

enum kr_err kr_peer_request(struct kr_step *step, const struct kr_event *event)
{
    static const char *const done[] = {[KR_PEER_PAUSE] = "paused",
                                       [KR_PEER_RESUME] = "resumed",
                                       [KR_PEER_REMOVE] = "removed",
                                       [KR_PEER_BLOCK] = "blocked",
                                       [KR_PEER_UNBLOCK] = "no longer blocked"};
    struct kr_core *core = step->core;
    struct kr_peer_act request;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err verdict = KR_OK;
    if (kr_peer_act_read(event->bytes, &request) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    if (request.action == KR_PEER_ADD) {
        return kr_through_add_request(step, event, &request);
    }
    struct kr_link *link = kr_link_by_council(core, request.council);
    const char *why = why_not(request.action, link);
    if (why != NULL) {
        return kr_step_error(step, event->client, event->request, link == NULL ? KR_NOT_FOUND : KR_INVALID, "%s", why);
    }
    if (memcmp(request.council, core->self, 32) == 0) {
        return kr_step_error(step, event->client, event->request, KR_INVALID, "this is your own council");
    }
    enum kr_err err = kr_peer_do(step, request.action, request.council, &verdict);
    if (err != KR_OK) {
        return err;
    }
    if (verdict != KR_OK) {
        return kr_step_error(step, event->client, event->request, verdict, "%s",
                             verdict == KR_BOUNDS ? "too many councils are blocked already" : "this council is not blocked");
    }
    err = kr_step_log(step, KR_LOG_NOTICE, "the link with %s was %s by the operator",
                      kr_core_name(core, request.council, false, name, sizeof name), done[request.action]);
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

/* ---- the list ---- */

struct listing {
    struct kr_step *step;
    const struct kr_event *event;
    enum kr_err err;
};

static bool list_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct listing *listing = context;
    struct kr_blocked blocked;
    struct kr_reader reader;
    struct kr_writer item;
    char name[KR_NAME_BYTES_MAX + 1];
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 1);
    blocked.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (key.len != KEY_BYTES || kr_reader_end(&reader) != KR_OK) {
        return true;
    }
    memcpy(blocked.council, key.bytes + PREFIX_BYTES, 32);
    kr_core_name(listing->step->core, blocked.council, listing->event->speaks_japanese, name, sizeof name);
    blocked.name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    kr_writer_init(&item, KR_KIB);
    kr_blocked_write(&blocked, &item);
    listing->err = kr_step_item(listing->step, listing->event->client, listing->event->request, &item);
    kr_writer_deinit(&item);
    return listing->err == KR_OK;
}

enum kr_err kr_blocked_request(struct kr_step *step, const struct kr_event *event)
{
    struct listing listing = {.step = step, .event = event};
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, list_one, &listing, &damaged);
    err = err == KR_OK ? listing.err : err;
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}
