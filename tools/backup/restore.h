/* A node's state directory out of a backup. */
#ifndef KR_TOOLS_BACKUP_RESTORE_H
#define KR_TOOLS_BACKUP_RESTORE_H

#include "tools/backup/chain.h"

struct kr_backup_restoring {
    struct kr_backup_chain *chain;
    const uint8_t *recovery_secret;                  /* 64 */
    const char *to;                                  /* the state directory: not there, or without a node */
    void (*on_bytes)(void *context, uint64_t bytes); /* may be NULL */
    void *context;
};
struct kr_backup_restored {
    uint64_t made_s, pages;
    uint32_t files;       /* beside the store */
    bool has_config;      /* `kairan.conf` came with it, */
    bool config_is_aside; /* and lies there as `kairan.conf.restored`, because there is another */
};
/* Everything is checked and made in a directory of its own (`restore.unfinished`) and moved to its place when it is whole and
 * synced, the keyring last: with it the node is there. Beside it lies the word that it was restored, for its next start.
 * KR_EXISTS: there is a node; KR_DENIED: the directory is another user's; else as kr_backup_chain_walk and writing say. */
enum kr_err kr_backup_restore(const struct kr_backup_restoring *restoring, struct kr_backup_restored *ret_restored,
                              struct kr_error *error) KR_WARN_UNUSED;

#endif
