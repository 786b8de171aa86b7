/* kr-loggen: writes a proxy log with planted hits and decoys, and the indicators to look for (loggen.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loggen.h"

int main(int argc, char **argv)
{
    struct loggen gen = {.seed = 1, .bytes = (uint64_t)1 << 30};
    uint64_t lines, hits;
    bool ok = true;
    for (int i = 1; i < argc && ok; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--seed") == 0 && value != NULL) {
            gen.seed = strtoull(value, NULL, 10);
            i++;
        } else if (strcmp(argv[i], "--mib") == 0 && value != NULL) {
            gen.bytes = strtoull(value, NULL, 10) << 20;
            i++;
        } else {
            ok = argv[i][0] != '-' && gen.directory == NULL;
            gen.directory = argv[i];
        }
    }
    if (!ok || gen.directory == NULL || gen.bytes == 0) {
        (void)fputs("Usage: kr-loggen [--seed N] [--mib N] DIRECTORY\n"
                    "Writes proxy.log (1 GiB), values-1k.txt, values-100k.txt, values-1m.txt and truth.tsv into it.\n"
                    "Example: kr-loggen --seed 7 --mib 64 /tmp/logs\n",
                    stderr);
        return 2;
    }
    if (!loggen_write(&gen, &lines, &hits)) {
        (void)fprintf(stderr, "kr-loggen: cannot write to %s: %s\n", gen.directory, strerror(errno));
        return 2;
    }
    (void)printf("%" PRIu64 " lines, %" PRIu64 " of them name an indicator\n", lines, hits);
    return 0;
}
