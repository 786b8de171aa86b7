/* Suricata: rules for what needs one each, datasets and hash lists for the rest. Written by Suricata's manual ("Suricata Rules",
 * "Datasets", "IP Addresses Match"), for version 7 and later. */
#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "tools/export/formats.h"

/* Ids of ours begin here: above those of the known rule sets, and below 2^31. Those of the sets come first. */
#define SID_FIRST   1000000000u
#define SID_SETS    100u
#define SID_MASK    0x3fffffffu /* of the hash of a value */
#define CONTENT_MAX 255u
#define STRING_MAX  1024u /* of a dataset; longer ones are hardly what is on the wire */
#define BASE64_MAX  (4u * ((STRING_MAX + 2u) / 3u) + 1u)

enum variant { RULES, RULES_JA3, IPV4, IPV6, DOMAIN, USER_AGENT, JA3, MD5, SHA1, SHA256 };

const struct kr_export_part kr_suricata_parts[KR_SURICATA_PARTS] = {
    {"kairan.rules",
     KR_TYPE_BIT(KR_INDICATOR_IPV4) | KR_TYPE_BIT(KR_INDICATOR_IPV6) | KR_TYPE_BIT(KR_INDICATOR_DOMAIN) |
         KR_TYPE_BIT(KR_INDICATOR_URL) | KR_TYPE_BIT(KR_INDICATOR_USER_AGENT) | KR_TYPE_BIT(KR_INDICATOR_MD5) |
         KR_TYPE_BIT(KR_INDICATOR_SHA1) | KR_TYPE_BIT(KR_INDICATOR_SHA256),
     RULES},
    {"kairan-ja3.rules", KR_TYPE_BIT(KR_INDICATOR_JA3), RULES_JA3},
    {"kairan-ipv4.lst", KR_TYPE_BIT(KR_INDICATOR_IPV4), IPV4},
    {"kairan-ipv6.lst", KR_TYPE_BIT(KR_INDICATOR_IPV6), IPV6},
    {"kairan-domain.lst", KR_TYPE_BIT(KR_INDICATOR_DOMAIN), DOMAIN},
    {"kairan-user-agent.lst", KR_TYPE_BIT(KR_INDICATOR_USER_AGENT), USER_AGENT},
    {"kairan-ja3.lst", KR_TYPE_BIT(KR_INDICATOR_JA3), JA3},
    {"kairan-md5.lst", KR_TYPE_BIT(KR_INDICATOR_MD5), MD5},
    {"kairan-sha1.lst", KR_TYPE_BIT(KR_INDICATOR_SHA1), SHA1},
    {"kairan-sha256.lst", KR_TYPE_BIT(KR_INDICATOR_SHA256), SHA256},
};

static bool is_address(const struct kr_entry *entry)
{
    return entry->type == KR_INDICATOR_IPV4 || entry->type == KR_INDICATOR_IPV6;
}

/* One whole address, any port: it stands in a dataset. */
static bool is_whole_address(const struct kr_entry *entry)
{
    return is_address(entry) && kr_address_prefix(entry) == 8 * kr_address_bytes(entry->type) && kr_address_port(entry) == 0;
}

/* ---- URLs ---- */

struct url {
    struct kr_slice host, rest;
};

static bool split_url(const struct kr_entry *entry, struct url *ret_url)
{
    const uint8_t *bytes = entry->value.bytes, *end = bytes + entry->value.len;
    const uint8_t *host = memmem(bytes, entry->value.len, "://", 3);
    if (host == NULL || ((size_t)(host - bytes) != 4 && (size_t)(host - bytes) != 5) || memcmp(bytes, "http", 4) != 0) {
        return false; /* nothing else speaks HTTP */
    }
    host += 3;
    const uint8_t *rest = memchr(host, '/', (size_t)(end - host));
    const uint8_t *user = rest == NULL ? NULL : memrchr(host, '@', (size_t)(rest - host));
    if (rest == NULL) {
        return false;
    }
    host = user != NULL ? user + 1 : host;
    const uint8_t *port =
        host < rest && *host == '[' ? memmem(host, (size_t)(rest - host), "]:", 2) : memchr(host, ':', (size_t)(rest - host));
    const uint8_t *host_end = port == NULL ? rest : *port == ']' ? port + 1 : port;
    *ret_url = (struct url){{host, (size_t)(host_end - host)}, {rest, (size_t)(end - rest)}};
    return ret_url->host.len > 0 && ret_url->host.len <= CONTENT_MAX && ret_url->rest.len <= CONTENT_MAX;
}

/* Everything but letters, digits and a few more in hex, so that nothing ends the string, the option or the rule. */
static void write_content(struct kr_slice bytes, FILE *out)
{
    (void)fputs("content:\"", out);
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = bytes.bytes[i];
        bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                        (byte != 0 && strchr("-._~/", byte) != NULL);
        (void)fprintf(out, is_plain ? "%c" : "|%02X|", byte);
    }
    (void)fputc('"', out);
}

/* ---- ids ---- */

struct rule {
    const struct kr_entry *entry;
    bool is_udp; /* where a port is said, one rule for each transport */
    uint32_t sid;
};

static uint32_t sid_of(const struct kr_entry *entry, bool is_udp, uint8_t salt)
{
    struct kr_hash_state state;
    uint8_t hash[KR_HASH_BYTES], head[3] = {salt, is_udp ? 1 : 0, (uint8_t)entry->type};
    kr_hash_init(&state, "kairan export sid");
    kr_hash_update(&state, head, sizeof head);
    kr_hash_update(&state, entry->value.bytes, entry->value.len);
    kr_hash_final(&state, hash);
    uint32_t number = ((uint32_t)hash[0] << 24 | (uint32_t)hash[1] << 16 | (uint32_t)hash[2] << 8 | hash[3]) & SID_MASK;
    return SID_FIRST + SID_SETS + (number < SID_MASK - SID_SETS ? number : number - SID_SETS);
}

static int compare_rules(const void *left, const void *right)
{
    const struct rule *a = left, *b = right;
    if (a->sid != b->sid) {
        return a->sid < b->sid ? -1 : 1;
    }
    return a->entry != b->entry ? (a->entry < b->entry ? -1 : 1) : a->is_udp - b->is_udp;
}

static int compare_places(const void *left, const void *right)
{
    const struct rule *a = left, *b = right;
    return a->entry != b->entry ? (a->entry < b->entry ? -1 : 1) : a->is_udp - b->is_udp;
}

/* A value has the same id in each export, unless two values meet: then the later one in the order of the selection takes its next.
 */
static void tell_apart(struct rule *rules, size_t count)
{
    bool has_met = count > 1;
    for (uint32_t salt = 1; has_met && salt < 256; salt++) {
        has_met = false;
        qsort(rules, count, sizeof *rules, compare_rules);
        for (size_t i = 1; i < count; i++) {
            if (rules[i].sid == rules[i - 1].sid) {
                rules[i].sid = sid_of(rules[i].entry, rules[i].is_udp, (uint8_t)salt);
                has_met = true;
            }
        }
    }
}

/* ---- rules ---- */

static enum kr_left judge(const struct kr_rendering *rendering, const struct kr_export_part *part, const struct kr_entry *entry)
{
    struct url url;
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    (void)rendering;
    (void)part;
    switch (entry->type) {
    case KR_INDICATOR_URL:
        return split_url(entry, &url) ? KR_LEFT_NOT : KR_LEFT_FORM;
    case KR_INDICATOR_DOMAIN:
        return kr_is_plain_name(entry->value) ? KR_LEFT_NOT : KR_LEFT_FORM;
    case KR_INDICATOR_USER_AGENT:
        return entry->value.len <= STRING_MAX ? KR_LEFT_NOT : KR_LEFT_FORM;
    default:
        return kr_entry_text(entry, text) ? KR_LEFT_NOT : KR_LEFT_FORM;
    }
}

static enum kr_left judge_list(const struct kr_rendering *rendering, const struct kr_export_part *part,
                               const struct kr_entry *entry)
{
    return is_address(entry) && !is_whole_address(entry) ? KR_LEFT_TYPE : judge(rendering, part, entry);
}

static void write_end(const struct kr_selection *selection, const struct rule *rule, FILE *out)
{
    static const char *const labels[] = {"none", "clear", "green", "amber", "amber_strict", "red"};
    const uint8_t *id = selection->mentions[rule->entry->first].record->id;
    (void)fprintf(out, " metadata:tlp %s, kairan_record %02x%02x%02x%02x%02x%02x; sid:%u; rev:1;)\n", labels[rule->entry->label],
                  id[0], id[1], id[2], id[3], id[4], id[5], rule->sid);
}

static void write_rule(const struct kr_selection *selection, const struct rule *rule, FILE *out)
{
    const struct kr_entry *entry = rule->entry;
    char address[KR_ADDRESS_TEXT_BYTES];
    struct url url;
    if (entry->type == KR_INDICATOR_DOMAIN) {
        (void)fputs("alert dns any any -> any any (msg:\"Kairan: known domain\"; dns.query; dotprefix; ", out);
        (void)fputs("content:\".", out);
        (void)fwrite(entry->value.bytes, 1, entry->value.len, out);
        (void)fputs("\"; nocase; endswith;", out);
    } else if (entry->type == KR_INDICATOR_URL && split_url(entry, &url)) {
        (void)fputs("alert http any any -> any any (msg:\"Kairan: known URL\"; flow:established,to_server; http.host; ", out);
        write_content(url.host, out);
        (void)fprintf(out, "; bsize:%zu; http.uri.raw; ", url.host.len);
        write_content(url.rest, out);
        (void)fprintf(out, "; bsize:%zu;", url.rest.len);
    } else {
        kr_address_text(entry, address);
        uint32_t port = kr_address_port(entry);
        (void)fprintf(out, "alert %s any any -> %s ", port == 0 ? "ip" : rule->is_udp ? "udp" : "tcp", address);
        (void)(port == 0 ? fputs("any", out) : fprintf(out, "%u", port));
        (void)fputs(" (msg:\"Kairan: known address\";", out);
    }
    write_end(selection, rule, out);
}

static enum kr_err write_rules(const struct kr_selection *selection, const struct kr_chosen *chosen, FILE *out)
{
    struct rule *rules = malloc((2 * chosen->count + 1) * sizeof *rules);
    size_t count = 0;
    if (rules == NULL) {
        return KR_NOMEM;
    }
    for (size_t i = 0; i < chosen->count; i++) {
        const struct kr_entry *entry = chosen->items[i];
        bool is_in_set = entry->type != KR_INDICATOR_DOMAIN && entry->type != KR_INDICATOR_URL &&
                         (!is_address(entry) || is_whole_address(entry));
        uint32_t transports = is_in_set ? 0 : is_address(entry) && kr_address_port(entry) != 0 ? 2 : 1;
        for (uint32_t udp = 0; udp < transports; udp++) {
            rules[count++] = (struct rule){entry, udp == 1, sid_of(entry, udp == 1, 0)};
        }
    }
    tell_apart(rules, count);
    qsort(rules, count, sizeof *rules, compare_places);
    for (size_t i = 0; i < count; i++) {
        write_rule(selection, &rules[i], out);
    }
    free(rules);
    return KR_OK;
}

/* Rules that look values up in the sets beside them; only those whose set has something: an empty one is an error to Suricata. */
static void write_set_rules(const struct kr_chosen *chosen, FILE *out)
{
    static const struct {
        uint32_t type;
        const char *rule;
    } sets[] = {
        {KR_INDICATOR_IPV4, "alert ip any any -> any any (msg:\"Kairan: known address\"; ip.dst; "
                            "dataset:isset,kairan-ipv4,type ipv4,load kairan-ipv4.lst;"},
        {KR_INDICATOR_IPV6, "alert ip any any -> any any (msg:\"Kairan: known address\"; ip.dst; "
                            "dataset:isset,kairan-ipv6,type ip,load kairan-ipv6.lst;"},
        {KR_INDICATOR_DOMAIN, "alert tls any any -> any any (msg:\"Kairan: known domain\"; flow:established,to_server; tls.sni; "
                              "dataset:isset,kairan-domain,type string,load kairan-domain.lst;"},
        {KR_INDICATOR_DOMAIN, "alert http any any -> any any (msg:\"Kairan: known domain\"; flow:established,to_server; http.host; "
                              "dataset:isset,kairan-domain,type string,load kairan-domain.lst;"},
        {KR_INDICATOR_USER_AGENT,
         "alert http any any -> any any (msg:\"Kairan: known user agent\"; flow:established,to_server; http.user_agent; "
         "dataset:isset,kairan-user-agent,type string,load kairan-user-agent.lst;"},
        {KR_INDICATOR_JA3, "alert tls any any -> any any (msg:\"Kairan: known JA3\"; ja3.hash; "
                           "dataset:isset,kairan-ja3,type string,load kairan-ja3.lst;"},
        {KR_INDICATOR_MD5, "alert http any any -> any any (msg:\"Kairan: known file\"; filemd5:kairan-md5.lst;"},
        {KR_INDICATOR_MD5, "alert smtp any any -> any any (msg:\"Kairan: known file\"; filemd5:kairan-md5.lst;"},
        {KR_INDICATOR_MD5, "alert smb any any -> any any (msg:\"Kairan: known file\"; filemd5:kairan-md5.lst;"},
        {KR_INDICATOR_SHA1, "alert http any any -> any any (msg:\"Kairan: known file\"; filesha1:kairan-sha1.lst;"},
        {KR_INDICATOR_SHA1, "alert smtp any any -> any any (msg:\"Kairan: known file\"; filesha1:kairan-sha1.lst;"},
        {KR_INDICATOR_SHA1, "alert smb any any -> any any (msg:\"Kairan: known file\"; filesha1:kairan-sha1.lst;"},
        {KR_INDICATOR_SHA256, "alert http any any -> any any (msg:\"Kairan: known file\"; filesha256:kairan-sha256.lst;"},
        {KR_INDICATOR_SHA256, "alert smtp any any -> any any (msg:\"Kairan: known file\"; filesha256:kairan-sha256.lst;"},
        {KR_INDICATOR_SHA256, "alert smb any any -> any any (msg:\"Kairan: known file\"; filesha256:kairan-sha256.lst;"},
    };
    uint32_t present = 0;
    for (size_t i = 0; i < chosen->count; i++) {
        const struct kr_entry *entry = chosen->items[i];
        present |= is_address(entry) && !is_whole_address(entry) ? 0 : KR_TYPE_BIT(entry->type);
    }
    for (uint32_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        if ((present & KR_TYPE_BIT(sets[i].type)) != 0) {
            (void)fprintf(out, "%s sid:%u; rev:1;)\n", sets[i].rule, SID_FIRST + i);
        }
    }
}

/* ---- sets: one value a line; strings in base64, without comments ---- */

static void write_member(const struct kr_entry *entry, FILE *out)
{
    char text[KR_INDICATOR_PRINT_BYTES_MAX], base64[BASE64_MAX];
    if (!kr_entry_text(entry, text)) {
        return;
    }
    if (entry->type == KR_INDICATOR_DOMAIN || entry->type == KR_INDICATOR_USER_AGENT || entry->type == KR_INDICATOR_JA3) {
        (void)sodium_bin2base64(base64, sizeof base64, (const uint8_t *)text, strlen(text), sodium_base64_VARIANT_ORIGINAL);
        (void)fprintf(out, "%s\n", base64);
    } else {
        (void)fprintf(out, "%s\n", text);
    }
}

enum kr_err kr_render_suricata(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                               struct kr_tally *ret_tally)
{
    struct kr_chosen chosen;
    bool is_list = part->variant != RULES && part->variant != RULES_JA3;
    enum kr_err err = kr_choose(rendering, part, KR_CHOOSE_DETECT, is_list ? judge_list : judge, &chosen, ret_tally);
    if (err != KR_OK) {
        return err;
    }
    ret_tally->left[KR_LEFT_TYPE] = 0; /* they have files of their own */
    if (is_list) {
        for (size_t i = 0; i < chosen.count; i++) {
            write_member(chosen.items[i], out);
        }
    } else {
        kr_write_head(rendering, "# ", part->file, &chosen, ret_tally, out);
        write_set_rules(&chosen, out);
        err = write_rules(rendering->selection, &chosen, out);
    }
    kr_chosen_deinit(&chosen);
    return err;
}
