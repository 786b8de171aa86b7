#include "proto/record/ticket_word.h"

#include <string.h>

#include "crypto/hash.h"
#include "proto/record/record.h"

#define VERSION        1u
#define MACHINE_DOMAIN "kairan ticket machine"
#define COUNCIL_DOMAIN "kairan ticket council"

enum kr_err kr_ticket_word_parse(struct kr_slice content, struct kr_ticket_word *ret_word)
{
    struct kr_reader reader;
    struct kr_ticket_word word = {0};
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 8);
    if (kr_reader_uint(&reader, UINT32_MAX) != VERSION) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    word.what = (uint32_t)kr_reader_uint(&reader, KR_TICKET_JOINED);
    kr_reader_fixed(&reader, word.ticket, 32);
    kr_reader_fixed(&reader, word.person, 32);
    word.has_machine = kr_reader_fixed_or_empty(&reader, word.machine, 32);
    word.at_ms = kr_reader_uint(&reader, KR_CREATED_MS_MAX);
    word.expires_s = kr_reader_uint(&reader, KR_CREATED_MS_MAX / 1000);
    word.previous = kr_reader_bin(&reader, 0, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    const bool is_made = word.what == KR_TICKET_OPEN || word.what == KR_TICKET_INVITED || word.what == KR_TICKET_INVITED_BY_HAND;
    if (err == KR_OK &&
        (word.what < KR_TICKET_OPEN || word.has_machine == is_made || (word.previous.len != 0 && word.previous.len != 32))) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        *ret_word = word;
    }
    return err;
}

void kr_ticket_word_write(const struct kr_ticket_word *word, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_uint(writer, VERSION);
    kr_writer_uint(writer, word->what);
    kr_writer_bin(writer, word->ticket, 32);
    kr_writer_bin(writer, word->person, 32);
    kr_writer_bin(writer, word->machine, word->has_machine ? 32 : 0);
    kr_writer_uint(writer, word->at_ms);
    kr_writer_uint(writer, word->expires_s);
    kr_writer_slice(writer, word->previous);
}

void kr_ticket_word_subject(const struct kr_ticket_word *word, uint8_t ret_subject[static 32])
{
    struct kr_hash_state state;
    switch (word->what) {
    case KR_TICKET_USED:
    case KR_TICKET_OVER:
    case KR_TICKET_JOINED:
        kr_hash_init(&state, word->what == KR_TICKET_JOINED ? COUNCIL_DOMAIN : MACHINE_DOMAIN);
        kr_hash_update(&state, word->ticket, 32);
        kr_hash_update(&state, word->machine, 32);
        kr_hash_final(&state, ret_subject);
        break;
    default:
        memcpy(ret_subject, word->ticket, 32);
    }
}
