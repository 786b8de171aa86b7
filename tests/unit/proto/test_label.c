#include "proto_test.h"

static void names_read_back(void **state)
{
    (void)state;
    for (enum kr_label label = KR_TLP_CLEAR; label <= KR_TLP_RED; label++) {
        enum kr_label read = KR_TLP_NONE;
        const char *name = kr_label_name(label);

        assert_int_equal(kr_label_parse(name, strlen(name), &read), KR_OK);
        assert_int_equal(read, label);
    }
    assert_string_equal(kr_label_name(KR_TLP_NONE), "");
    assert_string_equal(kr_label_name((enum kr_label)6), "");
}

static void labels_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        enum kr_label label;
    } cases[] = {
        {"clear", KR_TLP_CLEAR},
        {"TLP:WHITE", KR_TLP_CLEAR},
        {"tlp:green", KR_TLP_GREEN},
        {" TLP : Amber \r\n", KR_TLP_AMBER},
        {"TLP AMBER", KR_TLP_AMBER},
        {"amber + strict", KR_TLP_AMBER_STRICT},
        {"TLP:AMBER+STRICT", KR_TLP_AMBER_STRICT},
        {"ＴＬＰ：ＡＭＢＥＲ＋ＳＴＲＩＣＴ", KR_TLP_AMBER_STRICT},
        {"ｔｌｐ：ｒｅｄ", KR_TLP_RED},
        {"　TLP:GREEN　", KR_TLP_GREEN},
        {"TLP:\xc2\xa0RED", KR_TLP_RED},
        /* Somebody wanted a restriction that nobody here knows. */
        {"TLP:AMBER-STRICT", KR_TLP_RED},
        {"TLP:PURPLE", KR_TLP_RED},
        {"TLP:CLEARLY", KR_TLP_RED},
        {"TLP:緑", KR_TLP_RED},
        {"TLP:GREEN and a lot of text behind it", KR_TLP_RED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum kr_label label = KR_TLP_NONE;

        assert_int_equal(kr_label_parse(cases[i].text, strlen(cases[i].text), &label), KR_OK);
        assert_int_equal(label, cases[i].label);
    }
}

static void anything_else_is_unlabelled(void **state)
{
    static const char *const cases[] = {"", " ", "TLP", "TLP:", "purple", "TLP-GREEN", "greenish", "緑", "\xff", "\xef\xbc"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum kr_label label = KR_TLP_GREEN;

        assert_int_equal(kr_label_parse(cases[i], strlen(cases[i]), &label), KR_UNLABELLED);
        assert_int_equal(label, KR_TLP_GREEN);
    }
}

static void amber_and_stricter_are_sealed(void **state)
{
    (void)state;
    assert_false(kr_label_is_sealed(KR_TLP_CLEAR));
    assert_false(kr_label_is_sealed(KR_TLP_GREEN));
    assert_true(kr_label_is_sealed(KR_TLP_AMBER));
    assert_true(kr_label_is_sealed(KR_TLP_AMBER_STRICT));
    assert_true(kr_label_is_sealed(KR_TLP_RED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(labels_are_read_as_people_write_them),
        cmocka_unit_test(anything_else_is_unlabelled),
        cmocka_unit_test(amber_and_stricter_are_sealed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
