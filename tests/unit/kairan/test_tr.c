/* The catalogue and the choice of the language. No Japanese locale is needed, and none is asked for. */
#include "kairan_test.h"

#include <ctype.h>

#include "crypto/err.h"
#include "tools/kairan/tr.h"

/* Labels ("TLP:AMBER"), how often. */
static size_t count_label(const char *text, const char *label)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, label)) != NULL; at += strlen(label)) {
        count++;
    }
    return count;
}

static void test_catalogue(void **state)
{
    (void)state;
    static const char *const labels[] = {"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:RED"};
    const char *msgid, *text, *before = NULL;
    size_t count = 0, with_label = 0;
    for (; kr_tr_entry(count, &msgid, &text); count++) {
        assert_true(before == NULL || strcmp(before, msgid) < 0); /* what the search relies on */
        before = msgid;
        for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
            assert_int_equal(count_label(text, labels[i]), count_label(msgid, labels[i]));
            with_label += count_label(msgid, labels[i]);
        }
        assert_int_equal(count_label(text, "TLP"), count_label(msgid, "TLP")); /* no other spelling beside it */
    }
    assert_true(count > 100);
    assert_true(with_label > 3);
}

static void test_every_error_is_translated(void **state)
{
    (void)state;
    assert_true(kr_tr_init("ja"));
#define X(name, value, text)                                                                                                       \
    assert_string_not_equal(kr_tr(text), text);                                                                                    \
    assert_true((unsigned char)kr_tr(text)[0] >= 0x80 || isupper((unsigned char)kr_tr(text)[0]));
    KR_ERRORS(X)
#undef X
}

static void test_languages(void **state)
{
    (void)state;
    static const struct {
        const char *language, *lc_all, *lc_messages, *lang, *expected;
    } cases[] = {
        {NULL, NULL, NULL, NULL, "en"},
        {NULL, NULL, NULL, "ja_JP.UTF-8", "ja"},
        {NULL, NULL, NULL, "ja", "ja"},
        {NULL, NULL, "ja_JP", "en_US.UTF-8", "ja"},
        {NULL, "en_US.UTF-8", "ja_JP", "ja_JP", "en"},
        {NULL, NULL, "", "ja_JP.UTF-8", "ja"},
        {"ja", NULL, NULL, "C.UTF-8", "ja"},
        {"ja", "C", NULL, NULL, "en"},
        {"ja", NULL, NULL, NULL, "en"},
        {"fr:ja:en", NULL, NULL, "fr_FR.UTF-8", "ja"},
        {"en:ja", NULL, NULL, "ja_JP.UTF-8", "en"},
        {"fr", NULL, NULL, "ja_JP.UTF-8", "ja"},
        {NULL, NULL, NULL, "jab_NG", "en"},
        {NULL, NULL, NULL, "j", "en"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const names[] = {"LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};
        const char *const values[] = {cases[i].language, cases[i].lc_all, cases[i].lc_messages, cases[i].lang};
        for (size_t j = 0; j < 4; j++) {
            assert_int_equal(values[j] != NULL ? setenv(names[j], values[j], 1) : unsetenv(names[j]), 0);
        }
        assert_true(kr_tr_init(NULL));
        assert_string_equal(kr_tr_language(), cases[i].expected);
        assert_true(kr_tr_init("en"));
        assert_string_equal(kr_tr("offline"), "offline");
        assert_true(kr_tr_init("ja"));
        assert_string_equal(kr_tr("offline"), "切断中");
        assert_string_equal(kr_tr("no such message"), "no such message");
        assert_string_equal(kr_tr(""), "");
    }
    assert_false(kr_tr_init("fr"));
    assert_string_equal(kr_tr_language(), "en");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalogue),
        cmocka_unit_test(test_every_error_is_translated),
        cmocka_unit_test(test_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
