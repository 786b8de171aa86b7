/* Names of bodies: contents that are good, and contents that nobody takes. */
#include "proto/record/body_notice.h"
#include "tests/vectors/vectors.h"

static const uint8_t previous[32] = {0xaa};

/* `bad`: the fixed word; NULL: it is good. */
static void write_notice(struct json *json, const char *name, const char *bad, struct kr_body_notice notice)
{
    struct kr_body_notice read;
    struct kr_writer content;

    kr_writer_init(&content, KR_KIB);
    kr_body_notice_write(&notice, &content);
    const enum kr_err err = kr_body_notice_parse(slice(content.bytes, content.len), &read);
    KR_ASSERT((err == KR_OK) == (bad == NULL));
    json_open(json, NULL, '{');
    json_text(json, "name", name);
    json_hex(json, "bytes", content.bytes, content.len);
    if (bad != NULL) {
        json_text(json, "bad", bad);
        json_text(json, "error", kr_err_name(err));
    }
    json_close(json, '}');
    kr_writer_deinit(&content);
}

static struct kr_body_notice named(const char *ja, const char *en, uint64_t since_s)
{
    return (struct kr_body_notice){.name_ja = text_slice(ja), .name_en = text_slice(en), .since_s = since_s};
}

void vectors_notices(struct json *json)
{
    static char long_name[KR_NAME_BYTES_MAX + 2];
    struct kr_body_notice notice = named("札幌市", "Sapporo City", 1751328000);

    memset(long_name, 'n', KR_NAME_BYTES_MAX + 1);
    json_open(json, "body_notices", '[');
    write_notice(json, "both names, the first of its body", NULL, notice);
    notice.previous = slice(previous, 32);
    write_notice(json, "one that replaces another", NULL, notice);
    write_notice(json, "one name, with spaces inside", NULL, named("札幌市　環境局", "", 1));
    notice = named("", "", 0);
    notice.previous = slice(previous, 32);
    write_notice(json, "named no more", NULL, notice);
    write_notice(json, "a name, and not since when", "since", named("a", "", 0));
    write_notice(json, "no name since then", "since", named("", "", 1));
    write_notice(json, "a line feed", "hidden", named("a\nb", "", 1));
    write_notice(json, "C1", "hidden",
                 named("a\xc2\x9b"
                       "b",
                       "", 1));
    write_notice(json, "right to left", "hidden",
                 named("a",
                       "\xe2\x80\xae"
                       "b",
                       1));
    write_notice(json, "an isolate", "hidden",
                 named("\xe2\x81\xa6"
                       "a",
                       "", 1));
    write_notice(json, "a space of no width", "hidden", named("a\xe2\x80\x8b", "", 1));
    write_notice(json, "a tag", "hidden", named("a\xf3\xa0\x81\xa1", "", 1));
    write_notice(json, "a space in front", "space", named(" a", "", 1));
    write_notice(json, "an ideographic space behind", "space", named("a\xe3\x80\x80", "", 1));
    write_notice(json, "decomposed kana", "nfc", named("か\xe3\x82\x99", "", 1));
    write_notice(json, "a decomposed letter", "nfc", named("", "e\xcc\x81", 1));
    write_notice(json, "257 bytes", "length", named(long_name, "", 1));
    json_close(json, ']');
}
