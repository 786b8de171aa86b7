#include "proto/record/header.h"

#include <stdlib.h>
#include <string.h>

#define ROUTING_FIELDS     16u
#define ROUTING_FIELDS_MAX 64u        /* room for what newer format versions append */
#define ID_STRIDE          (2u + 32u) /* bin head and id */

const char *kr_kind_name(uint32_t kind)
{
    switch (kind) {
    case KR_KIND_REPORT:
        return "report";
    case KR_KIND_ADVISORY:
        return "advisory";
    case KR_KIND_NOTICE:
        return "notice";
    case KR_KIND_INQUIRY:
        return "inquiry";
    case KR_KIND_SIGHTING:
        return "sighting";
    case KR_KIND_RETRACTION:
        return "retraction";
    case KR_KIND_REVISION:
        return "revision";
    case KR_KIND_RECEIPT:
        return "receipt";
    case KR_KIND_RELEASE_REQUEST:
        return "release request";
    case KR_KIND_RELEASE:
        return "release";
    case KR_KIND_COMMENT:
        return "comment";
    case KR_KIND_COUNCIL_CARD:
        return "council card";
    case KR_KIND_CHARTER:
        return "charter";
    case KR_KIND_VOUCH:
        return "vouch";
    case KR_KIND_EXPULSION:
        return "expulsion";
    case KR_KIND_BODY_CARD:
        return "body card";
    case KR_KIND_PERSON_CARD:
        return "person card";
    case KR_KIND_BODY_NOTICE:
        return "body notice";
    case KR_KIND_BODY_KEY:
        return "body key";
    case KR_KIND_DRAFT:
        return "draft";
    case KR_KIND_DUTY:
        return "duty";
    case KR_KIND_PEER_LINK:
        return "peer link";
    case KR_KIND_PEER_ROOT:
        return "peer root key";
    case KR_KIND_TICKET:
        return "ticket";
    case KR_KIND_REVOCATION:
        return "revocation";
    default:
        return "unknown";
    }
}

bool kr_kind_is_replaceable(uint32_t kind)
{
    return kind == KR_KIND_RECEIPT || kr_kind_is_of_council(kind);
}

bool kr_kind_is_statement(uint32_t kind)
{
    return kind == KR_KIND_COUNCIL_CARD || kind == KR_KIND_CHARTER || kind == KR_KIND_VOUCH || kind == KR_KIND_EXPULSION ||
           kind == KR_KIND_REVOCATION;
}

bool kr_kind_is_internal(uint32_t kind)
{
    return kind == KR_KIND_BODY_CARD || kind == KR_KIND_PERSON_CARD || kind == KR_KIND_BODY_KEY || kind == KR_KIND_DRAFT ||
           kind == KR_KIND_DUTY || kind == KR_KIND_PEER_LINK || kind == KR_KIND_PEER_ROOT || kind == KR_KIND_TICKET;
}

bool kr_kind_is_of_council(uint32_t kind)
{
    return kind == KR_KIND_BODY_NOTICE || kr_kind_is_statement(kind) || kr_kind_is_internal(kind);
}

bool kr_kind_takes_back(uint32_t kind)
{
    return kind == KR_KIND_RETRACTION || kind == KR_KIND_REVISION;
}

const uint8_t *kr_header_audience_at(const struct kr_header *header, uint32_t i)
{
    KR_ASSERT(i < header->audience_count);
    return header->audience + (size_t)i * ID_STRIDE;
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

bool kr_header_addresses(const struct kr_header *header, const uint8_t council[static 32])
{
    const uint32_t count = header->audience_count; /* sorted */
    return count > 0 && bsearch(council, header->audience, count, ID_STRIDE, compare_ids) != NULL;
}

static void read_label(struct kr_reader *reader, struct kr_header *header, bool *ret_is_known)
{
    uint64_t number = kr_reader_uint(reader, UINT32_MAX);

    *ret_is_known = number >= KR_TLP_CLEAR && number <= KR_TLP_RED;
    if (*ret_is_known) {
        header->label = (enum kr_label)number;
    } else if (header->format > KR_RECORD_FORMAT) {
        header->label = KR_TLP_RED;
    } else {
        kr_reader_fail(reader, KR_MALFORMED);
    }
}

static void read_audience(struct kr_reader *reader, struct kr_header *header)
{
    const uint8_t *previous = NULL;

    header->audience_count = kr_reader_array_between(reader, 0, KR_AUDIENCE_MAX);
    for (uint32_t i = 0; i < header->audience_count; i++) {
        struct kr_slice id = kr_reader_bin(reader, 32, 32);

        if (reader->err != KR_OK) {
            return;
        }
        if (previous == NULL) {
            header->audience = id.bytes;
        } else if (memcmp(previous, id.bytes, 32) >= 0) {
            kr_reader_fail(reader, KR_MALFORMED);
        }
        previous = id.bytes;
    }
    kr_reader_close(reader);
}

static void check_times(struct kr_reader *reader, const struct kr_header *header)
{
    uint64_t created_s = header->created_ms / 1000;

    if (header->expires_s <= created_s) {
        kr_reader_fail(reader, KR_MALFORMED);
    } else if (header->expires_s - created_s > KR_EXPIRES_S_MAX) {
        kr_reader_fail(reader, KR_BOUNDS);
    }
}

/* What the label demands of the other fields. Relaying as ciphertext is for the two amber labels only: open ones travel anyway, and
 * RED rests with the councils of the named persons. Statements are open: every node must compute the same directory from them. */
static bool label_rules_hold(const struct kr_header *header)
{
    uint8_t no_slots[KR_HASH_BYTES];
    bool has_slots;

    kr_slots_hash(no_slots, (struct kr_slice){0});
    has_slots = memcmp(header->slots_hash, no_slots, sizeof no_slots) != 0;
    if (header->kind == KR_KIND_BODY_NOTICE && header->label != KR_TLP_GREEN) {
        return false; /* what the body agreed to is a list within a community */
    }
    if (kr_label_is_sealed(header->label)) {
        return !kr_kind_is_statement(header->kind) && header->has_commitment && kr_pad_class_bytes(header->pad_class) != 0 &&
               header->audience_count > 0 && has_slots && (!header->has_relay || header->label != KR_TLP_RED);
    }
    return !header->has_commitment && header->pad_class == 0 && header->audience_count == 0 && !has_slots && !header->has_relay &&
           (header->label != KR_TLP_GREEN || header->has_community);
}

static bool body_is_empty(const struct kr_header *header)
{
    uint8_t no_body[KR_HASH_BYTES];

    kr_body_hash(no_body, (struct kr_slice){0});
    return memcmp(header->body_hash, no_body, sizeof no_body) == 0;
}

enum kr_err kr_header_prefix(struct kr_slice header, struct kr_header *ret_header)
{
    if (header.len <= KR_RECORD_PREFIX_BYTES) {
        return KR_MALFORMED;
    }
    if (header.bytes[0] < KR_RECORD_FORMAT || header.bytes[1] != KR_RECORD_SUITE) {
        return KR_VERSION;
    }
    ret_header->format = header.bytes[0];
    ret_header->suite = header.bytes[1];
    memcpy(ret_header->author, header.bytes + 2, 32);
    memcpy(ret_header->signing_key, header.bytes + 34, 32);
    return KR_OK;
}

enum kr_err kr_header_parse(struct kr_slice header, struct kr_header *ret_header)
{
    struct kr_header parsed = {0};
    struct kr_reader reader;
    uint32_t fields;
    bool label_is_known;
    enum kr_err err = kr_header_prefix(header, &parsed);

    if (err != KR_OK) {
        return err;
    }
    kr_reader_init(&reader, header.bytes + KR_RECORD_PREFIX_BYTES, header.len - KR_RECORD_PREFIX_BYTES);
    fields =
        kr_reader_array_between(&reader, ROUTING_FIELDS, parsed.format == KR_RECORD_FORMAT ? ROUTING_FIELDS : ROUTING_FIELDS_MAX);
    parsed.kind = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    parsed.created_ms = kr_reader_uint(&reader, KR_CREATED_MS_MAX);
    parsed.expires_s = kr_reader_uint(&reader, UINT64_MAX);
    read_label(&reader, &parsed, &label_is_known);
    parsed.has_community = kr_reader_fixed_or_empty(&reader, parsed.community, 32);
    read_audience(&reader, &parsed);
    parsed.has_relay = kr_reader_fixed_or_empty(&reader, parsed.relay, 32);
    parsed.flags = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    parsed.has_subject = kr_reader_fixed_or_empty(&reader, parsed.subject, 32);
    parsed.version = kr_reader_uint(&reader, UINT64_MAX);
    parsed.has_target = kr_reader_fixed_or_empty(&reader, parsed.target, 32);
    kr_reader_fixed(&reader, parsed.nonce, sizeof parsed.nonce);
    parsed.pad_class = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    parsed.has_commitment = kr_reader_fixed_or_empty(&reader, parsed.commitment, 32);
    parsed.ad_len = (size_t)(reader.at - header.bytes);
    kr_reader_fixed(&reader, parsed.slots_hash, 32);
    kr_reader_fixed(&reader, parsed.body_hash, 32);
    for (uint32_t i = ROUTING_FIELDS; i < fields; i++) {
        kr_reader_skip(&reader);
    }
    kr_reader_close(&reader);
    err = kr_reader_end(&reader);
    if (err != KR_OK) {
        return err;
    }
    check_times(&reader, &parsed);
    /* A label of a newer version has rules of its own, which we cannot know; it reads as RED and so opens to nobody here. */
    if (parsed.kind == 0 || body_is_empty(&parsed) || (label_is_known && !label_rules_hold(&parsed))) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (reader.err == KR_OK) {
        *ret_header = parsed;
    }
    return reader.err;
}
