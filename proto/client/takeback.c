/* What clients ask for to take records back, and what they are told about it. */
#include "proto/client/items.h"

void kr_retract_write(const struct kr_retract *retract, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_bin(writer, retract->token, sizeof retract->token);
    kr_writer_slice(writer, retract->id);
    kr_writer_str_slice(writer, retract->reason);
    kr_writer_str_slice(writer, retract->language);
}

enum kr_err kr_retract_read(struct kr_slice bytes, struct kr_retract *ret_retract)
{
    struct kr_retract retract;
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    kr_reader_fixed(&reader, retract.token, sizeof retract.token);
    retract.id = kr_reader_bin(&reader, 4, 32);
    retract.reason = kr_reader_str(&reader, KR_NOTE_BYTES_MAX);
    retract.language = kr_reader_str(&reader, KR_LANGUAGE_BYTES_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_retract = retract;
    }
    return reader.err;
}

void kr_revise_write(struct kr_slice id, const struct kr_submit *submit, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_slice(writer, id);
    kr_submit_write(submit, writer);
}

enum kr_err kr_revise_read(struct kr_slice bytes, struct kr_slice *ret_id, struct kr_submit *ret_submit)
{
    struct kr_reader reader;
    struct kr_slice id, submit;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    id = kr_reader_bin(&reader, 4, 32);
    submit = kr_reader_raw(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        err = kr_submit_read(submit, ret_submit);
    }
    if (err == KR_OK) {
        *ret_id = id;
    }
    return err;
}

void kr_confirm_write(const struct kr_confirm *confirm, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_bin(writer, confirm->council, confirm->has_council ? 32 : 0);
    kr_writer_slice(writer, confirm->id);
}

enum kr_err kr_confirm_read(struct kr_slice bytes, struct kr_confirm *ret_confirm)
{
    struct kr_confirm confirm;
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    confirm.has_council = kr_reader_fixed_or_empty(&reader, confirm.council, 32);
    confirm.id = kr_reader_bin(&reader, 0, 32);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && confirm.has_council == (confirm.id.len > 0)) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_confirm = confirm;
    }
    return reader.err;
}

void kr_waiting_write(const struct kr_waiting *waiting, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, waiting->total);
    kr_summary_write(&waiting->record, writer);
}

enum kr_err kr_waiting_read(struct kr_slice bytes, struct kr_waiting *ret_waiting)
{
    struct kr_waiting waiting = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    waiting.total = kr_reader_uint(&reader, UINT64_MAX);
    kr_summary_element_read(&reader, &waiting.record);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_waiting = waiting;
    }
    return reader.err;
}

void kr_quarantined_write(const struct kr_quarantined *quarantined, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, quarantined->bytes);
    kr_writer_bin(writer, quarantined->from, sizeof quarantined->from);
    kr_writer_str_slice(writer, quarantined->from_name);
    kr_summary_write(&quarantined->record, writer);
}

enum kr_err kr_quarantined_read(struct kr_slice bytes, struct kr_quarantined *ret_quarantined)
{
    struct kr_quarantined quarantined = {0};
    struct kr_reader reader;

    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 4);
    quarantined.bytes = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_fixed(&reader, quarantined.from, sizeof quarantined.from);
    quarantined.from_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    kr_summary_element_read(&reader, &quarantined.record);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) == KR_OK) {
        *ret_quarantined = quarantined;
    }
    return reader.err;
}

void kr_taken_write(const struct kr_taken *taken, struct kr_writer *writer)
{
    kr_writer_array(writer, 4);
    kr_writer_uint(writer, taken->state);
    kr_writer_bin(writer, taken->by, taken->state == KR_TAKEN_NOT ? 0 : 32);
    kr_writer_uint(writer, taken->at_ms);
    kr_writer_str_slice(writer, taken->reason);
}

void kr_taken_element_read(struct kr_reader *reader, struct kr_taken *ret_taken)
{
    kr_reader_array(reader, 4);
    ret_taken->state = (uint32_t)kr_reader_uint(reader, KR_TAKEN_FALSE);
    bool has_by = kr_reader_fixed_or_empty(reader, ret_taken->by, 32);
    ret_taken->at_ms = kr_reader_uint(reader, UINT64_MAX);
    ret_taken->reason = kr_reader_str(reader, KR_NOTE_BYTES_MAX);
    kr_reader_close(reader);
    if (reader->err == KR_OK && has_by != (ret_taken->state != KR_TAKEN_NOT)) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
}
