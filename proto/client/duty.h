/* What a council agrees on beforehand, for emergencies: standing consents and the duty roster (docs/PROTOCOL.md, "Client
 * protocol").
 */
#ifndef KR_PROTO_CLIENT_DUTY_H
#define KR_PROTO_CLIENT_DUTY_H

#include "proto/client/client.h"
#include "proto/record/duty.h"

enum kr_duty_action {
    KR_DUTY_CONSENT_ADD = 1, /* the id is the client's choice: 32 random bytes */
    KR_DUTY_CONSENT_END = 2,
    KR_DUTY_SET = 3, /* the roster is these entries */
    KR_DUTY_ADD = 4, /* and these */
};
struct kr_duty_act {
    uint32_t action;
    uint8_t id[32];         /* of a consent; else zero */
    uint32_t kinds, labels; /* add a consent: bits, as in struct kr_consent */
    bool has_community, has_person;
    uint8_t community[32], person[32];
    struct kr_slice councils; /* 32 bytes of each */
    uint64_t until_s;
    struct kr_slice reason; /* of a consent, or of its end */
    uint32_t entry_count;
    struct kr_duty_entry entries[KR_DUTY_ENTRIES_MAX];
};
void kr_duty_act_write(const struct kr_duty_act *act, struct kr_writer *writer);
enum kr_err kr_duty_act_read(struct kr_slice bytes, struct kr_duty_act *ret_act) KR_WARN_UNUSED;

enum kr_consent_state {
    KR_CONSENT_HOLDS = 1,
    KR_CONSENT_OVER = 2,        /* its last day has passed */
    KR_CONSENT_ENDED = 3,       /* before that */
    KR_CONSENT_GIVER_GONE = 4,  /* whoever gave it is no active approver or admin any more */
    KR_CONSENT_PERSON_GONE = 5, /* nor is the person active for whom it is */
};

/* A consent, or an entry of the roster; what does not concern it is empty or 0. */
struct kr_duty_item {
    uint32_t type;  /* enum kr_duty_type: KR_DUTY_ROSTER for an entry */
    uint32_t state; /* enum kr_consent_state; of an entry enum kr_person_state of its person */
    struct kr_slice id;
    struct kr_slice person, person_name; /* empty: whoever is on duty; no card is here */
    uint64_t from_s, until_s;
    uint32_t kinds, labels;
    struct kr_slice community, councils;
    uint32_t reach_count;
    struct kr_slice by, by_name;
    uint64_t given_ms;
    struct kr_slice reason;
    uint64_t ended_ms;
    struct kr_slice ended_name, ended_reason;
};
void kr_duty_item_write(const struct kr_duty_item *item, struct kr_writer *writer);
enum kr_err kr_duty_item_read(struct kr_slice bytes, struct kr_duty_item *ret_item) KR_WARN_UNUSED;

/* What the list ends with. */
struct kr_duty_sum {
    bool has_roster;
    uint64_t unreviewed, oldest_ms; /* sent under a consent and not reviewed; when the first of them was */
};
void kr_duty_sum_write(const struct kr_duty_sum *sum, struct kr_writer *writer);
enum kr_err kr_duty_sum_read(struct kr_slice bytes, struct kr_duty_sum *ret_sum) KR_WARN_UNUSED;

#endif
