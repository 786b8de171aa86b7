#include "loggen.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS      50000u
#define VALUE_ROOM 256u
#define PATH_ROOM  400u
#define LINE_ROOM  4096u
#define SHARED     50u /* hosts where anybody may put a page */

struct random {
    uint64_t state;
};

/* Like sprintf, where there is room; all texts here are shorter than their rooms. */
static int say(char *text, size_t room, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int say(char *text, size_t room, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(text, room, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= room) {
        abort();
    }
    return len;
}
#define SAY(array, ...)  (void)say(array, sizeof(array), __VA_ARGS__)
#define MORE(array, ...) (void)say((array) + strlen(array), sizeof(array) - strlen(array), __VA_ARGS__)

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t next(struct random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    return mix(random->state);
}

static uint32_t below(struct random *random, uint32_t bound)
{
    return (uint32_t)((next(random) >> 32) * bound >> 32);
}

static const char *const words[] = {"alpha",  "bridge", "cloud",   "data",   "east",   "forest", "garden",  "harbor",
                                    "island", "jewel",  "kitchen", "lemon",  "market", "north",  "ocean",   "planet",
                                    "quick",  "river",  "silver",  "travel", "union",  "valley", "window",  "yellow",
                                    "zenith", "mobile", "studio",  "media",  "health", "school", "weather", "books"};
static const char *const syllables[] = {"ka", "ri", "to", "mo", "zu",  "xe", "vo", "li",
                                        "na", "pe", "qu", "sa", "tri", "lo", "be", "gy"};
static const char *const tops[] = {"com", "net", "org", "jp", "co.jp", "ne.jp", "info", "io", "com", "com", "jp", "lg.jp"};
static const char *const bad_tops[] = {"com", "xyz", "top", "info", "ru", "cn", "net", "shop", "online", "com.br"};
static const char *const subs[] = {"www", "cdn", "api", "img", "static", "mail", "login", "assets", "news", "m", "track", "ads"};
static const char *const kinds[] = {"html", "js", "css", "png", "jpg", "woff2", "json", "gif", "php", "svg"};
static const char *const agents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
    "Microsoft-CryptoAPI/10.0", "curl/7.88.1"};
#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof(list)[0]))

/* ---- indicators ---- */

enum kind { DOMAIN, URL, SHARED_URL, IPV4, NETWORK, SHA256, MD5, SHA1, IPV6, EMAIL };

static enum kind kind_of(uint32_t number)
{
    const uint32_t n = (uint32_t)(mix(number + 77) % 100);
    return n < 45   ? DOMAIN
           : n < 63 ? URL
           : n < 65 ? SHARED_URL
           : n < 84 ? IPV4
           : n < 85 ? NETWORK
           : n < 93 ? SHA256
           : n < 96 ? MD5
           : n < 97 ? SHA1
           : n < 98 ? IPV6
                    : EMAIL;
}

/* The number is in it, so that no two are the same, and digits are in it, which no harmless host has there. */
static int bad_domain(uint64_t seed, uint32_t number, char *text)
{
    struct random random = {mix(seed ^ number)};
    int len = say(text, 96, "%s%s%s%" PRIu32 ".%s", syllables[below(&random, COUNT(syllables))],
                  syllables[below(&random, COUNT(syllables))], syllables[below(&random, COUNT(syllables))], number,
                  bad_tops[below(&random, COUNT(bad_tops))]);
    return len;
}

static void shared_host(uint32_t number, char *text)
{
    (void)say(text, 96, "%s.%sshare.example", subs[number % COUNT(subs)], words[number / COUNT(subs) % COUNT(words)]);
}

static void hex(struct random *random, char *text, unsigned digits)
{
    for (unsigned i = 0; i < digits; i++) {
        text[i] = "0123456789abcdef"[next(random) >> 60];
    }
    text[digits] = 0;
}

/* 199 of 11 to 214: without those that are private or set aside. */
static unsigned first_octet(uint32_t n)
{
    static const unsigned left_out[] = {127, 169, 172, 192, 198};
    unsigned octet = 11 + n;
    for (uint32_t i = 0; i < COUNT(left_out); i++) {
        octet += octet >= left_out[i];
    }
    return octet;
}

void loggen_value(uint64_t seed, uint32_t number, char text[static 256])
{
    struct random random = {mix(seed ^ 0xabcdef ^ (uint64_t)number << 20)};
    char host[96];
    switch (kind_of(number)) {
    case DOMAIN:
        (void)bad_domain(seed, number, text);
        break;
    case URL:
        (void)bad_domain(seed, number, host);
        (void)say(text, VALUE_ROOM, "http%s://%s/%s/%s%u.%s", below(&random, 2) == 0 ? "s" : "", host,
                  words[below(&random, COUNT(words))], words[below(&random, COUNT(words))], below(&random, 1000),
                  kinds[below(&random, COUNT(kinds))]);
        break;
    case SHARED_URL:
        shared_host(below(&random, SHARED), host);
        (void)say(text, VALUE_ROOM, "http://%s/u/%" PRIu32 "/%s", host, number, words[below(&random, COUNT(words))]);
        break;
    case IPV4: /* odd at the end, as no harmless one is; the number is in it, so that no two are the same */
        (void)say(text, VALUE_ROOM, "%u.%u.%u.%u", first_octet(number % 199), number / 199 & 255, 2 * (number / 50944 & 127),
                  1 + 2 * (number % 97));
        break;
    case NETWORK: /* odd in the third place, likewise */
        (void)say(text, VALUE_ROOM, "%u.%u.%u.0/24", first_octet(number % 199), number / 199 & 255, 1 + 2 * (number / 50944 & 127));
        break;
    case SHA256:
        hex(&random, text, 64);
        break;
    case MD5:
        hex(&random, text, 32);
        break;
    case SHA1:
        hex(&random, text, 40);
        break;
    case IPV6:
        (void)say(text, VALUE_ROOM, "2001:db8:%x:%x::%x", number >> 16 & 0xffff, number & 0xffff, 1 + below(&random, 0xfff0));
        break;
    case EMAIL:
        (void)bad_domain(seed, number, host);
        (void)say(text, VALUE_ROOM, "%s.%s@%s", words[below(&random, COUNT(words))], syllables[below(&random, COUNT(syllables))],
                  host);
        break;
    }
}

/* ---- lines ---- */

struct host {
    char name[64];
    unsigned address[4];
};

struct line {
    char host[300], target[700], referrer[700], peer[64], query[300];
    bool connects;
};

static void harmless_host(uint32_t id, struct host *host)
{
    static const unsigned firsts[] = {13, 23, 52, 93, 104, 142, 151, 203};
    struct random random = {mix(id + 1000003)};
    char sub[24] = "";
    if (below(&random, 10) > 0) {
        SAY(sub, "%s.", subs[below(&random, COUNT(subs))]);
    }
    SAY(host->name, "%s%s-%s.%s", sub, words[below(&random, COUNT(words))], words[below(&random, COUNT(words))],
        tops[below(&random, COUNT(tops))]);
    host->address[0] = firsts[below(&random, COUNT(firsts))];
    host->address[1] = below(&random, 256);
    host->address[2] = 2 * below(&random, 128);
    host->address[3] = 2 + 2 * below(&random, 126);
}

/* Some hosts far more often than others. */
static uint32_t any_host(struct random *random)
{
    const double u = (double)(next(random) >> 11) / 9007199254740992.0;
    return (uint32_t)(u * u * u * u * HOSTS);
}

static int path(struct random *random, char *text)
{
    int len = 0;
    const uint32_t depth = 1 + below(random, 3);
    for (uint32_t i = 0; i < depth; i++) {
        len += say(text + len, PATH_ROOM - (size_t)len, "/%s", words[below(random, COUNT(words))]);
    }
    if (below(random, 3) > 0) {
        len += say(text + len, PATH_ROOM - (size_t)len, "%u.%s", below(random, 10000), kinds[below(random, COUNT(kinds))]);
    }
    if (below(random, 3) == 0) {
        len += say(text + len, PATH_ROOM - (size_t)len, "?id=%u&v=%u.%u.%u", below(random, 1000000), below(random, 10),
                   below(random, 20), below(random, 100));
    }
    if (below(random, 12) == 0) {
        len += say(text + len, PATH_ROOM - (size_t)len, "%cq=%%E3%%83%%88%%E3%%83%%83%%E3%%83%%97%%20%s",
                   strchr(text, '?') != NULL ? '&' : '?', words[below(random, COUNT(words))]);
    }
    if (below(random, 25) == 0) {
        char id[40];
        hex(random, id, 32);
        len += say(text + len, PATH_ROOM - (size_t)len, "%csid=%s", strchr(text, '?') != NULL ? '&' : '?', id);
    }
    return len;
}

static void plain(struct random *random, struct line *line)
{
    struct host host, other;
    char at[PATH_ROOM];
    harmless_host(any_host(random), &host);
    harmless_host(any_host(random), &other);
    (void)path(random, at);
    SAY(line->host, "%s", host.name);
    SAY(line->target, "http://%s%s", host.name, at);
    (void)path(random, at);
    SAY(line->referrer, "https://%s%s", other.name, at);
    SAY(line->peer, "%u.%u.%u.%u", host.address[0], host.address[1], host.address[2], host.address[3]);
    line->connects = below(random, 2) == 0;
    if (below(random, 200) == 0) {
        shared_host(below(random, SHARED), line->host); /* what everybody uses, and some for harm */
        SAY(line->target, "http://%s/u/ours/%u", line->host, below(random, 100000));
        line->connects = false;
    }
}

static size_t print(struct random *random, uint64_t number, const struct line *line, bool combined, char *text)
{
    const unsigned status = below(random, 20) == 0 ? 404 : 200, bytes = 200 + below(random, 60000);
    const unsigned second = (unsigned)(number / 60 % 60), minute = (unsigned)(number / 3600 % 60);
    int len;
    if (combined) {
        len =
            say(text, LINE_ROOM,
                "10.%u.%u.%u - user%u [25/Nov/2026:%02u:%02u:%02u +0900] \"%s %s%s HTTP/1.1\" %u %u \"%s\" \"%s\" "
                "TCP_%s:HIER_DIRECT/%s\n",
                below(random, 8), below(random, 256), 1 + below(random, 254), below(random, 3000), (unsigned)(number / 216000 % 24),
                minute, second, line->connects ? "CONNECT" : "GET", line->connects ? line->host : line->target,
                line->connects ? ":443" : "", status, bytes, line->connects ? "-" : line->referrer,
                agents[below(random, COUNT(agents))], below(random, 4) == 0 ? "HIT" : "MISS", line->peer);
    } else {
        len = say(text, LINE_ROOM, "%" PRIu64 ".%03u %6u 10.%u.%u.%u TCP_%s/%u %u %s %s%s user%u HIER_DIRECT/%s %s\n",
                  1795600000 + number / 60, below(random, 1000), below(random, 20000), below(random, 8), below(random, 256),
                  1 + below(random, 254), line->connects ? "TUNNEL" : "MISS", status, bytes, line->connects ? "CONNECT" : "GET",
                  line->connects ? line->host : line->target, line->connects ? ":443" : "", below(random, 3000), line->peer,
                  line->connects ? "-" : "text/html");
    }
    return (size_t)len;
}

static void upper(char *text)
{
    for (; *text != 0; text++) {
        *text = *text >= 'a' && *text <= 'z' ? (char)(*text - 32) : *text;
    }
}

/* Puts the indicator into the line; where the combined form shows more, that one is wanted. */
static bool plant_hit(struct random *random, uint32_t number, const char *value, struct line *line)
{
    const uint32_t way = below(random, 4);
    bool combined = false;
    char text[256];
    SAY(text, "%s", value);
    line->connects = false;
    switch (kind_of(number)) {
    case DOMAIN:
        if (way == 1) {
            upper(text);
        }
        SAY(line->host, "%s%s", way == 2 ? "a.b." : "", text);
        SAY(line->target, "http://%s/index.html", line->host);
        line->connects = way != 3;
        break;
    case URL:
    case SHARED_URL:
        (void)say(way == 0 ? line->referrer : line->target, sizeof line->target, "%s%s", value, way == 1 ? "?utm=1" : "");
        combined = way == 0;
        break;
    case IPV4:
        SAY(line->peer, "%s", value);
        break;
    case NETWORK:
        *strrchr(text, '.') = 0;
        SAY(line->peer, "%s.%u", text, below(random, 256));
        break;
    case SHA256:
    case MD5:
    case SHA1:
        if (way == 1) {
            upper(text);
        }
        MORE(line->target, "%s%s", way == 2 ? "/" : "&hash=", text);
        break;
    case IPV6:
        SAY(line->target, "http://[%s]/x", value);
        break;
    case EMAIL:
        MORE(line->target, "&to=%s", value);
        break;
    }
    return combined;
}

/* The four numbers of an address. */
static void split(const char *address, unsigned part[static 4])
{
    char *end = NULL;
    for (unsigned i = 0; i < 4; i++) {
        part[i] = (unsigned)strtoul(address, &end, 10);
        address = end + 1;
    }
}

/* Something that only looks like it. */
static void plant_decoy(struct random *random, uint32_t number, const char *value, struct line *line)
{
    const uint32_t way = below(random, 3);
    const char *slash;
    unsigned part[4];
    line->connects = false;
    switch (kind_of(number)) {
    case DOMAIN:
        SAY(line->host, way == 0 ? "not%s" : way == 1 ? "%s.safe.example" : "x-%s", value);
        SAY(line->target, "http://%s/", line->host);
        line->connects = below(random, 2) == 0;
        break;
    case URL:
    case SHARED_URL: /* another path on the host */
        slash = strchr(strstr(value, "://") + 3, '/');
        SAY(line->target, "%.*s/other%s", (int)(slash - value), value, slash);
        break;
    case IPV4:
        split(value, part);
        SAY(line->peer, "%u.%u.%u.%u%u", part[0], part[1], part[2], part[3] < 25 ? part[3] : 10, part[3] < 25 ? 0 : 8);
        break;
    case NETWORK:
        split(value, part);
        SAY(line->peer, "%u.%u.%u.%u", part[0], part[1], (part[2] + 1) & 254, 2 * (part[2] / 2));
        break;
    case SHA256:
    case MD5:
    case SHA1:
        MORE(line->target, "/%s%s", value, way == 0 ? "0" : ".bin");
        break;
    case IPV6:
        SAY(line->target, "http://[%s0]/x", value);
        break;
    case EMAIL:
        MORE(line->target, "&to=x%s", value);
        break;
    }
}

static bool write_values(const struct loggen *gen, uint32_t count, const char *name)
{
    char file[512], text[256];
    (void)snprintf(file, sizeof file, "%s/values-%s.txt", gen->directory, name);
    FILE *out = fopen(file, "we");
    for (uint32_t i = 0; i < count && out != NULL; i++) {
        loggen_value(gen->seed, i, text);
        (void)fprintf(out, "%s\n", text);
    }
    const bool ok = out != NULL && ferror(out) == 0;
    return (out == NULL || fclose(out) == 0) && ok;
}

static bool write_log(const struct loggen *gen, uint32_t values, uint64_t *ret_lines, uint64_t *ret_hits)
{
    char file[512], text[LINE_ROOM], value[VALUE_ROOM];
    struct random random = {mix(gen->seed)};
    const uint64_t hit_every = gen->hit_every != 0 ? gen->hit_every : 5000,
                   decoy_every = gen->decoy_every != 0 ? gen->decoy_every : 1000;
    uint64_t number = 0, written = 0, hits = 0;
    (void)snprintf(file, sizeof file, "%s/proxy.log", gen->directory);
    FILE *log = fopen(file, "we");
    (void)snprintf(file, sizeof file, "%s/truth.tsv", gen->directory);
    FILE *truth = fopen(file, "we");
    for (; log != NULL && truth != NULL && written < gen->bytes; number++) {
        struct line line;
        bool combined = below(&random, 2) == 0;
        plain(&random, &line);
        if (below(&random, (uint32_t)hit_every) == 0) {
            const uint32_t tier = below(&random, 3);
            const uint32_t bound = tier == 0 ? 1000 : tier == 1 ? 100000 : values;
            const uint32_t which = below(&random, bound < values ? bound : values);
            loggen_value(gen->seed, which, value);
            combined = plant_hit(&random, which, value, &line) || combined;
            (void)fprintf(truth, "%" PRIu64 "\t%" PRIu32 "\t%s\n", number, which, value);
            hits++;
        } else if (below(&random, (uint32_t)decoy_every) == 0) {
            const uint32_t which = below(&random, values < 100000 ? values : 100000);
            loggen_value(gen->seed, which, value);
            plant_decoy(&random, which, value, &line);
        }
        const size_t len = print(&random, number, &line, combined, text);
        written += len;
        if (fwrite(text, 1, len, log) != len) {
            break;
        }
    }
    const bool ok = log != NULL && truth != NULL && ferror(log) == 0 && ferror(truth) == 0;
    const bool closed = (log == NULL || fclose(log) == 0) & (truth == NULL || fclose(truth) == 0);
    *ret_lines = number;
    *ret_hits = hits;
    return ok && closed;
}

bool loggen_write(const struct loggen *gen, uint64_t *ret_lines, uint64_t *ret_hits)
{
    static const struct {
        uint32_t count;
        const char *name;
    } sets[] = {{1000, "1k"}, {100000, "100k"}, {1000000, "1m"}};
    const uint32_t values = gen->values != 0 ? gen->values : LOGGEN_VALUES_MAX;
    uint64_t lines = 0, hits = 0;
    bool ok = true;
    for (size_t i = 0; i < COUNT(sets) && ok; i++) {
        ok = write_values(gen, sets[i].count < values ? sets[i].count : values, sets[i].name);
    }
    ok = ok && write_log(gen, values, &lines, &hits);
    if (ok && ret_lines != NULL) {
        *ret_lines = lines;
    }
    if (ok && ret_hits != NULL) {
        *ret_hits = hits;
    }
    return ok;
}
