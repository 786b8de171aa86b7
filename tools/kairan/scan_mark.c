#include "tools/kairan/scan_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "tools/kairan/out.h"

#define HEAD_BYTES 4096u
#define HEX_BYTES  33u

bool kr_scan_mark_place(const char *const *files, size_t count, struct kr_scan_mark *ret)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *names = NULL, hex[HEX_BYTES];
    size_t len = 0;
    uint8_t hash[32];
    FILE *all = open_memstream(&names, &len);
    bool ok = all != NULL;
    for (size_t i = 0; i < count && ok; i++) {
        char *whole = realpath(files[i], NULL);
        ok = fprintf(all, "%s%c", whole != NULL ? whole : files[i], 0) > 0;
        free(whole);
    }
    ok = (all == NULL || fclose(all) == 0) && ok;
    if (ok) {
        kr_hash(hash, "kairan scan mark", names, len);
        kr_hex(hex, hash, 16);
        int wanted = -1;
        if (state != NULL && state[0] == '/') {
            wanted = snprintf(ret->path, sizeof ret->path, "%s/kairan-scan/%s", state, hex);
        } else if (home != NULL && home[0] == '/') {
            wanted = snprintf(ret->path, sizeof ret->path, "%s/.local/state/kairan-scan/%s", home, hex);
        }
        ok = wanted > 0 && (size_t)wanted < sizeof ret->path;
    }
    free(names);
    return ok;
}

/* Of the first bytes of a file, `wanted` at most; nothing of pipes, which cannot be read twice. */
static void hash_head(const char *path, size_t wanted, size_t *ret_len, char ret_hex[static HEX_BYTES])
{
    uint8_t head[HEAD_BYTES], hash[32];
    struct stat status;
    size_t len = 0;
    FILE *in = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
    if (in != NULL) {
        len = fread(head, 1, wanted, in);
        (void)fclose(in);
    }
    kr_hash(hash, "kairan scan head", head, len);
    kr_hex(ret_hex, hash, 16);
    *ret_len = len;
}

enum kr_err kr_scan_mark_read(const struct kr_scan_mark *mark, const char *const *files, size_t count, struct kr_hunt_mark *ret)
{
    static const char *const words[] = {"kairan-scan ", " file ", " offset ", " lines ", " head "};
    uint64_t numbers[5] = {0};
    char text[256] = "", hex[HEX_BYTES];
    size_t len;
    FILE *in = fopen(mark->path, "re");
    if (in == NULL) {
        return errno == ENOENT ? KR_NOT_FOUND : KR_IO;
    }
    const char *at = fgets(text, sizeof text, in);
    (void)fclose(in);
    for (size_t i = 0; i < 5 && at != NULL; i++) {
        char *end = NULL;
        len = strlen(words[i]);
        if (strncmp(at, words[i], len) != 0 || at[len] < '0' || at[len] > '9') {
            at = NULL;
            break;
        }
        numbers[i] = strtoull(at + len, &end, 10);
        at = numbers[i] <= INT64_MAX ? end : NULL;
    }
    const struct kr_hunt_mark where = {.file = (size_t)numbers[1], .offset = numbers[2], .lines = numbers[3]};
    if (at == NULL || numbers[0] != 2 || where.file >= count || numbers[4] > HEAD_BYTES || *at != ' ' ||
        strlen(at) != HEX_BYTES + 1) {
        return KR_MALFORMED;
    }
    hash_head(files[where.file], (size_t)numbers[4], &len, hex);
    if (len != numbers[4] || memcmp(at + 1, hex, HEX_BYTES - 1) != 0) {
        return KR_INVALID;
    }
    *ret = where;
    return KR_OK;
}

enum kr_err kr_scan_mark_write(const struct kr_scan_mark *mark, const char *const *files, size_t count,
                               const struct kr_hunt_mark *where)
{
    char path[PATH_MAX + 8], hex[HEX_BYTES];
    size_t len;
    KR_ASSERT(where->file < count);
    hash_head(files[where->file], HEAD_BYTES, &len, hex);
    (void)snprintf(path, sizeof path, "%s", mark->path);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        (void)mkdir(path, 0700); /* what is there already is fine, and what cannot be made is told by fopen */
        *slash = '/';
    }
    (void)snprintf(path, sizeof path, "%s.new", mark->path);
    FILE *out = fopen(path, "we");
    bool ok =
        out != NULL && fprintf(out, "kairan-scan 2 file %" PRIu64 " offset %" PRIu64 " lines %" PRIu64 " head %" PRIu64 " %s\n",
                               (uint64_t)where->file, where->offset, where->lines, (uint64_t)len, hex) > 0;
    ok = (out == NULL || fclose(out) == 0) && ok && rename(path, mark->path) == 0;
    return ok ? KR_OK : KR_IO;
}

void kr_scan_mark_remove(const struct kr_scan_mark *mark)
{
    (void)unlink(mark->path);
}
