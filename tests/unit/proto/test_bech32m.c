#include "proto_test.h"

#include "proto/wire/bech32m.h"

/* BIP-350, "Test vectors for Bech32m", those whose data are whole bytes. */
static void the_vectors_of_bip_350_hold(void **state)
{
    static const struct {
        const char *text, *hrp, *hex;
    } vectors[] = {
        {"A1LQFN3A", "a", ""},
        {"a1lqfn3a", "a", ""},
        {"an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
         "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber1", ""},
        {"abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx", "abcdef", "ffbbcdeb38bdab49ca307b9ac5a928398a418820"},
        {"split1checkupstagehandshakeupstreamerranterredcaperredlc445v", "split",
         "c5f38b70305f519bf66d85fb6cf03058f3dde463ecd7918f2dc743918f2d"},
        {"?1v759aa", "?", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t bytes[64];
        char hex[129];
        char text[128];
        size_t len;

        assert_int_equal(
            kr_bech32m_decode(vectors[i].hrp, vectors[i].text, strlen(vectors[i].text), bytes, sizeof bytes, &len, NULL), KR_OK);
        sodium_bin2hex(hex, sizeof hex, bytes, len);
        assert_string_equal(hex, vectors[i].hex);
        assert_int_equal(kr_bech32m_encode(vectors[i].hrp, bytes, len, text, sizeof text), KR_OK);
        for (char *c = text; *c != 0; c++) {
            assert_int_equal(*c | 0x20, vectors[i].text[c - text] | 0x20);
        }
    }
}

static void the_invalid_vectors_fail(void **state)
{
    static const struct {
        const char *text, *hrp;
    } vectors[] = {
        {"M1VUXWEZ", "m"},    /* checksum over the upper-case form */
        {"A1G7SGD8", "a"},    /* Bech32, not Bech32m */
        {"in1muywd", "in"},   /* too short a checksum */
        {"mm1crxm3i", "mm"},  /* 'i' in the data */
        {"au1s5cgom", "au"},  /* 'o' in the checksum */
        {"y1b0jsk6g", "y"},   /* 'b' in the data */
        {"lt1igcx5c0", "lt"}, /* 'i' in the data */
        {"A1lqfn3a", "a"},    /* mixed case */
        {"", "a"},
        {"a", "a"},
        {"a1", "a"},
        {"b1lqfn3a", "a"}, /* another prefix */
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t bytes[64];
        size_t len = 77;
        struct kr_error error = {{0}};
        enum kr_err err =
            kr_bech32m_decode(vectors[i].hrp, vectors[i].text, strlen(vectors[i].text), bytes, sizeof bytes, &len, &error);

        assert_int_equal(err, KR_MALFORMED);
        assert_int_not_equal(error.text[0], 0);
        assert_int_equal(len, 77);
    }
}

static void every_length_reads_back(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 600; len++) {
        uint8_t bytes[600], back[600];
        char text[KR_BECH32M_CHARS_MAX + 1];
        size_t back_len;

        memset(bytes, (int)len, sizeof bytes);
        assert_int_equal(kr_bech32m_encode("kairan", bytes, len, text, sizeof text), KR_OK);
        assert_int_equal(kr_bech32m_decode("kairan", text, strlen(text), back, sizeof back, &back_len, NULL), KR_OK);
        assert_slice_equal(slice(back, back_len), bytes, len);
        if (len > 0) { /* no room: an error, nothing past the end */
            char *exact = malloc(strlen(text));

            assert_non_null(exact);
            assert_int_equal(kr_bech32m_encode("kairan", bytes, len, exact, strlen(text)), KR_BOUNDS);
            assert_int_equal(kr_bech32m_decode("kairan", text, strlen(text), back, len - 1, &back_len, NULL), KR_BOUNDS);
            free(exact);
        }
    }
}

/* Texts whose checksum is right, of five-bit values that an encoder could not have made from bytes. */
static void leftover_bits_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum kr_err err;
    } texts[] = {
        {"kairan1lur0vn45", KR_OK},         /* 31, 28: the byte 255 and two zero bits */
        {"kairan1lp6xk5vj", KR_MALFORMED},  /* 31, 1: a bit is set behind the byte */
        {"kairan1q96hh4y", KR_MALFORMED},   /* 0: no byte at all */
        {"kairan1lll5vwzvx", KR_MALFORMED}, /* 31, 31, 31: a character more than the byte needs */
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        uint8_t bytes[8];
        size_t len;
        struct kr_error error = {{0}};
        enum kr_err err = kr_bech32m_decode("kairan", texts[i].text, strlen(texts[i].text), bytes, sizeof bytes, &len, &error);

        assert_int_equal(err, texts[i].err);
        assert_string_equal(error.text, err == KR_OK ? "" : "its end makes no sense");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_bip_350_hold),
        cmocka_unit_test(the_invalid_vectors_fail),
        cmocka_unit_test(every_length_reads_back),
        cmocka_unit_test(leftover_bits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
