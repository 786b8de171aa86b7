/* A submission on its way to the node, in as many records as it takes. No terminal and no files: the command line and the benches
 * share it.
 *
 *     items become known   0 ───── 4,096 ───── 8,192 ───── … ───── all     kr_sending_take, from the extraction
 *     shown to the guards     part 1 ▸ part 2 ▸ …              ▸ last      the same, and kr_sending_look for the rest
 *     stored                                                    ▸ 1 … last   kr_sending_send
 *
 * The node shows each part to its guards while the rest is extracted. It stores none before all have passed, so that whoever reads
 * "nothing was sent" can mend the list and send it again without half of it being there twice. */
#ifndef KR_TOOLS_KAIRAN_SEND_H
#define KR_TOOLS_KAIRAN_SEND_H

#include "proto/record/section.h"
#include "tools/client/client.h"
#include "tools/kairan/split.h"

#define KR_SENDING_GUARDED_MAX   64u
#define KR_SENDING_UNDER_WAY_MAX 32u

struct kr_sent {
    uint8_t token[16], id[32];
    bool is_done, is_known; /* durable; it was there before */
    bool waits;             /* it is a draft that waits for approval: `id` has KR_DRAFT_ID_BYTES */
    bool has_consent;       /* it went at once, under that standing consent, and is to be reviewed */
    uint8_t consent[32];
    bool is_held; /* a guard holds some of it back */
    bool revises; /* it is to stand instead of the record `target` */
    uint8_t target[32];
};

/* Requests of one sort, many at a time. */
struct kr_sending_pass {
    uint32_t next; /* part */
    struct kr_sending_request {
        uint64_t number;
        uint32_t part;
    } under_way[KR_SENDING_UNDER_WAY_MAX];
    uint32_t count;
    enum kr_err refusal; /* the first; what was not asked yet then never is */
    struct kr_error refusal_error;
};

/* For whom the content is sealed, where the label is for bodies or persons. */
struct kr_sealing {
    uint8_t author[32]; /* the own council */
    const struct kr_addressed *addressed;
    uint32_t count;
    const uint8_t *own; /* key of whoever submits; NULL: none */
};

/* Set conn, request, plan and, where wanted, progress and sealing; all else zero. */
struct kr_sending {
    struct kr_conn *conn;     /* borrowed; may be another one at each call of kr_sending_send */
    struct kr_submit request; /* all but token and body */
    struct kr_slice revises;  /* the id of the record that it is to stand instead of (one part only); empty: none */
    struct kr_plan plan;
    const struct kr_sealing
        *sealing; /* NULL: the node gets the content. Else sections; and guards are asked about the bare values */
    void (*progress)(void *context, uint32_t done, uint32_t parts); /* after each part that is durable */
    void *context;
    /* Tokens are made from what is sent, so that the same content twice is one record; else they are random. */
    bool has_content_tokens;
    /* Values that a guard holds back are left out, each told, and the rest goes; else the first is a refusal. Not with plan.dropped
     * set. */
    bool drops_guarded;
    void (*on_guarded)(void *context, size_t item, const char *list);

    struct kr_parts parts;
    struct kr_sent *sent; /* one for each part, from kr_sending_prepare on */
    struct kr_sending_pass looking, pushing;
    const struct kr_conn *pushed; /* over which `pushing` goes */
    uint8_t *dropped;             /* of each item, whether a guard held it back; own */
    struct kr_preview *preview;   /* of the first part: who would get it */
    uint8_t *preview_bytes;       /* its texts */
    uint64_t guarded_total;
    struct {
        size_t item; /* of the plan */
        char list[64];
    } guarded[KR_SENDING_GUARDED_MAX];
};
void kr_sending_deinit(struct kr_sending *sending);

/* The items that are known by now; splits. */
enum kr_err kr_sending_take(struct kr_sending *sending, const struct kr_found *items, size_t count) KR_WARN_UNUSED;
/* Shows parts to the guards: those that are whole by now, without waiting for anything, or (`is_all`) all to the last, waiting for
 * the answers. Then preview and guarded are known. Fails as the node refuses or the connection does. */
enum kr_err kr_sending_look(struct kr_sending *sending, bool is_all, struct kr_error *error) KR_WARN_UNUSED;
/* All items are known. Then `sent` is there for the caller to set is_done (of parts that need not go) and revises. */
enum kr_err kr_sending_prepare(struct kr_sending *sending) KR_WARN_UNUSED;
/* Finds out everything in a part that a guard holds back, tells it and drops it (drops_guarded). Nothing else may be under way on
 * the connection. */
enum kr_err kr_sending_hold_back(struct kr_sending *sending, uint32_t part, struct kr_error *error) KR_WARN_UNUSED;
/* The bytes of a part as it is sent. The writer is to be initialised with KR_BODY_BYTES_MAX. */
enum kr_err kr_sending_body(const struct kr_sending *sending, uint32_t part, struct kr_writer *writer) KR_WARN_UNUSED;
/* How many indicators of a part go. */
uint32_t kr_sending_indicators(const struct kr_sending *sending, uint32_t part);
/* Sends as much as can be sent without waiting, and takes the answers that are there. To be ended by kr_sending_send. */
enum kr_err kr_sending_push(struct kr_sending *sending, struct kr_error *error) KR_WARN_UNUSED;
/* Sends all parts that are not durable yet and waits for them. After KR_CLOSED, KR_IO or KR_TIMEOUT it may be called again with a
 * new connection: the tokens are the same, so that nothing is stored twice. */
enum kr_err kr_sending_send(struct kr_sending *sending, struct kr_error *error) KR_WARN_UNUSED;
uint32_t kr_sending_done(const struct kr_sending *sending);

#endif
