/* What a person sees before anything is sent: what was found, what a guard holds back, who would get it. All on standard error. */
#ifndef KR_TOOLS_KAIRAN_PREVIEW_H
#define KR_TOOLS_KAIRAN_PREVIEW_H

#include "tools/kairan/send.h"

void kr_show_items(const struct kr_sending *sending);
/* What does not go, and why. */
void kr_show_left_out(const struct kr_extract *extract);
void kr_show_guarded(const struct kr_sending *sending);
void kr_show_reach(const struct kr_sending *sending);
/* Whether the answer is yes. */
bool kr_ask(void);
bool kr_ask_about(const char *question); /* the same of something else */

#endif
