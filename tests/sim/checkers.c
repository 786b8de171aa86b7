/* Checkers look from outside: at stores through a read transaction, at frames as bytes. They know what was submitted, not what the
 * core thinks of it. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/record/record.h"
#include "proto/wire/wire.h"
#include "tests/sim/world.h"

/* Who may hold a record, by its own signed header: also for records whose acknowledgement was lost. In these worlds everybody is a
 * member of the one community. */
static bool may_hold(const struct sim_node *node, struct kr_slice bytes, enum kr_label *ret_label)
{
    struct kr_record record;
    struct kr_header header;
    if (kr_record_split(bytes.bytes, bytes.len, &record) != KR_OK || kr_header_parse(record.header, &header) != KR_OK) {
        return false;
    }
    *ret_label = header.label;
    return !kr_label_is_sealed(header.label) || memcmp(header.author, node->council, 32) == 0 ||
           kr_header_addresses(&header, node->council);
}

/* The session under which a frame to `node` is sealed, as a copy: reading along changes nothing. */
static bool session_of(const struct sim_node *node, uint32_t number, const uint8_t *session_id, struct kr_session *ret_session)
{
    struct kr_core *core = kr_loop_core(node->loop);
    const struct kr_link *link = core == NULL ? NULL : kr_link_by_number(core, number);
    const struct kr_invitation *invitation = core == NULL ? NULL : kr_invitation_by_number(core, number);
    const struct kr_session *candidates[] = {link != NULL && link->has_session ? &link->session : NULL,
                                             link != NULL && link->has_pending ? &link->pending : NULL,
                                             invitation != NULL && invitation->has_pending ? &invitation->pending : NULL};
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        if (candidates[i] != NULL && memcmp(candidates[i]->id, session_id, KR_SESSION_ID_BYTES) == 0) {
            *ret_session = *candidates[i];
            return true;
        }
    }
    return false;
}

static enum sim_verdict check_message(struct sim_world *world, const struct sim_node *to, const struct kr_message *message)
{
    for (uint32_t i = 0; i < message->item_count && message->type == KR_MESSAGE_RECORDS; i++) {
        enum kr_label label = KR_TLP_NONE;
        if (!may_hold(to, message->items[i], &label)) {
            return sim_fail(world, SIM_LEAK, "%s is sent a record that is %s and not for it", to->name, kr_label_name(label));
        }
        world->records_seen++;
    }
    return SIM_HOLDS;
}

enum sim_verdict sim_check_delivery(struct sim_world *world, const struct sim_node *to, const struct kr_event *events, size_t count)
{
    struct kr_session session;
    uint32_t number = 0;
    bool has_session = false;
    enum sim_verdict verdict = SIM_HOLDS;
    struct kr_message *message = malloc(sizeof *message);
    uint8_t *plain = malloc(KR_FRAME_BYTES_MAX);
    KR_ASSERT(message != NULL && plain != NULL);
    const size_t head = 1 + KR_SESSION_ID_BYTES;
    for (size_t i = 0; i < count && verdict == SIM_HOLDS; i++) {
        struct kr_slice frame = events[i].bytes;
        if (events[i].type != KR_EVENT_FRAME || frame.len < head + KR_SESSION_OVERHEAD_BYTES || frame.bytes[0] != KR_FRAME_SEALED) {
            continue;
        }
        /* Frames of one session in one batch: our copy goes on where it stands. */
        if (!has_session || number != events[i].number || memcmp(session.id, frame.bytes + 1, KR_SESSION_ID_BYTES) != 0) {
            number = events[i].number;
            has_session = session_of(to, number, frame.bytes + 1, &session);
        }
        size_t len = frame.len - head - KR_SESSION_OVERHEAD_BYTES;
        if (has_session && kr_session_open(&session, plain, frame.bytes + head, frame.len - head) == KR_OK &&
            kr_message_read((struct kr_slice){plain, len}, message) == KR_OK) {
            verdict = check_message(world, to, message);
        }
    }
    free(message);
    free(plain);
    return verdict;
}

enum sim_verdict sim_check_frame(struct sim_world *world, const uint8_t *bytes, size_t len)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        char title[40];
        sodium_bin2hex(title, sizeof title, world->records[i].canary, sizeof world->records[i].canary);
        if (memmem(bytes, len, title, 32) != NULL) {
            return sim_fail(world, SIM_LEAK, "the text of record %u stands in the open in a frame", i);
        }
    }
    return SIM_HOLDS;
}

/* Does the node's keyring open this record? Asked of the bytes as stored, whatever the core made of them. */
static bool opens(const struct sim_node *node, const uint8_t *bytes, size_t len)
{
    struct kr_record record;
    struct kr_header header;
    uint8_t *content = NULL;
    size_t content_len = 0;
    bool is_open = kr_record_split(bytes, len, &record) == KR_OK && kr_header_parse(record.header, &header) == KR_OK &&
                   kr_record_open(&record, &header, node->keyring, &content, &content_len) == KR_OK;
    free(content);
    return is_open;
}

static enum sim_verdict check_node_leaks(struct sim_world *world, const struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    enum sim_verdict verdict = SIM_HOLDS;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    uint64_t arrival = 1;
    while (verdict == SIM_HOLDS && kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK) {
        arrival = head.arrival + 1;
        uint8_t *bytes = NULL;
        size_t len = 0;
        enum kr_label label = head.label;
        if (kr_store_record_get(txn, head.arrival, &bytes, &len) != KR_OK) {
            verdict = sim_fail(world, SIM_LOSS, "%s cannot read its record %llu", node->name, (unsigned long long)head.arrival);
        } else if (!may_hold(node, (struct kr_slice){bytes, len}, &label)) {
            verdict = sim_fail(world, SIM_LEAK, "%s holds a record that is %s and not for it", node->name, kr_label_name(label));
        } else if (!kr_kind_is_statement(head.kind) && !opens(node, bytes, len)) {
            verdict = sim_fail(world, SIM_LOSS, "%s holds a record that is for it and cannot open it", node->name);
        }
        free(bytes);
    }
    kr_txn_abort(txn);
    free(scratch);
    return verdict;
}

enum sim_verdict sim_check_leaks(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        if (world->nodes[i].is_up) {
            verdict = check_node_leaks(world, &world->nodes[i]);
        }
    }
    return verdict;
}

/* The bytes on the disk: no canary stands in them in the open, not even where the record is the node's own. */
enum sim_verdict sim_check_disks(struct sim_world *world)
{
    enum sim_verdict verdict = SIM_HOLDS;
    for (uint32_t i = 0; i < world->node_count && verdict == SIM_HOLDS; i++) {
        char path[300];
        (void)snprintf(path, sizeof path, "%s/data.mdb", world->nodes[i].path);
        FILE *file = fopen(path, "rb");
        KR_ASSERT(file != NULL && fseek(file, 0, SEEK_END) == 0);
        long size = ftell(file);
        KR_ASSERT(size > 0 && fseek(file, 0, SEEK_SET) == 0);
        uint8_t *bytes = malloc((size_t)size);
        KR_ASSERT(bytes != NULL);
        size_t len = fread(bytes, 1, (size_t)size, file);
        (void)fclose(file);
        for (uint32_t j = 0; j < world->record_count && verdict == SIM_HOLDS; j++) {
            char title[40];
            sodium_bin2hex(title, sizeof title, world->records[j].canary, sizeof world->records[j].canary);
            if (memmem(bytes, len, title, 32) != NULL) {
                verdict = sim_fail(world, SIM_LEAK, "the text of record %u stands in the open on the disk of %s", j,
                                   world->nodes[i].name);
            }
        }
        free(bytes);
    }
    return verdict;
}

static bool holds(const struct sim_node *node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    uint64_t arrival;
    KR_ASSERT(kr_store_read_begin(node->store, &txn) == KR_OK);
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    kr_txn_abort(txn);
    return err == KR_OK;
}

enum sim_verdict sim_check_accepted(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        const struct sim_node *node = &world->nodes[record->node];
        if (record->is_accepted && node->is_up && !holds(node, record->id)) {
            return sim_fail(world, SIM_LOSS, "%s acknowledged record %u and does not have it", node->name, i);
        }
    }
    return SIM_HOLDS;
}

/* Who must have a record in the end: in a chain everybody for open labels; for AMBER those addressed who are linked with the
 * author. */
static bool must_hold(const struct sim_record *record, uint32_t node)
{
    bool is_linked = record->node + 1 == node || node + 1 == record->node;
    return record->node == node || record->label != KR_TLP_AMBER || (is_linked && (record->audience_mask >> node & 1));
}

static bool count_one(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    (void)key;
    (void)value;
    (*count)++;
    return true;
}

/* The directory must be the same everywhere too, or later records would be judged differently. */
static enum sim_verdict check_directory(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        for (uint32_t j = 0; j < world->node_count; j++) {
            struct kr_txn *txn = NULL;
            uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
            memcpy(prefix + 1, world->nodes[j].council, 32);
            KR_ASSERT(kr_store_read_begin(world->nodes[i].store, &txn) == KR_OK);
            uint32_t count = 0;
            enum kr_err err = kr_store_each(txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, count_one, &count);
            kr_txn_abort(txn);
            if (err != KR_OK || count == 0) {
                return sim_fail(world, SIM_NO_CONVERGENCE, "%s does not know the card of %s", world->nodes[i].name,
                                world->nodes[j].name);
            }
        }
    }
    return SIM_HOLDS;
}

/* One submission is one record, however often its client had to ask. */
static enum sim_verdict check_doubles(struct sim_world *world, const struct sim_node *node)
{
    struct kr_txn *txn = NULL;
    struct kr_head head;
    uint32_t submitted = 0, stored = 0;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    for (uint64_t arrival = 1; kr_store_head_next(txn, arrival, false, &head, scratch) == KR_OK; arrival = head.arrival + 1) {
        stored += !kr_kind_is_statement(head.kind) && memcmp(head.author, node->council, 32) == 0;
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        submitted += world->records[i].node == node->index;
    }
    kr_txn_abort(txn);
    free(scratch);
    return stored == submitted ? SIM_HOLDS
                               : sim_fail(world, SIM_LOSS, "%s wrote %u records for %u submissions", node->name, stored, submitted);
}

enum sim_verdict sim_check_convergence(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        enum sim_verdict verdict = check_doubles(world, &world->nodes[i]);
        if (verdict != SIM_HOLDS) {
            return verdict;
        }
    }
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        if (!record->is_accepted) {
            return sim_fail(world, SIM_NO_CONVERGENCE, "record %u of %s was never acknowledged", i,
                            world->nodes[record->node].name);
        }
        for (uint32_t j = 0; j < world->node_count; j++) {
            if (must_hold(record, j) && !holds(&world->nodes[j], record->id)) {
                return sim_fail(world, SIM_NO_CONVERGENCE, "%s lacks record %u of %s (%s)", world->nodes[j].name, i,
                                world->nodes[record->node].name, kr_label_name(record->label));
            }
        }
    }
    return check_directory(world);
}
