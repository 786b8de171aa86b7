#include "node/keeper/sizes.h"

#include <sys/stat.h>

#include "crypto/private_file.h"
#include "node/keeper/place.h"
#include "proto/client/sizes.h"

void kr_sizes_keep(const char *directory, uint64_t now_s)
{
    char path[KR_PLACE_PATH_MAX], store_path[KR_PLACE_PATH_MAX], text[KR_SIZES_TEXT_BYTES + 1];
    struct kr_sizes sizes = {0};
    struct stat status;
    size_t len = 0;
    if (kr_place_join(path, directory, KR_SIZES_NAME, NULL) != KR_OK ||
        kr_place_join(store_path, directory, "store/data.mdb", NULL) != KR_OK || stat(store_path, &status) != 0) {
        return;
    }
    if (kr_private_file_read(path, text, sizeof text - 1, &len, NULL) != KR_OK || kr_sizes_parse(text, len, &sizes) != KR_OK) {
        sizes.count = 0; /* there is none yet, or it is damaged: it begins anew */
    }
    if (kr_sizes_note(&sizes, now_s, (uint64_t)status.st_size)) {
        len = kr_sizes_print(&sizes, text);
        enum kr_err err = kr_private_file_write(path, text, len, true, NULL);
        (void)err; /* (a full disk is told of by whoever needs it) */
    }
}
