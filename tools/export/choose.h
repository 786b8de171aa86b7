/* Which entries go into a file, in which order; and what the renderers share of writing. Internal to tools/export. */
#ifndef KR_TOOLS_EXPORT_CHOOSE_H
#define KR_TOOLS_EXPORT_CHOOSE_H

#include "tools/export/export.h"

#define KR_TYPE_BIT(type) (1u << (type))

/* The widest that a block list takes: nobody's own network is wider. */
#define KR_BLOCK_PREFIX4_MIN 8u
#define KR_BLOCK_PREFIX6_MIN 19u

enum kr_choice {
    KR_CHOOSE_BLOCK = 1,   /* for blocking: what does harm, what nobody means to be blocked, what may not be blocked stays out */
    KR_CHOOSE_DETECT = 16, /* for detection: what would hit everything stays out, and what nobody means to be looked for */
    KR_CHOOSE_RANKED = 2,  /* best first: more councils, higher confidence, newer; else in the order of the selection */
    KR_CHOOSE_NO_PORT = 4, /* addresses without their port: the same one once */
    KR_CHOOSE_APART = 8,   /* no two networks overlap, and a port is told apart from an address alone */
};

/* Whether the format can carry the entry; KR_LEFT_NOT: it can. May be NULL. */
typedef enum kr_left kr_judge(const struct kr_rendering *rendering, const struct kr_export_part *part,
                              const struct kr_entry *entry);

struct kr_chosen {
    const struct kr_entry **items; /* kr_chosen_deinit */
    size_t count;
    enum kr_label label; /* the strictest */
};
/* Goes through all entries; every one that is of the part's types and not chosen is counted in `tally` with its reason, those of
 * other types with KR_LEFT_TYPE where `counts_types`. */
enum kr_err kr_choose(const struct kr_rendering *rendering, const struct kr_export_part *part, unsigned choice, kr_judge *judge,
                      struct kr_chosen *ret_chosen, struct kr_tally *tally) KR_WARN_UNUSED;
void kr_chosen_deinit(struct kr_chosen *chosen);
/* Whether `a` comes before `b`, best first: < 0. */
int kr_entry_rank(const struct kr_entry *a, const struct kr_entry *b);

/* The lines at the beginning of a file, each behind `prefix` ("# "): what it is, council, label, time, count, what was left out. */
void kr_write_head(const struct kr_rendering *rendering, const char *prefix, const char *what, const struct kr_chosen *chosen,
                   const struct kr_tally *tally, FILE *out);
/* Text in a comment of one line: whatever ends or turns a line, and what is no UTF-8, as '?'. */
void kr_write_comment(const char *text, size_t len, FILE *out);
/* "2026-11-25T00:41:07Z" */
#define KR_TIME_TEXT_BYTES 32
void kr_time_text(uint64_t unix_s, char ret[static KR_TIME_TEXT_BYTES]);

/* Of the normal forms of addresses. */
uint32_t kr_address_bytes(uint32_t type); /* 4, 16 */
uint32_t kr_address_prefix(const struct kr_entry *entry);
uint32_t kr_address_port(const struct kr_entry *entry);
#define KR_ADDRESS_TEXT_BYTES 64
/* Address, with "/LEN" where it is a network; never the port. */
void kr_address_text(const struct kr_entry *entry, char ret[static KR_ADDRESS_TEXT_BYTES]);
/* Of text in the normal form of `entry` (or hex); terminated. False where it cannot be printed. */
bool kr_entry_text(const struct kr_entry *entry, char ret[static KR_INDICATOR_PRINT_BYTES_MAX]);
/* Whether a host name consists of what its normal form does. */
#define KR_NAME_TEXT_MAX 253u /* RFC 1035, 2.3.4, as text without the dot at the end */
bool kr_is_plain_name(struct kr_slice name);

#endif
