#include "tools/formats/formats.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/fold.h"
#include "tools/formats/mail.h"
#include "tools/formats/own.h"
#include "tools/formats/scan.h"

/* Quoted-printable breaks lines here (RFC 2045 section 6.7); other lines that end in '=' just do. */
#define SOFT_BREAK_MIN 70u
#define SOFT_BREAK_MAX 76u

/* What is found, in order and once each. Values lie in one growing buffer; places in it become pointers at the end. */
struct collector {
    struct kr_extract *result;
    uint32_t items_max;
    size_t item_capacity;
    uint8_t *values;
    size_t values_len, values_capacity;
    uint32_t *slots; /* hash table: number of the item plus one */
    size_t slot_count;
    uint8_t key[crypto_shorthash_KEYBYTES];
    bool mine;    /* the line is the sender's own */
    bool headers; /* collecting the addresses of a mail's header fields, which are not taken from the text */
    size_t header_items;
    size_t piece, piece_end; /* the line in the text */
    enum kr_err err;
};

static struct kr_slice value_of(const struct collector *collector, const struct kr_found *item)
{
    return (struct kr_slice){collector->values + (uintptr_t)item->value.bytes, item->value.len};
}

static uint64_t hash(const struct collector *collector, uint32_t type, const uint8_t *value, size_t len)
{
    uint64_t digest;
    (void)crypto_shorthash((uint8_t *)&digest, value, len, collector->key);
    return digest + type * 0x9e3779b97f4a7c15u;
}

/* The slot that holds the value, or the free one where it belongs. */
static size_t find_slot(const struct collector *collector, uint32_t type, const uint8_t *value, size_t len)
{
    size_t slot = hash(collector, type, value, len) & (collector->slot_count - 1);
    bool more = true;
    while (more) {
        const uint32_t number = collector->slots[slot];
        if (number == 0) {
            more = false;
        } else {
            const struct kr_found *item = &collector->result->items[number - 1];
            const struct kr_slice known = value_of(collector, item);
            more = item->type != type || known.len != len || memcmp(known.bytes, value, len) != 0;
        }
        slot = more ? (slot + 1) & (collector->slot_count - 1) : slot;
    }
    return slot;
}

/* A list of a hundred thousand lines would be hashed ten times over if the table began small. */
static size_t first_slots(size_t text_len)
{
    size_t count = 256;
    while (count < text_len / 16 && count < 2u * KR_EXTRACT_ITEMS_MAX) {
        count *= 2;
    }
    return count;
}

static bool grow(struct collector *collector, size_t value_len)
{
    struct kr_extract *result = collector->result;
    bool ok = true;
    if (result->item_count == collector->item_capacity) {
        const size_t capacity = collector->item_capacity * 2 + 64;
        struct kr_found *items = realloc(result->items, capacity * sizeof *items);
        ok = items != NULL;
        result->items = ok ? items : result->items;
        collector->item_capacity = ok ? capacity : collector->item_capacity;
    }
    if (ok && collector->values_capacity - collector->values_len < value_len) {
        const size_t capacity = collector->values_capacity * 2 + value_len + 4096;
        uint8_t *values = realloc(collector->values, capacity);
        ok = values != NULL;
        collector->values = ok ? values : collector->values;
        collector->values_capacity = ok ? capacity : collector->values_capacity;
    }
    if (ok && collector->slot_count < 2 * (result->item_count + 1)) {
        const size_t count = collector->slot_count == 0 ? first_slots(result->text_len) : collector->slot_count * 2;
        uint32_t *slots = calloc(count, sizeof *slots);
        ok = slots != NULL;
        if (ok) {
            free(collector->slots);
            collector->slots = slots;
            collector->slot_count = count;
            for (size_t i = 0; i < result->item_count; i++) {
                const struct kr_slice value = value_of(collector, &result->items[i]);
                slots[find_slot(collector, result->items[i].type, value.bytes, value.len)] = (uint32_t)i + 1;
            }
        }
    }
    collector->err = ok ? collector->err : KR_NOMEM;
    return ok;
}

static bool is_edge(char c)
{
    return c > 0 && c <= '/'
               ? c != '#' && c != '$'
               : c == ':' || c == ';' || c == '|' || c == '\\' || c == '[' || c == ']' || c == '>' || c == '?' || c == '=';
}

/* Cuts at a character's boundary. */
static size_t cut(const char *text, size_t len, size_t max)
{
    if (len > max) {
        len = max;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len;
}

/* Length of a Japanese sign that can stand around a note: at its beginning, or (`end`) at its end. */
static size_t wide_edge(const char *text, size_t len, bool end)
{
    static const char *const signs[] = {"、", "。", "（", "）", "「", "」", "【", "】", "・", "：", "；", "　"};
    size_t found = 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0] && found == 0 && len >= 3; i++) {
        found = memcmp(end ? text + len - 3 : text, signs[i], 3) == 0 ? 3 : 0;
    }
    return found;
}

/* The text from … to without blanks and punctuation around it. */
static struct kr_slice trimmed(const char *text, size_t from, size_t to, size_t max, bool punctuation)
{
    size_t edge = 1;
    while (from < to && edge > 0) {
        const bool narrow = (text[from] > 0 && text[from] <= ' ') || (punctuation && is_edge(text[from]));
        edge = narrow ? 1 : punctuation ? wide_edge(text + from, to - from, false) : 0;
        from += edge;
    }
    for (edge = 1; from < to && edge > 0; to -= edge) {
        const bool narrow = (text[to - 1] > 0 && text[to - 1] <= ' ') || (punctuation && is_edge(text[to - 1]));
        edge = narrow ? 1 : punctuation ? wide_edge(text + from, to - from, true) : 0;
    }
    return (struct kr_slice){(const uint8_t *)text + from, cut(text + from, to - from, max)};
}

static bool is_contact(uint32_t type)
{
    return type == KR_INDICATOR_EMAIL || type == KR_INDICATOR_URL || type == KR_INDICATOR_DOMAIN;
}

static void on_found(void *context, const struct kr_candidate *candidate)
{
    struct collector *collector = context;
    struct kr_extract *result = collector->result;
    const struct kr_indicator *indicator = &candidate->indicator;
    if (collector->err != KR_OK || result->more || (collector->headers && indicator->type != KR_INDICATOR_EMAIL) ||
        !grow(collector, indicator->len)) {
        return;
    }
    const size_t slot = find_slot(collector, indicator->type, indicator->value, indicator->len);
    const uint32_t known = collector->slots[slot];
    const bool header = known > 0 && known <= collector->header_items && !candidate->defanged;
    if (!collector->headers && ((collector->mine && is_contact(indicator->type) && !candidate->defanged) || header)) {
        result->left_out++;
        return;
    }
    if (known > collector->header_items || (known > 0 && collector->headers)) {
        return;
    }
    if (result->item_count - collector->header_items >= collector->items_max) {
        result->more = true;
        return;
    }
    struct kr_found *item = &result->items[result->item_count++];
    const size_t offset = collector->piece + candidate->offset;
    *item = (struct kr_found){
        .type = indicator->type,
        .value = {(const uint8_t *)(uintptr_t)collector->values_len, indicator->len},
        .offset = offset,
        .len = candidate->len,
        .defanged = candidate->defanged,
        .guessed = candidate->guessed,
    };
    if (!collector->headers) {
        item->note = trimmed(result->text, offset + candidate->len, collector->piece_end, KR_NOTE_BYTES_MAX, true);
        item->context = trimmed(result->text, collector->piece, collector->piece_end, KR_CONTEXT_BYTES_MAX, false);
    }
    memcpy(collector->values + collector->values_len, indicator->value, indicator->len);
    collector->values_len += indicator->len;
    collector->slots[slot] = (uint32_t)result->item_count;
}

static void on_label(void *context, enum kr_label label)
{
    struct collector *collector = context;
    if (!collector->headers && label > collector->result->label) {
        collector->result->label = label;
    }
}

static bool begins_url(const char *text, size_t len)
{
    return len >= 8 && (text[0] | 0x20) == 'h' && memchr(text, ':', 8) != NULL;
}

/* Whether the line break at `end` is a soft one: quoted-printable, or within the angle brackets around a URL (RFC 3986 appendix C).
 */
static bool is_soft_break(const char *text, size_t start, size_t end, size_t len, bool *ret_equals)
{
    size_t stop = end;
    const char *next = text + end + 1;
    const size_t left = len - end - 1;
    if (stop > start && text[stop - 1] == '\r') {
        stop--;
    }
    const size_t line = stop - start;
    const bool equals = line >= SOFT_BREAK_MIN && line <= SOFT_BREAK_MAX && text[stop - 1] == '=' && text[stop - 2] != ' ' &&
                        text[stop - 2] != '=' && left > 0 && *next > ' ' && !begins_url(next, left);
    bool bracket = false;
    const char *open = equals || line == 0 ? NULL : memrchr(text + start, '<', line);
    if (open != NULL && memmem(open, (size_t)(text + stop - open), "://", 3) != NULL) {
        const size_t rest = (size_t)(text + stop - open), look = left < 200 ? left : 200;
        const char *close = memchr(next, '>', look), *feed = memchr(next, '\n', look);
        bracket =
            memchr(open, '>', rest) == NULL && memchr(open, ' ', rest) == NULL && close != NULL && (feed == NULL || close < feed);
    }
    *ret_equals = equals;
    return equals || bracket;
}

/* The end of the logical line at `start`: soft breaks do not end it, and what is too long ends at a blank. */
static size_t logical_end(const char *text, size_t start, size_t len, bool *ret_equals)
{
    size_t end = start;
    bool more = true, equals = false;
    *ret_equals = false;
    for (size_t line = start; more; line = end + 1) {
        const char *feed = line < len ? memchr(text + line, '\n', len - line) : NULL;
        end = feed != NULL ? (size_t)(feed - text) : len;
        more = end < len && end - start < KR_FOLD_BYTES_MAX / 2 && is_soft_break(text, line, end, len, &equals);
        *ret_equals = *ret_equals || (more && equals);
    }
    if (end - start > KR_FOLD_BYTES_MAX) {
        end = start + cut(text + start, end - start, KR_FOLD_BYTES_MAX);
        size_t blank = end;
        while (blank > start + KR_FOLD_BYTES_MAX / 2 && text[blank - 1] != ' ' && text[blank - 1] != '\t' &&
               text[blank - 1] != ',') {
            blank--;
        }
        end = blank > start + KR_FOLD_BYTES_MAX / 2 ? blank : end;
    }
    return end;
}

static enum kr_err search(struct collector *collector, const char *text, size_t len)
{
    struct kr_fold *fold = malloc(sizeof *fold);
    struct kr_own *own = malloc(sizeof *own);
    struct kr_scan scan = {.fold = fold, .context = collector, .found = on_found, .labelled = on_label};
    if (fold == NULL || own == NULL) {
        collector->err = KR_NOMEM;
        goto out;
    }
    kr_own_init(own, text, len);
    for (size_t start = 0; start < len && collector->err == KR_OK && !collector->result->more;) {
        bool equals;
        const size_t end = logical_end(text, start, len, &equals);
        kr_fold_line(fold, text + start, end - start, equals);
        collector->piece = start;
        collector->piece_end = end;
        collector->mine = !collector->headers && kr_own_line(own, start, end, fold);
        kr_scan_line(&scan);
        start = end + (end < len && text[end] == '\n');
    }
out:
    free(own);
    free(fold);
    return collector->err;
}

/* "[TLP:AMBER] title" without what stands in the brackets: the label is shown, and changed, elsewhere. */
static void set_title(struct kr_extract *result, const char *subject)
{
    static const struct {
        const char *open, *close;
    } brackets[] = {{"[", "]"}, {"【", "】"}, {"(", ")"}, {"<", ">"}, {"［", "］"}, {"（", "）"}};
    for (size_t b = 0; b < sizeof brackets / sizeof brackets[0]; b++) {
        const size_t open = strlen(brackets[b].open);
        const char *close = strncmp(subject, brackets[b].open, open) == 0 ? strstr(subject, brackets[b].close) : NULL;
        enum kr_label label;
        if (close != NULL && kr_label_parse(subject + open, (size_t)(close - subject) - open, &label) == KR_OK) {
            subject = close + strlen(brackets[b].close);
            subject += strspn(subject, " \t");
        }
    }
    const size_t len = cut(subject, strlen(subject), KR_TITLE_BYTES_MAX);
    memcpy(result->title, subject, len);
    result->title[len] = 0;
}

static enum kr_err read_mail(struct collector *collector, const void *bytes, size_t len, struct kr_error *error)
{
    struct kr_extract *result = collector->result;
    struct kr_mail *mail = NULL;
    enum kr_err err = kr_mail_read(bytes, len, &mail, error);
    if (err != KR_OK) {
        goto out;
    }
    collector->headers = true;
    err = search(collector, mail->addresses, strlen(mail->addresses));
    collector->headers = false;
    collector->header_items = result->item_count;
    if (err != KR_OK) {
        goto out;
    }
    set_title(result, mail->subject);
    (void)snprintf(result->charset, sizeof result->charset, "%s", mail->charset);
    result->text = mail->text;
    result->text_len = mail->text_len;
    result->attachments = mail->attachments;
    result->attachment_count = mail->attachment_count;
    mail->text = NULL;
    mail->attachments = NULL;
    mail->attachment_count = 0;

    /* Of the subject only the label counts: its names stand in the text too, or are the sender's. */
    const uint32_t items_max = collector->items_max;
    collector->items_max = 0;
    char *text = result->text;
    result->text = mail->subject;
    err = search(collector, mail->subject, strlen(mail->subject));
    result->text = text;
    collector->items_max = items_max;
    result->more = false;
    result->left_out = 0;
out:
    kr_mail_free(mail);
    return err;
}

/* Places become pointers, and the header fields' addresses at the front go. */
static void finish(struct collector *collector)
{
    struct kr_extract *result = collector->result;
    for (size_t i = 0; i < result->item_count; i++) {
        result->items[i].value = value_of(collector, &result->items[i]);
    }
    result->item_count -= collector->header_items;
    if (collector->header_items > 0) {
        memmove(result->items, result->items + collector->header_items, result->item_count * sizeof *result->items);
    }
}

/* The result and the buffer that its values point into are one allocation's life: kr_extract_free needs both. */
struct owned {
    struct kr_extract extract;
    uint8_t *values;
};

enum kr_err kr_formats_extract(const void *bytes, size_t len, const struct kr_extract_options *options, struct kr_extract **ret,
                               struct kr_error *error)
{
    static const struct kr_extract_options defaults = {.format = KR_FORMAT_ANY};
    enum kr_err err = KR_OK;
    struct owned *owned = calloc(1, sizeof *owned);
    struct collector collector = {.result = owned != NULL ? &owned->extract : NULL};

    options = options != NULL ? options : &defaults;
    if (owned == NULL) {
        err = KR_NOMEM;
        goto out;
    }
    if (len > KR_FORMATS_BYTES_MAX) {
        err = kr_fail(error, KR_BOUNDS, "at most %u MiB at a time", KR_FORMATS_BYTES_MAX / KR_MIB);
        goto out;
    }
    collector.items_max = options->items_max > 0 ? options->items_max : KR_EXTRACT_ITEMS_MAX;
    randombytes_buf(collector.key, sizeof collector.key);
    struct kr_extract *result = &owned->extract;
    const bool mail = options->format == KR_FORMAT_MAIL || (options->format == KR_FORMAT_ANY && kr_mail_is_mail(bytes, len));
    result->format = mail ? KR_FORMAT_MAIL : KR_FORMAT_TEXT;
    err = mail ? read_mail(&collector, bytes, len, error)
               : kr_charset_to_utf8(bytes, len, options->charset, &result->text, &result->text_len, result->charset, error);
    if (err == KR_OK) {
        err = search(&collector, result->text, result->text_len);
    }
    if (err != KR_OK) {
        goto out;
    }
    finish(&collector);
    owned->values = collector.values;
    collector.values = NULL;
    *ret = result;
    owned = NULL;
out:
    free(collector.values);
    free(collector.slots);
    kr_extract_free(owned != NULL ? &owned->extract : NULL);
    return err;
}

void kr_extract_free(struct kr_extract *extract)
{
    if (extract != NULL) {
        struct owned *owned = (struct owned *)extract; /* its first member */
        for (size_t i = 0; i < extract->attachment_count; i++) {
            free(extract->attachments[i].name);
            free(extract->attachments[i].type);
        }
        free(extract->attachments);
        free(extract->items);
        free(extract->text);
        free(owned->values);
        free(owned);
    }
}
