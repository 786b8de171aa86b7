#include "proto/record/peer_link.h"

#include "proto/wire/ticket.h"

#define VERSION 1u

enum kr_err kr_peer_link_parse(struct kr_slice content, struct kr_peer_link *ret_link)
{
    struct kr_reader reader;
    struct kr_peer_link link;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 6);
    if (kr_reader_uint(&reader, UINT32_MAX) != VERSION) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    link.state = (uint32_t)kr_reader_uint(&reader, KR_PEER_LINK_BLOCKED);
    kr_reader_fixed(&reader, link.transport_key, 32);
    link.endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    link.has_community = kr_reader_fixed_or_empty(&reader, link.community, 32);
    link.previous = kr_reader_bin(&reader, 0, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK &&
        (link.state < KR_PEER_LINK_OPEN || (link.previous.len != 0 && link.previous.len != 32) ||
         (link.endpoint.len > 0 && kr_endpoint_check((const char *)link.endpoint.bytes, link.endpoint.len, NULL) != KR_OK))) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        *ret_link = link;
    }
    return err;
}

void kr_peer_link_write(const struct kr_peer_link *link, struct kr_writer *writer)
{
    kr_writer_array(writer, 6);
    kr_writer_uint(writer, VERSION);
    kr_writer_uint(writer, link->state);
    kr_writer_bin(writer, link->transport_key, 32);
    kr_writer_str_slice(writer, link->endpoint);
    kr_writer_bin(writer, link->community, link->has_community ? 32 : 0);
    kr_writer_slice(writer, link->previous);
}
