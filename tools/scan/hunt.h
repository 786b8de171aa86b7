/* Searches logs for the values of a set, on several cores, and reports what is found in the order of files and lines.
 *
 * A file is taken in pieces of some MiB, each by the thread that is free next; compressed ones and standard input are read by turns
 * and searched side by side. A line belongs to the piece in which it begins. Memory: a few MiB a thread, whatever the logs hold; a
 * line of more than 256 KiB is searched in parts that end between words. */
#ifndef KR_TOOLS_SCAN_HUNT_H
#define KR_TOOLS_SCAN_HUNT_H

#include "tools/scan/sweep.h"

#define KR_HUNT_THREADS_MAX 256u

struct kr_hunt_hit {
    const char *file;
    uint64_t line;        /* from 1 */
    struct kr_slice text; /* as found; borrowed for the call */
    struct kr_sieve_value value;
    uint32_t how, records; /* as in kr_sweep_hit */
};

/* How far everything is done: all before it was searched and reported. */
struct kr_hunt_mark {
    size_t file;     /* number of the file */
    uint64_t offset; /* in it (decompressed) */
    uint64_t lines;  /* of it, before the offset */
};

struct kr_hunt_totals {
    uint64_t files, lines, bytes, hits;
    uint64_t skipped; /* files that look binary */
    uint64_t failed;  /* that could not be read, or not to their ends */
};

enum kr_hunt_note {
    KR_HUNT_BINARY = 1,  /* skipped */
    KR_HUNT_FOREIGN = 2, /* compressed as we cannot read it; skipped */
    KR_HUNT_FAILED = 3,
};

struct kr_hunt {
    const struct kr_sieve *sieve;
    unsigned threads; /* 0: as many as there are cores */
    bool no_url_hosts;
    bool takes_binary;
    struct kr_hunt_mark from; /* where to go on; all zero: from the beginning */
    void *context;
    /* Called by one thread at a time, in order; none of them waits for another but for these. */
    void (*hit)(void *context, const struct kr_hunt_hit *hit);
    void (*note)(void *context, const char *file, enum kr_hunt_note note, const char *detail);
    void (*progress)(void *context, const struct kr_hunt_mark *mark, uint64_t bytes_on_disk); /* may be NULL */
    const volatile bool *stop; /* asked between pieces; may be NULL */
};

/* `paths`: files, "-" for standard input. KR_OK when all was gone through, whatever was found; KR_CANCELLED where it was stopped:
 * *ret_mark then says where to go on. KR_NOMEM, KR_SYSTEM. */
enum kr_err kr_hunt(const struct kr_hunt *hunt, const char *const *paths, size_t count, struct kr_hunt_totals *ret_totals,
                    struct kr_hunt_mark *ret_mark) KR_WARN_UNUSED;

#endif
