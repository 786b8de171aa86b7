/* Retractions and revisions, with what their content carries: those that hold, and those that do not, each wrong in one way. All
 * are properly signed. */
#include "proto/record/takeback.h"
#include "tests/vectors/vectors.h"

/* A target as its bytes, and what is made of it. */
struct target {
    struct bytes bytes;
    struct kr_record record;
    struct kr_header header;
};

static void target_init(struct target *target, const struct kr_draft *draft, const struct council *author)
{
    target->bytes = make_record(draft, author);
    KR_ASSERT(kr_record_split(target->bytes.at, target->bytes.len, &target->record) == KR_OK);
    KR_ASSERT(kr_header_parse(target->record.header, &target->header) == KR_OK);
}

static struct kr_takeback takeback_of(const struct target *target)
{
    return (struct kr_takeback){.target_header = target->record.header,
                                .target_signature = target->record.signature,
                                .reason = text_slice("誤検知"),
                                .language = text_slice("ja"),
                                .content_kind = KR_KIND_ADVISORY,
                                .content = text_slice("instead")};
}

/* The error that this implementation gives to whoever can read it. */
static enum kr_err judge(const struct kr_header *header, struct kr_slice content, struct kr_takeback *ret_takeback)
{
    struct kr_record target;
    struct kr_header target_header;
    enum kr_err err = kr_takeback_parse(header->kind, content, ret_takeback);

    if (err == KR_OK) {
        err = kr_takeback_target(ret_takeback, &target, &target_header);
    }
    return err == KR_OK ? kr_takeback_covers(header, &target_header, target.id) : err;
}

/* `word`: what is wrong; NULL: it holds. */
static void write_one(struct json *json, const char *name, const char *word, struct kr_draft draft, struct kr_slice content)
{
    struct kr_takeback takeback;
    struct kr_record record;
    struct kr_header header;
    uint8_t *opened = NULL;
    size_t len = 0;

    draft.content = content;
    struct bytes bytes = make_record(&draft, &writer_council);
    KR_ASSERT(kr_record_split(bytes.at, bytes.len, &record) == KR_OK && kr_record_verify(&record) == KR_OK);
    KR_ASSERT(kr_header_parse(record.header, &header) == KR_OK);
    KR_ASSERT(kr_record_open(&record, &header, &reader_council.keyring, &opened, &len) == KR_OK);
    enum kr_err err = judge(&header, slice(opened, len), &takeback);
    KR_ASSERT((err == KR_OK) == (word == NULL));
    json_open(json, NULL, '{');
    json_text(json, "name", name);
    json_hex(json, "bytes", bytes.at, bytes.len);
    if (word != NULL) {
        json_text(json, "bad", word);
        json_text(json, "error", kr_err_name(err));
    } else {
        json_hex(json, "target", header.target, 32);
        if (header.kind == KR_KIND_RETRACTION) {
            json_slice_text(json, "reason", takeback.reason);
            json_slice_text(json, "language", takeback.language);
        } else {
            json_uint(json, "content_kind", takeback.content_kind);
            json_hex(json, "content", takeback.content.bytes, takeback.content.len);
        }
    }
    json_close(json, '}');
    free(opened);
    free(bytes.at);
}

static void write_takeback(struct json *json, const char *name, const char *word, struct kr_draft draft,
                           const struct kr_takeback *takeback)
{
    struct kr_writer content;

    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_takeback_write(draft.kind, takeback, &content);
    KR_ASSERT(kr_writer_finish(&content) == KR_OK);
    write_one(json, name, word, draft, slice(content.bytes, content.len));
    kr_writer_deinit(&content);
}

/* The fields of the header. */
static void write_differing(struct json *json, const struct kr_draft *draft, const struct kr_takeback *takeback)
{
    static const uint8_t community[32] = {0xc0, 0xff, 0xef};
    const struct council *const stranger = &stranger_council;
    struct kr_draft other = *draft;

    other.label = KR_TLP_CLEAR;
    write_takeback(json, "another label", "differs", other, takeback);
    other = *draft;
    other.community = community;
    write_takeback(json, "another community", "differs", other, takeback);
    other = *draft;
    other.flags = KR_FLAG_EXERCISE;
    write_takeback(json, "an exercise takes back what was none", "differs", other, takeback);
    other = *draft;
    other.expires_s--;
    write_takeback(json, "expires before its target", "differs", other, takeback);
    other = *draft;
    other.target = stranger->id;
    write_takeback(json, "names another target than it carries", "target", other, takeback);
    other.target = NULL;
    write_takeback(json, "names no target", "target", other, takeback);
}

static void write_bad(struct json *json, const struct kr_draft *draft, const struct target *target)
{
    uint8_t signature[64];
    struct kr_takeback takeback = takeback_of(target);
    struct kr_draft revision = *draft;
    struct kr_writer content;

    write_differing(json, draft, &takeback);
    memcpy(signature, target->record.signature.bytes, 64);
    signature[63] ^= 1;
    takeback.target_signature = slice(signature, 64);
    write_takeback(json, "a bit of the carried signature", "signature", *draft, &takeback);
    takeback.target_signature = slice(signature, 63);
    write_takeback(json, "a carried signature of 63 bytes", "length", *draft, &takeback);
    takeback = takeback_of(target);
    takeback.target_header.len = 66;
    write_takeback(json, "a carried header without fields", "length", *draft, &takeback);
    takeback = takeback_of(target);
    takeback.target_header.len--;
    write_takeback(json, "a carried header that is cut", "signature", *draft, &takeback);
    takeback = takeback_of(target);
    takeback.reason = (struct kr_slice){0};
    write_takeback(json, "a retraction without a reason", "reason", *draft, &takeback);
    takeback = takeback_of(target);
    revision.kind = KR_KIND_REVISION;
    takeback.content_kind = KR_KIND_RETRACTION;
    write_takeback(json, "a revision that puts a retraction instead", "kind", revision, &takeback);
    takeback.content_kind = 0;
    write_takeback(json, "a revision that puts kind 0 instead", "kind", revision, &takeback);
    takeback = takeback_of(target);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_takeback_write(KR_KIND_RETRACTION, &takeback, &content);
    kr_writer_raw(&content, "\0", 1);
    KR_ASSERT(kr_writer_finish(&content) == KR_OK);
    write_one(json, "a byte behind the content", "trailing bytes", *draft, slice(content.bytes, content.len));
    write_one(json, "content cut by a byte", "cut short", *draft, slice(content.bytes, content.len - 2));
    kr_writer_deinit(&content);
}

/* What nobody may take back, or not this one. */
static void write_denied(struct json *json, struct kr_draft of)
{
    static const struct {
        const char *name, *word;
        uint32_t kind;
        const struct council *author;
    } cases[] = {{"another council's record", "author", KR_KIND_REPORT, &stranger_council},
                 {"a retraction of a retraction", "final", KR_KIND_RETRACTION, &writer_council},
                 {"a retraction of a vouch", "statement", KR_KIND_VOUCH, &writer_council}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct target target;

        of.kind = cases[i].kind;
        target_init(&target, &of, cases[i].author);
        struct kr_draft draft = of;
        struct kr_takeback takeback = takeback_of(&target);
        draft.kind = KR_KIND_RETRACTION;
        draft.target = target.record.id;
        write_takeback(json, cases[i].name, cases[i].word, draft, &takeback);
        free(target.bytes.at);
    }
}

/* Good ones of that kind. */
static void write_good(struct json *json, const char *name, uint32_t kind, struct kr_draft draft, const struct target *target,
                       uint64_t later_s)
{
    const struct kr_takeback takeback = takeback_of(target);

    draft.kind = kind;
    draft.target = target->record.id;
    draft.expires_s += later_s;
    write_takeback(json, name, NULL, draft, &takeback);
}

void vectors_takebacks(struct json *json)
{
    const struct council *const readers[] = {&reader_council, &writer_council};
    struct kr_draft draft = draft_for(KR_TLP_GREEN, NULL, 0, "wrong");
    struct target target, revision;

    json_open(json, "takebacks", '[');
    target_init(&target, &draft, &writer_council);
    write_good(json, "a report retracted", KR_KIND_RETRACTION, draft, &target, 0);
    write_good(json, "a report revised, and the revision lives longer", KR_KIND_REVISION, draft, &target, 86400);
    struct kr_draft revised = draft;
    revised.kind = KR_KIND_REVISION;
    revised.target = target.record.id;
    target_init(&revision, &revised, &writer_council);
    write_good(json, "a revision retracted", KR_KIND_RETRACTION, draft, &revision, 0);
    free(revision.bytes.at);
    struct kr_draft bad = draft;
    bad.kind = KR_KIND_RETRACTION;
    bad.target = target.record.id;
    write_bad(json, &bad, &target);
    free(target.bytes.at);
    write_denied(json, draft);
    draft = draft_for(KR_TLP_AMBER, readers, 2, "wrong");
    target_init(&target, &draft, &writer_council);
    write_good(json, "a sealed report retracted", KR_KIND_RETRACTION, draft, &target, 0);
    draft.audience_count = draft.recipient_count = 1;
    bad = draft;
    bad.kind = KR_KIND_RETRACTION;
    bad.target = target.record.id;
    const struct kr_takeback takeback = takeback_of(&target);
    write_takeback(json, "another audience", "differs", bad, &takeback);
    free(target.bytes.at);
    json_close(json, ']');
}
