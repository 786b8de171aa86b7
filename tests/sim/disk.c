#include "tests/sim/disk.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char parent[128];

void sim_disk_within(const char *path)
{
    (void)snprintf(parent, sizeof parent, "%s", path);
}

bool sim_disk_copy(const char *from, const char *to)
{
    char chunk[65536];
    bool is_good = true;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    for (size_t len = 1; is_good && in != NULL && out != NULL && len > 0;) {
        len = fread(chunk, 1, sizeof chunk, in);
        is_good = !ferror(in) && fwrite(chunk, 1, len, out) == len;
    }
    is_good = is_good && in != NULL && out != NULL;
    is_good = in != NULL && fclose(in) == 0 && is_good;
    return out != NULL && fclose(out) == 0 && is_good;
}

bool sim_disk_new(char *ret_path, size_t size)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    base = parent[0] != 0 ? parent : base;
    (void)snprintf(ret_path, size, "%s/kr-sim.XXXXXX", base != NULL ? base : "/tmp");
    return mkdtemp(ret_path) != NULL;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(path);
}

void sim_disk_free(const char *path)
{
    if (path[0] != 0) {
        (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}
