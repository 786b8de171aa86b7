/* What a person's machine and keeper say to each other before they know who they are, and tickets for machines. What is accepted,
 * encodes again to the same bytes, as far as this version knows them. */
#include <string.h>

#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "proto/client/enrol.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/machine_ticket.h"
#include "proto/wire/remote.h"
#include "proto/wire/ticket.h"
#include "tests/fuzz/same.h"

static void run_hello(struct kr_slice bytes)
{
    struct kr_remote_hello hello;
    struct kr_writer writer;
    if (kr_remote_hello_read(bytes, &hello) == KR_OK && hello.version == KR_REMOTE_VERSION) {
        kr_writer_init(&writer, bytes.len);
        kr_remote_hello_write(&hello, &writer);
        expect_same(&writer, bytes);
    }
}

/* Nothing that was not signed passes; what was is another matter (tests/unit/proto/test_remote.c). */
static void run_answer(struct kr_slice bytes)
{
    static const uint8_t seed[32] = {1};
    struct kr_remote_machine machine = {.public_key = {9}};
    struct kr_writer hello;
    struct kr_session session;
    struct kr_error error = {{0}};
    struct kr_remote_found found;
    kr_writer_init(&hello, KR_KIB);
    kr_remote_begin(&machine, seed, &hello);
    KR_ASSERT(kr_writer_finish(&hello) == KR_OK);
    KR_ASSERT(kr_remote_finish(&machine, (struct kr_slice){hello.bytes, hello.len}, bytes, 1800000000, &session, &found, &error) !=
              KR_OK);
    KR_ASSERT(error.text[0] != 0);
    kr_writer_deinit(&hello);
}

/* Whoever has the session's keys may seal what he likes, also more than there is room for. */
static void run_part(struct kr_slice bytes)
{
    static const uint8_t seeds[2][32] = {{1}, {2}}, transcript[32] = {3};
    uint8_t public_keys[2][32], secrets[2][32], frame[4 * KR_REMOTE_FRAME_BYTES_MAX], plain[KR_REMOTE_FRAME_BYTES_MAX];
    struct kr_session ours, theirs;
    enum kr_remote_part part;
    struct kr_slice opened;
    if (bytes.len > sizeof frame - KR_REMOTE_MORE_BYTES) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        kr_box_keypair(public_keys[i], secrets[i], seeds[i]);
    }
    KR_ASSERT(kr_session_init(&ours, true, public_keys[0], secrets[0], public_keys[1], transcript) == KR_OK);
    KR_ASSERT(kr_session_init(&theirs, false, public_keys[1], secrets[1], public_keys[0], transcript) == KR_OK);
    frame[0] = KR_FRAME_REMOTE;
    frame[1] = KR_REMOTE_SEALED;
    kr_session_seal(&ours, frame + KR_REMOTE_HEAD_BYTES, bytes.bytes, bytes.len);
    const size_t len = KR_REMOTE_HEAD_BYTES + KR_SESSION_OVERHEAD_BYTES + bytes.len;
    if (kr_remote_open(&theirs, (struct kr_slice){frame, len}, plain, sizeof plain, &part, &opened) == KR_OK) {
        KR_ASSERT(part == bytes.bytes[0] && opened.len + 1 == bytes.len && bytes.len <= sizeof plain);
    }
}

static void run_ticket(struct kr_slice bytes)
{
    struct kr_machine_ticket ticket, again;
    struct kr_error error = {{0}};
    char text[KR_TICKET_TEXT_BYTES_MAX], text_again[KR_TICKET_TEXT_BYTES_MAX];
    if (kr_machine_ticket_parse((const char *)bytes.bytes, bytes.len, &ticket, &error) != KR_OK) {
        KR_ASSERT(error.text[0] != 0);
        return;
    }
    KR_ASSERT(kr_machine_ticket_print(&ticket, text, sizeof text) == KR_OK);
    KR_ASSERT(kr_machine_ticket_parse(text, strlen(text), &again, NULL) == KR_OK);
    KR_ASSERT(kr_machine_ticket_print(&again, text_again, sizeof text_again) == KR_OK && strcmp(text, text_again) == 0);
}

static void run_payload(struct kr_slice bytes)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    if (kr_bech32m_encode("kairan", bytes.bytes, bytes.len, text, sizeof text) == KR_OK) {
        run_ticket((struct kr_slice){(const uint8_t *)text, strlen(text)});
    }
}

#define RUN(type) RUN_SAME(type, read)
RUN(enrol_ask)
RUN(enrol_given)
RUN(enrol_done)
RUN(unenrol)
#undef RUN

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const runs[])(struct kr_slice bytes) = {run_hello,     run_answer,      run_part,       run_ticket, run_payload,
                                                          run_enrol_ask, run_enrol_given, run_enrol_done, run_unenrol};
    if (size == 0 || kr_crypto_init() != KR_OK) {
        return 0;
    }
    if (data[0] < sizeof runs / sizeof runs[0]) {
        runs[data[0]]((struct kr_slice){data + 1, size - 1});
    }
    return 0;
}
