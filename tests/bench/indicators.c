#include "indicators.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "proto/record/record.h"

#define UNDER_WAY_MAX     16u
#define REPORT_BYTES_GOAL (192u * KR_KIB) /* of a report; below what one record holds */

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

/* ---- reports ---- */

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

static uint32_t make_report(struct kr_submit *submit, const struct kr_found *items, size_t count, const char *title)
{
    struct kr_writer entries, array;
    uint32_t taken = 0;
    kr_writer_init(&entries, KR_BODY_BYTES_MAX);
    while (taken < count && taken < KR_REPORT_INDICATORS_MAX && entries.len < REPORT_BYTES_GOAL) {
        const struct kr_report_indicator indicator = {
            .type = items[taken].type, .value = items[taken].value, .confidence = KR_CONFIDENCE_NONE, .note = items[taken].note};
        kr_report_indicator_write(&indicator, &entries);
        taken++;
    }
    BENCH_MUST(kr_writer_finish(&entries) == KR_OK);
    kr_writer_init(&array, KR_BODY_BYTES_MAX);
    kr_writer_array(&array, taken);
    kr_writer_raw(&array, entries.bytes, entries.len);
    BENCH_MUST(kr_writer_finish(&array) == KR_OK);
    const struct kr_report report = {.title = {(const uint8_t *)title, strlen(title)},
                                     .indicator_count = taken,
                                     .indicators = {array.bytes, array.len},
                                     .part = 1,
                                     .parts = 1};
    finish_submit(submit, &report);
    kr_writer_deinit(&array);
    kr_writer_deinit(&entries);
    return taken;
}

void parts_make(struct parts *parts, const char *text, size_t len, uint32_t expected)
{
    struct kr_error error = {0};
    memset(parts, 0, sizeof *parts);
    if (kr_formats_extract(text, len, NULL, &parts->extract, &error) != KR_OK) {
        bench_die("nothing can be extracted: %s", error.text);
    }
    if (parts->extract->item_count != expected) {
        bench_die("extraction found %zu of %u indicators", parts->extract->item_count, expected);
    }
    size_t at = 0;
    while (at < expected) {
        parts->submits = realloc(parts->submits, (parts->count + 1) * sizeof parts->submits[0]);
        BENCH_MUST(parts->submits != NULL);
        at += make_report(&parts->submits[parts->count++], parts->extract->items + at, expected - at, "bulk");
    }
}

void parts_free(struct parts *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        free((void *)(uintptr_t)parts->submits[i].body.bytes);
    }
    free(parts->submits);
    kr_extract_free(parts->extract);
}

void parts_send(struct conn *conn, const struct parts *parts, void (*each)(void *context), void *context)
{
    uint32_t sent = 0, ended = 0;
    while (ended < parts->count) {
        if (sent < parts->count && sent - ended < UNDER_WAY_MAX) {
            conn_submit(conn, 100 + sent, &parts->submits[sent]);
            sent++;
            continue;
        }
        conn_next(conn);
        if (conn->frame.type == KR_CLIENT_END) {
            ended++;
            if (each != NULL) {
                each(context);
            }
        }
    }
}

void report_one(struct kr_submit *submit, uint64_t number, const uint8_t *audience)
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
    const struct kr_report report = {.title = {(const uint8_t *)title, strlen(title)},
                                     .indicator_count = 1,
                                     .indicators = {array.bytes, array.len},
                                     .part = 1,
                                     .parts = 1};
    finish_submit(submit, &report);
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
