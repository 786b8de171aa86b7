/* Goes through a text and reports what of a set of values stands in it, with the line.
 *
 * What counts as standing in it: whole words only. A word is a run of letters, digits, '.', '-', '_', '%' and bytes beyond ASCII,
 * without dots and hyphens at its ends.
 *
 *   four numbers       IPv4 address: also every network around it
 *   host name          with its parents down to two labels (x.bad.example: bad.example), never with its children
 *   behind "://"       the URL, with and without its query, and its host as above; hxxp is http, JSON's "\/" is "/"
 *   else               the name is also the host of a URL that is in the set ("CONNECT bad.example:443"), and with a path behind it
 *                      the URL that it would be with http:// or https://
 *   behind NAME@       the e-mail address
 *   32, 40, 64, 128    hexadecimal digits: hashes
 *   runs of hexadecimal digits and colons: IPv6 addresses and networks around them
 *   file names, registry keys, mutexes, user agents, CVE and AS numbers: the text itself between characters of no word; upper and
 *                      lower case are the same where Windows or the format says so; the hive of a key in any spelling
 *
 * A word with "%XX" is decoded once and looked through again; in a word with bytes beyond ASCII, those of scripts that are written
 * without spaces separate, others belong to the name (IDN). Defanged spellings ([.], (dot), hxxp[:]// …) are undone. */
#ifndef KR_TOOLS_SCAN_SWEEP_H
#define KR_TOOLS_SCAN_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/scan/sieve.h"

/* So many bytes before and behind the text must be readable. What they are does not matter. */
#define KR_SWEEP_PAD 64u

enum kr_sweep_how {
    KR_SWEEP_EXACT = 1,
    KR_SWEEP_PARENT = 2,   /* a domain above the name, or that of an e-mail address */
    KR_SWEEP_NETWORK = 3,  /* a network around the address */
    KR_SWEEP_URL_HOST = 4, /* the host of a URL, which may have been another one there */
};

struct kr_sweep_hit {
    uint64_t line;               /* from 0, counted from where the sweep was begun */
    struct kr_slice text;        /* where it was found; borrowed for the call */
    struct kr_sieve_value value; /* with its newest record */
    uint32_t how;                /* enum kr_sweep_how */
    uint32_t records;            /* that have the value, at most 256 */
};

struct kr_sweep {
    const struct kr_sieve *sieve;
    void *context;
    void (*hit)(void *context, const struct kr_sweep_hit *hit); /* each value once a line */
    bool no_url_hosts;                                          /* leave KR_SWEEP_URL_HOST out */
    uint64_t lines;                                             /* so many line feeds were passed */

    struct kr_sweep_scratch *scratch; /* for the files of this folder */
};

enum kr_err kr_sweep_init(struct kr_sweep *sweep, const struct kr_sieve *sieve) KR_WARN_UNUSED;
void kr_sweep_deinit(struct kr_sweep *sweep);
/* `text` must end where a line or at least a word ends. */
void kr_sweep_text(struct kr_sweep *sweep, const uint8_t *text, size_t len);

/* The implementations that this machine can run, from the slowest: "portable", "sse2", "avx2", "avx512"; NULL past the end. All
 * find the same. kr_sweep_text takes the last one, or what was chosen (for tests and benches; false where it is not there). */
const char *kr_sweep_name(size_t i);
bool kr_sweep_choose(const char *name);
/* Only finds the words and looks none up: what the fastest thinkable search would take. Returns how many words there were. */
uint64_t kr_sweep_words(const uint8_t *text, size_t len);

#endif
