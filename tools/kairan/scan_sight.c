#include "tools/kairan/scan_sight.h"

#include <search.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/record/body.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/sighting.h"

struct sight {
    struct kr_sieve_value value; /* borrowed from the set; the record is the newest that has it */
    uint64_t count;
};

static int compare(const void *left, const void *right)
{
    const struct sight *a = left, *b = right;
    int order = (a->value.type > b->value.type) - (a->value.type < b->value.type);
    if (order == 0) {
        order = (a->value.value.len > b->value.value.len) - (a->value.value.len < b->value.value.len);
    }
    return order != 0 ? order : memcmp(a->value.value.bytes, b->value.value.bytes, a->value.value.len);
}

enum kr_err kr_scan_sights_take(struct kr_scan_sights *sights, const struct kr_hunt_hit *hit)
{
    if (hit->how == KR_SWEEP_URL_HOST) {
        return KR_OK;
    }
    struct sight *sight = malloc(sizeof *sight);
    if (sight == NULL) {
        return KR_NOMEM;
    }
    *sight = (struct sight){.value = hit->value};
    struct sight **place = tsearch(sight, &sights->tree, compare);
    if (place == NULL || *place != sight) {
        free(sight);
    } else {
        sights->count++;
    }
    if (place == NULL) {
        return KR_NOMEM;
    }
    (*place)->count++;
    return KR_OK;
}

struct sending {
    struct kr_app *app;
    const uint8_t *(*id_of)(void *context, uint32_t record);
    void *context;
    size_t sent;
    bool failed;
};

static void send_one(const void *node, VISIT visit, void *closure)
{
    const struct sight *sight = *(struct sight *const *)node;
    struct sending *sending = closure;
    uint8_t token[16];
    struct kr_stored made;
    if ((visit != postorder && visit != leaf) || sending->failed) {
        return;
    }
    const struct kr_sighting sighting = {.type = sight->value.type,
                                         .value = sight->value.value,
                                         .what = KR_SIGHTING_SEEN,
                                         .count = sight->count < KR_SIGHTING_COUNT_MAX ? sight->count : KR_SIGHTING_COUNT_MAX};
    randombytes_buf(token, sizeof token);
    const struct kr_slice id = {sending->id_of(sending->context, sight->value.record), 32};
    sending->failed = kr_sighting_send(sending->app, id, &sighting, token, &made) != KR_OK;
    sending->sent += !sending->failed;
}

bool kr_scan_sights_send(struct kr_scan_sights *sights, struct kr_app *app, bool sure,
                         const uint8_t *(*id_of)(void *context, uint32_t record), void *context)
{
    struct sending sending = {.app = app, .id_of = id_of, .context = context};
    if (sights->count == 0) {
        return true;
    }
    if (!sure) {
        if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
            (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
            return false;
        }
        (void)fprintf(stderr, _("Values seen: %zu. That they were seen here is told to all who have the records that name them.\n"),
                      sights->count);
        if (!kr_ask()) {
            (void)fputs(_("Nothing was sent.\n"), stderr);
            return true;
        }
    }
    twalk_r(sights->tree, send_one, &sending);
    (void)fprintf(stderr, _("sightings sent: %zu\n"), sending.sent);
    return !sending.failed;
}

void kr_scan_sights_deinit(struct kr_scan_sights *sights)
{
    tdestroy(sights->tree, free);
    *sights = (struct kr_scan_sights){0};
}
