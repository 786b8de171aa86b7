#include "limits.h"

#include <lmdb.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "bench.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "crypto/sign.h"
#include "proto/indicator/indicator.h"
#include "tools/formats/import.h"

#define DISK_BYTES_MAX ((size_t)1 << 30)
#define DISK_ROWS      1000u

/* ---- disk ---- */

struct limit_disk {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t next;
    char path[300];
};

static void open_env(struct limit_disk *disk)
{
    static unsigned serial;
    MDB_txn *txn;
    (void)snprintf(disk->path, sizeof disk->path, "%s/limit%u", bench_directory(), serial++);
    BENCH_MUST(mkdir(disk->path, 0700) == 0 && mdb_env_create(&disk->env) == 0 &&
               mdb_env_set_mapsize(disk->env, DISK_BYTES_MAX) == 0 && mdb_env_set_maxdbs(disk->env, 4) == 0 &&
               mdb_env_open(disk->env, disk->path, 0, 0600) == 0 && mdb_txn_begin(disk->env, NULL, 0, &txn) == 0 &&
               mdb_dbi_open(txn, "records", MDB_CREATE, &disk->dbi) == 0 && mdb_txn_commit(txn) == 0);
}

static void put_row(struct limit_disk *disk, MDB_txn *txn, size_t bytes)
{
    static uint8_t value[65536];
    BENCH_MUST(bytes <= sizeof value);
    const uint64_t row = disk->next++ % DISK_ROWS;
    uint8_t key[2] = {(uint8_t)(row >> 8), (uint8_t)row};
    randombytes_buf(value, 8);
    MDB_val k = {sizeof key, key}, v = {bytes, value};
    BENCH_MUST(mdb_put(txn, disk->dbi, &k, &v, 0) == 0);
}

/* Rows are there beforehand and are overwritten: a file that grows makes the file system commit its journal, too, which is slower.
 */
struct limit_disk *limit_disk_new(size_t bytes)
{
    struct limit_disk *disk = calloc(1, sizeof *disk);
    MDB_txn *txn;
    BENCH_MUST(disk != NULL);
    open_env(disk);
    for (unsigned round = 0; round < 3; round++) { /* so that there are free pages enough */
        BENCH_MUST(mdb_txn_begin(disk->env, NULL, 0, &txn) == 0);
        for (unsigned i = 0; i < DISK_ROWS && bytes > 0; i++) {
            put_row(disk, txn, bytes);
        }
        BENCH_MUST(mdb_txn_commit(txn) == 0);
    }
    return disk;
}

void limit_disk_free(struct limit_disk *disk)
{
    char path[320];
    mdb_env_close(disk->env);
    (void)snprintf(path, sizeof path, "%s/data.mdb", disk->path);
    (void)unlink(path);
    free(disk);
}

void limit_disk_measure(struct limit_disk *disk, size_t bytes, double *ret_us, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        MDB_txn *txn;
        uint64_t begin_us = bench_now_us();
        BENCH_MUST(mdb_txn_begin(disk->env, NULL, 0, &txn) == 0);
        put_row(disk, txn, bytes);
        BENCH_MUST(mdb_txn_commit(txn) == 0);
        ret_us[i] = (double)(bench_now_us() - begin_us);
    }
}

/* ---- wire ---- */

struct limit_wire {
    pid_t echo;
    void *context, *dealer;
};

static void echo_all(int report, const uint8_t secret[static 32])
{
    char endpoint[128];
    size_t len = sizeof endpoint;
    int one = 1;
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    if (zmq_setsockopt(router, ZMQ_CURVE_SERVER, &one, sizeof one) != 0 ||
        zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, secret, 32) != 0 || zmq_bind(router, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &len) != 0 || write(report, endpoint, len) < 0) {
        _exit(1);
    }
    for (;;) {
        zmq_msg_t route, message;
        (void)zmq_msg_init(&route);
        (void)zmq_msg_init(&message);
        if (zmq_msg_recv(&route, router, 0) < 0 || zmq_msg_recv(&message, router, 0) < 0 ||
            zmq_msg_send(&route, router, ZMQ_SNDMORE) < 0 || zmq_msg_send(&message, router, 0) < 0) {
            _exit(1);
        }
    }
}

struct limit_wire *limit_wire_new(void)
{
    struct limit_wire *wire = calloc(1, sizeof *wire);
    uint8_t server_public[32], server_secret[32], public[32], secret[32];
    char endpoint[128] = "";
    int ends[2];
    BENCH_MUST(wire != NULL && pipe(ends) == 0);
    (void)crypto_box_keypair(server_public, server_secret);
    (void)crypto_box_keypair(public, secret);
    wire->echo = fork();
    BENCH_MUST(wire->echo >= 0);
    if (wire->echo == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        echo_all(ends[1], server_secret);
    }
    BENCH_MUST(read(ends[0], endpoint, sizeof endpoint - 1) > 0);
    (void)close(ends[0]);
    (void)close(ends[1]);
    wire->context = zmq_ctx_new();
    wire->dealer = zmq_socket(wire->context, ZMQ_DEALER);
    BENCH_MUST(zmq_setsockopt(wire->dealer, ZMQ_CURVE_SERVERKEY, server_public, 32) == 0 &&
               zmq_setsockopt(wire->dealer, ZMQ_CURVE_PUBLICKEY, public, 32) == 0 &&
               zmq_setsockopt(wire->dealer, ZMQ_CURVE_SECRETKEY, secret, 32) == 0 && zmq_connect(wire->dealer, endpoint) == 0);
    double first_us;
    limit_wire_measure(wire, 1, &first_us, 1); /* connected */
    return wire;
}

void limit_wire_free(struct limit_wire *wire)
{
    int zero = 0;
    (void)zmq_setsockopt(wire->dealer, ZMQ_LINGER, &zero, sizeof zero);
    (void)zmq_close(wire->dealer);
    (void)zmq_ctx_term(wire->context);
    (void)kill(wire->echo, SIGKILL);
    (void)waitpid(wire->echo, NULL, 0);
    free(wire);
}

void limit_wire_measure(struct limit_wire *wire, size_t bytes, double *ret_us, size_t count)
{
    static uint8_t message[65536];
    BENCH_MUST(bytes <= sizeof message);
    for (size_t i = 0; i < count; i++) {
        uint64_t begin_us = bench_now_us();
        BENCH_MUST(zmq_send(wire->dealer, message, bytes, 0) == (int)bytes &&
                   zmq_recv(wire->dealer, message, sizeof message, 0) == (int)bytes);
        ret_us[i] = (double)(bench_now_us() - begin_us);
    }
}

/* ---- verifying ---- */

double limit_verify_rate(uint32_t count)
{
    uint8_t public[32], secret[64], seed[32] = {1}, id[32] = {2}, signature[64];
    kr_sign_keypair(public, secret, seed);
    kr_sign(signature, secret, "kairan record sig", id, sizeof id);
    uint64_t begin_us = bench_now_us();
    for (uint32_t i = 0; i < count; i++) {
        BENCH_MUST(kr_verify(signature, public, "kairan record sig", id, sizeof id) == KR_OK);
    }
    return count * 1e6 / (double)(bench_now_us() - begin_us);
}

double limit_sealed_rate(uint32_t count)
{
    uint8_t public[32], secret[64], box_public[32], box_secret[32], seed[32] = {1}, id[32] = {2}, key[32] = {3}, signature[64];
    uint8_t slots[2][KR_SLOT_BYTES];
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    kr_sign_keypair(public, secret, seed);
    kr_box_keypair(box_public, box_secret, seed);
    uint64_t begin_us = bench_now_us();
    for (uint32_t i = 0; i < count; i++) {
        kr_sign(signature, secret, "kairan record sig", id, sizeof id);
        BENCH_MUST(kr_slot_seal(slots[0], key, box_public, seed) == KR_OK &&
                   kr_slot_seal(slots[1], key, box_public, seed) == KR_OK &&
                   kr_verify(signature, public, "kairan record sig", id, sizeof id) == KR_OK &&
                   kr_slot_open(key, slots[0], box_public, box_secret) == KR_OK);
    }
    return count * 1e6 / (double)(bench_now_us() - begin_us) * (double)(cores > 0 ? cores : 1);
}

/* ---- bulk ---- */

#define ENTRY_BYTES 26u /* as in the store: term, arrival, position */
#define VALUE_HEAD  3u  /* of what goes to the log: type 1, length 2 */
#define NOTED_HEAD  8u  /* and, of a CSV: length of the note 1, time 4 */

struct line {
    const char *text, *date, *note;
    size_t len, date_len, note_len;
};

struct work {
    struct line *lines;
    size_t line_count;
    struct kr_indicator parsed;
    uint8_t *values; /* head, value, note: what goes to the log */
    size_t values_len, head;
    uint8_t (*entries)[ENTRY_BYTES];
    size_t entry_count;
    uint8_t key[32];
};

/* "date,value,note": where its cells are. */
static void split_cells(struct line *line)
{
    const char *first = memchr(line->text, ',', line->len), *end = line->text + line->len;
    const char *last = first != NULL ? memchr(first + 1, ',', (size_t)(end - first) - 1) : NULL;
    BENCH_MUST(last != NULL);
    *line = (struct line){.text = first + 1,
                          .len = (size_t)(last - first) - 1,
                          .date = line->text,
                          .date_len = (size_t)(first - line->text),
                          .note = last + 1,
                          .note_len = (size_t)(end - last) - 1};
}

static void parse(struct work *work, const char *text, size_t len, bool is_csv)
{
    size_t capacity = 0;
    for (const char *at = text, *end = text + len; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed != NULL ? feed : end;
        if (work->line_count == capacity) {
            capacity = capacity * 2 + 1024;
            work->lines = realloc(work->lines, capacity * sizeof work->lines[0]);
            BENCH_MUST(work->lines != NULL);
        }
        work->lines[work->line_count] = (struct line){.text = at, .len = (size_t)(stop - at)};
        if (is_csv) {
            split_cells(&work->lines[work->line_count]);
        }
        work->line_count++;
        at = stop + 1;
    }
}

static void normalise(struct work *work, size_t text_len)
{
    work->values = malloc(text_len + 16 * work->line_count + KR_INDICATOR_BYTES_MAX);
    BENCH_MUST(work->values != NULL);
    for (size_t i = 0; i < work->line_count; i++) {
        struct kr_indicator *parsed = &work->parsed;
        const struct line *line = &work->lines[i];
        uint64_t date_s = 0;
        BENCH_MUST(kr_indicator_parse(KR_INDICATOR_ANY, line->text, line->len, parsed, NULL) == KR_OK);
        BENCH_MUST(line->date == NULL ||
                   kr_import_date((struct kr_slice){(const uint8_t *)line->date, line->date_len}, 0, &date_s) == KR_OK);
        uint8_t *at = work->values + work->values_len;
        at[0] = (uint8_t)parsed->type;
        at[1] = (uint8_t)(parsed->len >> 8);
        at[2] = (uint8_t)parsed->len;
        memcpy(at + work->head, parsed->value, parsed->len);
        if (work->head == NOTED_HEAD) {
            BENCH_MUST(line->note_len < 256);
            at[3] = (uint8_t)line->note_len;
            memcpy(at + 4, &date_s, 4);
            memcpy(at + work->head + parsed->len, line->note, line->note_len);
        }
        work->values_len += work->head + parsed->len + line->note_len;
    }
}

static bool add_term(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct work *work = context;
    uint8_t *entry = work->entries[work->entry_count++];
    kr_term(entry, work->key, 1, type, bytes, len);
    memset(entry + KR_TERM_BYTES, 0, ENTRY_BYTES - KR_TERM_BYTES);
    entry[24] = (uint8_t)(work->entry_count >> 8);
    entry[25] = (uint8_t)work->entry_count;
    return true;
}

static void hash(struct work *work)
{
    work->entries = malloc(work->line_count * 2 * ENTRY_BYTES); /* an indicator of these kinds has at most two keys */
    BENCH_MUST(work->entries != NULL);
    for (size_t at = 0; at < work->values_len;) {
        const uint8_t *value = work->values + at;
        size_t len = (size_t)value[1] << 8 | value[2];
        kr_indicator_index_keys(value[0], value + work->head, len, add_term, work);
        at += work->head + len + (work->head == NOTED_HEAD ? value[3] : 0u);
    }
}

static int compare_entries(const void *left, const void *right)
{
    return memcmp(left, right, ENTRY_BYTES);
}

static void append(struct work *work, MDB_txn *txn)
{
    MDB_dbi dbi;
    uint8_t tag[8] = {0};
    BENCH_MUST(mdb_dbi_open(txn, "run", MDB_CREATE, &dbi) == 0);
    for (size_t i = 0; i < work->entry_count; i++) {
        MDB_val key = {ENTRY_BYTES, work->entries[i]}, value = {sizeof tag, tag};
        BENCH_MUST(mdb_put(txn, dbi, &key, &value, MDB_APPEND) == 0);
    }
}

static void write_log(struct work *work, MDB_txn *txn, MDB_dbi dbi)
{
    for (size_t at = 0, number = 0; at < work->values_len; number++) {
        uint8_t key[8] = {0, 0, 0, 0, (uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
        size_t len = work->values_len - at < KR_CHUNK_BYTES_MAX ? work->values_len - at : KR_CHUNK_BYTES_MAX;
        MDB_val k = {sizeof key, key}, v = {len, work->values + at};
        BENCH_MUST(mdb_put(txn, dbi, &k, &v, MDB_APPEND) == 0);
        at += len;
    }
}

static struct limit_bulk measure_bulk(const char *text, size_t len, bool is_csv)
{
    static struct work work;
    struct limit_bulk result = {0};
    struct limit_disk *disk = limit_disk_new(0);
    MDB_txn *txn;
    uint64_t at_us[9];
    memset(&work, 0, sizeof work);
    work.head = is_csv ? NOTED_HEAD : VALUE_HEAD;
    at_us[0] = bench_now_us();
    parse(&work, text, len, is_csv);
    at_us[1] = bench_now_us();
    normalise(&work, len);
    at_us[2] = bench_now_us();
    hash(&work);
    at_us[3] = bench_now_us();
    qsort(work.entries, work.entry_count, ENTRY_BYTES, compare_entries);
    at_us[4] = bench_now_us();
    BENCH_MUST(mdb_txn_begin(disk->env, NULL, 0, &txn) == 0);
    append(&work, txn);
    at_us[5] = bench_now_us();
    write_log(&work, txn, disk->dbi);
    at_us[6] = bench_now_us();
    BENCH_MUST(mdb_txn_commit(txn) == 0);
    at_us[7] = bench_now_us();
    double *parts[] = {&result.parse_us,  &result.normalise_us, &result.hash_us,  &result.sort_us,
                       &result.append_us, &result.log_us,       &result.commit_us};
    for (int i = 0; i < 7; i++) {
        *parts[i] = (double)(at_us[i + 1] - at_us[i]);
        result.sum_us += *parts[i];
    }
    free(work.lines);
    free(work.values);
    free(work.entries);
    limit_disk_free(disk);
    return result;
}

struct limit_bulk limit_bulk_measure(const char *text, size_t len)
{
    return measure_bulk(text, len, false);
}

struct limit_bulk limit_import_measure(const char *csv, size_t len)
{
    const char *feed = memchr(csv, '\n', len);
    BENCH_MUST(feed != NULL);
    const size_t heading = (size_t)(feed - csv) + 1;
    return measure_bulk(csv + heading, len - heading, true);
}
