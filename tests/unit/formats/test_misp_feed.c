/* Feeds in folders: which files the manifest names, and what names it must not. */
#include <limits.h>
#include <unistd.h>

#include "tests/unit/formats/import_test.h"

#include "tools/formats/misp_feed.h"

static char folder[] = "/tmp/kr-test-feed.XXXXXX";

static void write_manifest(const char *text)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/manifest.json", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static enum kr_err write_path(void *context, const char *path)
{
    assert_int_equal(strncmp(path, folder, strlen(folder)), 0);
    (void)fprintf(context, "%s\n", path + strlen(folder) + 1);
    return KR_OK;
}

static enum kr_err read_feed(char **ret_lines, uint64_t *ret_odd, struct kr_error *error)
{
    size_t len;
    FILE *out = open_memstream(ret_lines, &len);
    assert_non_null(out);
    const enum kr_err err = kr_misp_feed_each(folder, write_path, out, ret_odd, error);
    assert_int_equal(fclose(out), 0);
    return err;
}

static void test_manifest(void **state)
{
    (void)state;
    char *lines = NULL;
    uint64_t odd = 0;
    write_manifest(
        "{\"5b8d9d33-ccf0-4fd9-82dc-7dbc0a016219\": {\"info\": \"a\"}, \"../../etc/passwd\": {}, \"\": {},\n"
        "\"5b8d9d33-ccf0-4fd9-82dc-7dbc0a01621/\": {}, \"58503e2f-4c78-442d-833f-8ad202de0b81\": {\"Tag\": [{\"}\": 1}]}}");
    assert_true(kr_misp_feed_is_one(folder));
    assert_int_equal(read_feed(&lines, &odd, NULL), KR_OK);
    assert_string_equal(lines, "5b8d9d33-ccf0-4fd9-82dc-7dbc0a016219.json\n58503e2f-4c78-442d-833f-8ad202de0b81.json\n");
    assert_int_equal(odd, 3);
    free(lines);
}

static void test_no_manifest(void **state)
{
    (void)state;
    char *lines = NULL;
    uint64_t odd = 0;
    struct kr_error error = {.text = ""};
    write_manifest("{\"5b8d9d33-ccf0-4fd9-82dc-7dbc0a016219\": {");
    assert_int_equal(read_feed(&lines, &odd, &error), KR_MALFORMED);
    assert_non_null(strstr(error.text, "manifest.json:1:"));
    assert_string_equal(lines, "");
    free(lines);
    write_manifest("[]");
    assert_int_equal(read_feed(&lines, &odd, &error), KR_MALFORMED);
    free(lines);
    assert_false(kr_misp_feed_is_one("/tmp/kr-test-feed.nowhere"));
}

static void check_path(const char *text, const char *expected)
{
    char *path = NULL;
    struct kr_error error = {.text = ""};
    const enum kr_err err = kr_misp_feed_path(text, &path, &error);
    if (expected == NULL) {
        assert_int_equal(err, KR_INVALID);
        assert_true(error.text[0] != 0);
        return;
    }
    assert_int_equal(err, KR_OK);
    assert_string_equal(path, expected);
    free(path);
}

static void test_paths(void **state)
{
    (void)state;
    check_path("feed", "feed");
    check_path("/a/100%/b", "/a/100%/b");
    check_path("file:///srv/a%20feed", "/srv/a feed");
    check_path("FILE://localhost/srv/x%2", "/srv/x%2");
    check_path("file://elsewhere/srv", NULL);
    check_path("https://feed.example/", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_no_manifest),
        cmocka_unit_test(test_paths),
    };
    char path[PATH_MAX];
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)snprintf(path, sizeof path, "%s/manifest.json", folder);
    (void)unlink(path);
    (void)rmdir(folder);
    return failed;
}
