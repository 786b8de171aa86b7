/* Messages, hellos, client frames and what they carry. What is accepted, encodes again to the same bytes; only marks of unknown
 * scopes are dropped on the way. */
#include <string.h>

#include "proto/client/client.h"
#include "proto/wire/wire.h"
#include "tests/fuzz/fuzz.h"

/* Both sides of a round trip are as large as the largest answer. */
static struct kr_message message;
static struct kr_client_frame frame;

static void expect_same(struct kr_writer *writer, struct kr_slice bytes)
{
    KR_ASSERT(kr_writer_finish(writer) == KR_OK);
    KR_ASSERT(writer->len == bytes.len && memcmp(writer->bytes, bytes.bytes, bytes.len) == 0);
}

static void run_message(struct kr_slice bytes)
{
    struct kr_writer writer, again;

    if (kr_message_read(bytes, &message) != KR_OK || message.type == KR_MESSAGE_UNKNOWN) {
        return;
    }
    kr_writer_init(&writer, bytes.len);
    kr_message_write(&message, &writer);
    if (message.type != KR_MESSAGE_PING && message.type != KR_MESSAGE_PONG) {
        expect_same(&writer, bytes);
    }
    KR_ASSERT(kr_message_read((struct kr_slice){.bytes = writer.bytes, .len = writer.len}, &message) == KR_OK);
    kr_writer_init(&again, bytes.len);
    kr_message_write(&message, &again);
    expect_same(&again, (struct kr_slice){.bytes = writer.bytes, .len = writer.len});
    kr_writer_deinit(&again);
    kr_writer_deinit(&writer);
}

static void run_hello(struct kr_slice bytes)
{
    struct kr_hello hello;

    if (kr_hello_read(bytes, &hello) == KR_OK) {
        KR_ASSERT(hello.version >= KR_WIRE_VERSION);
    }
}

static void run_frame(struct kr_slice bytes, bool from_client)
{
    struct kr_writer writer;

    if (kr_client_frame_read(bytes, from_client, &frame) == KR_OK) {
        kr_writer_init(&writer, bytes.len);
        kr_client_frame_write(&frame, from_client, &writer);
        expect_same(&writer, bytes);
        kr_writer_deinit(&writer);
    }
}

#define RUN(type)                                                                                                                  \
    static void run_##type(struct kr_slice bytes)                                                                                  \
    {                                                                                                                              \
        static struct kr_##type value;                                                                                             \
        struct kr_writer writer;                                                                                                   \
                                                                                                                                   \
        if (kr_##type##_read(bytes, &value) == KR_OK) {                                                                            \
            kr_writer_init(&writer, bytes.len);                                                                                    \
            kr_##type##_write(&value, &writer);                                                                                    \
            expect_same(&writer, bytes);                                                                                           \
            kr_writer_deinit(&writer);                                                                                             \
        }                                                                                                                          \
    }
RUN(submit)
RUN(invite)
RUN(ls)
RUN(summary)
RUN(match)
RUN(shown)
RUN(council_item)
RUN(preview)
RUN(explained)
RUN(peer)
RUN(status)
RUN(join_step)
#undef RUN

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const runs[])(struct kr_slice bytes) = {
        run_message, run_hello,        run_submit,  run_invite,    run_ls,   run_summary, run_match,
        run_shown,   run_council_item, run_preview, run_explained, run_peer, run_status,  run_join_step,
    };
    struct kr_slice bytes = {0};

    if (size == 0) {
        return 0;
    }
    bytes = (struct kr_slice){.bytes = data + 1, .len = size - 1};
    if (data[0] < sizeof runs / sizeof runs[0]) {
        runs[data[0]](bytes);
    } else {
        run_frame(bytes, data[0] % 2 == 0);
    }
    return 0;
}
