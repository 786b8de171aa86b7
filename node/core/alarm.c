#include "node/core/alarm.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/effect.h"
#include "node/core/enrol_shared.h"
#include "node/core/root_confirm.h"

/* In KR_TABLE_RECEIPTS: "alarm" ‖ author 32 ‖ BE64(version) ‖ kind 1 ‖ community 32 ‖ subject 32 → array of 4: noted_ms, settled
 * (0/1), and both records, header and signature alone (kr_record_strip). */
#define PREFIX_BYTES 5u
#define AUTHOR_BYTES (PREFIX_BYTES + 32u)
#define KEY_BYTES    (AUTHOR_BYTES + 8u + 1u + 32u + 32u)
static const uint8_t prefix[PREFIX_BYTES] = {'a', 'l', 'a', 'r', 'm'};

struct alarm {
    uint64_t noted_ms;
    bool is_settled;
    struct kr_slice records[2];
};

static enum kr_err read_alarm(struct kr_slice value, struct alarm *ret_alarm)
{
    struct kr_reader reader;
    struct alarm alarm;
    kr_reader_init(&reader, value.bytes, value.len);
    kr_reader_array(&reader, 4);
    alarm.noted_ms = kr_reader_uint(&reader, UINT64_MAX);
    alarm.is_settled = kr_reader_flag(&reader);
    alarm.records[0] = kr_reader_bin(&reader, 1, KR_TABLE_VALUE_BYTES_MAX);
    alarm.records[1] = kr_reader_bin(&reader, 1, KR_TABLE_VALUE_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_alarm = alarm;
    }
    return err;
}

static enum kr_err put_alarm(struct kr_step *step, const uint8_t key[static KEY_BYTES], const struct alarm *alarm)
{
    struct kr_writer writer;
    kr_writer_init(&writer, KR_TABLE_VALUE_BYTES_MAX);
    kr_writer_array(&writer, 4);
    kr_writer_uint(&writer, alarm->noted_ms);
    kr_writer_flag(&writer, alarm->is_settled);
    kr_writer_slice(&writer, alarm->records[0]);
    kr_writer_slice(&writer, alarm->records[1]);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, KEY_BYTES, &writer);
}

static bool count_open(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_core *core = context;
    struct alarm alarm;
    (void)key;
    core->alarms_open += read_alarm(value, &alarm) == KR_OK && !alarm.is_settled;
    return true;
}

enum kr_err kr_alarms_load(struct kr_step *step)
{
    uint32_t damaged = 0;
    step->core->alarms_open = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, count_open, step->core, &damaged);
    step->core->rows_skipped += damaged;
    uint64_t of_tickets = 0;
    if (err == KR_OK) {
        err = kr_enrol_alarms_count(step, &of_tickets);
    }
    step->core->alarms_open += of_tickets;
    return err;
}

/* ---- raising ---- */

static void make_key(uint8_t ret_key[static KEY_BYTES], const struct kr_header *header)
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, header->author, 32);
    kr_put_be(ret_key + AUTHOR_BYTES, header->version, 8);
    ret_key[AUTHOR_BYTES + 8] = (uint8_t)header->kind;
    memcpy(ret_key + AUTHOR_BYTES + 9, header->community, 32);
    memcpy(ret_key + AUTHOR_BYTES + 41, header->subject, 32);
}

static bool count_waiting(void *context, struct kr_slice key, struct kr_slice value)
{
    uint32_t *count = context;
    struct alarm alarm;
    (void)key;
    *count += read_alarm(value, &alarm) != KR_OK || !alarm.is_settled;
    return *count < KR_ALARMS_MAX;
}

/* Whether there is nothing to be kept of it: it is known, or enough of its council's wait to be settled. Those that are settled do
 * not count: what was dealt with may happen again. */
static enum kr_err is_enough(struct kr_step *step, const uint8_t key[static KEY_BYTES], bool *ret_enough)
{
    uint8_t value[KR_TABLE_VALUE_BYTES_MAX];
    size_t len;
    uint32_t count = 0;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, KEY_BYTES, value, sizeof value, &len);
    if (err != KR_NOT_FOUND) {
        *ret_enough = true;
        return err == KR_CORRUPT ? KR_OK : err;
    }
    err = kr_store_each(step->txn, KR_TABLE_RECEIPTS, key, AUTHOR_BYTES, count_waiting, &count);
    *ret_enough = count >= KR_ALARMS_MAX;
    return err == KR_CORRUPT ? KR_OK : err;
}

/* Header and signature tell who signed what version; of a re-keying the body is the proof. */
static enum kr_err write_half(const struct kr_record *record, bool is_whole, struct kr_writer *writer)
{
    if (!is_whole) {
        return kr_record_strip(record, writer);
    }
    kr_writer_array(writer, 4);
    kr_writer_slice(writer, record->header);
    kr_writer_slice(writer, record->slots);
    kr_writer_slice(writer, record->body);
    kr_writer_slice(writer, record->signature);
    return kr_writer_finish(writer);
}

static enum kr_err keep(struct kr_step *step, const uint8_t key[static KEY_BYTES], const struct kr_record *standing,
                        const struct kr_record *other, bool is_whole)
{
    struct kr_writer first, second;
    kr_writer_init(&first, KR_TABLE_VALUE_BYTES_MAX / 2);
    kr_writer_init(&second, KR_TABLE_VALUE_BYTES_MAX / 2);
    enum kr_err err = write_half(standing, is_whole, &first);
    if (err == KR_OK) {
        err = write_half(other, is_whole, &second);
    }
    if (err == KR_OK) {
        err =
            put_alarm(step, key,
                      &(struct alarm){.noted_ms = step->now_ms, .records = {{first.bytes, first.len}, {second.bytes, second.len}}});
    }
    kr_writer_deinit(&first);
    kr_writer_deinit(&second);
    return err;
}

static enum kr_err raise_alarm(struct kr_step *step, const struct kr_job *job, const uint8_t standing_id[static 32],
                               enum kr_alarm_sort sort)
{
    uint8_t key[KEY_BYTES], *bytes = NULL;
    uint64_t arrival;
    size_t len;
    bool is_known = false;
    struct kr_record standing;
    char name[KR_NAME_BYTES_MAX + 1];
    make_key(key, &job->header);
    enum kr_err err = is_enough(step, key, &is_known);
    if (err != KR_OK || is_known) {
        return err;
    }
    err = kr_store_record_find(step->txn, standing_id, &arrival);
    if (err == KR_OK) {
        err = kr_store_record_get(step->txn, arrival, &bytes, &len);
    }
    if (err == KR_OK) {
        err = kr_record_split(bytes, len, &standing);
    }
    if (err == KR_OK) {
        err = keep(step, key, &standing, &job->record, sort != KR_ALARM_VERSION);
    }
    free(bytes);
    if (err == KR_NOMEM || err == KR_IO || err == KR_STORE_FULL) {
        return err;
    }
    step->core->alarms_open += err == KR_OK;
    kr_core_name(step->core, job->header.author, false, name, sizeof name);
    if (sort == KR_ALARM_REKEYED) {
        return kr_step_log(step, KR_LOG_ERROR,
                           "ALARM: the root key of %s was replaced twice with one recovery paper: it is in two hands. Ask it by "
                           "telephone (kairan alarms)",
                           name);
    }
    if (sort == KR_ALARM_DATED) {
        return kr_step_log(
            step, KR_LOG_ERROR,
            "ALARM: the new card of %s says that a key was in force before the card before was made, which does not have it: "
            "what that key signed may be dated back. Ask it by telephone whether its root key is safe (kairan alarms)",
            name);
    }
    return kr_step_log(step, KR_LOG_ERROR,
                       "ALARM: %s signed two different statements of one version; ask it by telephone whether its root key is safe "
                       "(kairan alarms)",
                       name);
}

enum kr_err kr_alarm_raise(struct kr_step *step, const struct kr_job *job, const uint8_t standing_id[static 32])
{
    return raise_alarm(step, job, standing_id, KR_ALARM_VERSION);
}

enum kr_err kr_alarm_raise_rekeyed(struct kr_step *step, const struct kr_job *job, const uint8_t known_id[static 32])
{
    return raise_alarm(step, job, known_id, KR_ALARM_REKEYED);
}

enum kr_err kr_alarm_look_back(struct kr_step *step, const struct kr_job *job, const uint8_t standing_id[static 32])
{
    struct kr_record standing;
    struct kr_header header;
    struct kr_card before, later;
    uint8_t *bytes = NULL;
    uint64_t arrival;
    size_t len;
    enum kr_err err = kr_store_record_find(step->txn, standing_id, &arrival);
    if (err == KR_OK) {
        err = kr_store_record_get(step->txn, arrival, &bytes, &len);
    }
    const bool is_dated_back =
        err == KR_OK && kr_record_split(bytes, len, &standing) == KR_OK && kr_header_parse(standing.header, &header) == KR_OK &&
        memcmp(header.signing_key, job->header.signing_key, 32) == 0 && kr_card_read(standing.body, &before) == KR_OK &&
        kr_card_read((struct kr_slice){job->content, job->content_len}, &later) == KR_OK &&
        kr_card_dates_back(&before, header.created_ms, &later);
    free(bytes);
    if (is_dated_back) {
        return raise_alarm(step, job, standing_id, KR_ALARM_DATED);
    }
    return err == KR_NOT_FOUND || err == KR_CORRUPT ? KR_OK : err;
}

/* ---- for clients ---- */

static enum kr_alarm_sort sort_of(const struct alarm *alarm)
{
    struct kr_record records[2];
    struct kr_header headers[2];
    for (uint32_t i = 0; i < 2; i++) {
        if (kr_record_split(alarm->records[i].bytes, alarm->records[i].len, &records[i]) != KR_OK || records[i].is_header_only ||
            kr_header_parse(records[i].header, &headers[i]) != KR_OK) {
            return KR_ALARM_VERSION;
        }
    }
    return memcmp(headers[0].signing_key, headers[1].signing_key, 32) == 0 && headers[0].version != headers[1].version
               ? KR_ALARM_DATED
               : KR_ALARM_REKEYED;
}

struct listing {
    struct kr_step *step;
    const struct kr_event *event;
    enum kr_err err;
};

static bool list_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct listing *listing = context;
    struct alarm alarm;
    char name[KR_NAME_BYTES_MAX + 1];
    if (key.len != KEY_BYTES || read_alarm(value, &alarm) != KR_OK) {
        return true;
    }
    const uint8_t *author = key.bytes + PREFIX_BYTES;
    struct kr_writer writer;
    struct kr_alarm item = {
        .noted_ms = alarm.noted_ms, .is_settled = alarm.is_settled, .records = {alarm.records[0], alarm.records[1]}};
    item.sort = sort_of(&alarm);
    memcpy(item.council, author, 32);
    kr_core_name(listing->step->core, author, listing->event->speaks_japanese, name, sizeof name);
    item.name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    kr_writer_init(&writer, 2 * KR_TABLE_VALUE_BYTES_MAX);
    kr_alarm_write(&item, &writer);
    listing->err = kr_step_item(listing->step, listing->event->client, listing->event->request, &writer);
    kr_writer_deinit(&writer);
    return listing->err == KR_OK;
}

enum kr_err kr_alarms_request(struct kr_step *step, const struct kr_event *event)
{
    struct listing listing = {.step = step, .event = event};
    uint32_t damaged = 0;
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, prefix, sizeof prefix, list_one, &listing, &damaged);
    err = err == KR_OK ? listing.err : err;
    if (err == KR_OK) {
        err = kr_enrol_alarms_list(step, event);
    }
    if (err == KR_OK) {
        err = kr_root_confirm_list(step, event);
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}

struct settling {
    uint8_t keys[KR_ALARMS_MAX][KEY_BYTES];
    uint32_t count;
};

static bool pick_open(void *context, struct kr_slice key, struct kr_slice value)
{
    struct settling *settling = context;
    struct alarm alarm;
    if (key.len == KEY_BYTES && read_alarm(value, &alarm) == KR_OK && !alarm.is_settled) {
        memcpy(settling->keys[settling->count++], key.bytes, KEY_BYTES);
    }
    return settling->count < KR_ALARMS_MAX;
}

static enum kr_err settle_one(struct kr_step *step, const uint8_t key[static KEY_BYTES])
{
    uint8_t value[KR_TABLE_VALUE_BYTES_MAX];
    size_t len;
    struct alarm alarm;
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, KEY_BYTES, value, sizeof value, &len);
    if (err == KR_OK) {
        err = read_alarm((struct kr_slice){value, len}, &alarm);
    }
    if (err != KR_OK) {
        return err;
    }
    alarm.is_settled = true;
    return put_alarm(step, key, &alarm);
}

enum kr_err kr_settle_request(struct kr_step *step, const struct kr_event *event)
{
    struct settling settling = {.count = 0};
    struct kr_reader reader;
    uint8_t row[AUTHOR_BYTES];
    uint32_t damaged = 0, of_tickets = 0;
    memcpy(row, prefix, PREFIX_BYTES);
    kr_reader_init(&reader, event->bytes.bytes, event->bytes.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, row + PREFIX_BYTES, 32);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "the request cannot be read");
    }
    enum kr_err err = kr_store_each_whole(step->txn, KR_TABLE_RECEIPTS, row, sizeof row, pick_open, &settling, &damaged);
    for (uint32_t i = 0; i < settling.count && err == KR_OK; i++) {
        err = settle_one(step, settling.keys[i]);
    }
    if (err == KR_OK && memcmp(row + PREFIX_BYTES, step->core->self, 32) == 0) {
        err = kr_enrol_alarms_settle(step, &of_tickets);
        settling.count += of_tickets;
    }
    if (err != KR_OK) {
        return err;
    }
    if (settling.count == 0) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND, "no alarm about this council is open");
    }
    step->core->alarms_open -= settling.count;
    struct kr_writer result;
    kr_writer_init(&result, KR_KIB);
    kr_writer_array(&result, 1);
    kr_writer_uint(&result, settling.count);
    err = kr_step_end(step, event->client, event->request, &result);
    kr_writer_deinit(&result);
    return err;
}
