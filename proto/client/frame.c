#include <string.h>

#include "proto/client/client.h"

#define PROGRAM_BYTES_MAX KR_NAME_BYTES_MAX
#define DETAIL_BYTES_MAX  KR_NOTE_BYTES_MAX

/* Elements of each frame, its type included. */
static uint32_t field_count(uint32_t type)
{
    switch (type) {
    case KR_CLIENT_HELLO:
    case KR_CLIENT_ERROR:
        return 4;
    case KR_CLIENT_REQUEST:
        return 5;
    case KR_CLIENT_CANCEL:
        return 2;
    default: /* credit, page, end */
        return 3;
    }
}

static bool is_for(uint32_t type, bool from_client)
{
    switch (type) {
    case KR_CLIENT_HELLO:
        return true;
    case KR_CLIENT_REQUEST:
    case KR_CLIENT_CREDIT:
    case KR_CLIENT_CANCEL:
        return from_client;
    case KR_CLIENT_PAGE:
    case KR_CLIENT_END:
    case KR_CLIENT_ERROR:
        return !from_client;
    default:
        return false;
    }
}

void kr_client_frame_write(const struct kr_client_frame *frame, bool from_client, struct kr_writer *writer)
{
    KR_ASSERT(is_for(frame->type, from_client));
    kr_writer_array(writer, field_count(frame->type));
    kr_writer_uint(writer, frame->type);
    if (frame->type == KR_CLIENT_HELLO) {
        kr_writer_uint(writer, frame->version);
        if (from_client) {
            kr_writer_str_slice(writer, frame->text);
            kr_writer_str_slice(writer, frame->text2);
        } else {
            kr_writer_bin(writer, frame->council, 32);
            kr_writer_str_slice(writer, frame->text);
        }
        return;
    }
    kr_writer_uint(writer, frame->number);
    switch (frame->type) {
    case KR_CLIENT_REQUEST:
        kr_writer_uint(writer, frame->op);
        kr_writer_slice(writer, frame->payload);
        kr_writer_uint(writer, frame->credits);
        break;
    case KR_CLIENT_CREDIT:
        kr_writer_uint(writer, frame->credits);
        break;
    case KR_CLIENT_PAGE:
        kr_writer_array(writer, frame->item_count);
        for (uint32_t i = 0; i < frame->item_count; i++) {
            kr_writer_slice(writer, frame->items[i]);
        }
        break;
    case KR_CLIENT_END:
        kr_writer_slice(writer, frame->payload);
        break;
    case KR_CLIENT_ERROR:
        kr_writer_uint(writer, frame->code);
        kr_writer_str_slice(writer, frame->text);
        break;
    default: /* cancel is its number alone */
        break;
    }
}

static void read_hello(struct kr_reader *reader, bool from_client, struct kr_client_frame *frame)
{
    frame->version = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
    if (from_client) {
        frame->text = kr_reader_str(reader, PROGRAM_BYTES_MAX);
        frame->text2 = kr_reader_str(reader, KR_LANGUAGE_BYTES_MAX);
    } else {
        kr_reader_fixed(reader, frame->council, 32);
        frame->text = kr_reader_str(reader, KR_NAME_BYTES_MAX);
    }
}

static void read_numbered(struct kr_reader *reader, struct kr_client_frame *frame)
{
    frame->number = kr_reader_uint(reader, UINT64_MAX);
    switch (frame->type) {
    case KR_CLIENT_REQUEST:
        frame->op = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        frame->payload = kr_reader_bin(reader, 0, KR_CLIENT_FRAME_BYTES_MAX);
        frame->credits = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        break;
    case KR_CLIENT_CREDIT:
        frame->credits = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        break;
    case KR_CLIENT_PAGE:
        frame->item_count = kr_reader_array_between(reader, 0, KR_PAGE_ITEMS_MAX);
        for (uint32_t i = 0; i < frame->item_count; i++) {
            frame->items[i] = kr_reader_bin(reader, 0, KR_CLIENT_FRAME_BYTES_MAX);
        }
        kr_reader_close(reader);
        break;
    case KR_CLIENT_END:
        frame->payload = kr_reader_bin(reader, 0, KR_CLIENT_FRAME_BYTES_MAX);
        break;
    case KR_CLIENT_ERROR:
        frame->code = (uint32_t)kr_reader_uint(reader, UINT32_MAX);
        frame->text = kr_reader_str(reader, DETAIL_BYTES_MAX);
        break;
    default: /* cancel */
        break;
    }
}

enum kr_err kr_client_frame_read(struct kr_slice bytes, bool from_client, struct kr_client_frame *ret_frame)
{
    const size_t front = offsetof(struct kr_client_frame, items); /* of the 16 KiB behind it few are used */
    struct kr_client_frame frame;
    struct kr_reader reader;
    uint32_t fields;

    memset(&frame, 0, front);
    if (bytes.len > KR_CLIENT_FRAME_BYTES_MAX) {
        return KR_BOUNDS;
    }
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    fields = kr_reader_array_between(&reader, 2, 5);
    frame.type = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    if (!is_for(frame.type, from_client) || field_count(frame.type) != fields) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (frame.type == KR_CLIENT_HELLO) {
        read_hello(&reader, from_client, &frame);
    } else {
        read_numbered(&reader, &frame);
    }
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        memcpy(ret_frame, &frame, front + frame.item_count * sizeof frame.items[0]);
    }
    return reader.err;
}
