/* What a thread that answers look-ups has learnt and may use again. Of one thread; bounded; what is not there is read from the
 * store.
 *
 * Of a report's content, which never changes: where its indicators stand in the record, so that a look-up opens a chunk or two of
 * it, not all of a quarter of a megabyte; and which of them say nothing beyond their value, so that it need not even do that.
 *
 * Of a snapshot of the store: how a record is shown and what its author is called. With the next snapshot that is forgotten, for
 * anything may have been retracted, hidden or renamed in it. */
#ifndef KR_NODE_CORE_PLACES_H
#define KR_NODE_CORE_PLACES_H

#include "proto/codec/reader.h"
#include "store/store.h"

#define KR_PLACES_STEP        8u  /* every so many indicators are noted */
#define KR_PLACES_REPORT_MIN  64u /* smaller reports are read whole */
#define KR_PLACES_REPORTS_MAX 1024u
#define KR_PLACES_SHOWN_MAX   1024u /* records */
#define KR_PLACES_NAMES_MAX   64u

struct kr_places;
struct kr_places *kr_places_new(void); /* NULL: no memory */
void kr_places_free(struct kr_places *places);

/* ---- content ---- */

struct kr_places_report {
    uint32_t count;
    /* Where in the record the indicator at i * KR_PLACES_STEP begins, and, behind the last of these, where all end. NULL: it is
     * sealed, and only read whole. */
    const uint32_t *starts;
    const uint8_t *plain; /* a bit for each: a value of a single form, and nothing stated about it (kr_report_indicator_is_plain) */
};
/* Copied; not noted where there is no memory. */
void kr_places_note(struct kr_places *places, uint64_t arrival, const struct kr_places_report *report);
/* The bytes of the record in which that indicator stands, and how many others stand before it there. */
bool kr_places_find(const struct kr_places *places, uint64_t arrival, uint32_t position, uint32_t *ret_offset, uint32_t *ret_len,
                    uint32_t *ret_before);
/* Whether it is known to be plain. */
bool kr_places_is_plain(const struct kr_places *places, uint64_t arrival, uint32_t position);

/* ---- snapshot ---- */

/* Before anything of a snapshot is asked or noted; forgets what was known of another. */
void kr_places_enter(struct kr_places *places, uint64_t snapshot);

/* A head, reduced to what decides whether it may be seen, and its encoded summary in a language (kr_summary_write). */
struct kr_places_shown {
    uint32_t state;
    bool is_ours_to_read, japanese;
    uint64_t created_ms, expires_s;
    struct kr_slice summary; /* borrowed until the next note */
};
void kr_places_note_shown(struct kr_places *places, uint64_t arrival, const struct kr_places_shown *shown);
bool kr_places_find_shown(const struct kr_places *places, uint64_t arrival, bool japanese, struct kr_places_shown *ret_shown);

/* A council's name for a client of that language; NULL: not known. */
const char *kr_places_name(const struct kr_places *places, const uint8_t council[static 32], bool japanese);
void kr_places_note_name(struct kr_places *places, const uint8_t council[static 32], bool japanese, const char *name);

#endif
