/* Runs every file of the folders and files given on the command line through a fuzz target: corpora as ordinary tests. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX (4u << 20)

static uint8_t input[INPUT_BYTES_MAX];
static unsigned run_count;

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *exact;
    size_t len;

    if (file == NULL) {
        perror(path);
        return -1;
    }
    len = fread(input, 1, sizeof input, file);
    fclose(file);
    exact = malloc(len + 1); /* of its own, so that a sanitizer sees a read past the end */
    if (exact == NULL) {
        return -1;
    }
    memcpy(exact, input, len);
    (void)LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    run_count++;
    return 0;
}

static int run_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    int status = 0;

    if (folder == NULL) {
        return run_file(path);
    }
    while (status == 0 && (entry = readdir(folder)) != NULL) {
        char file[4096];

        if (entry->d_name[0] != '.' && snprintf(file, sizeof file, "%s/%s", path, entry->d_name) < (int)sizeof file) {
            status = run_file(file);
        }
    }
    closedir(folder);
    return status;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (run_folder(argv[i]) != 0) {
            return 1;
        }
    }
    printf("%u inputs\n", run_count);
    return run_count > 0 ? 0 : 1; /* an empty corpus tests nothing */
}
