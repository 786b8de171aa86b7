/* What only bodies and persons open, opened here: the caller's own key out of its file, its body's key out of what the node keeps
 * sealed to it, and from key to key those before. Nothing that was opened goes back to the node. */
#ifndef KR_TOOLS_KAIRAN_SEALED_H
#define KR_TOOLS_KAIRAN_SEALED_H

#include "proto/client/body_key.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/person_key.h"

/* Another person of the body, as far as keys go. */
struct kr_sealed_person {
    uint8_t id[32], key[32];
    char name[KR_NAME_BYTES_MAX + 1];
    uint32_t state;
    bool has_key, holds;
};

struct kr_sealed {
    struct kr_app *aside;       /* a connection of its own: others have requests open */
    struct kr_person_keys *own; /* NULL, or count 0: this user has no key here; the app's */
    bool is_closed;             /* it has one that could not be opened, which was told */
    struct kr_box_pair
        *pairs; /* what records are tried with: own keys, the newest first; the body's that the own copy holds; those it leads to */
    uint32_t pair_count;
    struct kr_box_pair *body_pair; /* of them, the body's key as it is now; NULL: not held */
    bool is_person;
    uint8_t council[32], person[32], body[32], body_key[32];
    char body_name[KR_NAME_BYTES_MAX + 1];
    bool has_body_key, is_rotation_due;
    uint32_t person_count, missing; /* of the body; of them, active ones with a key who do not hold the body's */
    struct kr_sealed_person *persons;
    bool is_own_published; /* the newest own key is the one on the card */
};
/* The app is connected. Asks the node. Without a file of keys nothing is asked (`with_body`: it is asked all the same), and with
 * one that cannot be read that is told, and nothing opens. Tells failures, NULL then. `hints`: says on stderr what a holder has to
 * do. */
struct kr_sealed *kr_sealed_new(struct kr_app *app, bool with_body, bool hints);
void kr_sealed_free(struct kr_sealed *sealed); /* NULL is fine */

/* Whether the caller's own body went on from `former` to the key that `one` has: the former secret lies sealed to the new key, or
 * to one between them that does, which nobody could do who had not the former. A former one that opens by the caller's own key, or
 * that opens the new one, says nothing: whoever makes the new one can do that. `sealed` NULL: no. */
bool kr_sealed_vouches(const struct kr_sealed *sealed, const struct kr_addressed *one, const uint8_t former[static 32]);

/* Whether that record is for bodies or persons, so that its content is a section. */
bool kr_sealed_is(const struct kr_summary *summary);
/* The content of a shown record in `ret_section`, to be released with kr_section_deinit. KR_NOT_FOUND: it is not for this caller.
 * `sealed` may be NULL. */
enum kr_err kr_sealed_open(const struct kr_sealed *sealed, const struct kr_shown *shown,
                           struct kr_section *ret_section) KR_WARN_UNUSED;
/* Title, number of indicators and severity of an opened report or advisory. KR_MALFORMED. */
enum kr_err kr_content_title(uint32_t kind, struct kr_slice content, char *ret_title, size_t size, uint32_t *ret_indicators,
                             uint32_t *ret_severity) KR_WARN_UNUSED;
/* A record that a list has told of: asked for, and opened. `ret_title` is then its title. */
enum kr_err kr_sealed_title(struct kr_sealed *sealed, const uint8_t id[static 32], char *ret_title, size_t size,
                            uint32_t *ret_indicators) KR_WARN_UNUSED;
/* All that the node holds and this caller can open, one after the other; borrowed for the call. Tells failures. */
typedef enum kr_err kr_sealed_visit(void *context, const struct kr_shown *shown, const struct kr_section *section);
enum kr_err kr_sealed_each(struct kr_sealed *sealed, bool exercise, kr_sealed_visit *visit, void *context) KR_WARN_UNUSED;

#endif
