/* Finding the node and greeting it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/client/conn.h"

static enum kr_err greet(struct kr_conn *conn, const char *program, const char *language, struct kr_error *error)
{
    conn->outgoing = (struct kr_client_frame){.type = KR_CLIENT_HELLO,
                                              .version = KR_CLIENT_VERSION,
                                              .text = {(const uint8_t *)program, strlen(program)},
                                              .text2 = {(const uint8_t *)language, strlen(language)}};
    enum kr_err err = kr_conn_queue(conn, error);
    if (err == KR_OK) {
        err = kr_conn_next(conn, kr_stream_deadline(KR_CONN_HELLO_MS), error);
    }
    if (err != KR_OK) {
        return err;
    }
    if (conn->frame.type == KR_CLIENT_ERROR) {
        return kr_conn_frame_error(&conn->frame, error);
    }
    if (conn->frame.type != KR_CLIENT_HELLO) {
        return kr_fail(error, KR_MALFORMED, "what answers is no Kairan node: it did not greet");
    }
    if (conn->frame.version != KR_CLIENT_VERSION) {
        return kr_fail(error, KR_VERSION,
                       "the node speaks version %u of the client protocol, this program version %u: update the older",
                       conn->frame.version, KR_CLIENT_VERSION);
    }
    memcpy(conn->council, conn->frame.council, sizeof conn->council);
    if (!kr_slice_text(conn->frame.text, conn->name, sizeof conn->name)) {
        return kr_fail(error, KR_MALFORMED, "the node's name cannot be read");
    }
    kr_stream_give_back(&conn->stream);
    return KR_OK;
}

/* `afar` becomes the connection's own, as `fd` does. */
static enum kr_err adopt(int fd, struct kr_afar *afar, const char *program, const char *language, struct kr_conn **ret_conn,
                         struct kr_error *error)
{
    struct kr_conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL) {
        (void)close(fd);
        kr_afar_free(afar);
        return kr_fail(error, KR_NOMEM, "no memory for a connection");
    }
    conn->stream.fd = fd;
    conn->stream.is_afar = afar != NULL;
    conn->afar = afar;
    conn->next_number = 1; /* 0 is the connection itself */
    conn->requests = calloc(KR_CONN_REQUESTS_MAX, sizeof *conn->requests);
    enum kr_err err = conn->requests == NULL ? kr_fail(error, KR_NOMEM, "no memory for a connection") : KR_OK;
    if (err == KR_OK) {
        err = greet(conn, program, language, error);
    }
    if (err != KR_OK) {
        kr_conn_free(conn);
        return err;
    }
    *ret_conn = conn;
    return KR_OK;
}

enum kr_err kr_conn_adopt(int fd, const char *program, const char *language, struct kr_conn **ret_conn, struct kr_error *error)
{
    return adopt(fd, NULL, program, language, ret_conn, error);
}

enum kr_err kr_conn_open_afar(const struct kr_afar_target *target, const char *program, const char *language,
                              struct kr_conn **ret_conn, struct kr_afar_told *ret_told, struct kr_error *error)
{
    struct kr_afar *afar = NULL;
    struct kr_afar_told told;
    int fd = -1;
    enum kr_err err = kr_afar_connect(target, &afar, &fd, &told, error);
    if (err == KR_OK) {
        err = adopt(fd, afar, program, language, ret_conn, error);
        if (err == KR_OK) {
            *ret_told = told;
        } else {
            free(told.card);
        }
    }
    return err;
}

static enum kr_err explain_connect(const char *path, int reason, struct kr_error *error)
{
    switch (reason) {
    case ENOENT:
        return kr_fail(
            error, KR_NOT_FOUND,
            "no node runs here: there is no %.200s. Start it with \"kairand\" (a new one: \"kairan init\" first), or name "
            "its state directory with --state",
            path);
    case ECONNREFUSED:
        return kr_fail(error, KR_NOT_FOUND, "the node behind %.200s has stopped: start it again with \"kairand\"", path);
    case EACCES:
    case EPERM:
        return kr_fail(error, KR_DENIED, "%.200s belongs to another user: run this as the user that runs the node", path);
    default:
        return kr_fail(error, KR_IO, "cannot connect to %.200s: %s", path, strerror(reason));
    }
}

enum kr_err kr_conn_open(const char *path, const char *program, const char *language, struct kr_conn **ret_conn,
                         struct kr_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof address.sun_path) {
        return kr_fail(error, KR_BOUNDS, "the path of the socket is too long (at most %zu bytes)", sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return kr_fail(error, KR_SYSTEM, "cannot make a socket: %s", strerror(errno));
    }
    int done;
    do { /* a local stream connects at once, or fails with EAGAIN where the queue of its listener is full */
        done = connect(fd, (const struct sockaddr *)&address, sizeof address);
    } while (done != 0 && errno == EINTR);
    if (done != 0) {
        int reason = errno;
        (void)close(fd);
        return reason == EAGAIN ? kr_fail(error, KR_BUSY, "the node has too many clients just now: try again")
                                : explain_connect(path, reason, error);
    }
    return kr_conn_adopt(fd, program, language, ret_conn, error);
}

void kr_conn_free(struct kr_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    kr_stream_deinit(&conn->stream);
    kr_afar_free(conn->afar);
    free(conn->requests);
    free(conn);
}
