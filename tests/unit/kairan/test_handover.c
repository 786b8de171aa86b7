/* The paper for whoever takes over, against a keeper whose answers lie in the socket. */
#include "kairan_test.h"

#include <time.h>
#include <unistd.h>

#include "proto/client/duty.h"
#include "proto/client/rekey.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/kairan.h"

#define DAY_MS UINT64_C(86400000)

static void say_status(int fd, uint64_t number, const struct kr_status *status)
{
    struct kr_writer writer;
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_status_write(status, &writer);
    keeper_end(fd, number, &writer);
}

static void say_key(int fd, uint64_t number, struct kr_key_item key)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_KIB);
    kr_key_item_write(&key, &writer);
    keeper_item(fd, number, &writer);
}

/* In the order in which they are asked for: the status, bodies, persons, duty, drafts, keys, peers, the status. */
static void say_all(int fd, const struct kr_status *status, const struct kr_peer *peer, uint64_t now_s)
{
    const struct kr_client_frame hello = {.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    const struct kr_duty_sum sum = {0};
    struct kr_writer writer;
    keeper_say(fd, &hello);
    say_status(fd, 1, status);
    keeper_nothing_more(fd, 2);
    keeper_nothing_more(fd, 3);
    kr_writer_init(&writer, KR_KIB);
    kr_duty_sum_write(&sum, &writer);
    keeper_end(fd, 4, &writer);
    keeper_nothing_more(fd, 5);
    say_key(fd, 6,
            (struct kr_key_item){.sort = KR_KEY_OF_NODE, .state = KR_KEY_IN_USE, .from_s = now_s - 86400, .until_s = 4000000000});
    say_key(fd, 6, (struct kr_key_item){.sort = KR_KEY_OF_NODE, .state = KR_KEY_COMES, .from_s = 3999990000, .public_key = {1}});
    say_key(fd, 6, (struct kr_key_item){.sort = KR_KEY_OF_SEALING, .state = KR_KEY_REPLACED, .public_key = {2}});
    say_key(fd, 6, (struct kr_key_item){.sort = KR_KEY_OF_TRANSPORT, .state = KR_KEY_IN_USE, .from_s = 1, .public_key = {3}});
    keeper_nothing_more(fd, 6);
    kr_writer_init(&writer, KR_KIB);
    kr_peer_write(peer, &writer);
    keeper_item(fd, 7, &writer);
    keeper_nothing_more(fd, 7);
    say_status(fd, 8, status);
}

/* What it prints. */
static void hand_over(bool is_json, uint64_t started_ms, const struct kr_peer *peer, uint64_t now_ms, char *ret_text, size_t size)
{
    static struct kr_app app;
    const struct kr_status status = {.started_ms = started_ms, .now_ms = now_ms};
    char path[] = "/tmp/kairan-test-XXXXXX", *argv[] = {path};
    int ends[2], file = mkstemp(path), before = dup(STDOUT_FILENO);
    struct kr_error error = {0};
    assert_true(file >= 0 && before >= 0);
    assert_int_equal(unlink(path), 0);
    app = (struct kr_app){.is_json = is_json};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    say_all(ends[0], &status, peer, now_ms / 1000);
    assert_int_equal(kr_conn_adopt(ends[1], "test", "en", &app.conn, &error), KR_OK);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    const int outcome = kr_run_handover(&app, 1, argv);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    kr_conn_free(app.conn);
    const ssize_t len = pread(file, ret_text, size - 1, 0);
    assert_true(len >= 0);
    ret_text[len] = 0;
    assert_int_equal(close(file) + close(before) + close(ends[0]), 0);
    assert_int_equal(outcome, KR_EXIT_DONE);
}

/* A node knows of its peers since it was started, and since they were linked. */
static void a_peer_is_silent_from_when_the_node_listened(void **state)
{
    const uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    static const struct {
        uint64_t started_days, linked_days, seen_days, is_online, is_silent;
    } cases[] = {
        {1, 300, 0, false, false}, /* days before now; seen 0: not since the start */
        {8, 300, 0, false, true},    {300, 1, 0, false, false},  {300, 8, 0, false, true},
        {300, 300, 1, false, false}, {300, 300, 8, false, true}, {300, 300, 8, true, false},
    };
    char text[16384];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct kr_peer peer = {.name = slice("Kita"),
                                     .is_online = cases[i].is_online,
                                     .linked_ms = now_ms - cases[i].linked_days * DAY_MS,
                                     .last_seen_ms = cases[i].seen_days == 0 ? 0 : now_ms - cases[i].seen_days * DAY_MS};
        hand_over(true, now_ms - cases[i].started_days * DAY_MS, &peer, now_ms, text, sizeof text);
        assert_int_equal(strstr(text, "\"silent_peers\":[]") == NULL, cases[i].is_silent);
    }
}

static void keys_are_named_with_their_end_and_their_turn(void **state)
{
    const uint64_t now_ms = (uint64_t)time(NULL) * 1000;
    const struct kr_peer peer = {.name = slice("Kita"), .is_online = true};
    char text[16384];
    (void)state;
    hand_over(true, now_ms, &peer, now_ms, text, sizeof text);
    const char *keys = strstr(text, "\"node_keys\":[");
    assert_non_null(keys);
    assert_non_null(strstr(keys, "\"sort\":\"node\",\"state\":\"in use\""));
    assert_non_null(strstr(keys, "\"until\":\"2096-10-0"));
    assert_non_null(strstr(keys, "\"sort\":\"node\",\"state\":\"comes next\""));
    assert_non_null(strstr(keys, "\"turn\":\"2096-10-0"));
    assert_non_null(strstr(keys, "\"sort\":\"transport\""));
    assert_null(strstr(keys, "replaced"));
    hand_over(false, now_ms, &peer, now_ms, text, sizeof text);
    assert_non_null(strstr(text, "keys of the node, with their end"));
    assert_non_null(strstr(text, "signs from 2096-10-0"));
    assert_non_null(strstr(text, "transport  0300000000000000"));
    assert_null(strstr(text, "0200000000000000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_silent_from_when_the_node_listened),
        cmocka_unit_test(keys_are_named_with_their_end_and_their_turn),
    };
    return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
