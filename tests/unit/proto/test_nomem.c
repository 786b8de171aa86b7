/* Making and opening a record when memory runs out at any point: an error, nothing leaked, nothing half given out. */
#include "proto_test.h"

#include "tests/support/failing_alloc.h"

static struct council author, reader;
static const struct council *const readers[] = {&author, &reader};

static int setup(void **state)
{
    council_init(&author, 1);
    council_init(&reader, 2);
    return start_crypto(state);
}

/* How many allocations fail before it works. */
static long failures_of_making(const struct kr_draft *draft)
{
    static const uint8_t seed[32] = {5};

    for (long allowed = 0;; allowed++) {
        uint8_t *bytes = NULL;
        size_t len = 77;
        uint8_t id[32] = {99};
        enum kr_err err;

        allocations_left = allowed;
        err = kr_record_make(draft, author.id, author.node_secret, seed, &bytes, &len, id);
        allocations_left = -1;
        if (err == KR_OK) {
            free(bytes);
            return allowed;
        }
        assert_int_equal(err, KR_NOMEM);
        assert_null(bytes);
        assert_int_equal(len, 77);
        assert_int_equal(id[0], 99);
    }
}

static void making_survives_every_failure(void **state)
{
    struct kr_draft draft = draft_for(KR_TLP_AMBER, readers, 2, "content");

    (void)state;
    assert_true(failures_of_making(&draft) >= 6); /* audience, inner, header, slots, body, record */
    draft = draft_for(KR_TLP_CLEAR, NULL, 0, "content");
    assert_true(failures_of_making(&draft) >= 3);
}

static void opening_survives_every_failure(void **state)
{
    (void)state;
    for (enum kr_label label = KR_TLP_CLEAR; label <= KR_TLP_AMBER; label += 2) {
        struct kr_draft draft = draft_for(label, readers, 2, "content");
        struct bytes bytes = make_record(&draft, &author);
        struct kr_record record;
        struct kr_header header;
        uint8_t *content = NULL;
        size_t len = 77;

        assert_int_equal(verify_bytes(bytes.at, bytes.len, &record, &header), KR_OK);
        allocations_left = 0;
        assert_int_equal(kr_record_open(&record, &header, &reader.keyring, &content, &len), KR_NOMEM);
        allocations_left = -1;
        assert_null(content);
        assert_int_equal(len, 77);
        free(bytes.at);
    }
}

static void writing_survives_every_failure(void **state)
{
    static const uint8_t large[4096];
    struct kr_writer writer;

    (void)state;
    kr_writer_init(&writer, KR_MIB);
    allocations_left = 1;
    kr_writer_uint(&writer, 1);
    kr_writer_bin(&writer, large, sizeof large); /* must grow, and cannot */
    allocations_left = -1;
    assert_int_equal(kr_writer_finish(&writer), KR_NOMEM);
    kr_writer_uint(&writer, 1);
    assert_int_equal(kr_writer_finish(&writer), KR_NOMEM);
    kr_writer_deinit(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making_survives_every_failure),
        cmocka_unit_test(opening_survives_every_failure),
        cmocka_unit_test(writing_survives_every_failure),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
