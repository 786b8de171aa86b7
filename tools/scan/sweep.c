#include "tools/scan/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "tools/formats/fold.h"
#include "tools/scan/part.h"

struct variant {
    const char *name;
    void (*sweep)(struct kr_sweep *sweep, const uint8_t *text, size_t len);
    uint64_t (*words)(const uint8_t *text, size_t len);
};

static const struct variant variants[] = {
    {"portable", kr_sweep_portable, kr_sweep_words_portable},
#if defined(__x86_64__)
    {"sse2", kr_sweep_sse2, kr_sweep_words_sse2},
    {"avx2", kr_sweep_avx2, kr_sweep_words_avx2},
    {"avx512", kr_sweep_avx512, kr_sweep_words_avx512},
#endif
};
#define VARIANT_COUNT (sizeof variants / sizeof variants[0])

static const struct variant *chosen;

/* The files are compiled for more than their names say (x86-64-v3, x86-64-v4 with VBMI, VBMI2, VPOPCNTDQ and GFNI), hence the list.
 */
static bool can_run(size_t i)
{
    bool can = i < VARIANT_COUNT;
#if defined(__x86_64__)
    if (i >= 2) {
        can = can && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
              __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
    }
    if (i >= 3) {
        can = can && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
              __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("gfni");
    }
#endif
    return can;
}

const char *kr_sweep_name(size_t i)
{
    return can_run(i) ? variants[i].name : NULL;
}

bool kr_sweep_choose(const char *name)
{
    bool found = false;
    for (size_t i = 0; can_run(i) && !found; i++) {
        found = strcmp(variants[i].name, name) == 0;
        chosen = found ? &variants[i] : chosen;
    }
    return found;
}

static const struct variant *best(void)
{
    size_t i = 0;
    while (can_run(i + 1)) {
        i++;
    }
    return chosen != NULL ? chosen : &variants[i];
}

enum kr_err kr_sweep_init(struct kr_sweep *sweep, const struct kr_sieve *sieve)
{
    *sweep = (struct kr_sweep){.sieve = sieve, .scratch = calloc(1, sizeof *sweep->scratch)};
    if (sweep->scratch != NULL) {
        sweep->scratch->fold = malloc(sizeof *sweep->scratch->fold);
        sweep->scratch->batch = calloc(1, sizeof *sweep->scratch->batch);
        sweep->scratch->line = UINT64_MAX;
    }
    const bool ok = sweep->scratch != NULL && sweep->scratch->fold != NULL && sweep->scratch->batch != NULL;
    if (!ok) {
        kr_sweep_deinit(sweep);
    }
    return ok ? KR_OK : KR_NOMEM;
}

void kr_sweep_deinit(struct kr_sweep *sweep)
{
    if (sweep->scratch != NULL) {
        free(sweep->scratch->fold);
        free(sweep->scratch->batch);
        free(sweep->scratch);
        sweep->scratch = NULL;
    }
}

void kr_sweep_text(struct kr_sweep *sweep, const uint8_t *text, size_t len)
{
    sweep->scratch->defang_done = sweep->scratch->colons_done = 0;
    sweep->scratch->line = UINT64_MAX;
    KR_ASSERT(len <= UINT32_MAX / 2);
    best()->sweep(sweep, text, len);
}

uint64_t kr_sweep_words(const uint8_t *text, size_t len)
{
    return best()->words(text, len);
}
