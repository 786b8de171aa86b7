/* Under which lengths of prefixes networks are indexed. They are only ever added: what is not there any more is asked for in vain.
 */
#include <string.h>

#include "store/internal.h"

#define PREFIXES_KEY   kr_slice_of("prefixes", 8)
#define PREFIXES_BYTES 24u /* ipv4 8 ‖ ipv6 16 */
#define WORDS          3u

static enum kr_err get(struct kr_txn *txn, uint64_t ret_words[static WORDS])
{
    uint8_t bytes[PREFIXES_BYTES];
    enum kr_err err = kr_value_get_fixed(txn, KR_DBI_META, PREFIXES_KEY, bytes, sizeof bytes);
    for (uint32_t i = 0; i < WORDS && err == KR_OK; i++) {
        ret_words[i] = kr_get_be(bytes + 8 * i, 8);
    }
    return err;
}

static enum kr_err put(struct kr_txn *txn, const uint64_t words[static WORDS])
{
    uint8_t bytes[PREFIXES_BYTES];
    for (uint32_t i = 0; i < WORDS; i++) {
        kr_put_be(bytes + 8 * i, words[i], 8);
    }
    return kr_value_put(txn, KR_DBI_META, PREFIXES_KEY, kr_slice_of(bytes, sizeof bytes), 0);
}

enum kr_err kr_prefixes_make(struct kr_txn *txn)
{
    static const uint64_t none[WORDS];
    return put(txn, none);
}

void kr_prefixes_load(struct kr_txn *txn)
{
    uint64_t words[WORDS];
    const bool are_known = get(txn, words) == KR_OK;
    for (uint32_t i = 0; i < WORDS; i++) {
        atomic_store(&txn->store->prefixes[i], are_known ? words[i] : UINT64_MAX);
    }
}

/* Whoever looks up in a snapshot that has the terms must know of them: in memory they stand before the transaction commits, and
 * stay where it does not. */
enum kr_err kr_store_prefixes_note(struct kr_txn *txn, const struct kr_prefixes *prefixes)
{
    const uint64_t noted[WORDS] = {prefixes->ipv4, prefixes->ipv6[0], prefixes->ipv6[1]};
    uint64_t words[WORDS];
    bool has_more = false;
    KR_ASSERT(txn->is_write);
    if ((noted[0] | noted[1] | noted[2]) == 0) {
        return KR_OK;
    }
    enum kr_err err = get(txn, words);
    if (err == KR_NOT_FOUND || err == KR_CORRUPT) { /* all, also where the row was sound when the store was opened */
        for (uint32_t i = 0; i < WORDS; i++) {
            atomic_store(&txn->store->prefixes[i], UINT64_MAX);
        }
        return KR_OK;
    }
    for (uint32_t i = 0; i < WORDS && err == KR_OK; i++) {
        has_more = has_more || (noted[i] & ~words[i]) != 0;
        words[i] |= noted[i];
        (void)atomic_fetch_or(&txn->store->prefixes[i], noted[i]);
    }
    return has_more && err == KR_OK ? put(txn, words) : err;
}

void kr_txn_prefixes(const struct kr_txn *txn, struct kr_prefixes *ret_prefixes)
{
    const struct kr_store *store = txn->store;
    *ret_prefixes = (struct kr_prefixes){.ipv4 = (uint32_t)atomic_load(&store->prefixes[0]),
                                         .ipv6 = {atomic_load(&store->prefixes[1]), atomic_load(&store->prefixes[2])}};
}
