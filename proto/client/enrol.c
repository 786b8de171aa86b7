#include "proto/client/enrol.h"

#include "proto/wire/ticket.h"

void kr_enrol_ask_write(const struct kr_enrol_ask *ask, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_bin(writer, ask->person, 32);
    kr_writer_uint(writer, ask->ttl_s);
}

enum kr_err kr_enrol_ask_read(struct kr_slice bytes, struct kr_enrol_ask *ret_ask)
{
    struct kr_enrol_ask ask;
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, ask.person, 32);
    ask.ttl_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_ask = ask;
    }
    return err;
}

void kr_enrol_given_write(const struct kr_enrol_given *given, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_str_slice(writer, given->ticket);
    kr_writer_uint(writer, given->expires_s);
}

enum kr_err kr_enrol_given_read(struct kr_slice bytes, struct kr_enrol_given *ret_given)
{
    struct kr_enrol_given given;
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    given.ticket = kr_reader_str(&reader, KR_TICKET_TEXT_BYTES_MAX);
    given.expires_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_given = given;
    }
    return err;
}

void kr_enrol_done_write(const struct kr_enrol_done *done, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_bin(writer, done->person, 32);
    kr_writer_str_slice(writer, done->name);
    kr_writer_flag(writer, done->was_there);
}

enum kr_err kr_enrol_done_read(struct kr_slice bytes, struct kr_enrol_done *ret_done)
{
    struct kr_enrol_done done;
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, done.person, 32);
    done.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    done.was_there = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_done = done;
    }
    return err;
}

void kr_unenrol_write(const struct kr_unenrol *unenrol, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_bin(writer, unenrol->person, 32);
    kr_writer_bin(writer, unenrol->key, 32);
}

enum kr_err kr_unenrol_read(struct kr_slice bytes, struct kr_unenrol *ret_unenrol)
{
    struct kr_unenrol unenrol;
    struct kr_reader reader;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, unenrol.person, 32);
    kr_reader_fixed(&reader, unenrol.key, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_unenrol = unenrol;
    }
    return err;
}
