/* Plain lists, one value a line, as firewalls pull them. Best first: a device that takes only so many takes those. */
#include <string.h>

#include "tools/export/formats.h"

#define VARIANT_NO_SCHEME 1u

static enum kr_left judge(const struct kr_rendering *rendering, const struct kr_export_part *part, const struct kr_entry *entry)
{
    (void)rendering;
    (void)part;
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    if (!kr_entry_text(entry, text)) {
        return KR_LEFT_FORM;
    }
    for (const char *at = text; *at != 0; at++) {
        if ((uint8_t)*at <= ' ' || (uint8_t)*at >= 0x7f) { /* a blank would begin a comment */
            return KR_LEFT_FORM;
        }
    }
    return KR_LEFT_NOT;
}

static void write_entry(const struct kr_export_part *part, const struct kr_entry *entry, FILE *out)
{
    char text[KR_INDICATOR_PRINT_BYTES_MAX], address[KR_ADDRESS_TEXT_BYTES];
    const char *shown = text;
    if (entry->type == KR_INDICATOR_IPV4 || entry->type == KR_INDICATOR_IPV6) {
        kr_address_text(entry, address);
        shown = address;
    } else if (!kr_entry_text(entry, text)) {
        return;
    } else if (part->variant == VARIANT_NO_SCHEME) {
        const char *behind = strstr(text, "://");
        shown = behind == NULL ? text : behind + 3;
    }
    (void)fputs(shown, out);
    (void)fputc('\n', out);
}

enum kr_err kr_render_list(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                           struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    char what[64];
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_BLOCK | KR_CHOOSE_RANKED | KR_CHOOSE_NO_PORT, judge, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    ret_tally->left[KR_LEFT_TYPE] = 0; /* they have files of their own */
    if (!rendering->is_bare) {
        (void)snprintf(what, sizeof what, "list %s", part->file);
        kr_write_head(rendering, "# ", what, &chosen, ret_tally, out);
    }
    for (size_t i = 0; i < chosen.count; i++) {
        write_entry(part, chosen.items[i], out);
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}

const struct kr_export_part kr_list_parts[KR_LIST_PARTS] = {
    {"ipv4.txt", KR_TYPE_BIT(KR_INDICATOR_IPV4), 0},
    {"ipv6.txt", KR_TYPE_BIT(KR_INDICATOR_IPV6), 0},
    {"ip.txt", KR_TYPE_BIT(KR_INDICATOR_IPV4) | KR_TYPE_BIT(KR_INDICATOR_IPV6), 0},
    {"domain.txt", KR_TYPE_BIT(KR_INDICATOR_DOMAIN), 0},
    {"url.txt", KR_TYPE_BIT(KR_INDICATOR_URL), 0},
    {"url-noscheme.txt", KR_TYPE_BIT(KR_INDICATOR_URL), VARIANT_NO_SCHEME},
    {"email.txt", KR_TYPE_BIT(KR_INDICATOR_EMAIL), 0},
    {"md5.txt", KR_TYPE_BIT(KR_INDICATOR_MD5), 0},
    {"sha1.txt", KR_TYPE_BIT(KR_INDICATOR_SHA1), 0},
    {"sha256.txt", KR_TYPE_BIT(KR_INDICATOR_SHA256), 0},
};
