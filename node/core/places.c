#include "node/core/places.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 64u

/* Arrivals that follow one another have slots of their own; of two that share one, the later stays. */
struct slot {
    uint64_t arrival;
    uint32_t count, *starts;
};
struct name {
    uint64_t at_ms; /* 0: none */
    uint8_t council[32];
    bool japanese;
    char text[KR_NAME_BYTES_MAX + 1];
};
struct kr_places {
    struct slot slots[KR_PLACES_REPORTS_MAX];
    struct name names[NAMES_MAX];
};

struct kr_places *kr_places_new(void)
{
    return calloc(1, sizeof(struct kr_places));
}

void kr_places_free(struct kr_places *places)
{
    for (uint32_t i = 0; places != NULL && i < KR_PLACES_REPORTS_MAX; i++) {
        free(places->slots[i].starts);
    }
    free(places);
}

void kr_places_note(struct kr_places *places, uint64_t arrival, uint32_t count, const uint32_t *starts)
{
    struct slot *slot = &places->slots[arrival % KR_PLACES_REPORTS_MAX];
    const size_t bytes = ((size_t)(count + KR_PLACES_STEP - 1) / KR_PLACES_STEP + 1) * sizeof *starts;
    uint32_t *copy = malloc(bytes);
    if (copy != NULL) {
        memcpy(copy, starts, bytes);
        free(slot->starts);
        *slot = (struct slot){arrival, count, copy};
    }
}

bool kr_places_find(const struct kr_places *places, uint64_t arrival, uint32_t position, uint32_t *ret_offset, uint32_t *ret_len,
                    uint32_t *ret_before)
{
    const struct slot *slot = &places->slots[arrival % KR_PLACES_REPORTS_MAX];
    if (slot->starts == NULL || slot->arrival != arrival || position >= slot->count) {
        return false;
    }
    const uint32_t *start = &slot->starts[position / KR_PLACES_STEP];
    *ret_offset = start[0];
    *ret_len = start[1] - start[0];
    *ret_before = position % KR_PLACES_STEP;
    return true;
}

static uint32_t name_slot(const uint8_t council[static 32], bool japanese)
{
    return (council[0] * 2u + japanese) % NAMES_MAX;
}

const char *kr_places_name(const struct kr_places *places, const uint8_t council[static 32], bool japanese, uint64_t now_ms)
{
    const struct name *name = &places->names[name_slot(council, japanese)];
    const bool is_it = name->at_ms != 0 && name->japanese == japanese && memcmp(name->council, council, 32) == 0;
    return is_it && now_ms >= name->at_ms && now_ms - name->at_ms < KR_PLACES_NAME_MS ? name->text : NULL;
}

void kr_places_note_name(struct kr_places *places, const uint8_t council[static 32], bool japanese, uint64_t now_ms,
                         const char *text)
{
    struct name *name = &places->names[name_slot(council, japanese)];
    const size_t len = strlen(text);
    if (len <= KR_NAME_BYTES_MAX) {
        name->at_ms = now_ms;
        name->japanese = japanese;
        memcpy(name->council, council, 32);
        memcpy(name->text, text, len + 1);
    }
}
