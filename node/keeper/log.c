#include "node/keeper/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES_MAX 1024

static struct {
    pthread_mutex_t mutex;
    enum kr_log_level level;
    bool for_journal;
    struct kr_log_filter filter;
} sink = {.mutex = PTHREAD_MUTEX_INITIALIZER, .level = KR_LOG_NOTICE};

void kr_log_init(enum kr_log_level level)
{
    sink.for_journal = getenv("JOURNAL_STREAM") != NULL;
    kr_log_set_level(level);
}

void kr_log_set_level(enum kr_log_level level)
{
    pthread_mutex_lock(&sink.mutex);
    sink.level = level;
    pthread_mutex_unlock(&sink.mutex);
}

enum kr_log_level kr_log_level_parse(const char *name)
{
    static const char *const names[] = {"", "error", "warning", "notice", "info", "debug"};
    for (unsigned level = KR_LOG_ERROR; level <= KR_LOG_DEBUG; level++) {
        if (strcmp(name, names[level]) == 0) {
            return (enum kr_log_level)level;
        }
    }
    return (enum kr_log_level)0;
}

/* FNV-1a: only tells sentences apart; whoever forges a collision hides one line for ten seconds. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text != 0; text++) {
        hash = (hash ^ (uint8_t)*text) * 1099511628211u;
    }
    return hash;
}

bool kr_log_filter_pass(struct kr_log_filter *filter, const char *text, uint64_t now_ms, uint32_t *ret_repeats, uint32_t *ret_cut)
{
    uint64_t hash = hash_text(text);
    struct kr_log_recent *slot = &filter->recent[0];
    for (size_t i = 0; i < sizeof filter->recent / sizeof filter->recent[0]; i++) {
        struct kr_log_recent *recent = &filter->recent[i];
        if (recent->hash == hash) {
            slot = recent;
            break;
        }
        if (recent->first_ms < slot->first_ms) {
            slot = recent; /* the oldest makes room */
        }
    }
    bool is_known = slot->hash == hash && slot->first_ms != 0;
    if (is_known && now_ms - slot->first_ms < KR_LOG_REPEAT_MS) {
        slot->held_back++;
        return false;
    }
    uint64_t second = now_ms / 1000;
    if (second != filter->second) {
        filter->second = second;
        filter->lines = 0;
    }
    if (filter->lines >= KR_LOG_LINES_A_SECOND) {
        filter->cut++;
        return false;
    }
    filter->lines++;
    *ret_repeats = is_known ? slot->held_back : 0;
    *ret_cut = filter->cut;
    filter->cut = 0;
    *slot = (struct kr_log_recent){.hash = hash, .first_ms = now_ms};
    return true;
}

static void write_line(enum kr_log_level level, const char *text, uint32_t repeats, uint32_t cut)
{
    static const int syslog_levels[] = {3, 3, 4, 5, 6, 7}; /* err, err, warning, notice, info, debug */
    char head[64], tail[96] = "", line[LINE_BYTES_MAX];
    if (sink.for_journal) {
        (void)snprintf(head, sizeof head, "<%d>", syslog_levels[level]);
    } else {
        time_t now = time(NULL);
        struct tm local;
        localtime_r(&now, &local);
        if (strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S%z ", &local) == 0) {
            head[0] = 0;
        }
    }
    if (repeats > 0) {
        (void)snprintf(tail, sizeof tail, " (%u more times since)", repeats);
    } else if (cut > 0) {
        (void)snprintf(tail, sizeof tail, " (%u other lines were left out)", cut);
    }
    int len = snprintf(line, sizeof line - 1, "%skairand: %.900s%s", head, text, tail);
    if (len < 0) {
        return;
    }
    size_t used = (size_t)len < sizeof line - 2 ? (size_t)len : sizeof line - 2;
    line[used] = '\n';
    /* One write, so that lines of several threads and of net never mix. Nobody can be told that it failed. */
    if (write(STDERR_FILENO, line, used + 1) < 0) {
        return;
    }
}

void kr_log(enum kr_log_level level, const char *fmt, ...)
{
    char text[LINE_BYTES_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (level < KR_LOG_ERROR || level > KR_LOG_DEBUG) {
        level = KR_LOG_NOTICE;
    }
    for (char *c = text; *c != 0; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) {
            *c = '?'; /* names come from peers: no line breaks, no terminal controls */
        }
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint32_t repeats = 0, cut = 0;
    pthread_mutex_lock(&sink.mutex);
    if (level <= sink.level && kr_log_filter_pass(&sink.filter, text, now_ms, &repeats, &cut)) {
        write_line(level, text, repeats, cut);
    }
    pthread_mutex_unlock(&sink.mutex);
}
