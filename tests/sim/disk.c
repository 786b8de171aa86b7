#include "tests/sim/disk.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool sim_disk_new(char *ret_path, size_t size)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
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
