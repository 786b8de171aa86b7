/* Inner sections: good ones, with who opens them; and those that are none, or are another record's, each wrong in one way.
 * Addresses. The reader's and the writer's sealing keys stand for a person's and a body's. */
#include "proto/record/section.h"
#include "proto/wire/address.h"
#include "tests/vectors/vectors.h"

#define COMMITMENT_AT 3u  /* array, head of a bin */
#define SLOTS_AT      36u /* behind the array's head, of eight slots */
#define ENTRY_BYTES   82u

static const uint8_t seed[32] = {0x5e, 0xc7};

static struct kr_section_of some_record(enum kr_label label)
{
    return (struct kr_section_of){.author = writer_council.id, .kind = KR_KIND_REPORT, .label = label};
}

static struct kr_writer make(const struct kr_section_of *of, uint32_t count, const uint8_t *own, struct kr_slice content)
{
    struct kr_addressed addressed[KR_ADDRESSED_MAX];
    struct kr_writer writer;
    for (uint32_t i = 0; i < count; i++) {
        addressed[i] = (struct kr_addressed){.sort = 1 + i % 2, .id = {(uint8_t)(0x40 + i)}};
        memcpy(addressed[i].council, reader_council.id, 32);
        memcpy(addressed[i].key, reader_council.keyring.sealing[0].public_key, 32);
    }
    kr_writer_init(&writer, KR_BODY_BYTES_MAX);
    KR_ASSERT(kr_section_make(of, addressed, count, own, content, seed, &writer) == KR_OK);
    return writer;
}

static struct kr_box_pair pair_of(const struct council *council)
{
    struct kr_box_pair pair;
    memcpy(pair.public_key, council->keyring.sealing[0].public_key, 32);
    memcpy(pair.secret, council->keyring.sealing[0].secret, 32);
    return pair;
}

static void write_of(struct json *json, const char *name, const struct kr_section_of *of, struct kr_slice section)
{
    json_open(json, NULL, '{');
    json_text(json, "name", name);
    json_uint(json, "kind", of->kind);
    json_uint(json, "label", (uint64_t)of->label);
    json_uint(json, "flags", of->flags);
    json_hex(json, "section", section.bytes, section.len);
}

static void write_good(struct json *json, const char *name, const struct kr_section_of *of, uint32_t count, const uint8_t *own,
                       struct kr_slice content)
{
    struct kr_writer writer = make(of, count, own, content);
    const struct kr_box_pair reader = pair_of(&reader_council);
    struct kr_section section;
    KR_ASSERT(kr_section_open(slice(writer.bytes, writer.len), of, &reader, 1, &section) == KR_OK);
    write_of(json, name, of, slice(writer.bytes, writer.len));
    json_open(json, "addressed", '[');
    for (uint32_t i = 0; i < section.addressed_count; i++) {
        json_open(json, NULL, '{');
        json_uint(json, "sort", section.addressed[i].sort);
        json_hex(json, "council", section.addressed[i].council, 32);
        json_hex(json, "id", section.addressed[i].id, 32);
        json_close(json, '}');
    }
    json_close(json, ']');
    json_hex(json, "content", section.content.bytes, section.content.len);
    json_uint(json, "writer_opens", own != NULL);
    json_close(json, '}');
    kr_section_deinit(&section);
    kr_writer_deinit(&writer);
}

/* `word`: what is wrong with it, for whoever has the reader's key. */
static void write_bad(struct json *json, const char *word, const struct kr_section_of *of, struct kr_slice bytes)
{
    const struct kr_box_pair reader = pair_of(&reader_council);
    struct kr_section section;
    enum kr_err err = kr_section_open(bytes, of, &reader, 1, &section);
    KR_ASSERT(err != KR_OK);
    write_of(json, word, of, bytes);
    json_text(json, "bad", word);
    json_text(json, "error", kr_err_name(err));
    json_close(json, '}');
}

static void write_bad_ones(struct json *json)
{
    const struct kr_section_of of = some_record(KR_TLP_RED);
    struct kr_section_of other = of;
    struct kr_writer writer = make(&of, 1, NULL, text_slice("for one person"));
    uint8_t entry[ENTRY_BYTES];
    struct kr_writer cut;

    other.author = reader_council.id;
    json_open(json, NULL, '{'); /* of another author: whoever was addressed passes it on as its own */
    json_text(json, "name", "tag");
    json_hex(json, "author", reader_council.id, 32);
    json_uint(json, "kind", other.kind);
    json_uint(json, "label", (uint64_t)other.label);
    json_uint(json, "flags", other.flags);
    json_hex(json, "section", writer.bytes, writer.len);
    json_text(json, "bad", "tag");
    json_text(json, "error", kr_err_name(KR_DECRYPT));
    json_close(json, '}');
    other = of;
    other.label = KR_TLP_AMBER_STRICT;
    write_bad(json, "tag", &other, slice(writer.bytes, writer.len));
    writer.bytes[COMMITMENT_AT] ^= 1;
    write_bad(json, "commitment", &of, slice(writer.bytes, writer.len));
    writer.bytes[COMMITMENT_AT] ^= 1;
    writer.bytes[writer.len - 1] ^= 1;
    write_bad(json, "tag", &of, slice(writer.bytes, writer.len));
    writer.bytes[writer.len - 1] ^= 1;
    memcpy(entry, writer.bytes + SLOTS_AT, ENTRY_BYTES);
    memcpy(writer.bytes + SLOTS_AT, writer.bytes + SLOTS_AT + ENTRY_BYTES, ENTRY_BYTES);
    memcpy(writer.bytes + SLOTS_AT + ENTRY_BYTES, entry, ENTRY_BYTES);
    write_bad(json, "order", &of, slice(writer.bytes, writer.len));
    memcpy(writer.bytes + SLOTS_AT + ENTRY_BYTES, writer.bytes + SLOTS_AT, ENTRY_BYTES);
    write_bad(json, "order", &of, slice(writer.bytes, writer.len)); /* one slot twice */
    memcpy(writer.bytes + SLOTS_AT, entry, ENTRY_BYTES);
    kr_writer_init(&cut, KR_BODY_BYTES_MAX); /* seven slots */
    kr_writer_raw(&cut, writer.bytes, SLOTS_AT - 1);
    kr_writer_array(&cut, 7);
    kr_writer_raw(&cut, writer.bytes + SLOTS_AT + ENTRY_BYTES, writer.len - SLOTS_AT - ENTRY_BYTES);
    KR_ASSERT(kr_writer_finish(&cut) == KR_OK);
    write_bad(json, "slots", &of, slice(cut.bytes, cut.len));
    kr_writer_deinit(&cut);
    kr_writer_init(&cut, KR_BODY_BYTES_MAX); /* a box of no class's size */
    kr_writer_raw(&cut, writer.bytes, SLOTS_AT + 8 * ENTRY_BYTES);
    kr_writer_bin(&cut, writer.bytes + SLOTS_AT + 8 * ENTRY_BYTES + 3, 256);
    KR_ASSERT(kr_writer_finish(&cut) == KR_OK);
    write_bad(json, "class", &of, slice(cut.bytes, cut.len));
    kr_writer_deinit(&cut);
    kr_writer_deinit(&writer);
}

static void write_addresses(struct json *json)
{
    char text[KR_ADDRESS_TEXT_BYTES_MAX];
    for (uint32_t sort = KR_ADDRESSED_BODY; sort <= KR_ADDRESSED_PERSON; sort++) {
        struct kr_addressed address = {.sort = sort, .id = {0x77}};
        memcpy(address.council, reader_council.id, 32);
        memcpy(address.key, reader_council.keyring.sealing[0].public_key, 32);
        KR_ASSERT(kr_address_print(&address, text, sizeof text) == KR_OK);
        json_open(json, NULL, '{');
        json_text(json, "text", text);
        json_uint(json, "sort", sort);
        json_hex(json, "council", address.council, 32);
        json_hex(json, "id", address.id, 32);
        json_hex(json, "key", address.key, 32);
        json_close(json, '}');
    }
}

void vectors_sections(struct json *json)
{
    struct kr_section_of of = some_record(KR_TLP_RED);
    json_open(json, "sections", '[');
    write_good(json, "RED, to one person", &of, 1, NULL, text_slice("for one person"));
    write_good(json, "RED, to two, and who submitted it", &of, 2, writer_council.keyring.sealing[0].public_key,
               text_slice("for two"));
    of = some_record(KR_TLP_AMBER_STRICT);
    of.kind = KR_KIND_ADVISORY;
    of.flags = KR_FLAG_EXERCISE;
    write_good(json, "AMBER+STRICT, an advisory of an exercise to eight: sixteen slots", &of, 8, NULL, text_slice("for eight"));
    json_close(json, ']');
    json_open(json, "bad_sections", '[');
    write_bad_ones(json);
    json_close(json, ']');
    json_open(json, "addresses", '[');
    write_addresses(json);
    json_close(json, ']');
}
