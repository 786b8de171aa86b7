/* Machines of persons: `kairan enrol`, and what `kairan person` does about them. */
#ifndef KR_TOOLS_KAIRAN_ENROL_H
#define KR_TOOLS_KAIRAN_ENROL_H

#include "tools/kairan/people.h"

struct kr_enrol_wishes {
    const char *days, *letter; /* NULL: not given */
    bool shows_qr;
};
/* A ticket for a machine of that person's; tells it. Exit status. */
int kr_enrol_person(struct kr_app *app, const struct kr_person_entry *person, const struct kr_enrol_wishes *wishes);
/* That machine, named by the beginning of its key, is nobody's any more. Exit status. */
int kr_unenrol_machine(struct kr_app *app, const struct kr_person_entry *person, const char *key);

/* Where this machine is enrolled, and which nodes it knows. Exit status. */
int kr_enrol_list(struct kr_app *app);
/* Instead of the address `from` of a node `to` is dialled ("-": itself again). Exit status. */
int kr_enrol_via(struct kr_app *app, const char *from, const char *to);

/* The keys of a card's machines, borrowed from it. `ret_keys`: KR_CREDENTIALS_MAX. Returns how many. */
uint32_t kr_machines_of(const struct kr_person_card *card, const uint8_t **ret_keys);

#endif
