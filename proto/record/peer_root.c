#include "proto/record/peer_root.h"

#define VERSION 1u

enum kr_err kr_peer_root_parse(struct kr_slice content, struct kr_peer_root *ret_root)
{
    struct kr_reader reader;
    struct kr_peer_root root;
    kr_reader_init(&reader, content.bytes, content.len);
    kr_reader_array(&reader, 3);
    if (kr_reader_uint(&reader, UINT32_MAX) != VERSION) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_fixed(&reader, root.root, 32);
    root.previous = kr_reader_bin(&reader, 0, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK && root.previous.len != 0 && root.previous.len != 32) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        *ret_root = root;
    }
    return err;
}

void kr_peer_root_write(const struct kr_peer_root *root, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_uint(writer, VERSION);
    kr_writer_bin(writer, root->root, 32);
    kr_writer_slice(writer, root->previous);
}
