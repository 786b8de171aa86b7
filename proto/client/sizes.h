/* How large the store was on each of the last days: a small file in the state directory, which the node keeps and doctor reads. */
#ifndef KR_PROTO_CLIENT_SIZES_H
#define KR_PROTO_CLIENT_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"

#define KR_SIZES_NAME       "sizes" /* in the state directory; text, a line a day: seconds since 1970, bytes */
#define KR_SIZES_DAYS_MAX   15u
#define KR_SIZES_TEXT_BYTES (KR_SIZES_DAYS_MAX * 42u)

struct kr_sizes {
    uint32_t count; /* oldest first */
    struct {
        uint64_t at_s, bytes;
    } days[KR_SIZES_DAYS_MAX];
};
/* KR_MALFORMED, KR_BOUNDS (more days than there may be). An empty text is no day. */
enum kr_err kr_sizes_parse(const char *text, size_t len, struct kr_sizes *ret_sizes) KR_WARN_UNUSED;
/* Into KR_SIZES_TEXT_BYTES + 1; how many without the NUL. */
size_t kr_sizes_print(const struct kr_sizes *sizes, char *ret_text);
/* Once a day (UTC) a line is added, and the oldest goes; false where there is nothing to add. Days that are to come, by this clock,
 * go. */
bool kr_sizes_note(struct kr_sizes *sizes, uint64_t now_s, uint64_t bytes);
/* By how much it grew a day since the oldest of them, which was a day ago at least; `*ret_days`: so long ago. 0: it did not, or
 * that is not known yet (`*ret_days` 0). */
uint64_t kr_sizes_growth(const struct kr_sizes *sizes, uint64_t now_s, uint64_t bytes, uint64_t *ret_days);

#endif
