/* doctor against a keeper whose answers lie in the socket: each finding when it is due, and none when all is well. */
#include "kairan_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/private_file.h"
#include "crypto/secret.h"
#include "proto/client/node.h"
#include "proto/client/sizes.h"
#include "proto/client/trial.h"
#include "proto/record/statement.h"
#include "tests/support/fake_keeper.h"
#include "tools/kairan/duty.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/keys.h"
#include "tools/kairan/people.h"

#define NOW_MS UINT64_C(1800000000000)
#define DAY_MS UINT64_C(86400000)

/* What a node says of itself; all is well in it. */
struct node {
    struct kr_status status;
    struct kr_peer peers[2];
    struct kr_card card;
    mode_t keyring_mode;
    const char *sizes;             /* NULL: there is no such file */
    struct kr_key_item key, other; /* other: sort 0 where there is none */
    struct kr_key_item third;      /* likewise */
    bool asks_nodes;               /* what the keys are makes doctor ask which nodes there are */
    struct kr_node_item others[2]; /* of the nodes; state 0: none */
    struct kr_tried tried;
    uint32_t caller_roles, person_states[3]; /* of approvers; 0: there is none */
    struct kr_duty_item duty;                /* type 0: none */
    struct kr_duty_sum duty_sum;
    bool has_body, is_rotation_due; /* a body with a key, of which one is to be replaced */
    uint32_t holders;
};

static void make_well(struct node *node)
{
    static uint8_t genesis[200];
    struct kr_writer writer;
    const uint8_t zeros[32] = {0};
    kr_writer_init(&writer, sizeof genesis);
    kr_council_genesis_write(zeros, zeros, zeros, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    memcpy(genesis, writer.bytes, writer.len);
    memset(node, 0, sizeof *node);
    node->keyring_mode = 0600;
    node->caller_roles = KR_ROLE_ADMIN;
    node->tried = (struct kr_tried){.outcome = KR_TRIAL_REACHED, .council = {1}, .name = slice("Kita"), .at_ms = NOW_MS};
    node->key = (struct kr_key_item){.sort = KR_KEY_OF_NODE, .state = KR_KEY_IN_USE, .from_s = NOW_MS / 1000 - 86400};
    node->status = (struct kr_status){.now_ms = NOW_MS,
                                      .endpoint = slice("tcp://192.0.2.1:7370"),
                                      .disk_free_bytes = 64 * UINT64_C(1073741824),
                                      .store_bytes = 1 << 20,
                                      .room = {.map_bytes = 1 << 30, .used_bytes = 8 << 20, .free_bytes = 3 << 20},
                                      .backup_s = NOW_MS / 1000 - 29 * 86400,
                                      .storage = {.from_s = NOW_MS / 1000 - 364 * 86400},
                                      .links = 2,
                                      .links_online = 2,
                                      .net_is_up = true,
                                      .keyring_is_protected = true,
                                      .store_is_writable = true};
    for (int i = 0; i < 2; i++) {
        node->peers[i] = (struct kr_peer){.council = {(uint8_t)(i + 1)},
                                          .name = slice(i == 0 ? "Kita" : "Minami"),
                                          .state = KR_LINK_OPEN,
                                          .is_online = true,
                                          .we_dial = i == 0,
                                          .last_seen_ms = NOW_MS,
                                          .clock_ms = 20};
    }
    node->card = (struct kr_card){.genesis = {genesis, writer.len},
                                  .name_en = slice("Here"),
                                  .contact_mail = slice("soc@example.jp"),
                                  .transport_count = 1,
                                  .node_count = 1,
                                  .sealing_count = 1};
    kr_writer_deinit(&writer);
}

static void say_one_key(int fd, const struct kr_key_item *item)
{
    struct kr_writer writer;
    if (item->sort != 0) {
        kr_writer_init(&writer, KR_KIB);
        kr_key_item_write(item, &writer);
        keeper_item(fd, 4, &writer);
    }
}

/* The number of the request behind it. */
static uint64_t say_key(int fd, const struct node *node)
{
    struct kr_writer writer;
    say_one_key(fd, &node->key);
    say_one_key(fd, &node->other);
    say_one_key(fd, &node->third);
    keeper_nothing_more(fd, 4);
    if (!node->asks_nodes) {
        return 5;
    }
    for (size_t i = 0; i < 2 && node->others[i].state != 0; i++) {
        kr_writer_init(&writer, KR_KIB);
        kr_node_item_write(&node->others[i], &writer);
        keeper_item(fd, 5, &writer);
    }
    keeper_nothing_more(fd, 5);
    return 6;
}

static uint64_t say_duty(int fd, const struct node *node, uint64_t number)
{
    struct kr_writer writer;
    if (!node->status.needs_approval) {
        return number;
    }
    if (node->duty.type != 0) {
        kr_writer_init(&writer, KR_KIB);
        kr_duty_item_write(&node->duty, &writer);
        keeper_item(fd, number, &writer);
    }
    kr_writer_init(&writer, KR_KIB);
    kr_duty_sum_write(&node->duty_sum, &writer);
    keeper_end(fd, number, &writer);
    return number + 1;
}

static void say_bodies(int fd, const struct node *node, uint64_t number)
{
    static const uint8_t key[32] = {9};
    const struct kr_body_card card = {.standing = KR_STANDING_ACTIVE, .name_en = slice("Sapporo"), .key = {key, 32}};
    struct kr_writer writer, bytes;
    if (node->has_body) {
        kr_writer_init(&bytes, KR_KIB);
        kr_body_card_write(&card, &bytes);
        assert_int_equal(kr_writer_finish(&bytes), KR_OK);
        const struct kr_body_item item = {
            .card = {bytes.bytes, bytes.len}, .holders = node->holders, .is_rotation_due = node->is_rotation_due};
        kr_writer_init(&writer, 2 * KR_KIB);
        kr_body_item_write(&item, &writer);
        keeper_item(fd, number, &writer);
        kr_writer_deinit(&bytes);
    }
    keeper_nothing_more(fd, number);
}

static uint64_t say_people(int fd, const struct node *node, uint64_t number)
{
    const struct kr_whoami whoami = {.has_people = true, .is_operator = true, .roles = node->caller_roles};
    const struct kr_person_card card = {.standing = KR_STANDING_ACTIVE, .roles = KR_ROLE_APPROVER, .name = slice("Suzuki")};
    struct kr_writer writer, bytes;
    kr_writer_init(&writer, KR_KIB);
    kr_whoami_write(&whoami, &writer);
    keeper_end(fd, number++, &writer);
    if (node->caller_roles == KR_ROLE_READER) {
        return number;
    }
    if (!node->status.needs_approval) {
        say_bodies(fd, node, number);
        return number + 1;
    }
    for (size_t i = 0; i < sizeof node->person_states / sizeof node->person_states[0] && node->person_states[i] != 0; i++) {
        kr_writer_init(&bytes, KR_KIB);
        kr_person_card_write(&card, &bytes);
        assert_int_equal(kr_writer_finish(&bytes), KR_OK);
        const struct kr_person_item item = {.state = node->person_states[i], .card = {bytes.bytes, bytes.len}};
        kr_writer_init(&writer, 2 * KR_KIB);
        kr_person_item_write(&item, &writer);
        keeper_item(fd, number, &writer);
        kr_writer_deinit(&bytes);
    }
    keeper_nothing_more(fd, number);
    say_bodies(fd, node, number + 1);
    return number + 2;
}

/* All answers, in the order in which they are asked for. */
static void say_all(int fd, const struct node *node)
{
    static struct kr_client_frame frame;
    struct kr_writer writer, card;
    frame = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
    keeper_say(fd, &frame);
    kr_writer_init(&writer, 4 * KR_KIB);
    kr_status_write(&node->status, &writer);
    keeper_end(fd, 1, &writer);
    for (uint64_t i = 0; i < node->status.links; i++) {
        kr_writer_init(&writer, KR_KIB);
        kr_peer_write(&node->peers[i], &writer);
        keeper_item(fd, 2, &writer);
    }
    keeper_nothing_more(fd, 2);
    kr_writer_init(&card, KR_CARD_BYTES_MAX);
    kr_card_write(&node->card, &card);
    assert_int_equal(kr_writer_finish(&card), KR_OK);
    const struct kr_council_item item = {.is_self = true, .card = {card.bytes, card.len}};
    kr_writer_init(&writer, 2 * KR_CARD_BYTES_MAX);
    kr_council_item_write(&item, &writer);
    keeper_item(fd, 3, &writer);
    keeper_nothing_more(fd, 3);
    kr_writer_deinit(&card);
    const uint64_t number = say_people(fd, node, say_duty(fd, node, say_key(fd, node)));
    kr_writer_init(&writer, KR_KIB);
    kr_tried_write(&node->tried, &writer);
    keeper_end(fd, number, &writer);
}

static void touch(const char *directory, const char *name, mode_t mode)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode) + close(fd), 0);
}

/* Its exit status, and what it prints as JSON. */
static int examine(const struct node *node, char *ret_text, size_t size)
{
    static struct kr_app app;
    char directory[] = "/tmp/kairan-test-XXXXXX", path[] = "/tmp/kairan-test-XXXXXX", store[64], file_path[80], *argv[] = {path};
    int ends[2], file = mkstemp(path), before = dup(STDOUT_FILENO);
    struct kr_error error = {0};
    assert_true(file >= 0 && before >= 0);
    assert_int_equal(unlink(path), 0);
    assert_non_null(mkdtemp(directory));
    (void)snprintf(store, sizeof store, "%s/store", directory);
    assert_int_equal(mkdir(store, 0700), 0);
    touch(directory, "keyring", node->keyring_mode);
    touch(directory, "store/data.mdb", 0600);
    if (node->sizes != NULL) {
        char sizes_path[80];
        (void)snprintf(sizes_path, sizeof sizes_path, "%s/%s", directory, KR_SIZES_NAME);
        assert_int_equal(kr_private_file_write(sizes_path, node->sizes, strlen(node->sizes), false, NULL), KR_OK);
    }
    app = (struct kr_app){.is_json = true};
    (void)snprintf(app.directory, sizeof app.directory, "%s", directory);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    say_all(ends[0], node);
    assert_int_equal(kr_conn_adopt(ends[1], "test", "en", &app.conn, &error), KR_OK);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(file, STDOUT_FILENO) >= 0);
    int status = kr_run_doctor(&app, 1, argv);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    kr_conn_free(app.conn);
    ssize_t len = pread(file, ret_text, size - 1, 0);
    assert_true(len >= 0);
    ret_text[len] = 0;
    assert_int_equal(close(file) + close(before) + close(ends[0]), 0);
    static const char *const names[] = {"keyring", "store/data.mdb", KR_SIZES_NAME};
    for (size_t i = 0; i < (node->sizes != NULL ? 3 : 2); i++) {
        (void)snprintf(file_path, sizeof file_path, "%s/%s", directory, names[i]);
        assert_int_equal(unlink(file_path), 0);
    }
    assert_int_equal(rmdir(store) + rmdir(directory), 0);
    return status;
}

static bool finds(const char *text, const char *check, const char *level)
{
    char wanted[100];
    (void)snprintf(wanted, sizeof wanted, "{\"check\":\"%s\",\"level\":\"%s\"", check, level);
    return strstr(text, wanted) != NULL;
}

static void nothing_is_said_of_a_node_that_is_well(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_null(strstr(text, "\"warning\""));
    assert_null(strstr(text, "\"problem\""));
    static const char *const checks[] = {"files",  "passphrase", "root-key", "recovery-key", "store", "map",
                                         "backup", "network",    "peers",    "clock",        "card",  "node-key"};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        assert_true(finds(text, checks[i], "good"));
    }
}

/* A second node key, whose turn is then; 0: it is not on the card. And the end that the one in use has for its sake. */
static struct kr_key_item comes(enum kr_key_state state, uint64_t turn_s)
{
    return (struct kr_key_item){
        .sort = KR_KEY_OF_NODE, .state = state, .public_key = {7}, .from_s = turn_s != 0 ? turn_s - KR_KEY_EARLIER_S : 0};
}

static uint64_t ends(uint64_t turn_s)
{
    return turn_s + KR_KEY_OVERLAP_S;
}

/* The file of sizes: so large it was so many days ago. */
static const char *grown(uint64_t days, uint64_t bytes)
{
    static char text[64];
    (void)snprintf(text, sizeof text, "%llu %llu\n", (unsigned long long)(NOW_MS / 1000 - days * 86400), (unsigned long long)bytes);
    return text;
}

static void a_store_that_grows_slowly_is_no_fault(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    node.sizes = grown(10, 0);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "grew by 0.1 MiB a day in the last 10 days"));
    node.sizes = grown(0, 0); /* nothing is known yet */
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_null(strstr(text, "\"growth\""));
    node.sizes = "nonsense";
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
}

/* What is planned, or set aside, is no fault; and who planned is reminded of an old key no more. */
static void a_key_for_a_day_to_come_is_no_fault(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    node.other = comes(KR_KEY_COMES, NOW_MS / 1000 + 86400);
    node.key.from_s = NOW_MS / 1000 - UINT64_C(731) * 86400;
    node.key.until_s = ends(NOW_MS / 1000 + 86400);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "turns to a new key by itself"));
    node.other = comes(KR_KEY_NOT_HERE, NOW_MS / 1000 + 86401); /* another node's, of this council */
    node.key.from_s = NOW_MS / 1000 - 86400;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    make_well(&node);
    node.other = comes(KR_KEY_ASIDE, 0);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
}

/* Each node of a council has its key on the same card: it is nobody's, or another's. */
static void a_key_of_another_node_is_no_fault(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    node.other = comes(KR_KEY_NOT_HERE, NOW_MS / 1000 - 9000); /* whose key begins with 7 */
    node.asks_nodes = true;
    node.others[0] = (struct kr_node_item){.state = KR_NODE_OTHER, .node_key = {7}};
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    node.others[0].state = KR_NODE_ASKS; /* one that asks has none */
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_NONE);
    assert_non_null(strstr(text, "that no node of this council has: 1"));
    /* The other node has turned to its next key, and was not met since. */
    node.third = (struct kr_key_item){
        .sort = KR_KEY_OF_NODE, .state = KR_KEY_REPLACED, .public_key = {8}, .from_s = 1, .until_s = ends(NOW_MS / 1000 - 9000)};
    node.others[0] = (struct kr_node_item){.state = KR_NODE_OTHER, .node_key = {8}};
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    node.third.until_s++;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_NONE);
    /* One was never met: one key may be its own, and not two. */
    node.third.sort = 0;
    node.others[0] = (struct kr_node_item){.state = KR_NODE_OTHER};
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    node.third = comes(KR_KEY_NOT_HERE, NOW_MS / 1000 - 9001);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_NONE);
    assert_non_null(strstr(text, "that no node of this council has: 1"));
    node.others[1] = (struct kr_node_item){.state = KR_NODE_OTHER, .node_key = {7}};
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
}

/* A backup takes a while, and a store from which nothing is known is not full. */
static void who_reads_for_a_while_is_no_fault(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    node.status.room.reader_commits = 1000;
    node.status.room.reader_s = 1799;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "the store takes 8 MiB; 3 MiB of them are free"));
    node.status.room.used_bytes = node.status.room.map_bytes - (32u << 20);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    node.status.room = (struct kr_status_room){0};
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_false(finds(text, "map", "good"));
}

#define EXPECT(change, check, level)                                                                                               \
    do {                                                                                                                           \
        make_well(&node);                                                                                                          \
        change;                                                                                                                    \
        assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_NONE);                                                         \
        assert_true(finds(text, check, level));                                                                                    \
    } while (0)

static void each_thing_that_is_wrong_is_found(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    EXPECT(node.keyring_mode = 0640, "files", "problem");
    EXPECT(node.status.keyring_is_protected = false, "passphrase", "warning");
    EXPECT(node.status.has_root = true, "root-key", "warning");
    EXPECT(node.status.has_recovery = true, "recovery-key", "warning");
    EXPECT(node.status.store_is_writable = false, "store", "problem");
    EXPECT(node.status.disk_free_bytes = 1 << 20, "store", "warning");
    EXPECT(node.status.store_bytes = 300 * UINT64_C(1073741824), "store", "warning");
    EXPECT((node.sizes = grown(10, 0), node.status.store_bytes = 20 * UINT64_C(1073741824)), "growth", "warning"); /* in 32 days */
    EXPECT(node.status.room.used_bytes = node.status.room.map_bytes - (32u << 20) + 1, "map", "warning");
    EXPECT((node.status.room.reader_commits = 1, node.status.room.reader_s = 1800, node.status.room.reader_process = 4711),
           "reader", "warning");
    assert_non_null(strstr(text, "process 4711 has read one state of the store for 30 minutes"));
    assert_non_null(strstr(text, "kill 4711"));
    EXPECT((node.status.room.reader_commits = 1, node.status.room.reader_s = 1800, node.status.room.is_reader_own = true), "reader",
           "warning");
    assert_non_null(strstr(text, "restart it"));
    assert_null(strstr(text, "kill"));
    EXPECT((node.status.commits = 1000, node.status.commit_us_p99 = 400000), "disk", "warning");
    EXPECT(node.status.backup_s = 0, "backup", "warning");
    EXPECT(node.status.backup_s = NOW_MS / 1000 - 31 * 86400, "backup", "warning");
    EXPECT(node.status.storage.from_s = NOW_MS / 1000 - 366 * 86400, "storage-key", "warning");
    EXPECT(node.status.storage.next_s = NOW_MS / 1000 - 901, "storage-key", "problem"); /* it has not even begun */
    EXPECT((node.status.storage.next_s = NOW_MS / 1000 - 5000, node.status.storage.moved_s = NOW_MS / 1000 - 901), "storage-key",
           "problem");
    EXPECT((node.status.storage.next_s = NOW_MS / 1000 - 86401, node.status.storage.moved_s = NOW_MS / 1000), "storage-key",
           "warning");
    EXPECT((node.status.restored = 1, node.status.awaited = 2), "restored", "problem");
    EXPECT(node.status.restored = 2, "restored", "problem");
    EXPECT(node.status.net_is_up = false, "network", "problem");
    EXPECT(node.status.net_restarts = 9, "network", "warning");
    EXPECT(node.status.alarms = 1, "alarms", "problem");
    EXPECT(node.status.takebacks_waiting = 1, "retractions", "warning");
    EXPECT(node.status.quarantined = 1, "quarantine", "warning");
    EXPECT(node.status.links = node.status.links_online = 0, "peers", "warning");
    EXPECT(node.peers[0].state = KR_LINK_PAUSED, "peers", "warning");
    EXPECT(node.peers[0].refused_records = 3, "peers", "warning");
    EXPECT(node.peers[0].claims_key = true, "peers", "problem");
    EXPECT((node.peers[0].is_online = false, node.peers[0].last_seen_ms = NOW_MS - 4 * DAY_MS), "peers", "warning");
    EXPECT((node.peers[0].is_online = node.peers[1].is_online = false, node.status.links_online = 0), "peers", "problem");
    EXPECT((node.peers[1].is_online = false, node.status.links_online = 1), "reachable", "warning");
    EXPECT(node.peers[0].clock_ms = node.peers[1].clock_ms = 200000, "clock", "problem");
    EXPECT(node.peers[0].clock_ms = node.peers[1].clock_ms = -200000, "clock", "problem");
    EXPECT(node.card.contact_mail.len = 0, "card", "warning");
    EXPECT(node.card.sealing[0].until_s = NOW_MS / 1000 + 86400, "card", "warning");
    EXPECT(node.card.node[0].until_s = NOW_MS / 1000 - 1, "card", "problem");
    EXPECT(node.card.transport[0].from_s = NOW_MS / 1000 + 1, "card", "problem");
    EXPECT(node.key.state = KR_KEY_UNLISTED, "node-key", "problem");
    EXPECT(node.key.until_s = NOW_MS / 1000 + 29 * 86400, "node-key", "warning");
    EXPECT(node.key.until_s = NOW_MS / 1000, "node-key", "problem");
    EXPECT(node.key.from_s = NOW_MS / 1000 - UINT64_C(731) * 86400, "node-key", "warning");
    EXPECT(node.key.state = KR_KEY_COMES, "node-key", "warning");
    EXPECT((node.key.state = KR_KEY_NOT_HERE, node.asks_nodes = true), "node-key", "warning");
    EXPECT(node.other = comes(KR_KEY_COMES, 0), "node-key", "warning"); /* made, and the card does not list it */
    EXPECT((node.other = comes(KR_KEY_COMES, NOW_MS / 1000 - 9000), node.key.until_s = ends(NOW_MS / 1000 - 9000)), "node-key",
           "warning"); /* late */
    EXPECT((node.other = comes(KR_KEY_NOT_HERE, NOW_MS / 1000 + 9000), node.key.until_s = ends(NOW_MS / 1000 + 9000)), "node-key",
           "warning"); /* an older keyring was put back */
    EXPECT((node.other = comes(KR_KEY_NOT_HERE, NOW_MS / 1000 - 9000), node.asks_nodes = true), "node-key", "warning");
    EXPECT((node.has_body = true, node.holders = 0), "body-keys", "problem");
    EXPECT((node.has_body = true, node.holders = 1), "body-keys", "warning");
    EXPECT((node.has_body = true, node.holders = 2, node.is_rotation_due = true), "body-keys", "warning");
    EXPECT(node.tried.outcome = KR_TRIAL_REFUSED, "reachable", "problem");
    EXPECT(node.tried.outcome = KR_TRIAL_SILENT, "reachable", "problem");
    EXPECT(node.tried.outcome = KR_TRIAL_NO_CARD, "reachable", "warning");
    EXPECT(node.status.needs_approval = true, "approvers", "problem");
    EXPECT((node.status.needs_approval = true, node.person_states[0] = KR_PERSON_STATE_ACTIVE), "approvers", "warning");
    EXPECT((node.status.needs_approval = true, node.person_states[0] = KR_PERSON_STATE_REVOKED,
            node.person_states[1] = KR_PERSON_STATE_ACTIVE),
           "approvers", "warning");
}

/* A link that stands still: what to do depends on why. */
static void a_stopped_link_has_its_way_on(void **state)
{
    static const struct {
        const char *says;
        uint32_t stop;
        bool may_resume;
    } cases[] = {{"does not list", KR_STOP_NODE_KEY, true},
                 {"has not signed", KR_STOP_CARD, true},
                 {"then another", KR_STOP_PAIRING, false},
                 {"older state", KR_STOP_RESTORED, false},
                 {"does not know", 77, false}};
    struct node node;
    char text[16384];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        EXPECT(node.peers[0].stop = cases[i].stop, "peers", "problem");
        assert_non_null(strstr(text, cases[i].says));
        assert_int_equal(strstr(text, "kairan peer resume") != NULL, cases[i].may_resume);
        assert_non_null(strstr(text, "kairan peer remove"));
    }
}

/* Where the operator has paused all links, it is no wonder that nobody is online. */
static void all_paused_is_no_broken_network(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    for (int i = 0; i < 2; i++) {
        node.peers[i].state = KR_LINK_PAUSED;
        node.peers[i].is_online = false;
    }
    node.status.links_online = 0;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_NONE);
    assert_true(finds(text, "peers", "warning"));
    assert_false(finds(text, "peers", "problem"));
    assert_false(finds(text, "peers", "good"));
    assert_false(finds(text, "reachable", "warning"));
}

/* One peer's clock says nothing about ours, and who was away for a night is not silent. */
static void what_is_usual_is_not_told(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    node.peers[0].clock_ms = -86400000;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    make_well(&node);
    node.peers[0].is_online = false;
    node.peers[0].last_seen_ms = NOW_MS - 2 * DAY_MS;
    node.status.links_online = 1;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    /* Nor one that was not seen since this node was started an hour ago. */
    node.peers[0].last_seen_ms = 0;
    node.peers[0].linked_ms = NOW_MS - 300 * DAY_MS;
    node.status.started_ms = NOW_MS - DAY_MS / 24;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    node.status.started_ms = NOW_MS - 5 * DAY_MS;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_NONE);
    for (uint32_t outcome = KR_TRIAL_LATER; outcome <= KR_TRIAL_UNTOLD + 1; outcome++) { /* nobody could tell */
        make_well(&node);
        node.tried.outcome = outcome == KR_TRIAL_NO_CARD ? KR_TRIAL_ASK : outcome;
        assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
        assert_false(finds(text, "reachable", "good"));
    }
    make_well(&node);
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_non_null(strstr(text, "Kita reached this node at its address tcp://192.0.2.1:7370"));
    make_well(&node); /* the storage key is being replaced, and that gets on */
    node.status.storage.next_s = NOW_MS / 1000 - 3600;
    node.status.storage.moved_s = NOW_MS / 1000 - 5;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
}

static void two_who_approve_are_enough(void **state)
{
    struct node node;
    char text[16384];
    (void)state;
    make_well(&node);
    node.has_body = true;
    node.holders = 2;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_true(finds(text, "body-keys", "good"));
    node.status.needs_approval = true;
    node.person_states[0] = node.person_states[1] = KR_PERSON_STATE_ACTIVE;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_true(finds(text, "approvers", "good"));
    /* Who may not look at persons is told nothing of them, and of the rest as always. */
    node.person_states[0] = 0;
    node.caller_roles = KR_ROLE_READER;
    assert_int_equal(examine(&node, text, sizeof text), KR_EXIT_DONE);
    assert_false(finds(text, "approvers", "problem"));
}

/* Two who approve, so that nothing else is wrong; with `duty` as the only item, and the sum. */
static int with_duty(const struct kr_duty_item *item, const struct kr_duty_sum *sum, char *ret_text, size_t size)
{
    struct node node;
    make_well(&node);
    node.status.needs_approval = true;
    node.person_states[0] = node.person_states[1] = KR_PERSON_STATE_ACTIVE;
    if (item != NULL) {
        node.duty = *item;
    }
    node.duty_sum = *sum;
    return examine(&node, ret_text, size);
}

static void what_was_agreed_beforehand_is_looked_at(void **state)
{
    const uint64_t now_s = NOW_MS / 1000;
    struct kr_duty_item consent = {.type = KR_DUTY_CONSENT, .state = KR_CONSENT_HOLDS, .until_s = now_s + 31 * UINT64_C(86400)};
    struct kr_duty_item entry = {
        .type = KR_DUTY_ROSTER, .state = KR_PERSON_STATE_ACTIVE, .from_s = now_s - 86400, .until_s = now_s + 20 * UINT64_C(86400)};
    struct kr_duty_sum sum = {0};
    char text[16384];
    (void)state;
    assert_int_equal(with_duty(&consent, &sum, text, sizeof text), KR_EXIT_DONE);
    consent.until_s = now_s + 29 * UINT64_C(86400);
    assert_int_equal(with_duty(&consent, &sum, text, sizeof text), KR_EXIT_NONE);
    assert_true(finds(text, "consents", "warning"));
    assert_non_null(strstr(text, "29 days"));
    consent.state = KR_CONSENT_GIVER_GONE;
    consent.until_s = now_s + 300 * UINT64_C(86400);
    assert_int_equal(with_duty(&consent, &sum, text, sizeof text), KR_EXIT_NONE);
    assert_true(finds(text, "consents", "warning"));
    consent.state = KR_CONSENT_ENDED;
    assert_int_equal(with_duty(&consent, &sum, text, sizeof text), KR_EXIT_DONE);
    sum = (struct kr_duty_sum){.unreviewed = 3, .oldest_ms = NOW_MS - 23 * UINT64_C(3600000)};
    assert_int_equal(with_duty(NULL, &sum, text, sizeof text), KR_EXIT_DONE);
    sum.oldest_ms = NOW_MS - 49 * UINT64_C(3600000);
    assert_int_equal(with_duty(NULL, &sum, text, sizeof text), KR_EXIT_NONE);
    assert_true(finds(text, "review", "warning"));
    assert_non_null(strstr(text, "not reviewed yet: 3, the first for 2 days"));
    sum = (struct kr_duty_sum){.has_roster = true};
    assert_int_equal(with_duty(&entry, &sum, text, sizeof text), KR_EXIT_DONE);
    entry.until_s = now_s + 5 * UINT64_C(86400);
    assert_int_equal(with_duty(&entry, &sum, text, sizeof text), KR_EXIT_NONE);
    assert_true(finds(text, "duty", "warning"));
    entry.until_s = now_s + 20 * UINT64_C(86400);
    entry.state = KR_PERSON_STATE_REVOKED; /* who is no person of the council is not on duty */
    assert_int_equal(with_duty(&entry, &sum, text, sizeof text), KR_EXIT_NONE);
    assert_non_null(strstr(text, "14 of the next 14 days"));
}

static int start(void **state)
{
    (void)state;
    return kr_crypto_init() == KR_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_said_of_a_node_that_is_well),
        cmocka_unit_test(a_store_that_grows_slowly_is_no_fault),
        cmocka_unit_test(a_key_for_a_day_to_come_is_no_fault),
        cmocka_unit_test(a_key_of_another_node_is_no_fault),
        cmocka_unit_test(who_reads_for_a_while_is_no_fault),
        cmocka_unit_test(each_thing_that_is_wrong_is_found),
        cmocka_unit_test(a_stopped_link_has_its_way_on),
        cmocka_unit_test(all_paused_is_no_broken_network),
        cmocka_unit_test(what_is_usual_is_not_told),
        cmocka_unit_test(two_who_approve_are_enough),
        cmocka_unit_test(what_was_agreed_beforehand_is_looked_at),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
