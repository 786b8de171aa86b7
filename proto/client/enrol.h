/* Machines of persons, from which they reach the node over the network: what clients ask and are told (docs/PROTOCOL.md, "Client
 * protocol"). */
#ifndef KR_PROTO_CLIENT_ENROL_H
#define KR_PROTO_CLIENT_ENROL_H

#include "proto/client/client.h"

/* KR_OP_ENROL_TICKET: array of 2: person, for how long (s; 0: KR_TICKET_TTL_S). */
struct kr_enrol_ask {
    uint8_t person[32];
    uint64_t ttl_s;
};
void kr_enrol_ask_write(const struct kr_enrol_ask *ask, struct kr_writer *writer);
enum kr_err kr_enrol_ask_read(struct kr_slice bytes, struct kr_enrol_ask *ret_ask) KR_WARN_UNUSED;

/* Its result: array of 2: ticket (str), expires_s. */
struct kr_enrol_given {
    struct kr_slice ticket;
    uint64_t expires_s;
};
void kr_enrol_given_write(const struct kr_enrol_given *given, struct kr_writer *writer);
enum kr_err kr_enrol_given_read(struct kr_slice bytes, struct kr_enrol_given *ret_given) KR_WARN_UNUSED;

/* The result of KR_OP_ENROL, whose argument is array of 1 bin 32, the machine's X25519 public key: array of 3: person, its name,
 * whether that key was there already (flag). */
struct kr_enrol_done {
    uint8_t person[32];
    struct kr_slice name;
    bool was_there;
};
void kr_enrol_done_write(const struct kr_enrol_done *done, struct kr_writer *writer);
enum kr_err kr_enrol_done_read(struct kr_slice bytes, struct kr_enrol_done *ret_done) KR_WARN_UNUSED;

/* KR_OP_UNENROL: array of 2: person, key. Result: empty array, when nobody comes in by it any more. */
struct kr_unenrol {
    uint8_t person[32], key[32];
};
void kr_unenrol_write(const struct kr_unenrol *unenrol, struct kr_writer *writer);
enum kr_err kr_unenrol_read(struct kr_slice bytes, struct kr_unenrol *ret_unenrol) KR_WARN_UNUSED;

#endif
