/* What approvers and submitters do with drafts. */
#include <stdlib.h>
#include <string.h>

#include "node/core/draft.h"
#include "node/core/people.h"
#include "node/core/restored.h"
#include "node/core/takeback.h"

static enum kr_err refuse(struct kr_step *step, const struct kr_event *event, enum kr_err code, const char *text)
{
    enum kr_err err = kr_step_error(step, event->client, event->request, code, "%s", text);
    return err != KR_OK ? err : KR_CANCELLED;
}

static bool is_own(const struct kr_draft_row *row, const struct kr_who *who)
{
    return memcmp(row->submitter, who->person, 32) == 0; /* zero both: the operator's */
}

bool kr_draft_is_others(const struct kr_draft_row *row, const struct kr_who *who)
{
    if (is_own(row, who)) {
        return false;
    }
    bool is_other = (who->own_roles & KR_ROLE_APPROVER) != 0;
    for (uint32_t i = 0; i < who->stands_for_count; i++) {
        is_other =
            is_other || ((who->stands_for_roles[i] & KR_ROLE_APPROVER) != 0 && memcmp(who->stands_for[i], row->submitter, 32) != 0);
    }
    return is_other;
}

/* ---- show ---- */

static enum kr_err show(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row)
{
    struct kr_draft_shown shown = {.community = {row->community, row->has_community ? 32 : 0}, .audience = row->audience};
    struct kr_writer result;
    uint8_t *args = NULL;
    if (!is_own(row, who) && (who->facts.roles & (KR_ROLE_APPROVER | KR_ROLE_INTAKE)) == 0 && who->facts.has_people) {
        return refuse(step, event, KR_DENIED, "this draft is another's: it is for approvers to look at");
    }
    enum kr_err err = kr_draft_is_open(row) ? kr_draft_args_get(step, row, &args) : KR_OK;
    if (err == KR_OK) {
        err = kr_draft_reach(step->core, row, row->reach); /* as it is now: that is what is approved */
    }
    if (err == KR_OK) {
        err = kr_draft_item_fill(step->txn, row, who, &shown.item);
    }
    if (err == KR_OK) {
        kr_draft_binding(row, shown.binding);
        shown.args = (struct kr_slice){args, args != NULL ? row->args_len : 0};
        kr_writer_init(&result, KR_CLIENT_FRAME_BYTES_MAX - KR_KIB);
        kr_draft_shown_write(&shown, &result);
        err = kr_step_end(step, event->client, event->request, &result);
        kr_writer_deinit(&result);
    }
    free(args);
    return err;
}

/* ---- approve and edit: the request, made again ---- */

static enum kr_err again(struct kr_step *step, const struct kr_event *event, uint32_t op, struct kr_slice args)
{
    struct kr_event request = *event; /* whoever asked for this gets the answer */
    request.op = op;
    request.bytes = args;
    return op == KR_OP_SUBMIT   ? kr_submit_request(step, &request)
           : op == KR_OP_REVISE ? kr_revise_request(step, &request)
                                : kr_sight_request(step, &request);
}

static enum kr_err give_back(struct kr_step *step, const struct kr_event *event, struct kr_draft_row *row,
                             const uint8_t reach[static 32])
{
    static const char why[] = "it would reach other councils than when it was submitted";
    memcpy(row->reach, reach, 32);
    row->state = KR_DRAFT_RETURNED;
    row->changed_ms = step->now_ms;
    row->reason = (struct kr_slice){(const uint8_t *)why, sizeof why - 1};
    enum kr_err err = kr_draft_refuse(step, event->client, event->request, kr_draft_put(step, row, NULL));
    return err != KR_OK ? err
                        : refuse(step, event, KR_DENIED,
                                 "it would reach other councils than when it was submitted, and has gone back to its submitter");
}

static enum kr_err approve(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                           const struct kr_draft_act *act)
{
    uint8_t reach[32], then[32], binding[32], *args = NULL;
    if (row->state != KR_DRAFT_WAITS) {
        return refuse(step, event, KR_INVALID, "this draft does not wait for approval: see `kairan drafts`");
    }
    if (!kr_draft_is_others(row, who)) {
        return refuse(step, event, KR_DENIED,
                      "whoever submitted it does not approve it, and no deputy for him: another approver has to");
    }
    memcpy(then, row->reach, sizeof then);
    enum kr_err err = kr_draft_reach(step->core, row, reach);
    if (err == KR_OK && memcmp(reach, then, sizeof then) != 0) {
        return give_back(step, event, row, reach);
    }
    if (err == KR_OK) {
        kr_draft_binding(row, binding);
        if (!act->has_binding || memcmp(binding, act->binding, sizeof binding) != 0) {
            return refuse(step, event, KR_DENIED,
                          "this is not what you looked at: see `kairan drafts show` and approve what it shows");
        }
        err = kr_draft_args_get(step, row, &args);
    }
    if (err == KR_OK) {
        err = again(step, event, row->op, (struct kr_slice){args, row->args_len});
    }
    free(args);
    return err;
}

static bool has_token(uint32_t op, struct kr_slice args, const uint8_t token[static KR_DRAFT_ID_BYTES])
{
    struct kr_submit *submit = malloc(sizeof *submit);
    struct kr_sight sight;
    struct kr_slice id;
    bool is_same = false;
    if (submit != NULL && op == KR_OP_SUBMIT && kr_submit_read(args, submit) == KR_OK) {
        is_same = memcmp(submit->token, token, KR_DRAFT_ID_BYTES) == 0;
    } else if (submit != NULL && op == KR_OP_REVISE && kr_revise_read(args, &id, submit) == KR_OK) {
        is_same = memcmp(submit->token, token, KR_DRAFT_ID_BYTES) == 0;
    } else if (op == KR_OP_SIGHT && kr_sight_read(args, &sight) == KR_OK) {
        is_same = memcmp(sight.token, token, KR_DRAFT_ID_BYTES) == 0;
    }
    free(submit);
    return is_same;
}

static enum kr_err edit(struct kr_step *step, const struct kr_event *event, const struct kr_draft_row *row,
                        const struct kr_draft_act *act)
{
    if (!kr_draft_is_open(row)) {
        return refuse(step, event, KR_INVALID, "this draft is decided already");
    }
    if (kr_label_is_for_people((enum kr_label)row->label)) { /* its submitter could not see what it was turned into */
        return refuse(step, event, KR_DENIED,
                      "what is sealed to bodies or persons cannot be changed by others: reject it, with a reason");
    }
    if (!has_token(row->op, act->args, row->token)) {
        return refuse(step, event, KR_INVALID, "an edited draft is the same request with the same token");
    }
    step->asked = act->args;
    return again(step, event, row->op, act->args);
}

/* ---- reject, consent, withdraw ---- */

static enum kr_err decide(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                          uint32_t state, struct kr_slice reason)
{
    row->state = state;
    row->changed_ms = step->now_ms;
    row->reason = reason;
    memcpy(row->decider, who->person, 32);
    enum kr_err err = kr_draft_refuse(step, event->client, event->request, kr_draft_put(step, row, NULL));
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

static enum kr_err reject(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                          const struct kr_draft_act *act)
{
    if (!kr_draft_is_open(row)) {
        return refuse(step, event, KR_INVALID, "this draft is decided already");
    }
    if (act->reason.len == 0) {
        return refuse(step, event, KR_INVALID, "say why, for its submitter: --reason TEXT");
    }
    return decide(step, event, who, row, KR_DRAFT_REJECTED, act->reason);
}

static enum kr_err consent(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                           const struct kr_draft_act *act)
{
    uint8_t binding[32];
    if (row->state != KR_DRAFT_RETURNED) {
        return refuse(step, event, KR_INVALID, "this draft did not come back: there is nothing to consent to");
    }
    enum kr_err err = kr_draft_reach(step->core, row, row->reach);
    if (err == KR_OK) {
        kr_draft_binding(row, binding);
        if (!act->has_binding || memcmp(binding, act->binding, sizeof binding) != 0) {
            return refuse(step, event, KR_DENIED, "this is not what you looked at: see `kairan drafts show` first");
        }
        err = decide(step, event, who, row, KR_DRAFT_WAITS, (struct kr_slice){0});
    }
    return err;
}

/* ---- what was sent ahead, and whom a name stands for ---- */

static enum kr_err review(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                          const struct kr_draft_act *act)
{
    if (row->state != KR_DRAFT_AHEAD) {
        return refuse(step, event, KR_INVALID, "this draft does not wait to be reviewed: see `kairan drafts --review`");
    }
    if (!kr_draft_is_others(row, who)) {
        return refuse(step, event, KR_DENIED,
                      "whoever submitted it does not review it, and no deputy for him: another approver has to");
    }
    return decide(step, event, who, row, KR_DRAFT_REVIEWED, act->reason);
}

/* Told of in the row, so that the submitter sees it, and in the audit log, with the reason. */
static enum kr_err open_name(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                             const struct kr_draft_act *act)
{
    static _Thread_local struct kr_person_row person;
    struct kr_draft_who shown = {0};
    struct kr_writer result;
    uint32_t at = 0;
    if (act->reason.len == 0 || act->reason.len > KR_OPENING_BYTES_MAX) {
        return refuse(step, event, KR_INVALID, "say why, for its submitter and the audit log: --reason TEXT, of at most 200 bytes");
    }
    if (is_own(row, who) || (who->facts.roles & KR_ROLE_INTAKE) != 0 || !who->facts.has_people) {
        return refuse(step, event, KR_INVALID, "you see who submitted it already: `kairan drafts`, `kairan mine`");
    }
    if (sodium_is_zero(row->submitter, 32) == 1) {
        return refuse(step, event, KR_NOT_FOUND, "the operator of the node submitted it, without a card of his own");
    }
    while (at < row->opened_count && memcmp(row->opened[at].person, who->person, 32) != 0) {
        at++;
    }
    if (at == KR_DRAFT_OPENINGS_MAX) {
        return refuse(step, event, KR_BOUNDS, "as many have opened it as can be told of: ask one of them, or intake");
    }
    struct kr_draft_opened *opened = &row->opened[at];
    row->opened_count += at == row->opened_count;
    *opened = (struct kr_draft_opened){.at_ms = step->now_ms, .reason = act->reason};
    memcpy(opened->person, who->person, 32);
    step->note = act->reason;
    enum kr_err err = kr_draft_refuse(step, event->client, event->request, kr_draft_put(step, row, NULL));
    if (err == KR_OK) {
        memcpy(shown.id, row->token, sizeof shown.id);
        memcpy(shown.person, row->submitter, 32);
        err = kr_person_get(step->txn, row->submitter, &person);
        shown.name = err == KR_OK ? person.card.name : shown.name;
        err = err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
    }
    if (err == KR_OK) {
        kr_writer_init(&result, KR_KIB);
        kr_draft_who_write(&shown, &result);
        err = kr_step_end(step, event->client, event->request, &result);
        kr_writer_deinit(&result);
    }
    return err;
}

static enum kr_err act_on(struct kr_step *step, const struct kr_event *event, const struct kr_who *who, struct kr_draft_row *row,
                          const struct kr_draft_act *act)
{
    const bool is_submitters = event->op == KR_OP_DRAFT_CONSENT || event->op == KR_OP_DRAFT_WITHDRAW;
    if (is_submitters && !is_own(row, who)) {
        return refuse(step, event, KR_DENIED, "this draft is another's: only its submitter can do that");
    }
    switch (event->op) {
    case KR_OP_DRAFT_APPROVE:
        return approve(step, event, who, row, act);
    case KR_OP_DRAFT_REJECT:
        return reject(step, event, who, row, act);
    case KR_OP_DRAFT_EDIT:
        return edit(step, event, row, act);
    case KR_OP_DRAFT_CONSENT:
        return consent(step, event, who, row, act);
    case KR_OP_DRAFT_REVIEWED:
        return review(step, event, who, row, act);
    case KR_OP_DRAFT_WHO:
        return open_name(step, event, who, row, act);
    default:
        return kr_draft_is_open(row) ? decide(step, event, who, row, KR_DRAFT_WITHDRAWN, (struct kr_slice){0})
                                     : refuse(step, event, KR_INVALID, "this draft is decided already");
    }
}

static enum kr_err find(struct kr_step *step, const struct kr_event *event, const uint8_t token[static KR_DRAFT_ID_BYTES],
                        struct kr_draft_row *row)
{
    enum kr_err err = kr_draft_get(step->txn, token, row);
    if (err == KR_NOT_FOUND) {
        return refuse(step, event, err, "no draft here has this id: see `kairan drafts` and `kairan mine`");
    }
    if (err == KR_OK && row->is_old && !kr_restored_holds(step->core)) {
        err = kr_draft_refuse(step, event->client, event->request, kr_draft_share(step, row));
    }
    return err == KR_CORRUPT ? refuse(step, event, err, "this draft is damaged in the store: run `kairan verify`") : err;
}

static enum kr_err refuse_unreadable(struct kr_step *step, const struct kr_event *event, enum kr_err err)
{
    return err == KR_CORRUPT ? refuse(step, event, err, "this draft is damaged in the store: run `kairan verify`")
           : err == KR_NOT_FOUND
               ? refuse(step, event, err,
                        "another node of this council has it and has not brought its content yet: try again later")
               : err;
}

enum kr_err kr_draft_act_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_draft_act act;
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : KR_OK;
    if (err == KR_OK && kr_draft_act_read(event->bytes, &act) != KR_OK) {
        err = refuse(step, event, KR_MALFORMED, "the request cannot be read");
    }
    if (err == KR_OK) {
        err = find(step, event, act.id, row);
    }
    if (err == KR_OK) {
        err = act_on(step, event, who, row, &act);
    }
    err = refuse_unreadable(step, event, err);
    free(row);
    return err == KR_CANCELLED ? KR_OK : err;
}

enum kr_err kr_draft_request(struct kr_step *step, const struct kr_event *event, const struct kr_who *who)
{
    struct kr_reader reader;
    uint8_t token[KR_DRAFT_ID_BYTES];
    struct kr_draft_row *row = malloc(sizeof *row);
    enum kr_err err = row == NULL ? KR_NOMEM : KR_OK;
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, token, sizeof token);
    kr_reader_close(&reader);
    if (err == KR_OK && kr_reader_end(&reader) != KR_OK) {
        err = refuse(step, event, KR_MALFORMED, "the request cannot be read");
    }
    if (err == KR_OK) {
        err = find(step, event, token, row);
    }
    if (err == KR_OK) {
        err = show(step, event, who, row);
    }
    err = refuse_unreadable(step, event, err);
    free(row);
    return err == KR_CANCELLED ? KR_OK : err;
}
