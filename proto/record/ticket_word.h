/* What the nodes of one council tell each other of tickets: for persons' machines, and invitations (docs/PROTOCOL.md, "Nodes of one
 * council").
 *
 *   ticket word = array of 8: version 1, what, ticket (bin 32: the public half of its secret), person (bin 32; of an invitation its
 *                 community, or zero), machine (bin 0 or 32: its key; the council that joined), at_ms, expires_s (of the ticket),
 * previous (bin 0 or 32)
 *
 * A record of the council's own kinds, as cards of its people are (person.h). No secret is in it. Uses of one ticket are records of
 * their own, so that none hides another: all nodes come to hold all of them, whichever met whom. */
#ifndef KR_PROTO_RECORD_TICKET_WORD_H
#define KR_PROTO_RECORD_TICKET_WORD_H

#include "crypto/limits.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define KR_TICKET_WORD_BYTES_MAX 256u

enum kr_ticket_what {
    KR_TICKET_OPEN = 1,            /* a ticket was made; no machine */
    KR_TICKET_USED = 2,            /* that machine was enrolled with it */
    KR_TICKET_OVER = 3,            /* that machine is the person's no more; ticket zero where it is not known */
    KR_TICKET_INVITED = 4,         /* an invitation was made, whose link waits for a code; no machine */
    KR_TICKET_INVITED_BY_HAND = 5, /* the same, without a code */
    KR_TICKET_JOINED = 6,          /* that council has used it; person zero */
};
struct kr_ticket_word {
    uint32_t what;
    uint8_t ticket[32], person[32];
    bool has_machine; /* of 2, 3, 6 */
    uint8_t machine[32];
    uint64_t at_ms; /* when it was made, or used */
    uint64_t expires_s;
    struct kr_slice previous;
};
enum kr_err kr_ticket_word_parse(struct kr_slice content, struct kr_ticket_word *ret_word) KR_WARN_UNUSED;
void kr_ticket_word_write(const struct kr_ticket_word *word, struct kr_writer *writer);
/* The header's subject: the ticket of an open one or an invitation; BLAKE2b-256("kairan ticket machine" ‖ ticket ‖ the machine's
 * key); BLAKE2b-256("kairan ticket council" ‖ ticket ‖ council). Of one machine by each ticket, too: else of two uses, made at two
 * nodes apart, one would hide the other, and the other one's ticket would be good once more. */
void kr_ticket_word_subject(const struct kr_ticket_word *word, uint8_t ret_subject[static 32]);

#endif
