/* What a scan finds, in order of appearance and each value once, with its note. Used by formats.c only. */
#ifndef KR_TOOLS_FORMATS_COLLECT_H
#define KR_TOOLS_FORMATS_COLLECT_H

#include <sodium.h>

#include "tools/formats/formats.h"
#include "tools/formats/scan.h"

struct kr_values; /* a block of bytes that stays where it is */

struct kr_collect {
    struct kr_extract *result; /* borrowed; its text must not move any more */
    const struct kr_extract_options *options;
    struct kr_found *items; /* all, those of header fields in front */
    size_t items_capacity;
    struct kr_values *values;
    uint32_t *slots; /* hash table: number of the item in `items` plus one */
    size_t slot_count;
    uint8_t key[crypto_shorthash_KEYBYTES];
    enum kr_err err;

    /* Set by whoever goes through the lines: */
    bool mine;               /* the line is the sender's own */
    bool headers;            /* these are a mail's header fields, whose addresses are not taken from the text */
    bool only_labels;        /* of the line nothing else counts */
    size_t piece, piece_end; /* the line in the text */
    size_t header_items;
};

/* `text_len` and `header_len`: of all that will be searched, which is what bounds the number of items. */
enum kr_err kr_collect_init(struct kr_collect *collect, struct kr_extract *result, const struct kr_extract_options *options,
                            size_t text_len, size_t header_len) KR_WARN_UNUSED;
/* The header fields are through; what comes now is the text. */
void kr_collect_end_headers(struct kr_collect *collect);
/* For kr_scan; `context` is the collection. */
void kr_collect_found(void *context, const struct kr_candidate *candidate);
void kr_collect_label(void *context, enum kr_label label);
/* Frees what only collecting needs. The items and values stay, for kr_collect_free. */
void kr_collect_end(struct kr_collect *collect);
void kr_collect_free(struct kr_found *items, struct kr_values *values);

/* Also for other files: length of the text cut to `max` bytes, at a character's boundary. */
size_t kr_collect_cut(const char *text, size_t len, size_t max);

#endif
