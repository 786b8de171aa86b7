/* Lots (lot.h) on their way to the node: label, guards, tokens, and what an earlier import of the same origin left there. No
 * terminal and no files: the command line and the bench share it.
 *
 *     lot ─▸ kr_ship_look: what would a guard hold back, who would get it
 *     lot ─▸ kr_ship_send ─▸ with an origin id: is it there? unchanged │ changed: revision │ taken back there: retraction
 *                        ╰─▸ without: the same content has the same token, and is known
 *
 * A lot that is sent goes on while the next one is read: call kr_ship_breathe now and then, and kr_ship_finish at the end. */
#ifndef KR_TOOLS_KAIRAN_SHIP_H
#define KR_TOOLS_KAIRAN_SHIP_H

#include "tools/kairan/kairan.h"
#include "tools/kairan/lot.h"
#include "tools/kairan/origin.h"
#include "tools/kairan/send.h"

enum kr_shipped {
    KR_SHIPPED_NEW,       /* a record of its own */
    KR_SHIPPED_KNOWN,     /* sent before, with just this content */
    KR_SHIPPED_UNCHANGED, /* its origin has not changed it since it was imported */
    KR_SHIPPED_REVISED,
    KR_SHIPPED_RETRACTED,
    KR_SHIPPED_COUNT,
};
const char *kr_shipped_name(enum kr_shipped state); /* "new" … , static storage */

struct kr_ship_counts {
    uint64_t records[KR_SHIPPED_COUNT], indicators, guarded, refused; /* sent for the first time; values; lots */
};

/* Set app, request and what is wanted of the rest; all else zero. */
struct kr_ship {
    struct kr_app *app;       /* connected; its connection is for single requests */
    struct kr_conn *conn;     /* for parts; opened here where it is NULL */
    struct kr_submit request; /* label: the one that the person named, or none; audience, community, flags, expiry, force, reason */
    const char *title, *language; /* instead of the lot's own; NULL: not */
    const char *name;             /* of the file: the title of what has none */
    bool has_severity;
    uint32_t severity;
    void *context;
    /* A value that a guard holds back, and a lot that cannot go as it is (with a translated sentence why). May be NULL. */
    void (*on_guarded)(void *context, const struct kr_lot *lot, size_t item, const char *list);
    void (*on_refused)(void *context, const struct kr_lot *lot, enum kr_err err, const char *why);
    void (*on_record)(void *context, const struct kr_lot *lot, enum kr_shipped state, const uint8_t id[static 32],
                      uint32_t indicators);
    /* After kr_ship_look: sending->request.label, preview, guarded_total. */
    void (*on_looked)(void *context, const struct kr_lot *lot, const struct kr_sending *sending);
    struct kr_ship_counts counts;

    struct kr_ship_going *going; /* for ship.c */
    struct kr_origin_exports exports;
};
void kr_ship_deinit(struct kr_ship *ship);

/* Under which label a lot goes: the stricter of what the person and the origin say, unless forced. KR_UNLABELLED, KR_DENIED with a
 * translated sentence. Pure. */
enum kr_err kr_ship_label(const struct kr_submit *request, enum kr_label own, enum kr_label *ret_label,
                          struct kr_error *error) KR_WARN_UNUSED;
/* Whether it says of itself that it belongs to an exercise, as our exports do, and mails: it is not imported as if it were real.
 * Pure. */
bool kr_ship_is_exercise(const struct kr_lot *lot);
/* Asks the node; sends nothing. The lot stays the caller's. */
enum kr_err kr_ship_look(struct kr_ship *ship, const struct kr_lot *lot, struct kr_error *error) KR_WARN_UNUSED;
/* Takes the lot over, also on failure, and begins to send it, when what is under way has arrived. */
enum kr_err kr_ship_send(struct kr_ship *ship, struct kr_lot *lot, struct kr_error *error) KR_WARN_UNUSED;
enum kr_err kr_ship_breathe(struct kr_ship *ship, struct kr_error *error) KR_WARN_UNUSED;
/* Waits for what is under way. */
enum kr_err kr_ship_finish(struct kr_ship *ship, struct kr_error *error) KR_WARN_UNUSED;

#endif
