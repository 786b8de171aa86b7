/* Names of bodies in communities: what should stand follows from the cards and from where this council is a member; whatever stands
 * differently is said anew. So a restart, another node of this council, a community that was joined or left since and a notice that
 * another node made all come right by the same comparison, a slice at each tick.
 *
 *   card listed, body active, member there ─┐
 *                                           ├─ differ? ──▶ record of kind 39 ──▶ GREEN of that community ──▶ rows at its members
 *   row of what stands there ───────────────┘
 *
 * First come rows of communities that this council is out of, where nobody is to be named, and then the cards.
 *
 * The version is the card's times 65,536, and from there on what was said of that card: what a newer card says stands before
 * all that an older one said, and a node that has not got the newer one yet does not contradict it. */
#include "node/core/body_notice.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/internal.h"
#include "node/core/people.h"
#include "node/core/restored.h"
#include "node/core/rotate.h"
#include "proto/indicator/name.h"

#define SLICE_ROWS       256u
#define SLICE_CARDS      64u
#define LOOK_MS          3600000u  /* what ends is renewed */
#define OTHERS_MS        60000u    /* so long another node of this council has to say what it knows */
#define CHANGE_MS        1000u     /* after a change of the directory, of which there may be many at once */
#define NEWCOMERS_MS     86400000u /* a name is told anew to who came since no more often than this */
#define CLOCK_MS         600000u   /* what waits for a clock that others bear out is looked at again */
#define SERIAL_BITS      16u
#define CARD_VERSION_MAX (UINT64_MAX >> (SERIAL_BITS + 1u))
#define COUNCIL_BYTES    33u /* of a row's key: kind, council; */
#define PLACE_BYTES      65u /* and community */

/* At that time at the latest it is compared what stands with what should. */
static enum kr_err compare_soon(struct kr_step *step, uint64_t at_ms)
{
    struct kr_body_notices *notices = &step->core->body_notices;
    notices->at_ms = notices->at_ms < at_ms ? notices->at_ms : at_ms;
    return kr_step_wake(step, notices->at_ms > step->now_ms ? notices->at_ms : step->now_ms);
}

/* ---- rows ---- */

static void fill_key(struct kr_header *ret_header, const uint8_t council[static 32], const uint8_t community[static 32],
                     const uint8_t body[static 32])
{
    *ret_header = (struct kr_header){.kind = KR_KIND_BODY_NOTICE, .has_community = true, .has_subject = true};
    memcpy(ret_header->author, council, 32);
    memcpy(ret_header->community, community, 32);
    memcpy(ret_header->subject, body, 32);
}

enum kr_err kr_body_notice_get(struct kr_txn *txn, const uint8_t council[static 32], const uint8_t community[static 32],
                               const uint8_t body[static 32], uint8_t *value, struct kr_directory_entry *ret_entry)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_header header;
    size_t len;
    fill_key(&header, council, community, body);
    kr_directory_key(key, &header);
    enum kr_err err = kr_store_get(txn, KR_TABLE_DIRECTORY, key, sizeof key, value, KR_BODY_NOTICE_ROW_BYTES, &len);
    if (err == KR_OK && kr_directory_entry_read((struct kr_slice){value, len}, ret_entry) != KR_OK) {
        err = KR_NOT_FOUND; /* it is said anew */
    }
    return err == KR_CORRUPT || err == KR_BOUNDS ? KR_NOT_FOUND : err;
}

static bool has_name(const struct kr_directory_entry *entry)
{
    return entry->name_ja.len + entry->name_en.len > 0;
}

/* What was said before the reader's council was in is not for it, and may have been taken back by what is not for it either. */
bool kr_body_notice_is_told(const struct kr_directory *directory, const uint8_t self[static 32], uint64_t now_ms,
                            const uint8_t council[static 32], const uint8_t community[static 32],
                            const struct kr_directory_entry *entry)
{
    const bool is_from_before =
        memcmp(council, self, 32) != 0 && kr_tree_hour(entry->created_ms) < kr_directory_hour_from(directory, community, self);
    return has_name(entry) && entry->expires_s > now_ms / 1000 && !is_from_before &&
           kr_directory_is_member(directory, community, self) && kr_directory_is_member(directory, community, council);
}

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    (void)key;
    (void)value;
    return ++*count < KR_BODY_NOTICES_MAX;
}

enum kr_err kr_body_notice_judge(struct kr_step *step, const struct kr_job *job)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_directory_entry entry;
    uint32_t count = 0, damaged;
    if (!job->is_open || kr_body_notice_fits(&job->header) != KR_OK) {
        return KR_MALFORMED;
    }
    enum kr_err err = kr_admit_standing(step, &job->header, &entry);
    if (err != KR_NOT_FOUND) {
        return err; /* what it replaces needs no room */
    }
    kr_directory_key(key, &job->header);
    err = kr_store_each_whole(step->txn, KR_TABLE_DIRECTORY, key, PLACE_BYTES, count_row, &count, &damaged);
    return err != KR_OK ? err : count < KR_BODY_NOTICES_MAX ? KR_OK : KR_BOUNDS;
}

bool kr_body_notice_withdraws(const struct kr_job *job)
{
    struct kr_body_notice notice;
    return job->header.kind == KR_KIND_BODY_NOTICE && job->is_open &&
           kr_body_notice_parse((struct kr_slice){job->content, job->content_len}, &notice) == KR_OK &&
           !kr_body_notice_names(&notice);
}

enum kr_err kr_body_notice_take(struct kr_step *step, const struct kr_job *job)
{
    const struct kr_header *header = &job->header;
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_body_notice notice;
    struct kr_directory_entry entry = {
        .version = header->version, .created_ms = header->created_ms, .expires_s = header->expires_s};
    struct kr_writer writer;
    enum kr_err err = kr_body_notice_parse((struct kr_slice){job->content, job->content_len}, &notice);
    if (err != KR_OK) {
        return err;
    }
    memcpy(entry.record_id, job->record.id, 32);
    entry.name_ja = notice.name_ja;
    entry.name_en = notice.name_en;
    entry.since_s = notice.since_s;
    kr_directory_key(key, header);
    kr_writer_init(&writer, KR_BODY_NOTICE_ROW_BYTES);
    kr_directory_entry_write(&entry, &writer);
    err = kr_store_put_writer(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, &writer);
    const bool is_anothers = memcmp(header->author, step->core->self, 32) == 0 &&
                             memcmp(header->signing_key, kr_keys_signing(step->core).public_key, 32) != 0;
    return err == KR_OK && is_anothers ? compare_soon(step, step->now_ms + OTHERS_MS) : err;
}

enum kr_err kr_body_notice_forget(struct kr_step *step, const struct kr_head *head)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_directory_entry entry;
    struct kr_header header;
    if (head->kind != KR_KIND_BODY_NOTICE) {
        return KR_OK;
    }
    fill_key(&header, head->author, head->community, head->subject);
    enum kr_err err = kr_admit_standing(step, &header, &entry);
    if (err != KR_OK || memcmp(entry.record_id, head->id, 32) != 0) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    kr_directory_key(key, &header);
    err = kr_store_delete(step->txn, KR_TABLE_DIRECTORY, key, sizeof key);
    const bool is_ours = memcmp(head->author, step->core->self, 32) == 0;
    return err == KR_OK && is_ours ? compare_soon(step, step->now_ms) : err;
}

/* ---- saying ---- */

struct name {
    uint8_t bytes[KR_NAME_BYTES_MAX];
    size_t len;
};

/* What is to be told of a body in a community. */
struct wanted {
    struct name ja, en; /* both empty: nothing */
    uint64_t card_version, changed_ms;
    uint32_t newest_hour; /* kr_directory_hour_newest */
};

static bool is_name(const struct name *name, struct kr_slice told)
{
    return name->len == told.len && (told.len == 0 || memcmp(name->bytes, told.bytes, told.len) == 0);
}

static enum kr_err make(struct kr_step *step, const uint8_t community[static 32], const uint8_t body[static 32],
                        const struct kr_body_notice *notice, uint64_t version, enum kr_err *ret_verdict)
{
    struct kr_writer content;
    uint64_t arrival;
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    if (job == NULL) {
        return KR_NOMEM;
    }
    kr_writer_init(&content, KR_KIB);
    kr_body_notice_write(notice, &content);
    enum kr_err err = kr_writer_take(&content, &job->content, &job->content_len);
    if (err == KR_OK) {
        memcpy(job->author, step->core->self, 32);
        memcpy(job->subject, body, 32);
        memcpy(job->community, community, 32);
        memcpy(job->node_key, kr_keys_signing(step->core).public_key, 32);
        job->draft = (struct kr_draft){.kind = KR_KIND_BODY_NOTICE,
                                       .created_ms = step->now_ms,
                                       .expires_s = step->now_ms / 1000 + KR_BODY_NOTICE_S,
                                       .label = KR_TLP_GREEN,
                                       .community = job->community,
                                       .subject = job->subject,
                                       .version = version};
        kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
        kr_job_run(job, step->core->keyring);
        err = job->err;
        step->notices_made++;
    }
    if (err == KR_OK) {
        err = kr_admit(step, job, step->core->self, NULL, ret_verdict, &arrival);
    }
    kr_writer_deinit(&content);
    kr_job_free(job);
    return err;
}

/* `entry`: what stands; NULL: nothing does. */
static enum kr_err say(struct kr_step *step, const uint8_t community[static 32], const uint8_t body[static 32],
                       const struct wanted *wanted, const struct kr_directory_entry *entry)
{
    char name[KR_NAME_BYTES_MAX + 1];
    const bool names = wanted->ja.len + wanted->en.len > 0;
    const uint64_t card = (wanted->card_version < CARD_VERSION_MAX ? wanted->card_version : CARD_VERSION_MAX) << SERIAL_BITS;
    const uint64_t next = entry != NULL ? entry->version + 1 : 1;
    uint64_t since_s = wanted->changed_ms / 1000;
    enum kr_err verdict = KR_OK;
    if (entry != NULL && entry->version == UINT64_MAX) {
        return KR_OK; /* whoever had a key of ours: it goes when that is revoked */
    }
    if (entry != NULL && has_name(entry)) {
        since_s = entry->since_s;
    }
    since_s = since_s < step->now_ms / 1000 ? since_s : step->now_ms / 1000; /* (it may be from a clock that was ahead) */
    const struct kr_body_notice notice = {.name_ja = {wanted->ja.bytes, wanted->ja.len},
                                          .name_en = {wanted->en.bytes, wanted->en.len},
                                          .since_s = !names        ? 0
                                                     : since_s > 0 ? since_s
                                                                   : 1,
                                          .previous = {entry != NULL ? entry->record_id : NULL, entry != NULL ? 32 : 0}};
    enum kr_err err = make(step, community, body, &notice, card > next ? card : next, &verdict);
    if (err != KR_OK || verdict == KR_OK || step->core->body_notices.has_complained) {
        return err;
    }
    step->core->body_notices.has_complained = true;
    const struct kr_community *known = kr_directory_community(&step->core->directory, community);
    (void)snprintf(name, sizeof name, "%s", known != NULL ? known->name : "");
    return kr_step_log(step, KR_LOG_WARNING,
                       names ? "the name of a body could not be told to the community \"%s\": %s"
                             : "the name of a body could not be taken back from the community \"%s\": %s",
                       name, kr_err_text(verdict));
}

/* By a clock that was ahead: others do not take it yet, whether it names or takes back, and hold what it replaced here, or nothing.
 */
static bool is_from_ahead(const struct kr_step *step, const struct kr_directory_entry *entry)
{
    const uint64_t until_ms = step->now_ms + KR_AHEAD_MS_MAX;
    return entry->created_ms > until_ms || entry->expires_s > until_ms / 1000 + KR_BODY_NOTICE_S;
}

/* Whether it must be said anew though it says what it should. */
static bool is_to_be_renewed(const struct kr_step *step, const struct wanted *wanted, const struct kr_directory_entry *entry)
{
    const bool ends_soon = entry->expires_s < step->now_ms / 1000 + KR_BODY_NOTICE_S / 2;
    const bool misses_some =
        kr_tree_hour(entry->created_ms) < wanted->newest_hour && step->now_ms >= entry->created_ms + NEWCOMERS_MS;
    return is_from_ahead(step, entry) || (wanted->ja.len + wanted->en.len > 0 && (ends_soon || misses_some));
}

/* What a card that this node has not got yet said, as far as can be told: it is left alone. Of a council with one node there is no
 * such card; and one that was changed later than that was said is the newer one, whatever its number. */
static bool is_of_newer_card(const struct kr_step *step, const struct wanted *wanted, const struct kr_directory_entry *entry)
{
    const struct kr_core *core = step->core;
    return core->shares_council && !core->body_notices.trusts_cards && entry->version >> SERIAL_BITS > wanted->card_version &&
           entry->created_ms > wanted->changed_ms;
}

static enum kr_err compare(struct kr_step *step, const uint8_t community[static 32], const uint8_t body[static 32],
                           const struct wanted *wanted)
{
    uint8_t value[KR_BODY_NOTICE_ROW_BYTES];
    struct kr_directory_entry entry;
    enum kr_err err = kr_body_notice_get(step->txn, step->core->self, community, body, value, &entry);
    if (err != KR_OK && err != KR_NOT_FOUND) {
        return err;
    }
    const bool stands = err == KR_OK, names = wanted->ja.len + wanted->en.len > 0;
    if (!stands && !names) {
        return KR_OK;
    }
    if (stands && is_of_newer_card(step, wanted, &entry)) {
        return KR_OK;
    }
    const bool is_same = stands && is_name(&wanted->ja, entry.name_ja) && is_name(&wanted->en, entry.name_en);
    if (is_same && !is_to_be_renewed(step, wanted, &entry)) {
        return KR_OK;
    }
    if (is_same && !kr_clock_is_borne_out(step->core)) {
        return compare_soon(step, step->now_ms + CLOCK_MS); /* by a wrong one all names would leave, here and then there */
    }
    return say(step, community, body, wanted, stands ? &entry : NULL);
}

/* ---- rows of where this council is out ---- */

struct rows {
    const struct kr_step *step;
    const uint8_t *before; /* the one that was looked at last */
    uint32_t seen, count;
    uint8_t last[KR_DIRECTORY_KEY_BYTES];
    uint8_t found[KR_BODY_NOTICES_SLICE][KR_DIRECTORY_KEY_BYTES]; /* that say what they should not */
};

/* (A community that this node knows nothing of may be one whose charter cannot be read; one that it was never in, by what it has,
 * one whose vouches are still on their way from another node of this council, which names bodies there.) */
static bool is_out(const struct kr_core *core, const uint8_t community[static 32])
{
    return kr_directory_community(&core->directory, community) != NULL &&
           kr_directory_was_member(&core->directory, community, core->self) &&
           !kr_directory_is_member(&core->directory, community, core->self);
}

static bool look_at_row(void *context, struct kr_slice key, struct kr_slice value)
{
    struct rows *rows = context;
    struct kr_directory_entry entry;
    if (key.len != KR_DIRECTORY_KEY_BYTES || memcmp(key.bytes, rows->before, KR_DIRECTORY_KEY_BYTES) == 0) {
        return true;
    }
    memcpy(rows->last, key.bytes, KR_DIRECTORY_KEY_BYTES);
    if (is_out(rows->step->core, key.bytes + COUNCIL_BYTES) && kr_directory_entry_read(value, &entry) == KR_OK &&
        (has_name(&entry) || is_from_ahead(rows->step, &entry))) {
        memcpy(rows->found[rows->count++], key.bytes, KR_DIRECTORY_KEY_BYTES);
    }
    return ++rows->seen < SLICE_ROWS && rows->count < KR_BODY_NOTICES_SLICE;
}

/* No card says that anybody is named there, whatever its version. */
static enum kr_err compare_rows(struct kr_step *step)
{
    struct kr_body_notices *notices = &step->core->body_notices;
    const struct wanted nothing = {.changed_ms = UINT64_MAX};
    struct rows rows = {.step = step, .before = notices->row};
    uint32_t damaged;
    enum kr_err err = kr_store_each_from(step->txn, KR_TABLE_DIRECTORY, (struct kr_slice){notices->row, sizeof notices->row},
                                         COUNCIL_BYTES, look_at_row, &rows, &damaged);
    for (uint32_t i = 0; i < rows.count && err == KR_OK; i++) {
        err = compare(step, rows.found[i] + COUNCIL_BYTES, rows.found[i] + PLACE_BYTES, &nothing);
    }
    if (err != KR_OK) {
        return err;
    }
    notices->has_bodies = notices->has_bodies || rows.seen > 0;
    notices->is_past_rows = rows.seen < SLICE_ROWS && rows.count < KR_BODY_NOTICES_SLICE;
    if (rows.seen > 0) {
        memcpy(notices->row, rows.last, sizeof notices->row);
    }
    return KR_OK;
}

/* ---- cards ---- */

/* A name that cannot be told as it is written is not told. */
static void want(const struct kr_body_row *row, struct wanted *ret_wanted)
{
    const struct kr_body_card *card = &row->card;
    *ret_wanted = (struct wanted){.card_version = row->version, .changed_ms = row->changed_ms};
    if (!card->is_listed || card->standing != KR_STANDING_ACTIVE) {
        return;
    }
    if (kr_name_normalise(card->name_ja, ret_wanted->ja.bytes, &ret_wanted->ja.len) != KR_OK ||
        kr_name_normalise(card->name_en, ret_wanted->en.bytes, &ret_wanted->en.len) != KR_OK) {
        ret_wanted->ja.len = ret_wanted->en.len = 0;
    }
}

static enum kr_err look_at(struct kr_step *step, const uint8_t body[static 32], const uint32_t *newest_hours)
{
    static _Thread_local struct kr_body_row row;
    const struct kr_core *core = step->core;
    struct wanted wanted;
    enum kr_err err = kr_body_get(step->txn, body, &row);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err; /* `kairan verify` tells of it */
    }
    want(&row, &wanted);
    for (uint32_t i = 0; i < core->directory.community_count && err == KR_OK; i++) {
        uint8_t community[32];
        memcpy(community, core->directory.communities[i]->id, 32);
        if (kr_directory_is_member(&core->directory, community, core->self)) {
            wanted.newest_hour = newest_hours[i];
            err = compare(step, community, body, &wanted);
        }
    }
    return err;
}

struct bodies {
    uint8_t ids[SLICE_CARDS][32];
    uint32_t count;
};

static bool take_id(void *context, struct kr_slice id, struct kr_slice value)
{
    struct bodies *bodies = context;
    (void)value;
    memcpy(bodies->ids[bodies->count++], id.bytes, 32);
    return bodies->count < SLICE_CARDS;
}

static enum kr_err compare_cards(struct kr_step *step)
{
    static const uint8_t none[32];
    struct kr_core *core = step->core;
    struct kr_body_notices *notices = &core->body_notices;
    struct bodies bodies = {.count = 0};
    uint32_t newest_hours[KR_COMMUNITIES_MAX] = {0}, at = 0;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        newest_hours[i] = kr_directory_hour_newest(&core->directory, core->directory.communities[i]->id);
    }
    const bool is_first = memcmp(notices->after, none, 32) == 0;
    enum kr_err err = kr_people_each(step->txn, KR_KIND_BODY_CARD, is_first ? NULL : notices->after, take_id, &bodies);
    for (; at < bodies.count && step->notices_made < KR_BODY_NOTICES_SLICE && err == KR_OK; at++) {
        err = look_at(step, bodies.ids[at], newest_hours);
    }
    if (err != KR_OK) {
        return err;
    }
    notices->has_bodies = notices->has_bodies || bodies.count > 0;
    if (at > 0) {
        memcpy(notices->after, bodies.ids[at - 1], 32);
    }
    if (at == bodies.count && bodies.count < SLICE_CARDS) {
        notices->is_under_way = notices->trusts_cards = false; /* (Ticks come by themselves, as long as somebody is to be told.) */
    }
    return KR_OK;
}

/* ---- comparing ---- */

enum kr_err kr_body_notices_card(struct kr_step *step, bool is_made_here)
{
    step->core->body_notices.has_bodies = true;
    return compare_soon(step, step->now_ms + (is_made_here ? 0 : OTHERS_MS));
}

/* (As long as the first comparison has not begun, it is due.) */
enum kr_err kr_body_notices_left(struct kr_step *step)
{
    return step->core->body_notices.has_bodies ? compare_soon(step, step->now_ms) : KR_OK;
}

static void begin(struct kr_step *step)
{
    static const uint8_t first[32];
    struct kr_header header;
    struct kr_body_notices *notices = &step->core->body_notices;
    notices->is_under_way = true;
    notices->is_past_rows = notices->has_complained = false;
    notices->at_ms = step->now_ms + LOOK_MS;
    fill_key(&header, step->core->self, first, first);
    kr_directory_key(notices->row, &header);
    memset(notices->after, 0, 32);
}

/* Of several wakes the earliest alone is kept: that for what expires, which keeps a node without links going, is asked for anew
 * when one of ours was before it. */
static enum kr_err wake_for_the_rest(struct kr_step *step)
{
    const struct kr_core *core = step->core;
    const bool is_ahead = core->body_notices.has_bodies && core->expiry_at_ms > step->now_ms;
    return is_ahead ? kr_step_wake(step, core->expiry_at_ms) : KR_OK;
}

static enum kr_err compare_some(struct kr_step *step)
{
    struct kr_core *core = step->core;
    struct kr_body_notices *notices = &core->body_notices;
    enum kr_err err = KR_OK;
    if (notices->generation != core->directory.generation) {
        notices->generation = core->directory.generation;
        err = notices->has_bodies ? compare_soon(step, step->now_ms + CHANGE_MS) : KR_OK;
    }
    if (step->now_ms >= notices->at_ms && !kr_restored_holds(core)) {
        begin(step); /* one that is under way begins anew: what it has done stands */
    }
    if (err != KR_OK || !notices->is_under_way || kr_restored_holds(core)) {
        return err;
    }
    err = notices->is_past_rows ? KR_OK : compare_rows(step);
    if (err == KR_OK && notices->is_past_rows) {
        err = compare_cards(step);
    }
    return err == KR_OK && notices->is_under_way ? kr_step_wake(step, step->now_ms) : err;
}

enum kr_err kr_body_notices_tick(struct kr_step *step)
{
    enum kr_err err = compare_some(step);
    return err == KR_OK ? wake_for_the_rest(step) : err;
}

/* ---- taking back at once ---- */

enum kr_err kr_body_notices_card_is_false(struct kr_step *step, const uint8_t body[static 32])
{
    struct kr_core *core = step->core;
    uint8_t value[KR_BODY_NOTICE_ROW_BYTES];
    struct kr_directory_entry entry;
    const struct wanted nothing = {.changed_ms = step->now_ms};
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->directory.community_count && err == KR_OK && !kr_restored_holds(core); i++) {
        uint8_t community[32];
        memcpy(community, core->directory.communities[i]->id, 32);
        err = kr_body_notice_get(step->txn, core->self, community, body, value, &entry);
        if (err == KR_OK && has_name(&entry)) {
            err = say(step, community, body, &nothing, &entry);
        }
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    core->body_notices.trusts_cards = true;
    return err == KR_OK ? compare_soon(step, step->now_ms) : err;
}
