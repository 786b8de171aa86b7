#include "tools/kairan/roster_letter.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/kairan/enrol.h"
#include "tools/kairan/qr.h"

#define DAY_S      UINT64_C(86400)
#define DAYS_MAX   90u /* that a node lets a ticket be good for */
#define DAYS_AFTER 14u /* the day, for whoever has not come to it */

bool kr_roster_letters_check(const struct kr_app *app, struct kr_roster_letters *letters, uint64_t now_s)
{
    uint64_t days = 0;
    const bool is_asked = letters->days != NULL || letters->lacks_tickets || letters->shows_qr;
    if (letters->folder == NULL && is_asked) {
        (void)kr_app_fail(app, KR_INVALID, _("tickets stand in letters: --letters DIR"));
        return false;
    }
    if (letters->days != NULL && (!kr_count_parse(letters->days, DAYS_MAX, &days) || days == 0)) {
        (void)kr_app_fail(app, KR_INVALID, _("--days takes a number from 1 to 90"));
        return false;
    }
    const uint64_t ahead_s = letters->effective_s > now_s ? letters->effective_s - now_s : 0;
    const uint64_t span_s = ahead_s + DAYS_AFTER * DAY_S;
    letters->ttl_s = days > 0 ? days * DAY_S : span_s < DAYS_MAX * DAY_S ? span_s : DAYS_MAX * DAY_S;
    if (days == 0 && ahead_s >= DAYS_MAX * DAY_S) {
        letters->ttl_s = 0; /* none would be good on the day */
    }
    return true;
}

bool kr_roster_letters_open(const struct kr_app *app, const struct kr_roster_letters *letters)
{
    if (letters->folder != NULL && mkdir(letters->folder, 0700) != 0 && errno != EEXIST) {
        (void)kr_app_fail(app, KR_IO, _("cannot make the folder %s: %s"), letters->folder, strerror(errno));
        return false;
    }
    return true;
}

struct letter {
    const struct kr_app *app;
    const struct kr_roster_letters *letters;
    const struct kr_roster_row *row;
    const struct kr_person_act *act;
    bool goes_on;       /* known by what the card before is known by */
    const char *ticket; /* NULL: none */
    uint64_t expires_s;
};

static void access_text(FILE *out, const struct letter *letter)
{
    if (letter->row->has_uid) {
        (void)fputs(_("\n  login on the node's machine: "), out);
        kr_out_uid(letter->app, out, letter->row->uid);
    }
    if (letter->goes_on) {
        (void)fputs(_("\n  logins and machines: those that you have, also from that day on"), out);
    }
    if (letter->ticket != NULL) {
        (void)fputs(_("\n  from a machine of your own: with the ticket below, once, until: "), out);
        kr_out_time(out, letter->expires_s);
    } else if (!letter->row->has_uid && !letter->goes_on) {
        (void)fputs(
            _("\n  login on the node's machine: not yet; an admin of the council enters it with kairan person bind, or gives you a "
              "ticket\n  for a machine of your own (kairan person enrol)"),
            out);
    }
}

static void write_text(FILE *out, const struct letter *letter)
{
    const struct kr_roster_row *row = letter->row;
    (void)fprintf(out, _("To %s, %s\n\nYou are entered in %s (Kairan, sharing of threat information).\n\n"), row->name, row->body,
                  kr_conn_name(letter->app->conn));
    (void)fputs(_("  your number: "), out);
    kr_out_id(out, letter->act->id, 16);
    (void)fputs(_("\n  roles: "), out);
    kr_out_roles(out, letter->act->roles);
    (void)fputs(_("\n  from: "), out);
    kr_out_time(out, letter->letters->effective_s);
    if (row->until_s > 0) {
        (void)fputs(_("\n  until: "), out);
        kr_out_time(out, row->until_s);
    }
    access_text(out, letter);
    if (letter->ticket != NULL) {
        kr_enrol_out_how(out, letter->ticket);
        if (letter->letters->shows_qr) {
            (void)fputc('\n', out);
            (void)kr_qr_draw_ticket(out, letter->ticket); /* the ticket stands there in letters, too */
        }
    } else {
        (void)fputs(
            _("\n\nLog in there and begin with:\n\n    kairan whoami          who you are here, and what you may do\n"
              "    kairan lookup VALUE    is this address, name or hash known?\n    kairan submit FILE --label amber --to COUNCIL\n"
              "    kairan mine            what became of what you submitted\n    kairan --help\n"),
            out);
    }
    (void)fputs(
        _("\nNobody outside the council learns your name or your body's. What you do here is written down at the council.\n"), out);
}

/* Before there is a ticket: one that stands in no letter is nobody's. */
static FILE *open_letter(const struct letter *letter, char ret_path[static PATH_MAX])
{
    char number[17];
    kr_hex(number, letter->act->id, 8);
    const int len = snprintf(ret_path, PATH_MAX, "%s/%s.txt", letter->letters->folder,
                             number); /* (names may be anything; numbers cannot collide) */
    if (len <= 0 || len >= PATH_MAX) {
        (void)kr_app_fail(letter->app, KR_IO, _("cannot write the letter %s: %s"), letter->letters->folder, strerror(ENAMETOOLONG));
        return NULL;
    }
    return kr_letter_open(letter->app, ret_path);
}

void kr_roster_letter_write(struct kr_app *app, struct kr_roster_letters *letters, const struct kr_roster_row *row,
                            const struct kr_person_act *act, const struct kr_person_entry *before)
{
    char path[PATH_MAX], ticket[KR_ENROL_TICKET_BYTES];
    struct letter letter = {.app = app, .letters = letters, .row = row, .act = act};
    if (letters->folder == NULL) {
        return;
    }
    letter.goes_on = before != NULL && before->card.credential_count > 0;
    const bool needs_ticket = !letters->lacks_tickets && !row->has_uid && !letter.goes_on;
    FILE *out = open_letter(&letter, path);
    /* The person is entered already: a letter without one is better than none. */
    if (out != NULL && needs_ticket && letters->ttl_s > 0 && !letters->stays_without) {
        letter.ticket = kr_enrol_ask_for(app, act->id, letters->ttl_s, ticket, &letter.expires_s) ? ticket : NULL;
        letters->stays_without = letter.ticket == NULL;
    }
    bool is_written = out != NULL;
    if (is_written) {
        write_text(out, &letter);
        is_written = kr_letter_close(app, path, out);
    }
    sodium_memzero(ticket, sizeof ticket);
    letters->without += needs_ticket && (letter.ticket == NULL || !is_written);
    letters->unwritten += !is_written;
}

void kr_roster_letters_tell(const struct kr_roster_letters *letters)
{
    if (letters->unwritten > 0) {
        (void)fprintf(stderr, _("Letters that could not be written: %u. The persons are entered all the same.\n"),
                      letters->unwritten);
    }
    if (letters->without > 0) {
        (void)fprintf(
            stderr,
            letters->ttl_s == 0
                ? _("Letters without a ticket: %u. The day is more than 90 days off, and no ticket is good for so long: make them "
                    "then, with kairan person enrol.\n")
                : _("Letters without a ticket: %u. Make them with kairan person enrol, when that can be done.\n"),
            letters->without);
    }
}
