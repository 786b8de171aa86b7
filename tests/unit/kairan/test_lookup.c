/* lookup against a keeper that is played: what it says of lists that are cut. */
#include "kairan_test.h"

#include <pthread.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/record/record.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/tr.h"

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
        const struct kr_match match = {.query = i,
                                       .indicator = {.type = 3, .value = slice("evil.biz"), .confidence = KR_CONFIDENCE_NONE},
                                       .record = {.kind = KR_KIND_REPORT, .label = KR_TLP_CLEAR, .title = slice("t")}};
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
    kr_writer_array(&result, 1);
    kr_writer_uint(&result, keeper->cut);
    assert_int_equal(kr_writer_finish(&result), KR_OK);
    said = (struct kr_client_frame){.type = KR_CLIENT_END, .number = number, .payload = {result.bytes, result.len}};
    keeper_say(fd, &said);
    kr_writer_deinit(&result);
    while (keeper_hear(fd, &frame)) {
    }
    (void)close(fd);
    return NULL;
}

/* Standard output while it looks two values up. */
static int look_up(uint32_t cut, uint32_t matches, bool is_json, char *ret_text, size_t size)
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
    char words[][16] = {"lookup", "evil.biz", "www.evil.biz"}, *argv[] = {words[0], words[1], words[2]};
    app = (struct kr_app){.state = directory, .is_json = is_json};
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    int status = kr_run_lookup(&app, 3, argv);
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cut), cmocka_unit_test(test_damaged), cmocka_unit_test(test_nonsense)};
    assert_true(kr_tr_init("en"));
    return cmocka_run_group_tests_name("kairan/lookup", tests, NULL, NULL);
}
