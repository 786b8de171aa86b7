#include "tests/vectors/vectors.h"

#define CASE(bytes, word)                                                                                                          \
    {                                                                                                                              \
        bytes, sizeof bytes - 1, word                                                                                              \
    }

static const struct {
    const char *bytes;
    size_t len;
    const char *word; /* NULL: good */
} cases[] = {
    CASE("\x00", NULL),
    CASE("\x7f", NULL),
    CASE("\xcc\x80", NULL),
    CASE("\xcd\x01\x00", NULL),
    CASE("\xce\x00\x01\x00\x00", NULL),
    CASE("\xcf\x00\x00\x00\x01\x00\x00\x00\x00", NULL),
    CASE("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", NULL),
    CASE("\xc4\x00", NULL),
    CASE("\xc4\x02\x00\xff", NULL),
    CASE("\xa0", NULL),
    CASE("\xa9\xe5\x9b\x9e\xe8\xa6\xa7\xe6\x9d\xbf", NULL),
    CASE("\xa4\xf0\xa0\xae\xb7", NULL),
    CASE("\xd9\x20"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         NULL),
    CASE("\x90", NULL),
    CASE("\x93\x01\xc4\x01\x02\x91\xa1\x33", NULL),
    CASE("\xdc\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", NULL),
    CASE("\x91\x91\x91\x91\x91\x91\x91\x91\x00", NULL),
    CASE("\xcc\x7f", "longer form"),
    CASE("\xcd\x00\x80", "longer form"),
    CASE("\xce\x00\x00\x01\x00", "longer form"),
    CASE("\xcf\x00\x00\x00\x00\x01\x00\x00\x00", "longer form"),
    CASE("\xc5\x00\x01\x00", "longer form"),
    CASE("\xc6\x00\x00\x00\x01\x00", "longer form"),
    CASE("\xd9\x01\x61", "longer form"),
    CASE("\xda\x00\x01\x61", "longer form"),
    CASE("\xdc\x00\x01\x00", "longer form"),
    CASE("\xdd\x00\x00\x00\x01\x00", "longer form"),
    CASE("\xc0", "foreign type"), /* nil */
    CASE("\xc2", "foreign type"), /* false */
    CASE("\xc3", "foreign type"), /* true */
    CASE("\xca\x00\x00\x00\x00", "foreign type"),
    CASE("\xcb\x00\x00\x00\x00\x00\x00\x00\x00", "foreign type"),
    CASE("\xff", "foreign type"), /* -1 */
    CASE("\xd0\xff", "foreign type"),
    CASE("\x80", "foreign type"), /* empty map */
    CASE("\x81\x01\x02", "foreign type"),
    CASE("\xd4\x01\x00", "foreign type"), /* ext */
    CASE("\xc7\x01\x01\x00", "foreign type"),
    CASE("\xa1\x00", "text"),         /* NUL */
    CASE("\xa1\x80", "text"),         /* continuation alone */
    CASE("\xa2\xc0\x80", "text"),     /* overlong */
    CASE("\xa3\xed\xa0\x80", "text"), /* surrogate */
    CASE("\xa4\xf4\x90\x80\x80", "text"),
    CASE("\xa2\xe5\x9b", "text"), /* cut within a character */
    CASE("", "cut short"),
    CASE("\xcd\x01", "cut short"),
    CASE("\xc4\x02\x00", "cut short"),
    CASE("\xa2\x61", "cut short"),
    CASE("\x92\x01", "cut short"),
    CASE("\xdd\xff\xff\xff\xff\x00", "cut short"),
    CASE("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00", "too deep"),
    CASE("\x00\x00", "trailing bytes"),
};

void vectors_encoding(struct json *json)
{
    json_open(json, "encoding", '[');
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_reader reader;
        enum kr_err err;

        kr_reader_init(&reader, cases[i].bytes, cases[i].len);
        kr_reader_skip(&reader);
        err = kr_reader_end(&reader);
        KR_ASSERT((err == KR_OK) == (cases[i].word == NULL));
        json_open(json, NULL, '{');
        json_hex(json, "bytes", cases[i].bytes, cases[i].len);
        if (err != KR_OK) {
            json_text(json, "bad", cases[i].word);
            json_text(json, "error", kr_err_name(err));
        }
        json_close(json, '}');
    }
    json_close(json, ']');
}
