/* A mail taken apart with GMime (RFC 5322, 2045–2047, 3676): subject, the senders' and recipients' fields, the text for people.
 * Attachments are listed, never opened. Used by formats.c only. */
#ifndef KR_TOOLS_FORMATS_MAIL_H
#define KR_TOOLS_FORMATS_MAIL_H

#include "tools/formats/formats.h"

struct kr_mail {
    char *subject;   /* UTF-8, one line */
    char *addresses; /* the fields From, To and their like, UTF-8, one a line */
    char *text;      /* all text parts that are no attachments, UTF-8; of alternatives the plain one */
    size_t text_len;
    char charset[KR_CHARSET_NAME_BYTES];
    struct kr_attachment *attachments;
    size_t attachment_count;
};

/* Whether the bytes begin with header fields of a mail: at least two of those that mails have. */
bool kr_mail_is_mail(const uint8_t *bytes, size_t len);
enum kr_err kr_mail_read(const void *bytes, size_t len, struct kr_mail **ret, struct kr_error *error) KR_WARN_UNUSED;
void kr_mail_free(struct kr_mail *mail);

/* HTML as plain text: tags gone, block ends as line feeds, entities resolved, script and style left out. Links' targets are left
 * out too: what the writer wants to be read stands between the tags. free() the result; NULL where memory is short. */
char *kr_html_to_text(const char *html, size_t len, size_t *ret_len);

#endif
