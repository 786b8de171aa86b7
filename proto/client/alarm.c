/* Two statements of one version, as proof. */
#include <string.h>

#include "proto/client/client.h"
#include "proto/record/statement.h"

void kr_alarm_write(const struct kr_alarm *alarm, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_writer_bin(writer, alarm->council, sizeof alarm->council);
    kr_writer_str_slice(writer, alarm->name);
    kr_writer_uint(writer, alarm->noted_ms);
    kr_writer_flag(writer, alarm->is_settled);
    kr_writer_slice(writer, alarm->records[0]);
    kr_writer_slice(writer, alarm->records[1]);
    kr_writer_uint(writer, alarm->sort);
}

enum kr_err kr_alarm_read(struct kr_slice bytes, struct kr_alarm *ret_alarm)
{
    struct kr_reader reader;
    struct kr_alarm alarm;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 7);
    kr_reader_fixed(&reader, alarm.council, sizeof alarm.council);
    alarm.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    alarm.noted_ms = kr_reader_uint(&reader, UINT64_MAX);
    alarm.is_settled = kr_reader_flag(&reader);
    for (uint32_t i = 0; i < 2; i++) {
        alarm.records[i] = kr_reader_bin(&reader, 1, KR_RECORD_BYTES_MAX);
    }
    alarm.sort = (uint32_t)kr_reader_uint(&reader, KR_ALARM_DATED);
    const bool is_no_proof = alarm.sort >= KR_ALARM_ROOT && alarm.sort != KR_ALARM_DATED;
    if (is_no_proof && (alarm.records[0].len != 32 || alarm.records[1].len != 32)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_alarm = alarm;
    }
    return err;
}

static enum kr_err open_half(struct kr_slice bytes, struct kr_record *ret_record, struct kr_header *ret_header)
{
    enum kr_err err = kr_record_split(bytes.bytes, bytes.len, ret_record);
    if (err == KR_OK) {
        err = kr_record_verify(ret_record);
    }
    return err == KR_OK ? kr_header_parse(ret_record->header, ret_header) : err;
}

/* Two cards, whole, of one council, each signed by the root key that it names. */
static bool open_cards(const struct kr_record halves[static 2], const struct kr_header *a, const struct kr_header *b,
                       struct kr_card ret_cards[static 2])
{
    return a->kind == KR_KIND_COUNCIL_CARD && b->kind == KR_KIND_COUNCIL_CARD && memcmp(a->author, b->author, 32) == 0 &&
           kr_card_parse(halves[0].body, &ret_cards[0]) == KR_OK && kr_card_parse(halves[1].body, &ret_cards[1]) == KR_OK &&
           memcmp(ret_cards[0].council, a->author, 32) == 0 && memcmp(ret_cards[1].council, a->author, 32) == 0 &&
           memcmp(ret_cards[0].root_public, a->signing_key, 32) == 0 && memcmp(ret_cards[1].root_public, b->signing_key, 32) == 0;
}

/* Their re-keyings part, so one recovery key signed both; or one root key signed both, and the second dates a node key back. */
static bool cards_prove(const struct kr_record halves[static 2], const struct kr_header *a, const struct kr_header *b)
{
    struct kr_card cards[2];
    if (!open_cards(halves, a, b, cards)) {
        return false;
    }
    const bool is_dated = a->version < b->version && memcmp(a->signing_key, b->signing_key, 32) == 0 &&
                          kr_card_dates_back(&cards[0], a->created_ms, &cards[1]);
    return is_dated || !kr_rekeyings_agree(&cards[0].rekeyings, &cards[1].rekeyings);
}

enum kr_err kr_alarm_check(const struct kr_slice records[static 2], struct kr_header *ret_header)
{
    struct kr_record halves[2];
    struct kr_header headers[2];
    for (uint32_t i = 0; i < 2; i++) {
        enum kr_err err = open_half(records[i], &halves[i], &headers[i]);
        if (err != KR_OK) {
            return err;
        }
    }
    const struct kr_header *a = &headers[0], *b = &headers[1];
    const bool is_one = kr_kind_is_replaceable(a->kind) && a->kind == b->kind && a->version == b->version &&
                        memcmp(a->author, b->author, 32) == 0 && memcmp(a->signing_key, b->signing_key, 32) == 0 &&
                        memcmp(a->community, b->community, 32) == 0 && memcmp(a->subject, b->subject, 32) == 0;
    if ((!is_one || memcmp(halves[0].id, halves[1].id, 32) == 0) && !cards_prove(halves, a, b)) {
        return KR_INVALID;
    }
    *ret_header = *a;
    return KR_OK;
}
