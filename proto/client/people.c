/* Bodies and persons of the council. */
#include "proto/client/people.h"

#include <string.h>

#define CARD_BYTES_MAX (4u * KR_KIB)
#define STATES_MAX     16u /* more than there are: newer nodes may know more */

static void write_id_or_empty(struct kr_writer *writer, const uint8_t id[static 32])
{
    static const uint8_t none[32];
    kr_writer_bin(writer, id, memcmp(id, none, 32) == 0 ? 0 : 32);
}

static uint32_t read_action(struct kr_reader *reader, uint32_t last)
{
    const uint32_t action = (uint32_t)kr_reader_uint(reader, last);
    if (action == 0) {
        kr_reader_fail(reader, KR_MALFORMED);
    }
    return action;
}

void kr_body_act_write(const struct kr_body_act *act, struct kr_writer *writer)
{
    kr_writer_array(writer, 2u * KR_BODY_FIELDS + 4u);
    kr_writer_uint(writer, act->action);
    kr_writer_bin(writer, act->id, sizeof act->id);
    for (uint32_t i = 0; i < KR_BODY_FIELDS; i++) {
        kr_writer_flag(writer, act->changes[i]);
        kr_writer_str_slice(writer, act->texts[i]);
    }
    kr_writer_flag(writer, act->changes_listed);
    kr_writer_flag(writer, act->is_listed);
}

enum kr_err kr_body_act_read(struct kr_slice bytes, struct kr_body_act *ret_act)
{
    struct kr_reader reader;
    struct kr_body_act act;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2u * KR_BODY_FIELDS + 4u);
    act.action = read_action(&reader, KR_BODY_LEAVE);
    kr_reader_fixed(&reader, act.id, sizeof act.id);
    for (uint32_t i = 0; i < KR_BODY_FIELDS; i++) {
        act.changes[i] = kr_reader_flag(&reader);
        act.texts[i] = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    }
    act.changes_listed = kr_reader_flag(&reader);
    act.is_listed = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}

void kr_body_done_write(const struct kr_body_done *done, struct kr_writer *writer)
{
    kr_writer_array(writer, 3);
    kr_writer_bin(writer, done->id, sizeof done->id);
    kr_writer_uint(writer, done->revoked);
    kr_writer_array(writer, KR_ROLES_COUNT);
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        kr_writer_uint(writer, done->holders[i]);
    }
}

enum kr_err kr_body_done_read(struct kr_slice bytes, struct kr_body_done *ret_done)
{
    struct kr_reader reader;
    struct kr_body_done done;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 3);
    kr_reader_fixed(&reader, done.id, sizeof done.id);
    done.revoked = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_array(&reader, KR_ROLES_COUNT);
    for (uint32_t i = 0; i < KR_ROLES_COUNT; i++) {
        done.holders[i] = kr_reader_uint(&reader, UINT64_MAX);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_done = done;
    }
    return err;
}

void kr_body_item_write(const struct kr_body_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_bin(writer, item->id, sizeof item->id);
    kr_writer_uint(writer, item->changed_ms);
    kr_writer_slice(writer, item->card);
    kr_writer_uint(writer, item->holders);
    kr_writer_flag(writer, item->is_rotation_due);
}

enum kr_err kr_body_item_read(struct kr_slice bytes, struct kr_body_item *ret_item)
{
    struct kr_reader reader;
    struct kr_body_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    kr_reader_fixed(&reader, item.id, sizeof item.id);
    item.changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.card = kr_reader_bin(&reader, 1, CARD_BYTES_MAX);
    item.holders = (uint32_t)kr_reader_uint(&reader, KR_PERSONS_MAX);
    item.is_rotation_due = kr_reader_flag(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_person_act_write(const struct kr_person_act *act, struct kr_writer *writer)
{
    kr_writer_array(writer, 14);
    kr_writer_uint(writer, act->action);
    kr_writer_bin(writer, act->id, sizeof act->id);
    write_id_or_empty(writer, act->body);
    kr_writer_array(writer, KR_PERSON_FIELDS);
    for (uint32_t i = 0; i < KR_PERSON_FIELDS; i++) {
        kr_writer_flag(writer, act->changes[i]);
    }
    kr_writer_str_slice(writer, act->name);
    kr_writer_str_slice(writer, act->mail);
    kr_writer_str_slice(writer, act->telephone);
    kr_writer_uint(writer, act->roles);
    kr_writer_flag(writer, act->is_contractor);
    kr_writer_uint(writer, act->from_s);
    kr_writer_uint(writer, act->until_s);
    kr_writer_flag(writer, act->has_uid);
    kr_writer_uint(writer, act->uid);
    write_id_or_empty(writer, act->other);
}

enum kr_err kr_person_act_read(struct kr_slice bytes, struct kr_person_act *ret_act)
{
    static const uint8_t none[32];
    struct kr_reader reader;
    struct kr_person_act act;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 14);
    act.action = read_action(&reader, KR_PERSON_STAND_DOWN);
    kr_reader_fixed(&reader, act.id, sizeof act.id);
    const bool has_body = kr_reader_fixed_or_empty(&reader, act.body, sizeof act.body);
    kr_reader_array(&reader, KR_PERSON_FIELDS);
    for (uint32_t i = 0; i < KR_PERSON_FIELDS; i++) {
        act.changes[i] = kr_reader_flag(&reader);
    }
    kr_reader_close(&reader);
    act.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    act.mail = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    act.telephone = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    act.roles = (uint32_t)kr_reader_uint(&reader, KR_ROLES_ALL);
    act.is_contractor = kr_reader_flag(&reader);
    act.from_s = kr_reader_uint(&reader, UINT64_MAX);
    act.until_s = kr_reader_uint(&reader, UINT64_MAX);
    act.has_uid = kr_reader_flag(&reader);
    act.uid = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    const bool has_other = kr_reader_fixed_or_empty(&reader, act.other, sizeof act.other);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && ((has_body && memcmp(act.body, none, 32) == 0) || (has_other && memcmp(act.other, none, 32) == 0))) {
        kr_reader_fail(&reader, KR_MALFORMED); /* zero is nobody */
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_act = act;
    }
    return err;
}

void kr_person_item_write(const struct kr_person_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 7);
    kr_writer_bin(writer, item->id, sizeof item->id);
    kr_writer_uint(writer, item->changed_ms);
    kr_writer_uint(writer, item->state);
    kr_writer_str_slice(writer, item->body_name_ja);
    kr_writer_str_slice(writer, item->body_name_en);
    kr_writer_array(writer, item->uid_count);
    for (uint32_t i = 0; i < item->uid_count; i++) {
        kr_writer_uint(writer, item->uids[i]);
    }
    kr_writer_slice(writer, item->card);
}

enum kr_err kr_person_item_read(struct kr_slice bytes, struct kr_person_item *ret_item)
{
    struct kr_reader reader;
    struct kr_person_item item = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 7);
    kr_reader_fixed(&reader, item.id, sizeof item.id);
    item.changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.state = (uint32_t)kr_reader_uint(&reader, STATES_MAX);
    item.body_name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.body_name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.uid_count = kr_reader_array_between(&reader, 0, KR_CREDENTIALS_MAX);
    for (uint32_t i = 0; i < item.uid_count; i++) {
        item.uids[i] = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    }
    kr_reader_close(&reader);
    item.card = kr_reader_bin(&reader, 1, CARD_BYTES_MAX);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_told_ask_write(const struct kr_told_ask *ask, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_bin(writer, ask->council, ask->has_council ? 32 : 0);
    kr_writer_bin(writer, ask->body, ask->has_body ? 32 : 0);
}

enum kr_err kr_told_ask_read(struct kr_slice bytes, struct kr_told_ask *ret_ask)
{
    struct kr_reader reader;
    struct kr_told_ask ask = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    ask.has_council = kr_reader_fixed_or_empty(&reader, ask.council, 32);
    ask.has_body = kr_reader_fixed_or_empty(&reader, ask.body, 32);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK && ask.has_body && !ask.has_council) {
        err = KR_MALFORMED;
    }
    if (err == KR_OK) {
        *ret_ask = ask;
    }
    return err;
}

void kr_told_body_write(const struct kr_told_body *body, struct kr_writer *writer)
{
    kr_writer_array(writer, 8);
    kr_writer_bin(writer, body->council, 32);
    kr_writer_bin(writer, body->body, 32);
    kr_writer_str_slice(writer, body->council_name);
    kr_writer_str_slice(writer, body->name_ja);
    kr_writer_str_slice(writer, body->name_en);
    kr_writer_uint(writer, body->since_s);
    kr_writer_flag(writer, body->is_self);
    kr_writer_array(writer, body->community_count);
    for (uint32_t i = 0; i < body->community_count; i++) {
        kr_writer_array(writer, 2);
        kr_writer_slice(writer, body->communities[i]);
        kr_writer_str_slice(writer, body->community_names[i]);
    }
}

enum kr_err kr_told_body_read(struct kr_slice bytes, struct kr_told_body *ret_body)
{
    struct kr_reader reader;
    struct kr_told_body body = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 8);
    kr_reader_fixed(&reader, body.council, 32);
    kr_reader_fixed(&reader, body.body, 32);
    body.council_name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    body.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    body.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    body.since_s = kr_reader_uint(&reader, UINT64_MAX);
    body.is_self = kr_reader_flag(&reader);
    body.community_count = kr_reader_array_between(&reader, 0, KR_COMMUNITIES_MAX);
    for (uint32_t i = 0; i < body.community_count; i++) {
        kr_reader_array(&reader, 2);
        body.communities[i] = kr_reader_bin(&reader, 32, 32);
        body.community_names[i] = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_body = body;
    }
    return err;
}

void kr_whoami_write(const struct kr_whoami *whoami, struct kr_writer *writer)
{
    kr_writer_array(writer, 12);
    kr_writer_flag(writer, whoami->has_people);
    kr_writer_flag(writer, whoami->is_operator);
    kr_writer_flag(writer, whoami->is_person);
    kr_writer_bin(writer, whoami->person, whoami->is_person ? 32 : 0);
    kr_writer_str_slice(writer, whoami->name);
    kr_writer_str_slice(writer, whoami->body_name_ja);
    kr_writer_str_slice(writer, whoami->body_name_en);
    kr_writer_uint(writer, whoami->state);
    kr_writer_uint(writer, whoami->own_roles);
    kr_writer_uint(writer, whoami->roles);
    kr_writer_uint(writer, whoami->from_s);
    kr_writer_uint(writer, whoami->until_s);
}

enum kr_err kr_whoami_read(struct kr_slice bytes, struct kr_whoami *ret_whoami)
{
    struct kr_reader reader;
    struct kr_whoami whoami;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 12);
    whoami.has_people = kr_reader_flag(&reader);
    whoami.is_operator = kr_reader_flag(&reader);
    whoami.is_person = kr_reader_flag(&reader);
    const bool has_person = kr_reader_fixed_or_empty(&reader, whoami.person, sizeof whoami.person);
    whoami.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    whoami.body_name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    whoami.body_name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    whoami.state = (uint32_t)kr_reader_uint(&reader, STATES_MAX);
    whoami.own_roles = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    whoami.roles = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    whoami.from_s = kr_reader_uint(&reader, UINT64_MAX);
    whoami.until_s = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (reader.err == KR_OK && has_person != whoami.is_person) {
        kr_reader_fail(&reader, KR_MALFORMED);
    }
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_whoami = whoami;
    }
    return err;
}
