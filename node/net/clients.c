#include "node/net/clients.h"

#include <string.h>

#define KEY_CLIENTS_MAX (2u * KR_REMOTE_KEY_CLIENTS_MAX) /* keeper says why where there are half as many */

struct kr_net_client *kr_net_client_by_route(struct kr_net_clients *clients, const uint8_t route[static KR_ROUTE_BYTES])
{
    for (uint32_t i = 0; i < clients->count; i++) {
        if (memcmp(clients->items[i].route, route, KR_ROUTE_BYTES) == 0) {
            return &clients->items[i];
        }
    }
    return NULL;
}

struct kr_net_client *kr_net_client_by_number(struct kr_net_clients *clients, uint32_t number)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        if (clients->items[i].number == number && !clients->items[i].is_cut) {
            return &clients->items[i];
        }
    }
    return NULL;
}

struct kr_net_client *kr_net_client_add(struct kr_net_clients *clients, const uint8_t key[static 32],
                                        const uint8_t route[static KR_ROUTE_BYTES], const struct kr_connection *connection)
{
    uint32_t own = 0;
    for (uint32_t i = 0; i < clients->count; i++) {
        own += !clients->items[i].is_cut && memcmp(clients->items[i].key, key, 32) == 0;
    }
    if (own >= KEY_CLIENTS_MAX || clients->open == KR_REMOTE_CLIENTS_MAX ||
        clients->count == sizeof clients->items / sizeof clients->items[0]) {
        return NULL;
    }
    struct kr_net_client *client = &clients->items[clients->count++];
    *client = (struct kr_net_client){.number = ++clients->last, .connection = *connection};
    memcpy(client->key, key, 32);
    memcpy(client->route, route, KR_ROUTE_BYTES);
    clients->open++;
    return client;
}

bool kr_net_client_charge(struct kr_net_client *client, size_t len)
{
    if (len > KR_REMOTE_FRAME_BYTES_MAX || client->frames == KR_REMOTE_IN_HAND_MAX ||
        client->bytes + len > KR_REMOTE_IN_HAND_BYTES) {
        return false;
    }
    client->frames++;
    client->bytes += (uint32_t)len;
    return true;
}

void kr_net_client_taken(struct kr_net_client *client, uint64_t frames, uint64_t bytes)
{
    client->frames -= frames < client->frames ? (uint32_t)frames : client->frames;
    client->bytes -= bytes < client->bytes ? (uint32_t)bytes : client->bytes;
}

bool kr_net_client_cut(struct kr_net_clients *clients, struct kr_net_client *client)
{
    if (client->is_cut) {
        return false;
    }
    kr_connection_shut(&client->connection);
    client->is_cut = true;
    clients->open--;
    return true;
}

bool kr_net_client_sweep(struct kr_net_clients *clients, struct kr_net_client *ret_client)
{
    for (uint32_t i = 0; i < clients->count; i++) {
        struct kr_net_client *client = &clients->items[i];
        struct kr_connection now;
        if (!kr_connection_of(client->connection.fd, &now) || !kr_connection_is_same(&now, &client->connection)) {
            *ret_client = *client;
            clients->open -= !client->is_cut;
            *client = clients->items[--clients->count];
            return true;
        }
    }
    return false;
}
