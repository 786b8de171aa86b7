/* Sets of addresses in the kernel: nftables and ipset. Both load as one transaction, so that no packet meets a half-filled set. */
#include "tools/export/formats.h"

#define LINE_ELEMENTS 1000u

/* Which of the four sets an entry belongs to. */
struct set {
    uint32_t type;
    bool has_port;
    const char *nft_name, *nft_type, *ipset_name, *ipset_type;
};
static const struct set sets[] = {
    {KR_INDICATOR_IPV4, false, "ipv4", "ipv4_addr; flags interval", "kairan4", "hash:net family inet"},
    {KR_INDICATOR_IPV6, false, "ipv6", "ipv6_addr; flags interval", "kairan6", "hash:net family inet6"},
    {KR_INDICATOR_IPV4, true, "ipv4_port", "ipv4_addr . inet_service", "kairan4-port", "hash:ip,port family inet"},
    {KR_INDICATOR_IPV6, true, "ipv6_port", "ipv6_addr . inet_service", "kairan6-port", "hash:ip,port family inet6"},
};
#define SETS (sizeof sets / sizeof sets[0])

static bool is_of(const struct set *set, const struct kr_entry *entry)
{
    return set->type == entry->type && set->has_port == (kr_address_port(entry) != 0);
}

/* ---- nftables ---- */

static void write_nft_set(const struct set *set, const struct kr_chosen *chosen, FILE *out)
{
    char address[KR_ADDRESS_TEXT_BYTES];
    size_t written = 0;
    (void)fprintf(out, "add set inet kairan %s { type %s; }\nflush set inet kairan %s\n", set->nft_name, set->nft_type,
                  set->nft_name);
    for (size_t i = 0; i < chosen->count; i++) {
        const struct kr_entry *entry = chosen->items[i];
        if (!is_of(set, entry)) {
            continue;
        }
        if (written % LINE_ELEMENTS == 0) {
            (void)fprintf(out, "%sadd element inet kairan %s {\n", written == 0 ? "" : " }\n", set->nft_name);
        } else {
            (void)fputs(",\n", out);
        }
        kr_address_text(entry, address);
        (void)fprintf(out, "    %s", address);
        if (set->has_port) {
            (void)fprintf(out, " . %u", kr_address_port(entry));
        }
        written++;
    }
    (void)fputs(written > 0 ? " }\n" : "", out);
}

enum kr_err kr_render_nftables(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                               struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_BLOCK | KR_CHOOSE_APART, NULL, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    kr_write_head(rendering, "# ", "nftables", &chosen, ret_tally, out);
    (void)fputs("add table inet kairan\n", out);
    for (size_t i = 0; i < SETS; i++) {
        write_nft_set(&sets[i], &chosen, out);
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}

/* ---- ipset restore ---- */

/* Filled beside the one in use, and swapped with it. The largest number of elements is always the same: create refuses a set that
 * is there with another one. */
#define IPSET_ELEMENTS_MAX 16777216u

static void write_ipset(const struct set *set, const struct kr_chosen *chosen, FILE *out)
{
    char address[KR_ADDRESS_TEXT_BYTES];
    (void)fprintf(out, "create %s %s maxelem %u -exist\ncreate %s-new %s maxelem %u -exist\nflush %s-new\n", set->ipset_name,
                  set->ipset_type, IPSET_ELEMENTS_MAX, set->ipset_name, set->ipset_type, IPSET_ELEMENTS_MAX, set->ipset_name);
    for (size_t i = 0; i < chosen->count; i++) {
        const struct kr_entry *entry = chosen->items[i];
        if (!is_of(set, entry)) {
            continue;
        }
        kr_address_text(entry, address);
        if (!set->has_port) {
            (void)fprintf(out, "add %s-new %s\n", set->ipset_name, address);
            continue;
        }
        for (int udp = 0; udp < 2; udp++) {
            (void)fprintf(out, "add %s-new %s,%s:%u\n", set->ipset_name, address, udp == 0 ? "tcp" : "udp", kr_address_port(entry));
        }
    }
    (void)fprintf(out, "swap %s-new %s\ndestroy %s-new\n", set->ipset_name, set->ipset_name, set->ipset_name);
}

enum kr_err kr_render_ipset(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                            struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_BLOCK | KR_CHOOSE_APART, NULL, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    kr_write_head(rendering, "# ", "ipset", &chosen, ret_tally, out);
    for (size_t i = 0; i < SETS; i++) {
        write_ipset(&sets[i], &chosen, out);
    }
    kr_chosen_deinit(&chosen);
    return KR_OK;
}
