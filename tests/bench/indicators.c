#include "indicators.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "proto/record/record.h"
#include "tools/kairan/send.h"

/* ---- text ---- */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int put_line(char *at, size_t size, uint64_t number)
{
    static const char *const brands[] = {"login", "secure", "account", "mypage", "update", "verify", "card", "point"};
    static const char *const endings[] = {"com", "net", "info", "shop", "top", "xyz", "cn", "jp"};
    uint64_t r = mix(number);
    const char *brand = brands[r & 7], *ending = endings[(r >> 3) & 7];
    unsigned long long name = (unsigned long long)mix(r) & 0xFFFFFFFFFFFFu;
    switch (number % 10) {
    case 0:
        return snprintf(at, size, "%u.%u.%u.%u\n", 60 + (unsigned)(number / 10 >> 20 & 15), 1 + (unsigned)(number / 10 >> 14 & 63),
                        (unsigned)(number / 10 >> 7 & 127), 1 + (unsigned)(number / 10 & 127));
    case 1:
        return snprintf(at, size, "%016llx%016llx%016llx%016llx\n", (unsigned long long)r, (unsigned long long)mix(r + 1),
                        (unsigned long long)mix(r + 2), (unsigned long long)mix(r + 3));
    case 2:
    case 3:
        return snprintf(at, size, "%s-%llx.%s\n", brand, name, ending);
    default:
        return snprintf(at, size, "https://%s-%llx.%s/%s/%llu/index.php?id=%u\n", brand, name, ending, brands[(r >> 6) & 7],
                        (unsigned long long)number, (unsigned)(r >> 40) & 0xFFFF);
    }
}

char *indicators_text(uint64_t seed, uint32_t count, size_t *ret_len)
{
    size_t size = (size_t)count * 120 + 1, len = 0;
    char *text = malloc(size);
    BENCH_MUST(text != NULL);
    for (uint32_t i = 0; i < count; i++) {
        len += (size_t)put_line(text + len, size - len, seed * 1000000u + i);
    }
    *ret_len = len;
    return text;
}

/* ---- whole files ---- */

struct submission {
    struct kr_sending sending;
    struct kr_error error;
};

static enum kr_err take_items(void *context, const struct kr_extract *extract)
{
    struct submission *submission = context;
    enum kr_err err = kr_sending_take(&submission->sending, extract->items, extract->item_count);
    return err == KR_OK ? kr_sending_look(&submission->sending, false, &submission->error) : err;
}

void bulk_submit(struct bulk *bulk, const char *socket, const char *text, size_t len, uint32_t expected,
                 void (*each)(void *context, uint32_t done, uint32_t parts), void *context)
{
    struct submission *submission = calloc(1, sizeof *submission);
    struct kr_conn *conn = NULL;
    BENCH_MUST(submission != NULL);
    struct kr_sending *sending = &submission->sending;
    struct kr_error *error = &submission->error;
    if (kr_conn_open(socket, "kr-bench", "en", &conn, error) != KR_OK) {
        bench_die("%s", error->text);
    }
    sending->conn = conn;
    sending->request = (struct kr_submit){.kind = KR_KIND_REPORT, .label = KR_TLP_GREEN};
    sending->plan =
        (struct kr_plan){.kind = KR_KIND_REPORT, .title = {(const uint8_t *)"bulk", 4}, .language = {(const uint8_t *)"en", 2}};
    sending->progress = each;
    sending->context = context;
    const struct kr_extract_options options = {.on_items = take_items, .context = submission};
    if (kr_formats_extract(text, len, &options, &bulk->extract, error) != KR_OK) {
        bench_die("nothing can be extracted: %s", error->text);
    }
    if (bulk->extract->item_count != expected) {
        bench_die("extraction found %zu of %u indicators", bulk->extract->item_count, expected);
    }
    enum kr_err err = kr_sending_take(sending, bulk->extract->items, expected);
    if (err == KR_OK) {
        err = kr_sending_look(sending, true, error);
    }
    BENCH_MUST(err != KR_OK || sending->guarded_total == 0);
    bulk->looked_us = bench_now_us();
    if (err == KR_OK) {
        err = kr_sending_send(sending, error);
    }
    if (err != KR_OK) {
        bench_die("cannot submit: %s %s", kr_err_text(err), error->text);
    }
    kr_sending_deinit(sending);
    kr_conn_free(conn);
    free(submission);
}

void bulk_free(struct bulk *bulk)
{
    kr_extract_free(bulk->extract);
}

void bulk_expect(struct conn *watch, uint64_t wanted, void (*each)(void *context), void *context)
{
    for (uint64_t seen = 0; seen < wanted;) {
        conn_next(watch);
        for (uint32_t i = 0; watch->frame.type == KR_CLIENT_PAGE && i < watch->frame.item_count; i++) {
            struct kr_summary summary;
            BENCH_MUST(kr_summary_read(watch->frame.items[i], &summary) == KR_OK);
            seen += summary.indicator_count;
        }
        if (each != NULL) {
            each(context);
        }
    }
}

/* ---- one by one ---- */

static void finish_submit(struct kr_submit *submit, const struct kr_report *report)
{
    struct kr_writer body;
    kr_writer_init(&body, KR_BODY_BYTES_MAX);
    kr_report_write(report, &body);
    BENCH_MUST(kr_writer_finish(&body) == KR_OK);
    uint8_t *bytes = NULL;
    size_t len = 0;
    BENCH_MUST(kr_writer_take(&body, &bytes, &len) == KR_OK);
    *submit = (struct kr_submit){.kind = KR_KIND_REPORT, .label = KR_TLP_GREEN, .body = {bytes, len}};
    randombytes_buf(submit->token, sizeof submit->token);
}

void report_one(struct kr_submit *submit, uint64_t number, const uint8_t *audience, uint32_t body_bytes)
{
    char title[32], url[128];
    struct kr_indicator indicator;
    struct kr_writer array;
    (void)snprintf(title, sizeof title, "%llu", (unsigned long long)number);
    (void)snprintf(url, sizeof url, "https://one-%llx.example-shop.top/%llu/", (unsigned long long)mix(number),
                   (unsigned long long)number);
    BENCH_MUST(kr_indicator_parse(KR_INDICATOR_URL, url, strlen(url), &indicator, NULL) == KR_OK);
    const struct kr_report_indicator entry = {
        .type = indicator.type, .value = {indicator.value, indicator.len}, .confidence = KR_CONFIDENCE_NONE};
    kr_writer_init(&array, KR_BODY_BYTES_MAX);
    kr_writer_array(&array, 1);
    kr_report_indicator_write(&entry, &array);
    BENCH_MUST(kr_writer_finish(&array) == KR_OK);
    struct kr_report report = {.title = {(const uint8_t *)title, strlen(title)},
                               .indicator_count = 1,
                               .indicators = {array.bytes, array.len},
                               .part = 1,
                               .parts = 1};
    finish_submit(submit, &report);
    if (submit->body.len < body_bytes) {
        const size_t short_by = body_bytes - submit->body.len;
        char *text = calloc(1, short_by);
        BENCH_MUST(text != NULL);
        memset(text, 'x', short_by);
        report.text = (struct kr_slice){(const uint8_t *)text, short_by - (short_by > 32 ? short_by > 256 ? 2 : 1 : 0)};
        free((void *)(uintptr_t)submit->body.bytes);
        finish_submit(submit, &report);
        free(text);
        BENCH_MUST(submit->body.len == body_bytes);
    }
    kr_writer_deinit(&array);
    if (audience != NULL) {
        submit->label = KR_TLP_AMBER;
        submit->audience_count = 1;
        memcpy(submit->audience[0], audience, 32);
    }
}

uint32_t lookup_found(struct conn *conn, const struct kr_found *items, size_t step, uint32_t count)
{
    struct kr_writer args;
    uint32_t found = 0, last = UINT32_MAX;
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX / 2);
    kr_writer_array(&args, count);
    for (uint32_t i = 0; i < count; i++) {
        kr_writer_array(&args, 2);
        kr_writer_uint(&args, items[i * step].type);
        kr_writer_slice(&args, items[i * step].value);
    }
    conn_request(conn, 7, KR_OP_LOOKUP, &args, 1u << 20);
    do {
        conn_next(conn);
        for (uint32_t i = 0; conn->frame.type == KR_CLIENT_PAGE && i < conn->frame.item_count; i++) {
            struct kr_match match;
            BENCH_MUST(kr_match_read(conn->frame.items[i], &match) == KR_OK);
            found += match.query != last;
            last = match.query;
        }
    } while (conn->frame.type != KR_CLIENT_END);
    return found;
}
