/* Telling formats, sources, and the reader of text and mail. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/formats/import_test.h"

static void test_text(void **state)
{
    (void)state;
    const struct kr_import_options options = {.organisation = "JPCERT/CC", .origin_id = "2026-17", .terms = "TLP:GREEN"};
    check_told("偽サイト TLP:GREEN\nhxxps://login[.]example/ja  銀行を装う\nsee 203.0.113.7\n", NULL,
               "group TLP:GREEN @1\nurl https://login.example/ja note=銀行を装う @2\nipv4 203.0.113.7 @3\n");
    check_told("203.0.113.7\n", &options, "group organisation=JPCERT/CC id=2026-17 terms=TLP:GREEN @1\nipv4 203.0.113.7 @1\n");
    check_told("nothing here\n", NULL, "group @1\n");
    check_told("", NULL, "group @1\n");
    check_told("203.0.113.7\n-- \nTaro Yamada\nTEL 03-0000-0000\ntaro@soc.example\n", NULL,
               "group @1\nipv4 203.0.113.7 @1\nskip own\n");
}

static void test_mail(void **state)
{
    (void)state;
    check_told("From: a@b.example\nTo: c@d.example\nSubject: [TLP:AMBER] Phish\n\nhxxp://x[.]example/\n", NULL,
               "group title=Phish TLP:AMBER @1\nurl http://x.example/ @1\n");
}

static void test_text_too_long(void **state)
{
    (void)state;
    struct told told = {.groups = 0};
    const size_t len = KR_TEXT_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '\n', len);
    memcpy(text, "203.0.113.7", 11);
    assert_int_equal(told_read(&told, text, len, NULL, NULL), KR_OK);
    assert_string_equal(told.lines, "group @1\nkept cut\nipv4 203.0.113.7 @1\n");
    told_free(&told);
    free(text);
}

static void test_sink_stops(void **state)
{
    (void)state;
    struct told told = {.items_until_no = 1};
    static const char text[] = "203.0.113.7\n203.0.113.8\n203.0.113.9\n";
    assert_int_equal(told_read(&told, text, sizeof text - 1, NULL, NULL), KR_CANCELLED);
    assert_int_equal(told.items, 2); /* the one that it refused was the last that it was shown */
    told_free(&told);
}

static void check_format(const char *head, size_t len, enum kr_import_format expected)
{
    enum kr_import_format format = KR_IMPORT_ANY;
    struct kr_error error = {.text = ""};
    enum kr_err err = kr_import_detect((struct kr_slice){(const uint8_t *)head, len}, &format, &error);
    if (err != KR_OK || format != expected) {
        fail_msg("%.60s: %d %d (%s)", head, (int)err, (int)format, error.text);
    }
}

static void test_detect(void **state)
{
    (void)state;
#define CHECK(text, format) check_format(text, sizeof(text) - 1, format)
    CHECK("", KR_IMPORT_TEXT);
    CHECK("hxxp://x[.]example/\n", KR_IMPORT_TEXT);
    CHECK("[TLP:AMBER] x\n", KR_IMPORT_TEXT);
    CHECK("{.} is a dot\n", KR_IMPORT_TEXT);
    CHECK("{\"a\": 1}", KR_IMPORT_TEXT);
    CHECK("From: a@b.example\nSubject: x\n\n", KR_IMPORT_MAIL);
    CHECK("{\"type\": \"bundle\", \"id\": \"bundle--5d0\", \"objects\": []}", KR_IMPORT_STIX);
    CHECK("\xef\xbb\xbf [ {\"type\": \"indicator\", \"id\": \"indicator--5d0\"}]", KR_IMPORT_STIX);
    CHECK("{\"objects\": [", KR_IMPORT_STIX);
    CHECK("{\"response\": [{\"Event\": {\"id\": \"1\"}}]}", KR_IMPORT_MISP);
    CHECK("{\n  \"Event\": {", KR_IMPORT_MISP);
#undef CHECK
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *head, *says;
        size_t len;
    } cases[] = {
#define CASE(bytes, says) {bytes, says, sizeof(bytes) - 1}
        CASE("PK\3\4\x14\0\6\0 [Content_Types].xml", "CSV"),
        CASE("PK\3\4\x14\0\0\0 a.txt", "unpack"),
        CASE("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1xx", ".eml"),
        CASE("%PDF-1.7", "pdftotext"),
        CASE("\x1f\x8b\x08\0", "zcat"),
        CASE("\x28\xb5\x2f\xfd", "unpack"),
        CASE("\x7f\x45\x4c\x46\2", "program"),
        CASE("SQLite format 3\0\x10\0\1\1\0\x40\x20\x20\0\0\0\6\0\0\0\7\0\0", "export it as text"),
#undef CASE
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum kr_import_format format = KR_IMPORT_ANY;
        struct kr_error error = {.text = ""};
        assert_int_equal(kr_import_detect((struct kr_slice){(const uint8_t *)cases[i].head, cases[i].len}, &format, &error),
                         KR_INVALID);
        if (strstr(error.text, cases[i].says) == NULL) {
            fail_msg("\"%s\" does not say %s", error.text, cases[i].says);
        }
        assert_int_equal(format, KR_IMPORT_ANY);
    }
}

static void test_names(void **state)
{
    (void)state;
    enum kr_import_format format = KR_IMPORT_ANY;
    assert_int_equal(kr_import_format_parse("mail", &format), KR_OK);
    assert_int_equal(format, KR_IMPORT_MAIL);
    assert_string_equal(kr_import_format_name(KR_IMPORT_TEXT), "text");
    assert_string_equal(kr_import_format_name(KR_IMPORT_ANY), "any");
    assert_int_equal(kr_import_format_parse("xlsx", &format), KR_INVALID);
    for (uint32_t i = 0; i < KR_IMPORT_REASON_COUNT; i++) { /* each has its own name */
        for (uint32_t j = 0; j < i; j++) {
            assert_string_not_equal(kr_import_reason_name(i), kr_import_reason_name(j));
        }
        assert_true(strlen(kr_import_reason_text(i)) > 0);
    }
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/kr-import-XXXXXX", bytes[16];
    struct kr_import_file file;
    struct kr_error error = {.text = ""};
    size_t len;
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "0123456789", 10) == 10 && close(fd) == 0);
    assert_int_equal(kr_import_file_open(&file, path, 1, &error), KR_OK);
    assert_int_equal(file.source.bytes, 10);
    assert_int_equal(file.source.read(file.source.context, 7, bytes, sizeof bytes, &len, &error), KR_OK);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "789", 3);
    assert_int_equal(file.source.read(file.source.context, 10, bytes, sizeof bytes, &len, &error), KR_OK);
    assert_int_equal(len, 0);
    kr_import_file_close(&file);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(kr_import_file_open(&file, path, 1, &error), KR_IO);
    assert_non_null(strstr(error.text, path));
    assert_int_equal(kr_import_file_open(&file, "/", 1, &error), KR_INVALID);
    assert_int_equal(kr_import_file_open(&file, "/dev/null", 1, &error), KR_INVALID);
}

/* Standard input as a pipe: kept in a file that nobody sees, and bounded. */
static void test_stdin(void **state)
{
    (void)state;
    struct kr_import_file file;
    struct kr_error error = {.text = ""};
    char bytes[16];
    size_t len;
    const int before = dup(STDIN_FILENO);
    for (int i = 0; i < 2; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], "0123456789", 10), 10);
        assert_int_equal(close(ends[1]), 0);
        assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
        assert_int_equal(close(ends[0]), 0);
        if (i == 0) {
            assert_int_equal(kr_import_file_open(&file, "-", 10, &error), KR_OK);
            assert_int_equal(file.source.read(file.source.context, 8, bytes, sizeof bytes, &len, &error), KR_OK);
            assert_int_equal(len, 2);
            assert_memory_equal(bytes, "89", 2);
            kr_import_file_close(&file);
        } else {
            assert_int_equal(kr_import_file_open(&file, "-", 9, &error), KR_BOUNDS);
        }
    }
    assert_int_equal(dup2(before, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),       cmocka_unit_test(test_mail),   cmocka_unit_test(test_text_too_long),
        cmocka_unit_test(test_sink_stops), cmocka_unit_test(test_detect), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_file),   cmocka_unit_test(test_stdin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
