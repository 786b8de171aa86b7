/* Messages in the user's language. The catalogues are gettext's (po/ja.po, checked and compiled by msgfmt) but lie in the program:
 * C libraries translate only where a locale of that language has been generated, and small systems have none but C.UTF-8. */
#ifndef KR_TOOLS_KAIRAN_TR_H
#define KR_TOOLS_KAIRAN_TR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chooses the language: `named` ("ja", "en"; NULL: from LANGUAGE, LC_ALL, LC_MESSAGES, LANG in gettext's order). False where it is
 * named and not known. */
bool kr_tr_init(const char *named);
const char *kr_tr_language(void); /* "ja" or "en" */
/* The translation, or the msgid itself. Static storage. */
const char *kr_tr(const char *msgid) __attribute__((format_arg(1)));

/* The catalogue, for its test: i-th pair, false past the end. */
bool kr_tr_entry(size_t i, const char **ret_msgid, const char **ret_text);

#define _(msgid)  kr_tr(msgid)
#define N_(msgid) msgid

#endif
