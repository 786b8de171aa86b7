/* Log lines for people: one sentence each on standard error: what happened, to what, what to do.
 *
 * Under systemd (JOURNAL_STREAM) a line begins with its syslog level as <N> (sd-daemon(3)), else with the local time (ISO 8601).
 * A sentence that was just written is held back for a while and then counted; floods of different ones are cut. Any thread. */
#ifndef KR_NODE_KEEPER_LOG_H
#define KR_NODE_KEEPER_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "node/log.h"

#define KR_LOG_REPEAT_MS      10000u /* the same sentence is written once in this time */
#define KR_LOG_LINES_A_SECOND 50u

/* Once, before the threads. */
void kr_log_init(enum kr_log_level level);
void kr_log_set_level(enum kr_log_level level);
void kr_log(enum kr_log_level level, const char *fmt, ...) KR_PRINTF(2, 3);

/* Which of the repeats is written: pure but for `state`, so that it can be tested without waiting. */
struct kr_log_filter {
    struct kr_log_recent {
        uint64_t hash, first_ms;
        uint32_t held_back;
    } recent[32];
    uint64_t second;
    uint32_t lines, cut;
};
/* Whether to write the sentence now. `*ret_repeats`: how often it was held back since it was last written; `*ret_cut`: how many
 * other lines were cut since one was last written. */
bool kr_log_filter_pass(struct kr_log_filter *filter, const char *text, uint64_t now_ms, uint32_t *ret_repeats, uint32_t *ret_cut);
/* "error" … "debug"; 0 for any other word. */
enum kr_log_level kr_log_level_parse(const char *name);

#endif
