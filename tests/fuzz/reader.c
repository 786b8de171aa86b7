/* The bounded reader: against msgpack-c as the oracle, and driven by a program of calls that fits the input badly. */
#include "tests/fuzz/fuzz.h"
#include "tests/support/oracle.h"

/* Interprets the first half as calls and the second as what they read. */
static void drive(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    uint8_t fixed[32];
    char text[16];
    struct kr_reader reader;

    kr_reader_init(&reader, data + size / 2, size - size / 2);
    for (size_t i = 0; i < size / 2; i++) {
        struct kr_slice slice = {0};
        uint32_t argument = data[i] >> 4;

        switch (data[i] & 15) {
        case 0:
            kr_reader_array(&reader, argument);
            break;
        case 1:
            (void)kr_reader_array_between(&reader, 0, argument * argument);
            break;
        case 2:
            if (reader.depth > 0) { /* closing what was never opened is the caller's mistake, not the input's */
                kr_reader_close(&reader);
            }
            break;
        case 3:
            KR_ASSERT(kr_reader_uint(&reader, argument * 1000) <= argument * 1000);
            break;
        case 4:
            (void)kr_reader_flag(&reader);
            break;
        case 5:
            slice = kr_reader_bin(&reader, 0, argument * 100);
            break;
        case 6:
            kr_reader_fixed(&reader, fixed, argument);
            break;
        case 7:
            (void)kr_reader_fixed_or_empty(&reader, fixed, argument);
            break;
        case 8:
            slice = kr_reader_str(&reader, argument * 100);
            break;
        case 9:
            kr_reader_skip(&reader);
            break;
        default:
            slice = kr_reader_raw(&reader);
            break;
        }
        KR_ASSERT(slice.len == 0 || (slice.bytes >= data + size / 2 && slice.bytes + slice.len <= end));
        (void)kr_slice_text(slice, text, sizeof text);
    }
    if (kr_reader_end(&reader) == KR_OK) {
        KR_ASSERT(reader.at == end && reader.depth == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0 && data[0] == 0) {
        (void)oracle_agrees(data + 1, size - 1);
    } else if (size > 0) {
        drive(data + 1, size - 1);
    }
    return 0;
}
