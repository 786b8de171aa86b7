#include "tools/kairan/send.h"

#include "proto/client/draft.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairan/kairan.h"

/* Keeper lets 64 submissions and 16 other requests of one client wait (docs/PROTOCOL.md, "Client protocol"). */
#define SUBMITS_MAX KR_SENDING_UNDER_WAY_MAX
#define LOOKS_MAX   8u

void kr_sending_deinit(struct kr_sending *sending)
{
    free(sending->parts.items);
    free(sending->sent);
    free(sending->dropped);
    free(sending->preview);
    free(sending->preview_bytes);
}

enum kr_err kr_sending_take(struct kr_sending *sending, const struct kr_found *items, size_t count)
{
    sending->plan.items = items;
    sending->plan.item_count = count;
    return kr_split(&sending->plan, &sending->parts);
}

/* The token of a part is a hash of everything that makes it the record that it is: to whom it goes, what it stands instead of, and
 * its bytes. What is sent again in whatever way, even from a file of another name, is known. */
static void make_token(const struct kr_sending *sending, uint32_t part, struct kr_slice body, uint8_t ret_token[static 16])
{
    static const char domain[] = "kairan import token";
    const struct kr_submit *request = &sending->request;
    const struct kr_sent *sent = &sending->sent[part];
    const uint8_t marks[] = {(uint8_t)request->kind, (uint8_t)request->label, (uint8_t)request->flags, request->has_community,
                             sent->revises};
    crypto_generichash_state state;
    (void)crypto_generichash_init(&state, NULL, 0, 16);
    (void)crypto_generichash_update(&state, (const uint8_t *)domain, sizeof domain);
    (void)crypto_generichash_update(&state, marks, sizeof marks);
    if (request->has_community) {
        (void)crypto_generichash_update(&state, request->community, 32);
    }
    (void)crypto_generichash_update(&state, sent->target, 32);
    for (uint32_t i = 0; i < request->audience_count; i++) {
        (void)crypto_generichash_update(&state, request->audience[i], 32);
    }
    (void)crypto_generichash_update(&state, body.bytes, body.len);
    (void)crypto_generichash_final(&state, ret_token, 16);
}

/* Of what is sealed the guards see the values, and nothing of what is said about them. */
static struct kr_plan bare_plan(const struct kr_plan *plan)
{
    struct kr_plan bare = *plan;
    bare.title = (struct kr_slice){(const uint8_t *)"-", 1};
    bare.text = bare.organisation = bare.origin_id = bare.terms = (struct kr_slice){0};
    bare.reference_count = bare.attack_id_count = 0;
    bare.has_bare_values = true;
    return bare;
}

/* The content of a part as it goes: in a section, where it is sealed. */
static enum kr_err write_body(const struct kr_sending *sending, enum kr_op op, uint32_t part, struct kr_writer *body)
{
    const bool submits = op == KR_OP_SUBMIT;
    const struct kr_sealing *sealing = sending->sealing;
    const struct kr_plan bare = bare_plan(&sending->plan);
    struct kr_writer content;
    uint8_t seed[32];
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_split_write(sealing != NULL && !submits ? &bare : &sending->plan, &sending->parts.items[part], part,
                   submits ? sending->parts.count : part + 1, sealing != NULL && submits ? &content : body);
    enum kr_err err = kr_writer_finish(sealing != NULL && submits ? &content : body);
    if (err == KR_OK && sealing != NULL && submits) {
        const struct kr_section_of of = {.author = sealing->author,
                                         .kind = sending->request.kind,
                                         .flags = sending->request.flags,
                                         .label = sending->request.label};
        randombytes_buf(seed, sizeof seed);
        err = kr_section_make(&of, sealing->addressed, sealing->count, sealing->own, (struct kr_slice){content.bytes, content.len},
                              seed, body);
        sodium_memzero(seed, sizeof seed);
    }
    kr_writer_deinit(&content);
    return err;
}

/* `parts`: how many there are in all; a preview may be sent before that is known, and says so many as there are up to it. */
static enum kr_err ask(struct kr_sending *sending, struct kr_sending_pass *pass, enum kr_op op, uint32_t part,
                       struct kr_error *error)
{
    const bool submits = op == KR_OP_SUBMIT;
    struct kr_submit *request = &sending->request;
    struct kr_sending_request *under_way = &pass->under_way[pass->count];
    struct kr_writer body, args;
    enum kr_op wire_op = op;
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
    enum kr_err err = write_body(sending, op, part, &body);
    if (err == KR_OK) {
        if (submits && sending->has_content_tokens) {
            make_token(sending, part, (struct kr_slice){body.bytes, body.len}, sending->sent[part].token);
        }
        if (submits) {
            memcpy(request->token, sending->sent[part].token, sizeof request->token);
        }
        request->body = (struct kr_slice){body.bytes, body.len};
        const bool has_target = submits && sending->sent[part].revises;
        const bool revises = submits && (sending->revises.len > 0 || has_target);
        if (revises) {
            kr_revise_write(has_target ? (struct kr_slice){sending->sent[part].target, 32} : sending->revises, request, &args);
        } else {
            kr_submit_write(request, &args);
        }
        wire_op = revises ? KR_OP_REVISE : op;
        err = kr_writer_finish(&args);
    }
    if (err == KR_OK) {
        under_way->part = part;
        err = kr_conn_request(sending->conn, wire_op, (struct kr_slice){args.bytes, args.len}, 0, &under_way->number, error);
    }
    pass->count += err == KR_OK ? 1 : 0;
    request->body = (struct kr_slice){0};
    kr_writer_deinit(&body);
    kr_writer_deinit(&args);
    return err;
}

static enum kr_err take_guarded(struct kr_sending *sending, const struct kr_part *part, const struct kr_preview *preview)
{
    for (uint32_t i = 0; i < preview->guarded_count && sending->guarded_total + i < KR_SENDING_GUARDED_MAX; i++) {
        const size_t slot = sending->guarded_total + i;
        const struct kr_guarded *guarded = &preview->guarded[i];
        if (guarded->indicator >= part->count ||
            !kr_slice_text(guarded->list, sending->guarded[slot].list, sizeof sending->guarded[slot].list)) {
            return KR_MALFORMED;
        }
        sending->guarded[slot].item = part->first + guarded->indicator;
    }
    sending->guarded_total += preview->guarded_total;
    return KR_OK;
}

static enum kr_err take_preview(struct kr_sending *sending, uint32_t part, struct kr_slice result)
{
    struct kr_preview *preview = calloc(1, sizeof *preview);
    uint8_t *bytes = malloc(result.len + 1);
    enum kr_err err = KR_NOMEM;
    if (preview != NULL && bytes != NULL) {
        memcpy(bytes, result.bytes, result.len);
        err = kr_preview_read((struct kr_slice){bytes, result.len}, preview);
    }
    if (err == KR_OK) {
        err = take_guarded(sending, &sending->parts.items[part], preview);
    }
    if (err == KR_OK && part == 0) {
        sending->preview = preview;
        sending->preview_bytes = bytes;
        return KR_OK;
    }
    free(preview);
    free(bytes);
    return err;
}

static enum kr_err take_sent(struct kr_sending *sending, uint32_t part, struct kr_slice result)
{
    struct kr_sent *sent = &sending->sent[part];
    struct kr_stored stored = {0};
    enum kr_err err = kr_stored_read(result, &stored);
    memcpy(sent->id, stored.id, sizeof sent->id);
    sent->is_known = stored.is_known;
    sent->waits = stored.waits;
    sent->has_consent = stored.has_consent;
    memcpy(sent->consent, stored.consent, stored.has_consent ? 32 : 0);
    sent->is_done = err == KR_OK;
    if (err == KR_OK && sending->progress != NULL) {
        sending->progress(sending->context, kr_sending_done(sending), sending->parts.count);
    }
    return err;
}

static enum kr_err take_answer(struct kr_sending *sending, struct kr_sending_pass *pass, enum kr_op op,
                               const struct kr_client_frame *frame, struct kr_error *error)
{
    uint32_t at = 0;
    while (at < pass->count && pass->under_way[at].number != frame->number) {
        at++;
    }
    if (at == pass->count || frame->type == KR_CLIENT_PAGE) {
        return kr_fail(error, KR_MALFORMED, "the node answers what was not asked");
    }
    const uint32_t part = pass->under_way[at].part;
    pass->under_way[at] = pass->under_way[--pass->count];
    if (frame->type == KR_CLIENT_ERROR && op == KR_OP_SUBMIT && sending->drops_guarded && frame->code == KR_GUARDED) {
        sending->sent[part].is_held = true;
        return KR_OK;
    }
    if (frame->type == KR_CLIENT_ERROR) {
        if (pass->refusal == KR_OK) {
            pass->refusal = kr_conn_frame_error(frame, &pass->refusal_error);
        }
        return KR_OK;
    }
    enum kr_err err = op == KR_OP_SUBMIT ? take_sent(sending, part, frame->payload) : take_preview(sending, part, frame->payload);
    return err == KR_OK ? KR_OK : kr_fail(error, err, "the node's answer cannot be read");
}

static bool is_due(const struct kr_sending *sending, const struct kr_sending_pass *pass, enum kr_op op, uint32_t ready, bool waits)
{
    const uint32_t most = op == KR_OP_SUBMIT ? SUBMITS_MAX : LOOKS_MAX;
    return pass->refusal == KR_OK && pass->next < ready && pass->count < most && (waits || !kr_conn_wants_write(sending->conn));
}

/* The first `ready` parts, many at a time. The first refusal stops what was not asked; what is under way is waited for. */
static enum kr_err go_on(struct kr_sending *sending, struct kr_sending_pass *pass, enum kr_op op, uint32_t ready, bool waits,
                         struct kr_error *error)
{
    const struct kr_client_frame *frame;
    enum kr_err err = KR_OK;
    while (err == KR_OK) {
        for (; err == KR_OK && is_due(sending, pass, op, ready, waits); pass->next++) {
            if (op != KR_OP_SUBMIT || !sending->sent[pass->next].is_done) {
                err = ask(sending, pass, op, pass->next, error);
            }
        }
        if (err != KR_OK) {
            return err;
        }
        if (pass->count == 0) {
            if (pass->refusal != KR_OK && error != NULL) {
                *error = pass->refusal_error;
            }
            return pass->refusal;
        }
        err = kr_conn_receive(sending->conn, waits ? KR_ANSWER_MS : 0, &frame, error);
        if (err == KR_TIMEOUT && !waits) {
            return KR_OK;
        }
        if (err == KR_OK) {
            err = take_answer(sending, pass, op, frame, error);
        }
    }
    return err;
}

enum kr_err kr_sending_look(struct kr_sending *sending, bool is_all, struct kr_error *error)
{
    const uint32_t growing = is_all || sending->parts.count == 0 ? 0 : 1; /* the last, as long as items come */
    return go_on(sending, &sending->looking, KR_OP_PREVIEW, sending->parts.count - growing, is_all, error);
}

enum kr_err kr_sending_prepare(struct kr_sending *sending)
{
    if (sending->sent != NULL) {
        return KR_OK;
    }
    sending->sent = calloc(sending->parts.count, sizeof *sending->sent);
    sending->dropped = sending->drops_guarded ? calloc(sending->plan.item_count + 1, 1) : NULL;
    if (sending->sent == NULL || (sending->drops_guarded && sending->dropped == NULL)) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < sending->parts.count && !sending->has_content_tokens; i++) {
        randombytes_buf(sending->sent[i].token, sizeof sending->sent[i].token);
    }
    return KR_OK;
}

enum kr_err kr_sending_body(const struct kr_sending *sending, uint32_t part, struct kr_writer *writer)
{
    kr_split_write(&sending->plan, &sending->parts.items[part], part, sending->parts.count, writer);
    return kr_writer_finish(writer);
}

uint32_t kr_sending_indicators(const struct kr_sending *sending, uint32_t part)
{
    const struct kr_part *it = &sending->parts.items[part];
    uint32_t count = 0;
    for (size_t i = it->first; i < it->first + it->count; i++) {
        count += sending->plan.dropped == NULL || sending->plan.dropped[i] == 0 ? 1 : 0;
    }
    return count;
}

/* Drops what the node names, which is at most so many at a time; `*ret_more`: there may be others. */
static enum kr_err drop_named(struct kr_sending *sending, uint32_t part, const struct kr_preview *preview, bool *ret_more)
{
    const struct kr_part *it = &sending->parts.items[part];
    size_t at = it->first, passed = 0;
    char list[64];
    for (uint32_t i = 0; i < preview->guarded_count; i++) {
        /* The node counts what it was sent: without what has been dropped before. */
        const struct kr_guarded *guarded = &preview->guarded[i];
        while (at < it->first + it->count && (passed < guarded->indicator || sending->dropped[at] == 1)) {
            passed += sending->dropped[at] == 1 ? 0 : 1;
            at++;
        }
        if (at == it->first + it->count || !kr_slice_text(guarded->list, list, sizeof list)) {
            return KR_MALFORMED;
        }
        sending->dropped[at] = 2; /* from the next preview on */
        sending->guarded_total++;
        if (sending->on_guarded != NULL) {
            sending->on_guarded(sending->context, at, list);
        }
    }
    for (size_t i = it->first; i < it->first + it->count; i++) {
        sending->dropped[i] = sending->dropped[i] != 0;
    }
    sending->plan.dropped = sending->dropped;
    *ret_more = preview->guarded_total > preview->guarded_count;
    return preview->guarded_count == 0 && *ret_more ? KR_MALFORMED : KR_OK;
}

enum kr_err kr_sending_hold_back(struct kr_sending *sending, uint32_t part, struct kr_error *error)
{
    struct kr_preview *preview = malloc(sizeof *preview);
    enum kr_err err = preview == NULL ? KR_NOMEM : KR_OK;
    for (bool more = true; err == KR_OK && more;) {
        struct kr_writer body, args;
        struct kr_slice result;
        kr_writer_init(&body, KR_BODY_BYTES_MAX);
        kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX);
        err = kr_sending_body(sending, part, &body);
        if (err == KR_OK) {
            sending->request.body = (struct kr_slice){body.bytes, body.len};
            kr_submit_write(&sending->request, &args);
            sending->request.body = (struct kr_slice){0};
            err = kr_writer_finish(&args);
        }
        if (err == KR_OK) {
            err = kr_conn_call(sending->conn, KR_OP_PREVIEW, (struct kr_slice){args.bytes, args.len}, KR_ANSWER_MS, NULL, NULL,
                               &result, error);
        }
        if (err == KR_OK && (kr_preview_read(result, preview) != KR_OK || drop_named(sending, part, preview, &more) != KR_OK)) {
            err = kr_fail(error, KR_MALFORMED, "the node's answer cannot be read");
        }
        kr_writer_deinit(&body);
        kr_writer_deinit(&args);
    }
    free(preview);
    return err;
}

/* A pass belongs to a connection: over another one, what is not done is asked anew. */
static struct kr_sending_pass *pass_of(struct kr_sending *sending)
{
    if (sending->pushed != sending->conn) {
        sending->pushing = (struct kr_sending_pass){.next = 0};
        sending->pushed = sending->conn;
    }
    return &sending->pushing;
}

enum kr_err kr_sending_push(struct kr_sending *sending, struct kr_error *error)
{
    return go_on(sending, pass_of(sending), KR_OP_SUBMIT, sending->parts.count, false, error);
}

/* Parts of which a guard held something back, without it. What has nothing left need not go, unless others count on it. */
static enum kr_err send_held(struct kr_sending *sending, struct kr_error *error)
{
    bool is_any = false;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; err == KR_OK && i < sending->parts.count; i++) {
        if (sending->sent[i].is_held) {
            is_any = true;
            err = kr_sending_hold_back(sending, i, error);
            sending->sent[i].is_held = err != KR_OK;
        }
    }
    if (err == KR_OK && is_any && sending->parts.count == 1 && kr_sending_indicators(sending, 0) == 0) {
        return KR_OK;
    }
    if (err == KR_OK && is_any) {
        struct kr_sending_pass pass = {0};
        err = go_on(sending, &pass, KR_OP_SUBMIT, sending->parts.count, true, error);
    }
    for (uint32_t i = 0; err == KR_OK && i < sending->parts.count; i++) {
        err = sending->sent[i].is_held ? kr_fail(error, KR_GUARDED, "the node's guards changed meanwhile: try again") : KR_OK;
    }
    return err;
}

enum kr_err kr_sending_send(struct kr_sending *sending, struct kr_error *error)
{
    enum kr_err err = kr_sending_prepare(sending);
    if (err != KR_OK) {
        return kr_fail(error, err, "no memory for the submission");
    }
    struct kr_sending_pass *pass = pass_of(sending);
    err = go_on(sending, pass, KR_OP_SUBMIT, sending->parts.count, true, error);
    sending->pushed = NULL; /* what comes next begins anew */
    return err == KR_OK ? send_held(sending, error) : err;
}

uint32_t kr_sending_done(const struct kr_sending *sending)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < sending->parts.count && sending->sent != NULL; i++) {
        done += sending->sent[i].is_done ? 1 : 0;
    }
    return done;
}
