/* What somebody hands over for submission: a file, standard input, or words. */
#ifndef KR_TOOLS_KAIRAN_GIVEN_H
#define KR_TOOLS_KAIRAN_GIVEN_H

#include "tools/kairan/kairan.h"

/* One argument that names a file, "-" or none for standard input, or words, which become lines. free() the bytes. Tells failures.
 */
bool kr_given_read(struct kr_app *app, int argc, char **argv, char **ret, size_t *ret_len);

#endif
