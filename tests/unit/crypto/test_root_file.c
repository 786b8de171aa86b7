#include "temp_dir.h"

#include "crypto/root_file.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_dir_setup, temp_dir_teardown)

#define FILE_BYTES (56 + 128 + 16)

static struct kr_root_key make_key(void)
{
    const uint8_t seed[32] = {9, 8, 7};
    struct kr_root_key key = {.council = {1, 2, 3, 4, 5, 6, 7, 8, 9}};
    kr_sign_keypair(key.public_key, key.secret, seed);
    return key;
}

static enum kr_err load(const struct temp_dir *temp, const char *passphrase, struct kr_root_key *ret_key)
{
    struct kr_root_key *key = NULL;
    struct kr_error error = {{0}};
    const enum kr_err err = kr_root_file_read(temp->path, passphrase, &key, &error);
    assert_true((key != NULL) == (err == KR_OK));
    assert_true(err == KR_OK || strstr(error.text, temp->path) != NULL);
    if (key != NULL) {
        *ret_key = *key;
    }
    kr_secret_free(key);
    return err;
}

static void the_key_comes_back(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_root_key key = make_key(), loaded;
    assert_int_equal(kr_root_file_write(&key, temp->path, "回覧", NULL), KR_OK);
    assert_int_equal(load(temp, "回覧", &loaded), KR_OK);
    assert_memory_equal(&loaded, &key, sizeof key);
    assert_int_equal(load(temp, "other", &loaded), KR_PASSPHRASE);
    assert_int_equal(load(temp, NULL, &loaded), KR_PASSPHRASE);
    /* A stick knows no owners and no modes. */
    assert_int_equal(chmod(temp->path, 0777), 0);
    assert_int_equal(load(temp, "回覧", &loaded), KR_OK);
}

static void there_is_always_a_passphrase_and_nothing_is_overwritten(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_root_key key = make_key();
    assert_int_equal(kr_root_file_write(&key, temp->path, NULL, NULL), KR_PASSPHRASE);
    assert_int_equal(kr_root_file_write(&key, temp->path, "", NULL), KR_PASSPHRASE);
    assert_int_equal(temp_dir_empty(temp), 0);
    assert_int_equal(kr_root_file_write(&key, temp->path, "x", NULL), KR_OK);
    assert_int_equal(kr_root_file_write(&key, temp->path, "x", NULL), KR_EXISTS);
}

/* Every byte counts; a file that says that it is unprotected is not read at all. */
static void what_is_damaged_is_refused(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_root_key key = make_key(), loaded;
    uint8_t file[FILE_BYTES];
    assert_int_equal(kr_root_file_write(&key, temp->path, "x", NULL), KR_OK);
    assert_int_equal(get_file(temp->path, file, sizeof file), sizeof file);
    for (size_t at = 0; at < sizeof file; at += at < 16 || at >= 56 + 128 ? 1 : 29) {
        const bool is_cost = at >= 8 && at < 16; /* a dearer one than allowed, or another key */
        file[at] ^= 0x80;
        put_file(temp->path, file, sizeof file);
        const enum kr_err err = load(temp, "x", &loaded);
        assert_true(err == KR_CORRUPT || err == KR_VERSION || err == KR_PASSPHRASE ||
                    (is_cost && (err == KR_BOUNDS || err == KR_NOMEM)));
        file[at] ^= 0x80;
    }
    file[7] = 0;
    put_file(temp->path, file, sizeof file);
    assert_int_equal(load(temp, "x", &loaded), KR_CORRUPT);
    file[7] = 1;
    put_file(temp->path, file, sizeof file - 1);
    assert_int_equal(load(temp, "x", &loaded), KR_CORRUPT);
    put_file(temp->path, file, sizeof file);
    assert_int_equal(load(temp, "x", &loaded), KR_OK);
}

static void keys_that_do_not_belong_together_are_refused(void **state)
{
    const struct temp_dir *temp = *state;
    struct kr_root_key key = make_key(), loaded;
    key.public_key[0] ^= 1;
    assert_int_equal(kr_root_file_write(&key, temp->path, "x", NULL), KR_OK);
    assert_int_equal(load(temp, "x", &loaded), KR_CORRUPT);
}

/* ---- paper ---- */

struct sheet {
    uint8_t seed[32], council[32];
    char text[KR_PAPER_LINES * (KR_PAPER_LINE_BYTES + 1) + 1];
    char lines[KR_PAPER_LINES][KR_PAPER_LINE_BYTES];
};

static void make_sheet(struct sheet *sheet)
{
    size_t at = 0;
    for (size_t i = 0; i < 32; i++) {
        sheet->seed[i] = (uint8_t)(i * 37 + 11);
        sheet->council[i] = (uint8_t)(200 - i);
    }
    kr_paper_write(sheet->seed, sheet->council, sheet->lines);
    for (size_t i = 0; i < KR_PAPER_LINES; i++) {
        at += (size_t)snprintf(sheet->text + at, sizeof sheet->text - at, "%s\n", sheet->lines[i]);
    }
}

static enum kr_err read_text(const char *text, const struct sheet *sheet, struct kr_error *error)
{
    static const uint8_t zeros[32];
    uint8_t seed[32], begin[8];
    const enum kr_err err = kr_paper_read(text, strlen(text), seed, begin, error);
    if (err == KR_OK) {
        assert_memory_equal(seed, sheet->seed, 32);
        assert_memory_equal(begin, sheet->council, 8);
    } else {
        assert_memory_equal(seed, zeros, 32);
    }
    return err;
}

static void paper_reads_as_it_was_written(void **state)
{
    (void)state;
    struct sheet sheet;
    make_sheet(&sheet);
    assert_int_equal(strlen(sheet.lines[0]), KR_PAPER_LINE_BYTES - 1);
    assert_int_equal(read_text(sheet.text, &sheet, NULL), KR_OK);
    /* As people type it: backwards, in small letters, without spaces, with what stands around it. */
    char typed[512] = "Kairan\n\n";
    for (size_t i = KR_PAPER_LINES; i-- > 0;) {
        size_t at = strlen(typed);
        typed[at++] = ' ';
        for (const char *c = sheet.lines[i]; *c != 0; c++) {
            const bool is_kept = *c != ' ' || c == sheet.lines[i] + 1;
            if (is_kept) {
                typed[at++] = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c == '0' && c > sheet.lines[i] + 1 ? 'o' : *c);
            }
        }
        memcpy(typed + at, "\r\n", 3);
    }
    assert_int_equal(read_text(typed, &sheet, NULL), KR_OK);
}

static void each_mistyped_character_is_found_in_its_line(void **state)
{
    (void)state;
    struct sheet sheet;
    char text[sizeof sheet.text], wanted[40];
    uint32_t missed = 0;
    make_sheet(&sheet);
    for (size_t at = 0; sheet.text[at] != 0; at++) {
        const size_t line = at / KR_PAPER_LINE_BYTES, column = at % KR_PAPER_LINE_BYTES;
        if (column < 2 || sheet.text[at] == ' ' || sheet.text[at] == '\n') {
            continue;
        }
        struct kr_error error = {{0}};
        memcpy(text, sheet.text, sizeof text);
        text[at] = text[at] == '7' ? '8' : '7';
        (void)snprintf(wanted, sizeof wanted, "line %zu ", line + 1);
        const enum kr_err err = read_text(text, &sheet, &error);
        missed += err != KR_MALFORMED || strstr(error.text, wanted) == NULL;
    }
    assert_int_equal(missed, 0);
}

static void lines_that_are_missing_or_exchanged_are_found(void **state)
{
    (void)state;
    struct sheet sheet;
    struct kr_error error = {{0}};
    make_sheet(&sheet);
    char text[sizeof sheet.text];
    memcpy(text, sheet.text, sizeof text);
    text[3 * KR_PAPER_LINE_BYTES] = 'x';
    assert_int_equal(read_text(text, &sheet, &error), KR_MALFORMED);
    assert_non_null(strstr(error.text, "line 4 is missing"));
    memcpy(text, sheet.text, sizeof text);
    text[0] = '2';
    assert_int_equal(read_text(text, &sheet, &error), KR_MALFORMED); /* the number is in the checksum */
    memcpy(text, sheet.text, sizeof text);
    text[KR_PAPER_LINE_BYTES - 2] = 'U';
    assert_int_equal(read_text(text, &sheet, &error), KR_MALFORMED);
    assert_int_equal(read_text("", &sheet, &error), KR_MALFORMED);
    assert_int_equal(read_text("1 ", &sheet, &error), KR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_key_comes_back),
        TEST(there_is_always_a_passphrase_and_nothing_is_overwritten),
        TEST(what_is_damaged_is_refused),
        TEST(keys_that_do_not_belong_together_are_refused),
        cmocka_unit_test(paper_reads_as_it_was_written),
        cmocka_unit_test(each_mistyped_character_is_found_in_its_line),
        cmocka_unit_test(lines_that_are_missing_or_exchanged_are_found),
    };
    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
