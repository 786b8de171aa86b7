#include "proto/client/rekey.h"

#include "crypto/keyring.h"

uint64_t kr_key_turn_s(uint64_t from_s)
{
    return from_s < UINT64_MAX - KR_KEY_EARLIER_S ? from_s + KR_KEY_EARLIER_S : UINT64_MAX;
}

void kr_key_item_write(const struct kr_key_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, item->sort);
    kr_writer_uint(writer, item->state);
    kr_writer_bin(writer, item->public_key, sizeof item->public_key);
    kr_writer_uint(writer, item->from_s);
    kr_writer_uint(writer, item->until_s);
}

enum kr_err kr_key_item_read(struct kr_slice bytes, struct kr_key_item *ret_item)
{
    struct kr_reader reader;
    struct kr_key_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    item.sort = (uint32_t)kr_reader_uint(&reader, KR_KEY_OF_TRANSPORT);
    item.state = (uint32_t)kr_reader_uint(&reader, KR_KEY_ASIDE);
    kr_reader_fixed(&reader, item.public_key, sizeof item.public_key);
    item.from_s = kr_reader_uint(&reader, UINT64_MAX);
    item.until_s = kr_reader_uint(&reader, UINT64_MAX);
    if (item.sort < KR_KEY_OF_NODE || item.state < KR_KEY_IN_USE) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_rotate_write(const struct kr_rotate *rotate, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, rotate->act);
    kr_writer_uint(writer, rotate->at_s);
}

enum kr_err kr_rotate_read(struct kr_slice bytes, struct kr_rotate *ret_rotate)
{
    struct kr_reader reader;
    struct kr_rotate rotate = {.act = KR_ROTATE_NOW};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    const bool is_empty = bytes.len == 1;
    kr_reader_array(&reader, is_empty ? 0 : 2);
    if (!is_empty) {
        rotate.act = (uint32_t)kr_reader_uint(&reader, KR_ROTATE_CANCEL);
        rotate.at_s = kr_reader_uint(&reader, KR_CREATED_MS_MAX / 1000);
    }
    if ((rotate.act == KR_ROTATE_AT) != (rotate.at_s != 0)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_rotate = rotate;
    }
    return err;
}

void kr_revoke_write(const struct kr_revoke *revoke, struct kr_writer *writer)
{
    kr_writer_array(writer, revoke->is_question ? 5 : 4);
    kr_writer_bin(writer, revoke->key, sizeof revoke->key);
    kr_writer_uint(writer, revoke->since_ms);
    kr_writer_flag(writer, revoke->is_taken_over);
    kr_writer_bin(writer, revoke->machine, revoke->has_machine ? sizeof revoke->machine : 0);
    if (revoke->is_question) {
        kr_writer_bin(writer, revoke->root, revoke->has_root ? sizeof revoke->root : 0);
    }
}

enum kr_err kr_revoke_read(struct kr_slice bytes, struct kr_revoke *ret_revoke)
{
    struct kr_reader reader;
    struct kr_revoke revoke = {.is_question = false};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    revoke.is_question = kr_reader_array_between(&reader, 4, 5) == 5;
    kr_reader_fixed(&reader, revoke.key, sizeof revoke.key);
    revoke.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    revoke.is_taken_over = kr_reader_flag(&reader);
    revoke.has_machine = kr_reader_fixed_or_empty(&reader, revoke.machine, sizeof revoke.machine);
    revoke.has_root = revoke.is_question && kr_reader_fixed_or_empty(&reader, revoke.root, sizeof revoke.root);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_revoke = revoke;
    }
    return err;
}

void kr_recover_write(const struct kr_recover *recover, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_bin(writer, recover->recovery_public, sizeof recover->recovery_public);
    kr_writer_bin(writer, recover->rekeying.root_public, sizeof recover->rekeying.root_public);
    kr_writer_bin(writer, recover->rekeying.recovery_public, sizeof recover->rekeying.recovery_public);
    kr_writer_bin(writer, recover->rekeying.signature, sizeof recover->rekeying.signature);
    kr_writer_uint(writer, recover->others);
}

enum kr_err kr_recover_read(struct kr_slice bytes, struct kr_recover *ret_recover)
{
    struct kr_reader reader;
    struct kr_recover recover;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    kr_reader_fixed(&reader, recover.recovery_public, sizeof recover.recovery_public);
    kr_reader_fixed(&reader, recover.rekeying.root_public, sizeof recover.rekeying.root_public);
    kr_reader_fixed(&reader, recover.rekeying.recovery_public, sizeof recover.rekeying.recovery_public);
    kr_reader_fixed(&reader, recover.rekeying.signature, sizeof recover.rekeying.signature);
    recover.others = (uint32_t)kr_reader_uint(&reader, KR_OTHERS_END);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_recover = recover;
    }
    return err;
}

void kr_root_confirm_write(const struct kr_root_confirm *confirm, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_bin(writer, confirm->council, sizeof confirm->council);
    kr_writer_bin(writer, confirm->root, sizeof confirm->root);
}

enum kr_err kr_root_confirm_read(struct kr_slice bytes, struct kr_root_confirm *ret_confirm)
{
    struct kr_reader reader;
    struct kr_root_confirm confirm;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, confirm.council, sizeof confirm.council);
    kr_reader_fixed(&reader, confirm.root, sizeof confirm.root);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_confirm = confirm;
    }
    return err;
}
