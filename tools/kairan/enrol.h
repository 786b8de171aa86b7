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
/* A ticket for a machine of that person's, good for so long (0: as the node has it). False: told. Whoever has it wipes it. */
#define KR_ENROL_TICKET_BYTES 1025u
bool kr_enrol_ask_for(struct kr_app *app, const uint8_t person[static 32], uint64_t ttl_s,
                      char ret_ticket[static KR_ENROL_TICKET_BYTES], uint64_t *ret_expires_s);
/* A new file of that path that nobody else can read, before there is a ticket to stand in it: else one would be lost with a letter
 * that cannot be written. NULL: told. Whoever writes it hands it to kr_letter_close, which removes what was not written whole
 * (false: told). */
FILE *kr_letter_open(const struct kr_app *app, const char *path);
bool kr_letter_close(const struct kr_app *app, const char *path, FILE *out);
/* What whoever holds it does with a ticket. */
void kr_enrol_out_how(FILE *out, const char *ticket);
/* That machine, named by the beginning of its key, is nobody's any more. Exit status. */
int kr_unenrol_machine(struct kr_app *app, const struct kr_person_entry *person, const char *key);

/* Where this machine is enrolled, and which nodes it knows. Exit status. */
int kr_enrol_list(struct kr_app *app);
/* Instead of the address `from` of a node `to` is dialled ("-": itself again). Exit status. */
int kr_enrol_via(struct kr_app *app, const char *from, const char *to);

/* The keys of a card's machines, borrowed from it. `ret_keys`: KR_CREDENTIALS_MAX. Returns how many. */
uint32_t kr_machines_of(const struct kr_person_card *card, const uint8_t **ret_keys);

#endif
