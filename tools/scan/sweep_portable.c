/* Any machine: a table, a byte at a time. */
#define NAME(x) x##_portable
#include "tools/scan/core.inc"

static inline void classify(const uint8_t *at, struct kr_sweep_block *ret)
{
    struct kr_sweep_block block = {0};
    for (unsigned i = 0; i < 64; i++) {
        const bool beyond = at[i] >= 0x80;
        const uint64_t class = beyond ? KR_CLASS_WORD | KR_CLASS_ODD : kr_classes[at[i]];
        block.word |= (class & 1) << i;
        block.dot |= (class >> 1 & 1) << i;
        block.odd |= (class >> 2 & 1) << i;
        block.colon |= (class >> 3 & 1) << i;
        block.hex |= (class >> 4 & 1) << i;
        block.fence |= (class >> 5 & 1) << i;
        block.inside |= (class >> 6 & 1) << i;
        block.letter |= (class >> 7 & 1) << i;
    }
    *ret = block;
}
