/* Pure work on one record, for worker threads: everything that costs cryptography and needs neither the store nor the core.
 *
 * CHECK: split, verify, parse, open (where a slot is ours), parse the content, compute the terms. MAKE: seal, sign, compute the
 * terms. Both leave the record ready to be stored. PREVIEW: ask the guards about all that a submission has. Deterministic: same job
 * and keys, same result. The simulator runs the same function inline. */
#ifndef KR_NODE_CORE_JOB_H
#define KR_NODE_CORE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/keyring.h"
#include "node/core/event.h"
#include "node/core/guard.h"
#include "proto/client/client.h"
#include "proto/record/record.h"
#include "store/store.h"

enum kr_job_kind { KR_JOB_CHECK = 1, KR_JOB_MAKE = 2, KR_JOB_PREVIEW = 3 };

struct kr_job {
    enum kr_job_kind kind;
    /* Where it belongs; the core's, opaque to workers. */
    uint32_t number;          /* CHECK: link it came by */
    uint64_t session;         /* CHECK: that link's session, so that credit goes to the right one */
    uint8_t id[32];           /* CHECK: of the record, as it came */
    uint64_t client, request; /* MAKE, PREVIEW: who asked */
    struct kr_caller caller;  /* likewise, and for what */
    uint32_t op;
    uint8_t *asked; /* the arguments of the request, where it may have to wait for approval; owned */
    size_t asked_len;
    uint8_t token[16];
    bool is_bulk;
    uint8_t node_key[32]; /* MAKE: signs, where it is the one that comes next; else the node key does */
    uint8_t root_key[32]; /* MAKE: signs, of a statement; here or elsewhere */
    bool was_wanted;      /* CHECK: asked for, so exempt from quotas */
    bool is_walked;       /* CHECK: came while trees were walked */
    /* MAKE: the draft, all owned. */
    struct kr_draft draft;
    uint8_t author[32], seed[32];
    uint8_t (*audience)[32], (*recipients)[32];
    uint8_t community[32], subject[32], target_id[32];
    uint8_t *content; /* MAKE: as submitted; CHECK: as opened; freed with the job */
    size_t content_len;
    struct kr_guards *guards; /* MAKE, PREVIEW: held; NULL: the built-in ones */
    bool skips_guards;        /* MAKE: they were shown and overridden */
    uint8_t *reason;          /* and why; owned, stays at this council */
    size_t reason_len;
    /* Result. */
    enum kr_err err;
    uint8_t *bytes; /* the record; CHECK: given, MAKE: made. PREVIEW: the request (kr_submit) */
    size_t len;
    struct kr_record record; /* borrowed from bytes */
    struct kr_header header; /* likewise */
    bool is_open;            /* content is readable here */
    bool lacks_key;          /* it is not, and no slot names a sealing key of ours */
    bool is_unsigned;        /* MAKE: a statement, and the root key is elsewhere: not to be stored before it has signed */
    /* Retraction, revision whose content is readable: whether what it carries of its target holds, and that (in `content`). */
    enum kr_err target_err;
    struct kr_record target;
    struct kr_header target_header;
    uint32_t severity, indicator_count;
    uint8_t title[200];
    size_t title_len;
    uint32_t guarded_index; /* err KR_GUARDED: which indicator, and whose list (static storage) */
    const char *guarded_list;
    struct kr_preview *preview;  /* PREVIEW: what the guards hold back; whom it would reach is the core's to say */
    struct kr_term_entry *terms; /* arrival still 0 */
    size_t term_count;
    struct kr_prefixes prefixes; /* of the networks among them */
};

struct kr_job *kr_job_new(enum kr_job_kind kind); /* NULL: no memory */
void kr_job_free(struct kr_job *job);
/* Runs it; sets job->err. `keyring` is only read and may be shared by threads. */
void kr_job_run(struct kr_job *job, const struct kr_keyring *keyring);

#endif
