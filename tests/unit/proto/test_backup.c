/* A backup's parts: what is written reads back, and nothing else is taken for it. */
#include "proto_test.h"

#include "crypto/sign.h"
#include "proto/backup/backup.h"

static struct kr_backup_head sample_head(void)
{
    const uint8_t seed[32] = {3};
    uint8_t secret[64];
    struct kr_backup_head head = {
        .council = {1}, .chain = {2}, .number = 3, .page_bytes = 4096, .pages = 5, .made_s = 6, .transaction = 7, .previous = {8}};
    kr_sign_keypair(head.recovery_public, secret, seed);
    return head;
}

static void a_head_reads_back_and_its_key_opens(void **state)
{
    const uint8_t seed[32] = {3}, other_seed[32] = {4}, random[32] = {5};
    uint8_t public_key[32], secret[64], key[32], opened[32], bytes[KR_BACKUP_HEAD_BYTES], again[KR_BACKUP_HEAD_BYTES];
    struct kr_backup_head head = sample_head(), read;
    (void)state;
    assert_int_equal(kr_backup_key_seal(&head, random, key), KR_OK);
    kr_backup_head_write(&head, bytes);
    assert_int_equal(kr_backup_head_read(bytes, &read), KR_OK);
    kr_backup_head_write(&read, again);
    assert_memory_equal(bytes, again, sizeof bytes);
    kr_sign_keypair(public_key, secret, seed);
    assert_int_equal(kr_backup_key_open(&read, secret, opened), KR_OK);
    assert_memory_equal(opened, key, 32);
    read.slot[40] ^= 1;
    assert_int_equal(kr_backup_key_open(&read, secret, opened), KR_DECRYPT);
    read.slot[40] ^= 1;
    read.commitment[0] ^= 1;
    assert_int_equal(kr_backup_key_open(&read, secret, opened), KR_DECRYPT);
    kr_sign_keypair(public_key, secret, other_seed);
    assert_int_equal(kr_backup_key_open(&head, secret, opened), KR_KEY);
    memset(head.recovery_public, 0xFF, 32); /* no point */
    assert_int_equal(kr_backup_key_seal(&head, random, key), KR_KEY);
}

static void what_is_no_head_is_refused(void **state)
{
    uint8_t bytes[KR_BACKUP_HEAD_BYTES];
    const struct {
        uint32_t at;
        uint8_t value;
        enum kr_err err;
    } cases[] = {{0, 'X', KR_MALFORMED}, {6, 2, KR_VERSION},    {6, 0, KR_MALFORMED},  {7, 1, KR_MALFORMED},  {94, 0, KR_MALFORMED},
                 {95, 1, KR_MALFORMED},  {92, 1, KR_MALFORMED}, {96, 9, KR_MALFORMED}, {103, 1, KR_MALFORMED}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kr_backup_head head = sample_head(), read = {.number = 99};
        kr_backup_head_write(&head, bytes);
        bytes[cases[i].at] = cases[i].value;
        assert_int_equal(kr_backup_head_read(bytes, &read), cases[i].err);
        assert_int_equal(read.number, 99);
    }
}

static void chunks_are_of_their_kinds(void **state)
{
    const struct {
        struct kr_backup_chunk chunk;
        enum kr_err err;
    } cases[] = {
        {{KR_BACKUP_PAGES, 2, 2 * 4096 + 16}, KR_OK},
        {{KR_BACKUP_PAGES, 2, 2 * 4096}, KR_MALFORMED},
        {{KR_BACKUP_PAGES, 0, 16}, KR_MALFORMED},
        {{KR_BACKUP_GONE, 7, 16}, KR_OK},
        {{KR_BACKUP_GONE, 7, 17}, KR_MALFORMED},
        {{KR_BACKUP_FILE, 0, 17}, KR_OK},
        {{KR_BACKUP_FILE, 1, 17}, KR_MALFORMED},
        {{KR_BACKUP_FILE, 0, 16}, KR_MALFORMED},
        {{KR_BACKUP_END, 1, 16}, KR_OK},
        {{KR_BACKUP_END, 2, 16}, KR_MALFORMED},
        {{0, 1, 16}, KR_MALFORMED},
        {{5, 1, 16}, KR_MALFORMED},
        {{KR_BACKUP_GONE, KR_BACKUP_ENTRIES_MAX + 1, 16}, KR_BOUNDS},
        {{KR_BACKUP_FILE, 0, KR_BACKUP_SEALED_MAX + 1}, KR_BOUNDS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[KR_BACKUP_CHUNK_HEAD_BYTES];
        struct kr_backup_chunk read;
        kr_backup_chunk_write(&cases[i].chunk, bytes);
        assert_int_equal(kr_backup_chunk_read(bytes, 4096, &read), cases[i].err);
    }
}

/* Sealed to its place: another head, number, list or byte does not open. */
static void what_is_sealed_stays_in_its_place(void **state)
{
    const uint8_t key[32] = {1};
    uint8_t open[33] = {2}, text[64] = "page", sealed[64 + KR_AEAD_BYTES], work[sizeof sealed];
    struct kr_backup_sealing sealing = {.key = key, .head_hash = {3}, .number = 4, .open = {open, sizeof open}}, other;
    (void)state;
    kr_backup_seal(&sealing, text, sizeof text, sealed);
    memcpy(work, sealed, sizeof work);
    assert_int_equal(kr_backup_open(&sealing, work, sizeof work), KR_OK);
    assert_memory_equal(work, text, sizeof text);
    for (int i = 0; i < 4; i++) {
        uint8_t open_other[33];
        memcpy(open_other, open, sizeof open);
        other = sealing;
        other.open.bytes = open_other;
        memcpy(work, sealed, sizeof work);
        other.head_hash[0] ^= i == 0;
        other.number ^= i == 1;
        open_other[7] ^= i == 2;
        work[9] ^= i == 3;
        assert_int_equal(kr_backup_open(&other, work, sizeof work), KR_DECRYPT);
    }
}

static enum kr_err read_part(const char *name, uint64_t offset, uint64_t all, struct kr_backup_part *ret)
{
    static struct kr_writer writer;
    const struct kr_backup_part part = {
        .name = text_slice(name), .bytes = text_slice("abc"), .mode = 0600, .offset = offset, .all = all};
    kr_writer_deinit(&writer);
    kr_writer_init(&writer, 4096);
    kr_backup_part_write(&part, &writer);
    assert_int_equal(kr_writer_finish(&writer), KR_OK);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_backup_part_read(slice(writer.bytes, len), ret), KR_MALFORMED);
    }
    const enum kr_err err = kr_backup_part_read(slice(writer.bytes, writer.len), ret);
    kr_writer_deinit(&writer);
    return err;
}

/* Whoever made it: nothing comes out of a backup at a place that is not meant. */
static void no_other_file_comes_out_of_a_backup(void **state)
{
    static const char *const bad[] = {"",
                                      "keyring2",
                                      "../keyring",
                                      "/etc/passwd",
                                      "store/data.mdb",
                                      "restored",
                                      "warninglists/",
                                      "warninglists/../x",
                                      "warninglists/a/b",
                                      "warninglists/.x",
                                      "kairan.conf/x"};
    struct kr_backup_part part;
    (void)state;
    assert_int_equal(read_part("keyring", 0, 3, &part), KR_OK);
    assert_int_equal(read_part("kairan.conf", 5, 8, &part), KR_OK);
    assert_int_equal(read_part("warninglists/top.json", 0, 100, &part), KR_OK);
    assert_int_equal(read_part("keyring", 0, 2, &part), KR_MALFORMED);
    assert_int_equal(read_part("keyring", 4, 3, &part), KR_MALFORMED);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read_part(bad[i], 0, 3, &part), KR_MALFORMED);
    }
}

static void small_files_read_back(void **state)
{
    const uint8_t council[32] = {0xAB, 1}, recovery[32] = {0xCD, 2};
    uint8_t read_council[32], read_recovery[32], bytes[KR_BACKUP_STREAM_BYTES];
    char text[KR_BACKUP_KEY_TEXT_BYTES + 1];
    const struct kr_backup_stream stream = {.page_bytes = 4096, .pages = 9, .used = 7, .number = 5};
    struct kr_backup_stream read;
    (void)state;
    kr_backup_key_print(council, recovery, text);
    assert_int_equal(strlen(text), KR_BACKUP_KEY_TEXT_BYTES);
    assert_int_equal(kr_backup_key_parse(text, strlen(text), read_council, read_recovery), KR_OK);
    assert_memory_equal(read_council, council, 32);
    assert_memory_equal(read_recovery, recovery, 32);
    for (size_t i = 0; i < strlen(text); i++) {
        char other[sizeof text];
        memcpy(other, text, sizeof text);
        other[i] = '~';
        assert_int_equal(kr_backup_key_parse(other, strlen(other), read_council, read_recovery), KR_MALFORMED);
        assert_int_equal(kr_backup_key_parse(text, i, read_council, read_recovery), KR_MALFORMED);
    }
    kr_backup_stream_write(&stream, bytes);
    assert_int_equal(kr_backup_stream_read(bytes, &read), KR_OK);
    assert_memory_equal(&read, &stream, sizeof read);
    bytes[27] = 10; /* more used than there are */
    assert_int_equal(kr_backup_stream_read(bytes, &read), KR_MALFORMED);
    bytes[0] = 'x';
    assert_int_equal(kr_backup_stream_read(bytes, &read), KR_VERSION);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_reads_back_and_its_key_opens), cmocka_unit_test(what_is_no_head_is_refused),
        cmocka_unit_test(chunks_are_of_their_kinds),           cmocka_unit_test(what_is_sealed_stays_in_its_place),
        cmocka_unit_test(no_other_file_comes_out_of_a_backup), cmocka_unit_test(small_files_read_back),
    };
    return cmocka_run_group_tests_name("proto/backup", tests, NULL, NULL);
}
