#include "tools/kairan/preview.h"

#include <stdio.h>
#include <string.h>

#include "tools/kairan/out.h"
#include "tools/kairan/tr.h"

#define SHOWN_MAX 20u /* indicators on the screen before "and so many more" */

void kr_show_items(const struct kr_sending *sending)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    size_t count = sending->plan.item_count;
    (void)fprintf(stderr, _("Indicators found: %zu\n"), count);
    for (size_t i = 0; i < count && i < SHOWN_MAX; i++) {
        const struct kr_found *item = &sending->plan.items[i];
        if (kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) == KR_OK) {
            (void)fprintf(stderr, "  %-9s ", kr_indicator_type_name(item->type));
            kr_out_string(stderr, print);
            if (item->note.len > 0) {
                (void)fputs("  # ", stderr);
                kr_out_text(stderr, item->note, false);
            }
            (void)fputc('\n', stderr);
        }
    }
    if (count > SHOWN_MAX) {
        (void)fprintf(stderr, _("  ... and %zu more\n"), count - SHOWN_MAX);
    }
}

void kr_show_left_out(const struct kr_extract *extract)
{
    if (extract->left_out > 0) {
        (void)fprintf(stderr, _("Left out as the sender's own (contact lines, signature): %zu\n"), extract->left_out);
    }
    if (extract->more) {
        (void)fputs(_("There was more than can be taken at a time: the rest of the text was not searched.\n"), stderr);
    }
    if (extract->text_len > KR_TEXT_BYTES_MAX) {
        (void)fprintf(stderr, _("The text is longer than %u KiB: only the indicators go.\n"), KR_TEXT_BYTES_MAX / KR_KIB);
    }
    for (size_t i = 0; i < extract->attachment_count; i++) {
        (void)fputs(_("Attachment, not opened and not sent: "), stderr);
        kr_out_string(stderr, extract->attachments[i].name);
        (void)fputc('\n', stderr);
    }
}

void kr_show_guarded(const struct kr_sending *sending)
{
    char print[KR_INDICATOR_PRINT_BYTES_MAX];
    if (sending->guarded_total == 0) {
        return;
    }
    kr_out_style(stderr, KR_STYLE_RED);
    (void)fprintf(stderr, _("Held back by a guard: %ju\n"), sending->guarded_total);
    kr_out_style(stderr, KR_STYLE_NONE);
    for (size_t i = 0; i < sending->guarded_total && i < KR_SENDING_GUARDED_MAX; i++) {
        const struct kr_found *item = &sending->plan.items[sending->guarded[i].item];
        if (kr_indicator_print(item->type, item->value.bytes, item->value.len, print, sizeof print) == KR_OK) {
            (void)fputs("  ", stderr);
            kr_out_string(stderr, print);
            (void)fputs("  (", stderr);
            kr_out_string(stderr, sending->guarded[i].list);
            (void)fputs(")\n", stderr);
        }
    }
}

void kr_show_reach(const struct kr_sending *sending)
{
    const struct kr_preview *preview = sending->preview;
    uint64_t readers = 0;
    for (uint32_t i = 0; i < preview->reach_count; i++) {
        readers += preview->reach[i].may_read || (sending->sealing != NULL && preview->reach[i].may_hold);
    }
    (void)fputs(_("Label: "), stderr);
    kr_out_label(stderr, (uint32_t)sending->request.label);
    (void)fprintf(stderr, "%s\n", (sending->request.flags & KR_FLAG_EXERCISE) != 0 ? _("  [EXERCISE]") : "");
    if (preview->reach_total > preview->reach_count) {
        (void)fprintf(stderr, _("These councils and others, %ju in all, would get it:\n"), preview->reach_total);
    } else {
        (void)fputs(readers > 0 ? _("These councils would get it:\n") : _("No other council would get it now.\n"), stderr);
    }
    for (uint32_t i = 0; i < preview->reach_count; i++) {
        const struct kr_reach *reach = &preview->reach[i];
        if (!reach->may_hold) {
            continue;
        }
        (void)fputs("  ", stderr);
        kr_out_style(stderr, KR_STYLE_BOLD);
        kr_out_padded(stderr, reach->name, 24);
        kr_out_style(stderr, KR_STYLE_NONE);
        (void)fprintf(stderr, "  %s%s", kr_reason_text(reach->reason_name), reach->is_linked ? "" : _(", not linked to this one"));
        kr_out_host(stderr, reach->host_name);
        (void)fputc('\n', stderr);
    }
}

bool kr_ask(void)
{
    return kr_ask_about(_("Send it? [y/N] "));
}

bool kr_ask_about(const char *question)
{
    char answer[32] = "";
    (void)fputs(question, stderr);
    (void)fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        return false;
    }
    answer[strcspn(answer, "\r\n")] = 0;
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0 || strcmp(answer, "はい") == 0;
}
