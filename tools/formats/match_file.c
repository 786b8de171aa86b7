/* Matchers for files, paths, registry keys, and for what a word in front announces. */
#include <string.h>

#include "tools/formats/names.h"
#include "tools/formats/scan.h"

#define NAME_BYTES_MAX 255u

/* Where the name from … to ends if it ends in an extension (Japanese may go on behind it), and the dot in front of that; 0
 * otherwise. `any`: a path says that it is a file, so that the extension need not be known. */
static size_t extension_end(const uint8_t *text, size_t from, size_t to, bool any, size_t *ret_dot)
{
    size_t result = 0;
    for (size_t dot = from + 1; dot < to && result == 0; dot++) {
        size_t end = dot + 1;
        bool letter = false;
        if (text[dot] != '.') {
            continue;
        }
        while (end < to && kr_scan_is_alnum(text[end])) {
            letter = letter || text[end] > '9';
            end++;
        }
        const bool known = any ? letter && end - dot <= 6 : kr_names_is_extension(text + dot + 1, end - dot - 1);
        if (known && (end == to || text[end] >= 0x80)) {
            *ret_dot = dot;
            result = end;
        }
    }
    return result;
}

/* A name goes out as it was written, wide letters and all, unless its ending was written so that it does no harm. */
static bool emit_filename(struct kr_scan *scan, size_t from, size_t to)
{
    const struct kr_fold *fold = scan->fold;
    const size_t start = kr_fold_origin(fold, from), end = kr_fold_origin(fold, to);
    const bool as_written = !kr_fold_is_marked(fold, from, to) && to - from <= end - start && fold->original[end - 1] < 0x80;
    const uint8_t *name = as_written ? fold->original + start : fold->text + from;
    return kr_scan_emit(scan, KR_INDICATOR_FILENAME, (const char *)name, as_written ? end - start : to - from, from, to);
}

size_t kr_match_filename(struct kr_scan *scan, size_t from, size_t to)
{
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    size_t dot, result = 0;
    size_t end = extension_end(text, from, to, false, &dot);
    if (end == 0) {
        goto out;
    }
    const bool as_host = kr_fold_is_marked(fold, dot, dot + 1) || text[end] == '/' || text[end] == ':';
    if (as_host && kr_names_is_top_level(text + dot + 1, end - dot - 1)) {
        goto out;
    }
    if (kr_names_is_everyday(text + from, end - from) || emit_filename(scan, from, end)) {
        result = end;
    }
out:
    return result;
}

size_t kr_match_rest_filename(struct kr_scan *scan, size_t from)
{
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    size_t to = fold->len, dot;
    bool ok = true;
    while (to > from && (text[to - 1] <= ' ' || text[to - 1] == '"')) {
        to--;
    }
    while (from < to && (text[from] <= ' ' || text[from] == '"')) {
        from++;
    }
    ok = to - from <= NAME_BYTES_MAX && extension_end(text, from, to, false, &dot) == to;
    for (size_t i = from; i < to && ok; i++) {
        ok = text[i] > 0x1f && strchr("\\/:*?\"<>|@", text[i]) == NULL;
        if (ok && text[i] == '.') { /* the end of an earlier file's name? */
            size_t end = i + 1;
            while (kr_scan_is_alnum(text[end])) {
                end++;
            }
            ok = end == to || text[end] == '.' || !kr_names_is_extension(text + i + 1, end - i - 1);
        }
    }
    return ok && emit_filename(scan, from, to) ? to : 0;
}

size_t kr_match_quoted_filename(struct kr_scan *scan, size_t quote)
{
    static const struct {
        const char *open, *close;
    } quotes[] = {{"\"", "\""}, {"'", "'"}, {"「", "」"}, {"『", "』"}, {"“", "”"}, {"‘", "’"}};
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    size_t result = 0;
    for (size_t q = 0; q < sizeof quotes / sizeof quotes[0] && result == 0; q++) {
        const size_t open = strlen(quotes[q].open), close = strlen(quotes[q].close);
        if (fold->len - quote > open && memcmp(text + quote, quotes[q].open, open) == 0) {
            const size_t from = quote + open;
            size_t to = from, dot;
            bool name = true;
            while (name && to < fold->len && to - from <= NAME_BYTES_MAX && memcmp(text + to, quotes[q].close, close) != 0) {
                name = text[to] > 0x1f && strchr("\\/:*?\"<>|@", text[to]) == NULL;
                to += name;
            }
            if (name && to < fold->len && extension_end(text, from, to, false, &dot) == to &&
                !kr_fold_is_marked(fold, dot, dot + 1) && !kr_names_is_everyday(text + from, to - from) &&
                emit_filename(scan, from, to)) {
                result = to + close;
            }
        }
    }
    return result;
}

/* One component of a path from `from` on. A blank belongs to it only where a backslash follows later: the last one ends at it. */
static size_t component_end(const struct kr_fold *fold, size_t from)
{
    const uint8_t *text = fold->text;
    size_t end = from, blank = 0;
    bool more = true;
    while (more && end < fold->len && end - from <= NAME_BYTES_MAX && text[end] != '\\') {
        size_t used;
        const enum kr_char kind = kr_scan_char(text + end, fold->len - end, &used);
        const uint8_t c = text[end];
        if (c == ' ') {
            more = text[end + 1] != ' ' && text[end + 1] != '\\' && text[end + 1] != 0 && end > from;
            blank = blank == 0 ? end : blank;
        } else {
            more = c >= 0x80 ? kind == KR_CHAR_LETTER : c > ' ' && strchr("\"<>|*?:,;/", c) == NULL;
        }
        end += more ? used : 0;
    }
    return blank > 0 && text[end] != '\\' ? blank : end;
}

size_t kr_match_windows_path(struct kr_scan *scan, size_t from, size_t backslash)
{
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    size_t end = backslash, last = backslash, dot;
    while (text[end] == '\\' && end < fold->len) {
        while (text[end] == '\\') {
            end++;
        }
        last = end;
        end = component_end(fold, end);
    }
    while (end > last && strchr(".')]}", text[end - 1]) != NULL &&
           memchr(text + last, text[end - 1] == ')' ? '(' : 0, end - last) == NULL) {
        end--;
    }
    const bool registry = backslash > from && (text[from] & 0xdf) == 'H' && (text[from + 1] & 0xdf) == 'K';
    const bool drive = backslash > from && !registry;
    if (registry) {
        (void)kr_scan_emit(scan, KR_INDICATOR_REGISTRY_KEY, (const char *)text + from, end - from, from, end);
    } else {
        const size_t name = extension_end(text, last, end, drive, &dot);
        if (name > 0 && !kr_names_is_everyday(text + last, name - last)) {
            (void)emit_filename(scan, last, name);
        }
        end = name > 0 ? name : end;
    }
    return end > from ? end : from + 1;
}

/* "/tmp/x.sh" is a file; "GET /a/b.php?c" is part of somebody's URL and nothing that could be looked for. */
size_t kr_match_unix_path(struct kr_scan *scan, size_t slash)
{
    static const char *const roots[] = {"/tmp/", "/var/",  "/etc/", "/usr/", "/home/", "/opt/", "/dev/",   "/root/",
                                        "/bin/", "/sbin/", "/lib/", "/srv/", "/run/",  "/mnt/", "/Users/", "/Library/"};
    const uint8_t *text = scan->fold->text;
    const size_t end = kr_match_path(scan, slash);
    bool local = false;
    for (size_t i = 0; i < sizeof roots / sizeof roots[0] && !local; i++) {
        local = strncmp((const char *)text + slash, roots[i], strlen(roots[i])) == 0;
    }
    size_t last = end, dot;
    while (last > slash && text[last - 1] != '/') {
        last--;
    }
    if (local) {
        const size_t name = extension_end(text, last, end, false, &dot);
        if (name > 0) {
            (void)emit_filename(scan, last, name);
        }
    }
    return end > slash + 1 ? end : 0;
}

size_t kr_match_announced(struct kr_scan *scan, size_t colon)
{
    static const char *const agents[] = {"user-agent", "user agent", "useragent", "ユーザーエージェント", NULL};
    static const char *const mutexes[] = {"mutex", "mutex name", "ミューテックス", NULL};
    static const char *const files[] = {"ファイル名", "添付ファイル", "添付", "file name", "filename", "attachment", NULL};
    const struct kr_fold *fold = scan->fold;
    const uint8_t *text = fold->text;
    const bool agent = kr_scan_follows(fold, colon, agents), mutex = !agent && kr_scan_follows(fold, colon, mutexes);
    size_t from = colon + 1, to = fold->len, result = 0;
    if (agent || mutex) {
        while (to > from && (text[to - 1] <= ' ' || text[to - 1] == '"' || text[to - 1] == '\'')) {
            to--;
        }
        while (from < to && (text[from] <= ' ' || text[from] == '"' || text[from] == '\'')) {
            from++;
        }
        const uint32_t type = agent ? KR_INDICATOR_USER_AGENT : KR_INDICATOR_MUTEX;
        result = to > from && kr_scan_emit(scan, type, (const char *)text + from, to - from, from, to) ? to : 0;
    } else if (kr_scan_follows(fold, colon, files)) {
        result = kr_match_rest_filename(scan, from);
    }
    return result;
}
