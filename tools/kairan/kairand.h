/* The other program, for what needs a node's own files: where it is, and what it prints. */
#ifndef KR_TOOLS_KAIRAN_KAIRAND_H
#define KR_TOOLS_KAIRAN_KAIRAND_H

#include <stdio.h>
#include <sys/types.h>

#include "tools/kairan/kairan.h"

/* Beside this program, in sbin beside its bin, or in the build tree; else the PATH is searched. */
void kr_kairand_find(char *ret_program, size_t size);
/* Starts it with `mode` on the app's state directory. Its standard output is `*ret_out` (fclose, then kr_kairand_end); what it says
 * on standard error goes to the terminal. Tells failures. */
bool kr_kairand_start(const struct kr_app *app, const char *mode, FILE **ret_out, pid_t *ret_child);
/* Waits for its end; its exit status, -1 where it was killed. */
int kr_kairand_end(pid_t child);

/* Runs it with `mode`, the state directory and those options that have a value. What it prints goes to `ret_out`; why it failed it
 * has said itself. */
bool kr_kairand_let(struct kr_app *app, const char *mode, const struct kr_option *options, size_t count, char *ret_out,
                    size_t size);

#endif
