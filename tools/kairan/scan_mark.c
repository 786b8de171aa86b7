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

bool kr_scan_mark_place(const char *const *files, size_t count, struct kr_scan_mark *ret)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *names = NULL, hex[33];
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

enum kr_err kr_scan_mark_read(const struct kr_scan_mark *mark, struct kr_hunt_mark *ret)
{
    static const char *const words[] = {"kairan-scan ", " file ", " offset ", " lines "};
    uint64_t numbers[4] = {0};
    char text[128] = "";
    FILE *in = fopen(mark->path, "re");
    if (in == NULL) {
        return errno == ENOENT ? KR_NOT_FOUND : KR_IO;
    }
    const char *at = fgets(text, sizeof text, in);
    (void)fclose(in);
    for (size_t i = 0; i < 4 && at != NULL; i++) {
        char *end = NULL;
        const size_t len = strlen(words[i]);
        if (strncmp(at, words[i], len) != 0) {
            at = NULL;
            break;
        }
        numbers[i] = strtoull(at + len, &end, 10);
        at = end != at + len ? end : NULL;
    }
    if (at == NULL || numbers[0] != 1) {
        return KR_MALFORMED;
    }
    const struct kr_hunt_mark where = {.file = (size_t)numbers[1], .offset = numbers[2], .lines = numbers[3]};
    *ret = where;
    return KR_OK;
}

enum kr_err kr_scan_mark_write(const struct kr_scan_mark *mark, const struct kr_hunt_mark *where)
{
    char path[PATH_MAX + 8];
    (void)snprintf(path, sizeof path, "%s", mark->path);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        (void)mkdir(path, 0700); /* what is there already is fine, and what cannot be made is told by fopen */
        *slash = '/';
    }
    (void)snprintf(path, sizeof path, "%s.new", mark->path);
    FILE *out = fopen(path, "we");
    bool ok = out != NULL && fprintf(out, "kairan-scan 1 file %" PRIu64 " offset %" PRIu64 " lines %" PRIu64 "\n",
                                     (uint64_t)where->file, where->offset, where->lines) > 0;
    ok = (out == NULL || fclose(out) == 0) && ok && rename(path, mark->path) == 0;
    return ok ? KR_OK : KR_IO;
}

void kr_scan_mark_remove(const struct kr_scan_mark *mark)
{
    (void)unlink(mark->path);
}
