/* Checkers look from outside: at stores through a read transaction, at frames as bytes. They know what was submitted, not what the
 * core thinks of it. */
#include <stdlib.h>
#include <string.h>

#include "node/core/state.h"
#include "proto/record/record.h"
#include "proto/wire/wire.h"
#include "tests/sim/internal.h"

#define JOBS_MAX 100000u

/* Who may hold a record, by its own signed header: also for records whose acknowledgement was lost. In these worlds everybody is a
 * member of the first community. */
static bool may_hold(const struct sim_world *world, const struct sim_node *node, struct kr_slice bytes, enum kr_label *ret_label)
{
    struct kr_record record;
    struct kr_header header;
    if (kr_record_split(bytes.bytes, bytes.len, &record) != KR_OK || kr_header_parse(record.header, &header) != KR_OK) {
        return false;
    }
    *ret_label = header.label;
    if (header.label == KR_TLP_GREEN && world->has_second && memcmp(header.community, world->communities[1], 32) == 0) {
        if (world->has_life && !kr_kind_is_statement(header.kind)) {
            return memcmp(header.author, node->council, 32) == 0 || sim_life_could_get(world, node, header.created_ms);
        }
        return node->is_in_second || header.kind == KR_KIND_COUNCIL_CARD; /* hello bears the newest, wherever it belongs */
    }
    if (header.label == KR_TLP_GREEN && !kr_kind_is_statement(header.kind) && sim_is_too_new(world, node, header.created_ms)) {
        return false;
    }
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

static bool may_hear(const struct sim_world *world, const struct sim_node *from, const struct sim_node *to,
                     const struct sim_record *record)
{
    return record->node == to->index || record->created_ms == 0 || from == NULL ||
           sim_life_may_get(world, from, to, record->created_ms);
}

/* An id tells that there is a record: nobody hears of one that is not for him. */
static enum sim_verdict check_ids(struct sim_world *world, const struct sim_node *from, const struct sim_node *to,
                                  const struct kr_message *message)
{
    for (uint32_t i = 0, count = kr_message_id_count(message); i < count; i++) {
        const uint8_t *id = kr_message_id(message, i);
        for (uint32_t j = 0; j < world->record_count; j++) {
            const struct sim_record *record = &world->records[j];
            bool is_for_it = record->is_old && to->is_newcomer         ? false
                             : record->is_in_second && world->has_life ? may_hear(world, from, to, record)
                             : record->is_in_second                    ? to->is_in_second
                                                    : record->label != KR_TLP_AMBER || sim_is_addressed(world, record, to->index);
            if (record->is_accepted && !is_for_it && memcmp(record->id, id, KR_SHORT_ID_BYTES) == 0) {
                return sim_fail(world, SIM_LEAK, "%s is told the id of record %u, which is not for it", to->name, record->name);
            }
        }
    }
    return SIM_HOLDS;
}

/* The edge that the frame comes over, and from which end; NULL: none of the plan's. */
static const struct sim_edge *edge_of(const struct sim_world *world, const struct sim_node *to, uint32_t number, uint32_t *ret_from)
{
    struct kr_core *core = kr_loop_core(to->loop);
    const struct kr_link *link = core == NULL ? NULL : kr_link_by_number(core, number);
    for (uint32_t i = 0; link != NULL && i < to->edge_count; i++) {
        const struct sim_edge *edge = &world->edges.items[to->edges[i]];
        *ret_from = edge->a == to->index ? edge->b : edge->a;
        if (memcmp(world->nodes[*ret_from]->council, link->council, 32) == 0) {
            return edge;
        }
    }
    return NULL;
}

/* Over a link that not both operators have confirmed, or whose sender has to confirm a root key yet, goes what anybody may have,
 * and the directory: no other record, and no id of one. (Of the latter it may ask for what the other had announced before.) */
static enum sim_verdict check_unconfirmed(struct sim_world *world, const struct sim_node *to, uint32_t number,
                                          const struct kr_message *message)
{
    uint32_t from = 0;
    const struct sim_edge *edge = edge_of(world, to, number, &from);
    const bool is_pending = edge != NULL && edge->is_pending && !(edge->has_confirmed[0] && edge->has_confirmed[1]);
    if (edge == NULL || (!is_pending && !sim_is_root_held(world, edge, from))) {
        return SIM_HOLDS;
    }
    struct kr_message rest = *message;
    struct kr_slice bytes;
    while (message->type == KR_MESSAGE_RECORDS && kr_message_next_record(&rest, &bytes)) {
        struct kr_record record;
        struct kr_header header;
        if (kr_record_split(bytes.bytes, bytes.len, &record) == KR_OK && kr_header_parse(record.header, &header) == KR_OK &&
            header.label != KR_TLP_CLEAR && !kr_kind_is_statement(header.kind)) {
            return sim_fail(world, SIM_LEAK, "%s is sent a record that is %s over a link that nobody has confirmed", to->name,
                            kr_label_name(header.label));
        }
    }
    const bool has_ids =
        message->type == KR_MESSAGE_HAVE || message->type == KR_MESSAGE_IHAVE || (is_pending && message->type == KR_MESSAGE_GRAFT);
    for (uint32_t i = 0, count = has_ids ? kr_message_id_count(message) : 0; i < count; i++) {
        for (uint32_t j = 0; j < world->record_count; j++) {
            const struct sim_record *record = &world->records[j];
            if (record->is_accepted && record->label != KR_TLP_CLEAR &&
                memcmp(record->id, kr_message_id(message, i), KR_SHORT_ID_BYTES) == 0) {
                return sim_fail(world, SIM_LEAK, "%s is told the id of record %u over a link that nobody has confirmed", to->name,
                                record->name);
            }
        }
    }
    return SIM_HOLDS;
}

static bool has_ids(const struct kr_message *message)
{
    return message->type == KR_MESSAGE_HAVE || message->type == KR_MESSAGE_IHAVE || message->type == KR_MESSAGE_GONE;
}

/* What is GREEN in a community that lets in and puts out goes to whom its sender's own directory has in. */
static bool may_be_sent(const struct sim_world *world, const struct sim_node *from, const struct sim_node *to,
                        struct kr_slice bytes)
{
    struct kr_record record;
    struct kr_header header;
    if (!world->has_life || from == NULL || kr_record_split(bytes.bytes, bytes.len, &record) != KR_OK ||
        kr_header_parse(record.header, &header) != KR_OK || header.label != KR_TLP_GREEN || kr_kind_is_statement(header.kind) ||
        memcmp(header.community, world->communities[1], 32) != 0) {
        return true;
    }
    return memcmp(header.author, to->council, 32) == 0 || sim_life_may_get(world, from, to, header.created_ms);
}

static enum sim_verdict check_message(struct sim_world *world, const struct sim_node *from, const struct sim_node *to,
                                      const struct kr_message *message)
{
    struct kr_message rest = *message;
    struct kr_slice record;
    while (message->type == KR_MESSAGE_RECORDS && kr_message_next_record(&rest, &record)) {
        enum kr_label label = KR_TLP_NONE;
        if (!may_hold(world, to, record, &label) || !may_be_sent(world, from, to, record)) {
            return sim_fail(world, SIM_LEAK, "%s is sent a record that is %s and not for it", to->name, kr_label_name(label));
        }
        world->records_seen++;
    }
    if (message->type == KR_MESSAGE_FORWARD) {
        return sim_check_piece(world, to, message);
    }
    return has_ids(message) ? check_ids(world, from, to, message) : SIM_HOLDS;
}

/* NULL: none of the plan's. */
static const struct sim_node *sender_of(const struct sim_world *world, const struct sim_node *to, uint32_t number)
{
    uint32_t from = 0;
    return edge_of(world, to, number, &from) != NULL ? world->nodes[from] : NULL;
}

enum sim_verdict sim_check_delivery(struct sim_world *world, const struct sim_node *to, const struct kr_event *events, size_t count)
{
    struct kr_session session;
    uint32_t number = 0;
    bool has_session = false;
    enum sim_verdict verdict = SIM_HOLDS;
    struct kr_message *message = world->message;
    uint8_t *plain = world->plain;
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
        const struct sim_node *from = sender_of(world, to, events[i].number);
        if (from != NULL && from->is_hostile) {
            continue; /* it sends what it must not: what counts is what becomes of it */
        }
        if (has_session && kr_session_open(&session, plain, frame.bytes + head, frame.len - head) == KR_OK &&
            kr_message_read((struct kr_slice){plain, len}, message) == KR_OK) {
            verdict = check_message(world, from, to, message);
            verdict = verdict == SIM_HOLDS ? check_unconfirmed(world, to, events[i].number, message) : verdict;
        }
    }
    return verdict;
}

/* Where in the bytes a record's text begins in the open; NULL: nowhere. All canaries begin alike, so one look is enough. */
static const uint8_t *find_canary(const struct sim_world *world, const uint8_t *bytes, size_t len)
{
    char begin[2 * sizeof world->canary + 1];
    sodium_bin2hex(begin, sizeof begin, world->canary, sizeof world->canary);
    return memmem(bytes, len, begin, sizeof begin - 1);
}

enum sim_verdict sim_check_frame(struct sim_world *world, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = world->record_count == 0 ? NULL : find_canary(world, bytes, len);
    return at == NULL ? SIM_HOLDS : sim_fail(world, SIM_LEAK, "the text of a record stands in the open in a frame");
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

static bool verifies(const uint8_t *bytes, size_t len)
{
    struct kr_record record;
    return kr_record_split(bytes, len, &record) == KR_OK && kr_record_verify(&record) == KR_OK;
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
        } else if (!verifies(bytes, len)) {
            verdict = sim_fail(world, SIM_LOSS, "%s holds a record that its author never signed", node->name);
        } else if (!may_hold(world, node, (struct kr_slice){bytes, len}, &label)) {
            verdict = sim_fail(world, SIM_LEAK, "%s holds a record that is %s and not for it", node->name, kr_label_name(label));
        } else if (head.state == KR_HEAD_SHOWN && !kr_kind_is_statement(head.kind) && !opens(node, bytes, len)) {
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
        if (world->nodes[i]->is_up && !world->nodes[i]->is_hostile) {
            verdict = check_node_leaks(world, world->nodes[i]);
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
        (void)snprintf(path, sizeof path, "%s/data.mdb", world->nodes[i]->path);
        FILE *file = fopen(path, "rb");
        KR_ASSERT(file != NULL && fseek(file, 0, SEEK_END) == 0);
        long size = ftell(file);
        KR_ASSERT(size > 0 && fseek(file, 0, SEEK_SET) == 0);
        uint8_t *bytes = malloc((size_t)size);
        KR_ASSERT(bytes != NULL);
        size_t len = fread(bytes, 1, (size_t)size, file);
        (void)fclose(file);
        if (find_canary(world, bytes, len) != NULL) {
            verdict = sim_fail(world, SIM_LEAK, "the text of a record stands in the open on the disk of %s", world->nodes[i]->name);
        }
        free(bytes);
    }
    return verdict;
}

enum sim_held sim_held(const struct sim_node *node, const uint8_t id[static 32])
{
    struct kr_txn *txn = NULL;
    struct kr_head head = {0};
    uint64_t arrival;
    uint8_t *scratch = malloc(KR_HEAD_SCRATCH);
    if (node->store == NULL) {
        free(scratch);
        return SIM_HELD_NOT;
    }
    KR_ASSERT(scratch != NULL && kr_store_read_begin(node->store, &txn) == KR_OK);
    enum kr_err err = kr_store_record_find(txn, id, &arrival);
    if (err == KR_OK) {
        err = kr_store_head_get(txn, arrival, &head, scratch);
    }
    kr_txn_abort(txn);
    free(scratch);
    return err != KR_OK ? SIM_HELD_NOT : (head.state == KR_HEAD_HEADER_ONLY ? SIM_HELD_HIDDEN : SIM_HELD_SHOWN);
}

bool sim_holds(const struct sim_node *node, const uint8_t id[static 32])
{
    return sim_held(node, id) != SIM_HELD_NOT;
}

/* Until then a header stays of what has expired. */
static bool is_month_over(const struct sim_world *world, const struct sim_record *record)
{
    const uint32_t month_from = kr_tree_month_from((world->now_ms + world->ahead_ms) / 1000 + 60);
    return record->expires_ms > 0 && kr_tree_month(record->expires_ms / 1000) < month_from;
}

enum sim_verdict sim_check_accepted(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->record_count; i++) {
        const struct sim_record *record = &world->records[i];
        const struct sim_node *node = world->nodes[record->node];
        bool may_be_gone = record->is_at_risk || record->is_dated_back || node->is_hostile || is_month_over(world, record);
        if (record->is_accepted && node->is_up && !may_be_gone && !sim_holds(node, record->id)) {
            return sim_fail(world, SIM_LOSS, "%s acknowledged record %u and does not have it", node->name, i);
        }
    }
    return SIM_HOLDS;
}

enum sim_verdict sim_check_bounds(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct kr_core_stat stat;
        const struct sim_node *node = world->nodes[i];
        const struct kr_core *core = node->is_up ? kr_loop_core(node->loop) : NULL;
        if (core == NULL || node->is_hostile) {
            continue;
        }
        kr_core_stat(core, &stat);
        if (stat.queued > (uint64_t)stat.links * KR_LINK_QUEUE_MAX || stat.bytes_in_core > KR_NET_BUFFER_BYTES_MAX ||
            stat.jobs_out > JOBS_MAX) {
            return sim_fail(world, SIM_UNBOUNDED, "%s: %llu records queued, %llu bytes in the core, %llu jobs", node->name,
                            (unsigned long long)stat.queued, (unsigned long long)stat.bytes_in_core,
                            (unsigned long long)stat.jobs_out);
        }
        if (sim_check_forwards(world, node) != SIM_HOLDS) {
            return SIM_UNBOUNDED;
        }
    }
    return SIM_HOLDS;
}
