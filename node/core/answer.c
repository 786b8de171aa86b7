/* What the core tells its clients: status, peers, previews, explanations, and what has just arrived. */
#include <stdlib.h>
#include <string.h>

#include "node/core/caller.h"
#include "node/core/claim.h"
#include "node/core/draft.h"
#include "node/core/query_page.h"
#include "node/core/reason.h"
#include "node/core/sighting.h"
#include "node/core/takeback.h"
#include "node/core/through.h"
#include "node/core/transport_key.h"
#include "proto/indicator/indicator.h"
#include "proto/record/body.h"

static struct kr_slice text_slice(const char *text)
{
    return (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

#define WATCHERS_SHARE 4u /* one user has such a part of them, so that it keeps out no other */

/* ---- watching ---- */

void kr_core_summarise(const struct kr_core *core, const struct kr_head *head, bool japanese, char *name, size_t size,
                       struct kr_summary *ret_summary)
{
    kr_query_summarise(head, kr_core_name(core, head->author, japanese, name, size), KR_TAKEN_NOT, ret_summary);
}

/* Whoever may not any more is told so, and its place is the last one's. */
static enum kr_err may_watch(struct kr_step *step, uint32_t at, bool *ret_may)
{
    struct kr_core *core = step->core;
    const struct kr_watcher watcher = core->watchers[at];
    struct kr_who who;
    struct kr_error why = {0};
    enum kr_err err = kr_who_may(step->txn, &watcher.caller, KR_OP_WATCH, step->now_ms, &who, &why);
    *ret_may = err == KR_OK;
    if (err != KR_DENIED) {
        return err;
    }
    core->watchers[at] = core->watchers[--core->watcher_count];
    return kr_step_error(step, watcher.client, watcher.request, KR_DENIED, "%s", why.text);
}

static enum kr_err tell_watcher(struct kr_step *step, const struct kr_watcher *watcher, const struct kr_head *head)
{
    struct kr_summary summary;
    struct kr_writer item;
    char name[KR_NAME_BYTES_MAX + 1];
    kr_core_summarise(step->core, head, watcher->speaks_japanese, name, sizeof name, &summary);
    kr_writer_init(&item, 8 * KR_KIB);
    kr_summary_write(&summary, &item);
    enum kr_err err = kr_step_item(step, watcher->client, watcher->request, &item);
    kr_writer_deinit(&item);
    return err;
}

enum kr_err kr_watch_publish(struct kr_step *step, const struct kr_head *head)
{
    struct kr_core *core = step->core;
    bool is_moot = false;
    enum kr_err looked = kr_sighting_is_moot(step->txn, head, step->now_ms, &is_moot);
    if (looked != KR_OK) {
        return looked;
    }
    bool is_meant = head->is_ours_to_read && !kr_kind_is_of_council(head->kind) && !is_moot;
    if (is_meant && head->created_ms > step->now_ms + KR_FUTURE_MS_MAX) {
        return kr_ahead_put(step, head);
    }
    for (uint32_t i = is_meant ? core->watcher_count : 0; i > 0; i--) { /* from the end on: places behind it are done with */
        bool may = false;
        enum kr_err err = may_watch(step, i - 1, &may);
        if (err == KR_OK && may) {
            err = tell_watcher(step, &core->watchers[i - 1], head);
        }
        if (err != KR_OK) {
            return err;
        }
    }
    return KR_OK;
}

enum kr_err kr_watch_look(struct kr_step *step)
{
    enum kr_err err = KR_OK;
    bool may = false;
    for (uint32_t i = step->core->watcher_count; i > 0 && err == KR_OK; i--) { /* from the end on, as above */
        err = may_watch(step, i - 1, &may);
        err = err == KR_DENIED ? KR_OK : err;
    }
    return err;
}

void kr_watch_forget(struct kr_core *core, uint64_t client, uint64_t request, bool all_of_client)
{
    for (uint32_t i = 0; i < core->watcher_count;) {
        bool is_meant = core->watchers[i].client == client && (all_of_client || core->watchers[i].request == request);
        if (is_meant) {
            core->watchers[i] = core->watchers[--core->watcher_count];
        } else {
            i++;
        }
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i]->client == client && (all_of_client || core->links[i]->request == request)) {
            core->links[i]->client = core->links[i]->request = 0; /* joining goes on, nobody waits */
        }
    }
}

enum kr_err kr_watch_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    uint32_t own = 0;
    for (uint32_t i = 0; i < core->watcher_count; i++) {
        own += core->watchers[i].caller.is_guest && kr_caller_mark(&core->watchers[i].caller) == kr_caller_mark(&event->caller);
    }
    if (event->caller.is_guest && own >= KR_WATCHERS_MAX / WATCHERS_SHARE) {
        return kr_step_error(step, event->client, event->request, KR_BUSY, "your user watches too many times: end one");
    }
    if (core->watcher_count == KR_WATCHERS_MAX) {
        return kr_step_error(step, event->client, event->request, KR_BUSY, "too many clients are watching");
    }
    core->watchers[core->watcher_count++] =
        (struct kr_watcher){event->client, event->request, event->caller, event->speaks_japanese};
    return KR_OK;
}

/* ---- status and peers ---- */

enum kr_err kr_status_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_status status = {0};
    struct kr_store_stat stat;
    struct kr_writer result;
    char names[400];
    enum kr_err err = kr_store_stat(step->txn, &stat);
    if (err != KR_OK) {
        return err;
    }
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    memcpy(status.council, core->self, 32);
    if (self != NULL) {
        struct kr_card card;
        kr_council_card(self, &card);
        status.name_ja = card.name_ja;
        status.name_en = card.name_en;
    }
    status.endpoint = text_slice(core->options.endpoint != NULL ? core->options.endpoint : "");
    status.started_ms = core->started_ms;
    status.now_ms = step->now_ms;
    status.records = stat.records;
    status.indicators = stat.indicators;
    status.quarantined = core->quarantine_count;
    status.takebacks_waiting = core->takebacks_waiting;
    status.alarms = core->alarms_open + core->unconfirmed_count;
    status.store_bytes = stat.bytes_used;
    status.disk_free_bytes = stat.disk_free_bytes;
    for (uint32_t i = 0; i < core->link_count; i++) {
        /* Other nodes of this council are no peers: KR_OP_NODES. Whom we know under two keys is one. */
        status.links += !kr_link_is_sister(core, core->links[i]) && kr_link_stand_in(core, core->links[i]) == NULL;
        status.links_online += core->links[i]->has_session && !kr_link_is_sister(core, core->links[i]);
        status.links_pending += core->links[i]->pairing.is_pending;
        status.links_stopped += core->links[i]->stop != KR_STOP_NOT;
        status.claims += kr_claim_stands(core, core->links[i]);
    }
    status.tickets = core->invitation_count;
    status.net_is_up = core->net_is_up;
    status.store_is_writable = true;
    status.has_root = kr_keyring_secret(core->keyring, KR_KEY_ROOT) != NULL;
    status.has_recovery = kr_keyring_secret(core->keyring, KR_KEY_RECOVERY) != NULL;
    status.needs_approval = kr_draft_may_be_needed(core);
    status.storage = kr_storage_status(core);
    err = kr_transport_status(step, names, sizeof names, &status.transport);
    if (err != KR_OK) {
        return err;
    }
    status.restored = core->restored.how;
    status.restored_since_ms = core->restored.since_ms;
    for (uint32_t i = 0; i < core->link_count; i++) {
        status.awaited += core->links[i]->is_awaited && kr_link_stand_in(core, core->links[i]) == NULL;
    }
    status.community_count = core->directory.community_count;
    for (uint32_t i = 0; i < status.community_count; i++) {
        const struct kr_community *community = core->directory.communities[i];
        memcpy(status.communities[i].id, community->id, 32);
        status.communities[i].name = text_slice(community->name);
        status.communities[i].members = kr_membership_count(&community->membership);
    }
    kr_writer_init(&result, KR_PAGE_BYTES_MAX);
    kr_status_write(&status, &result);
    err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

static struct kr_peer_rate rate_of(const struct kr_link *link, uint64_t now_ms)
{
    const struct kr_rated sent = kr_rate_of(&link->sent_rate, now_ms), received = kr_rate_of(&link->received_rate, now_ms);
    return (struct kr_peer_rate){.span_ms = sent.span_ms,
                                 .sent_records = sent.records,
                                 .sent_bytes = sent.bytes,
                                 .received_records = received.records,
                                 .received_bytes = received.bytes};
}

/* Once a council: at its first link, or at the one that is shown in place of that. */
static bool shows_claim(struct kr_core *core, const struct kr_link *link)
{
    const struct kr_link *first = kr_link_by_council(core, link->council);
    const struct kr_link *other = first != NULL ? kr_link_stand_in(core, first) : NULL;
    return first != NULL && link == (other != NULL ? other : first) && kr_claim_stands(core, first);
}

enum kr_err kr_peers_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        const struct kr_link *link = core->links[i];
        if (kr_link_is_sister(core, link)) {
            continue; /* KR_OP_NODES */
        }
        if (kr_link_stand_in(core, link) != NULL) {
            continue; /* the same node, under another key */
        }
        char name[KR_NAME_BYTES_MAX + 1], through[KR_NAME_BYTES_MAX + 1];
        struct kr_peer peer = {
            .name = text_slice(kr_core_name(core, link->council, event->speaks_japanese, name, sizeof name)),
            .endpoint = text_slice(link->endpoint),
            .state = link->state,
            .is_online = link->has_session,
            .we_dial = link->we_dial,
            .last_seen_ms = link->heard_ms,
            .linked_ms = link->linked_ms,
            .clock_ms = link->clock_ms,
            .sent_records = link->sent_records,
            .received_records = link->received_records,
            .refused_records = link->refused_records,
            .queued = link->fresh.count + link->bulk.count + link->asked.count,
            .sent_bytes = link->sent_bytes,
            .received_bytes = link->received_bytes,
            .rate = rate_of(link, step->now_ms),
            .is_awaited = link->is_awaited,
            .through = link->through == NULL ? KR_THROUGH_NOT : link->through->state,
            .next_try_ms = link->we_dial && !link->has_session && link->state != KR_LINK_PAUSED && link->stop == KR_STOP_NOT
                               ? link->hello_at_ms
                               : 0,
            .is_pending = link->pairing.is_pending,
            .we_confirmed = link->pairing.we_confirmed,
            .they_confirmed = link->pairing.they_confirmed,
            .code = text_slice(link->pairing.code),
            .wrong_codes = link->pairing.wrong,
            .stop = link->stop,
            .stopped_ms = link->stopped_ms,
            .claims_key = shows_claim(core, link),
        };
        if (link->through != NULL) {
            memcpy(peer.through_council, link->through->council, 32);
            peer.through_name =
                text_slice(kr_core_name(core, link->through->council, event->speaks_japanese, through, sizeof through));
            peer.next_try_ms =
                link->through->state == KR_THROUGH_READY || peer.next_try_ms == 0 ? peer.next_try_ms : link->through->ask_at_ms;
        }
        kr_catchup_show(link, &peer);
        memcpy(peer.council, link->council, 32);
        memcpy(peer.transport_key, link->transport_key, 32);
        struct kr_writer item;
        kr_writer_init(&item, 8 * KR_KIB);
        kr_peer_write(&peer, &item);
        err = kr_step_item(step, event->client, event->request, &item);
        kr_writer_deinit(&item);
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

/* ---- who may have it ---- */

struct reaches {
    struct kr_reach *items;                  /* KR_AUDIENCE_MAX */
    char (*names)[2][KR_NAME_BYTES_MAX + 1]; /* the council's, its host's */
    bool is_retracted;
    uint32_t count;
    uint64_t total;
};

static enum kr_err reaches_init(struct reaches *reaches)
{
    *reaches = (struct reaches){
        .items = calloc(KR_AUDIENCE_MAX, sizeof *reaches->items),
        .names = calloc(KR_AUDIENCE_MAX, sizeof *reaches->names),
    };
    return reaches->items == NULL || reaches->names == NULL ? KR_NOMEM : KR_OK;
}

static void reaches_deinit(struct reaches *reaches)
{
    free(reaches->items);
    free(reaches->names);
}

/* Empty where the council runs its machine itself, or its card is not here. */
static struct kr_slice host_of(const struct kr_step *step, const uint8_t council[static 32],
                               char name[static KR_NAME_BYTES_MAX + 1])
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, council);
    struct kr_card card = {0};
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    return card.hosted_by.len != 32
               ? (struct kr_slice){0}
               : text_slice(kr_core_name(step->core, card.hosted_by.bytes, step->speaks_japanese, name, KR_NAME_BYTES_MAX + 1));
}

static void reach_one(const struct kr_step *step, const struct kr_header *header, const uint8_t council[static 32],
                      struct reaches *reaches)
{
    struct kr_core *core = step->core;
    struct kr_policy_facts facts;
    kr_policy_facts_of(core, header, council, &facts);
    facts.is_retracted = reaches->is_retracted;
    reaches->total++;
    if (reaches->count == KR_AUDIENCE_MAX) {
        return;
    }
    uint32_t at = reaches->count++;
    struct kr_reach *reach = &reaches->items[at];
    const struct kr_link *link = kr_link_by_council(core, council);
    enum kr_policy_reason hold = kr_policy(KR_POLICY_HOLD, &facts), read = kr_policy(KR_POLICY_READ, &facts);
    memcpy(reach->council, council, 32);
    reach->name = text_slice(kr_core_name(core, council, step->speaks_japanese, reaches->names[at][0], KR_NAME_BYTES_MAX + 1));
    reach->host_name = host_of(step, council, reaches->names[at][1]);
    reach->may_hold = kr_policy_is_allowed(hold);
    reach->may_read = kr_policy_is_allowed(read);
    reach->is_linked = link != NULL && link->state == KR_LINK_OPEN;
    reach->reason = (uint32_t)(reach->may_hold ? read : hold);
    reach->reason_name = text_slice(kr_policy_reason_name((enum kr_policy_reason)reach->reason));
}

/* Every council that this record concerns or that might be expected to get it: addressed ones, members of its community, linked
 * ones. Self is left out. */
static void reach_all(const struct kr_step *step, const struct kr_header *header, bool with_refused, struct reaches *reaches)
{
    struct kr_core *core = step->core;
    for (uint32_t i = 0; i < core->directory.council_count; i++) {
        const uint8_t *id = core->directory.councils[i]->id;
        struct kr_policy_facts facts;
        if (memcmp(id, core->self, 32) == 0) {
            continue;
        }
        kr_policy_facts_of(core, header, id, &facts);
        if (with_refused || kr_policy_is_allowed(kr_policy(KR_POLICY_HOLD, &facts))) {
            reach_one(step, header, id, reaches);
        }
    }
}

/* ---- preview ---- */

/* The header that a submission would get, as far as policy looks at it. `audience` takes 34 bytes for each council: an id behind
 * its two-byte head, as in a record. */
static void preview_header(const struct kr_step *step, const struct kr_submit *submit, uint8_t *audience,
                           struct kr_header *ret_header)
{
    struct kr_core *core = step->core;
    struct kr_header header = {
        .kind = submit->kind, .label = submit->label, .flags = submit->flags, .audience_count = submit->audience_count};
    memcpy(header.author, core->self, 32);
    header.created_ms = step->now_ms;
    header.expires_s = step->now_ms / 1000 + 86400u;
    for (uint32_t i = 0; i < submit->audience_count; i++) {
        memcpy(audience + (size_t)34 * i, submit->audience[i], 32);
    }
    header.audience = audience;
    for (uint32_t i = 0; i < core->directory.community_count && submit->label == KR_TLP_GREEN; i++) {
        const uint8_t *id = core->directory.communities[i]->id;
        bool is_meant = !submit->has_community || memcmp(submit->community, id, 32) == 0;
        if (is_meant && kr_directory_is_member(&core->directory, id, core->self)) {
            header.has_community = true;
            memcpy(header.community, id, 32);
        }
    }
    *ret_header = header;
}

/* Thousands of values are asked about elsewhere, so that nobody has to wait for it here. */
enum kr_err kr_preview_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_job *job = kr_job_new(KR_JOB_PREVIEW);
    if (job == NULL) {
        return KR_NOMEM;
    }
    job->bytes = malloc(event->bytes.len + 1);
    if (job->bytes == NULL) {
        kr_job_free(job);
        return KR_NOMEM;
    }
    if (event->bytes.len > 0) {
        memcpy(job->bytes, event->bytes.bytes, event->bytes.len);
    }
    job->len = event->bytes.len;
    job->client = event->client;
    job->request = event->request;
    job->is_bulk = job->len > KR_BULK_BYTES_MIN;
    job->guards = kr_guards_hold(step->core->options.guards);
    return kr_step_job(step, job);
}

enum kr_err kr_preview_made(struct kr_step *step, struct kr_job *job)
{
    struct reaches reaches;
    struct kr_preview *preview = job->preview;
    struct kr_submit *submit = malloc(sizeof *submit);
    uint8_t *audience = malloc(KR_AUDIENCE_MAX * 34);
    enum kr_err err = reaches_init(&reaches);
    if (submit == NULL || audience == NULL || err != KR_OK || job->err == KR_NOMEM) {
        err = KR_NOMEM;
        goto out;
    }
    if (job->err != KR_OK || kr_submit_read((struct kr_slice){job->bytes, job->len}, submit) != KR_OK) {
        err = kr_step_error(step, job->client, job->request, job->err, "the submission cannot be read");
        goto out;
    }
    struct kr_header header;
    preview_header(step, submit, audience, &header);
    reach_all(step, &header, submit->label == KR_TLP_AMBER, &reaches);
    memcpy(preview->reach, reaches.items, sizeof preview->reach);
    preview->reach_count = reaches.count;
    preview->reach_total = reaches.total;
    struct kr_writer result;
    kr_writer_init(&result, 256 * KR_KIB);
    kr_preview_write(preview, &result);
    err = kr_step_end(step, job->client, job->request, &result);
    kr_writer_deinit(&result);
out:
    reaches_deinit(&reaches);
    free(submit);
    free(audience);
    return err;
}

/* ---- explain ---- */

static enum kr_err find_asked(struct kr_step *step, const struct kr_event *event, uint64_t *ret_arrival)
{
    struct kr_reader reader;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    struct kr_slice id = kr_reader_bin(&reader, 4, 32);
    kr_reader_close(&reader);
    enum kr_err verdict = kr_reader_end(&reader);
    if (verdict == KR_OK) {
        verdict = id.len == 32 ? kr_store_record_find(step->txn, id.bytes, ret_arrival)
                               : kr_store_record_find_prefix(step->txn, id.bytes, id.len, ret_arrival);
    }
    return verdict;
}

static enum kr_err explain_scopes(struct kr_step *step, const struct kr_header *header, const uint8_t id[static 32],
                                  struct kr_scope *scopes, struct kr_explained *explained)
{
    uint32_t count = kr_scopes_of(step->core, header, scopes);
    uint32_t max = sizeof explained->scopes / sizeof explained->scopes[0];
    for (uint32_t i = 0; i < count && explained->scope_count < max; i++) {
        uint64_t entry;
        enum kr_err err = kr_store_scope_find(step->txn, &scopes[i], id, &entry);
        if (err == KR_NOT_FOUND) {
            continue;
        }
        if (err != KR_OK) {
            return err;
        }
        explained->scopes[explained->scope_count].kind = scopes[i].kind;
        explained->scopes[explained->scope_count].id = (struct kr_slice){scopes[i].id, 32};
        explained->scopes[explained->scope_count++].entry = entry;
    }
    return KR_OK;
}

static enum kr_err explain_record(struct kr_step *step, const struct kr_event *event, const struct kr_head *head,
                                  const struct kr_header *header, struct kr_explained *explained, struct reaches *reaches)
{
    struct kr_core *core = step->core;
    char author[KR_NAME_BYTES_MAX + 1], from[KR_NAME_BYTES_MAX + 1];
    struct kr_scope scopes[KR_SCOPES_MAX];
    struct kr_reason reason;
    char why[KR_NOTE_BYTES_MAX + 1];
    uint8_t scratch[KR_HEAD_SCRATCH];
    bool is_ours_to_know;
    kr_core_summarise(core, head, event->speaks_japanese, author, sizeof author, &explained->summary);
    if (kr_query_is_overt(head)) {
        explained->summary.title = (struct kr_slice){0};
    }
    memcpy(explained->from, head->from, 32);
    explained->from_name = text_slice(kr_core_name(core, head->from, event->speaks_japanese, from, sizeof from));
    bool is_ours = memcmp(head->author, core->self, 32) == 0;
    explained->hops_known = is_ours ? 0 : (memcmp(head->from, head->author, 32) == 0 ? 1 : 2);
    enum kr_err err = explain_scopes(step, header, head->id, scopes, explained);
    if (err == KR_OK) {
        err = kr_reason_get(step->txn, head->id, &reason);
    }
    if (err == KR_OK) {
        err = kr_taken_tell(step->txn, core->keyring, head->id, head->author, scratch, &explained->taken, why, &is_ours_to_know);
    }
    if (err != KR_OK) {
        return err;
    }
    explained->summary.taken = explained->taken.state;
    reaches->is_retracted = explained->taken.state >= KR_TAKEN_RETRACTED;
    reach_all(step, header, true, reaches);
    memcpy(explained->reach, reaches->items, sizeof explained->reach);
    explained->reach_count = reaches->count;
    explained->forced = (struct kr_forced){reason.at_ms, text_slice(reason.text)};
    struct kr_writer result;
    kr_writer_init(&result, 256 * KR_KIB);
    kr_explained_write(explained, &result);
    err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

enum kr_err kr_explain_request(struct kr_step *step, const struct kr_event *event)
{
    static const char damaged[] = "this record cannot be explained, because its data in the store are damaged: run `kairan verify`";
    uint64_t arrival;
    enum kr_err verdict = find_asked(step, event, &arrival);
    if (verdict != KR_OK) {
        const char *why = verdict == KR_EXISTS      ? "several records begin with this id: give more of it"
                          : verdict == KR_NOT_FOUND ? "no record here has this id"
                          : verdict == KR_CORRUPT   ? damaged
                                                    : "the request cannot be read";
        return kr_step_error(step, event->client, event->request, verdict, "%s", why);
    }
    struct reaches reaches;
    struct kr_head head;
    struct kr_record record;
    struct kr_header header;
    uint8_t *bytes = NULL, *scratch = malloc(KR_HEAD_SCRATCH);
    size_t len;
    struct kr_explained *explained = calloc(1, sizeof *explained);
    enum kr_err err = reaches_init(&reaches);
    if (scratch == NULL || explained == NULL || err != KR_OK) {
        err = KR_NOMEM;
        goto out;
    }
    err = kr_store_head_get(step->txn, arrival, &head, scratch);
    if (err == KR_OK && kr_kind_is_internal(head.kind)) {
        err = kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "no record here has this id");
        goto out;
    }
    if (err == KR_OK) {
        err = kr_store_record_get(step->txn, arrival, &bytes, &len);
    }
    if (err == KR_OK && (kr_record_split(bytes, len, &record) != KR_OK || kr_header_parse(record.header, &header) != KR_OK)) {
        err = KR_CORRUPT;
    }
    if (err == KR_OK) {
        err = explain_record(step, event, &head, &header, explained, &reaches);
    }
    if (err == KR_CORRUPT) { /* as the step's result it would undo what others asked for with it */
        err = kr_step_log_damage(step, arrival);
        err = err == KR_OK ? kr_step_error(step, event->client, event->request, KR_CORRUPT, "%s", damaged) : err;
    }
out:
    reaches_deinit(&reaches);
    free(scratch);
    free(bytes);
    free(explained);
    return err;
}
