#include "tools/client/known_nodes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/private_file.h"
#include "proto/wire/remote.h"
#include "proto/wire/ticket.h"

#define VERSION       2u
#define FIELDS        6u
#define OLDER_BYTES   (3u * 32u)
#define CONTENT_BYTES (KR_CARD_BYTES_MAX + (2u * KR_VIAS_MAX + 1u) * (KR_ENDPOINT_BYTES_MAX + 4u) + 256u)

static bool path_beside(const char *path, char *ret_path, size_t size)
{
    const char *slash = strrchr(path, '/');
    const int folder = slash != NULL ? (int)(slash + 1 - path) : 0;
    const int len = snprintf(ret_path, size, "%.*s.%s.transport", folder, path, path + folder);
    return len > 0 && (size_t)len < size;
}

/* ---- the card ---- */

/* Takes `card` over. False, and nothing changed, where it is none of that council, or the one that is there counts more. */
static bool put_card(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, uint8_t *card, size_t len)
{
    struct kr_card parsed;
    uint64_t version = 0;
    if (card == NULL || kr_remote_card_read((struct kr_slice){card, len}, enrolled->council, &parsed, &version) != KR_OK ||
        (nodes->card != NULL && kr_remote_card_outranks(&nodes->parsed, nodes->version, &parsed, version))) {
        free(card);
        return false;
    }
    free(nodes->card);
    nodes->card = card;
    nodes->card_len = len;
    nodes->parsed = parsed;
    nodes->version = version;
    return true;
}

/* Of two keys, by the card's dates, or because the machine has followed from one to the other. */
static bool is_one_node(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const uint8_t a[static 32],
                        const uint8_t b[static 32])
{
    const bool a_is_home = memcmp(a, nodes->home, 32) == 0 || memcmp(a, enrolled->transport_public, 32) == 0;
    const bool b_is_home = memcmp(b, nodes->home, 32) == 0 || memcmp(b, enrolled->transport_public, 32) == 0;
    return memcmp(a, b, 32) == 0 || (a_is_home && b_is_home) || kr_card_transport_comes_behind(&nodes->parsed, a, b) ||
           kr_card_transport_comes_behind(&nodes->parsed, b, a);
}

static const struct kr_card_key *find(const struct kr_card *card, const uint8_t key[static 32])
{
    for (uint32_t i = 0; i < card->transport_count; i++) {
        if (memcmp(card->transport[i].public_key, key, 32) == 0) {
            return &card->transport[i];
        }
    }
    return NULL;
}

static bool is_over(const struct kr_card_key *key, uint64_t now_s)
{
    return key != NULL && key->until_s != 0 && key->until_s <= now_s;
}

/* ---- the file ---- */

static bool read_older(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const uint8_t *content, size_t len)
{
    if (len != OLDER_BYTES || memcmp(content, enrolled->transport_public, 32) != 0) {
        return false;
    }
    memcpy(nodes->home, content + 64, 32);
    memcpy(nodes->last.transport, content + 32, 32);
    (void)snprintf(nodes->last.endpoint, sizeof nodes->last.endpoint, "%s", enrolled->endpoint);
    return true;
}

static bool is_endpoint(const char *endpoint)
{
    return kr_endpoint_check(endpoint, strlen(endpoint), NULL) == KR_OK;
}

static bool read_vias(struct kr_reader *reader, struct kr_via *ret_vias, uint32_t *ret_count)
{
    bool is_fine = true;
    *ret_count = kr_reader_array_between(reader, 0, KR_VIAS_MAX);
    for (uint32_t i = 0; i < *ret_count; i++) {
        kr_reader_array(reader, 2);
        const struct kr_slice from = kr_reader_str(reader, KR_ENDPOINT_BYTES_MAX),
                              to = kr_reader_str(reader, KR_ENDPOINT_BYTES_MAX);
        kr_reader_close(reader);
        is_fine = is_fine && kr_slice_text(from, ret_vias[i].from, sizeof ret_vias[i].from) &&
                  kr_slice_text(to, ret_vias[i].to, sizeof ret_vias[i].to) && is_endpoint(ret_vias[i].from) &&
                  is_endpoint(ret_vias[i].to);
    }
    kr_reader_close(reader);
    return is_fine;
}

static void read_content(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const uint8_t *content, size_t len)
{
    struct kr_reader reader;
    struct kr_way last = {0};
    struct kr_via vias[KR_VIAS_MAX] = {0};
    uint32_t via_count = 0;
    uint8_t machine[32], home[32];
    kr_reader_init(&reader, content, len);
    kr_reader_array(&reader, FIELDS);
    const bool is_known = kr_reader_uint(&reader, UINT32_MAX) == VERSION;
    kr_reader_fixed(&reader, machine, 32);
    kr_reader_fixed(&reader, home, 32);
    kr_reader_array(&reader, 2);
    const struct kr_slice endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, last.transport, 32);
    kr_reader_close(&reader);
    const bool are_vias = read_vias(&reader, vias, &via_count);
    const struct kr_slice card = kr_reader_bin(&reader, 0, KR_CARD_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK || !is_known || !are_vias || memcmp(machine, enrolled->public_key, 32) != 0 ||
        !kr_slice_text(endpoint, last.endpoint, sizeof last.endpoint)) {
        return;
    }
    memcpy(nodes->home, home, 32);
    nodes->last = last;
    nodes->via_count = via_count;
    memcpy(nodes->vias, vias, sizeof vias);
    uint8_t *copy = card.len > 0 ? malloc(card.len) : NULL;
    if (copy != NULL) {
        memcpy(copy, card.bytes, card.len);
        (void)put_card(nodes, enrolled, copy, card.len); /* else the next node shows it */
    }
}

void kr_known_nodes_read(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const char *path)
{
    char beside[PATH_MAX];
    uint8_t content[CONTENT_BYTES];
    size_t len = 0;
    *nodes = (struct kr_known_nodes){0};
    memcpy(nodes->home, enrolled->transport_public, 32);
    if (path_beside(path, beside, sizeof beside) && kr_private_file_read(beside, content, sizeof content, &len, NULL) == KR_OK &&
        len < sizeof content && !read_older(nodes, enrolled, content, len)) {
        read_content(nodes, enrolled, content, len);
    }
}

void kr_known_nodes_deinit(struct kr_known_nodes *nodes)
{
    free(nodes->card);
    *nodes = (struct kr_known_nodes){0};
}

enum kr_err kr_known_nodes_write(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const char *path,
                                 struct kr_error *error)
{
    char beside[PATH_MAX];
    struct kr_writer writer;
    if (!path_beside(path, beside, sizeof beside)) {
        return kr_fail(error, KR_BOUNDS, "the path %.200s is too long", path);
    }
    kr_writer_init(&writer, CONTENT_BYTES);
    kr_writer_array(&writer, FIELDS);
    kr_writer_uint(&writer, VERSION);
    kr_writer_bin(&writer, enrolled->public_key, 32);
    kr_writer_bin(&writer, nodes->home, 32);
    kr_writer_array(&writer, 2);
    kr_writer_str(&writer, nodes->last.endpoint);
    kr_writer_bin(&writer, nodes->last.transport, 32);
    kr_writer_array(&writer, nodes->via_count);
    for (uint32_t i = 0; i < nodes->via_count; i++) {
        kr_writer_array(&writer, 2);
        kr_writer_str(&writer, nodes->vias[i].from);
        kr_writer_str(&writer, nodes->vias[i].to);
    }
    kr_writer_bin(&writer, nodes->card, nodes->card_len);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_private_file_write(beside, writer.bytes, writer.len, true, error);
    }
    kr_writer_deinit(&writer);
    return err;
}

/* ---- what is learnt ---- */

bool kr_known_nodes_take(struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const struct kr_way *way, uint8_t *card,
                         size_t card_len, uint64_t now_s)
{
    const struct kr_way last = nodes->last;
    uint8_t home[32];
    memcpy(home, nodes->home, 32);
    const bool has_card = put_card(nodes, enrolled, card, card_len);
    nodes->last = *way;
    if (strcmp(way->endpoint, enrolled->endpoint) == 0 || is_one_node(nodes, enrolled, nodes->home, way->transport)) {
        memcpy(nodes->home, way->transport, 32);
    }
    /* Before the card forgets the key that leads on: this machine may use another node for long. */
    for (const struct kr_card_key *key = find(&nodes->parsed, nodes->home); is_over(key, now_s);) {
        key = kr_card_transport_after(&nodes->parsed, nodes->home);
        if (key != NULL) {
            memcpy(nodes->home, key->public_key, 32);
        }
    }
    return has_card || memcmp(&last, &nodes->last, sizeof last) != 0 || memcmp(home, nodes->home, 32) != 0;
}

enum kr_err kr_known_nodes_via(struct kr_known_nodes *nodes, const char *from, const char *to, struct kr_error *error)
{
    enum kr_err err = kr_endpoint_check(from, strlen(from), error);
    uint32_t at = 0;
    if (err == KR_OK && to[0] != 0) {
        err = kr_endpoint_check(to, strlen(to), error);
    }
    while (at < nodes->via_count && strcmp(nodes->vias[at].from, from) != 0) {
        at++;
    }
    if (err == KR_OK && to[0] == 0 && at == nodes->via_count) {
        err = kr_fail(error, KR_NOT_FOUND, "that address is dialled as it is: nothing else was said of it");
    }
    if (err == KR_OK && at == KR_VIAS_MAX) {
        err = kr_fail(error, KR_BOUNDS, "at most %u addresses have another one that is dialled instead", KR_VIAS_MAX);
    }
    if (err != KR_OK) {
        return err;
    }
    if (to[0] == 0) {
        nodes->vias[at] = nodes->vias[--nodes->via_count];
        nodes->vias[nodes->via_count] = (struct kr_via){{0}, {0}};
        return KR_OK;
    }
    nodes->via_count += at == nodes->via_count ? 1 : 0;
    nodes->vias[at] = (struct kr_via){{0}, {0}};
    (void)snprintf(nodes->vias[at].from, sizeof nodes->vias[at].from, "%s", from);
    (void)snprintf(nodes->vias[at].to, sizeof nodes->vias[at].to, "%s", to);
    return KR_OK;
}

/* ---- where to ---- */

static struct kr_slice text(const char *string)
{
    return (struct kr_slice){(const uint8_t *)string, strlen(string)};
}

static void add_with_next(const struct kr_known_nodes *nodes, const char *endpoint, const uint8_t key[static 32],
                          struct kr_ways *ways)
{
    (void)kr_ways_add(ways, text(endpoint), key);
    for (const struct kr_card_key *next = kr_card_transport_after(&nodes->parsed, key); next != NULL;
         next = kr_card_transport_after(&nodes->parsed, next->public_key)) {
        (void)kr_ways_add(ways, text(endpoint), next->public_key);
    }
}

/* Before anybody says that something else is dialled instead. */
static void add_all(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, uint64_t now_s, struct kr_ways *ways)
{
    const struct kr_card *card = &nodes->parsed;
    if (nodes->last.endpoint[0] != 0) {
        add_with_next(nodes, nodes->last.endpoint, nodes->last.transport, ways);
    }
    if (!is_over(find(card, nodes->home), now_s)) {
        add_with_next(nodes, enrolled->endpoint, nodes->home, ways);
    }
    kr_ways_add_listed(ways, card, now_s);
    add_with_next(nodes, enrolled->endpoint, nodes->home, ways);
    (void)kr_ways_add(ways, text(enrolled->endpoint), enrolled->transport_public);
    for (uint32_t i = 0; i < card->transport_count; i++) {
        const struct kr_card_key *key = &card->transport[i];
        if (is_one_node(nodes, enrolled, nodes->home, key->public_key)) {
            (void)kr_ways_add(ways, text(enrolled->endpoint), key->public_key);
        }
        (void)kr_ways_add(ways, key->endpoint, key->public_key);
    }
}

void kr_known_nodes_ways(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, uint64_t now_s,
                         struct kr_ways *ret_ways)
{
    struct kr_ways ways = {.count = 0};
    add_all(nodes, enrolled, now_s, &ways);
    ret_ways->count = 0;
    for (uint32_t i = 0; i < ways.count; i++) {
        const char *endpoint = ways.items[i].endpoint;
        for (uint32_t j = 0; j < nodes->via_count; j++) {
            endpoint = strcmp(nodes->vias[j].from, ways.items[i].endpoint) == 0 ? nodes->vias[j].to : endpoint;
        }
        (void)kr_ways_add(ret_ways, text(endpoint), ways.items[i].transport);
    }
}

void kr_known_nodes_keep(const struct kr_known_nodes *nodes, const struct kr_enrolled *enrolled, const struct kr_way *way,
                         struct kr_ways *ways)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ways->count; i++) {
        if (is_one_node(nodes, enrolled, way->transport, ways->items[i].transport)) {
            ways->items[kept++] = ways->items[i];
        }
    }
    ways->count = kept;
}
