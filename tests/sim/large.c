#include "tests/sim/large.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/core/state.h"
#include "proto/record/statement.h"
#include "tests/sim/disk.h"
#include "tests/sim/internal.h"

#define UP_MS_MAX 120000u
/* LMDB asks for 3 MB an environment and touches little of it. As mappings of their own such lumps cost what is touched; out of the
 * heap, which is full of what was used before, they would be cleared, and be there. Nested transactions ask for as much, and these
 * the heap has at hand. */
#define LUMP_BYTES       (256 * 1024)
#define HEAP_LUMPS_BYTES (32 * 1024 * 1024)

/* A store that is copied. */
struct template
{
    struct sim_node node; /* whose it is while it is filled */
    uint8_t community[32];
    uint8_t *bytes;
    size_t len;
};

struct builder {
    struct sim_world *world;
    const struct sim_large *large;
    struct template *templates; /* one a community */
    uint32_t template_count;
    uint32_t *template_of; /* per member */
    uint8_t **geneses;     /* per member */
    size_t *genesis_lens;
};

static bool is_founder(const struct sim_large *large, uint32_t index)
{
    return index < large->member_count && large->vouchers[index] == index;
}

/* ---- nodes ---- */

/* Keys of its own for all but the store. */
static enum sim_verdict make_keyring(struct sim_world *world, struct sim_node *node, const struct kr_keyring *store_keys)
{
    struct kr_keyring *locked = NULL;
    uint8_t seed[32];
    kr_rng_bytes(&world->rng, seed, sizeof seed);
    if (kr_keyring_new(seed, SIM_EPOCH_MS / 1000, &locked, NULL) != KR_OK) {
        return sim_fail(world, SIM_SETUP, "no keyring for %s", node->name);
    }
    node->keyring = malloc(sizeof *node->keyring);
    KR_ASSERT(node->keyring != NULL);
    *node->keyring = *locked;
    kr_keyring_free(locked);
    node->has_plain_keys = true;
    if (store_keys != NULL) {
        memcpy(node->keyring->storage_key, store_keys->storage_key, 32);
        memcpy(node->keyring->term_key, store_keys->term_key, 32);
        node->keyring->term_generation = store_keys->term_generation;
    }
    return SIM_HOLDS;
}

static enum sim_verdict make_node(struct sim_world *world, uint32_t index)
{
    struct sim_node *node = calloc(1, sizeof *node);
    KR_ASSERT(node != NULL);
    world->nodes[index] = node;
    node->index = node->first = index;
    kr_clock_init(&node->clock);
    (void)snprintf(node->name, sizeof node->name, "tcp://node%u:1", index);
    (void)snprintf(node->path, sizeof node->path, "%s/%u", world->root, index);
    if (mkdir(node->path, 0700) != 0) {
        return sim_fail(world, SIM_SETUP, "no directory for %s: %s", node->name, strerror(errno));
    }
    enum sim_verdict verdict = make_keyring(world, node, index > 0 ? world->nodes[0]->keyring : NULL);
    if (verdict == SIM_HOLDS) {
        sim_net_caller(world, node->keyring->transport_public, index);
    }
    return verdict;
}

/* ---- statements ---- */

static void dated(struct kr_card_key *key, const uint8_t public_key[static 32])
{
    memcpy(key->public_key, public_key, 32);
    key->from_s = SIM_EPOCH_MS / 1000 - 3600;
}

static void write_card(const struct builder *builder, uint32_t index, struct kr_writer *writer)
{
    const struct sim_node *node = builder->world->nodes[index];
    const struct kr_keyring *keyring = node->keyring;
    static struct kr_card card;
    char name[64];
    (void)snprintf(name, sizeof name, "council %u", index);
    memset(&card, 0, sizeof card);
    card.genesis = (struct kr_slice){builder->geneses[index], builder->genesis_lens[index]};
    card.name_ja = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    card.transport_count = card.node_count = card.sealing_count = 1;
    dated(&card.transport[0], keyring->transport_public);
    dated(&card.node[0], keyring->node_public);
    dated(&card.sealing[0], keyring->sealing[0].public_key);
    card.transport[0].endpoint = (struct kr_slice){(const uint8_t *)node->name, strlen(node->name)};
    kr_card_write(&card, writer);
}

/* A statement of member `author`, by the core's own way in. */
static enum kr_err admit(struct builder *builder, struct kr_step *step, uint32_t author, uint32_t kind,
                         const uint8_t subject[static 32], struct kr_writer *content)
{
    const struct sim_node *node = builder->world->nodes[author];
    struct kr_job *job = kr_job_new(KR_JOB_MAKE);
    enum kr_err verdict = KR_OK;
    uint64_t arrival;
    KR_ASSERT(job != NULL && kr_writer_finish(content) == KR_OK);
    job->draft = (struct kr_draft){
        .kind = kind,
        .created_ms = step->now_ms,
        .expires_s = step->now_ms / 1000 + KR_EXPIRES_S_MAX - 86400u,
        .label = KR_TLP_GREEN,
        .community = builder->templates[builder->template_of[author]].community,
        .subject = subject,
        .version = 1,
    };
    memcpy(job->author, node->council, 32);
    memcpy(job->root_key, node->keyring->root_public, 32);
    kr_rng_bytes(step->rng, job->seed, sizeof job->seed);
    enum kr_err err = kr_writer_take(content, &job->content, &job->content_len);
    if (err == KR_OK) {
        kr_job_run(job, node->keyring);
        err = job->err;
    }
    if (err == KR_OK) {
        err = kr_admit(step, job, node->council, NULL, &verdict, &arrival);
    }
    kr_job_free(job);
    return err != KR_OK ? err : verdict;
}

static enum kr_err admit_card(struct builder *builder, struct kr_step *step, uint32_t index)
{
    struct kr_writer content;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    write_card(builder, index, &content);
    return admit(builder, step, index, KR_KIND_COUNCIL_CARD, builder->world->nodes[index]->council, &content);
}

static enum kr_err admit_charter(struct builder *builder, struct kr_step *step, uint32_t founder)
{
    struct template *template = &builder->templates[builder->template_of[founder]];
    struct kr_charter charter = {.name = {(const uint8_t *)"region", 6}, .vouches_needed = 1, .quorum = 1, .founder_count = 1};
    struct kr_writer genesis, content;
    uint8_t nonce[16];
    memcpy(charter.founders[0], builder->world->nodes[founder]->council, 32);
    kr_rng_bytes(step->rng, nonce, sizeof nonce);
    kr_writer_init(&genesis, 4 * KR_KIB);
    kr_charter_genesis_write(&charter, nonce, &genesis);
    KR_ASSERT(kr_writer_finish(&genesis) == KR_OK);
    charter.genesis = (struct kr_slice){genesis.bytes, genesis.len};
    kr_community_id(template->community, charter.genesis);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_charter_write(&charter, &content);
    enum kr_err err = admit_card(builder, step, founder);
    if (err == KR_OK) {
        err = admit(builder, step, founder, KR_KIND_CHARTER, template->community, &content);
    }
    kr_writer_deinit(&genesis);
    return err;
}

static enum kr_err admit_member(struct builder *builder, struct kr_step *step, uint32_t index)
{
    struct kr_writer content;
    struct kr_vouch vouch = {0};
    memcpy(vouch.council, builder->world->nodes[index]->council, 32);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_vouch_write(&vouch, &content);
    enum kr_err err =
        admit(builder, step, builder->large->vouchers[index], KR_KIND_VOUCH, builder->world->nodes[index]->council, &content);
    return err == KR_OK ? admit_card(builder, step, index) : err;
}

/* ---- templates ---- */

static enum kr_err fill(struct builder *builder, uint32_t number)
{
    struct template *template = &builder->templates[number];
    struct kr_effects effects;
    struct kr_step step = {
        .core = kr_loop_core(template->node.loop), .rng = &builder->world->rng, .effects = &effects, .now_ms = SIM_EPOCH_MS};
    enum kr_err err = kr_store_write_begin(template->node.store, &step.txn);
    if (err != KR_OK) {
        return err;
    }
    kr_effects_init(&effects);
    for (uint32_t i = 0; i < builder->large->member_count && err == KR_OK; i++) {
        if (builder->template_of[i] != number) {
            continue;
        }
        if (is_founder(builder->large, i)) {
            memcpy(step.core->self, builder->world->nodes[i]->council, 32);
            err = admit_charter(builder, &step, i);
        } else {
            err = admit_member(builder, &step, i);
        }
        kr_effects_truncate(&effects, 0);
    }
    kr_effects_deinit(&effects);
    if (err == KR_OK) {
        return kr_txn_commit(step.txn);
    }
    kr_txn_abort(step.txn);
    return err;
}

/* The file as LMDB writes it when it leaves no page unused. */
static bool read_compact(const char *path, const char *copy_path, struct template *template)
{
    MDB_env *env = NULL;
    char file[200];
    (void)snprintf(file, sizeof file, "%s/data.mdb", copy_path);
    bool is_good = mkdir(copy_path, 0700) == 0 && mdb_env_create(&env) == 0 &&
                   mdb_env_open(env, path, MDB_RDONLY | MDB_NOLOCK, 0600) == 0 &&
                   mdb_env_copy2(env, copy_path, MDB_CP_COMPACT) == 0;
    mdb_env_close(env);
    int fd = is_good ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    struct stat stat = {0};
    is_good = fd >= 0 && fstat(fd, &stat) == 0;
    if (is_good) {
        template->len = (size_t)stat.st_size;
        template->bytes = malloc(template->len);
        is_good = template->bytes != NULL && read(fd, template->bytes, template->len) == stat.st_size;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    sim_disk_free(copy_path);
    return is_good;
}

static enum sim_verdict make_template(struct builder *builder, uint32_t number)
{
    struct sim_world *world = builder->world;
    struct template *template = &builder->templates[number];
    struct sim_node *node = &template->node;
    char copy_path[180];
    *node = (struct sim_node){.life = UINT32_MAX / 2, .keyring = world->nodes[0]->keyring}; /* no life of node 0 */
    kr_clock_init(&node->clock);
    (void)snprintf(node->name, sizeof node->name, "template %u", number);
    (void)snprintf(node->path, sizeof node->path, "%s/template", world->root);
    (void)snprintf(copy_path, sizeof copy_path, "%s/copy", world->root);
    if (mkdir(node->path, 0700) != 0) {
        return sim_fail(world, SIM_SETUP, "no directory for a template: %s", strerror(errno));
    }
    enum sim_verdict verdict = sim_node_start(world, node);
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    enum kr_err err = fill(builder, number);
    sim_node_stop(node);
    kr_clock_deinit(&node->clock);
    bool is_read = err == KR_OK && read_compact(node->path, copy_path, template);
    sim_disk_free(node->path);
    return is_read ? SIM_HOLDS : sim_fail(world, SIM_SETUP, "a directory cannot be made: %s", kr_err_text(err));
}

static enum sim_verdict make_templates(struct builder *builder)
{
    struct sim_world *world = builder->world;
    const struct sim_large *large = builder->large;
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < large->member_count; i++) {
        struct kr_writer genesis;
        uint8_t nonce[16];
        const struct kr_keyring *keyring = world->nodes[i]->keyring;
        builder->template_of[i] = is_founder(large, i) ? builder->template_count++ : builder->template_of[large->vouchers[i]];
        kr_rng_bytes(&world->rng, nonce, sizeof nonce);
        kr_writer_init(&genesis, KR_KIB);
        kr_council_genesis_write(keyring->root_public, keyring->recovery_public, nonce, &genesis);
        KR_ASSERT(kr_writer_take(&genesis, &builder->geneses[i], &builder->genesis_lens[i]) == KR_OK);
        kr_council_id(world->nodes[i]->council, (struct kr_slice){builder->geneses[i], builder->genesis_lens[i]});
    }
    builder->templates = calloc((size_t)builder->template_count + 1, sizeof *builder->templates);
    KR_ASSERT(builder->templates != NULL);
    for (uint32_t i = 0; i < builder->template_count && verdict == SIM_HOLDS; i++) {
        verdict = make_template(builder, i);
    }
    return verdict;
}

/* ---- copies ---- */

static bool write_file(const char *path, const uint8_t *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_good = fd >= 0 && write(fd, bytes, len) == (ssize_t)len;
    return fd >= 0 && close(fd) == 0 && is_good;
}

static enum kr_err put_identity(struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    enum kr_err err = kr_store_write_begin(node->store, &txn);
    if (err != KR_OK) {
        return err;
    }
    err = kr_store_put(txn, KR_TABLE_IDENTITY, "self", 4, node->council, 32);
    if (err == KR_OK) {
        return kr_txn_commit(txn);
    }
    kr_txn_abort(txn);
    return err;
}

/* A member finds its card in the copy and needs only be told who it is; another one makes its card itself. */
static enum sim_verdict settle_node(struct builder *builder, uint32_t index)
{
    struct sim_world *world = builder->world;
    struct sim_node *node = world->nodes[index];
    const bool is_member = index < builder->large->member_count;
    const struct template *template = &builder->templates[is_member ? builder->template_of[index] : 0];
    char file[200];
    (void)snprintf(file, sizeof file, "%s/data.mdb", node->path);
    if (!write_file(file, template->bytes, template->len)) {
        return sim_fail(world, SIM_SETUP, "no room for the store of %s: %s", node->name, strerror(errno));
    }
    enum sim_verdict verdict = sim_node_start(world, node);
    if (verdict != SIM_HOLDS) {
        return verdict;
    }
    if (!is_member) {
        sim_node_init(world, node, false);
        verdict = sim_world_run(world, world->now_ms);
        struct kr_core_stat stat;
        kr_core_stat(kr_loop_core(node->loop), &stat);
        memcpy(node->council, stat.council, 32);
    } else if (put_identity(node) != KR_OK) {
        verdict = sim_fail(world, SIM_SETUP, "%s gets no identity", node->name);
    }
    sim_node_stop(node);
    return verdict == SIM_HOLDS ? sim_node_start(world, node) : verdict;
}

enum sim_verdict sim_large_init(struct sim_world *world, uint64_t seed, const struct sim_large *large)
{
    struct builder builder = {.world = world, .large = large};
    (void)mallopt(M_MMAP_THRESHOLD, LUMP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, HEAP_LUMPS_BYTES);
    enum sim_verdict verdict = sim_world_begin(world, seed, large->node_count, NULL);
    world->is_trusting = true;
    world->memo = sim_memo_new();
    world->map_bytes = 16u * KR_MIB;
    builder.template_of = calloc(large->member_count, sizeof *builder.template_of);
    builder.geneses = calloc(large->member_count, sizeof *builder.geneses);
    builder.genesis_lens = calloc(large->member_count, sizeof *builder.genesis_lens);
    KR_ASSERT(builder.template_of != NULL && builder.geneses != NULL && builder.genesis_lens != NULL);
    for (uint32_t i = 0; i < large->node_count && verdict == SIM_HOLDS; i++) {
        verdict = make_node(world, i);
    }
    if (verdict == SIM_HOLDS) {
        verdict = make_templates(&builder);
    }
    for (uint32_t i = 0; i < large->node_count && verdict == SIM_HOLDS; i++) {
        verdict = settle_node(&builder, i);
    }
    for (uint32_t i = 0; i < builder.template_count; i++) {
        free(builder.templates[i].bytes);
    }
    for (uint32_t i = 0; i < large->member_count; i++) {
        free(builder.geneses[i]);
    }
    (void)mallopt(M_MMAP_THRESHOLD, HEAP_LUMPS_BYTES);
    free(builder.templates);
    free(builder.template_of);
    free((void *)builder.geneses);
    free(builder.genesis_lens);
    return verdict == SIM_HOLDS ? sim_world_run(world, world->now_ms + 100) : verdict;
}

/* ---- links ---- */

static enum kr_err link_with(struct kr_step *step, const struct sim_node *peer)
{
    struct kr_link init = {.state = KR_LINK_OPEN, .linked_ms = step->now_ms}, *link = NULL;
    memcpy(init.council, peer->council, 32);
    memcpy(init.transport_key, peer->keyring->transport_public, 32);
    (void)snprintf(init.endpoint, sizeof init.endpoint, "%s", peer->name);
    enum kr_err err = kr_number_next(step, &init.number);
    if (err == KR_OK) {
        err = kr_link_add(step, &init, &link);
    }
    return err;
}

static enum kr_err relink(struct kr_step *step, const struct sim_world *world, const struct sim_node *node)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    while (core->link_count > 0 && err == KR_OK) {
        err = kr_link_drop(step, core->links[core->link_count - 1]);
    }
    for (uint32_t i = 0; i < node->edge_count && err == KR_OK; i++) {
        const struct sim_edge *edge = &world->edges.items[node->edges[i]];
        err = link_with(step, world->nodes[edge->a == node->index ? edge->b : edge->a]);
    }
    if (err == KR_OK) {
        err = kr_links_allow(step);
    }
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        err = kr_link_dial(step, core->links[i]);
    }
    return err;
}

static enum sim_verdict wire_node(struct sim_world *world, struct sim_node *node)
{
    struct kr_effects effects;
    struct kr_step step = {.core = kr_loop_core(node->loop), .rng = &world->rng, .effects = &effects, .now_ms = world->now_ms};
    enum kr_err err = kr_store_write_begin(node->store, &step.txn);
    if (err != KR_OK) {
        return sim_fail(world, SIM_SETUP, "%s cannot be written to: %s", node->name, kr_err_text(err));
    }
    kr_effects_init(&effects);
    err = relink(&step, world, node);
    if (err == KR_OK) {
        err = kr_txn_commit(step.txn);
    } else {
        kr_txn_abort(step.txn);
    }
    enum sim_verdict verdict = err == KR_OK ? sim_let_out(world, node, &effects)
                                            : sim_fail(world, SIM_SETUP, "%s cannot be linked: %s", node->name, kr_err_text(err));
    kr_effects_deinit(&effects);
    return verdict;
}

bool sim_large_is_up(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct kr_core_stat stat;
        kr_core_stat(kr_loop_core(world->nodes[i]->loop), &stat);
        if (stat.links_up != world->nodes[i]->edge_count) {
            return false;
        }
    }
    return true;
}

enum sim_verdict sim_large_wire(struct sim_world *world, const struct sim_edges *edges)
{
    enum sim_verdict verdict = SIM_HOLDS;
    sim_edges_free(&world->edges);
    for (uint32_t i = 0; i < world->node_count; i++) {
        world->nodes[i]->edge_count = 0;
    }
    for (uint32_t i = 0; i < edges->count; i++) {
        sim_edges_add(&world->edges, edges->items[i].a, edges->items[i].b);
        sim_node_note_edge(world->nodes[edges->items[i].a], i);
        sim_node_note_edge(world->nodes[edges->items[i].b], i);
    }
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        verdict = wire_node(world, world->nodes[i]);
    }
    for (uint64_t end_ms = world->now_ms + UP_MS_MAX; verdict == SIM_HOLDS && !sim_large_is_up(world) && world->now_ms < end_ms;) {
        verdict = sim_world_run(world, world->now_ms + 1000);
    }
    if (verdict == SIM_HOLDS && !sim_large_is_up(world)) {
        verdict = sim_fail(world, SIM_SETUP, "not all sessions came up");
    }
    return verdict;
}
