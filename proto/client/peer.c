/* What the operator does with links. */
#include "proto/client/client.h"

void kr_peer_act_write(const struct kr_peer_act *act, struct kr_writer *writer)
{
    const bool adds = act->action == KR_PEER_ADD;
    kr_writer_array(writer, adds ? 3 : 2);
    kr_writer_uint(writer, act->action);
    kr_writer_bin(writer, act->council, sizeof act->council);
    if (adds) {
        kr_writer_bin(writer, act->through, sizeof act->through);
    }
}

enum kr_err kr_peer_act_read(struct kr_slice bytes, struct kr_peer_act *ret_act)
{
    struct kr_reader reader;
    struct kr_peer_act act = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    const uint32_t count = kr_reader_array_between(&reader, 2, 3);
    act.action = (uint32_t)kr_reader_uint(&reader, KR_PEER_ADD);
    if (act.action < KR_PEER_PAUSE || (act.action == KR_PEER_ADD) != (count == 3)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_fixed(&reader, act.council, sizeof act.council);
    if (count == 3) {
        kr_reader_fixed(&reader, act.through, sizeof act.through);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}

void kr_pair_act_write(const struct kr_pair_act *act, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_uint(writer, act->action);
    kr_writer_bin(writer, act->council, sizeof act->council);
    kr_writer_str_slice(writer, act->code);
}

enum kr_err kr_pair_act_read(struct kr_slice bytes, struct kr_pair_act *ret_act)
{
    struct kr_reader reader;
    struct kr_pair_act act;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    act.action = (uint32_t)kr_reader_uint(&reader, KR_PAIR_REJECT);
    kr_reader_fixed(&reader, act.council, sizeof act.council);
    act.code = kr_reader_str(&reader, KR_PAIRING_TEXT_BYTES_MAX);
    if (act.action < KR_PAIR_CONFIRM || (act.action == KR_PAIR_REJECT && act.code.len > 0)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}

void kr_blocked_write(const struct kr_blocked *blocked, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_bin(writer, blocked->council, sizeof blocked->council);
    kr_writer_str_slice(writer, blocked->name);
    kr_writer_uint(writer, blocked->since_ms);
}

enum kr_err kr_blocked_read(struct kr_slice bytes, struct kr_blocked *ret_blocked)
{
    struct kr_reader reader;
    struct kr_blocked blocked;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, blocked.council, sizeof blocked.council);
    blocked.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    blocked.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_blocked = blocked;
    }
    return err;
}
