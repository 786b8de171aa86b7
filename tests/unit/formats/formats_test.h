/* What the tests of this folder share: an extraction as readable lines. */
#ifndef KR_TESTS_UNIT_FORMATS_FORMATS_TEST_H
#define KR_TESTS_UNIT_FORMATS_FORMATS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants these before it. */
#include <cmocka.h>

#include "tools/formats/formats.h"

static inline struct kr_extract *extract_bytes(const void *bytes, size_t len)
{
    struct kr_extract *extract = NULL;
    struct kr_error error = {{0}};
    if (kr_formats_extract(bytes, len, NULL, &extract, &error) != KR_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(strlen(extract->text), extract->text_len);
    for (size_t i = 0; i < extract->item_count; i++) { /* what every result keeps to */
        const struct kr_found *item = &extract->items[i];
        assert_int_equal(kr_indicator_check(item->type, item->value.bytes, item->value.len), KR_OK);
        assert_true(item->offset + item->len <= extract->text_len && item->len > 0);
        assert_true(item->note.len <= KR_NOTE_BYTES_MAX);
    }
    return extract;
}

/* "url http://e.example/x\ndomain …\n"; free() it. A guessed URL has "~" in front. */
static inline char *render(const struct kr_extract *extract)
{
    char *lines = NULL, print[KR_INDICATOR_PRINT_BYTES_MAX];
    size_t len;
    FILE *out = open_memstream(&lines, &len);
    assert_non_null(out);
    for (size_t i = 0; i < extract->item_count; i++) {
        const struct kr_found *item = &extract->items[i];
        assert_int_equal(kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print), KR_OK);
        (void)fprintf(out, "%s%s %s\n", item->guessed ? "~" : "", kr_indicator_type_name(item->type), print);
    }
    assert_int_equal(fclose(out), 0);
    return lines;
}

/* Extracts and compares; with the text in the message, so that a table says which line failed. */
static inline void check_text(const char *text, const char *expected)
{
    struct kr_extract *extract = extract_bytes(text, strlen(text));
    char *lines = render(extract);
    if (strcmp(lines, expected) != 0) {
        fail_msg("from: %s\ngot:\n%swanted:\n%s", text, lines, expected);
    }
    free(lines);
    kr_extract_free(extract);
}

#endif
