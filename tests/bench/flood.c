#include "flood.h"

#include <stdlib.h>

#include "indicators.h"

#define UNDER_WAY 64u /* a connection */

void flood_open(struct flood *flood, const struct node *node, uint32_t count, uint64_t base, const uint8_t *audience,
                uint32_t body_bytes)
{
    flood->sent = flood->ended = 0;
    flood->count = count;
    flood->body_bytes = body_bytes;
    flood->base = base;
    flood->audience = audience;
    for (uint32_t i = 0; i < FLOOD_CONNS; i++) {
        conn_open(&flood->conns[i], node->socket);
    }
}

void flood_close(struct flood *flood)
{
    for (uint32_t i = 0; i < FLOOD_CONNS; i++) {
        conn_close(&flood->conns[i]);
    }
}

static void send_one(struct flood *flood, struct conn *conn)
{
    static struct kr_submit submit;
    report_one(&submit, flood->base + flood->sent, flood->audience, flood->body_bytes);
    conn_submit(conn, 10 + flood->sent, &submit);
    free((void *)(uintptr_t)submit.body.bytes);
    flood->sent++;
}

void flood_run(struct flood *flood)
{
    struct conn *conns[FLOOD_CONNS];
    for (uint32_t i = 0; i < FLOOD_CONNS; i++) {
        conns[i] = &flood->conns[i];
        for (uint32_t j = 0; j < UNDER_WAY && flood->sent < flood->count; j++) {
            send_one(flood, conns[i]);
        }
    }
    while (flood->ended < flood->count) {
        bool any = false;
        for (uint32_t i = 0; i < FLOOD_CONNS; i++) {
            while (conn_try(conns[i])) {
                any = true;
                flood->ended += conns[i]->frame.type == KR_CLIENT_END;
                if (flood->sent < flood->count) {
                    send_one(flood, conns[i]);
                }
            }
        }
        if (!any) {
            conn_wait(conns, FLOOD_CONNS);
        }
    }
}
