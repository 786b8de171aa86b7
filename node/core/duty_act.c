/* What approvers and admins do with standing consents and with the duty roster: each act is a record that replaces the one before.
 */
#include <stdlib.h>
#include <string.h>

#include "node/core/duty.h"
#include "node/core/internal.h"

#define DAY_S         86400u
#define KEPT_S        (90u * DAY_S) /* a consent that is over, for whoever asks what it was */
#define ROSTER_KEPT_S (35u * DAY_S) /* an entry of the roster that is over */

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err code, const char *text)
{
    enum kr_err err = kr_step_error(step, event->client, event->request, code, "%s", text);
    return err != KR_OK ? err : KR_CANCELLED;
}

static struct kr_slice by(const struct kr_who *who)
{
    return (struct kr_slice){who->person, who->facts.is_person ? 32 : 0};
}

/* The next version of what stands there; then the client has its answer. `content`: taken over. */
static enum kr_err put(struct kr_step *step, const struct kr_event *event, const uint8_t subject[static 32], uint64_t expires_s,
                       struct kr_writer *content)
{
    struct kr_directory_entry standing = {0};
    struct kr_writer result;
    enum kr_err verdict = KR_OK, err = kr_internal_standing(step, KR_KIND_DUTY, subject, &standing);
    if (err == KR_OK || err == KR_NOT_FOUND) {
        const struct kr_internal what = {
            .kind = KR_KIND_DUTY, .subject = subject, .version = standing.version + 1, .expires_s = expires_s};
        err = kr_internal_put(step, &what, content, &verdict);
    }
    kr_writer_deinit(content);
    if (err != KR_OK || verdict != KR_OK) {
        return err != KR_OK ? err : refuse(step, event, verdict, "it was not taken: this node's key is not on its council's card");
    }
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, 1);
    kr_writer_bin(&result, subject, 32);
    err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}

/* ---- consents ---- */

static enum kr_err check_new(struct kr_step *step, const struct kr_event *event, const struct kr_duty_act *act)
{
    const uint64_t now_s = step->now_ms / 1000;
    struct kr_directory_entry standing;
    enum kr_person_state state = KR_PERSON_ACTIVE;
    uint32_t roles;
    if (!kr_consent_is_sound(act->kinds, act->labels)) {
        return refuse(step, event, KR_INVALID,
                      "a consent is for reports, advisories or sightings, and for TLP:CLEAR, TLP:GREEN or TLP:AMBER");
    }
    if (act->until_s <= now_s || act->until_s > now_s + KR_CONSENT_S_MAX) {
        return refuse(step, event, KR_INVALID, "a consent ends, at most 400 days from now: --until DATE");
    }
    if (act->reason.len == 0) {
        return refuse(step, event, KR_INVALID, "say why, for whoever looks at it later: --reason TEXT");
    }
    if (((act->labels & 1u << KR_TLP_AMBER) != 0) != (act->councils.len > 0)) {
        return refuse(step, event, KR_INVALID,
                      "for TLP:AMBER a consent names the councils that may get it, and for that alone: --to");
    }
    if (kr_duty_is_roster(act->id)) {
        return refuse(step, event, KR_INVALID, "this id is the duty roster's: a consent has an id of its own, drawn at random");
    }
    enum kr_err err = kr_internal_standing(step, KR_KIND_DUTY, act->id, &standing);
    if (err == KR_OK) {
        return refuse(step, event, KR_EXISTS, "there is a consent with this id already");
    }
    err = err == KR_NOT_FOUND ? KR_OK : err;
    if (err == KR_OK && act->has_person) {
        err = kr_person_state_find(step->txn, act->person, now_s, &state, &roles);
    }
    if (err == KR_OK && (state == KR_PERSON_REVOKED || state == KR_PERSON_BODY_LEFT)) {
        err = refuse(step, event, KR_NOT_FOUND, "no person of this council has this id: see `kairan person ls`");
    }
    return err;
}

static enum kr_err has_room(struct kr_step *step, const struct kr_event *event)
{
    struct kr_duty_list *list = malloc(sizeof *list);
    enum kr_err err = list == NULL ? KR_NOMEM : kr_duty_list(step->txn, list);
    if (err == KR_OK && list->count >= KR_CONSENTS_MAX) {
        err = refuse(step, event, KR_BOUNDS,
                     "this council has as many standing consents as a node keeps: they go 90 days after their end");
    }
    free(list);
    return err;
}

/* Whom it is agreed to reach: the members of the community now, and the councils named. */
static enum kr_err fill_reach(struct kr_step *step, const struct kr_event *event, const struct kr_duty_act *act,
                              const struct kr_community *community, uint8_t (*reach)[32], uint32_t *ret_count)
{
    const struct kr_core *core = step->core;
    uint32_t count = 0;
    for (size_t at = 0; at < act->councils.len; at += 32) {
        if (kr_directory_council(&core->directory, act->councils.bytes + at) == NULL) {
            return refuse(step, event, KR_NOT_FOUND, "a council that the consent names is not known here: see `kairan councils`");
        }
        kr_consent_reach_of(core, act->councils.bytes + at, reach[count++]);
    }
    for (uint32_t i = 0; community != NULL && i < core->directory.council_count && count < KR_CONSENT_REACH_MAX; i++) {
        const uint8_t *id = core->directory.councils[i]->id;
        if (kr_directory_is_member(&core->directory, community->id, id) && memcmp(id, core->self, 32) != 0) {
            kr_consent_reach_of(core, id, reach[count++]);
        }
    }
    kr_consent_reach_sort(reach, count);
    *ret_count = count;
    return KR_OK;
}

static enum kr_err add_consent(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                               const struct kr_duty_act *act)
{
    const struct kr_community *community = NULL;
    uint32_t count = 0;
    struct kr_writer content;
    uint8_t(*reach)[32] = malloc((size_t)KR_CONSENT_REACH_MAX * 32);
    enum kr_err err = reach == NULL ? KR_NOMEM : check_new(step, event, act);
    if (err == KR_OK) {
        err = has_room(step, event);
    }
    if (err == KR_OK && (act->labels & 1u << KR_TLP_GREEN) != 0) {
        err = kr_community_choose(step, event, act->has_community ? act->community : NULL, KR_IS_MEMBER, &community);
    }
    if (err == KR_OK) {
        err = fill_reach(step, event, act, community, reach, &count);
    }
    if (err == KR_OK) {
        const struct kr_consent consent = {.kinds = act->kinds,
                                           .labels = act->labels,
                                           .community = {community != NULL ? community->id : NULL, community != NULL ? 32 : 0},
                                           .councils = act->councils,
                                           .reach = {reach[0], (size_t)count * 32},
                                           .person = {act->person, act->has_person ? 32 : 0},
                                           .given_ms = step->now_ms,
                                           .until_s = act->until_s,
                                           .reason = act->reason,
                                           .by = by(who)};
        step->note = act->reason;
        kr_writer_init(&content, KR_BODY_BYTES_MAX);
        kr_consent_write(&consent, &content);
        err = put(step, event, act->id, act->until_s + KEPT_S, &content);
    }
    free(reach);
    return err;
}

static enum kr_err end_consent(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                               const struct kr_duty_act *act)
{
    struct kr_directory_entry standing;
    struct kr_consent consent;
    struct kr_writer writer;
    uint8_t *content = NULL;
    size_t len = 0;
    enum kr_err err = kr_duty_is_roster(act->id) ? KR_NOT_FOUND : kr_internal_standing(step, KR_KIND_DUTY, act->id, &standing);
    if (err == KR_OK) {
        err = kr_internal_open(step->txn, step->core->keyring, standing.record_id, &content, &len);
    }
    if (err == KR_OK && kr_consent_parse((struct kr_slice){content, len}, &consent) != KR_OK) {
        err = KR_NOT_FOUND;
    }
    if (err == KR_NOT_FOUND) {
        err = refuse(step, event, err, "no standing consent has this id: see `kairan consent ls`");
    } else if (err == KR_CORRUPT) {
        err = refuse(step, event, err, "this consent is damaged in the store, and does not hold: run `kairan verify`");
    } else if (err == KR_OK && (consent.ended_ms != 0 || consent.until_s <= step->now_ms / 1000)) {
        err = refuse(step, event, KR_INVALID, "this consent has ended already");
    }
    if (err == KR_OK) {
        consent.ended_ms = step->now_ms;
        consent.ended_by = by(who);
        consent.ended_reason = act->reason;
        step->note = act->reason;
        kr_writer_init(&writer, KR_BODY_BYTES_MAX);
        kr_consent_write(&consent, &writer);
        err = put(step, event, act->id, consent.until_s + KEPT_S, &writer);
    }
    free(content);
    return err;
}

/* ---- the roster ---- */

static int compare(const void *a, const void *b)
{
    const struct kr_duty_entry *one = a, *other = b;
    if (one->from_s != other->from_s) {
        return one->from_s < other->from_s ? -1 : 1;
    }
    return memcmp(one->person, other->person, 32);
}

static enum kr_err check_entries(struct kr_step *step, const struct kr_event *event, const struct kr_duty_act *act)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < act->entry_count && err == KR_OK; i++) {
        enum kr_person_state state = KR_PERSON_REVOKED;
        uint32_t roles;
        err = kr_person_state_find(step->txn, act->entries[i].person, step->now_ms / 1000, &state, &roles);
        if (err == KR_OK && (state == KR_PERSON_REVOKED || state == KR_PERSON_BODY_LEFT)) {
            err = refuse(step, event, KR_NOT_FOUND, "somebody on the roster is no person of this council: see `kairan person ls`");
        }
    }
    return err;
}

/* What stands, without what is long over. */
static enum kr_err load_roster(struct kr_step *step, const uint8_t subject[static 32], struct kr_duty_roster *roster)
{
    struct kr_directory_entry standing;
    uint8_t *content = NULL;
    size_t len = 0;
    uint32_t kept = 0;
    roster->count = 0;
    enum kr_err err = kr_internal_standing(step, KR_KIND_DUTY, subject, &standing);
    if (err == KR_OK) {
        err = kr_internal_open(step->txn, step->core->keyring, standing.record_id, &content, &len);
    }
    if (err == KR_OK && kr_duty_roster_parse((struct kr_slice){content, len}, roster) != KR_OK) {
        err = KR_CORRUPT;
    }
    for (uint32_t i = 0; err == KR_OK && i < roster->count; i++) {
        if (roster->entries[i].until_s + ROSTER_KEPT_S > step->now_ms / 1000) {
            roster->entries[kept++] = roster->entries[i];
        }
    }
    roster->count = err == KR_OK ? kept : 0;
    free(content);
    return err == KR_NOT_FOUND ? KR_OK : err;
}

static bool has_entry(const struct kr_duty_roster *roster, const struct kr_duty_entry *entry)
{
    for (uint32_t i = 0; i < roster->count; i++) {
        if (memcmp(roster->entries[i].person, entry->person, 32) == 0 && roster->entries[i].from_s == entry->from_s &&
            roster->entries[i].until_s == entry->until_s) {
            return true;
        }
    }
    return false;
}

static enum kr_err set_roster(struct kr_step *step, const struct kr_event *event, const struct kr_who *who,
                              const struct kr_duty_act *act)
{
    uint8_t subject[32];
    struct kr_writer content;
    struct kr_duty_roster *roster = calloc(1, sizeof *roster);
    kr_duty_roster_subject(subject);
    enum kr_err err = roster == NULL ? KR_NOMEM : check_entries(step, event, act);
    if (err == KR_OK && act->action == KR_DUTY_ADD) {
        err = load_roster(step, subject, roster);
        err = err == KR_CORRUPT
                  ? refuse(step, event, err,
                           "the roster is damaged in the store: make it anew with `kairan duty set`, and run `kairan verify`")
                  : err;
    }
    for (uint32_t i = 0; err == KR_OK && i < act->entry_count; i++) {
        if (has_entry(roster, &act->entries[i])) {
            continue;
        }
        if (roster->count == KR_DUTY_ENTRIES_MAX) {
            err = refuse(step, event, KR_BOUNDS, "a duty roster has at most 512 entries");
        } else {
            roster->entries[roster->count++] = act->entries[i];
        }
    }
    if (err == KR_OK) {
        if (roster->count > 0) {
            qsort(roster->entries, roster->count, sizeof roster->entries[0], compare);
        }
        roster->by = by(who);
        roster->changed_ms = step->now_ms;
        kr_writer_init(&content, KR_BODY_BYTES_MAX);
        kr_duty_roster_write(roster, &content);
        err = put(step, event, subject, step->now_ms / 1000 + KR_EXPIRES_S_MAX - DAY_S, &content);
    }
    free(roster);
    return err;
}

enum kr_err kr_duty_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_duty_act *act = malloc(sizeof *act);
    enum kr_err err = act == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK && kr_duty_act_read(event->bytes, act) != KR_OK) {
        err = refuse(step, event, KR_MALFORMED, "the request cannot be read");
    }
    if (err == KR_OK) {
        err = act->action == KR_DUTY_CONSENT_ADD   ? add_consent(step, event, who, act)
              : act->action == KR_DUTY_CONSENT_END ? end_consent(step, event, who, act)
                                                   : set_roster(step, event, who, act);
    }
    free(act);
    return err == KR_CANCELLED ? KR_OK : err;
}
