#include "proto/record/duty.h"

#include <stdlib.h>

#include "proto/record/record.h"

#define KINDS  (1u << KR_KIND_REPORT | 1u << KR_KIND_ADVISORY | 1u << KR_KIND_SIGHTING)
#define LABELS (1u << KR_TLP_CLEAR | 1u << KR_TLP_GREEN | 1u << KR_TLP_AMBER)

bool kr_consent_is_sound(uint32_t kinds, uint32_t labels)
{
    return kinds != 0 && (kinds & ~KINDS) == 0 && labels != 0 && (labels & ~LABELS) == 0;
}

static void expect(struct kr_reader *reader, uint32_t type)
{
    const uint64_t version = kr_reader_uint(reader, 1), found = kr_reader_uint(reader, UINT32_MAX);
    if (reader->err == KR_OK && (version != 1 || found != type)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
}

static bool is_whole(const struct kr_consent *consent)
{
    const bool needs_community = (consent->labels & 1u << KR_TLP_GREEN) != 0;
    const bool needs_councils = (consent->labels & 1u << KR_TLP_AMBER) != 0;
    return kr_consent_is_sound(consent->kinds, consent->labels) && consent->councils.len % 32 == 0 &&
           consent->reach.len % 32 == 0 && needs_community == (consent->community.len > 0) &&
           needs_councils == (consent->councils.len > 0);
}

enum kr_err kr_consent_parse(struct kr_slice content, struct kr_consent *ret_consent)
{
    struct kr_reader reader;
    struct kr_consent consent;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 15);
    expect(&reader, KR_DUTY_CONSENT);
    consent.kinds = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    consent.labels = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    consent.community = kr_reader_bin_or_empty(&reader, 32);
    consent.councils = kr_reader_bin(&reader, 0, KR_AUDIENCE_MAX * 32u);
    consent.reach = kr_reader_bin(&reader, 0, KR_CONSENT_REACH_MAX * 32u);
    consent.person = kr_reader_bin_or_empty(&reader, 32);
    consent.given_ms = kr_reader_uint(&reader, UINT64_MAX);
    consent.until_s = kr_reader_uint(&reader, UINT64_MAX);
    consent.reason = kr_reader_str(&reader, KR_OPENING_BYTES_MAX);
    consent.by = kr_reader_bin_or_empty(&reader, 32);
    consent.ended_ms = kr_reader_uint(&reader, UINT64_MAX);
    consent.ended_by = kr_reader_bin_or_empty(&reader, 32);
    consent.ended_reason = kr_reader_str(&reader, KR_OPENING_BYTES_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && !is_whole(&consent)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_consent = consent;
    }
    return err;
}

void kr_consent_write(const struct kr_consent *consent, struct kr_writer *writer)
{
    kr_writer_array(writer, 15);
    kr_writer_uint(writer, 1);
    kr_writer_uint(writer, KR_DUTY_CONSENT);
    kr_writer_uint(writer, consent->kinds);
    kr_writer_uint(writer, consent->labels);
    kr_writer_slice(writer, consent->community);
    kr_writer_slice(writer, consent->councils);
    kr_writer_slice(writer, consent->reach);
    kr_writer_slice(writer, consent->person);
    kr_writer_uint(writer, consent->given_ms);
    kr_writer_uint(writer, consent->until_s);
    kr_writer_str_slice(writer, consent->reason);
    kr_writer_slice(writer, consent->by);
    kr_writer_uint(writer, consent->ended_ms);
    kr_writer_slice(writer, consent->ended_by);
    kr_writer_str_slice(writer, consent->ended_reason);
}

uint32_t kr_duty_entries_read(struct kr_reader *reader, struct kr_duty_entry *ret_entries)
{
    const uint32_t count = kr_reader_array_between(reader, 0, KR_DUTY_ENTRIES_MAX);
    for (uint32_t i = 0; i < count; i++) {
        kr_reader_array(reader, 3);
        kr_reader_fixed(reader, ret_entries[i].person, 32);
        ret_entries[i].from_s = kr_reader_uint(reader, UINT64_MAX);
        ret_entries[i].until_s = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_close(reader);
        if (reader->err == KR_OK && ret_entries[i].from_s >= ret_entries[i].until_s) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
    }
    kr_reader_close(reader);
    return reader->err == KR_OK ? count : 0;
}

void kr_duty_entries_write(const struct kr_duty_entry *entries, uint32_t count, struct kr_writer *writer)
{
    kr_writer_array(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(writer, 3);
        kr_writer_bin(writer, entries[i].person, 32);
        kr_writer_uint(writer, entries[i].from_s);
        kr_writer_uint(writer, entries[i].until_s);
    }
}

enum kr_err kr_duty_roster_parse(struct kr_slice content, struct kr_duty_roster *ret_roster)
{
    struct kr_reader reader;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 5);
    expect(&reader, KR_DUTY_ROSTER);
    ret_roster->by = kr_reader_bin_or_empty(&reader, 32);
    ret_roster->changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    ret_roster->count = kr_duty_entries_read(&reader, ret_roster->entries);
    kr_reader_close(&reader);
    return kr_reader_end(&reader);
}

void kr_duty_roster_write(const struct kr_duty_roster *roster, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, 1);
    kr_writer_uint(writer, KR_DUTY_ROSTER);
    kr_writer_slice(writer, roster->by);
    kr_writer_uint(writer, roster->changed_ms);
    kr_duty_entries_write(roster->entries, roster->count, writer);
}

uint32_t kr_duty_type(struct kr_slice content)
{
    struct kr_reader reader;
    kr_reader_init(&reader, content.bytes, content.len);
    (void)kr_reader_array_between(&reader, 2, 64);
    (void)kr_reader_uint(&reader, UINT32_MAX);
    const uint64_t type = kr_reader_uint(&reader, UINT32_MAX);
    return reader.err == KR_OK && type <= KR_DUTY_ROSTER ? (uint32_t)type : 0;
}

enum kr_err kr_duty_check(struct kr_slice content)
{
    struct kr_consent consent;
    if (kr_duty_type(content) != KR_DUTY_ROSTER) {
        return kr_consent_parse(content, &consent);
    }
    struct kr_duty_roster *roster = malloc(sizeof *roster);
    enum kr_err err = roster == NULL ? KR_NOMEM : kr_duty_roster_parse(content, roster);
    free(roster);
    return err;
}
