/* Files: pieces, threads and order, compressed ones, damaged ones, long lines, standard input, marks. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include "tools/scan/hunt.h"

static const uint8_t seed[48] = {9, 8, 7, 6, 5, 4, 3, 2, 1};
static char directory[64];

struct bed {
    struct kr_sieve *sieve;
    struct kr_hunt hunt;
    struct kr_hunt_totals totals;
    struct kr_hunt_mark mark;
    char *found; /* "file:line:value " for each hit, file without its directory */
    size_t len;
    FILE *out;
    char notes[512], detail[512]; /* of the last note */
    volatile bool stop;
    uint64_t stop_after; /* hits; 0: never */
};

static void hit(void *context, const struct kr_hunt_hit *hit)
{
    struct bed *bed = context;
    char value[KR_INDICATOR_PRINT_BYTES_MAX];
    const char *slash = strrchr(hit->file, '/');
    assert_int_equal(kr_indicator_print(hit->value.type, hit->value.value.bytes, hit->value.value.len, value, sizeof value), KR_OK);
    assert_true(fprintf(bed->out, "%s:%u:%s ", slash != NULL ? slash + 1 : hit->file, (unsigned)hit->line, value) > 0);
    bed->stop = bed->stop || (bed->stop_after > 0 && --bed->stop_after == 0);
}

static void note(void *context, const char *file, enum kr_hunt_note note, const char *detail)
{
    struct bed *bed = context;
    const size_t len = strlen(bed->notes);
    (void)snprintf(bed->detail, sizeof bed->detail, "%s", detail != NULL ? detail : "");
    (void)snprintf(bed->notes + len, sizeof bed->notes - len, "%s:%u ", strrchr(file, '/') + 1, (unsigned)note);
}

static void bed_open(struct bed *bed, unsigned threads)
{
    static const char *const values[] = {"bad.com", "1.2.3.4"};
    struct kr_indicator value;
    *bed = (struct bed){.sieve = kr_sieve_new(seed)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(kr_indicator_parse(KR_INDICATOR_ANY, values[i], strlen(values[i]), &value, NULL), KR_OK);
        assert_int_equal(kr_sieve_add(bed->sieve, value.type, value.value, value.len, 0), KR_OK);
    }
    assert_int_equal(kr_sieve_seal(bed->sieve), KR_OK);
    bed->hunt =
        (struct kr_hunt){.sieve = bed->sieve, .threads = threads, .context = bed, .hit = hit, .note = note, .stop = &bed->stop};
    bed->out = open_memstream(&bed->found, &bed->len);
    assert_non_null(bed->out);
}

static enum kr_err bed_run(struct bed *bed, const char *const *paths, size_t count)
{
    const enum kr_err err = kr_hunt(&bed->hunt, paths, count, &bed->totals, &bed->mark);
    assert_int_equal(fflush(bed->out), 0);
    return err;
}

static void bed_close(struct bed *bed)
{
    (void)fclose(bed->out);
    free(bed->found);
    kr_sieve_free(bed->sieve);
}

static const char *place(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static const char *put_file(const char *name, const void *bytes, size_t len)
{
    const char *path = place(name);
    FILE *out = fopen(path, "we");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
    return path;
}

static void find(const char *name, const void *bytes, size_t len, const char *found)
{
    struct bed bed;
    bed_open(&bed, 2);
    const char *path = put_file(name, bytes, len);
    assert_int_equal(bed_run(&bed, &path, 1), KR_OK);
    assert_string_equal(bed.found, found);
    bed_close(&bed);
}

static void test_ends_of_lines(void **state)
{
    (void)state;
    find("a", "bad.com", 7, "a:1:bad.com ");
    find("a", "", 0, "");
    find("a", "\n\nbad.com\r\n1.2.3.4\r\n", 20, "a:3:bad.com a:4:1.2.3.4 ");
    find("a", "x\nbad.com\nbad.com", 17, "a:2:bad.com a:3:bad.com ");
}

/* A value at every distance from the end of a piece (4 MiB) and of a buffer (256 KiB): it is found once, on its line. */
static void test_pieces(void **state)
{
    enum { LEN = 9 * 1024 * 1024 };
    char *text = malloc(LEN), expected[4096] = "", line[64];
    (void)state;
    assert_non_null(text);
    static const size_t ends[] = {262144, 4194304, 8388608};
    for (int shift = -8; shift <= 2; shift += shift == -6 ? 5 : 1) {
        unsigned number = 1;
        memset(text, 'a', LEN);
        for (size_t i = 99; i < LEN; i += 100) {
            text[i] = '\n';
        }
        expected[0] = 0;
        for (size_t e = 0; e < 3; e++) {
            char *at = text + (ptrdiff_t)ends[e] + shift;
            memcpy(at - 1, "\nbad.com\n", 9);
        }
        for (size_t i = 0; i < LEN; i++) {
            if (memcmp(text + i, "bad.com", i + 7 <= LEN ? 7 : LEN - i) == 0 && i + 7 <= LEN) {
                (void)snprintf(line, sizeof line, "p:%u:bad.com ", number);
                (void)strncat(expected, line, sizeof expected - strlen(expected) - 1);
            }
            number += text[i] == '\n';
        }
        find("p", text, LEN, expected);
    }
    free(text);
}

static void test_order(void **state)
{
    enum { LINES = 200000 };
    struct bed bed;
    const char *paths[3];
    char *text = malloc(LINES * 64u), *expected = NULL;
    size_t len = 0, expected_len;
    (void)state;
    FILE *wanted = open_memstream(&expected, &expected_len);
    assert_true(text != NULL && wanted != NULL);
    for (unsigned i = 0; i < LINES; i++) {
        len += (size_t)snprintf(text + len, 64, "%08u GET http://%s.example/path/of/some/length x\n", i, "www");
        if (i % 997 == 0) {
            memcpy(text + len - 30, " bad.com ", 9);
        }
    }
    for (int f = 0; f < 3; f++) {
        const char name[2] = {(char)('a' + f), 0};
        paths[f] = put_file(name, text, len);
        for (unsigned i = 0; i < LINES; i += 997) {
            assert_true(fprintf(wanted, "%s:%u:bad.com ", name, i + 1) > 0);
        }
    }
    (void)fclose(wanted);
    for (unsigned threads = 1; threads <= 5; threads += 2) {
        bed_open(&bed, threads);
        assert_int_equal(bed_run(&bed, paths, 3), KR_OK);
        assert_string_equal(bed.found, expected);
        assert_int_equal(bed.totals.lines, 3 * LINES);
        assert_int_equal(bed.totals.files, 3);
        assert_int_equal(bed.totals.bytes, 3 * len);
        bed_close(&bed);
    }
    /* Stopped somewhere and gone on with, everything is found just once. */
    size_t found = 0;
    struct kr_hunt_mark mark = {0};
    enum kr_err err = KR_CANCELLED;
    for (int i = 0; i < 100 && err == KR_CANCELLED; i++) {
        bed_open(&bed, 3);
        bed.hunt.from = mark;
        bed.stop_after = 50;
        err = bed_run(&bed, paths, 3);
        assert_memory_equal(expected + found, bed.found, bed.len);
        found += bed.len;
        mark = bed.mark;
        assert_true(err == KR_OK || i < 99);
        bed_close(&bed);
    }
    assert_int_equal(err, KR_OK);
    assert_int_equal(found, expected_len);
    free(expected);
    free(text);
}

static size_t gzip(const void *text, size_t len, uint8_t *to, size_t room)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)len, .next_out = to, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&stream);
    return room - stream.avail_out;
}

static void test_compressed(void **state)
{
    static const char text[] = "x\nGET bad.com\n1.2.3.4\n", more[] = "bad.com\n";
    uint8_t packed[4096];
    struct bed bed;
    (void)state;
    size_t len = gzip(text, sizeof text - 1, packed, sizeof packed);
    find("a.gz", packed, len, "a.gz:2:bad.com a.gz:3:1.2.3.4 ");
    len += gzip(more, sizeof more - 1, packed + len, sizeof packed - len); /* a second member */
    find("a.gz", packed, len, "a.gz:2:bad.com a.gz:3:1.2.3.4 a.gz:4:bad.com ");
    memset(packed + len, 0, 100); /* padding, as on tapes */
    find("a.gz", packed, len + 100, "a.gz:2:bad.com a.gz:3:1.2.3.4 a.gz:4:bad.com ");
    len = ZSTD_compress(packed, sizeof packed, text, sizeof text - 1, 3);
    assert_int_equal(ZSTD_isError(len), 0);
    find("a.zst", packed, len, "a.zst:2:bad.com a.zst:3:1.2.3.4 ");

    /* Damaged: what could be read was searched, and the rest is told once. */
    for (int kind = 0; kind < 2; kind++) {
        enum { LONG = 3000000 };
        char *lines = malloc(LONG);
        uint8_t *room = malloc(LONG);
        assert_true(lines != NULL && room != NULL);
        for (size_t i = 0; i < LONG; i++) {
            lines[i] = (char)('a' + (i * i / 7) % 26);
        }
        memcpy(lines, "bad.com\n", 8);
        lines[LONG - 1] = '\n';
        len = kind == 0 ? gzip(lines, LONG, room, LONG) : ZSTD_compress(room, LONG, lines, LONG, 1);
        const char *path = put_file("cut", room, len / 2);
        bed_open(&bed, 2);
        assert_int_equal(bed_run(&bed, &path, 1), KR_OK);
        assert_string_equal(bed.found, "cut:1:bad.com ");
        assert_string_equal(bed.notes, "cut:3 ");
        assert_int_equal(bed.totals.failed, 1);
        bed_close(&bed);
        free(lines);
        free(room);
    }
}

static void test_left_out(void **state)
{
    struct bed bed;
    const char *paths[4];
    (void)state;
    paths[0] = put_file("binary",
                        "\x7f"
                        "ELF\0 bad.com \n",
                        15);
    paths[1] = put_file("other.xz",
                        "\xfd"
                        "7zXZ bad.com\n",
                        14);
    paths[2] = place("absent");
    paths[3] = put_file("fine", "bad.com\n", 8);
    bed_open(&bed, 2);
    assert_int_equal(bed_run(&bed, paths, 4), KR_OK);
    assert_string_equal(bed.found, "fine:1:bad.com ");
    assert_string_equal(bed.notes, "binary:1 other.xz:2 absent:3 ");
    assert_int_equal(bed.totals.skipped, 2);
    assert_int_equal(bed.totals.failed, 1);
    bed_close(&bed);
    bed_open(&bed, 1);
    bed.hunt.takes_binary = true;
    assert_int_equal(bed_run(&bed, paths, 1), KR_OK);
    assert_string_equal(bed.found, "binary:1:bad.com ");
    bed_close(&bed);
}

static void put_zstd(ZSTD_CStream *stream, FILE *out, const char *text, size_t len, ZSTD_EndDirective end)
{
    char room[65536];
    ZSTD_inBuffer from = {text, len, 0};
    size_t left = 1;
    while (from.pos < from.size || (end == ZSTD_e_end && left > 0)) {
        ZSTD_outBuffer to = {room, sizeof room, 0};
        left = ZSTD_compressStream2(stream, &to, &from, end);
        assert_int_equal(ZSTD_isError(left), 0);
        assert_int_equal(fwrite(room, 1, to.pos, out), to.pos);
    }
}

/* A frame says itself how much memory unpacking it takes. */
static void test_window(void **state)
{
    (void)state;
    for (int bits = 23; bits <= 24; bits++) {
        struct bed bed;
        const char *path = place("a.zst");
        FILE *out = fopen(path, "we");
        ZSTD_CStream *stream = ZSTD_createCStream();
        assert_true(out != NULL && stream != NULL);
        assert_int_equal(ZSTD_isError(ZSTD_CCtx_setParameter(stream, ZSTD_c_windowLog, bits)), 0);
        put_zstd(stream, out, "bad.com\n", 8, ZSTD_e_continue); /* the length of all is not known, so that the window counts */
        put_zstd(stream, out, "1.2.3.4\n", 8, ZSTD_e_end);
        (void)fclose(out);
        (void)ZSTD_freeCStream(stream);
        bed_open(&bed, 1);
        assert_int_equal(bed_run(&bed, &path, 1), KR_OK);
        assert_string_equal(bed.found, bits == 23 ? "a.zst:1:bad.com a.zst:2:1.2.3.4 " : "");
        assert_int_equal(bed.totals.failed, bits == 23 ? 0 : 1);
        assert_int_equal(strstr(bed.detail, "zstd -d --long=31") != NULL, bits == 24);
        bed_close(&bed);
    }
}

/* What cannot be read, or is no text at all, costs no other file. */
static void test_hostile(void **state)
{
    struct bed bed;
    const char *paths[] = {"/proc/self/mem", directory,
                           put_file("fine", "\xff\xfe\xc3(bad.com)\xe3\x81\x80.\xf4 \xed\xa0\x80 1.2.3.4\xc0\n", 31)};
    (void)state;
    bed_open(&bed, 2);
    assert_int_equal(bed_run(&bed, paths, 3), KR_OK);
    assert_string_equal(bed.found, "fine:1:bad.com fine:1:1.2.3.4 ");
    assert_int_equal(bed.totals.failed, 2);
    assert_int_equal(bed.totals.files, 3);
    bed_close(&bed);
}

/* One line of 100 MB, as it is and packed into 1 MB and less: memory stays where it is, and what stands behind is found. */
static void test_bounded(void **state)
{
    enum { BLOCK = 1000000 };
    struct rusage before, behind;
    struct bed bed;
    const char *paths[3] = {place("line"), place("bomb.gz"), place("bomb.zst")};
    char *block = malloc(BLOCK);
    (void)state;
    assert_non_null(block);
    for (size_t i = 0; i < BLOCK; i++) {
        block[i] = i % 61 == 60 ? ' ' : 'a';
    }
    FILE *out = fopen(paths[0], "we");
    gzFile bomb = gzopen(paths[1], "wb1");
    FILE *zstd = fopen(paths[2], "we");
    ZSTD_CStream *stream = ZSTD_createCStream();
    assert_true(out != NULL && bomb != NULL && zstd != NULL && stream != NULL);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fwrite(block, 1, BLOCK, out), BLOCK);
        assert_int_equal(gzwrite(bomb, block, BLOCK), BLOCK);
        put_zstd(stream, zstd, block, BLOCK, ZSTD_e_continue);
    }
    assert_true(fputs(" bad.com \nx 1.2.3.4\n", out) >= 0 && gzputs(bomb, " bad.com \nx 1.2.3.4\n") > 0);
    put_zstd(stream, zstd, " bad.com \nx 1.2.3.4\n", 20, ZSTD_e_end);
    (void)fclose(out);
    (void)gzclose(bomb);
    (void)fclose(zstd);
    (void)ZSTD_freeCStream(stream);
    free(block);
    (void)getrusage(RUSAGE_SELF, &before);
    bed_open(&bed, 2);
    assert_int_equal(bed_run(&bed, paths, 3), KR_OK);
    (void)getrusage(RUSAGE_SELF, &behind);
    assert_string_equal(bed.found,
                        "line:1:bad.com line:2:1.2.3.4 bomb.gz:1:bad.com bomb.gz:2:1.2.3.4 bomb.zst:1:bad.com bomb.zst:2:1.2.3.4 ");
#ifndef __SANITIZE_ADDRESS__ /* it keeps what was freed */
    assert_true(behind.ru_maxrss - before.ru_maxrss < 32 * 1024);
#endif
    bed_close(&bed);
    (void)unlink(paths[0]);
    (void)unlink(paths[1]);
    (void)unlink(paths[2]);
}

/* A pipe that is still written to: what is complete is reported at once. */
static void test_standard_input(void **state)
{
    struct bed bed;
    const char *path = "-";
    int ends[2];
    (void)state;
    const int saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x\nbad.com\nand 1.2.", 18), 18);
    assert_int_equal(write(ends[1], "3.4", 3), 3);
    (void)close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    bed_open(&bed, 2);
    assert_int_equal(bed_run(&bed, &path, 1), KR_OK);
    assert_string_equal(bed.found, "-:2:bad.com -:3:1.2.3.4 ");
    assert_int_equal(bed.totals.lines, 3);
    bed_close(&bed);
    (void)dup2(saved, STDIN_FILENO);
    (void)close(saved);
    (void)close(ends[0]);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/kr-hunt.XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"a", "b", "c", "p", "a.gz", "a.zst", "cut", "binary", "other.xz", "fine"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)unlink(place(names[i]));
    }
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends_of_lines), cmocka_unit_test(test_pieces),   cmocka_unit_test(test_order),
        cmocka_unit_test(test_compressed),    cmocka_unit_test(test_left_out), cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_window),        cmocka_unit_test(test_hostile),  cmocka_unit_test(test_standard_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
