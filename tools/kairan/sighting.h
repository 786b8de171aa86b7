/* Sightings: sending one, and counting those of a record by council. */
#ifndef KR_TOOLS_KAIRAN_SIGHTING_H
#define KR_TOOLS_KAIRAN_SIGHTING_H

#include <jansson.h>

#include "proto/client/draft.h"
#include "tools/kairan/kairan.h"

/* Sends one and waits until it is durable; tells failures. `sighting` has type and value as the record with that id (or beginning
 * of one) has them. `token`: the same again makes no second one. It may wait for approval. */
enum kr_err kr_sighting_send(struct kr_app *app, struct kr_slice id, const struct kr_sighting *sighting,
                             const uint8_t token[static 16], struct kr_stored *ret_stored) KR_WARN_UNUSED;

/* What each council has seen of a record. */
struct kr_seen {
    uint8_t council[32];
    char name[KR_NAME_BYTES_MAX + 1];
    uint64_t seen, false_positives; /* counts of all its sightings together */
    uint64_t first_s, last_s;       /* of those that say so; else when the sighting was made */
};
struct kr_seen_list {
    struct kr_seen *items; /* ascending by nothing: the council that said something last comes first */
    size_t count;
};
/* Tells failures. Free it with kr_seen_deinit. */
enum kr_err kr_seen_ask(struct kr_app *app, const uint8_t id[static 32], struct kr_seen_list *ret_list) KR_WARN_UNUSED;
void kr_seen_deinit(struct kr_seen_list *list);
void kr_seen_print(const struct kr_seen_list *list);
json_t *kr_seen_json(const struct kr_seen_list *list);

#endif
