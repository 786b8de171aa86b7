#include "node/keeper/client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

struct kr_request *kr_client_find(const struct kr_client *client, uint64_t number)
{
    for (uint32_t i = 0; i < client->request_count; i++) {
        if (client->requests[i]->number == number) {
            return client->requests[i];
        }
    }
    return NULL;
}

enum kr_err kr_client_add(struct kr_client *client, uint64_t number, uint32_t op, uint32_t credits, bool is_query,
                          struct kr_request **ret_request)
{
    bool is_submit = op == KR_OP_SUBMIT;
    uint32_t others = client->request_count - client->submit_count;
    if (is_submit ? client->submit_count >= KR_CLIENT_SUBMITS_MAX : others >= KR_CLIENT_OTHERS_MAX) {
        return KR_BUSY;
    }
    struct kr_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        return KR_NOMEM;
    }
    request->number = number;
    request->op = op;
    request->credits = credits < KR_CLIENT_CREDITS_MAX ? credits : KR_CLIENT_CREDITS_MAX;
    request->is_query = is_query;
    client->requests[client->request_count++] = request;
    client->submit_count += is_submit;
    *ret_request = request;
    return KR_OK;
}

static void free_page(struct kr_request *request)
{
    if (request->page != NULL) {
        free(request->page->bytes);
        free(request->page);
        request->page = NULL;
    }
}

size_t kr_client_remove(struct kr_client *client, struct kr_request *request)
{
    size_t charged = request->charged;
    for (uint32_t i = 0; i < client->request_count; i++) {
        if (client->requests[i] == request) {
            client->requests[i] = client->requests[--client->request_count];
            client->submit_count -= request->op == KR_OP_SUBMIT;
            break;
        }
    }
    if (request->is_query) {
        kr_query_deinit(&request->query);
    }
    free_page(request);
    free(request->result);
    free(request);
    return charged;
}

/* ---- saying ---- */

static _Thread_local struct kr_client_frame frame; /* slices for a whole page: not on the stack */

static void cut_off(struct kr_client *client)
{
    client->is_broken = true;
    (void)shutdown(client->fd, SHUT_RDWR); /* so that its reader wakes and closes it */
}

/* Edge-triggered. For writing only while something waits: each time that the client has read, the reader would be woken for
 * nothing.
 */
enum kr_err kr_client_watch(struct kr_client *client, bool is_first)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u64 = client->id};
    client->waits_out = is_first || client->out.len > 0; /* the first time, so that the reader hears of who says nothing */
    event.events |= client->waits_out ? EPOLLOUT : 0u;
    return epoll_ctl(client->epoll_fd, is_first ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, client->fd, &event) == 0 ? KR_OK : KR_SYSTEM;
}

void kr_client_flush(struct kr_client *client)
{
    client->is_corked = false;
    if (client->is_broken) {
        return;
    }
    enum kr_err err = kr_outbuf_flush(&client->out, client->fd);
    if (err == KR_OK && client->epoll_fd >= 0 && client->waits_out != (client->out.len > 0)) {
        err = kr_client_watch(client, false);
    }
    if (err != KR_OK) {
        cut_off(client);
    }
}

void kr_client_say(struct kr_client *client, const struct kr_client_frame *what)
{
    if (client->is_broken) {
        return;
    }
    struct kr_writer writer;
    kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(what, false, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_outbuf_add_frame(&client->out, writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    if (err != KR_OK) {
        cut_off(client);
    } else if (!client->is_corked) {
        kr_client_flush(client);
    }
}

void kr_client_say_error(struct kr_client *client, uint64_t number, enum kr_err code, const char *text)
{
    size_t len = strnlen(text, KR_NOTE_BYTES_MAX);
    frame.type = KR_CLIENT_ERROR;
    frame.number = number;
    frame.code = code;
    frame.text = (struct kr_slice){(const uint8_t *)text, kr_utf8_whole((const uint8_t *)text, len)};
    kr_client_say(client, &frame);
}

/* ---- pages ---- */

enum kr_err kr_page_add(struct kr_page **page, struct kr_slice item)
{
    if (*page == NULL) {
        *page = malloc(sizeof **page);
        if (*page == NULL) {
            return KR_NOMEM;
        }
        (*page)->bytes = NULL;
        (*page)->len = (*page)->capacity = 0;
        (*page)->count = 0;
    }
    struct kr_page *to = *page;
    if (to->count == KR_PAGE_ITEMS_MAX || to->len + item.len > KR_CLIENT_HELD_MAX) {
        return KR_BOUNDS;
    }
    if (to->len + item.len > to->capacity) {
        size_t capacity = to->capacity * 2 > to->len + item.len ? to->capacity * 2 : to->len + item.len;
        uint8_t *bytes = realloc(to->bytes, capacity);
        if (bytes == NULL) {
            return KR_NOMEM;
        }
        to->bytes = bytes;
        to->capacity = capacity;
    }
    if (item.len > 0) {
        memcpy(to->bytes + to->len, item.bytes, item.len);
    }
    to->len += item.len;
    to->ends[to->count++] = (uint32_t)to->len;
    return KR_OK;
}

void kr_client_say_page(struct kr_client *client, struct kr_request *request)
{
    struct kr_page *page = request->page;
    if (page == NULL) {
        return;
    }
    frame.type = KR_CLIENT_PAGE;
    frame.number = request->number;
    frame.item_count = page->count;
    uint32_t from = 0;
    for (uint32_t i = 0; i < page->count; i++) {
        frame.items[i] = (struct kr_slice){page->bytes + from, page->ends[i] - from};
        from = page->ends[i];
    }
    kr_client_say(client, &frame);
    request->credits--;
    free_page(request);
}

void kr_client_flush_page(struct kr_client *client, struct kr_request *request)
{
    if (request->page != NULL && request->credits > 0) {
        kr_client_say_page(client, request);
    }
}

static void say_end(struct kr_client *client, const struct kr_request *request, enum kr_err code, struct kr_slice result)
{
    frame.type = code == KR_OK ? KR_CLIENT_END : KR_CLIENT_ERROR;
    frame.number = request->number;
    frame.code = code;
    frame.payload = result;
    frame.text = (struct kr_slice){result.bytes, kr_utf8_whole(result.bytes, result.len)};
    kr_client_say(client, &frame);
}

bool kr_client_end(struct kr_client *client, struct kr_request *request, enum kr_err code, struct kr_slice result,
                   size_t *ret_charged)
{
    if (code != KR_OK && result.len > KR_NOTE_BYTES_MAX) {
        result.len = KR_NOTE_BYTES_MAX;
    }
    kr_client_flush_page(client, request);
    if (request->page == NULL) {
        say_end(client, request, code, result);
        *ret_charged = kr_client_remove(client, request);
        return true;
    }
    request->result = malloc(result.len > 0 ? result.len : 1);
    if (request->result == NULL) {
        cut_off(client);
        return false;
    }
    if (result.len > 0) {
        memcpy(request->result, result.bytes, result.len);
    }
    request->result_len = result.len;
    request->code = code;
    request->is_ended = true;
    return false;
}

bool kr_client_credit(struct kr_client *client, struct kr_request *request, uint32_t more, size_t *ret_charged)
{
    int64_t credits = request->credits + more;
    request->credits = credits < KR_CLIENT_CREDITS_MAX ? credits : KR_CLIENT_CREDITS_MAX;
    if (request->is_query) {
        return false; /* its reader goes on with it */
    }
    kr_client_flush_page(client, request);
    if (!request->is_ended || request->page != NULL) {
        return false;
    }
    say_end(client, request, (enum kr_err)request->code, (struct kr_slice){request->result, request->result_len});
    *ret_charged = kr_client_remove(client, request);
    return true;
}
