/* The root key away from the node: statements to be signed elsewhere, secrets on their way out. */
#include "proto/client/client.h"

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

void kr_stated_write(const struct kr_stated *stated, struct kr_writer *writer)
{
    kr_writer_array(writer, stated->count);
    for (uint32_t i = 0; i < stated->count; i++) {
        kr_writer_slice(writer, stated->records[i]);
    }
}

enum kr_err kr_stated_read(struct kr_slice bytes, struct kr_stated *ret_stated)
{
    struct kr_reader reader;
    struct kr_stated stated = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    stated.count = kr_reader_array_between(&reader, 1, KR_STATEMENTS_MAX);
    for (uint32_t i = 0; i < stated.count; i++) {
        stated.records[i] = kr_reader_bin(&reader, 1, KR_RECORD_BYTES_MAX);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_stated = stated;
    }
    return err;
}

void kr_card_edit_write(const struct kr_card_edit *edit, struct kr_writer *writer)
{
    kr_writer_array(writer, 2u * KR_CARD_FIELDS + 2u);
    for (uint32_t i = 0; i < KR_CARD_FIELDS; i++) {
        kr_writer_flag(writer, edit->changes[i]);
        kr_writer_str_slice(writer, edit->texts[i]);
    }
    kr_writer_flag(writer, edit->changes_host);
    kr_writer_slice(writer, edit->host);
}

enum kr_err kr_card_edit_read(struct kr_slice bytes, struct kr_card_edit *ret_edit)
{
    struct kr_reader reader;
    struct kr_card_edit edit;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2u * KR_CARD_FIELDS + 2u);
    for (uint32_t i = 0; i < KR_CARD_FIELDS; i++) {
        edit.changes[i] = kr_reader_flag(&reader);
        edit.texts[i] = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    }
    edit.changes_host = kr_reader_flag(&reader);
    edit.host = kr_reader_bin(&reader, 0, 32);
    if (edit.host.len != 0 && edit.host.len != 32) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_edit = edit;
    }
    return err;
}

static uint32_t read_role(struct kr_reader *reader)
{
    const uint32_t role = (uint32_t)kr_reader_uint(reader, KR_KEY_RECOVERY);
    if (role < KR_KEY_ROOT) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    return role;
}

void kr_key_copy_write(const struct kr_key_copy *copy, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, copy->role);
    kr_writer_bin(writer, copy->box_public, sizeof copy->box_public);
}

enum kr_err kr_key_copy_read(struct kr_slice bytes, struct kr_key_copy *ret_copy)
{
    struct kr_reader reader;
    struct kr_key_copy copy;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    copy.role = read_role(&reader);
    kr_reader_fixed(&reader, copy.box_public, sizeof copy.box_public);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_copy = copy;
    }
    return err;
}

void kr_key_sealed_write(const struct kr_key_sealed *sealed, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_bin(writer, sealed->council, sizeof sealed->council);
    kr_writer_bin(writer, sealed->public_key, sizeof sealed->public_key);
    kr_writer_slice(writer, sealed->slot);
}

enum kr_err kr_key_sealed_read(struct kr_slice bytes, struct kr_key_sealed *ret_sealed)
{
    struct kr_reader reader;
    struct kr_key_sealed sealed;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, sealed.council, sizeof sealed.council);
    kr_reader_fixed(&reader, sealed.public_key, sizeof sealed.public_key);
    sealed.slot = kr_reader_bin(&reader, KR_SLOT_BYTES, KR_SLOT_BYTES);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_sealed = sealed;
    }
    return err;
}

void kr_key_forget_write(const struct kr_key_forget *forget, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, forget->role);
    kr_writer_slice(writer, forget->signature);
}

enum kr_err kr_key_forget_read(struct kr_slice bytes, struct kr_key_forget *ret_forget)
{
    struct kr_reader reader;
    struct kr_key_forget forget;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    forget.role = read_role(&reader);
    forget.signature = kr_reader_bin(&reader, KR_SIGNATURE_BYTES, KR_SIGNATURE_BYTES);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_forget = forget;
    }
    return err;
}
