/* Tickets as people paste them, payloads behind a right checksum, endpoints. What is accepted, prints and reads back the same. */
#include <string.h>

#include "proto/wire/address.h"
#include "proto/wire/bech32m.h"
#include "proto/wire/ticket.h"
#include "tests/fuzz/fuzz.h"

static void run_text(const char *text, size_t len)
{
    struct kr_ticket ticket, again;
    struct kr_error error = {{0}};
    char printed[KR_TICKET_TEXT_BYTES_MAX];
    char printed_again[KR_TICKET_TEXT_BYTES_MAX];

    if (kr_ticket_parse(text, len, &ticket, &error) != KR_OK) {
        KR_ASSERT(error.text[0] != 0);
        return;
    }
    KR_ASSERT(kr_ticket_print(&ticket, printed, sizeof printed) == KR_OK);
    KR_ASSERT(kr_ticket_parse(printed, strlen(printed), &again, NULL) == KR_OK);
    KR_ASSERT(kr_ticket_print(&again, printed_again, sizeof printed_again) == KR_OK);
    KR_ASSERT(strcmp(printed, printed_again) == 0);
}

static void run_address(const char *text, size_t len)
{
    struct kr_addressed address, again;
    struct kr_error error = {{0}};
    char printed[KR_ADDRESS_TEXT_BYTES_MAX];

    if (kr_address_parse(text, len, &address, &error) != KR_OK) {
        KR_ASSERT(error.text[0] != 0);
        return;
    }
    KR_ASSERT(kr_address_print(&address, printed, sizeof printed) == KR_OK);
    KR_ASSERT(kr_address_parse(printed, strlen(printed), &again, NULL) == KR_OK);
    KR_ASSERT(memcmp(address.id, again.id, 32) == 0 && memcmp(address.key, again.key, 32) == 0 && address.sort == again.sort);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[KR_TICKET_TEXT_BYTES_MAX];
    struct kr_error error = {{0}};

    if (size == 0) {
        return 0;
    }
    switch (data[0]) {
    case 0:
        run_text((const char *)data + 1, size - 1);
        break;
    case 3:
        run_address((const char *)data + 1, size - 1);
        break;
    case 4:
        if (kr_bech32m_encode(KR_ADDRESS_PREFIX, data + 1, size - 1, text, sizeof text) == KR_OK) {
            run_address(text, strlen(text));
        }
        break;
    case 1:
        if (kr_bech32m_encode("kairan", data + 1, size - 1, text, sizeof text) == KR_OK) {
            run_text(text, strlen(text));
        }
        break;
    default:
        if (kr_endpoint_check((const char *)data + 1, size - 1, &error) != KR_OK) {
            KR_ASSERT(error.text[0] != 0);
        }
        break;
    }
    return 0;
}
