#include "tools/export/choose.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *kr_left_name(enum kr_left reason)
{
    static const char *const names[KR_LEFT_REASONS] = {"none",   "type",  "form",    "wide", "special",
                                                       "detect", "terms", "covered", "limit"};
    return reason < KR_LEFT_REASONS ? names[reason] : "unknown";
}

/* ---- addresses ---- */

uint32_t kr_address_bytes(uint32_t type)
{
    return type == KR_INDICATOR_IPV4 ? 4 : 16;
}

uint32_t kr_address_prefix(const struct kr_entry *entry)
{
    return entry->value.bytes[kr_address_bytes(entry->type)];
}

uint32_t kr_address_port(const struct kr_entry *entry)
{
    const uint8_t *port = entry->value.bytes + kr_address_bytes(entry->type) + 1;
    return (uint32_t)port[0] << 8 | port[1];
}

static bool is_address(uint32_t type)
{
    return type == KR_INDICATOR_IPV4 || type == KR_INDICATOR_IPV6;
}

void kr_address_text(const struct kr_entry *entry, char ret[static KR_ADDRESS_TEXT_BYTES])
{
    uint32_t bytes = kr_address_bytes(entry->type), prefix = kr_address_prefix(entry);
    ret[0] = 0;
    (void)inet_ntop(bytes == 4 ? AF_INET : AF_INET6, entry->value.bytes, ret, KR_ADDRESS_TEXT_BYTES);
    if (prefix < 8 * bytes) {
        size_t len = strlen(ret);
        (void)snprintf(ret + len, KR_ADDRESS_TEXT_BYTES - len, "/%u", prefix);
    }
}

bool kr_entry_text(const struct kr_entry *entry, char ret[static KR_INDICATOR_PRINT_BYTES_MAX])
{
    return kr_indicator_print(entry->type, entry->value.bytes, entry->value.len, ret, KR_INDICATOR_PRINT_BYTES_MAX) == KR_OK;
}

/* What a normal form consists of; looked at once more, because here a line is all that stands between a value and a directive. */
bool kr_is_plain_name(struct kr_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.bytes[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!is_letter && byte != '-' && byte != '_' && byte != '.') {
            return false;
        }
    }
    return name.len > 0 && name.len <= KR_NAME_TEXT_MAX && name.bytes[0] != '.' && name.bytes[name.len - 1] != '.';
}

/* Whether the first `bits` bits of both are the same. */
static bool agree(const uint8_t *a, const uint8_t *b, uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0);
}

/* IANA's special-purpose registries, but for the networks of examples: those hit nobody. */
static bool is_special(const struct kr_entry *entry)
{
    static const struct {
        uint8_t address[4], prefix;
    } special4[] = {{{0}, 8},        {{10}, 8},         {{100, 64}, 10},  {{127}, 8},      {{169, 254}, 16},
                    {{172, 16}, 12}, {{192, 0, 0}, 24}, {{192, 168}, 16}, {{198, 18}, 15}, {{224}, 3}};
    static const struct {
        uint8_t address[4], prefix;
    } special6[] = {{{0}, 8}, {{0xfc}, 7}, {{0xfe, 0x80}, 10}, {{0xff}, 8}};
    bool is_4 = entry->type == KR_INDICATOR_IPV4;
    uint32_t prefix = kr_address_prefix(entry);
    size_t count = is_4 ? sizeof special4 / sizeof special4[0] : sizeof special6 / sizeof special6[0];
    for (size_t i = 0; i < count; i++) {
        const uint8_t *address = is_4 ? special4[i].address : special6[i].address;
        uint32_t other = is_4 ? special4[i].prefix : special6[i].prefix;
        if (agree(entry->value.bytes, address, prefix < other ? prefix : other)) {
            return true;
        }
    }
    return false;
}

/* ---- choosing ---- */

static enum kr_left is_narrow(const struct kr_entry *entry)
{
    char name[KR_INDICATOR_BYTES_MAX + 1];
    if (is_address(entry->type)) {
        uint32_t least = entry->type == KR_INDICATOR_IPV4 ? KR_BLOCK_PREFIX4_MIN : KR_BLOCK_PREFIX6_MIN;
        return kr_address_prefix(entry) < least ? KR_LEFT_WIDE : is_special(entry) ? KR_LEFT_SPECIAL : KR_LEFT_NOT;
    }
    if (entry->type == KR_INDICATOR_DOMAIN && kr_slice_text(entry->value, name, sizeof name) &&
        psl_is_public_suffix2(psl_builtin(), name, PSL_TYPE_ICANN) == 1) {
        return KR_LEFT_WIDE;
    }
    return KR_LEFT_NOT;
}

static enum kr_left may_go(const struct kr_rendering *rendering, const struct kr_entry *entry, unsigned choice)
{
    if ((choice & KR_CHOOSE_BLOCK) != 0 && entry->pap >= KR_PAP_AMBER) {
        return KR_LEFT_PAP;
    }
    const enum kr_action least = (choice & KR_CHOOSE_BLOCK) != 0    ? KR_ACTION_BLOCK
                                 : (choice & KR_CHOOSE_DETECT) != 0 ? KR_ACTION_DETECT
                                                                    : KR_ACTION_NONE;
    if (entry->action < least && !rendering->is_any_action) {
        return KR_LEFT_DETECT;
    }
    return (choice & (KR_CHOOSE_BLOCK | KR_CHOOSE_DETECT)) != 0 ? is_narrow(entry) : KR_LEFT_NOT;
}

int kr_entry_rank(const struct kr_entry *a, const struct kr_entry *b)
{
    int one = a->confidence >= KR_CONFIDENCE_NONE ? -1 : (int)a->confidence;
    int two = b->confidence >= KR_CONFIDENCE_NONE ? -1 : (int)b->confidence;
    if (a->councils != b->councils) {
        return a->councils > b->councils ? -1 : 1;
    }
    if (one != two) {
        return one > two ? -1 : 1;
    }
    if (a->newest_ms != b->newest_ms) {
        return a->newest_ms > b->newest_ms ? -1 : 1;
    }
    return a < b ? -1 : a > b; /* the order of the selection */
}

static int compare_ranks(const void *a, const void *b)
{
    return kr_entry_rank(*(const struct kr_entry *const *)a, *(const struct kr_entry *const *)b);
}

static int compare_places(const void *left, const void *right)
{
    const struct kr_entry *a = *(const struct kr_entry *const *)left, *b = *(const struct kr_entry *const *)right;
    return a < b ? -1 : a > b;
}

static void sort(struct kr_chosen *chosen, int (*compare)(const void *, const void *))
{
    if (chosen->count > 1) {
        qsort(chosen->items, chosen->count, sizeof chosen->items[0], compare);
    }
}

/* In the order of the selection a network stands right before what it contains. */
static bool is_covered(const struct kr_entry *kept, const struct kr_entry *entry, unsigned choice)
{
    if (kept == NULL || !is_address(entry->type) || kept->type != entry->type) {
        return false;
    }
    uint32_t prefix = kr_address_prefix(kept), bytes = kr_address_bytes(entry->type);
    bool is_same = prefix == kr_address_prefix(entry) && memcmp(kept->value.bytes, entry->value.bytes, bytes) == 0;
    if ((choice & KR_CHOOSE_NO_PORT) != 0 && is_same) {
        return true;
    }
    return (choice & KR_CHOOSE_APART) != 0 && agree(kept->value.bytes, entry->value.bytes, prefix) &&
           prefix <= kr_address_prefix(entry);
}

static void drop_covered(struct kr_chosen *chosen, unsigned choice, struct kr_tally *tally)
{
    const struct kr_entry *kept = NULL;
    size_t count = 0;
    for (size_t i = 0; i < chosen->count; i++) {
        const struct kr_entry *entry = chosen->items[i];
        if (is_covered(kept, entry, choice)) {
            tally->left[KR_LEFT_COVERED]++;
            continue;
        }
        /* What has a port covers nothing but itself, and stands behind the network around it. */
        if (!((choice & KR_CHOOSE_APART) != 0 && is_address(entry->type) && kr_address_port(entry) != 0)) {
            kept = entry;
        }
        chosen->items[count++] = entry;
    }
    chosen->count = count;
}

enum kr_err kr_choose(const struct kr_rendering *rendering, const struct kr_export_part *part, unsigned choice, kr_judge *judge,
                      struct kr_chosen *ret_chosen, struct kr_tally *tally)
{
    const struct kr_selection *selection = rendering->selection;
    struct kr_chosen chosen = {malloc((selection->entry_count + 1) * sizeof *chosen.items), 0, KR_TLP_NONE};
    if (chosen.items == NULL) {
        return KR_NOMEM;
    }
    for (size_t i = 0; i < selection->entry_count; i++) {
        const struct kr_entry *entry = &selection->entries[i];
        bool is_known = entry->type <= KR_INDICATOR_TYPE_MAX;
        enum kr_left left = is_known ? (part->types & KR_TYPE_BIT(entry->type)) != 0 ? KR_LEFT_NOT : KR_LEFT_TYPE : KR_LEFT_TYPE;
        if (left == KR_LEFT_NOT) {
            left = may_go(rendering, entry, choice);
        }
        if (left == KR_LEFT_NOT && judge != NULL) {
            left = judge(rendering, part, entry);
        }
        if (left == KR_LEFT_NOT) {
            chosen.items[chosen.count++] = entry;
        } else {
            tally->left[left]++;
        }
    }
    if (rendering->entries_max > 0 && chosen.count > rendering->entries_max) {
        sort(&chosen, compare_ranks);
        tally->left[KR_LEFT_LIMIT] += chosen.count - rendering->entries_max;
        chosen.count = rendering->entries_max;
        sort(&chosen, compare_places);
    }
    if ((choice & (KR_CHOOSE_NO_PORT | KR_CHOOSE_APART)) != 0) {
        drop_covered(&chosen, choice, tally);
    }
    if ((choice & KR_CHOOSE_RANKED) != 0) {
        sort(&chosen, compare_ranks);
    }
    for (size_t i = 0; i < chosen.count; i++) {
        const struct kr_entry *entry = chosen.items[i];
        chosen.label = entry->label > chosen.label ? entry->label : chosen.label;
        tally->without_port += (choice & KR_CHOOSE_NO_PORT) != 0 && is_address(entry->type) && kr_address_port(entry) != 0 ? 1 : 0;
    }
    tally->written += chosen.count;
    *ret_chosen = chosen;
    return KR_OK;
}

void kr_chosen_deinit(struct kr_chosen *chosen)
{
    free(chosen->items);
    *chosen = (struct kr_chosen){0};
}

/* ---- heads ---- */

void kr_time_text(uint64_t unix_s, char ret[static KR_TIME_TEXT_BYTES])
{
    struct tm parts;
    time_t when = (time_t)(unix_s < KR_CREATED_MS_MAX / 1000 ? unix_s : 0);
    ret[0] = 0;
    if (gmtime_r(&when, &parts) != NULL) {
        (void)strftime(ret, KR_TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
}

/* Bytes of the character at `at`, 0 where it is none (RFC 3629) or one that steers. */
static size_t harmless(const char *text, size_t len, size_t at)
{
    uint8_t head = (uint8_t)text[at];
    size_t bytes = head < 0x80                   ? 1
                   : head >= 0xc2 && head < 0xe0 ? 2
                   : (head & 0xf0) == 0xe0       ? 3
                   : head >= 0xf0 && head < 0xf5 ? 4
                                                 : 0;
    uint32_t code = bytes == 1 ? head : bytes == 0 ? 0 : head & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if (at + i >= len || ((uint8_t)text[at + i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | ((uint8_t)text[at + i] & 0x3f);
    }
    bool steers = code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0x61c || (code >= 0x200e && code <= 0x200f) ||
                  (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
    bool is_none =
        (bytes == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) || (bytes == 4 && (code < 0x10000 || code > 0x10ffff));
    return steers || is_none ? 0 : bytes;
}

void kr_write_comment(const char *text, size_t len, FILE *out)
{
    for (size_t at = 0; at < len;) {
        size_t bytes = harmless(text, len, at);
        if (bytes == 0) {
            (void)fputc('?', out);
        } else {
            (void)fwrite(text + at, 1, bytes, out);
        }
        at += bytes > 0 ? bytes : 1;
    }
}

void kr_write_head(const struct kr_rendering *rendering, const char *prefix, const char *what, const struct kr_chosen *chosen,
                   const struct kr_tally *tally, FILE *out)
{
    char when[KR_TIME_TEXT_BYTES];
    kr_time_text(rendering->time_s, when);
    (void)fprintf(out, "%sKairan: %s\n%sCouncil: ", prefix, what, prefix);
    kr_write_comment(rendering->council_name, strlen(rendering->council_name), out);
    (void)fputs(" (", out);
    for (size_t i = 0; i < 8; i++) {
        (void)fprintf(out, "%02x", rendering->council[i]);
    }
    (void)fprintf(out, ")\n%sLabel: %s\n", prefix, chosen->count > 0 ? kr_label_name(chosen->label) : "none");
    if (rendering->is_exercise) {
        (void)fprintf(out, "%sEXERCISE 【訓練】: not for operation\n", prefix);
    }
    (void)fprintf(out, "%sAs of: %s\n%sEntries: %zu\n", prefix, when, prefix, chosen->count);
    if (tally->left[KR_LEFT_LIMIT] > 0) {
        (void)fprintf(out, "%sLeft out beyond the largest number of entries: %llu\n", prefix,
                      (unsigned long long)tally->left[KR_LEFT_LIMIT]);
    }
}
