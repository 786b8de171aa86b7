/* To whom something is sealed: bodies and persons of the own council by name, those of others by the address that they gave. */
#ifndef KR_TOOLS_KAIRAN_ADDRESSED_H
#define KR_TOOLS_KAIRAN_ADDRESSED_H

#include "proto/record/section.h"
#include "tools/kairan/kairan.h"

struct kr_addressed_list {
    uint32_t count;
    struct kr_addressed items[KR_ADDRESSED_MAX];
    char names[KR_ADDRESSED_MAX][KR_NAME_BYTES_MAX + 1]; /* "" of another council's */
    char told[KR_ADDRESSED_MAX][KR_NAME_BYTES_MAX + 1];  /* of another council's body, as that council names it; "": it does not */
    bool is_new[KR_ADDRESSED_MAX];                       /* nothing was sealed to it before (kr_addressed_know) */
};
/* AMBER+STRICT is for bodies, RED for persons. The app is connected. Tells mistakes. */
bool kr_addressed_find(struct kr_app *app, enum kr_label label, const struct kr_texts *bodies, const struct kr_texts *persons,
                       struct kr_addressed_list *ret_list);
/* Those of an opened record, for the one that is to stand instead of it: it goes to nobody else. Keys of the own council's are
 * looked up again, and who is here no more, or has no key now, is left out and told. Of another council's `given` has the
 * addresses: a record tells who had it, and not with which key. Tells mistakes. */
bool kr_addressed_again(struct kr_app *app, enum kr_label label, const struct kr_section *section, const struct kr_texts *given,
                        struct kr_addressed_list *ret_list);
/* The councils of those, each once; returns how many. */
uint32_t kr_addressed_councils(const struct kr_addressed_list *list, uint8_t (*ret_councils)[32]);
struct kr_sealed;
/* Whether each has the key that this user has sealed to before: where one has another, it stops, unless the caller's own body has
 * gone on from the one to the other (kr_sealed_vouches). `sealed` NULL: nobody vouches. Nothing is kept yet. Tells why not. */
bool kr_addressed_know(const struct kr_app *app, const struct kr_sealed *sealed, struct kr_addressed_list *list);
/* They are sealed to now: kept for the next time. Tells failures. */
bool kr_addressed_keep(const struct kr_app *app, const struct kr_addressed_list *list);
/* "a body", "a person", with its name where it is known here, else the beginning of its id, and its key's digits. One line
 * each. */
void kr_addressed_print(FILE *out, const struct kr_addressed_list *list);

/* The first half of a public key, in groups of four digits: for comparing by telephone. */
#define KR_FINGERPRINT_BYTES 40u
void kr_fingerprint(char ret_text[static KR_FINGERPRINT_BYTES], const uint8_t key[static 32]);

#endif
