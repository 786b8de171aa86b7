#include "proto/client/sizes.h"

#include <stdio.h>
#include <string.h>

#define DAY_S 86400u

/* Digits up to `end`; false: none, other characters, or too many. */
static bool read_number(const char **at, const char *end, char behind, uint64_t *ret)
{
    uint64_t value = 0;
    uint32_t digits = 0;
    while (*at < end && **at >= '0' && **at <= '9' && digits < 19) {
        value = value * 10 + (uint64_t)(**at - '0');
        ++*at;
        digits++;
    }
    const bool ok = digits > 0 && *at < end && **at == behind;
    *at += ok;
    *ret = value;
    return ok;
}

enum kr_err kr_sizes_parse(const char *text, size_t len, struct kr_sizes *ret_sizes)
{
    struct kr_sizes sizes = {0};
    const char *at = text, *end = text + len;
    while (at < end) {
        if (sizes.count == KR_SIZES_DAYS_MAX) {
            return KR_BOUNDS;
        }
        if (!read_number(&at, end, ' ', &sizes.days[sizes.count].at_s) ||
            !read_number(&at, end, '\n', &sizes.days[sizes.count].bytes)) {
            return KR_MALFORMED;
        }
        sizes.count++;
    }
    *ret_sizes = sizes;
    return KR_OK;
}

size_t kr_sizes_print(const struct kr_sizes *sizes, char *ret_text)
{
    size_t len = 0;
    ret_text[0] = 0;
    for (uint32_t i = 0; i < sizes->count; i++) {
        len += (size_t)snprintf(ret_text + len, KR_SIZES_TEXT_BYTES + 1 - len, "%llu %llu\n",
                                (unsigned long long)sizes->days[i].at_s, (unsigned long long)sizes->days[i].bytes);
    }
    return len;
}

bool kr_sizes_note(struct kr_sizes *sizes, uint64_t now_s, uint64_t bytes)
{
    while (sizes->count > 0 && sizes->days[sizes->count - 1].at_s > now_s) {
        sizes->count--;
    }
    if (sizes->count > 0 && sizes->days[sizes->count - 1].at_s / DAY_S == now_s / DAY_S) {
        return false;
    }
    if (sizes->count == KR_SIZES_DAYS_MAX) {
        memmove(&sizes->days[0], &sizes->days[1], (KR_SIZES_DAYS_MAX - 1) * sizeof sizes->days[0]);
        sizes->count--;
    }
    sizes->days[sizes->count].at_s = now_s;
    sizes->days[sizes->count++].bytes = bytes;
    return true;
}

uint64_t kr_sizes_growth(const struct kr_sizes *sizes, uint64_t now_s, uint64_t bytes, uint64_t *ret_days)
{
    *ret_days = 0;
    if (sizes->count == 0 || now_s < sizes->days[0].at_s + DAY_S) {
        return 0;
    }
    const uint64_t span_s = now_s - sizes->days[0].at_s, before = sizes->days[0].bytes;
    const uint64_t grown = bytes > before ? bytes - before : 0;
    *ret_days = span_s / DAY_S;
    return grown / (span_s / DAY_S);
}
