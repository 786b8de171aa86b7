/* A roster (名簿): who works for which body from a day on, and what has to change in the council for that. Reading and planning are
 * pure; roster_run.c asks and does. */
#ifndef KR_TOOLS_KAIRAN_ROSTER_H
#define KR_TOOLS_KAIRAN_ROSTER_H

#include "tools/formats/import.h"
#include "tools/kairan/people.h"

#define KR_ROSTER_TEXT_BYTES (KR_NAME_BYTES_MAX + 1u)

struct kr_roster_row {
    uint64_t line;
    char body[KR_ROSTER_TEXT_BYTES], name[KR_ROSTER_TEXT_BYTES], mail[KR_ROSTER_TEXT_BYTES], telephone[KR_ROSTER_TEXT_BYTES];
    uint32_t roles; /* 0: not stated */
    bool has_uid, is_contractor;
    uint32_t uid;
    uint64_t until_s; /* 0: open */
};
struct kr_roster {
    struct kr_roster_row *rows;
    uint32_t count, capacity;
};
/* A spreadsheet (sheet.h) with columns in Japanese or English: body and name must be there. KR_INVALID with the line of the first
 * mistake. */
enum kr_err kr_roster_read(const struct kr_import_source *source, struct kr_roster *ret_roster,
                           struct kr_error *error) KR_WARN_UNUSED;
void kr_roster_deinit(struct kr_roster *roster);

enum kr_roster_what {
    KR_ROSTER_BODY,   /* a body that is not entered yet */
    KR_ROSTER_JOIN,   /* comes on the day */
    KR_ROSTER_MOVE,   /* from another body, or to other roles: the card ends on the day, and a new one begins */
    KR_ROSTER_CHANGE, /* of what has no day: mail, telephone, name */
    KR_ROSTER_LEAVE,  /* ends on the day */
};
struct kr_roster_step {
    enum kr_roster_what what;
    const struct kr_roster_row *row;      /* but for KR_ROSTER_LEAVE */
    const struct kr_person_entry *person; /* move, change, leave */
};
struct kr_roster_plan {
    struct kr_roster_step *steps;
    uint32_t count, capacity;
    uint32_t same; /* rows that change nothing */
};
/* What is to be done so that from `effective_s` on the council is as the roster says. Only bodies that it names are looked at.
 * Persons are the same where body and name are, else where the mail is, else where a name that leaves one body comes to another,
 * and there is just one. Bodies come first. KR_INVALID: a person stands in it twice. */
enum kr_err kr_roster_plan(const struct kr_people *people, const struct kr_roster *roster, uint64_t effective_s,
                           struct kr_roster_plan *ret_plan, struct kr_error *error) KR_WARN_UNUSED;
void kr_roster_plan_deinit(struct kr_roster_plan *plan);

#endif
