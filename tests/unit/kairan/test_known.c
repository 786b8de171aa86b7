/* The file of keys that were sealed to before. */
#include "tests/unit/kairan/config_home.h"

#include "tools/kairan/known.h"

static const uint8_t council[32] = {0xab, 0xcd}, other[32] = {0xab, 0xce};

static struct kr_known *load(void)
{
    struct kr_known *known = NULL;
    assert_int_equal(kr_known_load(council, &known, NULL), KR_OK);
    return known;
}

static struct kr_addressed someone(uint32_t sort, uint32_t number, uint8_t key)
{
    struct kr_addressed one = {.sort = sort, .id = {(uint8_t)(number >> 8), (uint8_t)number}, .key = {key}};
    memcpy(one.council, council, 32);
    return one;
}

static void a_key_is_new_then_the_same_then_another(void **state)
{
    struct kr_addressed suzuki = someone(KR_ADDRESSED_PERSON, 1, 5);
    const struct kr_addressed body = someone(KR_ADDRESSED_BODY, 1, 6); /* the same id, of another sort */
    struct kr_addressed elsewhere = suzuki;
    uint8_t former[32] = {0};
    struct stat status;
    (void)state;
    memcpy(elsewhere.council, other, 32);
    struct kr_known *known = load();
    assert_int_equal(kr_known_find(known, &suzuki, former), KR_KNOWN_NEW);
    kr_known_put(known, &suzuki);
    assert_int_equal(kr_known_save(known, NULL), KR_OK);
    assert_int_equal(stat(known->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    free(known);
    known = load();
    assert_int_equal(kr_known_find(known, &suzuki, former), KR_KNOWN_SAME);
    assert_int_equal(former[0], 5);
    assert_int_equal(kr_known_find(known, &body, former), KR_KNOWN_NEW);
    assert_int_equal(kr_known_find(known, &elsewhere, former), KR_KNOWN_NEW);
    suzuki.key[0] = 7;
    assert_int_equal(kr_known_find(known, &suzuki, former), KR_KNOWN_CHANGED);
    assert_int_equal(former[0], 5);
    kr_known_put(known, &body);
    kr_known_put(known, &suzuki);
    assert_int_equal(known->count, 2);
    assert_int_equal(kr_known_save(known, NULL), KR_OK);
    free(known);
    known = load();
    assert_int_equal(kr_known_find(known, &suzuki, former), KR_KNOWN_SAME);
    assert_int_equal(kr_known_find(known, &body, former), KR_KNOWN_SAME);
    free(known);
}

static void the_oldest_makes_room(void **state)
{
    struct kr_addressed one;
    uint8_t former[32];
    struct kr_known *known = load();
    (void)state;
    for (uint32_t i = 0; i <= KR_KNOWN_MAX; i++) {
        one = someone(KR_ADDRESSED_PERSON, i, 1);
        kr_known_put(known, &one);
        if (i == 1) { /* put anew: it is the latest, and number 1 the oldest */
            one = someone(KR_ADDRESSED_PERSON, 0, 1);
            kr_known_put(known, &one);
        }
    }
    assert_int_equal(known->count, KR_KNOWN_MAX);
    assert_int_equal(kr_known_save(known, NULL), KR_OK); /* a full one fits */
    free(known);
    known = load();
    assert_int_equal(known->count, KR_KNOWN_MAX);
    one = someone(KR_ADDRESSED_PERSON, 1, 1);
    assert_int_equal(kr_known_find(known, &one, former), KR_KNOWN_NEW);
    one = someone(KR_ADDRESSED_PERSON, 0, 1);
    assert_int_equal(kr_known_find(known, &one, former), KR_KNOWN_SAME);
    one = someone(KR_ADDRESSED_PERSON, KR_KNOWN_MAX, 1);
    assert_int_equal(kr_known_find(known, &one, former), KR_KNOWN_SAME);
    free(known);
}

/* It is no file of nobody: what was known is not forgotten because a byte changed, or somebody else could write it. */
static void what_is_damaged_or_open_to_others_is_refused(void **state)
{
    const struct kr_addressed one = someone(KR_ADDRESSED_PERSON, 1, 1);
    struct kr_known *known = load(), *none = NULL;
    char path[PATH_MAX];
    uint8_t bytes[4096];
    (void)state;
    kr_known_put(known, &one);
    assert_int_equal(kr_known_save(known, NULL), KR_OK);
    (void)snprintf(path, sizeof path, "%s", known->path);
    free(known);
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(kr_known_load(council, &none, NULL), KR_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    const size_t len = get_file(path, bytes, sizeof bytes);
    for (size_t cut = 0; cut < len; cut++) {
        put_file(path, bytes, cut);
        assert_int_equal(kr_known_load(council, &none, NULL), KR_CORRUPT);
    }
    bytes[1] = 2; /* of a version that is none yet */
    put_file(path, bytes, len);
    assert_int_equal(kr_known_load(council, &none, NULL), KR_CORRUPT);
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_new_then_the_same_then_another),
        TEST(the_oldest_makes_room),
        TEST(what_is_damaged_or_open_to_others_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
