#include "store/spots.h"

#include <stdlib.h>

struct kr_spots {
    uint32_t page_bytes;
    uint32_t at, stride; /* of a page's first row, from the page's beginning; how much nearer to that the next one is */
    uint32_t per_page;   /* 0: all are in the first page, so far */
    uint32_t page_count, capacity;
    uint64_t rows;
    int32_t *pages; /* counted from the first one */
};

struct kr_spots *kr_spots_new(uint32_t page_bytes)
{
    struct kr_spots *spots = calloc(1, sizeof *spots);
    if (spots != NULL) {
        spots->page_bytes = page_bytes;
    }
    return spots;
}

void kr_spots_free(struct kr_spots *spots)
{
    if (spots != NULL) {
        free(spots->pages);
        free(spots);
    }
}

static bool add_page(struct kr_spots *spots, int32_t page)
{
    if (spots->page_count == spots->capacity) {
        const uint32_t capacity = spots->capacity > 0 ? spots->capacity * 2 : 64;
        int32_t *pages = realloc(spots->pages, capacity * sizeof pages[0]);
        if (pages == NULL) {
            return false;
        }
        spots->pages = pages;
        spots->capacity = capacity;
    }
    spots->pages[spots->page_count++] = page;
    return true;
}

/* Learns from the first rows how they lie. */
static void measure(struct kr_spots *spots, int64_t page, uint32_t at)
{
    if (spots->rows == 0) {
        spots->at = at;
    } else if (spots->per_page == 0 && page != 0) {
        spots->per_page = (uint32_t)spots->rows;
    } else if (spots->rows == 1) {
        spots->stride = spots->at - at;
    }
}

bool kr_spots_add(struct kr_spots *spots, const uint8_t *first, const uint8_t *at)
{
    const int64_t page = (int64_t)((uintptr_t)at / spots->page_bytes) - (int64_t)((uintptr_t)first / spots->page_bytes);
    if (page != (int32_t)page || spots->rows >= UINT32_MAX) {
        return false;
    }
    measure(spots, page, (uint32_t)((uintptr_t)at % spots->page_bytes));
    const uint64_t nth = spots->per_page > 0 ? spots->rows % spots->per_page : spots->rows;
    if (nth == 0 ? !add_page(spots, (int32_t)page) : spots->stride == 0) {
        return false;
    }
    spots->rows++;
    return kr_spots_at(spots, first, spots->rows - 1) == at;
}

uint64_t kr_spots_rows(const struct kr_spots *spots)
{
    return spots->rows;
}

const uint8_t *kr_spots_at(const struct kr_spots *spots, const uint8_t *first, uint64_t row)
{
    if (row >= spots->rows) {
        return NULL;
    }
    const uint32_t number = (uint32_t)row, page = spots->per_page > 0 ? number / spots->per_page : 0;
    const uint32_t nth = number - page * spots->per_page;
    return first + (int64_t)spots->pages[page] * spots->page_bytes - (int64_t)nth * spots->stride;
}
