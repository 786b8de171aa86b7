/* Options, and the values that several commands take. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/kairan/kairan.h"

#define CODE_FIRST 256

static bool take(const struct kr_option *option, const char *value)
{
    if (option->flag != NULL) {
        *option->flag = true;
    } else if (option->text != NULL) {
        *option->text = value;
    } else if (option->texts->count < KR_AUDIENCE_MAX) {
        option->texts->items[option->texts->count++] = value;
    } else {
        return false;
    }
    return true;
}

bool kr_options_parse(struct kr_app *app, int argc, char **argv, const struct kr_option *own, uint32_t count, bool stops,
                      int *ret_rest)
{
    const struct kr_option global[] = {
        {.name = "state", .text = &app->state},
        {.name = "socket", .text = &app->socket},
        {.name = "node", .text = &app->node},
        {.name = "node-passphrase-file", .text = &app->node_passphrase_file},
        {.name = "node-passphrase-fd", .text = &app->node_passphrase_fd},
        {.name = "key-passphrase-file", .text = &app->key_passphrase_file},
        {.name = "key-passphrase-fd", .text = &app->key_passphrase_fd},
        {.name = "lang", .text = &app->language},
        {.name = "json", .flag = &app->is_json},
        {.name = "help", .letter = 'h', .flag = &app->wants_help},
        {.name = "version", .flag = &app->wants_version},
    };
    const uint32_t global_count = sizeof global / sizeof global[0];
    struct kr_option all[KR_OPTIONS_MAX];
    struct option table[KR_OPTIONS_MAX + 1] = {0};
    char letters[2 * KR_OPTIONS_MAX + 3] = "";
    size_t used = 0;
    KR_ASSERT(count + global_count <= KR_OPTIONS_MAX);
    letters[used++] = stops ? '+' : ':';
    if (stops) {
        letters[used++] = ':';
    }
    for (uint32_t i = 0; i < count + global_count; i++) {
        all[i] = i < count ? own[i] : global[i - count];
        table[i] = (struct option){all[i].name, all[i].flag != NULL ? no_argument : required_argument, NULL, CODE_FIRST + (int)i};
        if (all[i].letter != 0) {
            letters[used++] = all[i].letter;
            if (all[i].flag == NULL) {
                letters[used++] = ':';
            }
        }
    }
    optind = 0; /* GNU: begin anew */
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, letters, table, NULL)) != -1;) {
        const struct kr_option *option = NULL;
        for (uint32_t i = 0; i < count + global_count; i++) {
            option = code == CODE_FIRST + (int)i || (code == all[i].letter && code != 0) ? &all[i] : option;
        }
        if (option == NULL || !take(option, optarg)) {
            const char *what = option != NULL ? option->name : argv[optind - 1];
            (void)kr_app_fail(app, KR_INVALID,
                              option != NULL ? _("too many of --%s")
                              : code == ':'  ? _("%s wants a value")
                                             : _("the option %s is not known here; see --help"),
                              what);
            return false;
        }
    }
    *ret_rest = optind;
    return true;
}

bool kr_count_parse(const char *text, uint64_t max, uint64_t *ret_count)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || !isdigit((unsigned char)text[0]) || value > max) {
        return false;
    }
    *ret_count = value;
    return true;
}

bool kr_seconds_parse(const char *text, uint64_t *ret_s)
{
    char digits[16];
    size_t len = strlen(text);
    uint64_t value, factor = 1;
    if (len == 0 || len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, len + 1);
    switch (digits[len - 1]) {
    case 's':
        break;
    case 'm':
        factor = 60;
        break;
    case 'h':
        factor = 3600;
        break;
    case 'd':
        factor = 86400;
        break;
    default:
        return kr_count_parse(text, 100ull * 366 * 86400, ret_s);
    }
    digits[len - 1] = 0;
    if (!kr_count_parse(digits, 100ull * 366 * 86400 / factor, &value)) {
        return false;
    }
    *ret_s = value * factor;
    return true;
}

bool kr_moment_parse_ms(const char *text, bool ahead, uint64_t *ret_ms)
{
    static const struct {
        const char *form;
        bool has_zone;
    } forms[] = {{"%Y-%m-%d", false},
                 {"%Y-%m-%dT%H:%M", false},
                 {"%Y-%m-%dT%H:%M:%S", false},
                 {"%Y-%m-%dT%H:%M:%S%z", true},
                 {"%Y-%m-%dT%H:%M%z", true}};
    uint64_t span_s = 0;
    if (kr_seconds_parse(text, &span_s)) {
        struct timespec clock;
        (void)clock_gettime(CLOCK_REALTIME, &clock);
        const uint64_t now = (uint64_t)clock.tv_sec * 1000 + (uint64_t)clock.tv_nsec / 1000000, span = span_s * 1000;
        *ret_ms = ahead ? now + span : now - (span < now ? span : now);
        return true;
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm parts = {.tm_isdst = -1};
        const char *end = strptime(text, forms[i].form, &parts);
        if (end == NULL || *end != 0) {
            continue;
        }
        const long east_s = parts.tm_gmtoff; /* (both set it anew) */
        const time_t when = forms[i].has_zone ? timegm(&parts) - east_s : mktime(&parts);
        if (when > 0) {
            *ret_ms = (uint64_t)when * 1000;
            return true;
        }
    }
    return false;
}

bool kr_moment_parse(const char *text, bool ahead, uint64_t *ret_s)
{
    uint64_t ms = 0;
    if (!kr_moment_parse_ms(text, ahead, &ms)) {
        return false;
    }
    *ret_s = ms / 1000;
    return true;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c == 0 ? NULL : strchr(digits, tolower((unsigned char)c));
    return at == NULL ? -1 : (int)(at - digits);
}

bool kr_id_parse(const char *text, uint8_t ret_id[static 32], size_t *ret_len)
{
    size_t len = strlen(text);
    if (len < 8 || len > 64 || strspn(text, "0123456789abcdefABCDEF") != len) {
        return false;
    }
    for (size_t i = 0; i < len / 2; i++) {
        ret_id[i] = (uint8_t)(16 * digit(text[2 * i]) + digit(text[2 * i + 1]));
    }
    *ret_len = len / 2;
    return true;
}
