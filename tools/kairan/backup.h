/* What `backup` and `restore` have in common: files and directories as named, how far they are. */
#ifndef KR_TOOLS_KAIRAN_BACKUP_H
#define KR_TOOLS_KAIRAN_BACKUP_H

#include "tools/backup/chain.h"
#include "tools/kairan/kairan.h"

/* A line on the terminal that is written over, where there is one. */
struct kr_backup_progress {
    const struct kr_app *app;
    const char *what; /* msgid: what is being done */
    uint64_t done, all;
    uint32_t shown; /* per cent, and one; 0: nothing */
};
void kr_backup_progress_add(void *context, uint64_t bytes);
void kr_backup_progress_end(struct kr_backup_progress *progress);

/* A directory: the newest chain in it. Else files: these. Tells failures. */
bool kr_backup_chain_named(const struct kr_app *app, char **names, int count, struct kr_backup_chain *ret_chain);
/* Reads all of it: against its hashes, and, with the lines of the recovery paper (`paper` a file or "-"; NULL: without), opens all.
 * Tells what is wrong, or what was looked at. Returns an exit status. */
int kr_backup_verify(const struct kr_app *app, const char *paper, struct kr_backup_chain *chain);
struct kr_root_key;
/* The paper must be the one that the chain is sealed to. Tells failures. */
bool kr_backup_paper(const struct kr_app *app, const char *paper, const struct kr_backup_chain *chain,
                     struct kr_root_key **ret_key);

#endif
