/* Whose line is it? Tells the parts of a text that speak of its sender (contact lines, signatures) from those that report
 * something. Lines come in order; each is asked about once. */
#ifndef KR_TOOLS_FORMATS_OWN_H
#define KR_TOOLS_FORMATS_OWN_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/formats/fold.h"

struct kr_own {
    const char *text; /* the whole text, borrowed */
    size_t len;
    size_t block_end;     /* a signature block that was seen reaches to here */
    unsigned lines_under; /* lines still under a heading 連絡先 */
    struct kr_fold ahead; /* for looking at lines to come */
};

void kr_own_init(struct kr_own *own, const char *text, size_t len);
/* Whether the line at `start` … `end`, folded as `fold`, is the sender's own. */
bool kr_own_line(struct kr_own *own, size_t start, size_t end, const struct kr_fold *fold);

#endif
