#include "proto/client/body_key.h"

#include "proto/record/section.h"

#define STATES_MAX 1000u /* more than there are: a newer node's are shown as unknown */

void kr_addressee_write(const struct kr_addressee *addressee, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_uint(writer, addressee->sort);
    kr_writer_bin(writer, addressee->id, 32);
    kr_writer_str_slice(writer, addressee->name_ja);
    kr_writer_str_slice(writer, addressee->name_en);
    kr_writer_str_slice(writer, addressee->body_name_ja);
    kr_writer_str_slice(writer, addressee->body_name_en);
    kr_writer_bin(writer, addressee->key, 32);
    kr_writer_uint(writer, addressee->key_since_s);
}

enum kr_err kr_addressee_read(struct kr_slice bytes, struct kr_addressee *ret_addressee)
{
    struct kr_reader reader;
    struct kr_addressee addressee;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    addressee.sort = (uint32_t)kr_reader_uint(&reader, KR_ADDRESSED_PERSON);
    kr_reader_fixed(&reader, addressee.id, 32);
    addressee.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    addressee.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    addressee.body_name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    addressee.body_name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_reader_fixed(&reader, addressee.key, 32);
    addressee.key_since_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && addressee.sort < KR_ADDRESSED_BODY) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_addressee = addressee;
    }
    return err;
}

void kr_body_key_item_write(const struct kr_body_key_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 9);
    kr_writer_flag(writer, item->is_person);
    kr_writer_bin(writer, item->id, 32);
    kr_writer_str_slice(writer, item->name);
    kr_writer_uint(writer, item->state);
    kr_writer_slice(writer, item->key);
    kr_writer_flag(writer, item->holds);
    kr_writer_slice(writer, item->held);
    kr_writer_slice(writer, item->to);
    kr_writer_slice(writer, item->slot);
}

enum kr_err kr_body_key_item_read(struct kr_slice bytes, struct kr_body_key_item *ret_item)
{
    struct kr_reader reader;
    struct kr_body_key_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 9);
    item.is_person = kr_reader_flag(&reader);
    kr_reader_fixed(&reader, item.id, 32);
    item.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.state = (uint32_t)kr_reader_uint(&reader, STATES_MAX);
    item.key = kr_reader_bin_or_empty(&reader, 32);
    item.holds = kr_reader_flag(&reader);
    item.held = kr_reader_bin_or_empty(&reader, 32);
    item.to = kr_reader_bin_or_empty(&reader, 32);
    item.slot = kr_reader_bin_or_empty(&reader, KR_SLOT_BYTES);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_body_keys_write(const struct kr_body_keys *keys, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_writer_bin(writer, keys->person, 32);
    kr_writer_bin(writer, keys->body, 32);
    kr_writer_str_slice(writer, keys->name_ja);
    kr_writer_str_slice(writer, keys->name_en);
    kr_writer_slice(writer, keys->key);
    kr_writer_uint(writer, keys->key_since_s);
    kr_writer_flag(writer, keys->is_rotation_due);
}

enum kr_err kr_body_keys_read(struct kr_slice bytes, struct kr_body_keys *ret_keys)
{
    struct kr_reader reader;
    struct kr_body_keys keys;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 7);
    kr_reader_fixed(&reader, keys.person, 32);
    kr_reader_fixed(&reader, keys.body, 32);
    keys.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    keys.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    keys.key = kr_reader_bin_or_empty(&reader, 32);
    keys.key_since_s = kr_reader_uint(&reader, UINT64_MAX);
    keys.is_rotation_due = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_keys = keys;
    }
    return err;
}

void kr_body_key_act_write(const struct kr_body_key_act *act, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, act->action);
    kr_writer_bin(writer, act->key, 32);
    kr_writer_slice(writer, act->before);
    kr_writer_array(writer, act->copy_count);
    for (uint32_t i = 0; i < act->copy_count; i++) {
        kr_writer_array(writer, 3);
        kr_writer_slice(writer, act->copies[i].person);
        kr_writer_slice(writer, act->copies[i].to);
        kr_writer_slice(writer, act->copies[i].slot);
    }
}

enum kr_err kr_body_key_act_read(struct kr_slice bytes, struct kr_body_key_act *ret_act)
{
    struct kr_reader reader;
    struct kr_body_key_act act;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    act.action = (uint32_t)kr_reader_uint(&reader, KR_BODY_KEY_ROTATE);
    kr_reader_fixed(&reader, act.key, 32);
    act.before = kr_reader_bin_or_empty(&reader, KR_SLOT_BYTES);
    act.copy_count = kr_reader_array_between(&reader, 1, KR_BODY_PERSONS_MAX);
    for (uint32_t i = 0; i < act.copy_count; i++) {
        kr_reader_array(&reader, 3);
        act.copies[i].person = kr_reader_bin(&reader, 32, 32);
        act.copies[i].to = kr_reader_bin(&reader, 32, 32);
        act.copies[i].slot = kr_reader_bin(&reader, KR_SLOT_BYTES, KR_SLOT_BYTES);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    const bool is_rotation = act.action == KR_BODY_KEY_ROTATE;
    if (reader.err == KR_OK && (act.action < KR_BODY_KEY_MAKE || is_rotation != (act.before.len > 0))) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}
