/* Links that are not in force: those whose code is to be compared, and those that stand still because of a key. */
#ifndef KR_TOOLS_KAIRAN_PAIR_H
#define KR_TOOLS_KAIRAN_PAIR_H

#include <jansson.h>

#include "tools/kairan/kairan.h"

/* Who has to do what with the code, for a person, on stdout. */
void kr_pair_how(struct kr_slice council_name, struct kr_slice code);
/* Lines of `kairan peers`, each with the line end in front; nothing where the link is in force. */
void kr_pair_text(const struct kr_peer *peer);
void kr_stop_text(const struct kr_peer *peer);
/* null where it is in force. */
json_t *kr_pair_json(const struct kr_peer *peer);
json_t *kr_stop_json(const struct kr_peer *peer);
/* What happened to a link that stands still: an English sentence (msgid). */
const char *kr_stop_reason(uint32_t stop);
/* What the operator can do then; likewise. */
const char *kr_stop_advice(uint32_t stop);

/* kairan peer code | confirm | reject COUNCIL …; `argv` from that word on. */
bool kr_pair_is_word(const char *word);
int kr_pair_run(struct kr_app *app, int argc, char **argv);

#endif
