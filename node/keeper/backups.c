#include "node/keeper/backups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/private_file.h"
#include "node/keeper/place.h"
#include "proto/backup/backup.h"

enum kr_err kr_backups_put_key(const char *directory, const uint8_t council[static 32], const uint8_t recovery_public[static 32],
                               struct kr_error *error)
{
    char path[KR_PLACE_PATH_MAX], text[KR_BACKUP_KEY_TEXT_BYTES + 1], there[KR_BACKUP_KEY_TEXT_BYTES + 1];
    size_t len = 0;
    enum kr_err err = kr_place_join(path, directory, KR_BACKUP_KEY_NAME, error);
    if (err != KR_OK) {
        return err;
    }
    kr_backup_key_print(council, recovery_public, text);
    const bool is_right = kr_private_file_read(path, there, sizeof there, &len, NULL) == KR_OK && len == strlen(text) &&
                          memcmp(there, text, len) == 0;
    return is_right ? KR_OK : kr_private_file_write(path, text, strlen(text), true, error);
}

uint64_t kr_backups_last_s(const char *directory)
{
    char path[KR_PLACE_PATH_MAX], text[32] = {0};
    size_t len = 0;
    if (kr_place_join(path, directory, KR_BACKUP_LAST_NAME, NULL) != KR_OK ||
        kr_private_file_read(path, text, sizeof text - 1, &len, NULL) != KR_OK) {
        return 0;
    }
    char *end = NULL;
    errno = 0;
    const unsigned long long when_s = strtoull(text, &end, 10);
    return errno == 0 && end != text ? when_s : 0;
}

bool kr_backups_was_restored(const char *directory)
{
    char path[KR_PLACE_PATH_MAX];
    return kr_place_join(path, directory, KR_BACKUP_RESTORED_NAME, NULL) == KR_OK && access(path, F_OK) == 0;
}

enum kr_err kr_backups_restored_is_told(const char *directory, struct kr_error *error)
{
    char path[KR_PLACE_PATH_MAX];
    enum kr_err err = kr_place_join(path, directory, KR_BACKUP_RESTORED_NAME, error);
    if (err == KR_OK && unlink(path) != 0) {
        err = kr_fail(error, KR_IO, "cannot remove %s (%s): remove it by hand, or this node waits for its peers at each start",
                      path, strerror(errno));
    }
    return err == KR_OK ? kr_private_file_sync_name(path, error) : err;
}
