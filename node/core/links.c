/* The table of links: which there are, durably, and which side dials. What goes over them is link.c's. */
#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/restored.h"

void kr_link_free(struct kr_link *link)
{
    if (link == NULL) {
        return;
    }
    kr_gossip_free(link);
    kr_walk_close(link);
    kr_spread_free_link(link);
    kr_catchup_close(link);
    free(link->progress);
    sodium_memzero(link, sizeof *link);
    free(link);
}

struct kr_link *kr_link_by_number(struct kr_core *core, uint32_t number)
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i]->number == number) {
            return core->links[i];
        }
    }
    return NULL;
}

struct kr_link *kr_link_by_council(struct kr_core *core, const uint8_t council[static 32])
{
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (memcmp(core->links[i]->council, council, 32) == 0) {
            return core->links[i];
        }
    }
    return NULL;
}

bool kr_link_key_is_taken(const struct kr_core *core, const uint8_t key[static 32], const uint8_t council[static 32])
{
    bool is_taken = memcmp(core->keyring->transport_public, key, 32) == 0;
    for (uint32_t i = 0; i < core->link_count && !is_taken; i++) {
        const struct kr_link *link = core->links[i];
        is_taken = memcmp(link->transport_key, key, 32) == 0 && memcmp(link->council, council, 32) != 0;
    }
    for (uint32_t i = 0; i < core->invitation_count && !is_taken; i++) {
        is_taken = memcmp(core->invitations[i]->public_key, key, 32) == 0;
    }
    return is_taken;
}

/* Of two that can dial, the smaller transport key does; who has no endpoint only dials out. */
static bool should_dial(const struct kr_core *core, const struct kr_link *link)
{
    if (link->endpoint[0] == 0) {
        return false;
    }
    bool has_own = core->options.endpoint != NULL && core->options.endpoint[0] != 0;
    return link->state == KR_LINK_JOINING || !has_own || memcmp(core->keyring->transport_public, link->transport_key, 32) < 0;
}

void kr_link_settle_dialler(const struct kr_core *core, struct kr_link *link)
{
    link->we_dial = should_dial(core, link);
}

/* Stored: array of 12: number, state, council, transport key, endpoint, ticket secret (bin 0 or 32), community (bin 0 or 32),
 * linked_ms, pair_next, pair_end, and two reserved zeros. Key: the council's id. */
enum kr_err kr_link_put(struct kr_step *step, const struct kr_link *link)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    kr_writer_array(&writer, 12);
    kr_writer_uint(&writer, link->number);
    kr_writer_uint(&writer, link->state);
    kr_writer_bin(&writer, link->council, 32);
    kr_writer_bin(&writer, link->transport_key, 32);
    kr_writer_str(&writer, link->endpoint);
    kr_writer_bin(&writer, link->secret, link->has_secret ? 32 : 0);
    kr_writer_bin(&writer, link->community, link->has_community ? 32 : 0);
    kr_writer_uint(&writer, link->linked_ms);
    kr_writer_uint(&writer, link->pair_next);
    kr_writer_uint(&writer, link->pair_end);
    kr_writer_uint(&writer, 0);
    kr_writer_uint(&writer, 0);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_store_put(step->txn, KR_TABLE_LINKS, link->council, 32, writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err read_link(struct kr_slice value, struct kr_link *link)
{
    struct kr_reader reader;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 12);
    link->number = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    link->state = (enum kr_link_state)kr_reader_uint(&reader, KR_LINK_PAUSED);
    kr_reader_fixed(&reader, link->council, 32);
    kr_reader_fixed(&reader, link->transport_key, 32);
    struct kr_slice endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    link->has_secret = kr_reader_fixed_or_empty(&reader, link->secret, 32);
    link->has_community = kr_reader_fixed_or_empty(&reader, link->community, 32);
    link->linked_ms = kr_reader_uint(&reader, UINT64_MAX);
    link->pair_next = kr_reader_uint(&reader, UINT64_MAX);
    link->pair_end = kr_reader_uint(&reader, UINT64_MAX);
    (void)kr_reader_uint(&reader, 0);
    (void)kr_reader_uint(&reader, 0);
    kr_reader_close(&reader);
    (void)kr_slice_text(endpoint, link->endpoint, sizeof link->endpoint);
    return kr_reader_end(&reader) == KR_OK ? KR_OK : KR_CORRUPT;
}

struct load {
    struct kr_core *core;
    enum kr_err err;
};

static bool load_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct load *load = context;
    (void)key;
    struct kr_link *link = calloc(1, sizeof *link);
    load->err = link == NULL ? KR_NOMEM : read_link(value, link);
    if (load->err == KR_OK && load->core->link_count == KR_LINKS_MAX) {
        load->err = KR_CORRUPT;
    }
    if (load->err != KR_OK) {
        kr_link_free(link);
        return false;
    }
    link->we_dial = should_dial(load->core, link);
    kr_spread_add_link(load->core, link);
    load->core->links[load->core->link_count++] = link;
    return true;
}

/* Of several links under one transport key only the oldest is used: whoever came later could claim a key that it had only read. */
static void skip_doubles(struct kr_core *core)
{
    for (uint32_t i = 0; i < core->link_count;) {
        struct kr_link *link = core->links[i];
        bool is_double = memcmp(core->keyring->transport_public, link->transport_key, 32) == 0;
        for (uint32_t j = 0; j < core->link_count && !is_double; j++) {
            const struct kr_link *other = core->links[j];
            is_double = other->number < link->number && memcmp(other->transport_key, link->transport_key, 32) == 0;
        }
        if (!is_double) {
            i++;
            continue;
        }
        core->links[i] = core->links[--core->link_count];
        core->links_skipped++;
        kr_link_free(link);
    }
}

enum kr_err kr_links_load(struct kr_step *step)
{
    struct load load = {.core = step->core};
    enum kr_err err = kr_store_each(step->txn, KR_TABLE_LINKS, NULL, 0, load_one, &load);
    skip_doubles(step->core);
    return err != KR_OK ? err : load.err;
}

enum kr_err kr_link_add(struct kr_step *step, const struct kr_link *init, struct kr_link **ret_link)
{
    struct kr_core *core = step->core;
    if (core->link_count == KR_LINKS_MAX) {
        return KR_BOUNDS;
    }
    struct kr_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return KR_NOMEM;
    }
    *link = *init;
    enum kr_err err = kr_link_put(step, link);
    if (err != KR_OK) {
        kr_link_free(link);
        return err;
    }
    link->we_dial = should_dial(core, link);
    kr_spread_add_link(core, link);
    core->links[core->link_count++] = link;
    *ret_link = link;
    return KR_OK;
}

enum kr_err kr_link_drop(struct kr_step *step, struct kr_link *link)
{
    struct kr_core *core = step->core;
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_LINKS, link->council, 32);
    if (err != KR_OK) {
        return err;
    }
    if (link->we_dial) {
        err = kr_effect_add(step->effects, &(struct kr_effect){.type = KR_EFFECT_HANGUP, .number = link->number});
    }
    for (uint32_t i = 0; i < core->link_count; i++) {
        if (core->links[i] == link) {
            core->links[i] = core->links[--core->link_count];
            break;
        }
    }
    kr_spread_drop_link(core, link);
    kr_link_free(link);
    if (err == KR_OK) {
        err = kr_restored_link_dropped(step);
    }
    return err != KR_OK ? err : kr_links_allow(step);
}
