#include "proto/client/community.h"

#include <string.h>

void kr_community_item_write(const struct kr_community_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 11);
    kr_writer_bin(writer, item->id, 32);
    kr_writer_str_slice(writer, item->name);
    kr_writer_str_slice(writer, item->text);
    kr_writer_uint(writer, item->created_ms);
    kr_writer_uint(writer, item->founders);
    kr_writer_uint(writer, item->members);
    kr_writer_uint(writer, item->vouches_needed);
    kr_writer_uint(writer, item->quorum);
    kr_writer_uint(writer, item->standing);
    kr_writer_flag(writer, item->is_from_now_on);
    kr_writer_uint(writer, item->since_ms);
}

enum kr_err kr_community_item_read(struct kr_slice bytes, struct kr_community_item *ret_item)
{
    struct kr_community_item item = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 11);
    kr_reader_fixed(&reader, item.id, 32);
    item.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.text = kr_reader_str(&reader, KR_TEXT_BYTES_MAX);
    item.created_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.founders = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.members = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.vouches_needed = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.quorum = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.standing = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.is_from_now_on = kr_reader_flag(&reader);
    item.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_item = item;
    }
    return reader.err;
}

void kr_community_ask_write(const struct kr_community_ask *ask, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_bin(writer, ask->community, 32);
    kr_writer_bin(writer, ask->council, ask->has_council ? 32 : 0);
}

enum kr_err kr_community_ask_read(struct kr_slice bytes, struct kr_community_ask *ret_ask)
{
    struct kr_community_ask ask = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, ask.community, 32);
    ask.has_council = kr_reader_fixed_or_empty(&reader, ask.council, 32);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_ask = ask;
    }
    return reader.err;
}

void kr_community_council_write(const struct kr_community_council *council, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_bin(writer, council->council, 32);
    kr_writer_str_slice(writer, council->name);
    kr_writer_uint(writer, council->standing);
    kr_writer_flag(writer, council->is_self);
    kr_writer_flag(writer, council->is_linked);
    kr_writer_uint(writer, council->vouches);
    kr_writer_uint(writer, council->expulsions);
    kr_writer_uint(writer, council->since_ms);
}

enum kr_err kr_community_council_read(struct kr_slice bytes, struct kr_community_council *ret_council)
{
    struct kr_community_council council = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    kr_reader_fixed(&reader, council.council, 32);
    council.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    council.standing = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    council.is_self = kr_reader_flag(&reader);
    council.is_linked = kr_reader_flag(&reader);
    council.vouches = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    council.expulsions = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    council.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_council = council;
    }
    return reader.err;
}

void kr_community_word_write(const struct kr_community_word *word, struct kr_writer *writer)
{
    kr_writer_array(writer, 9);
    kr_writer_bin(writer, word->from, 32);
    kr_writer_bin(writer, word->to, 32);
    kr_writer_str_slice(writer, word->from_name);
    kr_writer_str_slice(writer, word->to_name);
    kr_writer_flag(writer, word->is_expulsion);
    kr_writer_flag(writer, word->is_withdrawn);
    kr_writer_uint(writer, word->standing);
    kr_writer_uint(writer, word->created_ms);
    kr_writer_str_slice(writer, word->reason);
}

enum kr_err kr_community_word_read(struct kr_slice bytes, struct kr_community_word *ret_word)
{
    struct kr_community_word word = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 9);
    kr_reader_fixed(&reader, word.from, 32);
    kr_reader_fixed(&reader, word.to, 32);
    word.from_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    word.to_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    word.is_expulsion = kr_reader_flag(&reader);
    word.is_withdrawn = kr_reader_flag(&reader);
    word.standing = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    word.created_ms = kr_reader_uint(&reader, UINT64_MAX);
    word.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_word = word;
    }
    return reader.err;
}

void kr_say_write(const struct kr_say *say, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_bin(writer, say->community, say->has_community ? 32 : 0);
    kr_writer_bin(writer, say->council, 32);
    kr_writer_flag(writer, say->is_expulsion);
    kr_writer_flag(writer, say->is_withdrawn);
    kr_writer_str_slice(writer, say->reason);
}

enum kr_err kr_say_read(struct kr_slice bytes, struct kr_say *ret_say)
{
    struct kr_say say = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    say.has_community = kr_reader_fixed_or_empty(&reader, say.community, 32);
    kr_reader_fixed(&reader, say.council, 32);
    say.is_expulsion = kr_reader_flag(&reader);
    say.is_withdrawn = kr_reader_flag(&reader);
    say.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_say = say;
    }
    return reader.err;
}

static bool is_named(struct kr_slice name, const char *as)
{
    return name.len == strlen(as) && memcmp(name.bytes, as, name.len) == 0;
}

enum kr_err kr_newcomers_parse(struct kr_slice name, bool *ret_is_from_now_on)
{
    const bool is_from_now_on = is_named(name, KR_NEWCOMERS_FROM_NOW_ON);
    if (name.len > 0 && !is_from_now_on && !is_named(name, KR_NEWCOMERS_PAST)) {
        return KR_INVALID;
    }
    *ret_is_from_now_on = is_from_now_on;
    return KR_OK;
}

void kr_founding_write(const struct kr_founding *found, struct kr_writer *writer)
{
    kr_writer_array(writer, 6);
    kr_writer_str_slice(writer, found->name);
    kr_writer_str_slice(writer, found->text);
    kr_writer_uint(writer, found->vouches_needed);
    kr_writer_uint(writer, found->quorum);
    kr_writer_flag(writer, found->is_from_now_on);
    kr_writer_array(writer, found->founder_count);
    for (uint32_t i = 0; i < found->founder_count; i++) {
        kr_writer_bin(writer, found->founders[i], 32);
    }
}

enum kr_err kr_founding_read(struct kr_slice bytes, struct kr_founding *ret_found)
{
    struct kr_founding found = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 6);
    found.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    found.text = kr_reader_str(&reader, KR_TEXT_BYTES_MAX);
    found.vouches_needed = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    found.quorum = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    found.is_from_now_on = kr_reader_flag(&reader);
    found.founder_count = kr_reader_array_between(&reader, 0, KR_FOUNDERS_MAX);
    for (uint32_t i = 0; i < found.founder_count && reader.err == KR_OK; i++) {
        kr_reader_fixed(&reader, found.founders[i], 32);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_found = found;
    }
    return reader.err;
}
