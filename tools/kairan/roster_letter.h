/* Letters for those who come by a roster, with a ticket for a machine of their own. */
#ifndef KR_TOOLS_KAIRAN_ROSTER_LETTER_H
#define KR_TOOLS_KAIRAN_ROSTER_LETTER_H

#include "tools/kairan/roster.h"

struct kr_roster_letters {
    const char *folder; /* NULL: none are written */
    const char *days;   /* that tickets are good for, from now; NULL: until two weeks after the day */
    bool lacks_tickets, shows_qr;
    uint64_t effective_s, ttl_s;
    bool stays_without;          /* none was given once: what keeps one keeps the next */
    uint32_t without, unwritten; /* letters that should have a ticket, and have none; that are not there; told */
};
/* Whether what was asked for can be. False: told. */
bool kr_roster_letters_check(const struct kr_app *app, struct kr_roster_letters *letters, uint64_t now_s);
/* Makes the folder, before anything is done. False: told. */
bool kr_roster_letters_open(const struct kr_app *app, const struct kr_roster_letters *letters);
/* For the card that was just made. `before`: the one that it follows; NULL: who is new. One that cannot be written is told, and
 * counted: the person is entered, and the next one's may be written. */
void kr_roster_letter_write(struct kr_app *app, struct kr_roster_letters *letters, const struct kr_roster_row *row,
                            const struct kr_person_act *act, const struct kr_person_entry *before);
/* Of those that lack a ticket. */
void kr_roster_letters_tell(const struct kr_roster_letters *letters);

#endif
