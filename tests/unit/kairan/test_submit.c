/* submit against a keeper that goes away in the middle: the same tokens come again, and nothing is lost or stored twice. */
#include "kairan_test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/client/draft.h"
#include "tests/support/fake_keeper.h"
#include "tools/formats/formats.h"
#include "tools/kairan/kairan.h"

struct keeper {
    int listener;
    uint32_t losses; /* connections that end after this many answers, without answering the next */
    uint32_t answers_before_loss;
    uint32_t refusal; /* code for every submission; 0: none */
    uint8_t tokens[64][16];
    uint32_t submissions, stored;
    const char *guarded; /* a report with these bytes in it has one value that a guard holds back */
    struct {
        uint64_t number;
        bool is_guarded;
    } previews[64]; /* not answered until the client waits */
    uint32_t preview_count, previews_most, previews_all;
};

/* Stores a token once; answers with an id made of it. */
static void take_submission(struct keeper *keeper, const struct kr_client_frame *request, struct kr_writer *result)
{
    static struct kr_submit submit;
    struct kr_stored stored = {.is_known = false};
    assert_int_equal(kr_submit_read(request->payload, &submit), KR_OK);
    for (uint32_t i = 0; i < keeper->stored; i++) {
        stored.is_known = stored.is_known || memcmp(keeper->tokens[i], submit.token, 16) == 0;
    }
    if (!stored.is_known) {
        assert_true(keeper->stored < 64);
        memcpy(keeper->tokens[keeper->stored++], submit.token, 16);
    }
    keeper->submissions++;
    memcpy(stored.id, submit.token, 16);
    kr_stored_write(&stored, result);
}

static void answer(struct keeper *keeper, int fd, const struct kr_client_frame *request, bool says)
{
    static struct kr_client_frame end;
    static struct kr_status status;
    struct kr_writer result;
    kr_writer_init(&result, 64 * KR_KIB);
    end = (struct kr_client_frame){.type = KR_CLIENT_END, .number = request->number};
    if (request->op == KR_OP_SUBMIT && keeper->refusal != 0) {
        end.type = KR_CLIENT_ERROR;
        end.code = keeper->refusal;
        end.text = slice("refused");
    } else if (request->op == KR_OP_SUBMIT) {
        take_submission(keeper, request, &result);
    } else {
        assert_int_equal(request->op, KR_OP_STATUS);
        status.net_is_up = true;
        kr_status_write(&status, &result);
    }
    end.payload = (struct kr_slice){result.bytes, result.len};
    if (says) {
        keeper_say(fd, &end);
    }
    kr_writer_deinit(&result);
}

static void take_preview(struct keeper *keeper, const struct kr_client_frame *request)
{
    static struct kr_submit submit;
    assert_int_equal(kr_submit_read(request->payload, &submit), KR_OK);
    assert_true(keeper->preview_count < 64);
    keeper->previews_all++;
    keeper->previews[keeper->preview_count].number = request->number;
    keeper->previews[keeper->preview_count++].is_guarded =
        keeper->guarded != NULL && memmem(submit.body.bytes, submit.body.len, keeper->guarded, strlen(keeper->guarded)) != NULL;
}

static void answer_previews(struct keeper *keeper, int fd)
{
    static struct kr_client_frame end;
    static struct kr_preview preview;
    for (uint32_t i = 0; i < keeper->preview_count; i++) {
        struct kr_writer result;
        kr_writer_init(&result, 64 * KR_KIB);
        preview = (struct kr_preview){.guarded_count = 0};
        if (keeper->previews[i].is_guarded) {
            preview.guarded_count = 1;
            preview.guarded_total = 1;
            preview.guarded[0].list = slice("own domains");
        }
        kr_preview_write(&preview, &result);
        end = (struct kr_client_frame){
            .type = KR_CLIENT_END, .number = keeper->previews[i].number, .payload = {result.bytes, result.len}};
        keeper_say(fd, &end);
        kr_writer_deinit(&result);
    }
    keeper->preview_count = 0;
}

/* Previews are answered when nothing more comes: so many does the client have under way. */
static bool hear_or_answer(struct keeper *keeper, int fd, struct kr_client_frame *ret_frame)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (keeper->preview_count > 0 && poll(&wait, 1, 50) == 0) {
        if (keeper->preview_count > keeper->previews_most) {
            keeper->previews_most = keeper->preview_count;
        }
        answer_previews(keeper, fd);
    }
    return keeper_hear(fd, ret_frame);
}

static void *serve(void *context)
{
    static struct kr_client_frame frame, hello;
    struct keeper *keeper = context;
    for (int fd; (fd = accept(keeper->listener, NULL, NULL)) >= 0; (void)close(fd)) {
        uint32_t answered = 0;
        hello = (struct kr_client_frame){.type = KR_CLIENT_HELLO, .version = KR_CLIENT_VERSION};
        assert_true(keeper_hear(fd, &frame));
        keeper_say(fd, &hello);
        while (hear_or_answer(keeper, fd, &frame)) {
            if (frame.op == KR_OP_PREVIEW) {
                take_preview(keeper, &frame);
                continue;
            }
            bool is_lost = keeper->losses > 0 && frame.op == KR_OP_SUBMIT && answered == keeper->answers_before_loss;
            answer(keeper, fd, &frame, !is_lost); /* what is lost was stored all the same */
            answered += frame.op == KR_OP_SUBMIT ? 1 : 0;
            if (is_lost) {
                keeper->losses--;
                break;
            }
        }
    }
    return NULL;
}

static int submit(struct keeper *keeper, const char *text)
{
    static struct kr_app app;
    char directory[] = "/tmp/kairan-test-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/kairand.sock", directory);
    keeper->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(keeper->listener, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(keeper->listener, 8), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, keeper), 0);
    char *words[] = {strdup("submit"), strdup(text), strdup("--label"), strdup("clear"), strdup("-y"), strdup("--json")};
    const size_t count = sizeof words / sizeof words[0];
    app = (struct kr_app){.state = directory};
    int status = kr_run_submit(&app, (int)count, words);
    kr_conn_free(app.conn);
    assert_int_equal(shutdown(keeper->listener, SHUT_RDWR), 0); /* ends accept */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(close(keeper->listener), 0);
    assert_int_equal(unlink(address.sun_path) + rmdir(directory), 0);
    for (size_t i = 0; i < count; i++) {
        free(words[i]);
    }
    return status;
}

static void test_lost_reply(void **state)
{
    (void)state;
    struct keeper keeper = {.losses = 1};
    assert_int_equal(submit(&keeper, "evil[.]biz"), KR_EXIT_DONE);
    assert_int_equal(keeper.submissions, 2);
    assert_int_equal(keeper.stored, 1);
}

static void test_lost_for_good(void **state)
{
    (void)state;
    struct keeper keeper = {.losses = 2};
    assert_int_equal(submit(&keeper, "evil[.]biz"), KR_EXIT_ERROR);
    assert_int_equal(keeper.submissions, 2); /* once more, not for ever */
    assert_int_equal(keeper.stored, 1);
}

static void test_refused(void **state)
{
    (void)state;
    struct keeper keeper = {.refusal = KR_STORE_FULL};
    assert_int_equal(submit(&keeper, "evil[.]biz"), KR_EXIT_ERROR);
    assert_int_equal(keeper.stored, 0);
}

/* `last`: a line behind the indicators, or "". */
static int submit_many(struct keeper *keeper, uint32_t count, const char *last)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (uint32_t i = 0; i < count; i++) {
        (void)fprintf(out, "evil%u[.]biz\n", i);
    }
    (void)fputs(last, out);
    assert_int_equal(fclose(out), 0);
    int status = submit(keeper, text);
    free(text);
    return status;
}

/* Three records; the connection is lost after the first answer. */
static void test_lost_among_many(void **state)
{
    (void)state;
    struct keeper keeper = {.losses = 1, .answers_before_loss = 1};
    assert_int_equal(submit_many(&keeper, 2 * KR_REPORT_INDICATORS_MAX + 1, ""), KR_EXIT_DONE);
    assert_int_equal(keeper.stored, 3);
}

/* Keeper refuses a seventeenth request that is no submission. */
static void test_no_more_than_keeper_takes(void **state)
{
    (void)state;
    struct keeper keeper = {0};
    assert_int_equal(submit_many(&keeper, 20 * KR_REPORT_INDICATORS_MAX, ""), KR_EXIT_DONE);
    assert_int_equal(keeper.stored, 20);
    assert_in_range(keeper.previews_most, 2, 16);
}

/* A value in the last of three records: none of them is stored. */
static void test_guarded_in_the_last(void **state)
{
    (void)state;
    struct keeper keeper = {.guarded = "www.own.biz"};
    assert_int_equal(submit_many(&keeper, 2 * KR_REPORT_INDICATORS_MAX, "www[.]own[.]biz"), KR_EXIT_ERROR);
    assert_int_equal(keeper.previews_all, 3);
    assert_int_equal(keeper.submissions, 0);
}

/* The guards are at work before the end of the text is read, where it says that all this must not go. */
static void test_looks_early(void **state)
{
    (void)state;
    struct keeper keeper = {0};
    assert_int_equal(submit_many(&keeper, 2 * KR_REPORT_INDICATORS_MAX + KR_EXTRACT_STEP, "TLP:AMBER"), KR_EXIT_ERROR);
    assert_int_equal(keeper.previews_all, 2); /* the third record was never whole */
    assert_int_equal(keeper.submissions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_reply),
        cmocka_unit_test(test_lost_for_good),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lost_among_many),
        cmocka_unit_test(test_no_more_than_keeper_takes),
        cmocka_unit_test(test_guarded_in_the_last),
        cmocka_unit_test(test_looks_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
