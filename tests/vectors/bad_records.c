/* Records that must be refused, each wrong in exactly one way; all but those about the signature are properly signed. */
#include "tests/vectors/vectors.h"

/* Bytes with a name, the word for what is wrong, and the error that this implementation gives. */
static void write_bad(struct json *json, const char *name, const char *word, struct bytes bytes)
{
    struct kr_record record;
    struct kr_header header;
    uint8_t *content = NULL;
    size_t content_len;
    const char *stage = "split";
    enum kr_err err = kr_record_split(bytes.at, bytes.len, &record);

    if (err == KR_OK) {
        stage = "verify";
        err = kr_record_verify(&record);
    }
    if (err == KR_OK) {
        stage = "header";
        err = kr_header_parse(record.header, &header);
    }
    if (err == KR_OK) {
        stage = "open";
        err = kr_record_open(&record, &header, &reader_council.keyring, &content, &content_len);
    }
    KR_ASSERT(err != KR_OK);
    json_open(json, NULL, '{');
    json_text(json, "name", name);
    json_text(json, "bad", word);
    json_text(json, "stage", stage);
    json_text(json, "error", kr_err_name(err));
    json_hex(json, "bytes", bytes.at, bytes.len);
    json_close(json, '}');
    free(bytes.at);
}

/* A copy with `len` bytes, of which those behind the original's are zero. */
static struct bytes resized(struct bytes bytes, size_t len)
{
    struct bytes copy = {.at = calloc(1, len), .len = len};

    KR_ASSERT(copy.at != NULL);
    memcpy(copy.at, bytes.at, len < bytes.len ? len : bytes.len);
    return copy;
}

static struct bytes flipped(struct bytes bytes, size_t at)
{
    struct bytes copy = resized(bytes, bytes.len);

    copy.at[at] ^= 1;
    return copy;
}

/* Damage to the bytes and to the signature. */
static void write_damaged(struct json *json, struct bytes clear, const struct kr_record *record)
{
    size_t body_at = (size_t)(record->body.bytes - clear.at);
    struct bytes longer = resized(clear, clear.len + 1);

    write_bad(json, "cut by one byte", "cut short", resized(clear, clear.len - 1));
    write_bad(json, "one byte more", "trailing bytes", resized(clear, clear.len + 1));
    /* The body's length in two bytes instead of one. */
    longer.at[body_at - 2] = 0xc5;
    longer.at[body_at - 1] = 0;
    memcpy(longer.at + body_at, clear.at + body_at - 1, clear.len - body_at + 1);
    write_bad(json, "a length in a longer form", "longer form", longer);
    write_bad(json, "a bit of the signature", "signature", flipped(clear, clear.len - 1));
    write_bad(json, "a bit of the header", "signature", flipped(clear, (size_t)(record->header.bytes - clear.at) + 70));
    write_bad(json, "a bit of the author's id", "signature", flipped(clear, (size_t)(record->header.bytes - clear.at) + 2));
    write_bad(json, "signed by another key", "signature",
              sign_parts(record->header, record->slots, record->body, &stranger_council));
    write_bad(json, "a bit of the body", "body hash", flipped(clear, body_at));
    write_bad(json, "slots where the header has none", "slots hash",
              sign_parts(record->header, slice("\x90", 1), record->body, &writer_council));
}

/* Replaces one field and signs. */
static struct bytes with_field(const struct kr_record *record, enum field field, struct bytes by, uint8_t format)
{
    struct bytes header = forge_header(record->header, field, slice(by.at, by.len), format, (struct kr_slice){0}, 0);
    struct bytes bytes = sign_parts(slice(header.at, header.len), record->slots, record->body, &writer_council);

    free(header.at);
    free(by.at);
    return bytes;
}

static struct bytes with_uint(const struct kr_record *record, enum field field, uint64_t value)
{
    return with_field(record, field, encoded_uint(value), 1);
}

static struct bytes with_bin(const struct kr_record *record, enum field field, const void *bytes, size_t len)
{
    return with_field(record, field, encoded_bin(bytes, len), 1);
}

/* An audience of `count` ids whose first two bytes count up by `step`. */
static struct bytes with_audience(const struct kr_record *record, uint32_t count, int step)
{
    struct kr_writer writer;
    struct bytes audience = {0};
    uint8_t id[32] = {0};
    uint32_t number = 1000;

    kr_writer_init(&writer, 64 * KR_KIB);
    kr_writer_array(&writer, count);
    for (uint32_t i = 0; i < count; i++, number += (uint32_t)step) {
        id[0] = (uint8_t)(number >> 8);
        id[1] = (uint8_t)number;
        kr_writer_bin(&writer, id, sizeof id);
    }
    KR_ASSERT(kr_writer_take(&writer, &audience.at, &audience.len) == KR_OK);
    return with_field(record, FIELD_AUDIENCE, audience, 1);
}

/* Format, suite, and what every label demands of its header. */
static void write_headers(struct json *json, const struct kr_record *clear, const struct kr_record *green,
                          const struct kr_record *amber, const struct kr_record *red)
{
    static const uint8_t id[32] = {9};
    struct bytes header = forge_header(clear->header, FIELD_COUNT, (struct kr_slice){0}, 1, slice("\x00", 1), 1);
    uint8_t hash[32];

    write_bad(json, "17 fields in format 1", "fields",
              sign_parts(slice(header.at, header.len), clear->slots, clear->body, &writer_council));
    header.at[0] = 0;
    write_bad(json, "format 0", "format", sign_parts(slice(header.at, header.len), clear->slots, clear->body, &writer_council));
    header.at[0] = 1;
    header.at[1] = 2;
    write_bad(json, "suite 2", "suite", sign_parts(slice(header.at, header.len), clear->slots, clear->body, &writer_council));
    free(header.at);
    write_bad(json, "kind 0", "kind", with_uint(clear, FIELD_KIND, 0));
    write_bad(json, "unlabelled", "label", with_uint(clear, FIELD_LABEL, 0));
    write_bad(json, "label 6 in format 1", "label", with_uint(clear, FIELD_LABEL, 6));
    write_bad(json, "expires when created", "times", with_uint(clear, FIELD_EXPIRES, CREATED_MS / 1000));
    write_bad(json, "lives longer than ten years", "times",
              with_uint(clear, FIELD_EXPIRES, CREATED_MS / 1000 + KR_EXPIRES_S_MAX + 1));
    write_bad(json, "created after the year 9999", "times", with_uint(clear, FIELD_CREATED, KR_CREATED_MS_MAX + 1));
    write_bad(json, "clear with a relay", "open fields", with_bin(clear, FIELD_RELAY, id, 32));
    write_bad(json, "clear with a pad class", "open fields", with_uint(clear, FIELD_PAD_CLASS, 1));
    write_bad(json, "clear with an audience", "open fields", with_audience(clear, 1, 1));
    write_bad(json, "green without a community", "community", with_bin(green, FIELD_COMMUNITY, NULL, 0));
    write_bad(json, "amber without a commitment", "sealed fields", with_bin(amber, FIELD_COMMITMENT, NULL, 0));
    write_bad(json, "amber with pad class 22", "sealed fields", with_uint(amber, FIELD_PAD_CLASS, 22));
    write_bad(json, "amber without an audience", "sealed fields", with_audience(amber, 0, 1));
    write_bad(json, "a council card that is amber", "sealed statement", with_uint(amber, FIELD_KIND, KR_KIND_COUNCIL_CARD));
    write_bad(json, "a vouch that is red", "sealed statement", with_uint(red, FIELD_KIND, KR_KIND_VOUCH));
    write_bad(json, "a body notice that is clear", "notice", with_uint(clear, FIELD_KIND, KR_KIND_BODY_NOTICE));
    write_bad(json, "a body notice that is amber", "notice", with_uint(amber, FIELD_KIND, KR_KIND_BODY_NOTICE));
    write_bad(json, "an audience out of order", "audience", with_audience(amber, 2, -1));
    write_bad(json, "a council twice in the audience", "audience", with_audience(amber, 2, 0));
    write_bad(json, "257 councils", "audience", with_audience(amber, 257, 1));
    write_bad(json, "red with a relay", "relay", with_bin(red, FIELD_RELAY, id, 32));
    write_bad(json, "a target of 31 bytes", "length", with_bin(clear, FIELD_TARGET, id, 31));
    kr_hash(hash, "kairan body", NULL, 0);
    header = encoded_bin(hash, sizeof hash);
    {
        struct bytes empty = forge_header(clear->header, FIELD_BODY_HASH, slice(header.at, header.len), 1, (struct kr_slice){0}, 0);

        write_bad(json, "never had a body", "empty body",
                  sign_parts(slice(empty.at, empty.len), (struct kr_slice){0}, (struct kr_slice){0}, &writer_council));
        free(empty.at);
    }
    free(header.at);
}

/* BE32 length ‖ inner ‖ zeros, sealed to the reader; `last` replaces the last byte of the padding. */
static struct bytes sealed(const uint8_t author[32], uint8_t length, uint8_t last)
{
    uint8_t padded[256] = {0, 0, 0, length, 0x92, 0xc4, 32};

    memcpy(padded + 7, author, 32);
    memcpy(padded + 39, "\xc4\x01x", 3);
    padded[255] = last;
    return seal_anything(padded, sizeof padded, &writer_council, &reader_council);
}

/* Right outside, wrong for whoever opens them. */
static void write_sealed(struct json *json, const struct kr_record *amber)
{
    static const uint8_t id[32] = {9};
    const struct council *stranger = &stranger_council;
    struct kr_draft draft = draft_for(KR_TLP_AMBER, &stranger, 1, "not for the reader");

    write_bad(json, "no slot for the reader", "no slot", make_record(&draft, &writer_council));
    write_bad(json, "a commitment to another key", "commitment", with_bin(amber, FIELD_COMMITMENT, id, 32));
    write_bad(json, "flags changed after sealing", "tag", with_uint(amber, FIELD_FLAGS, 2));
    write_bad(json, "a body of another class", "body length", with_uint(amber, FIELD_PAD_CLASS, 2));
    write_bad(json, "somebody else's author inside", "inner author", sealed(stranger->id, 38, 0));
    write_bad(json, "padding that is not zero", "padding", sealed(writer_council.id, 38, 1));
    write_bad(json, "an inner length past the class", "padding", sealed(writer_council.id, 253, 0));
    write_bad(json, "a byte behind the inner array", "trailing bytes", sealed(writer_council.id, 39, 0));
}

void vectors_bad_records(struct json *json)
{
    const struct council *reader = &reader_council;
    struct kr_draft drafts[] = {draft_for(KR_TLP_CLEAR, NULL, 0, "for anyone"), draft_for(KR_TLP_GREEN, NULL, 0, "for members"),
                                draft_for(KR_TLP_AMBER, &reader, 1, "for one"), draft_for(KR_TLP_RED, &reader, 1, "for one")};
    struct bytes bytes[4];
    struct kr_record records[4];

    for (size_t i = 0; i < 4; i++) {
        bytes[i] = make_record(&drafts[i], &writer_council);
        KR_ASSERT(kr_record_split(bytes[i].at, bytes[i].len, &records[i]) == KR_OK);
    }
    json_open(json, "bad_records", '[');
    write_damaged(json, bytes[0], &records[0]);
    write_headers(json, &records[0], &records[1], &records[2], &records[3]);
    write_sealed(json, &records[2]);
    json_close(json, ']');
    for (size_t i = 0; i < 4; i++) {
        free(bytes[i].at);
    }
}
