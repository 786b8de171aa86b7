/* What may enter, and where to.
 *
 *   checked record ──▶ known? ──▶ may this key speak for the author? ──▶ may we hold it (policy)? ──▶ log, terms, trees, directory
 * ──▶ offered on │ author or key unknown, or not trusted yet └──▶ quarantine: kept, never shown, indexed or offered; looked at
 * again when the directory changes */
#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"
#include "node/core/alarm.h"
#include "node/core/facts.h"
#include "node/core/internal.h"
#include "node/core/internal_bound.h"
#include "node/core/internal_older.h"
#include "node/core/rekeyed.h"
#include "node/core/restored.h"
#include "node/core/revoke.h"
#include "node/core/root_confirm.h"
#include "node/core/rotate.h"
#include "node/core/sister.h"
#include "node/core/takeback.h"

/* ---- scopes and facts ---- */

/* Charters tell a new node which communities there are, statements without one who the peers are. */
bool kr_is_of_council_scope(uint32_t kind, uint32_t label, bool has_community)
{
    if (kr_kind_is_statement(kind)) {
        return kind == KR_KIND_CHARTER || !has_community;
    }
    return kr_kind_is_internal(kind) || kr_label_is_sealed((enum kr_label)label);
}

uint32_t kr_scopes_of(const struct kr_core *core, const struct kr_header *header, struct kr_scope ret_scopes[static KR_SCOPES_MAX])
{
    uint32_t count = 0;
    const bool is_unshared = KR_FAULT(KR_FAULT_COUNCIL_UNSHARED) && header->kind == KR_KIND_REPORT;
    if (core->shares_council && !is_unshared && kr_is_of_council_scope(header->kind, header->label, header->has_community)) {
        ret_scopes[count] = (struct kr_scope){.kind = KR_SCOPE_COUNCIL};
        memcpy(ret_scopes[count++].id, core->self, 32);
    }
    if (kr_kind_is_internal(header->kind) && !KR_FAULT(KR_FAULT_INTERNAL_SHARED)) {
        return count;
    }
    if (kr_kind_is_statement(header->kind)) {
        if (header->has_community) {
            ret_scopes[count] = (struct kr_scope){.kind = KR_SCOPE_DIRECTORY};
            memcpy(ret_scopes[count++].id, header->community, 32);
        }
        return count;
    }
    if (header->label == KR_TLP_CLEAR) {
        ret_scopes[count++] = (struct kr_scope){.kind = KR_SCOPE_CLEAR};
        return count;
    }
    if (header->label == KR_TLP_GREEN) {
        ret_scopes[count] = (struct kr_scope){.kind = KR_SCOPE_GREEN};
        memcpy(ret_scopes[count++].id, header->community, 32);
        return count;
    }
    /* Addressed records: one tree for each linked council that may hold them too. */
    for (uint32_t i = 0; i < core->link_count; i++) {
        const uint8_t *peer = core->links[i]->council;
        if (core->links[i]->is_second) {
            continue; /* the first one's */
        }
        if (memcmp(header->author, peer, 32) == 0 || kr_header_addresses(header, peer) || KR_FAULT(KR_FAULT_SCOPE_UNCHECKED) ||
            KR_FAULT(KR_FAULT_INTERNAL_SHARED)) {
            ret_scopes[count] = (struct kr_scope){.kind = KR_SCOPE_PAIR};
            memcpy(ret_scopes[count++].id, peer, 32);
        }
    }
    return count;
}

/* Whether the council may see a community's directory before it is a member: somebody vouched for it, or an invitation there is
 * open. */
static bool is_candidate(const struct kr_core *core, const uint8_t community[static 32], const uint8_t council[static 32])
{
    if (kr_directory_is_candidate(&core->directory, community, council)) {
        return true;
    }
    bool is_self = memcmp(council, core->self, 32) == 0;
    if (is_self && core->shares_council && kr_directory_community(&core->directory, community) != NULL) {
        return true; /* another node of ours takes part, and has told us */
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        if (link->has_community && memcmp(link->community, community, 32) == 0 &&
            (is_self || memcmp(link->council, council, 32) == 0)) {
            return true;
        }
    }
    return false;
}

enum kr_err kr_policy_of_head(const struct kr_core *core, enum kr_policy_use use, const struct kr_head *head,
                              const uint8_t council[static 32], enum kr_policy_reason *ret_reason)
{
    uint8_t *audience = NULL;
    struct kr_policy_facts facts;
    struct kr_header header;
    enum kr_err err = kr_facts_header(head, &header, &audience);
    if (err == KR_OK) {
        kr_policy_facts_of(core, &header, council, &facts);
        *ret_reason = kr_policy(use, &facts);
    }
    free(audience);
    return err;
}

void kr_policy_facts_of(const struct kr_core *core, const struct kr_header *header, const uint8_t council[static 32],
                        struct kr_policy_facts *ret_facts)
{
    kr_facts_of_header(&core->directory, core->self, core->now_ms, header, council, ret_facts);
    ret_facts->is_pending = kr_council_is_held(core, council);
    ret_facts->is_author = ret_facts->is_author || (KR_FAULT(KR_FAULT_INTERNAL_SHARED) && ret_facts->is_internal);
    if (header->has_community && ret_facts->is_statement) {
        ret_facts->is_candidate = is_candidate(core, header->community, council);
    }
    /* That a key was stolen concerns whoever may have a record that it signed; not in which communities its council is. */
    ret_facts->is_candidate = ret_facts->is_candidate || (header->kind == KR_KIND_REVOCATION && !header->has_community);
    /* A card without one, that its council handed us: each node of ours may have it. */
    const bool is_card = header->kind == KR_KIND_COUNCIL_CARD && !header->has_community;
    ret_facts->is_candidate = ret_facts->is_candidate || (is_card && memcmp(council, core->self, 32) == 0);
}

/* ---- judging ---- */

bool kr_is_far_ahead(const struct kr_step *step, const struct kr_header *header)
{
    return header->created_ms > step->now_ms + KR_AHEAD_MS_MAX;
}

static bool count_row(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    (void)key;
    (void)value;
    return ++*count < KR_REVOKED_ROWS_MAX;
}

/* A council that hands us its own cards may name any community, and each would be a row here: so many, and beyond that only for the
 * communities that concern us. Of revocations so many in each community, and in all together that do not concern us. What it
 * replaces needs no room. */
static enum kr_err own_word_has_room(struct kr_step *step, const struct kr_header *header)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_KIB * 2];
    size_t len;
    uint32_t count = 0;
    const bool is_card = header->kind == KR_KIND_COUNCIL_CARD;
    const bool concerns_us = header->has_community && is_candidate(step->core, header->community, step->core->self);
    if (is_card && (!header->has_community || concerns_us)) {
        return KR_OK;
    }
    kr_directory_key(key, header);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len);
    if (err != KR_NOT_FOUND) {
        return err;
    }
    err = kr_store_each(step->txn, KR_TABLE_DIRECTORY, key, concerns_us || !header->has_community ? 65 : 33, count_row, &count);
    return err != KR_OK ? err : count < (is_card ? KR_CARDS_MAX : KR_REVOKED_ROWS_MAX) ? KR_OK : KR_BOUNDS;
}

/* A genesis is named by its own hash, so founders are known before any signature can be checked: their cards are needed for that.
 * Of ours it is learnt when it is stored. */
static enum kr_err judge_charter(struct kr_step *step, const struct kr_header *header, struct kr_slice content, bool is_own_word,
                                 bool is_of_sister, enum kr_err may_sign)
{
    struct kr_core *core = step->core;
    struct kr_charter charter;
    if (kr_charter_parse(content, &charter) != KR_OK) {
        return KR_MALFORMED;
    }
    if (memcmp(header->author, core->self, 32) == 0) {
        return kr_community_founds(&charter, core->self) ? KR_OK : KR_DENIED;
    }
    if (!is_of_sister && !is_candidate(core, charter.community, core->self)) {
        enum kr_err err = may_sign == KR_OK ? kr_community_invites(step, header, &charter, is_own_word) : may_sign;
        if (err != KR_OK) {
            return err == KR_UNKNOWN_AUTHOR ? KR_DENIED : err; /* a community that nobody invited us to */
        }
    }
    const uint64_t generation = core->directory.generation;
    enum kr_err err = kr_directory_learn_genesis(&core->directory, &charter);
    if (err == KR_OK && core->directory.generation != generation) {
        kr_quarantine_is_due(core); /* cards of the founders may be waiting for just this */
    }
    return err;
}

/* Is the statement's author one whose word counts in that community? Decided by the directory alone, so that all nodes decide
 * alike. */
static enum kr_err judge_statement(struct kr_step *step, const struct kr_job *job, bool is_own_word, bool is_of_sister)
{
    struct kr_core *core = step->core;
    const struct kr_header *header = &job->header;
    struct kr_slice content = {job->content, job->content_len};
    if (!job->is_open) {
        return KR_MALFORMED;
    }
    enum kr_err fits = kr_directory_fits(&core->directory, header, content);
    if (fits != KR_OK) {
        return fits;
    }
    bool is_ours = memcmp(header->author, core->self, 32) == 0;
    enum kr_err may_sign = kr_directory_may_sign(&core->directory, header, &content);
    may_sign = may_sign == KR_OK ? kr_rekeyed_judge(step, job) : may_sign;
    if (may_sign != KR_OK && (is_ours || may_sign != KR_UNKNOWN_AUTHOR)) {
        return may_sign;
    }
    if (header->kind == KR_KIND_CHARTER) {
        enum kr_err err = judge_charter(step, header, content, is_own_word, is_of_sister, may_sign);
        if (err != KR_OK || is_ours) {
            return err;
        }
    }
    if (may_sign != KR_OK) {
        return may_sign;
    }
    const bool is_of_itself = header->kind == KR_KIND_COUNCIL_CARD || header->kind == KR_KIND_REVOCATION;
    if (is_of_itself && !is_ours) {
        enum kr_err room = own_word_has_room(step, header);
        if (room != KR_OK) {
            return room;
        }
    }
    if (!header->has_community) {
        return is_of_itself && is_own_word ? KR_OK : KR_DENIED;
    }
    bool counts = is_of_itself ? is_own_word || is_candidate(core, header->community, header->author)
                               : kr_directory_was_member(&core->directory, header->community, header->author);
    return counts ? KR_OK : KR_UNKNOWN_AUTHOR;
}

static bool is_former_member(const struct kr_core *core, const uint8_t community[static 32], const uint8_t council[static 32])
{
    return kr_directory_was_member(&core->directory, community, council) &&
           !kr_directory_is_member(&core->directory, community, council);
}

/* Whether it is of a community that its bringer, or we, have left, or that has expelled one of us: we share no such scope any more.
 * What it takes back it may. Others who have the record bring it, and so does this one when both are in again: nothing is refused
 * for good. */
static bool is_of_former_member(const struct kr_core *core, const struct kr_job *job, const uint8_t *from)
{
    const struct kr_header *header = &job->header;
    return from != NULL && !kr_body_notice_withdraws(job) && header->label == KR_TLP_GREEN && header->kind != KR_KIND_RETRACTION &&
           (is_former_member(core, header->community, from) || is_former_member(core, header->community, core->self));
}

static bool is_of_sister(const struct kr_core *core, const uint8_t *from)
{
    return from != NULL && memcmp(from, core->self, 32) == 0;
}

/* What is the council's own comes from this council's nodes alone. Whoever had stolen a key of one could else hand us an admin
 * of his own making. What cannot be opened is sealed to a key that the other node is about to give us. */
static enum kr_err judge_internal(struct kr_step *step, const struct kr_job *job, const uint8_t *from)
{
    const struct kr_header *header = &job->header;
    if ((from != NULL && !is_of_sister(step->core, from)) || memcmp(header->author, step->core->self, 32) != 0) {
        return KR_DENIED;
    }
    enum kr_err err = kr_directory_may_sign(&step->core->directory, header, NULL);
    if (err == KR_OK) {
        err = kr_revoke_judge(step, job);
    }
    if (err == KR_OK && job->record.is_header_only) {
        return from != NULL ? KR_NOT_FOUND : KR_OK;
    }
    if (err == KR_OK && !job->is_open) {
        err = from != NULL ? KR_QUOTA : KR_MALFORMED;
    }
    return err == KR_OK ? kr_internal_fits(step, header, (struct kr_slice){job->content, job->content_len}, from == NULL) : err;
}

/* `from`: the council that handed it to us; NULL for our own. */
static enum kr_err judge(struct kr_step *step, const struct kr_job *job, const uint8_t *from)
{
    struct kr_core *core = step->core;
    const struct kr_header *header = &job->header;
    /* Of what has expired the header enters, for as long as trees have it; statements leave theirs when they end. */
    const bool is_expired = kr_is_expired(step, header->expires_s);
    const bool is_replaced = kr_kind_is_of_council(header->kind);
    if (is_expired && (is_replaced || kr_is_month_over(step, header->expires_s))) {
        return KR_EXPIRED;
    }
    if (kr_is_far_ahead(step, header)) {
        return KR_QUOTA; /* not refused for good: it may be our clock that is wrong, and nobody would send it again */
    }
    if (kr_kind_is_internal(header->kind)) {
        return judge_internal(step, job, from);
    }
    struct kr_policy_facts facts;
    kr_policy_facts_of(core, header, core->self, &facts);
    bool is_trusted = facts.is_author_trusted;
    if (kr_kind_is_statement(header->kind)) {
        /* What another node of ours took, this council took. */
        bool is_own_word = facts.is_author || is_of_sister(core, from) || (from != NULL && memcmp(header->author, from, 32) == 0);
        enum kr_err err = judge_statement(step, job, is_own_word, is_of_sister(core, from));
        if (err != KR_OK) {
            return err;
        }
        kr_policy_facts_of(core, header, core->self, &facts); /* a charter may just have named its founders */
        facts.is_author_trusted = true;
        facts.is_candidate = facts.is_candidate ||
                             (is_own_word && header->kind == KR_KIND_COUNCIL_CARD); /* a card that its council hands us itself */
        return kr_policy_is_allowed(kr_policy(KR_POLICY_HOLD, &facts)) ? KR_OK : KR_DENIED;
    }
    if (is_of_former_member(core, job, from)) {
        return KR_QUOTA;
    }
    if (from == NULL && facts.is_from_before && !job->record.is_header_only) {
        return KR_DENIED; /* nobody would compare with us what we wrote before we were in */
    }
    /* What we may not hold whoever wrote it is refused; what we might is kept apart until its author is trusted. */
    facts.is_author_trusted = true;
    facts.is_pending = from != NULL && kr_council_is_held(core, from);
    enum kr_policy_reason reason = kr_policy(is_expired ? KR_POLICY_HEADER : KR_POLICY_HOLD, &facts);
    if (!kr_policy_is_allowed(reason) || reason == KR_POLICY_ALLOW_RELAY) {
        return KR_DENIED; /* what we could only relay has no scope to be passed on in yet, and would lie here unbounded */
    }
    enum kr_err err = kr_directory_may_sign(&core->directory, header, NULL);
    if (err == KR_OK) {
        err = kr_revoke_judge(step, job);
    }
    if (err == KR_OK && kr_kind_takes_back(header->kind)) {
        err = kr_takeback_judge(job);
    }
    if (err == KR_OK && header->kind == KR_KIND_BODY_NOTICE) {
        err = kr_body_notice_judge(step, job);
    }
    err = err == KR_OK && !is_trusted ? KR_UNKNOWN_AUTHOR : err;
    return is_expired && err == KR_UNKNOWN_AUTHOR ? KR_EXPIRED
                                                  : err; /* nothing to be kept apart: a walk brings it when it may enter */
}

enum kr_err kr_admit_standing(struct kr_step *step, const struct kr_header *header, struct kr_directory_entry *ret_entry)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES], value[KR_KIB * 2];
    size_t len;
    struct kr_directory_entry entry;
    kr_directory_key(key, header);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK) {
        return err;
    }
    if (kr_directory_entry_read((struct kr_slice){value, len}, &entry) != KR_OK) {
        return KR_NOT_FOUND;
    }
    ret_entry->version = entry.version;
    memcpy(ret_entry->record_id, entry.record_id, 32);
    return KR_OK;
}

/* Of a replaceable kind only the highest version stands, but what a later root key signed comes first; a tie goes to the lower id.
 * `*ret_contradicts`: one key signed both as one version. */
static enum kr_err is_outdone(struct kr_step *step, const struct kr_directory_entry *entry, const struct kr_job *job,
                              bool *ret_outdone, bool *ret_contradicts)
{
    enum kr_root_rank ours, theirs;
    const uint64_t version = job->header.version;
    enum kr_err err = kr_rekeyed_ranks(step, job, entry->record_id, &ours, &theirs);
    if (err == KR_OK) {
        *ret_contradicts = ours == theirs && entry->version == version && memcmp(entry->record_id, job->record.id, 32) != 0;
        *ret_outdone = ours != theirs ? theirs > ours
                                      : entry->version > version ||
                                            (entry->version == version && memcmp(entry->record_id, job->record.id, 32) < 0);
    }
    return err;
}

enum kr_err kr_admit_leave(struct kr_step *step, const struct kr_header *header, const uint8_t id[static 32])
{
    struct kr_scope scopes[KR_SCOPES_MAX];
    const uint32_t count = kr_scopes_of(step->core, header, scopes);
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        err = kr_store_scope_remove(step->txn, &scopes[i], id);
        kr_roots_touch(step->core, &scopes[i]);
        err = err == KR_NOT_FOUND ? KR_OK : err;
    }
    return err;
}

enum kr_err kr_admit_leave_of(struct kr_step *step, const struct kr_head *head)
{
    struct kr_header header;
    uint8_t *audience = NULL;
    enum kr_err err = kr_facts_header(head, &header, &audience);
    if (err == KR_OK) {
        err = kr_admit_leave(step, &header, head->id);
    }
    free(audience);
    return err;
}

/* KR_OK: this one is it, and the one before is gone. Two of one version are worth an alarm. */
static enum kr_err replace_older(struct kr_step *step, const struct kr_job *job)
{
    struct kr_directory_entry entry;
    uint64_t arrival;
    enum kr_err err = kr_admit_standing(step, &job->header, &entry);
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    bool outdone = false, contradicts = false;
    err = is_outdone(step, &entry, job, &outdone, &contradicts);
    const bool is_by_nodes = kr_kind_is_internal(job->header.kind) || job->header.kind == KR_KIND_BODY_NOTICE;
    if (err == KR_OK && contradicts && !is_by_nodes) { /* (else two nodes of one council, of which neither knew of the other's) */
        err = kr_alarm_raise(step, job, entry.record_id);
    }
    if (err == KR_OK && !outdone && job->header.kind == KR_KIND_COUNCIL_CARD) {
        err = kr_alarm_look_back(step, job, entry.record_id);
    }
    if (err != KR_OK || outdone) {
        return err != KR_OK ? err : KR_EXISTS;
    }
    if (!KR_FAULT(KR_FAULT_OLDER_IN_TREE)) {
        err = kr_admit_leave(step, &job->header, entry.record_id); /* it stood where this one will */
    }
    if (err == KR_OK) {
        err = kr_store_record_find(step->txn, entry.record_id, &arrival);
    }
    if (err != KR_OK) {
        return err == KR_NOT_FOUND ? KR_OK : err;
    }
    if (kr_kind_is_internal(job->header.kind)) {
        return kr_internal_replaced(step, arrival);
    }
    return KR_FAULT(KR_FAULT_OLDER_KEPT) ? KR_OK : kr_store_record_purge(step->txn, arrival, (struct kr_slice){0});
}

enum kr_err kr_admit_judge(struct kr_step *step, const struct kr_job *job, const uint8_t *from)
{
    enum kr_err verdict = judge(step, job, from);
    return verdict == KR_OK && kr_kind_is_replaceable(job->header.kind) ? replace_older(step, job) : verdict;
}

/* ---- entering ---- */

/* That this council is a member, or no more. */
static enum kr_err say_membership(struct kr_step *step, const uint8_t community[static 32], bool was_member)
{
    const struct kr_community *known = kr_directory_community(&step->core->directory, community);
    const bool is_member = kr_directory_is_member(&step->core->directory, community, step->core->self);
    if (known == NULL || is_member == was_member) {
        return KR_OK;
    }
    return is_member ? kr_step_log(step, KR_LOG_NOTICE, "this council is now a member of the community \"%s\"", known->name)
                     : kr_step_log(step, KR_LOG_WARNING,
                                   "this council is no longer a member of the community \"%s\": `kairan community why` tells why",
                                   known->name);
}

/* Which root key is in force; zero: no card of that council is here. */
static void root_of(const struct kr_core *core, const uint8_t council[static 32], uint8_t ret_root[static 32])
{
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    memset(ret_root, 0, 32);
    if (known != NULL) {
        memcpy(ret_root, known->root_public, 32);
    }
}

/* A card is in the directory: it may list other keys, or be signed with another root key. */
static enum kr_err card_entered(struct kr_step *step, const uint8_t author[static 32], const uint8_t root_before[static 32])
{
    static const uint8_t none[32];
    uint8_t root[32];
    enum kr_err err = KR_OK;
    root_of(step->core, author, root);
    if (memcmp(root_before, none, 32) == 0) {
        err = kr_root_confirm_entered(step, author);
    } else if (memcmp(root_before, root, 32) != 0) {
        err = kr_rekeyed_entered(step, author);
    }
    return err == KR_OK && memcmp(author, step->core->self, 32) == 0 ? kr_keys_card_entered(step) : err;
}

/* `is_made_here`: or it waited in quarantine. */
static enum kr_err put_statement(struct kr_step *step, const struct kr_job *job, bool is_made_here)
{
    const bool was_member = kr_directory_is_member(&step->core->directory, job->header.community, step->core->self);
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    struct kr_directory_entry entry = {.version = job->header.version};
    struct kr_slice content = {job->content, job->content_len};
    struct kr_card card;
    struct kr_charter charter;
    struct kr_writer writer;
    uint8_t root_before[32];
    root_of(step->core, job->header.author, root_before);
    kr_directory_key(key, &job->header);
    memcpy(entry.record_id, job->record.id, 32);
    if (job->header.kind == KR_KIND_COUNCIL_CARD && kr_card_parse(content, &card) == KR_OK) {
        entry.name_ja = card.name_ja;
        entry.name_en = card.name_en;
        entry.region = card.region;
    } else if (job->header.kind == KR_KIND_CHARTER && kr_charter_parse(content, &charter) == KR_OK) {
        entry.name_ja = entry.name_en = charter.name;
    }
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    kr_directory_entry_write(&entry, &writer);
    enum kr_err err = kr_store_put_writer(step->txn, KR_TABLE_DIRECTORY, key, sizeof key, &writer);
    if (err == KR_OK) {
        bool is_awaited = job->header.kind == KR_KIND_CHARTER && step->core->directory.waiting > 0;
        err = is_awaited ? kr_directory_reload(&step->core->directory, step->txn)
                         : kr_directory_take(&step->core->directory, &job->header, job->record.id, content);
    }
    kr_quarantine_is_due(step->core);
    if (err == KR_OK && job->header.kind == KR_KIND_COUNCIL_CARD) {
        err = card_entered(step, job->header.author, root_before);
    }
    if (err == KR_OK && job->header.kind == KR_KIND_COUNCIL_CARD && kr_card_read(content, &card) == KR_OK &&
        !kr_links_fit_card(step->core, job->header.author, &card)) {
        err = kr_links_follow_soon(step);
    }
    if (err == KR_OK && job->header.kind == KR_KIND_REVOCATION) {
        err = kr_revoke_entered(step, &job->header, content);
    }
    if (err == KR_OK) {
        err = say_membership(step, job->header.community, was_member);
    }
    if (err == KR_OK && is_made_here && was_member &&
        !kr_directory_is_member(&step->core->directory, job->header.community, step->core->self)) {
        err = kr_body_notices_left(step);
    }
    return err == KR_OK ? kr_joins_settle(step) : err;
}

/* What is the council's own: no peer and no watcher hears of it, and no tree but the council's own. */
static enum kr_err put_internal(struct kr_step *step, const struct kr_job *job)
{
    enum kr_err err = kr_internal_row_put(step, &job->header, job->record.id);
    return err == KR_OK ? kr_internal_take(step, &job->header, (struct kr_slice){job->content, job->content_len}) : err;
}

/* Index, trees, directory, peers, watchers: all that a record gets beyond its place in the log. `is_late`: it was caught up with,
 * or waited in quarantine, so that most peers have it, or get it the same way. */
enum kr_err kr_admit_enter(struct kr_step *step, struct kr_job *job, const struct kr_head *head, const struct kr_link *link,
                           bool is_late)
{
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < job->term_count; i++) {
        job->terms[i].arrival = head->arrival;
    }
    if (job->term_count > 0) {
        err = kr_store_prefixes_note(step->txn, &job->prefixes);
    }
    if (err == KR_OK && job->term_count > 0) {
        err = kr_store_terms_put(step->txn, job->terms, job->term_count);
    }
    if (err == KR_OK && kr_kind_is_statement(job->header.kind)) {
        err = put_statement(step, job, link == NULL);
    }
    if (err == KR_OK && job->header.kind == KR_KIND_BODY_NOTICE) {
        err = kr_body_notice_take(step, job);
    }
    if (err == KR_OK && kr_kind_is_internal(job->header.kind)) {
        err = put_internal(step, job);
    }
    struct kr_scope scopes[KR_SCOPES_MAX];
    uint32_t count = err == KR_OK ? kr_scopes_of(step->core, &job->header, scopes) : 0;
    const struct kr_entry entry = kr_tree_entry(head);
    uint32_t entered = 0;
    for (uint32_t i = 0; i < count && err == KR_OK; i++) {
        uint64_t number;
        err = kr_store_scope_append(step->txn, &scopes[i], &entry, &number);
        if (err == KR_EXISTS) {
            err = KR_OK; /* its bytes were gone (damaged, expired by another clock) and have come back: its place in the tree never
                            was */
        } else if (err == KR_OK) {
            kr_roots_touch(step->core, &scopes[i]);
            scopes[entered++] = scopes[i];
        }
    }
    if (err == KR_OK && kr_kind_takes_back(job->header.kind) && !kr_is_expired(step, head->expires_s)) {
        err = kr_takeback_entered(step, job, head); /* (what an expired one took back has expired, too) */
    }
    if (head->state == KR_HEAD_HEADER_ONLY) { /* peers make it themselves, or find that it is missing */
        return err;
    }
    if (err == KR_OK && !(is_late && head->created_ms + KR_SPREAD_AGE_MS < step->now_ms)) {
        enum kr_spread_how how = is_late ? KR_SPREAD_IDS : KR_SPREAD_WHOLE;
        err = kr_spread_offer(step, head, scopes, entered, job->is_bulk, how, link);
    }
    if (err == KR_OK) {
        err = kr_takeback_out(step, job, head);
    }
    if (err == KR_OK && job->header.kind == KR_KIND_CHARTER) {
        err = kr_community_entered(step, &job->header);
    }
    return err == KR_OK ? kr_watch_publish(step, head) : err;
}

static void fill_head(const struct kr_step *step, const struct kr_job *job, const uint8_t from[static 32], uint8_t *audience,
                      struct kr_head *head)
{
    const struct kr_header *header = &job->header;
    *head = (struct kr_head){
        .kind = header->kind,
        .flags = header->flags,
        .severity = job->severity,
        .indicator_count = job->indicator_count,
        .label = header->label,
        .created_ms = header->created_ms,
        .expires_s = header->expires_s,
        .received_ms = step->now_ms,
        .version = header->version,
        .has_community = header->has_community,
        .has_relay = header->has_relay,
        .has_subject = header->has_subject,
        .has_target = header->has_target,
        .is_ours_to_read = job->is_open,
        .record_bytes = (uint32_t)job->len,
        .audience_count = header->audience_count,
        .audience = audience,
        .title = {job->title, job->title_len},
    };
    memcpy(head->id, job->record.id, 32);
    memcpy(head->author, header->author, 32);
    memcpy(head->signing_key, header->signing_key, 32);
    memcpy(head->community, header->community, 32);
    memcpy(head->relay, header->relay, 32);
    memcpy(head->subject, header->subject, 32);
    memcpy(head->target, header->target, 32);
    memcpy(head->from, from, 32);
    for (uint32_t i = 0; i < header->audience_count; i++) {
        memcpy(audience + 32 * i, kr_header_audience_at(header, i), 32);
    }
}

/* ---- the way in ---- */

enum kr_err kr_admit(struct kr_step *step, struct kr_job *job, const uint8_t from[static 32], const struct kr_link *link,
                     enum kr_err *ret_verdict, uint64_t *ret_arrival)
{
    uint64_t arrival;
    enum kr_err err = kr_store_record_find(step->txn, job->record.id, &arrival);
    if (err == KR_OK) {
        *ret_verdict = KR_EXISTS;
        *ret_arrival = arrival;
        return KR_OK;
    }
    if (err != KR_NOT_FOUND) {
        return err;
    }
    const bool is_late = link == NULL && kr_is_expired(step, job->header.expires_s); /* our own, which nobody has seen */
    enum kr_err verdict = KR_OK;
    err = kr_internal_bound(step, job, link, &verdict); /* (before the one that stands makes way) */
    if (err != KR_OK) {
        return err;
    }
    verdict = is_late ? KR_EXPIRED : verdict != KR_OK ? verdict : kr_admit_judge(step, job, link != NULL ? link->council : NULL);
    if (verdict == KR_NOMEM || verdict == KR_IO || verdict == KR_STORE_FULL || verdict == KR_CORRUPT) {
        return verdict;
    }
    if (verdict == KR_UNKNOWN_AUTHOR && link == NULL) {
        verdict = KR_KEY; /* we sign with a key that our own card does not list: nothing to wait for */
    }
    if ((verdict == KR_OK || verdict == KR_UNKNOWN_AUTHOR) && link != NULL && job->lacks_key && step->core->shares_council &&
        !kr_link_is_sister(step->core, link) && kr_header_addresses(&job->header, step->core->self)) {
        verdict = KR_QUOTA; /* another node has the key that it is sealed to, and gives it to us */
    }
    if (verdict == KR_UNKNOWN_AUTHOR && !kr_quarantine_has_room(step->core, link, job->len)) {
        verdict = KR_QUOTA;
    }
    if (verdict == KR_OK || verdict == KR_UNKNOWN_AUTHOR) {
        err = kr_takeback_meet(step, job, link, &verdict);
        if (err != KR_OK) {
            return err;
        }
    }
    if (verdict != KR_OK && verdict != KR_UNKNOWN_AUTHOR) {
        *ret_verdict = verdict;
        return KR_OK;
    }
    if (verdict == KR_OK && link != NULL) {
        err = kr_restored_look(step, job, link);
        if (err != KR_OK) {
            return err;
        }
    }
    uint8_t *audience = malloc((size_t)job->header.audience_count * 32 + 1);
    if (audience == NULL) {
        return KR_NOMEM;
    }
    struct kr_head head;
    fill_head(step, job, from, audience, &head);
    head.state = verdict != KR_OK ? KR_HEAD_QUARANTINED : job->record.is_header_only ? KR_HEAD_HEADER_ONLY : KR_HEAD_SHOWN;
    err = kr_store_record_put(step->txn, &head, (struct kr_slice){job->bytes, job->len});
    if (err == KR_OK) {
        err = verdict == KR_OK ? kr_admit_enter(step, job, &head, link, job->was_wanted) : kr_quarantine_put(step, &head);
    }
    if (err == KR_OK && verdict == KR_OK) {
        err = kr_internal_bound_taken(step, job, link);
    }
    if (err == KR_OK) {
        *ret_verdict = verdict;
        *ret_arrival = head.arrival;
        if (link != NULL) {
            kr_spread_brought(&step->core->spread, link, head.arrival);
        }
    }
    free(audience);
    return err;
}

enum kr_err kr_admit_header(struct kr_step *step, struct kr_job *job, const uint8_t from[static 32])
{
    struct kr_head head;
    enum kr_err verdict = kr_admit_judge(step, job, NULL);
    if (verdict != KR_OK) {
        return verdict == KR_NOMEM || verdict == KR_IO || verdict == KR_STORE_FULL || verdict == KR_CORRUPT ? verdict : KR_OK;
    }
    uint8_t *audience = malloc((size_t)job->header.audience_count * 32 + 1);
    if (audience == NULL) {
        return KR_NOMEM;
    }
    fill_head(step, job, from, audience, &head);
    head.state = KR_HEAD_HEADER_ONLY;
    enum kr_err err = kr_store_record_put(step->txn, &head, (struct kr_slice){job->bytes, job->len});
    if (err == KR_OK) {
        err = kr_admit_enter(step, job, &head, NULL, true);
    }
    free(audience);
    return err;
}

enum kr_err kr_admit_foresee(struct kr_step *step, const struct kr_job *job, const uint8_t *from, enum kr_err *ret_verdict)
{
    struct kr_directory_entry entry;
    uint64_t arrival;
    enum kr_err err = kr_store_record_find(step->txn, job->record.id, &arrival);
    if (err == KR_OK) {
        *ret_verdict = KR_EXISTS;
        return KR_OK;
    }
    if (err != KR_NOT_FOUND) {
        return err;
    }
    enum kr_err verdict = kr_is_expired(step, job->header.expires_s) ? KR_EXPIRED : judge(step, job, from);
    if (verdict == KR_OK) {
        err = kr_admit_standing(step, &job->header, &entry);
        bool outdone = false, contradicts = false;
        if (err == KR_OK) {
            err = is_outdone(step, &entry, job, &outdone, &contradicts);
        }
        verdict = outdone ? KR_EXISTS : KR_OK;
    }
    if (verdict == KR_NOMEM || (err != KR_OK && err != KR_NOT_FOUND)) {
        return verdict == KR_NOMEM ? verdict : err;
    }
    *ret_verdict = verdict;
    return KR_OK;
}
