/* What a search of logs found, told as sightings to those who have the records. */
#ifndef KR_TOOLS_KAIRAN_SCAN_SIGHT_H
#define KR_TOOLS_KAIRAN_SCAN_SIGHT_H

#include "tools/kairan/kairan.h"
#include "tools/scan/hunt.h"

struct kr_scan_sights {
    void *tree; /* of tsearch: each value once */
    size_t count;
};

/* Counts one hit. The host of a URL alone is no sighting of it. KR_NOMEM. */
enum kr_err kr_scan_sights_take(struct kr_scan_sights *sights, const struct kr_hunt_hit *hit) KR_WARN_UNUSED;
/* Asks (unless `sure`), then sends one sighting for each value; `id_of` gives a record's id by its number. False where it failed,
 * which was told. */
bool kr_scan_sights_send(struct kr_scan_sights *sights, struct kr_app *app, bool sure,
                         const uint8_t *(*id_of)(void *context, uint32_t record), void *context);
void kr_scan_sights_deinit(struct kr_scan_sights *sights);

#endif
