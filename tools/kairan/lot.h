/* What readers of tools/formats push, gathered into lots: as many indicators of one group as are sent at a time. A lot is done with
 * before the next one begins, so that memory holds one (or two, where one is still being sent), however much there is to read.
 *
 *     reader ─▸ on_group on_item …  ─▸ lot ─▸ take_lot ─▸ lot (next) ─▸ take_lot …
 *
 * Groups that have an origin id come as one lot, because what their origin changes is found part by part. Values that are twice in
 * a group are merged: the wider span of time, the stronger action, the higher confidence, the first note. */
#ifndef KR_TOOLS_KAIRAN_LOT_H
#define KR_TOOLS_KAIRAN_LOT_H

#include "tools/formats/formats.h"
#include "tools/formats/import.h"

#define KR_LOT_ITEMS     32768u   /* of a group without an origin id */
#define KR_LOT_ITEMS_MAX 2000000u /* of one with */
#define KR_LOT_BYTES_MAX (512u * KR_MIB)

/* Owns everything that it points to. */
struct kr_lot {
    struct kr_slice title, text, language, organisation, id, terms;
    struct kr_slice *references, *attack_ids;
    uint32_t reference_count, attack_id_count;
    enum kr_label label;
    uint32_t severity;
    uint64_t first_s, last_s;
    enum kr_import_state state;
    uint64_t line;
    uint32_t number;  /* from 0, of those of the group */
    bool is_last;     /* of the group */
    uint64_t revoked; /* items that its origin has taken back */
    uint8_t mark[16]; /* what lots of one group have in common, and others have not; the same whenever the group is read again */
    struct kr_found *items; /* `offset` is the line */
    size_t item_count;
    struct kr_lot_block *blocks;
    size_t block_bytes, item_capacity;
};
void kr_lot_free(struct kr_lot *lot);

struct kr_lots_counts {
    uint64_t groups, gone, items, merged, skipped, kept, revoked; /* gone: groups that their origin took back; revoked: items;
                                                                    kept: told, but taken all the same */
    uint64_t reasons[KR_IMPORT_REASON_COUNT];                     /* of all that was told */
    uint64_t types[KR_INDICATOR_TYPE_MAX + 1];
};

/* Set the functions and their context; all else zero. They may return anything but KR_OK to stop the reading. */
struct kr_lots {
    void *context;
    enum kr_err (*take_lot)(void *context, struct kr_lot *lot); /* handed over, also on failure */
    enum kr_err (*tell_skip)(void *context, const struct kr_import_skip *skip);
    enum kr_err (*tell_progress)(void *context, uint64_t bytes);
    /* Called between items, so that something else can go on meanwhile; may be NULL. */
    enum kr_err (*breathe)(void *context);
    /* Whether a record of ours (its id in hex) that an item is an export of is here, so that there is nothing to take; may be NULL.
     */
    bool (*is_here)(void *context, struct kr_slice record);
    struct kr_lots_counts counts;

    /* For lot.c. */
    struct kr_lot *lot;
    struct kr_lots_slot *slots;
    size_t slot_count, slots_used;
    uint64_t lot_first; /* number, within the group, of the lot's first item */
    uint8_t key[16];
    bool has_key;
    enum kr_import_format format;
};
void kr_lots_deinit(struct kr_lots *lots);
/* The sink to give to a reader. */
struct kr_import_sink kr_lots_sink(struct kr_lots *lots);

#endif
