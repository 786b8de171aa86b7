/* What clients say and are told of sightings. */
#include "proto/client/items.h"

void kr_sight_write(const struct kr_sight *sight, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_bin(writer, sight->token, sizeof sight->token);
    kr_writer_slice(writer, sight->id);
    kr_sighting_fields_write(&sight->sighting, writer);
}

enum kr_err kr_sight_read(struct kr_slice bytes, struct kr_sight *ret_sight)
{
    struct kr_sight sight;
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    kr_reader_fixed(&reader, sight.token, sizeof sight.token);
    sight.id = kr_reader_bin(&reader, 4, 32);
    kr_sighting_fields_read(&reader, &sight.sighting);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_sight = sight;
    }
    return reader.err;
}

void kr_sighting_item_write(const struct kr_sighting_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_summary_write(&item->record, writer);
    kr_sighting_fields_write(&item->sighting, writer);
}

enum kr_err kr_sighting_item_read(struct kr_slice bytes, struct kr_sighting_item *ret_item)
{
    struct kr_sighting_item item = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 7);
    kr_summary_element_read(&reader, &item.record);
    kr_sighting_fields_read(&reader, &item.sighting);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_item = item;
    }
    return reader.err;
}
