#include "tests/support/membership_model.h"

#include <string.h>

bool model_stands(const struct model *model, enum model_word word, uint32_t from, uint32_t to)
{
    return model->said[word][from][to].is_said && !model->said[word][from][to].is_withdrawn;
}

static bool has_left(const struct model *model, uint32_t council)
{
    return model_stands(model, MODEL_EXPULSION, council, council);
}

/* Founders and whoever enough of the set vouch for, over and over until nothing changes. */
static void closure(const struct model *model, const bool *barred, bool with_withdrawn, bool *ret_set)
{
    memset(ret_set, 0, MODEL_COUNCILS_MAX);
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t c = 0; c < model->councils; c++) {
            uint32_t votes = 0;
            for (uint32_t v = 0; v < model->councils; v++) {
                votes += ret_set[v] &&
                         (with_withdrawn ? model->said[MODEL_VOUCH][v][c].is_said : model_stands(model, MODEL_VOUCH, v, c));
            }
            if (!ret_set[c] && !barred[c] && (c < model->founders || votes >= model->needed)) {
                ret_set[c] = changed = true;
            }
        }
    }
}

/* The needed-th earliest of the vouches for `c` by those in; MODEL_NEVER with fewer. */
static uint64_t date_for(const struct model *model, const bool *in, const uint64_t *since, uint32_t c)
{
    uint64_t date = 0;
    for (uint32_t taken = 0;; taken++) {
        uint64_t least = MODEL_NEVER;
        uint32_t up_to = 0;
        for (uint32_t v = 0; v < model->councils; v++) {
            if (in[v] && model_stands(model, MODEL_VOUCH, v, c)) {
                uint64_t counts = model->said[MODEL_VOUCH][v][c].date;
                counts = counts > since[v] ? counts : since[v];
                up_to += counts <= date;
                least = counts > date && counts < least ? counts : least;
            }
        }
        if (taken > 0 && up_to >= model->needed) {
            return date;
        }
        if (least == MODEL_NEVER) {
            return up_to >= model->needed ? date : MODEL_NEVER;
        }
        date = taken == 0 && up_to >= model->needed ? date : least;
    }
}

static void voices(const struct model *model, bool *ret_in)
{
    bool in[MODEL_COUNCILS_MAX] = {0}, muted[MODEL_COUNCILS_MAX] = {0};
    uint64_t since[MODEL_COUNCILS_MAX] = {0};
    uint32_t distance[MODEL_COUNCILS_MAX] = {0};
    for (uint32_t c = 0; c < model->founders; c++) {
        in[c] = !has_left(model, c);
    }
    bool more = true;
    for (uint32_t far = 1; more; far++) {
        bool before[MODEL_COUNCILS_MAX];
        uint64_t dates[MODEL_COUNCILS_MAX];
        memcpy(before, in, sizeof before);
        for (uint32_t c = 0; c < model->councils; c++) {
            const bool may = !in[c] && !muted[c] && c >= model->founders && !has_left(model, c);
            dates[c] = may ? date_for(model, before, since, c) : MODEL_NEVER;
        }
        more = false;
        for (;;) { /* the earliest of those left; of one date all are looked at before any is let in */
            uint64_t next = MODEL_NEVER;
            bool chosen[MODEL_COUNCILS_MAX] = {0};
            for (uint32_t c = 0; c < model->councils; c++) {
                next = dates[c] < next ? dates[c] : next;
            }
            if (next == MODEL_NEVER) {
                break;
            }
            more = true;
            for (uint32_t c = 0; c < model->councils; c++) {
                uint32_t against = 0;
                for (uint32_t v = 0; v < model->councils && dates[c] == next; v++) {
                    const bool stands_before = in[v] && (distance[v] < far || since[v] < next);
                    against += stands_before && model_stands(model, MODEL_EXPULSION, v, c);
                }
                chosen[c] = dates[c] == next;
                muted[c] = muted[c] || (chosen[c] && against >= model->quorum);
            }
            for (uint32_t c = 0; c < model->councils; c++) {
                if (chosen[c]) {
                    dates[c] = MODEL_NEVER;
                    in[c] = !muted[c];
                    since[c] = next;
                    distance[c] = far;
                }
            }
        }
    }
    memcpy(ret_in, in, sizeof in);
}

/* Nobody is in but founders; then whoever is has the date of the last vouch that it needs, over and over until nothing changes. */
static void dates(const struct model *model, uint64_t *ret_since)
{
    bool in[MODEL_COUNCILS_MAX];
    for (uint32_t c = 0; c < model->councils; c++) {
        ret_since[c] = c < model->founders ? 0 : MODEL_NEVER;
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t c = 0; c < model->councils; c++) {
            in[c] = ret_since[c] != MODEL_NEVER;
        }
        for (uint32_t c = model->founders; c < model->councils; c++) {
            const uint64_t date = date_for(model, in, ret_since, c);
            changed = changed || date != ret_since[c];
            ret_since[c] = date;
        }
    }
    for (uint32_t c = 0; c < model->councils; c++) {
        const struct said *left = &model->said[MODEL_EXPULSION][c][c];
        ret_since[c] = left->is_said && left->is_withdrawn && left->date > ret_since[c] ? left->date : ret_since[c];
    }
}

void model_sets(const struct model *model, struct model_sets *ret_sets)
{
    struct model_sets sets = {0};
    const bool nobody[MODEL_COUNCILS_MAX] = {0};
    bool voice[MODEL_COUNCILS_MAX], barred[MODEL_COUNCILS_MAX] = {0};
    voices(model, voice);
    for (uint32_t c = 0; c < model->councils; c++) {
        uint32_t against = 0;
        for (uint32_t v = 0; v < model->councils; v++) {
            against += v != c && voice[v] && model_stands(model, MODEL_EXPULSION, v, c);
        }
        sets.expelled[c] = against >= model->quorum;
        sets.left[c] = has_left(model, c);
        barred[c] = sets.expelled[c] || sets.left[c];
    }
    closure(model, barred, false, sets.members);
    closure(model, nobody, true, sets.ever);
    if (model->is_dated) {
        dates(model, sets.since);
    }
    *ret_sets = sets;
}
