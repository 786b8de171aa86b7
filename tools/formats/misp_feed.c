#include "tools/formats/misp_feed.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/formats/json_pull.h"

#define MANIFEST "manifest.json"

static int hex_of(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : tolower(digit) - 'a' + 10;
}

static void undo_percents(char *text)
{
    char *to = text;
    for (const char *at = text; *at != 0; at++) {
        const bool is_escape = at[0] == '%' && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2]);
        if (is_escape) {
            *to++ = (char)(hex_of(at[1]) << 4 | hex_of(at[2]));
            at += 2;
        } else {
            *to++ = *at;
        }
    }
    *to = 0;
}

enum kr_err kr_misp_feed_path(const char *text, char **ret_path, struct kr_error *error)
{
    static const char local[] = "file://";
    const char *colon = strstr(text, "://");
    const bool is_local = strncasecmp(text, local, sizeof local - 1) == 0;
    if (colon != NULL && !is_local) {
        return kr_fail(error, KR_INVALID, "%.200s is fetched from nowhere: fetch it first (curl, wget), and import the file", text);
    }
    const char *path = is_local ? text + sizeof local - 1 : text;
    path += is_local && strncasecmp(path, "localhost/", 10) == 0 ? 9 : 0;
    if (is_local && path[0] != '/') {
        return kr_fail(error, KR_INVALID, "%.200s names another machine: file:///path is a file of this one", text);
    }
    char *copy = strdup(path);
    if (copy == NULL) {
        return KR_NOMEM;
    }
    if (is_local) {
        undo_percents(copy);
    }
    *ret_path = copy;
    return KR_OK;
}

bool kr_misp_feed_is_one(const char *folder)
{
    char path[PATH_MAX];
    struct stat stat_of;
    const int len = snprintf(path, sizeof path, "%s/" MANIFEST, folder);
    return len > 0 && (size_t)len < sizeof path && stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode);
}

/* 8-4-4-4-12 hexadecimal digits, and nothing that could lead elsewhere. */
static bool is_uuid(const char *text)
{
    bool is = strlen(text) == 36;
    for (size_t i = 0; is && i < 36; i++) {
        const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        is = is_dash ? text[i] == '-' : isxdigit((unsigned char)text[i]) != 0;
    }
    return is;
}

static enum kr_err each_entry(struct kr_json_pull *pull, const char *folder, kr_misp_feed_visit *visit, void *context,
                              uint64_t *ret_odd)
{
    char path[PATH_MAX], name[64];
    struct kr_json_in in;
    struct kr_json_extent extent;
    bool has = true;
    enum kr_err err = kr_json_enter(pull, '{', &in);
    while (err == KR_OK) {
        err = kr_json_next(pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        err = kr_json_key(pull, name, sizeof name);
        if (err == KR_OK) {
            err = kr_json_value(pull, &extent);
        }
        if (err == KR_OK && !is_uuid(name)) {
            ++*ret_odd;
        } else if (err == KR_OK) {
            const int len = snprintf(path, sizeof path, "%s/%s.json", folder, name);
            err = len > 0 && (size_t)len < sizeof path ? visit(context, path) : KR_BOUNDS;
        }
    }
    return err;
}

enum kr_err kr_misp_feed_each(const char *folder, kr_misp_feed_visit *visit, void *context, uint64_t *ret_odd,
                              struct kr_error *error)
{
    char path[PATH_MAX];
    struct kr_import_file file;
    struct kr_json_pull *pull = NULL;
    *ret_odd = 0;
    const int len = snprintf(path, sizeof path, "%s/" MANIFEST, folder);
    if (len <= 0 || (size_t)len >= sizeof path) {
        return kr_fail(error, KR_BOUNDS, "the path is too long");
    }
    enum kr_err err = kr_import_file_open(&file, path, 0, error);
    if (err != KR_OK) {
        return err;
    }
    err = kr_json_pull_new(&file.source, error, &pull);
    if (err == KR_OK) {
        err = each_entry(pull, folder, visit, context, ret_odd);
    }
    kr_json_pull_free(pull);
    kr_import_file_close(&file);
    return err;
}
