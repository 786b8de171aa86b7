#include "node/net/meter.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Bytes that it has brought so far; 0 for what is no TCP connection. */
static uint64_t received(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    const socklen_t needed = offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received;
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && len >= needed ? info.tcpi_bytes_received : 0;
}

void kr_meter_heard(struct kr_meter *meter, int fd)
{
    if (fd >= 0 && (uint32_t)fd < KR_METER_DESCRIPTORS_MAX) {
        meter->since[fd] = received(fd);
    }
}

/* Those that have brought most, until the others' sum fits. Returns how many were cut. */
static uint32_t cut_largest(struct kr_meter *meter, uint32_t count, uint64_t sum, uint64_t bytes_max)
{
    uint32_t cut = 0;
    while (sum > bytes_max) {
        uint32_t largest = 0;
        for (uint32_t fd = 1; fd < count; fd++) {
            largest = meter->unheard[fd] > meter->unheard[largest] ? fd : largest;
        }
        cut += shutdown((int)largest, SHUT_RDWR) == 0;
        sum -= meter->unheard[largest];
        meter->unheard[largest] = 0;
    }
    return cut;
}

uint32_t kr_meter_look(struct kr_meter *meter, uint32_t count, uint64_t bytes_max, uint64_t all_bytes_max, uint32_t *ret_again_ms)
{
    uint32_t cut = 0;
    uint64_t sum = 0;
    count = count < KR_METER_DESCRIPTORS_MAX ? count : KR_METER_DESCRIPTORS_MAX;
    for (uint32_t fd = 0; fd < count; fd++) {
        meter->open[fd] = (struct pollfd){.fd = (int)fd};
    }
    *ret_again_ms = KR_METER_MS;
    if (poll(meter->open, count, 0) < 0) {
        return 0;
    }
    for (uint32_t fd = 0; fd < count; fd++) {
        const uint64_t now = (meter->open[fd].revents & POLLNVAL) == 0 ? received((int)fd) : 0;
        if (now < meter->since[fd]) { /* the number is another connection's now */
            meter->since[fd] = 0;
        }
        const uint64_t unheard = now - meter->since[fd];
        const bool is_over = unheard > bytes_max;
        if (is_over) {
            cut += shutdown((int)fd, SHUT_RDWR) == 0;
        }
        meter->unheard[fd] = is_over ? 0 : unheard;
        sum += meter->unheard[fd];
        if (meter->unheard[fd] > bytes_max / 4 || sum > all_bytes_max / 4) {
            *ret_again_ms = KR_METER_BUSY_MS;
        }
    }
    return cut + cut_largest(meter, count, sum, all_bytes_max);
}
