#include "node/core/restored.h"

#include <stdio.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/forward.h"
#include "node/core/transport_key.h"

#define NAMES_SHOWN 3u

static const char row_key[] = "restored";

bool kr_restored_is_reconciled(const struct kr_reconciling *facts)
{
    return facts->is_forced || (facts->linked > 0 && facts->awaited == 0);
}

static bool counts(const struct kr_link *link)
{
    return link->state != KR_LINK_JOINING;
}

static struct kr_reconciling facts_of(const struct kr_core *core)
{
    struct kr_reconciling facts = {0};
    for (uint32_t i = 0; i < core->link_count; i++) {
        facts.linked += counts(core->links[i]);
        facts.awaited += counts(core->links[i]) && core->links[i]->is_awaited;
    }
    return facts;
}

/* ---- the row ---- */

static enum kr_err put_row(struct kr_step *step, const struct kr_restored *restored, const struct kr_link *met)
{
    const struct kr_core *core = step->core;
    uint32_t count = 0;
    struct kr_writer writer;
    for (uint32_t i = 0; i < core->link_count; i++) {
        count += core->links[i]->is_awaited && core->links[i] != met;
    }
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    kr_writer_array(&writer, 4);
    kr_writer_uint(&writer, restored->how);
    kr_writer_uint(&writer, restored->since_ms);
    kr_writer_uint(&writer, restored->ended_ms);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i]->is_awaited && core->links[i] != met) {
            kr_writer_bin(&writer, core->links[i]->row, 32);
        }
    }
    return kr_store_put_writer(step->txn, KR_TABLE_IDENTITY, row_key, sizeof row_key - 1, &writer);
}

static enum kr_err read_row(struct kr_core *core, struct kr_slice value)
{
    struct kr_reader reader;
    struct kr_restored restored = {0};
    uint8_t row[32];
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 4);
    restored.how = (uint32_t)kr_reader_uint(&reader, KR_RESTORED_RECOGNISED);
    restored.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    restored.ended_ms = kr_reader_uint(&reader, UINT64_MAX);
    const uint32_t count = kr_reader_array_between(&reader, 0, KR_LINKS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_reader_fixed(&reader, row, sizeof row);
        struct kr_link *link = reader.err == KR_OK ? kr_link_by_row(core, row) : NULL;
        if (link != NULL) {
            link->is_awaited = true;
        }
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return KR_CORRUPT;
    }
    core->restored = restored;
    return KR_OK;
}

enum kr_err kr_restored_load(struct kr_step *step)
{
    uint8_t value[KR_TABLE_VALUE_BYTES_MAX];
    size_t len;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_IDENTITY, row_key, sizeof row_key - 1, value, sizeof value, &len);
    return err == KR_NOT_FOUND ? KR_OK : err == KR_OK ? read_row(step->core, (struct kr_slice){value, len}) : err;
}

/* ---- saying ---- */

/* The first of those that are awaited, by name, and how many more. */
static void name_awaited(const struct kr_core *core, bool japanese, char *ret_text, size_t size)
{
    uint32_t shown = 0;
    const struct kr_reconciling facts = facts_of(core);
    ret_text[0] = 0;
    for (uint32_t i = 0; i < core->link_count && shown < NAMES_SHOWN; i++) {
        if (!counts(core->links[i]) || !core->links[i]->is_awaited) {
            continue;
        }
        kr_names_add(core, core->links[i]->council, japanese, ret_text, size);
        shown++;
    }
    if (facts.awaited > shown) {
        const size_t len = strlen(ret_text);
        (void)snprintf(ret_text + len, size - len, " (+%u)", facts.awaited - shown);
    }
}

enum kr_err kr_restored_refuse(struct kr_step *step, uint64_t client, uint64_t request)
{
    char names[400];
    const struct kr_reconciling facts = facts_of(step->core);
    if (facts.linked == 0) {
        return kr_step_error(step, client, request, KR_RESTORED,
                             "it is linked with no council that could tell what it has signed since. If it was linked with none "
                             "when it was lost either: kairan restore finish --force");
    }
    name_awaited(step->core, step->speaks_japanese, names, sizeof names);
    return kr_step_error(step, client, request, KR_RESTORED, "it waits for %s; see kairan peers, and kairan restore finish", names);
}

static enum kr_err tell_begin(struct kr_step *step, const struct kr_restored *restored, const struct kr_link *witness)
{
    char names[400], witness_name[KR_NAME_BYTES_MAX + 1];
    const uint32_t linked = facts_of(step->core).linked;
    name_awaited(step->core, false, names, sizeof names);
    if (restored->how == KR_RESTORED_TOLD) {
        return kr_step_log(step, KR_LOG_WARNING,
                           "this node was restored from a backup: it signs nothing and takes no ticket until it has been found "
                           "equal with the councils that it is linked with (%s). Tickets that were open in the "
                           "backup are void here; other nodes of this council admit them until they are used or expire",
                           linked > 0 ? names : "none: kairan restore finish --force ends it");
    }
    return kr_step_log(step, KR_LOG_ERROR,
                       "%s brought a record that this node signed and does not have: an older copy of its store was put back, or "
                       "somebody else has its keys. Until it has been found equal with the councils that it is linked with (%s) it "
                       "signs nothing and takes no ticket",
                       kr_core_name(step->core, witness->council, false, witness_name, sizeof witness_name), names);
}

/* ---- beginning and end ---- */

static enum kr_err begin(struct kr_step *step, uint32_t how, const struct kr_link *witness)
{
    struct kr_core *core = step->core;
    const struct kr_restored restored = {.how = how, .since_ms = step->now_ms, .ended_ms = core->restored.ended_ms};
    for (uint32_t i = 0; i < core->link_count; i++) {
        core->links[i]->is_awaited = counts(core->links[i]); /* (where it fails the core is made anew) */
    }
    enum kr_err err = put_row(step, &restored, NULL);
    if (err == KR_OK) {
        err = kr_invitations_void(step);
    }
    if (err == KR_OK) {
        err = kr_pairings_void(step);
    }
    if (err == KR_OK) {
        err = kr_forwards_void(step);
    }
    if (err == KR_OK) {
        err = tell_begin(step, &restored, witness);
    }
    if (err == KR_OK) {
        core->restored = restored;
    }
    return err;
}

/* Communities that came while nothing could be signed, and no peer had our card for them. */
static enum kr_err publish_cards(struct kr_step *step)
{
    const struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->directory.community_count && err == KR_OK; i++) {
        uint8_t id[32];
        memcpy(id, core->directory.communities[i]->id, sizeof id);
        err = kr_directory_is_member(&core->directory, id, core->self) ? kr_community_publish_card(step, id) : KR_OK;
    }
    return err;
}

static enum kr_err end(struct kr_step *step, bool is_forced)
{
    struct kr_core *core = step->core;
    const struct kr_restored restored = {.ended_ms = step->now_ms};
    for (uint32_t i = 0; i < core->link_count; i++) {
        core->links[i]->is_awaited = false;
    }
    enum kr_err err = put_row(step, &restored, NULL);
    if (err == KR_OK) {
        err = is_forced ? kr_step_log(step, KR_LOG_WARNING, "the operator said that this node need not wait: it signs again")
                        : kr_step_log(step, KR_LOG_NOTICE, "equal with every linked council again: this node signs again");
    }
    if (err != KR_OK) {
        return err;
    }
    core->restored = restored; /* (where the rest fails the core is made anew) */
    return publish_cards(step);
}

/* `met`: just found equal; NULL: some link has gone. */
static enum kr_err look_whether_over(struct kr_step *step, struct kr_link *met)
{
    if (met != NULL) {
        for (uint32_t i = 0; i < step->core->link_count; i++) { /* one node, under whichever of its transport keys */
            struct kr_link *link = step->core->links[i];
            link->is_awaited = link->is_awaited && link != met && !kr_links_are_one_node(step->core, link, met);
        }
    }
    const struct kr_reconciling facts = facts_of(step->core);
    return kr_restored_is_reconciled(&facts) ? end(step, false) : put_row(step, &step->core->restored, NULL);
}

enum kr_err kr_restored_event(struct kr_step *step)
{
    return begin(step, KR_RESTORED_TOLD, NULL);
}

/* Whether it is waited for, or the same node is under another of its transport keys: it may have turned since the backup. */
static bool is_awaited(struct kr_core *core, const struct kr_link *link)
{
    bool is_it = link->is_awaited;
    for (uint32_t i = 0; i < core->link_count && !is_it; i++) {
        is_it = core->links[i]->is_awaited && kr_links_are_one_node(core, core->links[i], link);
    }
    return is_it;
}

enum kr_err kr_restored_met(struct kr_step *step, struct kr_link *link)
{
    const bool is_held = step->core->restored.how != KR_RESTORED_NOT;
    return is_held && is_awaited(step->core, link) ? look_whether_over(step, link) : KR_OK;
}

enum kr_err kr_restored_link_dropped(struct kr_step *step)
{
    return step->core->restored.how != KR_RESTORED_NOT ? look_whether_over(step, NULL) : KR_OK;
}

/* ---- recognising ---- */

/* Its place in a scope outlives the record itself: what was here once, and is damaged or expired, proves nothing. */
static enum kr_err was_here(struct kr_step *step, const struct kr_job *job, bool *ret_was_here)
{
    struct kr_scope scopes[KR_SCOPES_MAX];
    const uint32_t count = kr_scopes_of(step->core, &job->header, scopes);
    enum kr_err err = KR_OK;
    *ret_was_here = false;
    for (uint32_t i = 0; i < count && err == KR_OK && !*ret_was_here; i++) {
        uint64_t entry;
        err = kr_store_scope_find(step->txn, &scopes[i], job->record.id, &entry);
        *ret_was_here = err == KR_OK;
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

/* No older state of ours can have made it: it is dated since this node was started. */
static enum kr_err warn_of_theft(struct kr_step *step, const struct kr_link *link)
{
    char name[KR_NAME_BYTES_MAX + 1];
    struct kr_link *from = kr_link_by_number(step->core, link->number);
    return from == NULL ? KR_OK
                        : kr_step_log_peer(step, from, KR_LOG_ERROR,
                                           "ALARM: %s brought a record that this node's own key signed and that was not made here: "
                                           "the key is in other hands, or a second node runs with it (kairan node revoke)",
                                           kr_core_name(step->core, link->council, false, name, sizeof name));
}

enum kr_err kr_restored_look(struct kr_step *step, const struct kr_job *job, const struct kr_link *link)
{
    const struct kr_core *core = step->core;
    const struct kr_header *header = &job->header;
    bool is_known = false;
    const bool is_our_key = memcmp(header->signing_key, core->keyring->node_public, 32) == 0 ||
                            memcmp(header->signing_key, core->keyring->next_node_public, 32) == 0;
    if (core->restored.how != KR_RESTORED_NOT || memcmp(header->author, core->self, 32) != 0 || !is_our_key ||
        job->record.is_header_only || kr_is_expired(step, header->expires_s) || header->created_ms <= core->restored.ended_ms) {
        return KR_OK;
    }
    enum kr_err err = was_here(step, job, &is_known);
    if (err != KR_OK || is_known) {
        return err;
    }
    return header->created_ms < core->started_ms ? begin(step, KR_RESTORED_RECOGNISED, link) : warn_of_theft(step, link);
}

/* ---- holding ---- */

bool kr_restored_holds(const struct kr_core *core)
{
    return core->restored.how != KR_RESTORED_NOT && !KR_FAULT(KR_FAULT_RESTORED_SIGNS);
}

bool kr_restored_holds_op(const struct kr_core *core, uint32_t op)
{
    static const uint32_t ops[] = {
        KR_OP_SUBMIT,    KR_OP_SIGHT,          KR_OP_RETRACT,      KR_OP_REVISE,     KR_OP_INVITE,        KR_OP_JOIN,
        KR_OP_SAY,       KR_OP_FOUND,          KR_OP_STATE,        KR_OP_CARD,       KR_OP_ROTATE,        KR_OP_REVOKE,
        KR_OP_RECOVER,   KR_OP_DRAFT_APPROVE,  KR_OP_DRAFT_REJECT, KR_OP_DRAFT_EDIT, KR_OP_DRAFT_CONSENT, KR_OP_DRAFT_WITHDRAW,
        KR_OP_DRAFT_WHO, KR_OP_DRAFT_REVIEWED, KR_OP_DUTY_ACT,     KR_OP_PAIR,       KR_OP_NODE_INVITE,   KR_OP_NODE_ADD,
        KR_OP_BODY,      KR_OP_PERSON,         KR_OP_BODY_KEY,     KR_OP_PERSON_KEY, KR_OP_ENROL_TICKET,  KR_OP_ENROL,
        KR_OP_UNENROL,   KR_OP_TRANSPORT};
    bool is_meant = false;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        is_meant = is_meant || ops[i] == op;
    }
    return is_meant && kr_restored_holds(core);
}

/* ---- the operator's word ---- */

enum kr_err kr_reconcile_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_reader reader;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    const bool is_forced = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    if (step->core->restored.how != KR_RESTORED_NOT) {
        if (!is_forced) {
            return kr_restored_refuse(step, event->client, event->request);
        }
        enum kr_err err = end(step, true);
        if (err != KR_OK) {
            return err;
        }
    }
    return kr_step_end_empty(step, event->client, event->request);
}
