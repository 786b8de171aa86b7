/* lookup against a keeper that is played: what it says of lists that are cut. */
#include "kairan_test.h"

#include <pthread.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/record/record.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/tr.h"

#define NOTHING UINT32_MAX

struct keeper {
    int listener;
    uint32_t cut;     /* the value of which it left something out */
    uint32_t matches; /* one of each of so many values */
};

static void *serve(void *context)
{
    static struct kr_client_frame frame, said;
    const struct keeper *keeper = context;
    int fd = accept(keeper->listener, NULL, NULL);
    assert_true(fd >= 0 && keeper_hear(fd, &frame));
    said = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    keeper_say(fd, &said);
    assert_true(keeper_hear(fd, &frame));
    uint64_t number = frame.number;
    for (uint32_t i = 0; i < keeper->matches; i++) {
        const uint64_t now_s = (uint64_t)time(NULL);
        const struct kr_match match = {
            .query = i,
            .indicator = {.type = 3, .value = slice("evil.biz"), .last_s = now_s - i, .confidence = KR_CONFIDENCE_NONE},
            .record = {.kind = KR_KIND_REPORT,
                       .label = KR_TLP_CLEAR,
                       .title = slice("t"),
                       .created_ms = (now_s - (i == 0 ? 3 * 86400 : 7200)) * 1000,
                       .expires_s = now_s + 1000,
                       .taken = i == 0 ? KR_TAKEN_NOT : KR_TAKEN_WAITS}};
        struct kr_writer item;
        kr_writer_init(&item, KR_KIB);
        kr_match_write(&match, &item);
        assert_int_equal(kr_writer_finish(&item), KR_OK);
        said = (struct kr_client_frame){.type = KR_CLIENT_PAGE, .number = number, .item_count = 1};
        said.items[0] = (struct kr_slice){item.bytes, item.len};
        keeper_say(fd, &said);
        kr_writer_deinit(&item);
    }
    struct kr_writer result;
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, keeper->cut != NOTHING);
    if (keeper->cut != NOTHING) {
        kr_writer_uint(&result, keeper->cut);
    }
    assert_int_equal(kr_writer_finish(&result), KR_OK);
    said = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {result.bytes, result.len}};
    keeper_say(fd, &said);
    kr_writer_deinit(&result);
    while (keeper_hear(fd, &frame)) {
    }
    (void)close(fd);
    return NULL;
}

/* Standard output while it looks up what the arguments say; the keeper is asked once. */
static int look_up_words(uint32_t cut, uint32_t matches, bool is_json, int argc, char **argv, char *ret_text, size_t size)
{
    static struct kr_app app;
    struct keeper keeper = {.cut = cut, .matches = matches};
    char directory[] = "/tmp/kairan-test-XXXXXX", path[] = "/tmp/kairan-test-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    int file = mkstemp(path), before = dup(STDOUT_FILENO);
    assert_true(file >= 0 && before >= 0);
    assert_int_equal(unlink(path), 0);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/kairand.sock", directory);
    keeper.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(keeper.listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(keeper.listener, 8), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, &keeper), 0);
    app = (struct kr_app){.state = directory, .is_json = is_json};
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    int status = kr_run_lookup(&app, argc, argv);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    kr_conn_free(app.conn);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(keeper.listener), 0);
    assert_int_equal(unlink(address.sun_path) + rmdir(directory), 0);
    ssize_t len = pread(file, ret_text, size - 1, 0);
    assert_true(len >= 0);
    ret_text[len] = 0;
    assert_int_equal(close(file) + close(before), 0);
    return status;
}

static int look_up(uint32_t cut, uint32_t matches, bool is_json, char *ret_text, size_t size)
{
    char words[][16] = {"lookup", "evil.biz", "www.evil.biz"}, *argv[] = {words[0], words[1], words[2]};
    return look_up_words(cut, matches, is_json, 3, argv, ret_text, size);
}

static void test_cut(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(look_up(1, 2, false, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "www.evil.biz  has more matches than are listed"));
    assert_null(strstr(text, "\nevil.biz  has more"));
    assert_int_equal(look_up(0, 2, true, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "{\"query\":\"evil.biz\",\"type\":\"domain\",\"cut\":true}\n"));
    assert_null(strstr(strstr(text, "\"cut\"") + 1, "\"cut\""));
}

/* What was found lies in records that cannot be read: that is not the same as nothing. */
static void test_damaged(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(look_up(1, 1, false, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "www.evil.biz  may be in a record that is damaged"));
    assert_null(strstr(text, "www.evil.biz  not found"));
    assert_int_equal(look_up(1, 1, true, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "{\"query\":\"www.evil.biz\",\"type\":\"domain\",\"cut\":true}\n"));
    assert_null(strstr(text, "\"found\":false"));
    assert_int_equal(look_up(1, 0, false, text, sizeof text), KR_EXIT_ERROR); /* a script must not take it for "nothing" */
}

/* A keeper that names a value that was not asked about has not understood. */
static void test_nonsense(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(look_up(2, 2, false, text, sizeof text), KR_EXIT_ERROR);
}

/* How the indicator belongs to the value, how old it is, whether it stands. */
static void test_details(void **state)
{
    (void)state;
    char text[4096];
    assert_int_equal(look_up(0, 2, false, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "as domain evil.biz (the same value)"));
    assert_non_null(strstr(text, "as domain evil.biz (a parent domain)"));
    assert_non_null(strstr(text, "3 days old, live until "));
    assert_non_null(strstr(text, ", last seen 2"));
    assert_non_null(strstr(text, "2 h old, taken back by its author"));
    assert_non_null(strstr(text, "found: 2 of 2 values\n"));
    assert_int_equal(look_up(0, 2, true, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "\"match\":\"same\",\"state\":\"live\",\"age_s\":2592"));
    assert_non_null(strstr(text, "\"match\":\"parent\",\"state\":\"waits\",\"age_s\":72"));
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

/* Several files, texts among them; what is no value is left out, and never reads as "not found". */
static void test_files(void **state)
{
    (void)state;
    char text[4096], first[] = "/tmp/kairan-test-XXXXXX", second[] = "/tmp/kairan-test-XXXXXX", flag[] = "-f", word[] = "lookup";
    char value[] = "http://a.biz/x?y";
    char *argv[] = {word, flag, first, flag, second, value};
    write_file(first, "# suspects\n\n  evil.biz \r\nno value at all\n");
    write_file(second, "# a remark\nsee hxxp://www.evil[.]biz/a, and 203.0.113.7 too\n");
    assert_int_equal(look_up_words(0, 1, false, 6, argv, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "\nhttp://www.evil.biz/a  not found\n"));
    assert_non_null(strstr(text, "\n203.0.113.7  not found\n"));
    assert_non_null(strstr(text, "\nhttp://a.biz/x?y  not found\n"));
    assert_non_null(strstr(text, "found: 1 of 4 values\n"));
    assert_int_equal(look_up_words(NOTHING, 0, false, 3, argv, text, sizeof text), KR_EXIT_ERROR);
    argv[2] = second;
    assert_int_equal(look_up_words(NOTHING, 0, false, 3, argv, text, sizeof text), KR_EXIT_NONE);
    assert_int_equal(unlink(first) + unlink(second), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_damaged), cmocka_unit_test(test_nonsense),
                                       cmocka_unit_test(test_details), cmocka_unit_test(test_files)};
    assert_true(kr_tr_init("en"));
    return cmocka_run_group_tests_name("kairan/lookup", tests, NULL, NULL);
}
