#include "node/core/event.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/job.h"

enum kr_lane kr_event_lane(const struct kr_event *event)
{
    switch (event->type) {
    case KR_EVENT_FRAME:
        return KR_CORE_LANE_FRESH;
    case KR_EVENT_JOB_DONE:
        return event->job->is_bulk ? KR_CORE_LANE_BULK : KR_CORE_LANE_FRESH;
    case KR_EVENT_NOTED:
        return KR_CORE_LANE_CLIENT;
    case KR_EVENT_REQUEST:
        /* A large submission is one of many parts: it waits behind what a person is watching. */
        return event->op == KR_OP_SUBMIT && event->bytes.len > KR_BULK_BYTES_MIN ? KR_CORE_LANE_BULK : KR_CORE_LANE_CLIENT;
    default:
        return KR_CORE_LANE_CONTROL;
    }
}

void kr_effects_init(struct kr_effects *effects)
{
    *effects = (struct kr_effects){0};
}

void kr_effects_truncate(struct kr_effects *effects, size_t from)
{
    for (size_t i = from; i < effects->count; i++) {
        if (effects->items[i].bytes != NULL) {
            sodium_memzero(effects->items[i].bytes, effects->items[i].len); /* a ticket or a record's content may be in it */
        }
        free(effects->items[i].bytes);
        kr_job_free(effects->items[i].job);
    }
    effects->count = from < effects->count ? from : effects->count;
}

void kr_effects_deinit(struct kr_effects *effects)
{
    kr_effects_truncate(effects, 0);
    free(effects->items);
    *effects = (struct kr_effects){0};
}

enum kr_err kr_effect_add(struct kr_effects *effects, const struct kr_effect *effect)
{
    if (effects->count == effects->capacity) {
        size_t capacity = effects->capacity == 0 ? 64 : effects->capacity * 2;
        struct kr_effect *items = realloc(effects->items, capacity * sizeof *items);
        if (items == NULL) {
            free(effect->bytes);
            kr_job_free(effect->job);
            return KR_NOMEM;
        }
        effects->items = items;
        effects->capacity = capacity;
    }
    effects->items[effects->count++] = *effect;
    return KR_OK;
}

enum kr_err kr_effect_add_writer(struct kr_effects *effects, struct kr_effect effect, struct kr_writer *writer)
{
    enum kr_err err = kr_writer_take(writer, &effect.bytes, &effect.len);
    if (err != KR_OK) {
        return err;
    }
    return kr_effect_add(effects, &effect);
}

enum kr_err kr_effect_add_text(struct kr_effects *effects, struct kr_effect effect, const char *fmt, va_list args)
{
    char text[512];
    int len = vsnprintf(text, sizeof text, fmt, args);
    if (len < 0) {
        return KR_INVALID;
    }
    effect.len = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    effect.bytes = malloc(effect.len + 1);
    if (effect.bytes == NULL) {
        return KR_NOMEM;
    }
    memcpy(effect.bytes, text, effect.len);
    effect.bytes[effect.len] = 0;
    return kr_effect_add(effects, &effect);
}
