/* What this council's node has of an origin (organisation and id) already: the records that earlier imports made, part by part. */
#ifndef KR_TOOLS_KAIRAN_ORIGIN_H
#define KR_TOOLS_KAIRAN_ORIGIN_H

#include "tools/export/export.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/lot.h"

struct kr_origin {
    uint32_t count;
    struct kr_origin_record {
        uint8_t id[32];
        uint32_t part; /* from 1 */
        uint32_t label;
        uint8_t *body; /* content, as it was sent; own */
        size_t body_len;
    } * records;
};
void kr_origin_deinit(struct kr_origin *origin);

/* Whether it can be asked for at all: an id is enough, organisations are not always named. */
bool kr_origin_has(const struct kr_lot *lot);
/* Our own records of the lot's origin that stand. All zero before; what was found so far is there also on failure. */
enum kr_err kr_origin_find(struct kr_app *app, const struct kr_lot *lot, struct kr_origin *ret_origin,
                           struct kr_error *error) KR_WARN_UNUSED;
/* Records of this node by the UUID that our exports give them. All zero before the first question, which asks the node. */
struct kr_origin_exports {
    bool is_filled;
    size_t count;
    struct kr_origin_export {
        char uuid[KR_UUID_TEXT_BYTES];
        uint8_t id[32];
    } * items; /* by UUID; own */
};
void kr_origin_exports_deinit(struct kr_origin_exports *exports);
/* Whether a record is here. `hex` of any length: what is no id is not. */
enum kr_err kr_origin_is_here(struct kr_app *app, struct kr_slice hex, struct kr_origin_exports *exports, bool *ret_is_here,
                              struct kr_error *error) KR_WARN_UNUSED;
/* Whether the lot is an export of a record that is here, so that there is nothing to import. */
enum kr_err kr_origin_find_exported(struct kr_app *app, const struct kr_lot *lot, struct kr_origin_exports *exports,
                                    bool *ret_is_here, uint8_t ret_id[static 32], struct kr_error *error) KR_WARN_UNUSED;
/* Whether a record was taken back, or is not there any more. */
enum kr_err kr_origin_is_gone(struct kr_app *app, const uint8_t id[static 32], bool *ret_is_gone,
                              struct kr_error *error) KR_WARN_UNUSED;
/* Retracts it, with the reason that its origin took it back. The same again is the same retraction. */
enum kr_err kr_origin_retract(struct kr_app *app, const struct kr_lot *lot, const uint8_t id[static 32], uint8_t ret_by[static 32],
                              struct kr_error *error) KR_WARN_UNUSED;

#endif
