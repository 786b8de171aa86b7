/* What resolvers and hosts files take: names that get no answer. */
#include <arpa/inet.h>
#include <string.h>

#include "tools/export/formats.h"

#define RPZ_TTL_S 300

static enum kr_left judge_name(const struct kr_rendering *rendering, const struct kr_export_part *part,
                               const struct kr_entry *entry)
{
    (void)rendering;
    (void)part;
    return kr_is_plain_name(entry->value) ? KR_LEFT_NOT : KR_LEFT_FORM;
}

static void write_name(const char *before, const struct kr_entry *entry, const char *behind, FILE *out)
{
    (void)fprintf(out, "%s%.*s%s", before, (int)entry->value.len, (const char *)entry->value.bytes, behind);
}

enum kr_err kr_render_hosts(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                            struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_BLOCK, judge_name, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    kr_write_head(rendering, "# ", "hosts", &chosen, ret_tally, out);
    for (size_t i = 0; i < chosen.count; i++) {
        write_name("0.0.0.0 ", chosen.items[i], "\n", out);
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}

enum kr_err kr_render_unbound(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                              struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_BLOCK, judge_name, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    kr_write_head(rendering, "# ", "unbound", &chosen, ret_tally, out);
    (void)fputs("server:\n", out);
    for (size_t i = 0; i < chosen.count; i++) {
        write_name("    local-zone: \"", chosen.items[i], ".\" always_nxdomain\n", out);
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}

/* ---- response policy zones (draft-vixie-dnsop-dns-rpz; BIND's manual, "Response Policy Zone Rewriting") ---- */

static enum kr_left judge_rpz(const struct kr_rendering *rendering, const struct kr_export_part *part, const struct kr_entry *entry)
{
    (void)part;
    if (entry->type != KR_INDICATOR_DOMAIN) {
        return KR_LEFT_NOT;
    }
    bool fits = 2 + entry->value.len + 1 + strlen(rendering->zone) <= KR_NAME_TEXT_MAX; /* with "*." before it */
    return kr_is_plain_name(entry->value) && fits ? KR_LEFT_NOT : KR_LEFT_FORM;
}

/* Prefix and address from its end; the longest run of two or more zero words of IPv6 is "zz", the first of several. */
static void write_trigger(const struct kr_entry *entry, FILE *out)
{
    const uint8_t *bytes = entry->value.bytes;
    (void)fprintf(out, "%u", kr_address_prefix(entry));
    if (entry->type == KR_INDICATOR_IPV4) {
        (void)fprintf(out, ".%u.%u.%u.%u", bytes[3], bytes[2], bytes[1], bytes[0]);
    } else {
        uint32_t words[8], first = 8, longest = 1;
        for (uint32_t i = 0, run = 0; i < 8; i++) {
            words[i] = (uint32_t)bytes[2 * i] << 8 | bytes[2 * i + 1];
            run = words[i] == 0 ? run + 1 : 0;
            if (run > longest) {
                longest = run;
                first = i + 1 - run;
            }
        }
        for (uint32_t i = 8; i-- > 0;) {
            if (first < 8 && i == first + longest - 1) {
                (void)fputs(".zz", out);
                i = first;
            } else {
                (void)fprintf(out, ".%x", words[i]);
            }
        }
    }
    (void)fputs(".rpz-ip CNAME .\n", out);
}

enum kr_err kr_render_rpz(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                          struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_BLOCK | KR_CHOOSE_NO_PORT, judge_rpz, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    kr_write_head(rendering, "; ", "rpz", &chosen, ret_tally, out);
    /* The serial is the time in the head: it grows with each change, and with nothing else. */
    (void)fprintf(out,
                  "$ORIGIN %s.\n$TTL %d\n@ IN SOA localhost. hostmaster.localhost. ( %u 300 60 86400 60 )\n@ IN NS localhost.\n",
                  rendering->zone, RPZ_TTL_S, (unsigned)(uint32_t)rendering->time_s);
    for (size_t i = 0; i < chosen.count; i++) {
        if (chosen.items[i]->type == KR_INDICATOR_DOMAIN) {
            write_name("", chosen.items[i], " CNAME .\n", out);
            write_name("*.", chosen.items[i], " CNAME .\n", out);
        } else {
            write_trigger(chosen.items[i], out);
        }
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}
