/* Messages, hellos, client frames and what they carry. What is accepted, encodes again to the same bytes, and so does all that it
 * lists. */
#include <string.h>

#include "crypto/root_file.h"
#include "crypto/secret.h"
#include "proto/client/audit.h"
#include "proto/client/body_key.h"
#include "proto/client/client.h"
#include "proto/client/community.h"
#include "proto/client/draft.h"
#include "proto/client/duty.h"
#include "proto/client/forward.h"
#include "proto/client/node.h"
#include "proto/client/people.h"
#include "proto/client/rekey.h"
#include "proto/client/trial.h"
#include "proto/record/peer_link.h"
#include "proto/record/peer_root.h"
#include "proto/record/ticket_word.h"
#include "proto/wire/node.h"
#include "proto/wire/wire.h"
#include "tests/fuzz/same.h"

/* Both sides of a round trip are as large as the largest answer. */
static struct kr_message message;
static struct kr_client_frame frame;

/* The records or roots of a message, each encoded again; only roots of unknown scopes are dropped on the way. */
static void run_items(struct kr_message rest)
{
    const uint32_t count = rest.item_count;
    const struct kr_slice items = rest.items;
    struct kr_writer writer;
    struct kr_slice record;
    struct kr_root root;
    uint32_t taken = 0;

    kr_writer_init(&writer, items.len + 1);
    for (; rest.type == KR_MESSAGE_RECORDS && kr_message_next_record(&rest, &record); taken++) {
        kr_writer_slice(&writer, record);
    }
    for (; rest.type == KR_MESSAGE_ROOTS && kr_message_next_root(&rest, &root); taken++) {
        kr_root_write(&root, &writer);
    }
    KR_ASSERT(rest.item_count == 0 && rest.items.len == 0);
    if (taken == count && count > 0) {
        expect_same(&writer, items);
    }
    kr_writer_deinit(&writer);
}

static void run_message(struct kr_slice bytes)
{
    struct kr_writer writer;

    if (kr_message_read(bytes, &message) != KR_OK || message.type == KR_MESSAGE_UNKNOWN) {
        return;
    }
    kr_writer_init(&writer, bytes.len);
    kr_message_write(&message, &writer);
    expect_same(&writer, bytes);
    for (uint32_t i = 0; i < kr_message_id_count(&message); i++) {
        KR_ASSERT(kr_message_id(&message, i) + KR_SHORT_ID_BYTES <= bytes.bytes + bytes.len);
    }
    run_items(message);
}

static void run_hello(struct kr_slice bytes)
{
    struct kr_hello hello;

    if (kr_hello_read(bytes, &hello) == KR_OK) {
        KR_ASSERT(hello.version >= KR_WIRE_VERSION);
    }
}

static void run_frame(struct kr_slice bytes, bool from_client)
{
    struct kr_writer writer;

    if (kr_client_frame_read(bytes, from_client, &frame) == KR_OK) {
        kr_writer_init(&writer, bytes.len);
        kr_client_frame_write(&frame, from_client, &writer);
        expect_same(&writer, bytes);
    }
}

#define RUN(type) RUN_SAME(type, read)
RUN(submit)
RUN(invite)
RUN(join)
RUN(pair_act)
RUN(ls)
RUN(summary)
RUN(match)
RUN(shown)
RUN(council_item)
RUN(preview)
RUN(explained)
RUN(peer)
RUN(status)
RUN(join_step)
RUN(retract)
RUN(confirm)
RUN(waiting)
RUN(export)
RUN(sight)
RUN(sighting_item)
RUN(community_item)
RUN(community_ask)
RUN(community_council)
RUN(community_word)
RUN(say)
RUN(founding)
RUN(stated)
RUN(card_edit)
RUN(key_copy)
RUN(key_sealed)
RUN(key_forget)
RUN(alarm)
RUN(peer_act)
RUN(blocked)
RUN(forward_act)
RUN(forward_item)
RUN(tried)
RUN(node_item)
RUN(node_ask)
RUN(node_keys)
RUN(quarantined)
RUN(key_item)
RUN(body_act)
RUN(body_done)
RUN(body_item)
RUN(person_act)
RUN(person_item)
RUN(whoami)
RUN(told_ask)
RUN(told_body)
RUN(audit_ask)
RUN(audit_item)
RUN(audit_anchor)
RUN(audit_checked)
RUN(draft_item)
RUN(draft_shown)
RUN(draft_act)
RUN(stored)
RUN(draft_who)
RUN(duty_act)
RUN(duty_item)
RUN(duty_sum)
RUN(revoke)
RUN(addressee)
RUN(body_key_item)
RUN(body_keys)
RUN(body_key_act)
RUN(recover)
RUN(root_confirm)
#undef RUN

#define RUN_CARD(type) RUN_SAME(type, parse)
RUN_CARD(body_card)
RUN_CARD(person_card)
RUN_CARD(consent)
RUN_CARD(duty_roster)
RUN_CARD(peer_link)
RUN_CARD(peer_root)
RUN_CARD(ticket_word)
RUN_CARD(body_key)
#undef RUN_CARD

/* Whatever is said to be proof. */
static void run_proof(struct kr_slice bytes)
{
    struct kr_header header;
    struct kr_alarm alarm;

    if (kr_alarm_read(bytes, &alarm) == KR_OK && kr_alarm_check(alarm.records, &header) == KR_OK) {
        KR_ASSERT(kr_kind_is_replaceable(header.kind));
    }
}

/* What is typed in from paper is what would be printed again. */
static void run_paper(struct kr_slice bytes)
{
    uint8_t seed[32], council[32] = {0};
    char lines[KR_PAPER_LINES][KR_PAPER_LINE_BYTES];
    uint8_t again_seed[32], again_council[8];

    if (kr_paper_read((const char *)bytes.bytes, bytes.len, seed, council, NULL) == KR_OK) {
        kr_paper_write(seed, council, lines);
        for (uint32_t i = 0; i < KR_PAPER_LINES; i++) {
            lines[i][KR_PAPER_LINE_BYTES - 1] = '\n';
        }
        KR_ASSERT(kr_paper_read(lines[0], sizeof lines, again_seed, again_council, NULL) == KR_OK);
        KR_ASSERT(memcmp(seed, again_seed, 32) == 0 && memcmp(council, again_council, 8) == 0);
    }
}

static void run_revise(struct kr_slice bytes)
{
    static struct kr_submit submit;
    struct kr_slice id;
    struct kr_writer writer;

    if (kr_revise_read(bytes, &id, &submit) == KR_OK) {
        KR_ASSERT(id.len >= 4 && id.len <= 32);
        kr_writer_init(&writer, bytes.len);
        kr_revise_write(id, &submit, &writer);
        expect_same(&writer, bytes);
    }
}

static void run_from_client(struct kr_slice bytes)
{
    run_frame(bytes, true);
}

static void run_from_keeper(struct kr_slice bytes)
{
    run_frame(bytes, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const runs[])(struct kr_slice bytes) = {
        run_message,
        run_hello,
        run_submit,
        run_invite,
        run_ls,
        run_summary,
        run_match,
        run_shown,
        run_council_item,
        run_preview,
        run_explained,
        run_peer,
        run_status,
        run_join_step,
        run_from_client,
        run_from_keeper,
        run_retract,
        run_revise,
        run_confirm,
        run_waiting,
        run_export,
        run_sight,
        run_sighting_item,
        run_community_item,
        run_community_ask,
        run_community_council,
        run_community_word,
        run_say,
        run_founding,
        run_stated,
        run_card_edit,
        run_key_copy,
        run_key_sealed,
        run_key_forget,
        run_alarm,
        run_peer_act,
        run_blocked,
        run_quarantined,
        run_proof,
        run_paper,
        run_key_item,
        run_body_act,
        run_body_done,
        run_body_item,
        run_person_act,
        run_person_item,
        run_whoami,
        run_audit_ask,
        run_audit_item,
        run_audit_anchor,
        run_audit_checked,
        run_draft_item,
        run_draft_shown,
        run_draft_act,
        run_stored,
        run_revoke,
        run_body_card,
        run_person_card,
        run_addressee,
        run_body_key_item,
        run_body_keys,
        run_body_key_act,
        run_body_key,
        run_forward_act,
        run_forward_item,
        run_recover,
        run_draft_who,
        run_duty_act,
        run_duty_item,
        run_duty_sum,
        run_consent,
        run_duty_roster,
        run_join,
        run_pair_act,
        run_root_confirm,
        run_tried,
        run_node_item,
        run_node_ask,
        run_node_keys,
        run_peer_link,
        run_ticket_word,
        run_told_ask,
        run_told_body,
        run_peer_root,
    };
    struct kr_slice bytes = {0};

    if (size == 0) {
        return 0;
    }
    bytes = (struct kr_slice){.bytes = data + 1, .len = size - 1};
    if (data[0] < sizeof runs / sizeof runs[0]) {
        runs[data[0]](bytes);
    }
    return 0;
}
