/* Anything as a log: every implementation finds the same in it; and anything as a file, compressed or not. The first byte selects.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/scan/hunt.h"

static const char *const values[] = {
    "bad.com",    "http://bad.com/login", "https://evil.example/a?b=1", "http://[2001:db8::7]/y",           "1.2.3.4",
    "10.0.0.0/8", "2001:db8::/32",        "o'neil@mail.example",        "d41d8cd98f00b204e9800998ecf8427e", "xn--r8jz45g.jp",
};
static const struct {
    uint32_t type;
    const char *text;
} texts[] = {{KR_INDICATOR_FILENAME, "my invoice.exe"},
             {KR_INDICATOR_REGISTRY_KEY, "HKLM\\Software\\Evil\\Run"},
             {KR_INDICATOR_MUTEX, "Global\\abc"},
             {KR_INDICATOR_CVE, "CVE-2024-12345"}};

static struct kr_sieve *make_sieve(bool with_texts)
{
    static const uint8_t seed[48] = {1, 2, 3};
    struct kr_indicator value;
    struct kr_sieve *sieve = kr_sieve_new(seed);
    KR_ASSERT(sieve != NULL);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        KR_ASSERT(kr_indicator_parse(KR_INDICATOR_ANY, values[i], strlen(values[i]), &value, NULL) == KR_OK);
        KR_ASSERT(kr_sieve_add(sieve, value.type, value.value, value.len, (uint32_t)i) == KR_OK);
    }
    for (size_t i = 0; with_texts && i < sizeof texts / sizeof texts[0]; i++) {
        KR_ASSERT(kr_indicator_parse(texts[i].type, texts[i].text, strlen(texts[i].text), &value, NULL) == KR_OK);
        KR_ASSERT(kr_sieve_add(sieve, value.type, value.value, value.len, (uint32_t)(100 + i)) == KR_OK);
    }
    KR_ASSERT(kr_sieve_seal(sieve) == KR_OK);
    return sieve;
}

static void sum_hit(void *context, const struct kr_sweep_hit *hit)
{
    uint64_t *sum = context;
    *sum = (*sum * 31 + hit->line) * 131 + hit->value.record * 8 + hit->how;
}

static void check_sweep(const struct kr_sieve *sieve, const uint8_t *bytes, size_t len)
{
    uint64_t first = 0;
    uint8_t *room = malloc(len + 2 * KR_SWEEP_PAD);
    KR_ASSERT(room != NULL);
    memset(room, '@', len + 2 * KR_SWEEP_PAD);
    memcpy(room + KR_SWEEP_PAD, bytes, len);
    for (size_t i = 0; kr_sweep_name(i) != NULL; i++) {
        struct kr_sweep sweep;
        uint64_t sum = 0;
        KR_ASSERT(kr_sweep_choose(kr_sweep_name(i)) && kr_sweep_init(&sweep, sieve) == KR_OK);
        sweep.context = &sum;
        sweep.hit = sum_hit;
        kr_sweep_text(&sweep, room + KR_SWEEP_PAD, len);
        sum = sum * 31 + sweep.lines;
        first = i == 0 ? sum : first;
        KR_ASSERT(sum == first);
        kr_sweep_deinit(&sweep);
    }
    free(room);
}

static void take_hit(void *context, const struct kr_hunt_hit *hit)
{
    (void)context;
    KR_ASSERT(hit->line > 0 && hit->value.value.len > 0);
}

static void take_note(void *context, const char *file, enum kr_hunt_note note, const char *detail)
{
    (void)context;
    KR_ASSERT(file[0] != 0 && note >= KR_HUNT_BINARY && note <= KR_HUNT_FAILED && strlen(detail) < 512);
}

static void check_file(const struct kr_sieve *sieve, const uint8_t *bytes, size_t len)
{
    char path[64];
    const char *paths[] = {path};
    const struct kr_hunt hunt = {.sieve = sieve, .threads = 1, .takes_binary = true, .hit = take_hit, .note = take_note};
    struct kr_hunt_totals totals;
    struct kr_hunt_mark mark;
    const int fd = memfd_create("log", MFD_CLOEXEC);
    KR_ASSERT(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    KR_ASSERT(kr_hunt(&hunt, paths, 1, &totals, &mark) == KR_OK && totals.files == 1);
    (void)close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct kr_sieve *sieves[2];
    if (sieves[0] == NULL) {
        sieves[0] = make_sieve(false);
        sieves[1] = make_sieve(true);
    }
    if (len > 1 && len <= KR_MIB) {
        if (bytes[0] % 4 == 3) {
            check_file(sieves[0], bytes + 1, len - 1);
        } else {
            check_sweep(sieves[bytes[0] % 2], bytes + 1, len - 1);
        }
    }
    return 0;
}
