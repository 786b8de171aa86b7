#include "proto/client/node.h"

void kr_node_item_write(const struct kr_node_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_uint(writer, item->state);
    kr_writer_flag(writer, item->is_online);
    kr_writer_bin(writer, item->node_key, sizeof item->node_key);
    kr_writer_bin(writer, item->transport_key, sizeof item->transport_key);
    kr_writer_str_slice(writer, item->name);
    kr_writer_str_slice(writer, item->endpoint);
    kr_writer_uint(writer, item->since_ms);
    kr_writer_uint(writer, item->heard_ms);
}

enum kr_err kr_node_item_read(struct kr_slice bytes, struct kr_node_item *ret_item)
{
    struct kr_reader reader;
    struct kr_node_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    item.state = (uint32_t)kr_reader_uint(&reader, KR_NODE_ASKS);
    item.is_online = kr_reader_flag(&reader);
    kr_reader_fixed(&reader, item.node_key, sizeof item.node_key);
    kr_reader_fixed(&reader, item.transport_key, sizeof item.transport_key);
    item.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    item.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.heard_ms = kr_reader_uint(&reader, UINT64_MAX);
    if (item.state < KR_NODE_THIS) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}
