/* How the node is: its peers, its own state, and how a join goes on. */
#include "proto/client/client.h"

/* Signed clock differences travel as unsigned numbers, shifted by this. */
#define CLOCK_SHIFT_MS (INT64_C(1) << 62)

static uint64_t shift_clock(int64_t clock_ms)
{
    if (clock_ms > CLOCK_SHIFT_MS - 1) {
        clock_ms = CLOCK_SHIFT_MS - 1;
    } else if (clock_ms < -CLOCK_SHIFT_MS) {
        clock_ms = -CLOCK_SHIFT_MS;
    }
    return (uint64_t)(clock_ms + CLOCK_SHIFT_MS);
}

static void write_rate(const struct kr_peer_rate *rate, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, rate->span_ms);
    kr_writer_uint(writer, rate->sent_records);
    kr_writer_uint(writer, rate->sent_bytes);
    kr_writer_uint(writer, rate->received_records);
    kr_writer_uint(writer, rate->received_bytes);
}

static void read_rate(struct kr_reader *reader, struct kr_peer_rate *rate)
{
    kr_reader_array(reader, 5);
    rate->span_ms = kr_reader_uint(reader, UINT64_MAX);
    rate->sent_records = kr_reader_uint(reader, UINT64_MAX);
    rate->sent_bytes = kr_reader_uint(reader, UINT64_MAX);
    rate->received_records = kr_reader_uint(reader, UINT64_MAX);
    rate->received_bytes = kr_reader_uint(reader, UINT64_MAX);
    kr_reader_close(reader);
}

void kr_peer_write(const struct kr_peer *peer, struct kr_writer *writer)
{
    kr_writer_array(writer, 33);
    kr_writer_bin(writer, peer->council, 32);
    kr_writer_bin(writer, peer->transport_key, 32);
    kr_writer_str_slice(writer, peer->name);
    kr_writer_str_slice(writer, peer->endpoint);
    kr_writer_uint(writer, peer->state);
    kr_writer_flag(writer, peer->is_online);
    kr_writer_flag(writer, peer->we_dial);
    kr_writer_uint(writer, peer->last_seen_ms);
    kr_writer_uint(writer, peer->linked_ms);
    kr_writer_uint(writer, shift_clock(peer->clock_ms));
    kr_writer_uint(writer, peer->sent_records);
    kr_writer_uint(writer, peer->received_records);
    kr_writer_uint(writer, peer->refused_records);
    kr_writer_uint(writer, peer->queued);
    kr_writer_uint(writer, peer->behind);
    kr_writer_uint(writer, peer->sent_bytes);
    kr_writer_uint(writer, peer->received_bytes);
    kr_writer_uint(writer, peer->phase);
    kr_writer_uint(writer, peer->entries);
    kr_writer_uint(writer, peer->next_try_ms);
    kr_writer_flag(writer, peer->is_awaited);
    kr_writer_uint(writer, peer->through);
    kr_writer_bin(writer, peer->through_council, 32);
    kr_writer_str_slice(writer, peer->through_name);
    kr_writer_flag(writer, peer->is_pending);
    kr_writer_flag(writer, peer->we_confirmed);
    kr_writer_flag(writer, peer->they_confirmed);
    kr_writer_str_slice(writer, peer->code);
    kr_writer_uint(writer, peer->wrong_codes);
    kr_writer_uint(writer, peer->stop);
    kr_writer_uint(writer, peer->stopped_ms);
    kr_writer_flag(writer, peer->claims_key);
    write_rate(&peer->rate, writer);
}

enum kr_err kr_peer_read(struct kr_slice bytes, struct kr_peer *ret_peer)
{
    struct kr_peer peer = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 33);
    kr_reader_fixed(&reader, peer.council, 32);
    kr_reader_fixed(&reader, peer.transport_key, 32);
    peer.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    peer.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    peer.state = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    peer.is_online = kr_reader_flag(&reader);
    peer.we_dial = kr_reader_flag(&reader);
    peer.last_seen_ms = kr_reader_uint(&reader, UINT64_MAX);
    peer.linked_ms = kr_reader_uint(&reader, UINT64_MAX);
    peer.clock_ms = (int64_t)kr_reader_uint(&reader, INT64_MAX) - CLOCK_SHIFT_MS;
    peer.sent_records = kr_reader_uint(&reader, UINT64_MAX);
    peer.received_records = kr_reader_uint(&reader, UINT64_MAX);
    peer.refused_records = kr_reader_uint(&reader, UINT64_MAX);
    peer.queued = kr_reader_uint(&reader, UINT64_MAX);
    peer.behind = kr_reader_uint(&reader, UINT64_MAX);
    peer.sent_bytes = kr_reader_uint(&reader, UINT64_MAX);
    peer.received_bytes = kr_reader_uint(&reader, UINT64_MAX);
    peer.phase = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    peer.entries = kr_reader_uint(&reader, UINT64_MAX);
    peer.next_try_ms = kr_reader_uint(&reader, UINT64_MAX);
    peer.is_awaited = kr_reader_flag(&reader);
    peer.through = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    kr_reader_fixed(&reader, peer.through_council, 32);
    peer.through_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    peer.is_pending = kr_reader_flag(&reader);
    peer.we_confirmed = kr_reader_flag(&reader);
    peer.they_confirmed = kr_reader_flag(&reader);
    peer.code = kr_reader_str(&reader, KR_PAIRING_DIGITS);
    peer.wrong_codes = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    peer.stop = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    peer.stopped_ms = kr_reader_uint(&reader, UINT64_MAX);
    peer.claims_key = kr_reader_flag(&reader);
    read_rate(&reader, &peer.rate);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_peer = peer;
    }
    return reader.err;
}

static void write_storage(const struct kr_status_storage *storage, struct kr_writer *writer)
{
    kr_writer_array(writer, 6);
    kr_writer_uint(writer, storage->from_s);
    kr_writer_uint(writer, storage->next_s);
    kr_writer_uint(writer, storage->moved_s);
    kr_writer_uint(writer, storage->done);
    kr_writer_uint(writer, storage->all);
    kr_writer_uint(writer, storage->damaged);
}

static void read_storage(struct kr_reader *reader, struct kr_status_storage *storage)
{
    kr_reader_array(reader, 6);
    storage->from_s = kr_reader_uint(reader, UINT64_MAX);
    storage->next_s = kr_reader_uint(reader, UINT64_MAX);
    storage->moved_s = kr_reader_uint(reader, UINT64_MAX);
    storage->done = kr_reader_uint(reader, UINT64_MAX);
    storage->all = kr_reader_uint(reader, UINT64_MAX);
    storage->damaged = kr_reader_uint(reader, UINT64_MAX);
    kr_reader_close(reader);
}

static void write_transport(const struct kr_status_transport *transport, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_flag(writer, transport->comes);
    kr_writer_flag(writer, transport->is_listed);
    kr_writer_uint(writer, transport->from_s);
    kr_writer_uint(writer, transport->until_s);
    kr_writer_uint(writer, transport->links);
    kr_writer_uint(writer, transport->tickets);
    kr_writer_uint(writer, transport->machines);
    kr_writer_str_slice(writer, transport->names);
}

static void read_transport(struct kr_reader *reader, struct kr_status_transport *transport)
{
    kr_reader_array(reader, 8);
    transport->comes = kr_reader_flag(reader);
    transport->is_listed = kr_reader_flag(reader);
    transport->from_s = kr_reader_uint(reader, UINT64_MAX);
    transport->until_s = kr_reader_uint(reader, UINT64_MAX);
    transport->links = kr_reader_uint(reader, UINT64_MAX);
    transport->tickets = kr_reader_uint(reader, UINT64_MAX);
    transport->machines = kr_reader_uint(reader, UINT64_MAX);
    transport->names = kr_reader_str(reader, KR_KIB);
    kr_reader_close(reader);
}

static void write_room(const struct kr_status_room *room, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_writer_uint(writer, room->map_bytes);
    kr_writer_uint(writer, room->used_bytes);
    kr_writer_uint(writer, room->free_bytes);
    kr_writer_uint(writer, room->reader_commits);
    kr_writer_uint(writer, room->reader_s);
    kr_writer_uint(writer, room->reader_process);
    kr_writer_flag(writer, room->is_reader_own);
}

static void read_room(struct kr_reader *reader, struct kr_status_room *room)
{
    kr_reader_array(reader, 7);
    room->map_bytes = kr_reader_uint(reader, UINT64_MAX);
    room->used_bytes = kr_reader_uint(reader, room->map_bytes);
    room->free_bytes = kr_reader_uint(reader, room->used_bytes);
    room->reader_commits = kr_reader_uint(reader, UINT64_MAX);
    room->reader_s = kr_reader_uint(reader, UINT64_MAX);
    room->reader_process = (uint32_t)kr_reader_uint(reader, INT32_MAX); /* as large as a process's number can be */
    room->is_reader_own = kr_reader_flag(reader);
    kr_reader_close(reader);
}

void kr_status_write(const struct kr_status *status, struct kr_writer *writer)
{
    kr_writer_array(writer, 38);
    kr_writer_bin(writer, status->council, 32);
    kr_writer_str_slice(writer, status->name_ja);
    kr_writer_str_slice(writer, status->name_en);
    kr_writer_str_slice(writer, status->version);
    kr_writer_str_slice(writer, status->endpoint);
    kr_writer_uint(writer, status->started_ms);
    kr_writer_uint(writer, status->now_ms);
    kr_writer_uint(writer, status->records);
    kr_writer_uint(writer, status->indicators);
    kr_writer_uint(writer, status->quarantined);
    kr_writer_uint(writer, status->takebacks_waiting);
    kr_writer_uint(writer, status->alarms);
    kr_writer_uint(writer, status->store_bytes);
    kr_writer_uint(writer, status->disk_free_bytes);
    kr_writer_uint(writer, status->links);
    kr_writer_uint(writer, status->links_online);
    kr_writer_uint(writer, status->tickets);
    kr_writer_uint(writer, status->links_pending);
    kr_writer_uint(writer, status->links_stopped);
    kr_writer_uint(writer, status->claims);
    kr_writer_uint(writer, status->commits);
    kr_writer_uint(writer, status->commit_us_p50);
    kr_writer_uint(writer, status->commit_us_p99);
    kr_writer_flag(writer, status->net_is_up);
    kr_writer_flag(writer, status->keyring_is_protected);
    kr_writer_flag(writer, status->store_is_writable);
    kr_writer_flag(writer, status->has_root);
    kr_writer_flag(writer, status->has_recovery);
    kr_writer_uint(writer, status->net_restarts);
    kr_writer_uint(writer, status->restored);
    kr_writer_uint(writer, status->restored_since_ms);
    kr_writer_uint(writer, status->awaited);
    kr_writer_uint(writer, status->backup_s);
    kr_writer_flag(writer, status->needs_approval);
    write_storage(&status->storage, writer);
    write_transport(&status->transport, writer);
    write_room(&status->room, writer);
    kr_writer_array(writer, status->community_count);
    for (uint32_t i = 0; i < status->community_count; i++) {
        kr_writer_array(writer, 3);
        kr_writer_bin(writer, status->communities[i].id, 32);
        kr_writer_str_slice(writer, status->communities[i].name);
        kr_writer_uint(writer, status->communities[i].members);
    }
}

static void read_communities(struct kr_reader *reader, struct kr_status *status)
{
    status->community_count = kr_reader_array_between(reader, 0, KR_COMMUNITIES_MAX);
    for (uint32_t i = 0; i < status->community_count; i++) {
        kr_reader_array(reader, 3);
        kr_reader_fixed(reader, status->communities[i].id, 32);
        status->communities[i].name = kr_reader_str(reader, KR_NAME_BYTES_MAX);
        status->communities[i].members = kr_reader_uint(reader, UINT64_MAX);
        kr_reader_close(reader);
    }
    kr_reader_close(reader);
}

enum kr_err kr_status_read(struct kr_slice bytes, struct kr_status *ret_status)
{
    struct kr_status status = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 38);
    kr_reader_fixed(&reader, status.council, 32);
    status.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    status.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    status.version = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    status.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    status.started_ms = kr_reader_uint(&reader, UINT64_MAX);
    status.now_ms = kr_reader_uint(&reader, UINT64_MAX);
    status.records = kr_reader_uint(&reader, UINT64_MAX);
    status.indicators = kr_reader_uint(&reader, UINT64_MAX);
    status.quarantined = kr_reader_uint(&reader, UINT64_MAX);
    status.takebacks_waiting = kr_reader_uint(&reader, UINT64_MAX);
    status.alarms = kr_reader_uint(&reader, UINT64_MAX);
    status.store_bytes = kr_reader_uint(&reader, UINT64_MAX);
    status.disk_free_bytes = kr_reader_uint(&reader, UINT64_MAX);
    status.links = kr_reader_uint(&reader, UINT64_MAX);
    status.links_online = kr_reader_uint(&reader, UINT64_MAX);
    status.tickets = kr_reader_uint(&reader, UINT64_MAX);
    status.links_pending = kr_reader_uint(&reader, UINT64_MAX);
    status.links_stopped = kr_reader_uint(&reader, UINT64_MAX);
    status.claims = kr_reader_uint(&reader, UINT64_MAX);
    status.commits = kr_reader_uint(&reader, UINT64_MAX);
    status.commit_us_p50 = kr_reader_uint(&reader, UINT64_MAX);
    status.commit_us_p99 = kr_reader_uint(&reader, UINT64_MAX);
    status.net_is_up = kr_reader_flag(&reader);
    status.keyring_is_protected = kr_reader_flag(&reader);
    status.store_is_writable = kr_reader_flag(&reader);
    status.has_root = kr_reader_flag(&reader);
    status.has_recovery = kr_reader_flag(&reader);
    status.net_restarts = kr_reader_uint(&reader, UINT64_MAX);
    status.restored = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    status.restored_since_ms = kr_reader_uint(&reader, UINT64_MAX);
    status.awaited = kr_reader_uint(&reader, UINT64_MAX);
    status.backup_s = kr_reader_uint(&reader, UINT64_MAX);
    status.needs_approval = kr_reader_flag(&reader);
    read_storage(&reader, &status.storage);
    read_transport(&reader, &status.transport);
    read_room(&reader, &status.room);
    read_communities(&reader, &status);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_status = status;
    }
    return reader.err;
}

void kr_join_step_write(const struct kr_join_step *step, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, step->phase);
    kr_writer_str_slice(writer, step->council_name);
    kr_writer_uint(writer, step->missing);
    kr_writer_str_slice(writer, step->code);
}

enum kr_err kr_join_step_read(struct kr_slice bytes, struct kr_join_step *ret_step)
{
    struct kr_join_step step = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    step.phase = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    step.council_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    step.missing = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    step.code = kr_reader_str(&reader, KR_PAIRING_DIGITS);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_step = step;
    }
    return reader.err;
}
