#include "node/core/places.h"

#include <stdlib.h>
#include <string.h>

/* Arrivals that follow one another have slots of their own; of two that share one, the later stays. */
struct report {
    uint64_t arrival; /* 0: none */
    uint32_t count;
    bool is_all_plain;
    uint32_t *starts; /* owned, may be NULL */
    uint8_t *plain;   /* owned; NULL where all are, or none is */
};
struct shown {
    uint64_t arrival, snapshot; /* arrival 0: none */
    struct kr_places_shown shown;
    uint8_t *bytes; /* owned */
    size_t capacity;
};
struct name {
    uint64_t snapshot;
    bool is_there, japanese;
    uint8_t council[32];
    char text[KR_NAME_BYTES_MAX + 1];
};
struct kr_places {
    uint64_t snapshot;
    struct report reports[KR_PLACES_REPORTS_MAX];
    struct shown shown[KR_PLACES_SHOWN_MAX];
    struct name names[KR_PLACES_NAMES_MAX];
};

struct kr_places *kr_places_new(void)
{
    return calloc(1, sizeof(struct kr_places));
}

static void forget_report(struct report *report)
{
    free(report->starts);
    free(report->plain);
    *report = (struct report){0};
}

void kr_places_free(struct kr_places *places)
{
    for (uint32_t i = 0; places != NULL && i < KR_PLACES_REPORTS_MAX; i++) {
        forget_report(&places->reports[i]);
    }
    for (uint32_t i = 0; places != NULL && i < KR_PLACES_SHOWN_MAX; i++) {
        free(places->shown[i].bytes);
    }
    free(places);
}

/* ---- content ---- */

static uint32_t count_plain(const struct kr_places_report *report)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < report->count; i++) {
        count += report->plain[i / 8] >> i % 8 & 1u;
    }
    return count;
}

static void *copy_of(const void *bytes, size_t len)
{
    void *copy = malloc(len);
    if (copy != NULL) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

void kr_places_note(struct kr_places *places, uint64_t arrival, const struct kr_places_report *report)
{
    struct report *slot = &places->reports[arrival % KR_PLACES_REPORTS_MAX];
    const uint32_t plain = count_plain(report), steps = (report->count + KR_PLACES_STEP - 1) / KR_PLACES_STEP;
    const bool is_small = report->count < KR_PLACES_REPORT_MIN;
    if (is_small && slot->arrival != arrival && slot->count >= KR_PLACES_REPORT_MIN) {
        return; /* opening the large one again would cost more */
    }
    forget_report(slot);
    slot->arrival = arrival;
    slot->count = report->count;
    slot->is_all_plain = plain == report->count;
    if (plain > 0 && !slot->is_all_plain) {
        slot->plain = copy_of(report->plain, (report->count + 7) / 8);
    }
    if (report->starts != NULL && !is_small) {
        slot->starts = copy_of(report->starts, (steps + 1) * sizeof slot->starts[0]);
    }
}

static const struct report *report_of(const struct kr_places *places, uint64_t arrival, uint32_t position)
{
    const struct report *slot = &places->reports[arrival % KR_PLACES_REPORTS_MAX];
    return slot->arrival == arrival && position < slot->count ? slot : NULL;
}

bool kr_places_find(const struct kr_places *places, uint64_t arrival, uint32_t position, uint32_t *ret_offset, uint32_t *ret_len,
                    uint32_t *ret_before)
{
    const struct report *slot = report_of(places, arrival, position);
    if (slot == NULL || slot->starts == NULL) {
        return false;
    }
    const uint32_t *start = &slot->starts[position / KR_PLACES_STEP];
    *ret_offset = start[0];
    *ret_len = start[1] - start[0];
    *ret_before = position % KR_PLACES_STEP;
    return true;
}

bool kr_places_is_plain(const struct kr_places *places, uint64_t arrival, uint32_t position)
{
    const struct report *slot = report_of(places, arrival, position);
    return slot != NULL && (slot->is_all_plain || (slot->plain != NULL && (slot->plain[position / 8] >> position % 8 & 1u) != 0));
}

/* ---- snapshot ---- */

void kr_places_enter(struct kr_places *places, uint64_t snapshot)
{
    places->snapshot = snapshot;
}

void kr_places_note_shown(struct kr_places *places, uint64_t arrival, const struct kr_places_shown *shown)
{
    struct shown *slot = &places->shown[arrival % KR_PLACES_SHOWN_MAX];
    const size_t len = shown->summary.len;
    slot->arrival = 0;
    if (slot->capacity < len) {
        free(slot->bytes);
        slot->bytes = malloc(len);
        slot->capacity = slot->bytes != NULL ? len : 0;
    }
    if (slot->bytes != NULL) {
        memcpy(slot->bytes, shown->summary.bytes, len);
        slot->arrival = arrival;
        slot->snapshot = places->snapshot;
        slot->shown = *shown;
        slot->shown.summary = (struct kr_slice){slot->bytes, len};
    }
}

bool kr_places_find_shown(const struct kr_places *places, uint64_t arrival, bool japanese, struct kr_places_shown *ret_shown)
{
    const struct shown *slot = &places->shown[arrival % KR_PLACES_SHOWN_MAX];
    if (slot->arrival != arrival || slot->snapshot != places->snapshot || slot->shown.japanese != japanese) {
        return false;
    }
    *ret_shown = slot->shown;
    return true;
}

static uint32_t name_slot(const uint8_t council[static 32], bool japanese)
{
    return (council[0] * 2u + japanese) % KR_PLACES_NAMES_MAX;
}

const char *kr_places_name(const struct kr_places *places, const uint8_t council[static 32], bool japanese)
{
    const struct name *name = &places->names[name_slot(council, japanese)];
    const bool is_it = name->is_there && name->snapshot == places->snapshot && name->japanese == japanese &&
                       memcmp(name->council, council, 32) == 0;
    return is_it ? name->text : NULL;
}

void kr_places_note_name(struct kr_places *places, const uint8_t council[static 32], bool japanese, const char *text)
{
    struct name *name = &places->names[name_slot(council, japanese)];
    const size_t len = strlen(text);
    if (len <= KR_NAME_BYTES_MAX) {
        name->is_there = true;
        name->snapshot = places->snapshot;
        name->japanese = japanese;
        memcpy(name->council, council, 32);
        memcpy(name->text, text, len + 1);
    }
}
