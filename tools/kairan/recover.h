/* `kairan root recover`: another root key, by the recovery paper. */
#ifndef KR_TOOLS_KAIRAN_RECOVER_H
#define KR_TOOLS_KAIRAN_RECOVER_H

#include "tools/kairan/root_key.h"

struct kr_recover_options {
    const char *paper, *to, *since;
    bool is_taken_over, keeps_others, ends_others, is_sure;
    bool is_finish;              /* the key is replaced already: only what of the former ones holds is said, with root.file */
    struct kr_root_options root; /* its passphrase is that of the new file where one is written */
};
/* The root key in force of this council, as its card says. Tells failures. */
bool kr_root_in_force(struct kr_app *app, uint8_t ret_root[static 32]);
int kr_root_recover(struct kr_app *app, const struct kr_recover_options *options);

#endif
