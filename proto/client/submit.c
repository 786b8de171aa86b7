/* What clients ask for: submissions, invitations, lists. */
#include "proto/client/client.h"
#include "proto/wire/ticket.h"

void kr_submit_write(const struct kr_submit *submit, struct kr_writer *writer)
{
    kr_writer_array(writer, 10);
    kr_writer_bin(writer, submit->token, sizeof submit->token);
    kr_writer_uint(writer, submit->kind);
    kr_writer_uint(writer, (uint64_t)submit->label);
    kr_writer_bin(writer, submit->community, submit->has_community ? 32 : 0);
    kr_writer_uint(writer, submit->flags);
    kr_writer_uint(writer, submit->expires_s);
    kr_writer_array(writer, submit->audience_count);
    for (uint32_t i = 0; i < submit->audience_count; i++) {
        kr_writer_bin(writer, submit->audience[i], 32);
    }
    kr_writer_flag(writer, submit->is_forced);
    kr_writer_str_slice(writer, submit->reason);
    kr_writer_slice(writer, submit->body);
}

enum kr_err kr_submit_read(struct kr_slice bytes, struct kr_submit *ret_submit)
{
    struct kr_submit submit = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 10);
    kr_reader_fixed(&reader, submit.token, sizeof submit.token);
    submit.kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    /* An unlabelled submission is well formed: refusing it, with a reason, is for keeper. */
    submit.label = (enum kr_label)kr_reader_uint(&reader, KR_TLP_RED);
    submit.has_community = kr_reader_fixed_or_empty(&reader, submit.community, 32);
    submit.flags = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    submit.expires_s = kr_reader_uint(&reader, UINT64_MAX);
    submit.audience_count = kr_reader_array_between(&reader, 0, KR_CLIENT_AUDIENCE_MAX);
    for (uint32_t i = 0; i < submit.audience_count; i++) {
        kr_reader_fixed(&reader, submit.audience[i], 32);
    }
    kr_reader_close(&reader);
    submit.is_forced = kr_reader_flag(&reader);
    submit.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    submit.body = kr_reader_bin(&reader, 0, KR_BODY_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_submit = submit;
    }
    return reader.err;
}

void kr_invite_write(const struct kr_invite *invite, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, invite->ttl_s);
    kr_writer_bin(writer, invite->community, invite->has_community ? 32 : 0);
    kr_writer_flag(writer, invite->is_link_only);
    kr_writer_flag(writer, invite->is_by_hand);
}

enum kr_err kr_invite_read(struct kr_slice bytes, struct kr_invite *ret_invite)
{
    struct kr_invite invite = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    invite.ttl_s = kr_reader_uint(&reader, UINT64_MAX);
    invite.has_community = kr_reader_fixed_or_empty(&reader, invite.community, 32);
    invite.is_link_only = kr_reader_flag(&reader);
    invite.is_by_hand = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_invite = invite;
    }
    return reader.err;
}

void kr_join_write(const struct kr_join *join, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_str_slice(writer, join->ticket);
    kr_writer_flag(writer, join->is_by_hand);
}

enum kr_err kr_join_read(struct kr_slice bytes, struct kr_join *ret_join)
{
    struct kr_join join = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    join.ticket = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
    join.is_by_hand = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_join = join;
    }
    return reader.err;
}

void kr_ls_write(const struct kr_ls *ls, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, ls->kind);
    kr_writer_uint(writer, ls->label);
    kr_writer_uint(writer, ls->since_ms);
    kr_writer_uint(writer, ls->limit);
    kr_writer_bin(writer, ls->author, ls->has_author ? 32 : 0);
}

enum kr_err kr_ls_read(struct kr_slice bytes, struct kr_ls *ret_ls)
{
    struct kr_ls ls = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    ls.kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ls.label = (uint32_t)kr_reader_uint(&reader, KR_TLP_RED);
    ls.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    ls.limit = kr_reader_uint(&reader, UINT64_MAX);
    ls.has_author = kr_reader_fixed_or_empty(&reader, ls.author, 32);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_ls = ls;
    }
    return reader.err;
}
