#include "node/net/meter.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

union address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

bool kr_connection_of(int fd, struct kr_connection *ret)
{
    union address address = {0};
    socklen_t len = sizeof address;
    memset(ret, 0, sizeof *ret);
    if (fd < 0 || getpeername(fd, &address.any, &len) != 0) {
        return false;
    }
    if (address.any.sa_family == AF_INET6) {
        memcpy(ret->address, &address.ipv6.sin6_addr, sizeof ret->address);
        ret->port = ntohs(address.ipv6.sin6_port);
    } else if (address.any.sa_family == AF_INET) {
        memcpy(ret->address, mapped, sizeof mapped);
        memcpy(ret->address + sizeof mapped, &address.ipv4.sin_addr, 4);
        ret->port = ntohs(address.ipv4.sin_port);
    }
    ret->fd = fd;
    return ret->port != 0;
}

bool kr_connection_is_same(const struct kr_connection *a, const struct kr_connection *b)
{
    return a->fd == b->fd && a->port == b->port && memcmp(a->address, b->address, sizeof a->address) == 0;
}

void kr_connection_shut(const struct kr_connection *connection)
{
    struct kr_connection now;
    if (connection->port != 0 && kr_connection_of(connection->fd, &now) && kr_connection_is_same(&now, connection)) {
        (void)shutdown(connection->fd, SHUT_RDWR);
    }
}

/* Bytes that it has brought so far; 0 for what is no TCP connection. */
static uint64_t received(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    const socklen_t needed = offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && len >= needed ? info.tcpi_bytes_received : 0;
}

static uint16_t own_port(int fd)
{
    union address address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.ipv6.sin6_port : address.ipv4.sin_port);
}

/* What is known of the connection that has this number now; NULL where none has. */
static struct kr_metered *metered_of(struct kr_meter *meter, int fd)
{
    struct kr_metered *metered = &meter->metered[fd];
    struct kr_connection now;
    if (!kr_connection_of(fd, &now)) {
        memset(metered, 0, sizeof *metered);
        return NULL;
    }
    if (!kr_connection_is_same(&now, &metered->connection)) {
        *metered = (struct kr_metered){.connection = now, .born = meter->looks, .own_port = own_port(fd)};
    }
    return metered;
}

void kr_meter_heard(struct kr_meter *meter, int fd)
{
    struct kr_metered *metered = fd >= 0 && (uint32_t)fd < KR_METER_DESCRIPTORS_MAX ? metered_of(meter, fd) : NULL;
    if (metered != NULL) {
        metered->is_heard = true;
        metered->since = received(fd);
    }
}

/* ZeroMQ sees the end of it and gives the number back. */
static uint32_t cut(struct kr_metered *metered)
{
    metered->is_cut = true;
    metered->unheard = 0;
    return shutdown(metered->connection.fd, SHUT_RDWR) == 0;
}

/* Those that have brought most, until the others' sum fits. Returns how many were cut. */
static uint32_t cut_largest(struct kr_meter *meter, uint32_t count, uint64_t sum, uint64_t bytes_max)
{
    uint32_t number = 0;
    while (sum > bytes_max) {
        uint32_t largest = 0;
        for (uint32_t fd = 1; fd < count; fd++) {
            largest = meter->metered[fd].unheard > meter->metered[largest].unheard ? fd : largest;
        }
        sum -= meter->metered[largest].unheard;
        number += cut(&meter->metered[largest]);
    }
    return number;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* By source, the newest first. */
static int by_source(const void *left, const void *right)
{
    const struct kr_stranger *a = left, *b = right;
    const int order = memcmp(a->source, b->source, sizeof a->source);
    return order != 0 ? order : a->born != b->born ? compare(b->born, a->born) : compare(a->fd, b->fd);
}

/* Who goes first comes first. */
static int by_turn(const void *left, const void *right)
{
    const struct kr_stranger *a = left, *b = right;
    return a->rank != b->rank ? compare(b->rank, a->rank) : a->born != b->born ? compare(a->born, b->born) : compare(a->fd, b->fd);
}

static void cut_strangers(struct kr_meter *meter, uint32_t count, uint32_t max, struct kr_meter_found *found)
{
    struct kr_stranger *strangers = meter->strangers;
    qsort(strangers, count, sizeof *strangers, by_source);
    for (uint32_t i = 1; i < count; i++) {
        const bool goes_on = memcmp(strangers[i].source, strangers[i - 1].source, sizeof strangers[i].source) == 0;
        strangers[i].rank = goes_on ? strangers[i - 1].rank + 1 : 0;
    }
    qsort(strangers, count, sizeof *strangers, by_turn);
    for (uint32_t i = 0; i < count - max; i++) {
        found->stranger = meter->metered[strangers[i].fd].connection;
        found->strangers += cut(&meter->metered[strangers[i].fd]);
    }
}

static void note_stranger(struct kr_meter *meter, const struct kr_metered *metered, uint32_t at)
{
    const uint8_t *address = metered->connection.address;
    struct kr_stranger *stranger = &meter->strangers[at];
    *stranger = (struct kr_stranger){.born = metered->born, .fd = (uint32_t)metered->connection.fd};
    memcpy(stranger->source, address, memcmp(address, mapped, sizeof mapped) == 0 ? 16 : 8);
}

struct kr_meter_found kr_meter_look(struct kr_meter *meter, const struct kr_meter_bounds *bounds)
{
    struct kr_meter_found found = {.again_ms = KR_METER_MS};
    const uint32_t count = bounds->descriptors < KR_METER_DESCRIPTORS_MAX ? bounds->descriptors : KR_METER_DESCRIPTORS_MAX;
    uint64_t sum = 0;
    uint32_t strangers = 0;
    for (uint32_t fd = 0; fd < count; fd++) {
        meter->open[fd] = (struct pollfd){.fd = (int)fd};
    }
    if (poll(meter->open, count, 0) < 0) {
        return found;
    }
    meter->looks++;
    for (uint32_t fd = 0; fd < count; fd++) {
        struct kr_metered *metered = (meter->open[fd].revents & POLLNVAL) == 0 ? metered_of(meter, (int)fd) : NULL;
        if (metered == NULL || metered->is_cut) {
            meter->metered[fd].unheard = 0;
            continue;
        }
        const uint64_t now = received((int)fd);
        metered->since = now < metered->since ? 0 : metered->since; /* the other end has the same port again */
        metered->unheard = now - metered->since;
        if (metered->unheard > bounds->bytes_max) {
            found.unended += cut(metered);
        } else if (metered->own_port == bounds->port && !metered->is_heard) {
            note_stranger(meter, metered, strangers++);
        }
        sum += metered->unheard;
        if (metered->unheard > bounds->bytes_max / 4 || sum > bounds->all_bytes_max / 4) {
            found.again_ms = KR_METER_BUSY_MS;
        }
    }
    found.unended += cut_largest(meter, count, sum, bounds->all_bytes_max);
    if (strangers > bounds->strangers_max / 2) {
        found.again_ms = KR_METER_BUSY_MS;
    }
    if (strangers > bounds->strangers_max) {
        cut_strangers(meter, strangers, bounds->strangers_max, &found);
    }
    return found;
}
