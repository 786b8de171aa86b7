/* What the machine and the libraries can do at all, measured alone: the limits that figures are held against (README.md). */
#ifndef KR_BENCH_LIMITS_H
#define KR_BENCH_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* One durable LMDB commit of one put of `bytes` bytes, `count` times; each time in µs to ret_us. `bytes` 0 when made: for other
 * uses than that. */
struct limit_disk;
struct limit_disk *limit_disk_new(size_t bytes);
void limit_disk_free(struct limit_disk *disk);
void limit_disk_measure(struct limit_disk *disk, size_t bytes, double *ret_us, size_t count);

/* A message there and back between DEALER and ROUTER with CURVE over loopback TCP, in two processes. */
struct limit_wire;
struct limit_wire *limit_wire_new(void);
void limit_wire_free(struct limit_wire *wire);
void limit_wire_measure(struct limit_wire *wire, size_t bytes, double *ret_us, size_t count);

/* Ed25519 verifications of a record's id a second, on one core. */
double limit_verify_rate(uint32_t count);

/* Records for one council that author and receiver together could sign, seal, verify and open a second, if these curve operations
 * were all that they did and all cores did nothing else. */
double limit_sealed_rate(uint32_t count);

/* The parts of a bulk submission that nobody can leave out, one after the other on one core, in µs. */
struct limit_bulk {
    double parse_us, normalise_us, hash_us, sort_us, append_us, log_us, commit_us, sum_us;
};
struct limit_bulk limit_bulk_measure(const char *text, size_t len);
/* The same of a CSV with a heading and the columns date, value, note: dates and notes are read and written, too. */
struct limit_bulk limit_import_measure(const char *csv, size_t len);

#endif
