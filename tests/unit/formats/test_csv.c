/* Rows of delimited text: dialects, quotes, charsets, and what is no row. */
#include <iconv.h>

#include "tests/unit/formats/import_test.h"
#include "tools/formats/csv.h"

/* Rows as "line:[cell][cell]", skipped ones as "line:!reason". free() it. */
static char *render_rows(const void *bytes, size_t len, const char *charset)
{
    static struct kr_csv_row row;
    struct kr_slice slice = {bytes, len};
    struct kr_import_source source;
    struct kr_csv_rows rows;
    enum kr_csv_outcome outcome = KR_CSV_ROW;
    char *lines = NULL;
    size_t lines_len;
    FILE *out = open_memstream(&lines, &lines_len);
    assert_non_null(out);
    kr_import_source_memory(&source, "test", &slice);
    assert_int_equal(kr_csv_rows_init(&rows, &source, charset), KR_OK);
    assert_int_equal(kr_csv_rows_dialect(&rows, NULL), KR_OK);
    for (;;) {
        assert_int_equal(kr_csv_next(&rows, &row, &outcome, NULL), KR_OK);
        if (outcome == KR_CSV_END) {
            break;
        }
        (void)fprintf(out, "%ju:", (uintmax_t)row.line);
        for (uint32_t i = 0; outcome == KR_CSV_ROW && i < row.count; i++) {
            (void)fprintf(out, "[%.*s]", (int)row.cells[i].len, row.cells[i].bytes);
        }
        if (outcome == KR_CSV_SKIPPED) {
            (void)fprintf(out, "!%s", kr_import_reason_name(row.reason));
        }
        (void)fputc('\n', out);
    }
    kr_csv_rows_deinit(&rows);
    assert_int_equal(fclose(out), 0);
    return lines;
}

static void check_bytes(const void *bytes, size_t len, const char *expected)
{
    char *lines = render_rows(bytes, len, NULL);
    if (strcmp(lines, expected) != 0) {
        fail_msg("from: %.*s\ngot:\n%swanted:\n%s", (int)len, (const char *)bytes, lines, expected);
    }
    free(lines);
}

static void check_rows(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), expected);
}

static void test_rows(void **state)
{
    (void)state;
    check_rows("", "");
    check_rows("a,b\nc,d", "1:[a][b]\n2:[c][d]\n");
    check_rows("a,b\r\nc,d\r\n", "1:[a][b]\n2:[c][d]\n");
    check_rows("a,b\rc,d\r", "1:[a][b]\n2:[c][d]\n");
    check_rows("\xef\xbb\xbf"
               "a,b\nc,d\n",
               "1:[a][b]\n2:[c][d]\n");
    check_rows("a,\"b,\"\"x\"\"\"\nc,d\n", "1:[a][b,\"x\"]\n2:[c][d]\n");
    check_rows("a,\"two\nlines\"\nc,d\n", "1:[a][two\nlines]\n3:[c][d]\n");
    check_rows("a,5\" disk\nc,d\n", "1:[a][5\" disk]\n2:[c][d]\n");
    check_rows("a, \"b\"\nc,d\n", "1:[a][b]\n2:[c][d]\n");
    check_rows("a,b,\n,,\n", "1:[a][b][]\n2:[][][]\n");
    check_rows("a,\"\"\nc,d\n", "1:[a][]\n2:[c][d]\n");
}

static void test_dialects(void **state)
{
    (void)state;
    check_rows("a;b,1;c\nd;e,2;f\n", "1:[a][b,1][c]\n2:[d][e,2][f]\n");
    check_rows("a\tb\nc\td\n", "1:[a][b]\n2:[c][d]\n");
    check_rows("a|b\nc|d\n", "1:[a][b]\n2:[c][d]\n");
    check_rows("'a','b,c'\n'd','it''s'\n", "1:[a][b,c]\n2:[d][it's]\n");
    check_rows("one\ntwo\n", "1:[one]\n2:[two]\n");
    check_rows("a,b;x\nc,d\ne,f\n", "1:[a][b;x]\n2:[c][d]\n3:[e][f]\n");
}

/* What costs its own row, and no other. */
static void test_bad_rows(void **state)
{
    (void)state;
    static const char nul[] = "a,b\nx\0y,z\nc,d\n";
    check_bytes(nul, sizeof nul - 1, "1:[a][b]\n2:!nul\n3:[c][d]\n");
    check_rows("a,b\n\"never closed,x\nc,d\n", "1:[a][b]\n2:!malformed\n3:[c][d]\n");
    check_rows("a,b\nc,\"x", "1:[a][b]\n2:!malformed\n");
    static const char broken[] = "a,b\n\xe3\x81,\xff\nc,d\n";
    char *lines = render_rows(broken, sizeof broken - 1, "UTF-8");
    assert_string_equal(lines, "1:[a][b]\n2:[\x1a\x1a][\x1a]\n3:[c][d]\n");
    free(lines);

    const size_t huge = 3 * (size_t)KR_CSV_BLOCK_BYTES; /* longer than what is read at a time */
    char *text = malloc(huge + 64);
    assert_non_null(text);
    for (int quoted = 0; quoted < 2; quoted++) {
        memset(text, 'x', huge + 64);
        memcpy(text, "a,b\n", 4);
        text[4] = quoted ? '"' : 'x';
        memcpy(text + 4 + huge, "\nc,d\n", 5);
        check_bytes(text, huge + 9, "1:[a][b]\n2:!too-large\n3:[c][d]\n");
    }
    memset(text, ',', 1000);
    memcpy(text, "a,b\n", 4);
    memcpy(text + 1000, "\nc,d\n", 5);
    check_bytes(text, 1005, "1:[a][b]\n2:!malformed\n3:[c][d]\n");
    free(text);
}

/* A mark that is never closed looks for its end in so many lines, and each line after it is taken. */
static void test_open_quotes(void **state)
{
    (void)state;
    char *text = NULL, *expected = NULL;
    size_t text_len, expected_len;
    FILE *out = open_memstream(&text, &text_len), *wanted = open_memstream(&expected, &expected_len);
    assert_true(out != NULL && wanted != NULL);
    (void)fputs("\"a,b\n", out);
    (void)fputs("1:!malformed\n", wanted);
    for (int i = 0; i < 100; i++) {
        (void)fputs("c,d\n", out);
        (void)fprintf(wanted, "%d:[c][d]\n", i + 2);
    }
    assert_true(fclose(out) == 0 && fclose(wanted) == 0);
    check_rows(text, expected);
    free(text);
    free(expected);
}

/* Rows at every place of a block's end. */
static void test_blocks(void **state)
{
    (void)state;
    const size_t block = KR_CSV_BLOCK_BYTES;
    const size_t size = block + 4096;
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t shift = 0; shift < 24; shift++) {
        size_t len = 0, rows = 0;
        while (len < block - 64) {
            len += (size_t)snprintf(text + len, size - len, "%063zu\n", rows++);
        }
        len += (size_t)snprintf(text + len, size - len, "%0*d\n", (int)(block - len - 2 - shift), 0);
        rows++;
        len += (size_t)snprintf(text + len, size - len, "\"quoted \"\"x\"\" 値\"\r\nlast\n");
        char *lines = render_rows(text, len, NULL), expected[128];
        (void)snprintf(expected, sizeof expected, "\n%zu:[quoted \"x\" 値]\n%zu:[last]\n", rows + 1, rows + 2);
        assert_non_null(strstr(lines, expected));
        free(lines);
    }
    free(text);
}

static void test_charsets(void **state)
{
    (void)state;
    static const char text[] = "種別,値\nドメイン,bad.example\nURL,①髙\n";
    static const char expected[] = "1:[種別][値]\n2:[ドメイン][bad.example]\n3:[URL][①髙]\n";
    static const char *const charsets[] = {"UTF-8", "CP932", "EUC-JP-MS", "UTF-16", "UTF-16LE"};
    for (size_t i = 0; i < sizeof charsets / sizeof charsets[0]; i++) {
        char bytes[512], *in = (char[sizeof text]){0}, *out = bytes, *from = in;
        memcpy(in, text, sizeof text);
        size_t in_left = sizeof text - 1, out_left = sizeof bytes;
        iconv_t descriptor = iconv_open(charsets[i], "UTF-8");
        assert_true(descriptor != (iconv_t)-1);
        assert_true(iconv(descriptor, &from, &in_left, &out, &out_left) != (size_t)-1);
        assert_int_equal(iconv_close(descriptor), 0);
        check_bytes(bytes, sizeof bytes - out_left, expected);
    }
}

/* Japanese only far behind, in a charset that nothing at the beginning told; and lines at blocks' ends. */
static void test_charset_late(void **state)
{
    (void)state;
    const size_t rows = 2 * (size_t)KR_CSV_BLOCK_BYTES / 8;
    const size_t size = rows * 8 + 64;
    char *text = malloc(size);
    assert_non_null(text);
    size_t len = 0;
    for (size_t i = 0; i < rows; i++) {
        len += (size_t)snprintf(text + len, size - len, "abc,def\n");
    }
    len += (size_t)snprintf(text + len, size - len, "%s,x\n", "\x92\x6c"); /* 値 in CP932 */
    char *lines = render_rows(text, len, NULL);
    assert_non_null(strstr(lines, ":[値][x]\n"));
    free(lines);
    free(text);
}

static void test_looks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_csv;
    } cases[] = {
        {"date,URL,description\n2025/02/03 11:43:00,https://a.example/,x\n", true},
        {"種別,値,備考\n", true},
        {"type;value\nip;203.0.113.7\n", true},
        {"url\nhttp://a.example/\nhttp://b.example/\n", true},
        {"203.0.113.7,bad\n203.0.113.8,bad\n", true},
        {"# feed\n# id,dateadded,url\n\"1\",\"2026-01-01\",\"http://a.example/\"\n", true},
        {"203.0.113.7\n203.0.113.8\n", false},
        {"", false},
        {"Dear all, see below.\nRegards, Taro\n", false},
        {"IOCs\n\nhxxp://a[.]example/x, seen in mail\nsome words\n", false},
        {"Note: the value, as said\nwas 203.0.113.7, and more\n", false},
        {"Host, what it did\nwe do not know, yet\nsomebody, something\nand so, on\n", false},
        {"2020-07-07 (TUESDAY) - TA551\n\n- a.example, b.example\n- c, d\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool got = kr_csv_looks((struct kr_slice){(const uint8_t *)cases[i].text, strlen(cases[i].text)});
        if (got != cases[i].is_csv) {
            fail_msg("taken for %s: %s", got ? "CSV" : "text", cases[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_dialects), cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_open_quotes),  cmocka_unit_test(test_blocks),   cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_charset_late), cmocka_unit_test(test_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
