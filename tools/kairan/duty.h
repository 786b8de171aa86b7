/* Standing consents and the duty roster, as `consent`, `duty`, `doctor`, `status` and `handover` look at them. */
#ifndef KR_TOOLS_KAIRAN_DUTY_H
#define KR_TOOLS_KAIRAN_DUTY_H

#include "proto/client/duty.h"
#include "tools/formats/import.h"
#include "tools/kairan/people.h"

#define KR_DUTY_DAYS          14u /* that are looked ahead */
#define KR_CONSENT_SOON_S     (30u * UINT64_C(86400))
#define KR_UNREVIEWED_LATE_MS UINT64_C(86400000)

/* A copy that outlives the answer that it came in. */
struct kr_duty {
    struct kr_duty_copy {
        struct kr_duty_item item; /* points into bytes */
        uint8_t *bytes;
    } * items;
    uint32_t count, capacity;
    struct kr_duty_sum sum;
};
/* Tells failures. Free it in any case. */
bool kr_duty_load(struct kr_app *app, struct kr_duty *ret_duty);
void kr_duty_free(struct kr_duty *duty);

/* Asks for that act; tells failures. */
bool kr_duty_send(struct kr_app *app, const struct kr_duty_act *act);

/* Whether that entry of the roster is somebody who is on duty then: in its time, and its person not gone. */
bool kr_duty_covers(const struct kr_duty_item *item, uint64_t from_s, uint64_t until_s);
/* The days from today on, KR_DUTY_DAYS of them by local time, on which nobody is on duty at any time: their beginnings. Their
 * number; 0 where there is no roster. */
uint32_t kr_duty_bare_days(const struct kr_duty *duty, uint64_t now_s, uint64_t ret_days_s[static KR_DUTY_DAYS]);
/* Whether it is a consent that holds and ends soon. */
bool kr_consent_ends_soon(const struct kr_duty_item *item, uint64_t now_s);

/* "holds", "over", "ended", "giver-gone", "person-gone". Static storage. */
const char *kr_consent_state_word(uint32_t state);
const char *kr_consent_state_text(uint32_t state); /* translated */

/* A roster as a spreadsheet writes it: columns person (or name, 担当者, 氏名), from (開始), until (終了); body (機関) where names
 * are not unique. KR_INVALID with the line of the first mistake. `entries`: KR_DUTY_ENTRIES_MAX. */
enum kr_err kr_duty_read(const struct kr_people *people, const struct kr_import_source *source, struct kr_duty_entry *ret_entries,
                         uint32_t *ret_count, struct kr_error *error) KR_WARN_UNUSED;

#endif
