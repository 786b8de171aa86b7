/* A node whose net process is in a stranger's hands: keeper is the real one, net sits between it and a real net and lies both ways.
 *
 *     lying_kairand --state DIR
 *
 * Everything that net gets to see of frames is written to DIR/frames; while DIR/lie exists, it drops frames, flips bits, says that
 * they came from another peer, repeats old ones (also in another's name), and makes some up; DIR/lies grows by a byte each time. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/keeper/keeper.h"
#include "node/keeper/spawn.h"
#include "node/net/channel.h"
#include "node/net/net.h"

#define OLD_FRAMES  32u
#define NUMBERS_MAX 8u
#define ROOM_BYTES  (4u * KR_MIB) /* for one frame and what is made of it */

struct old {
    uint32_t number;
    size_t len;
    uint8_t *bytes;
};

struct liar {
    struct kr_channel *keeper, *net;
    int frames, lies;
    uint32_t numbers[NUMBERS_MAX], number_count;
    struct old olds[2][OLD_FRAMES]; /* by direction */
    uint64_t count, random;
    struct kr_net_message in, out; /* large: not on the stack */
};

static uint64_t next_random(struct liar *liar)
{
    liar->random ^= liar->random << 13;
    liar->random ^= liar->random >> 7;
    liar->random ^= liar->random << 17;
    return liar->random;
}

static bool put(int fd, const void *bytes, size_t len)
{
    return write(fd, bytes, len) == (ssize_t)len;
}

static uint32_t another(struct liar *liar, uint32_t number)
{
    for (uint32_t i = 0; i < liar->number_count; i++) {
        if (liar->numbers[i] != number) {
            return liar->numbers[i];
        }
    }
    return number + 1;
}

static void remember(struct liar *liar, uint32_t number, bool to_keeper, struct kr_slice frame)
{
    struct old *old = &liar->olds[to_keeper][next_random(liar) % OLD_FRAMES];
    bool is_known = false;
    for (uint32_t i = 0; i < liar->number_count; i++) {
        is_known = is_known || liar->numbers[i] == number;
    }
    if (!is_known && liar->number_count < NUMBERS_MAX) {
        liar->numbers[liar->number_count++] = number;
    }
    free(old->bytes);
    old->bytes = malloc(frame.len);
    old->len = old->bytes == NULL ? 0 : frame.len;
    old->number = number;
    if (old->bytes != NULL) {
        memcpy(old->bytes, frame.bytes, frame.len);
    }
}

static enum kr_err send_frame(struct liar *liar, struct kr_channel *to, uint32_t number, const uint8_t *bytes, size_t len)
{
    liar->out = (struct kr_net_message){.type = KR_NET_FRAME, .number = number, .frame = {bytes, len}};
    return len == 0 ? KR_OK : kr_channel_send(to, &liar->out);
}

static enum kr_err lie(struct liar *liar, struct kr_channel *to, uint32_t number, struct kr_slice frame)
{
    bool to_keeper = to == liar->keeper;
    const struct old *old = &liar->olds[to_keeper][next_random(liar) % OLD_FRAMES];
    uint8_t *bytes = malloc(frame.len);
    if (bytes == NULL) {
        return KR_NOMEM;
    }
    memcpy(bytes, frame.bytes, frame.len);
    enum kr_err err = KR_OK;
    switch (liar->count++ % 7) {
    case 0:
        err = send_frame(liar, to, number, bytes, frame.len);
        break;
    case 1:
        bytes[next_random(liar) % frame.len] ^= (uint8_t)(1u << next_random(liar) % 8);
        err = send_frame(liar, to, number, bytes, frame.len);
        break;
    case 2:
        err = send_frame(liar, to, another(liar, number), bytes, frame.len);
        break;
    case 3:
        err = send_frame(liar, to, number, bytes, frame.len);
        err = err == KR_OK ? send_frame(liar, to, number, bytes, frame.len) : err;
        err = err == KR_OK ? send_frame(liar, to, old->number, old->bytes, old->len) : err;
        break;
    case 4:
        err = send_frame(liar, to, another(liar, old->number), old->bytes, old->len);
        break;
    case 5: /* made up behind a believable head */
        for (size_t i = frame.len < 20 ? 1 : 20; i < frame.len; i++) {
            bytes[i] = (uint8_t)next_random(liar);
        }
        err = send_frame(liar, to, number, bytes, frame.len);
        break;
    default: /* dropped */
        break;
    }
    free(bytes);
    return err == KR_OK && !put(liar->lies, "x", 1) ? KR_IO : err;
}

static enum kr_err carry(struct liar *liar, struct kr_channel *from, struct kr_channel *to)
{
    while (kr_channel_window_left(to, KR_LANE_DATA) >= ROOM_BYTES) {
        enum kr_err err = kr_channel_receive(from, &liar->in);
        if (err != KR_OK) {
            return err == KR_NOT_FOUND ? KR_OK : err;
        }
        if (liar->in.type != KR_NET_FRAME) {
            err = kr_channel_send(to, &liar->in);
        } else {
            struct kr_slice frame = liar->in.frame;
            uint32_t number = liar->in.number;
            err = put(liar->frames, frame.bytes, frame.len) ? KR_OK : KR_IO;
            remember(liar, number, to == liar->keeper, frame);
            if (err == KR_OK) {
                err =
                    access("lie", F_OK) == 0 ? lie(liar, to, number, frame) : send_frame(liar, to, number, frame.bytes, frame.len);
            }
            err = err == KR_OK ? kr_channel_dealt(from, KR_LANE_DATA, 1, frame.len) : err;
        }
        if (err != KR_OK) {
            return err;
        }
    }
    return KR_OK;
}

static enum kr_err turn(struct liar *liar)
{
    enum kr_err err = kr_channel_pump(liar->keeper);
    err = err == KR_OK ? kr_channel_pump(liar->net) : err;
    err = err == KR_OK ? carry(liar, liar->keeper, liar->net) : err;
    err = err == KR_OK ? carry(liar, liar->net, liar->keeper) : err;
    err = err == KR_OK ? kr_channel_pump(liar->keeper) : err;
    err = err == KR_OK ? kr_channel_pump(liar->net) : err;
    struct kr_channel *const channels[] = {liar->keeper, liar->net};
    struct pollfd pollers[2];
    bool may_wait = true;
    for (unsigned i = 0; i < 2; i++) {
        pollers[i] = (struct pollfd){.fd = kr_channel_fd(channels[i]), .events = POLLIN};
        pollers[i].events |= kr_channel_wants_write(channels[i]) ? POLLOUT : 0;
        may_wait = may_wait &&
                   !(kr_channel_has_message(channels[i]) && kr_channel_window_left(channels[1 - i], KR_LANE_DATA) >= ROOM_BYTES);
    }
    if (err == KR_OK && may_wait && poll(pollers, 2, -1) < 0) {
        return KR_SYSTEM;
    }
    return err;
}

static int run_liar(int fd)
{
    static struct liar liar = {.random = 88172645463325252u};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return 1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(fd);
        (void)close(pair[0]);
        _exit(kr_net_main(pair[1]));
    }
    (void)close(pair[1]);
    liar.frames = open("frames", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    liar.lies = open("lies", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    enum kr_err err = pid < 0 || liar.frames < 0 || liar.lies < 0 ? KR_SYSTEM : kr_channel_new(fd, &liar.keeper);
    err = err == KR_OK ? kr_channel_new(pair[0], &liar.net) : err;
    while (err == KR_OK) {
        err = turn(&liar);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct kr_place place;
    const struct kr_passphrase_source source = {.fd = -1};
    struct kr_error error = {0};
    if (argc == 2 && strcmp(argv[1], "--net") == 0) {
        return run_liar(KR_SPAWN_FD);
    }
    if (argc != 3 || strcmp(argv[1], "--state") != 0 || chdir(argv[2]) != 0 ||
        kr_place_init(&place, argv[2], NULL, &error) != KR_OK) {
        (void)fprintf(stderr, "Usage: lying_kairand --state DIR\n");
        return 2;
    }
    return kr_keeper_run(&place, &source);
}
