/* Standing consents and the duty roster. */
#include "proto/client/duty.h"

#include <string.h>

#define STATES_MAX 16u /* more than there are: newer nodes may know more */

static void write_id_or_empty(struct kr_writer *writer, const uint8_t id[static 32], bool has_id)
{
    kr_writer_bin(writer, id, has_id ? 32 : 0);
}

void kr_duty_act_write(const struct kr_duty_act *act, struct kr_writer *writer)
{
    const bool has_id = act->action <= KR_DUTY_CONSENT_END;
    kr_writer_array(writer, 10);
    kr_writer_uint(writer, act->action);
    write_id_or_empty(writer, act->id, has_id);
    kr_writer_uint(writer, act->kinds);
    kr_writer_uint(writer, act->labels);
    write_id_or_empty(writer, act->community, act->has_community);
    write_id_or_empty(writer, act->person, act->has_person);
    kr_writer_slice(writer, act->councils);
    kr_writer_uint(writer, act->until_s);
    kr_writer_str_slice(writer, act->reason);
    kr_duty_entries_write(act->entries, act->entry_count, writer);
}

enum kr_err kr_duty_act_read(struct kr_slice bytes, struct kr_duty_act *ret_act)
{
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 10);
    ret_act->action = (uint32_t)kr_reader_uint(&reader, KR_DUTY_ADD);
    const bool has_id = kr_reader_fixed_or_empty(&reader, ret_act->id, 32);
    ret_act->kinds = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_act->labels = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    ret_act->has_community = kr_reader_fixed_or_empty(&reader, ret_act->community, 32);
    ret_act->has_person = kr_reader_fixed_or_empty(&reader, ret_act->person, 32);
    ret_act->councils = kr_reader_bin(&reader, 0, KR_AUDIENCE_MAX * 32u);
    ret_act->until_s = kr_reader_uint(&reader, UINT64_MAX);
    ret_act->reason = kr_reader_str(&reader, KR_OPENING_BYTES_MAX);
    ret_act->entry_count = kr_duty_entries_read(&reader, ret_act->entries);
    kr_reader_close(&reader);
    const bool is_sound =
        ret_act->action != 0 && has_id == (ret_act->action <= KR_DUTY_CONSENT_END) && ret_act->councils.len % 32 == 0;
    if (reader.err == KR_OK && !is_sound) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    return kr_reader_end(&reader);
}

void kr_duty_item_write(const struct kr_duty_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 19);
    kr_writer_uint(writer, item->type);
    kr_writer_uint(writer, item->state);
    kr_writer_slice(writer, item->id);
    kr_writer_slice(writer, item->person);
    kr_writer_str_slice(writer, item->person_name);
    kr_writer_uint(writer, item->from_s);
    kr_writer_uint(writer, item->until_s);
    kr_writer_uint(writer, item->kinds);
    kr_writer_uint(writer, item->labels);
    kr_writer_slice(writer, item->community);
    kr_writer_slice(writer, item->councils);
    kr_writer_uint(writer, item->reach_count);
    kr_writer_slice(writer, item->by);
    kr_writer_str_slice(writer, item->by_name);
    kr_writer_uint(writer, item->given_ms);
    kr_writer_str_slice(writer, item->reason);
    kr_writer_uint(writer, item->ended_ms);
    kr_writer_str_slice(writer, item->ended_name);
    kr_writer_str_slice(writer, item->ended_reason);
}

enum kr_err kr_duty_item_read(struct kr_slice bytes, struct kr_duty_item *ret_item)
{
    struct kr_reader reader;
    struct kr_duty_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 19);
    item.type = (uint32_t)kr_reader_uint(&reader, KR_DUTY_ROSTER);
    item.state = (uint32_t)kr_reader_uint(&reader, STATES_MAX);
    item.id = kr_reader_bin_or_empty(&reader, 32);
    item.person = kr_reader_bin_or_empty(&reader, 32);
    item.person_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.from_s = kr_reader_uint(&reader, UINT64_MAX);
    item.until_s = kr_reader_uint(&reader, UINT64_MAX);
    item.kinds = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.labels = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.community = kr_reader_bin_or_empty(&reader, 32);
    item.councils = kr_reader_bin(&reader, 0, KR_AUDIENCE_MAX * 32u);
    item.reach_count = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.by = kr_reader_bin_or_empty(&reader, 32);
    item.by_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.given_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.reason = kr_reader_str(&reader, KR_OPENING_BYTES_MAX);
    item.ended_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.ended_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.ended_reason = kr_reader_str(&reader, KR_OPENING_BYTES_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && (item.type == 0 || item.councils.len % 32 != 0)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_duty_sum_write(const struct kr_duty_sum *sum, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_flag(writer, sum->has_roster);
    kr_writer_uint(writer, sum->unreviewed);
    kr_writer_uint(writer, sum->oldest_ms);
}

enum kr_err kr_duty_sum_read(struct kr_slice bytes, struct kr_duty_sum *ret_sum)
{
    struct kr_reader reader;
    struct kr_duty_sum sum;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    sum.has_roster = kr_reader_flag(&reader);
    sum.unreviewed = kr_reader_uint(&reader, UINT64_MAX);
    sum.oldest_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_sum = sum;
    }
    return err;
}
