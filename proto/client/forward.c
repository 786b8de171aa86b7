#include "proto/client/forward.h"

#include "crypto/limits.h"

void kr_forward_act_write(const struct kr_forward_act *act, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, act->action);
    kr_writer_bin(writer, act->councils[0], 32);
    kr_writer_bin(writer, act->councils[1], 32);
    kr_writer_uint(writer, act->rate);
}

enum kr_err kr_forward_act_read(struct kr_slice bytes, struct kr_forward_act *ret_act)
{
    struct kr_forward_act act = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    act.action = (uint32_t)kr_reader_uint(&reader, KR_FORWARD_DENY);
    if (act.action < KR_FORWARD_ALLOW) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_fixed(&reader, act.councils[0], 32);
    kr_reader_fixed(&reader, act.councils[1], 32);
    act.rate = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}

void kr_forward_item_write(const struct kr_forward_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 15);
    for (uint32_t i = 0; i < 2; i++) {
        kr_writer_bin(writer, item->councils[i], 32);
        kr_writer_str_slice(writer, item->names[i]);
        kr_writer_flag(writer, item->is_up[i]);
        kr_writer_flag(writer, item->has_asked[i]);
    }
    kr_writer_flag(writer, item->is_ready);
    kr_writer_uint(writer, item->rate);
    kr_writer_uint(writer, item->since_ms);
    kr_writer_uint(writer, item->now_rate);
    kr_writer_uint(writer, item->bytes);
    kr_writer_uint(writer, item->dropped);
    kr_writer_uint(writer, item->waiting);
}

enum kr_err kr_forward_item_read(struct kr_slice bytes, struct kr_forward_item *ret_item)
{
    struct kr_forward_item item = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 15);
    for (uint32_t i = 0; i < 2; i++) {
        kr_reader_fixed(&reader, item.councils[i], 32);
        item.names[i] = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
        item.is_up[i] = kr_reader_flag(&reader);
        item.has_asked[i] = kr_reader_flag(&reader);
    }
    item.is_ready = kr_reader_flag(&reader);
    item.rate = kr_reader_uint(&reader, UINT64_MAX);
    item.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.now_rate = kr_reader_uint(&reader, UINT64_MAX);
    item.bytes = kr_reader_uint(&reader, UINT64_MAX);
    item.dropped = kr_reader_uint(&reader, UINT64_MAX);
    item.waiting = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}
