#include "tools/formats/mail.h"

#include <gmime/gmime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS_DEPTH_MAX     32
#define ATTACHMENTS_MAX     256u
#define HEADER_BYTES_MAX    (64u * KR_KIB) /* of one field */
#define RECOGNISE_LINES_MAX 100

static bool is_field(const uint8_t *line, size_t len, const char *name)
{
    return len > strlen(name) && g_ascii_strncasecmp((const char *)line, name, strlen(name)) == 0 && line[strlen(name)] == ':';
}

bool kr_mail_is_mail(const uint8_t *bytes, size_t len)
{
    static const char *const names[] = {"From",        "To",         "Subject",       "Date",         "Received",
                                        "Return-Path", "Message-ID", "MIME-Version",  "Content-Type", "Delivered-To",
                                        "Reply-To",    "Cc",         "DKIM-Signature"};
    uint32_t seen = 0;
    bool header = true;
    const uint8_t *at = bytes, *end = bytes + len;
    for (int line = 0; line < RECOGNISE_LINES_MAX && header && at < end; line++) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop != NULL ? stop : end;
        const size_t line_len = (size_t)(stop - at);
        const bool folded = line > 0 && (at[0] == ' ' || at[0] == '\t') && line_len > 1;
        const bool mbox = line == 0 && line_len > 5 && memcmp(at, "From ", 5) == 0;
        size_t name = 0;
        while (name < line_len && at[name] > ' ' && at[name] < 0x7f && at[name] != ':') {
            name++;
        }
        header = folded || mbox || (name > 0 && name < line_len && at[name] == ':');
        for (size_t i = 0; i < sizeof names / sizeof names[0] && header && !folded; i++) {
            seen |= is_field(at, line_len, names[i]) ? 1u << i : 0;
        }
        at = stop + 1;
    }
    return (seen & (seen - 1)) != 0;
}

/* Bytes of a header field that belong together: one charset, decoded but not yet converted. */
struct run {
    char charset[40];
    GByteArray *bytes;
};

static void flush_run(struct run *run, GString *out)
{
    char *text = NULL;
    size_t len;
    char name[KR_CHARSET_NAME_BYTES];
    const char *charset = run->charset[0] != 0 ? run->charset : NULL;
    if (run->bytes->len > 0) {
        enum kr_err err = kr_charset_to_utf8(run->bytes->data, run->bytes->len, charset, &text, &len, name, NULL);
        if (err == KR_INVALID) { /* a charset that nobody knows: better guess than lose the subject */
            err = kr_charset_to_utf8(run->bytes->data, run->bytes->len, NULL, &text, &len, name, NULL);
        }
        if (err == KR_OK) {
            g_string_append_len(out, text, (gssize)len);
        }
    }
    free(text);
    g_byte_array_set_size(run->bytes, 0);
}

/* An encoded word (RFC 2047 section 2) at `at`; its parts. */
struct encoded {
    const char *charset, *text;
    size_t charset_len, text_len;
    char encoding;
    const char *end;
};

static bool find_encoded(const char *at, const char *end, struct encoded *ret)
{
    bool ok = end - at >= 8 && at[0] == '=' && at[1] == '?';
    const char *first = ok ? memchr(at + 2, '?', (size_t)(end - at - 2)) : NULL;
    if (first == NULL || end - first < 5 || first[2] != '?') {
        return false;
    }
    const char *stop = NULL;
    for (const char *i = first + 3; i + 1 < end && stop == NULL && *i != ' '; i++) {
        stop = i[0] == '?' && i[1] == '=' ? i : NULL;
    }
    if (stop != NULL) {
        const char *star = memchr(at + 2, '*', (size_t)(first - at - 2)); /* RFC 2231 puts a language there */
        ret->charset = at + 2;
        ret->charset_len = (size_t)((star != NULL ? star : first) - at - 2);
        ret->encoding = (char)(first[1] & ~0x20);
        ret->text = first + 3;
        ret->text_len = (size_t)(stop - first - 3);
        ret->end = stop + 2;
    }
    return stop != NULL && ret->charset_len < sizeof((struct run *)0)->charset && (ret->encoding == 'B' || ret->encoding == 'Q');
}

static void decode_encoded(const struct encoded *word, GByteArray *out)
{
    GMimeEncoding state;
    const bool base64 = word->encoding == 'B';
    char *text = g_strndup(word->text, word->text_len);
    for (size_t i = 0; i < word->text_len && !base64; i++) {
        text[i] = text[i] == '_' ? ' ' : text[i];
    }
    g_mime_encoding_init_decode(&state, base64 ? GMIME_CONTENT_ENCODING_BASE64 : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    char *decoded = g_malloc(g_mime_encoding_outlen(&state, word->text_len) + 16);
    const size_t len = g_mime_encoding_flush(&state, text, word->text_len, decoded);
    g_byte_array_append(out, (const guint8 *)decoded, (guint)len);
    g_free(decoded);
    g_free(text);
}

/* A field's text: unfolded, encoded words decoded by our own charsets, raw bytes guessed. Words of one charset that follow each
 * other are joined before they are converted, because mailers cut characters in two. */
static char *decode_field(const char *raw)
{
    GString *out = g_string_new(NULL);
    struct run run = {.bytes = g_byte_array_new()};
    const char *at = raw, *end = raw + MIN(strlen(raw), HEADER_BYTES_MAX);
    bool after_word = false;
    while (at < end) {
        struct encoded word;
        const char *next = at;
        while (next < end && (*next == ' ' || *next == '\t' || *next == '\r' || *next == '\n')) {
            next++;
        }
        if (find_encoded(next, end, &word)) {
            char charset[sizeof run.charset];
            memcpy(charset, word.charset, word.charset_len);
            charset[word.charset_len] = 0;
            const bool same = after_word && g_ascii_strcasecmp(charset, run.charset) == 0;
            if (!same) {
                if (!after_word) {
                    g_byte_array_append(run.bytes, (const guint8 *)(next > at ? " " : ""), next > at);
                }
                flush_run(&run, out);
                (void)g_strlcpy(run.charset, charset, sizeof run.charset);
            }
            decode_encoded(&word, run.bytes);
            after_word = true;
            at = word.end;
        } else {
            if (after_word) {
                flush_run(&run, out);
                run.charset[0] = 0;
                after_word = false;
            }
            if (next > at) {
                g_byte_array_append(run.bytes, (const guint8 *)" ", 1);
            }
            if (next < end) {
                g_byte_array_append(run.bytes, (const guint8 *)next, 1);
                next++;
            }
            at = next;
        }
    }
    flush_run(&run, out);
    (void)g_byte_array_free(run.bytes, TRUE);
    g_strstrip(out->str);
    return g_string_free(out, FALSE);
}

/* Fixed-width lines that flow (RFC 3676): a blank before the line feed means that the line goes on; delsp: it is not the text's. */
static size_t unflow(char *text, size_t len, bool delsp)
{
    size_t out = 0, line = 0;
    for (size_t i = 0; i < len; i++) {
        const bool cr = text[i] == '\r' && i + 1 < len && text[i + 1] == '\n';
        const bool soft = (cr || text[i] == '\n') && out > line && text[out - 1] == ' ' &&
                          !(out - line == 3 && memcmp(text + line, "-- ", 3) == 0);
        if (soft) {
            out -= delsp;
            i += cr;
        } else {
            text[out++] = text[i];
            line = text[i] == '\n' ? out : line;
        }
    }
    return out;
}

/* What is built up while walking over the parts. */
struct walk {
    GString *text;
    struct kr_mail *mail;
    enum kr_err err;
};

static GByteArray *part_bytes(GMimePart *part)
{
    GByteArray *bytes = g_byte_array_new();
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (content != NULL) {
        GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
        g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
        (void)g_mime_data_wrapper_write_to_stream(content, stream);
        g_object_unref(stream);
    }
    return bytes;
}

static void add_text(struct walk *walk, GMimePart *part)
{
    GMimeObject *object = GMIME_OBJECT(part);
    GMimeContentType *type = g_mime_object_get_content_type(object);
    GByteArray *bytes = part_bytes(part);
    const char *charset = g_mime_object_get_content_type_parameter(object, "charset");
    const char *format = g_mime_object_get_content_type_parameter(object, "format");
    const char *delsp = g_mime_object_get_content_type_parameter(object, "delsp");
    char *text = NULL, name[KR_CHARSET_NAME_BYTES];
    size_t len = 0;
    enum kr_err err = kr_charset_to_utf8(bytes->data, bytes->len, charset, &text, &len, name, NULL);
    if (err == KR_INVALID) {
        err = kr_charset_to_utf8(bytes->data, bytes->len, NULL, &text, &len, name, NULL);
    }
    if (err == KR_OK && g_mime_content_type_is_type(type, "text", "html")) {
        char *plain = kr_html_to_text(text, len, &len);
        free(text);
        text = plain;
        err = plain != NULL ? KR_OK : KR_NOMEM;
    } else if (err == KR_OK && format != NULL && g_ascii_strcasecmp(format, "flowed") == 0) {
        len = unflow(text, len, delsp != NULL && g_ascii_strcasecmp(delsp, "yes") == 0);
    }
    if (err == KR_OK) {
        if (walk->mail->charset[0] == 0) {
            (void)snprintf(walk->mail->charset, sizeof walk->mail->charset, "%s", name);
        }
        if (walk->text->len > 0) {
            g_string_append_c(walk->text, '\n');
        }
        g_string_append_len(walk->text, text, (gssize)len);
    }
    walk->err = walk->err == KR_OK ? err : walk->err;
    free(text);
    (void)g_byte_array_free(bytes, TRUE);
}

static void add_attachment(struct walk *walk, GMimeObject *object, const char *name, size_t bytes)
{
    struct kr_mail *mail = walk->mail;
    if (mail->attachment_count < ATTACHMENTS_MAX) {
        struct kr_attachment *attachment = &mail->attachments[mail->attachment_count];
        char *type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
        char *utf8 = name != NULL ? g_utf8_make_valid(name, -1) : NULL;
        attachment->name = strdup(utf8 != NULL ? utf8 : "");
        attachment->type = strdup(type != NULL ? type : "");
        attachment->bytes = bytes;
        mail->attachment_count++;
        walk->err = attachment->name == NULL || attachment->type == NULL ? KR_NOMEM : walk->err;
        g_free(utf8);
        g_free(type);
    }
}

static bool is_type(GMimeObject *object, const char *type, const char *subtype)
{
    return g_mime_content_type_is_type(g_mime_object_get_content_type(object), type, subtype);
}

/* Of alternatives the plain text, or else the last that is text or holds some. */
static GMimeObject *choose_alternative(GMimeMultipart *multipart)
{
    GMimeObject *chosen = NULL;
    for (int i = 0; i < g_mime_multipart_get_count(multipart); i++) {
        GMimeObject *part = g_mime_multipart_get_part(multipart, i);
        const bool plain = chosen != NULL && is_type(chosen, "text", "plain");
        chosen = !plain && (is_type(part, "text", "*") || is_type(part, "multipart", "*")) ? part : chosen;
    }
    return chosen;
}

static void add_part(struct walk *walk, GMimeObject *object, int depth)
{
    const char *disposition = g_mime_object_get_disposition(object);
    const bool attached = disposition != NULL && g_ascii_strcasecmp(disposition, "attachment") == 0;
    if (depth > PARTS_DEPTH_MAX || walk->err != KR_OK) {
        return;
    }
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(object);
        GMimeObject *alternative = is_type(object, "multipart", "alternative") ? choose_alternative(multipart) : NULL;
        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++) {
            GMimeObject *part = g_mime_multipart_get_part(multipart, i);
            if (alternative == NULL || part == alternative) {
                add_part(walk, part, depth + 1);
            }
        }
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        add_attachment(walk, object, g_mime_object_get_content_disposition_parameter(object, "filename"), 0);
    } else if (GMIME_IS_PART(object) && !attached && is_type(object, "text", "*")) {
        add_text(walk, GMIME_PART(object));
    } else if (GMIME_IS_PART(object)) {
        GByteArray *bytes = part_bytes(GMIME_PART(object));
        add_attachment(walk, object, g_mime_part_get_filename(GMIME_PART(object)), bytes->len);
        (void)g_byte_array_free(bytes, TRUE);
    }
}

static void read_fields(GMimeMessage *message, GString *subject, GString *addresses)
{
    static const char *const people[] = {"From", "To", "Cc", "Bcc", "Sender", "Reply-To", "Return-Path", "Errors-To"};
    GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
    for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
        const char *name = g_mime_header_get_name(header), *raw = g_mime_header_get_raw_value(header);
        const bool is_subject = g_ascii_strcasecmp(name, "Subject") == 0 && subject->len == 0;
        bool is_people = false;
        for (size_t p = 0; p < sizeof people / sizeof people[0]; p++) {
            is_people = is_people || g_ascii_strcasecmp(name, people[p]) == 0;
        }
        if (raw != NULL && (is_subject || is_people)) {
            char *text = decode_field(raw);
            g_string_append(is_subject ? subject : addresses, text);
            g_string_append_c(is_subject ? subject : addresses, '\n');
            g_free(text);
        }
    }
    g_strchomp(subject->str);
}

static enum kr_err finish(struct walk *walk, const GString *subject, const GString *addresses)
{
    struct kr_mail *mail = walk->mail;
    mail->subject = strdup(subject->str);
    mail->addresses = strdup(addresses->str);
    mail->text = malloc(walk->text->len + 1);
    if (walk->err == KR_OK && (mail->subject == NULL || mail->addresses == NULL || mail->text == NULL)) {
        walk->err = KR_NOMEM;
    }
    if (walk->err == KR_OK) {
        memcpy(mail->text, walk->text->str, walk->text->len + 1);
        mail->text_len = walk->text->len;
    }
    return walk->err;
}

enum kr_err kr_mail_read(const void *bytes, size_t len, struct kr_mail **ret, struct kr_error *error)
{
    enum kr_err err = KR_OK;
    struct kr_mail *mail = calloc(1, sizeof *mail);
    struct walk walk = {.mail = mail};
    GMimeStream *stream = NULL;
    GMimeParser *parser = NULL;
    GMimeMessage *message = NULL;

    if (mail == NULL || (mail->attachments = calloc(ATTACHMENTS_MAX, sizeof *mail->attachments)) == NULL) {
        err = KR_NOMEM;
        goto out;
    }
    g_mime_init(); /* counts its callers */
    stream = g_mime_stream_mem_new_with_buffer(bytes, len);
    parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_format(parser, len >= 5 && memcmp(bytes, "From ", 5) == 0 ? GMIME_FORMAT_MBOX : GMIME_FORMAT_MESSAGE);
    message = g_mime_parser_construct_message(parser, NULL);
    if (message == NULL) {
        err = kr_fail(error, KR_MALFORMED, "this is not a mail: it does not begin with header fields");
    } else {
        GString *subject = g_string_new(NULL), *addresses = g_string_new(NULL);
        walk.text = g_string_new(NULL);
        read_fields(message, subject, addresses);
        if (g_mime_message_get_mime_part(message) != NULL) {
            add_part(&walk, g_mime_message_get_mime_part(message), 0);
        }
        err = finish(&walk, subject, addresses);
        (void)g_string_free(walk.text, TRUE);
        (void)g_string_free(subject, TRUE);
        (void)g_string_free(addresses, TRUE);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    if (err == KR_OK) {
        *ret = mail;
        mail = NULL;
    }
out:
    kr_mail_free(mail);
    return err;
}

void kr_mail_free(struct kr_mail *mail)
{
    if (mail != NULL) {
        for (size_t i = 0; i < mail->attachment_count; i++) {
            free(mail->attachments[i].name);
            free(mail->attachments[i].type);
        }
        free(mail->attachments);
        free(mail->subject);
        free(mail->addresses);
        free(mail->text);
        free(mail);
    }
}
