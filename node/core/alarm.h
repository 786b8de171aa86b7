/* Two statements of one council, kind, subject and version, or a card that contradicts the one before: its root key is in two
 * hands, or two machines use it. Both together prove it to anybody. Private to node/core. */
#ifndef KR_NODE_CORE_ALARM_H
#define KR_NODE_CORE_ALARM_H

#include "node/core/state.h"

enum kr_err kr_alarms_load(struct kr_step *step) KR_WARN_UNUSED;
/* `job` is another statement where the one with that id stands. Logged and kept the first time; at most KR_ALARMS_MAX of a council
 * wait to be settled.
 */
enum kr_err kr_alarm_raise(struct kr_step *step, const struct kr_job *job, const uint8_t standing_id[static 32]) KR_WARN_UNUSED;
/* `job` is a card whose root keys are others than those of the card with that id, by one recovery key. */
enum kr_err kr_alarm_raise_rekeyed(struct kr_step *step, const struct kr_job *job,
                                   const uint8_t known_id[static 32]) KR_WARN_UNUSED;
/* `job` is a card that takes the place of the one with that id: where it dates a node key back (kr_card_dates_back) that is raised,
 * with both as proof. It is the card all the same: whoever has not seen the one before takes it, too. */
enum kr_err kr_alarm_look_back(struct kr_step *step, const struct kr_job *job, const uint8_t standing_id[static 32]) KR_WARN_UNUSED;

enum kr_err kr_alarms_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;
enum kr_err kr_settle_request(struct kr_step *step, const struct kr_event *event) KR_WARN_UNUSED;

#endif
