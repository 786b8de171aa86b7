/* Text and mail for import: one group, all that kr_formats_extract finds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/formats.h"
#include "tools/formats/import.h"

static struct kr_slice slice_of(const char *text)
{
    return text == NULL ? (struct kr_slice){0} : (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static enum kr_err read_whole(const struct kr_import_source *source, uint8_t **ret, size_t *ret_len, struct kr_error *error)
{
    size_t len = 0;
    if (source->bytes > KR_IMPORT_WHOLE_BYTES) {
        return kr_fail(error, KR_BOUNDS, "%.300s has more than %u MiB, which is too much for a text: cut it into several",
                       source->name, KR_IMPORT_WHOLE_BYTES / KR_MIB);
    }
    uint8_t *bytes = malloc((size_t)source->bytes + 1);
    enum kr_err err = bytes == NULL ? KR_NOMEM : source->read(source->context, 0, bytes, (size_t)source->bytes, &len, error);
    if (err == KR_OK) {
        *ret = bytes;
        *ret_len = len;
    } else {
        free(bytes);
    }
    return err;
}

static enum kr_err skip(const struct kr_import_sink *sink, enum kr_import_reason reason, bool is_kept, struct kr_slice what,
                        const char *detail)
{
    const struct kr_import_skip skipped = {.reason = reason, .is_kept = is_kept, .what = what, .detail = detail};
    return sink->on_skip(sink->context, &skipped);
}

/* What the person should know of beside the indicators. */
static enum kr_err tell_rest(const struct kr_extract *extract, const struct kr_import_sink *sink)
{
    enum kr_err err = KR_OK;
    for (size_t i = 0; err == KR_OK && i < extract->left_out; i++) {
        err = skip(sink, KR_IMPORT_REASON_OWN, false, (struct kr_slice){0}, "");
    }
    if (err == KR_OK && extract->more) {
        err = skip(sink, KR_IMPORT_REASON_TOO_LARGE, false, (struct kr_slice){0},
                   "it has more indicators than are taken from one text: the rest of it was not searched");
    }
    for (size_t i = 0; err == KR_OK && i < extract->attachment_count; i++) {
        err = skip(sink, KR_IMPORT_REASON_NO_INDICATOR, false, slice_of(extract->attachments[i].name),
                   "an attachment: it is not opened and not sent");
    }
    return err;
}

static enum kr_err give(const struct kr_extract *extract, const struct kr_import_options *options,
                        const struct kr_import_sink *sink)
{
    const bool fits = extract->text_len <= KR_TEXT_BYTES_MAX;
    struct kr_import_group group = {.title = slice_of(extract->title),
                                    .text = {(const uint8_t *)extract->text, fits ? extract->text_len : 0},
                                    .label = extract->label,
                                    .organisation = slice_of(options->organisation),
                                    .id = slice_of(options->origin_id),
                                    .terms = slice_of(options->terms),
                                    .place = {.line = 1}};
    enum kr_err err = sink->on_group(sink->context, &group);
    if (err == KR_OK && !fits) {
        err = skip(sink, KR_IMPORT_REASON_CUT, true, (struct kr_slice){0},
                   "the text is longer than a record can hold: only its indicators are taken");
    }
    uint64_t line = 1;
    size_t at = 0;
    for (size_t i = 0; err == KR_OK && i < extract->item_count; i++) {
        const struct kr_found *found = &extract->items[i];
        for (; at < found->offset; at++) {
            line += extract->text[at] == '\n';
        }
        const struct kr_import_item item = {.type = found->type,
                                            .value = found->value,
                                            .confidence = KR_CONFIDENCE_NONE,
                                            .action = KR_IMPORT_ACTION_UNSAID,
                                            .note = found->note,
                                            .guessed = found->guessed,
                                            .place = {.line = line}};
        err = sink->on_item(sink->context, &item);
    }
    if (err == KR_OK) {
        err = tell_rest(extract, sink);
    }
    return err == KR_OK ? sink->on_end(sink->context) : err;
}

enum kr_err kr_import_text(const struct kr_import_source *source, const struct kr_import_options *options,
                           const struct kr_import_sink *sink, struct kr_error *error)
{
    const struct kr_extract_options how = {.format = options->format == KR_IMPORT_MAIL   ? KR_FORMAT_MAIL
                                                     : options->format == KR_IMPORT_TEXT ? KR_FORMAT_TEXT
                                                                                         : KR_FORMAT_ANY,
                                           .charset = options->charset};
    struct kr_extract *extract = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum kr_err err = read_whole(source, &bytes, &len, error);
    if (err == KR_OK) {
        err = kr_formats_extract(bytes, len, &how, &extract, error);
    }
    free(bytes);
    if (err == KR_OK) {
        err = give(extract, options, sink);
    }
    if (err == KR_OK) {
        err = sink->on_progress(sink->context, source->bytes);
    }
    kr_extract_free(extract);
    return err;
}
