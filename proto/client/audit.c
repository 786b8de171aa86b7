/* The audit log: what is asked, and what is told of it. */
#include "proto/client/audit.h"

#define NOTE_BYTES_MAX  200u
#define PSEUDONYM_BYTES 8u

void kr_audit_ask_write(const struct kr_audit_ask *ask, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, ask->since_ms);
    kr_writer_bin(writer, ask->person, ask->has_person ? 32 : 0);
}

enum kr_err kr_audit_ask_read(struct kr_slice bytes, struct kr_audit_ask *ret_ask)
{
    struct kr_reader reader;
    struct kr_audit_ask ask;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    ask.since_ms = kr_reader_uint(&reader, UINT64_MAX);
    ask.has_person = kr_reader_fixed_or_empty(&reader, ask.person, sizeof ask.person);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_ask = ask;
    }
    return err;
}

void kr_audit_item_write(const struct kr_audit_item *item, struct kr_writer *writer)
{
    kr_writer_array(writer, 11);
    kr_writer_uint(writer, item->number);
    kr_writer_uint(writer, item->at_ms);
    kr_writer_slice(writer, item->person);
    kr_writer_slice(writer, item->stands_for);
    kr_writer_str_slice(writer, item->name);
    kr_writer_uint(writer, item->uid);
    kr_writer_uint(writer, item->op);
    kr_writer_uint(writer, item->outcome);
    kr_writer_slice(writer, item->target);
    kr_writer_str_slice(writer, item->note);
    kr_writer_bin(writer, item->hash, sizeof item->hash);
}

enum kr_err kr_audit_item_read(struct kr_slice bytes, struct kr_audit_item *ret_item)
{
    struct kr_reader reader;
    struct kr_audit_item item;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 11);
    item.number = kr_reader_uint(&reader, UINT64_MAX);
    item.at_ms = kr_reader_uint(&reader, UINT64_MAX);
    item.person = kr_reader_bin(&reader, 0, 32);
    item.stands_for = kr_reader_bin_or_empty(&reader, 32);
    item.name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    item.uid = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.op = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.outcome = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
    item.target = kr_reader_bin(&reader, 0, 32);
    item.note = kr_reader_str(&reader, NOTE_BYTES_MAX);
    kr_reader_fixed(&reader, item.hash, sizeof item.hash);
    kr_reader_close(&reader);
    const bool is_sized = item.person.len == 0 || item.person.len == PSEUDONYM_BYTES || item.person.len == 32;
    enum kr_err err = kr_reader_end(&reader);
    err = err == KR_OK && !is_sized ? KR_MALFORMED : err;
    if (err == KR_OK) {
        *ret_item = item;
    }
    return err;
}

void kr_audit_anchor_write(const struct kr_audit_anchor *anchor, struct kr_writer *writer)
{
    kr_writer_array(writer, 2);
    kr_writer_uint(writer, anchor->number);
    kr_writer_bin(writer, anchor->hash, anchor->has_anchor ? 32 : 0);
}

enum kr_err kr_audit_anchor_read(struct kr_slice bytes, struct kr_audit_anchor *ret_anchor)
{
    struct kr_reader reader;
    struct kr_audit_anchor anchor;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 2);
    anchor.number = kr_reader_uint(&reader, UINT64_MAX);
    anchor.has_anchor = kr_reader_fixed_or_empty(&reader, anchor.hash, sizeof anchor.hash);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_anchor = anchor;
    }
    return err;
}

void kr_audit_checked_write(const struct kr_audit_checked *checked, struct kr_writer *writer)
{
    kr_writer_array(writer, 5);
    kr_writer_uint(writer, checked->first);
    kr_writer_uint(writer, checked->next);
    kr_writer_uint(writer, checked->problems);
    kr_writer_bin(writer, checked->hash, sizeof checked->hash);
    kr_writer_uint(writer, checked->met);
}

enum kr_err kr_audit_checked_read(struct kr_slice bytes, struct kr_audit_checked *ret_checked)
{
    struct kr_reader reader;
    struct kr_audit_checked checked;
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    kr_reader_array(&reader, 5);
    checked.first = kr_reader_uint(&reader, UINT64_MAX);
    checked.next = kr_reader_uint(&reader, UINT64_MAX);
    checked.problems = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_fixed(&reader, checked.hash, sizeof checked.hash);
    checked.met = (uint32_t)kr_reader_uint(&reader, KR_AUDIT_GONE);
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_checked = checked;
    }
    return err;
}

const char *kr_op_name(uint32_t op)
{
    static const char *const names[] = {
        [KR_OP_STATUS] = "status",
        [KR_OP_PEERS] = "peers",
        [KR_OP_COUNCILS] = "councils",
        [KR_OP_INVITE] = "invite",
        [KR_OP_JOIN] = "join",
        [KR_OP_PREVIEW] = "preview",
        [KR_OP_SUBMIT] = "submit",
        [KR_OP_LOOKUP] = "lookup",
        [KR_OP_LS] = "ls",
        [KR_OP_SHOW] = "show",
        [KR_OP_EXPLAIN] = "explain",
        [KR_OP_WATCH] = "watch",
        [KR_OP_VERIFY] = "verify",
        [KR_OP_RETRACT] = "retract",
        [KR_OP_REVISE] = "revise",
        [KR_OP_RETRACTIONS] = "retractions",
        [KR_OP_CONFIRM] = "confirm retractions",
        [KR_OP_EXPORT] = "export or scan",
        [KR_OP_SIGHT] = "sighting",
        [KR_OP_SIGHTINGS] = "sightings",
        [KR_OP_COMMUNITIES] = "communities",
        [KR_OP_COMMUNITY] = "community",
        [KR_OP_COMMUNITY_WHY] = "community why",
        [KR_OP_SAY] = "vouch or expel",
        [KR_OP_FOUND] = "found community",
        [KR_OP_STATE] = "sign statement",
        [KR_OP_COPY_KEY] = "copy key",
        [KR_OP_FORGET_KEY] = "forget key",
        [KR_OP_CARD] = "council card",
        [KR_OP_ALARMS] = "alarms",
        [KR_OP_SETTLE] = "settle alarms",
        [KR_OP_PEER] = "peer",
        [KR_OP_BLOCKED] = "blocked",
        [KR_OP_QUARANTINE] = "quarantine",
        [KR_OP_RECONCILE] = "restore finish",
        [KR_OP_STORAGE_ROTATE] = "rotate storage key",
        [KR_OP_TRIAL] = "reach",
        [KR_OP_NEW_KEYS] = "new keys",
        [KR_OP_ROTATE] = "rotate keys",
        [KR_OP_RECOVER] = "recover root",
        [KR_OP_CONFIRM_ROOT] = "confirm root",
        [KR_OP_REVOKE] = "revoke key",
        [KR_OP_KEYS] = "keys",
        [KR_OP_TRANSPORT] = "rotate transport key",
        [KR_OP_BODIES] = "bodies",
        [KR_OP_TOLD_BODIES] = "told-bodies",
        [KR_OP_BODY] = "body",
        [KR_OP_PERSONS] = "persons",
        [KR_OP_PERSON] = "person",
        [KR_OP_WHOAMI] = "whoami",
        [KR_OP_AUDIT] = "audit",
        [KR_OP_AUDIT_VERIFY] = "audit verify",
        [KR_OP_MINE] = "mine",
        [KR_OP_PAIR] = "pair",
        [KR_OP_FORWARD] = "forward",
        [KR_OP_FORWARDS] = "forwards",
        [KR_OP_ENROL_TICKET] = "enrol ticket",
        [KR_OP_ENROL] = "enrol",
        [KR_OP_UNENROL] = "unenrol",
        [KR_OP_DRAFT_WITHDRAW] = "withdraw",
        [KR_OP_DRAFT_CONSENT] = "consent",
        [KR_OP_DRAFT_EDIT] = "edit draft",
        [KR_OP_DRAFT_REJECT] = "reject",
        [KR_OP_DRAFT_APPROVE] = "approve",
        [KR_OP_DRAFT] = "draft",
        [KR_OP_DRAFTS] = "drafts",
        [KR_OP_ADDRESSEES] = "addressees",
        [KR_OP_SEALED] = "sealed records",
        [KR_OP_BODY_KEYS] = "body keys",
        [KR_OP_BODY_KEY] = "body key",
        [KR_OP_PERSON_KEY] = "person key",
        [KR_OP_DRAFT_WHO] = "open pseudonym",
        [KR_OP_DUTY_ACT] = "duty",
        [KR_OP_DUTY] = "duty list",
        [KR_OP_DRAFT_REVIEWED] = "review",
        [KR_OP_NODE_INVITE] = "node invite",
        [KR_OP_NODE_ADD] = "node add",
        [KR_OP_NODES] = "nodes",
        [KR_OP_NODE_REFUSE] = "node refuse",
    };
    return op < sizeof names / sizeof names[0] ? names[op] : NULL;
}
