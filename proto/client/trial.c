#include "proto/client/trial.h"

#include "crypto/limits.h"
#include "proto/wire/wire.h"

void kr_tried_write(const struct kr_tried *reached, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, reached->outcome);
    kr_writer_bin(writer, reached->council, sizeof reached->council);
    kr_writer_str_slice(writer, reached->name);
    kr_writer_uint(writer, reached->at_ms);
}

enum kr_err kr_tried_read(struct kr_slice bytes, struct kr_tried *ret_reached)
{
    struct kr_tried reached = {0};
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    reached.outcome = (uint32_t)kr_reader_uint(&reader, UINT32_MAX); /* newer nodes may find more */
    kr_reader_fixed(&reader, reached.council, sizeof reached.council);
    reached.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    reached.at_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    const enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_reached = reached;
    }
    return err;
}
