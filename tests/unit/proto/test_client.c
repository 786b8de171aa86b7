#include "round_trip.h"

#include "proto/client/client.h"
#include "proto/client/community.h"
#include "proto/client/forward.h"
#include "proto/client/node.h"
#include "proto/client/rekey.h"
#include "proto/client/trial.h"

static struct kr_client_frame frame, read_frame; /* large */

ROUND_TRIP(kr_submit, submit, kr_submit_write, kr_submit_read)
ROUND_TRIP(kr_invite, invite, kr_invite_write, kr_invite_read)
ROUND_TRIP(kr_join, join, kr_join_write, kr_join_read)
ROUND_TRIP(kr_pair_act, act, kr_pair_act_write, kr_pair_act_read)
ROUND_TRIP(kr_ls, ls, kr_ls_write, kr_ls_read)
ROUND_TRIP(kr_summary, summary, kr_summary_write, kr_summary_read)
ROUND_TRIP(kr_match, match, kr_match_write, kr_match_read)
ROUND_TRIP(kr_shown, shown, kr_shown_write, kr_shown_read)
ROUND_TRIP(kr_retract, retract, kr_retract_write, kr_retract_read)
ROUND_TRIP(kr_confirm, confirm, kr_confirm_write, kr_confirm_read)
ROUND_TRIP(kr_waiting, waiting, kr_waiting_write, kr_waiting_read)
ROUND_TRIP(kr_export, export, kr_export_write, kr_export_read)
ROUND_TRIP(kr_sight, sight, kr_sight_write, kr_sight_read)
ROUND_TRIP(kr_sighting_item, item, kr_sighting_item_write, kr_sighting_item_read)
ROUND_TRIP(kr_council_item, item, kr_council_item_write, kr_council_item_read)
ROUND_TRIP(kr_key_item, key_item, kr_key_item_write, kr_key_item_read)
ROUND_TRIP(kr_rotate, rotate, kr_rotate_write, kr_rotate_read)
ROUND_TRIP(kr_revoke, revoke, kr_revoke_write, kr_revoke_read)
ROUND_TRIP(kr_recover, recover, kr_recover_write, kr_recover_read)
ROUND_TRIP(kr_root_confirm, root_confirm, kr_root_confirm_write, kr_root_confirm_read)
ROUND_TRIP(kr_quarantined, quarantined, kr_quarantined_write, kr_quarantined_read)
ROUND_TRIP(kr_peer_act, act, kr_peer_act_write, kr_peer_act_read)
ROUND_TRIP(kr_blocked, blocked, kr_blocked_write, kr_blocked_read)
ROUND_TRIP(kr_forward_act, act, kr_forward_act_write, kr_forward_act_read)
ROUND_TRIP(kr_tried, tried, kr_tried_write, kr_tried_read)
ROUND_TRIP(kr_forward_item, item, kr_forward_item_write, kr_forward_item_read)
ROUND_TRIP(kr_node_item, item, kr_node_item_write, kr_node_item_read)
ROUND_TRIP(kr_alarm, alarm, kr_alarm_write, kr_alarm_read)
ROUND_TRIP(kr_stated, stated, kr_stated_write, kr_stated_read)
ROUND_TRIP(kr_card_edit, edit, kr_card_edit_write, kr_card_edit_read)
ROUND_TRIP(kr_key_copy, copy, kr_key_copy_write, kr_key_copy_read)
ROUND_TRIP(kr_key_sealed, sealed, kr_key_sealed_write, kr_key_sealed_read)
ROUND_TRIP(kr_key_forget, forget, kr_key_forget_write, kr_key_forget_read)
ROUND_TRIP(kr_preview, preview, kr_preview_write, kr_preview_read)
ROUND_TRIP(kr_explained, explained, kr_explained_write, kr_explained_read)
ROUND_TRIP(kr_peer, peer, kr_peer_write, kr_peer_read)
ROUND_TRIP(kr_community_item, item, kr_community_item_write, kr_community_item_read)
ROUND_TRIP(kr_community_ask, ask, kr_community_ask_write, kr_community_ask_read)
ROUND_TRIP(kr_community_council, council, kr_community_council_write, kr_community_council_read)
ROUND_TRIP(kr_community_word, word, kr_community_word_write, kr_community_word_read)
ROUND_TRIP(kr_say, say, kr_say_write, kr_say_read)
ROUND_TRIP(kr_founding, founding, kr_founding_write, kr_founding_read)
ROUND_TRIP(kr_join_step, step, kr_join_step_write, kr_join_step_read)

static struct bytes written_frame(bool from_client)
{
    struct bytes bytes = {0};
    struct kr_writer writer;

    kr_writer_init(&writer, 4 * KR_CLIENT_FRAME_BYTES_MAX);
    kr_client_frame_write(&frame, from_client, &writer);
    assert_int_equal(kr_writer_take(&writer, &bytes.at, &bytes.len), KR_OK);
    return bytes;
}

static void fill_frame(uint32_t type)
{
    memset(&frame, 0, sizeof frame);
    frame.type = type;
    frame.version = KR_CLIENT_VERSION;
    frame.text = text_slice("kairan");
    frame.text2 = text_slice("ja");
    frame.council[0] = 7;
    frame.number = UINT64_MAX;
    frame.op = KR_OP_LOOKUP;
    frame.credits = 4;
    frame.code = KR_GUARDED;
    frame.payload = text_slice("payload");
    frame.item_count = 2;
    frame.items[0] = text_slice("one");
    frame.items[1] = text_slice("two");
}

static void frames_read_back_in_their_direction_only(void **state)
{
    (void)state;
    for (uint32_t type = KR_CLIENT_HELLO; type <= KR_CLIENT_ERROR; type++) {
        for (unsigned way = 0; way < 2; way++) {
            bool from_client = way == 1;
            bool is_clients = type >= KR_CLIENT_REQUEST && type <= KR_CLIENT_CANCEL;
            struct bytes bytes, again;

            if (type != KR_CLIENT_HELLO && is_clients != from_client) {
                continue;
            }
            fill_frame(type);
            bytes = written_frame(from_client);
            assert_int_equal(kr_client_frame_read(slice(bytes.at, bytes.len), from_client, &read_frame), KR_OK);
            assert_int_equal(read_frame.type, type);
            frame = read_frame;
            again = written_frame(from_client);
            assert_slice_equal(slice(again.at, again.len), bytes.at, bytes.len);
            assert_int_equal(kr_client_frame_read(slice(bytes.at, bytes.len), !from_client, &read_frame), KR_MALFORMED);
            for (size_t len = 0; len < bytes.len; len++) {
                assert_int_equal(kr_client_frame_read(slice(bytes.at, len), from_client, &read_frame), KR_MALFORMED);
            }
            free(again.at);
            free(bytes.at);
        }
    }
}

static void frame_fields_arrive_where_they_belong(void **state)
{
    struct bytes bytes;

    (void)state;
    fill_frame(KR_CLIENT_REQUEST);
    bytes = written_frame(true);
    assert_int_equal(kr_client_frame_read(slice(bytes.at, bytes.len), true, &read_frame), KR_OK);
    assert_true(read_frame.number == UINT64_MAX);
    assert_int_equal(read_frame.op, KR_OP_LOOKUP);
    assert_int_equal(read_frame.credits, 4);
    assert_slice_equal(read_frame.payload, "payload", 7);
    free(bytes.at);
    fill_frame(KR_CLIENT_PAGE);
    bytes = written_frame(false);
    assert_int_equal(kr_client_frame_read(slice(bytes.at, bytes.len), false, &read_frame), KR_OK);
    assert_int_equal(read_frame.item_count, 2);
    assert_slice_equal(read_frame.items[1], "two", 3);
    free(bytes.at);
    fill_frame(KR_CLIENT_ERROR);
    bytes = written_frame(false);
    assert_int_equal(kr_client_frame_read(slice(bytes.at, bytes.len), false, &read_frame), KR_OK);
    assert_int_equal(read_frame.code, KR_GUARDED);
    assert_slice_equal(read_frame.text, "kairan", 6);
    free(bytes.at);
}

static void frames_are_bounded(void **state)
{
    static uint8_t large[KR_CLIENT_FRAME_BYTES_MAX + 1];
    struct kr_writer writer;

    (void)state;
    assert_int_equal(kr_client_frame_read(slice(large, sizeof large), true, &read_frame), KR_BOUNDS);
    kr_writer_init(&writer, KR_MIB);
    kr_writer_array(&writer, 3);
    kr_writer_uint(&writer, KR_CLIENT_PAGE);
    kr_writer_uint(&writer, 1);
    kr_writer_array(&writer, KR_PAGE_ITEMS_MAX + 1);
    for (uint32_t i = 0; i <= KR_PAGE_ITEMS_MAX; i++) {
        kr_writer_bin(&writer, NULL, 0);
    }
    assert_int_equal(kr_client_frame_read(slice(writer.bytes, writer.len), false, &read_frame), KR_BOUNDS);
    kr_writer_deinit(&writer);
    assert_int_equal(kr_client_frame_read(text_slice("\x92\x07\x01"), false, &read_frame), KR_MALFORMED); /* no such type */
    assert_int_equal(kr_client_frame_read(text_slice("\x93\x03\x01\x01"), true, &read_frame), KR_MALFORMED);
}

static struct kr_summary some_summary(void)
{
    return (struct kr_summary){
        .id = {1},
        .author = {2},
        .author_name = text_slice("広島"),
        .kind = KR_KIND_REPORT,
        .label = KR_TLP_AMBER,
        .flags = KR_FLAG_EXERCISE,
        .severity = 4,
        .indicator_count = 4096,
        .created_ms = 1,
        .received_ms = 2,
        .expires_s = UINT64_MAX,
        .title = text_slice("題"),
        .target = slice(ids[2], 32),
        .taken = KR_TAKEN_WAITS,
    };
}

static void requests_read_back(void **state)
{
    struct kr_submit submit = {
        .token = {9},
        .kind = KR_KIND_REPORT,
        .label = KR_TLP_AMBER,
        .has_community = true,
        .community = {8},
        .flags = KR_FLAG_EXERCISE,
        .expires_s = 5,
        .audience_count = 2,
        .audience = {{1}, {2}},
        .is_forced = true,
        .reason = text_slice("checked by telephone"),
        .body = text_slice("body"),
    };
    struct kr_invite invite = {.ttl_s = 60, .has_community = true, .community = {4}, .is_link_only = true, .is_by_hand = true};
    struct kr_join join = {.ticket = text_slice("kairan1…"), .is_by_hand = true}, read_join;
    struct kr_ls ls = {.kind = 1, .label = KR_TLP_RED, .since_ms = 2, .limit = 3, .has_author = true, .author = {5}};
    struct kr_export export = {.use = KR_EXPORT_USE_OUT, .since = UINT64_MAX, .exercise = true}, read_export;
    struct kr_submit read_submit;
    struct kr_invite read_invite;
    struct kr_ls read_ls;

    (void)state;
    round_trip_kr_submit(&submit, &read_submit);
    assert_int_equal(read_submit.label, KR_TLP_AMBER);
    assert_int_equal(read_submit.audience[1][0], 2);
    assert_true(read_submit.is_forced && read_submit.has_community);
    round_trip_kr_invite(&invite, &read_invite);
    assert_true(read_invite.is_link_only && read_invite.has_community && read_invite.is_by_hand);
    round_trip_kr_join(&join, &read_join);
    assert_true(read_join.is_by_hand);
    assert_slice_equal(read_join.ticket, "kairan1…", 10);
    round_trip_kr_ls(&ls, &read_ls);
    assert_int_equal(read_ls.limit, 3);
    assert_true(read_ls.has_author);
    round_trip_kr_export(&export, &read_export);
    assert_int_equal(read_export.use, KR_EXPORT_USE_OUT);
    assert_true(read_export.since == UINT64_MAX && read_export.exercise);
    /* Unlabelled is well formed: keeper says what is missing. */
    submit.label = KR_TLP_NONE;
    round_trip_kr_submit(&submit, &read_submit);
    assert_int_equal(read_submit.label, KR_TLP_NONE);
}

static void answers_read_back(void **state)
{
    struct kr_match match = {
        .query = 3,
        .indicator = {.type = KR_INDICATOR_DOMAIN, .value = text_slice("example.com"), .confidence = 50, .note = text_slice("n")},
        .record = some_summary(),
    };
    struct kr_summary summary = some_summary(), read_summary;
    struct kr_shown shown = {
        .summary = some_summary(),
        .audience_count = 2,
        .audience = {slice(ids[0], 32), slice(ids[1], 32)},
        .community = slice(ids[2], 32),
        .content = text_slice("content"),
        .record_bytes = 1234,
        .content_kind = KR_KIND_ADVISORY,
        .forced = {5, text_slice("訳")},
        .taken = {KR_TAKEN_RETRACTED, {7}, 8, text_slice("誤り")},
    };
    struct kr_council_item item = {
        .council = {1},
        .name_ja = text_slice("広島"),
        .name_en = text_slice("Hiroshima"),
        .region = text_slice("中国"),
        .card = text_slice("card"),
        .is_linked = true,
        .community_count = 2,
        .communities = {slice(ids[0], 32), slice(ids[1], 32)},
        .community_names = {text_slice("西"), text_slice("全国")},
    };
    struct kr_match read_match;
    struct kr_shown read_shown;
    struct kr_council_item read_item;

    (void)state;
    struct kr_sighting_item sighted = {.record = some_summary(),
                                       .sighting = {.type = KR_INDICATOR_DOMAIN,
                                                    .value = text_slice("example.com"),
                                                    .what = KR_SIGHTING_FALSE_POSITIVE,
                                                    .count = 4,
                                                    .first_s = 5,
                                                    .last_s = 6}},
                            read_sighted;
    struct kr_sight sight = {.token = {4}, .id = slice(ids[0], 8), .sighting = sighted.sighting}, read_sight;
    round_trip_kr_sighting_item(&sighted, &read_sighted);
    assert_int_equal(read_sighted.sighting.what, KR_SIGHTING_FALSE_POSITIVE);
    assert_true(read_sighted.sighting.count == 4 && read_sighted.sighting.first_s == 5 && read_sighted.sighting.last_s == 6);
    assert_slice_equal(read_sighted.sighting.value, "example.com", 11);
    round_trip_kr_sight(&sight, &read_sight);
    assert_int_equal(read_sight.id.len, 8);
    assert_int_equal(read_sight.token[0], 4);
    round_trip_kr_summary(&summary, &read_summary);
    assert_int_equal(read_summary.indicator_count, 4096);
    assert_slice_equal(read_summary.title, "題", 3);
    assert_slice_equal(read_summary.target, ids[2], 32);
    assert_int_equal(read_summary.taken, KR_TAKEN_WAITS);
    round_trip_kr_match(&match, &read_match);
    assert_int_equal(read_match.query, 3);
    assert_slice_equal(read_match.indicator.value, "example.com", 11);
    assert_int_equal(read_match.record.kind, KR_KIND_REPORT);
    round_trip_kr_shown(&shown, &read_shown);
    assert_int_equal(read_shown.record_bytes, 1234);
    assert_int_equal(read_shown.forced.at_ms, 5);
    assert_slice_equal(read_shown.forced.reason, "訳", 3);
    assert_int_equal(read_shown.content_kind, KR_KIND_ADVISORY);
    assert_int_equal(read_shown.taken.state, KR_TAKEN_RETRACTED);
    assert_int_equal(read_shown.taken.by[0], 7);
    assert_slice_equal(read_shown.taken.reason, "誤り", 6);
    assert_slice_equal(read_shown.audience[1], ids[1], 32);
    round_trip_kr_council_item(&item, &read_item);
    assert_true(read_item.is_linked && !read_item.is_self);
    assert_slice_equal(read_item.community_names[0], "西", 3);
    assert_slice_equal(read_item.card, "card", 4);
}

static void keys_and_statements_read_back(void **state)
{
    static const uint8_t slot[80] = {3}, signature[64] = {4};
    struct kr_stated stated = {.count = 2, .records = {text_slice("one"), text_slice("two")}}, read_stated;
    struct kr_card_edit edit = {.changes = {[KR_CARD_REGION] = true},
                                .texts = {[KR_CARD_REGION] = text_slice("北")},
                                .changes_host = true,
                                .host = slice(ids[0], 32)},
                        read_edit;
    struct kr_key_copy copy = {.role = 2, .box_public = {5}}, read_copy;
    struct kr_key_sealed sealed = {.council = {6}, .public_key = {7}, .slot = slice(slot, sizeof slot)}, read_sealed;
    struct kr_key_forget forget = {.role = 1, .signature = slice(signature, sizeof signature)}, read_forget;
    struct kr_alarm alarm = {.sort = KR_ALARM_REKEYED,
                             .council = {8},
                             .name = text_slice("北"),
                             .noted_ms = 9,
                             .is_settled = true,
                             .records = {text_slice("a"), text_slice("b")}},
                    read_alarm;
    (void)state;
    round_trip_kr_alarm(&alarm, &read_alarm);
    assert_true(read_alarm.sort == KR_ALARM_REKEYED && read_alarm.noted_ms == 9 && read_alarm.is_settled &&
                read_alarm.council[0] == 8);
    assert_slice_equal(read_alarm.records[1], "b", 1);
    struct kr_peer_act act = {.action = KR_PEER_BLOCK, .council = {9}}, read_act;
    struct kr_blocked blocked = {.council = {10}, .name = text_slice("西"), .since_ms = 11}, read_blocked;
    struct kr_key_item key_item = {.sort = KR_KEY_OF_SEALING,
                                   .state = KR_KEY_REPLACED,
                                   .public_key = {14},
                                   .from_s = 15,
                                   .until_s = 16},
                       read_key_item;
    round_trip_kr_key_item(&key_item, &read_key_item);
    assert_memory_equal(&key_item, &read_key_item, sizeof key_item);
    struct kr_revoke revoke = {.key = {15}, .since_ms = 16, .is_taken_over = true}, read_revoke;
    round_trip_kr_revoke(&revoke, &read_revoke);
    assert_false(read_revoke.has_machine);
    revoke.has_machine = true;
    revoke.machine[31] = 23;
    round_trip_kr_revoke(&revoke, &read_revoke);
    assert_true(read_revoke.has_machine && read_revoke.machine[31] == 23);
    struct kr_rotate rotate = {.act = KR_ROTATE_AT, .at_s = 17}, read_rotate;
    round_trip_kr_rotate(&rotate, &read_rotate);
    assert_true(read_rotate.act == KR_ROTATE_AT && read_rotate.at_s == 17);
    assert_int_equal(kr_rotate_read(slice("\x90", 1), &read_rotate), KR_OK);
    assert_true(read_rotate.act == KR_ROTATE_NOW && read_rotate.at_s == 0);
    struct kr_recover recover = {.recovery_public = {17}, .rekeying = {{18}, {19}, {20}}, .others = KR_OTHERS_END}, read_recover;
    round_trip_kr_recover(&recover, &read_recover);
    assert_memory_equal(&read_recover, &recover, sizeof recover);
    struct kr_root_confirm root_confirm = {.council = {21}, .root = {22}}, read_root_confirm;
    round_trip_kr_root_confirm(&root_confirm, &read_root_confirm);
    assert_memory_equal(&read_root_confirm, &root_confirm, sizeof root_confirm);
    assert_true(read_revoke.key[0] == 15 && read_revoke.since_ms == 16 && read_revoke.is_taken_over);
    struct kr_quarantined quarantined = {.bytes = 12, .from = {13}, .from_name = text_slice("南"), .record = some_summary()},
                          read_quarantined;
    round_trip_kr_quarantined(&quarantined, &read_quarantined);
    assert_true(read_quarantined.bytes == 12 && read_quarantined.from[0] == 13);
    assert_slice_equal(read_quarantined.from_name, "南", 3);
    round_trip_kr_peer_act(&act, &read_act);
    assert_true(read_act.action == KR_PEER_BLOCK && read_act.council[0] == 9);
    act = (struct kr_peer_act){.action = KR_PEER_ADD, .council = {9}, .through = {10}};
    round_trip_kr_peer_act(&act, &read_act);
    assert_true(read_act.action == KR_PEER_ADD && read_act.council[0] == 9 && read_act.through[0] == 10);
    struct kr_forward_act forward = {.action = KR_FORWARD_DENY, .councils = {{1}, {2}}, .rate = 3}, read_forward;
    round_trip_kr_forward_act(&forward, &read_forward);
    struct kr_tried tried = {.outcome = KR_TRIAL_SILENT, .council = {7}, .name = text_slice("宮城"), .at_ms = 8}, read_tried;
    round_trip_kr_tried(&tried, &read_tried);
    assert_true(read_tried.outcome == KR_TRIAL_SILENT && read_tried.council[0] == 7 && read_tried.at_ms == 8);
    assert_true(read_forward.action == KR_FORWARD_DENY && read_forward.councils[1][0] == 2 && read_forward.rate == 3);
    struct kr_forward_item item = {.councils = {{1}, {2}},
                                   .names = {text_slice("東"), text_slice("西")},
                                   .is_up = {true, false},
                                   .has_asked = {false, true},
                                   .is_ready = true,
                                   .rate = 4,
                                   .since_ms = 5,
                                   .now_rate = 6,
                                   .bytes = 7,
                                   .dropped = 8,
                                   .waiting = 9},
                           read_item;
    round_trip_kr_forward_item(&item, &read_item);
    assert_true(read_item.is_up[0] && !read_item.is_up[1] && !read_item.has_asked[0] && read_item.has_asked[1]);
    assert_true(read_item.rate == 4 && read_item.now_rate == 6 && read_item.dropped == 8 && read_item.waiting == 9);
    struct kr_pair_act pair = {.action = KR_PAIR_CONFIRM, .council = {12}, .code = text_slice("1234 5678")}, read_pair;
    round_trip_kr_pair_act(&pair, &read_pair);
    assert_true(read_pair.action == KR_PAIR_CONFIRM && read_pair.council[0] == 12);
    assert_slice_equal(read_pair.code, "1234 5678", 9);
    round_trip_kr_blocked(&blocked, &read_blocked);
    assert_true(read_blocked.council[0] == 10 && read_blocked.since_ms == 11);
    round_trip_kr_stated(&stated, &read_stated);
    assert_slice_equal(read_stated.records[1], "two", 3);
    round_trip_kr_card_edit(&edit, &read_edit);
    assert_true(read_edit.changes[KR_CARD_REGION] && !read_edit.changes[KR_CARD_NAME_JA] && read_edit.changes_host);
    assert_slice_equal(read_edit.texts[KR_CARD_REGION], "北", 3);
    assert_slice_equal(read_edit.host, ids[0], 32);
    round_trip_kr_key_copy(&copy, &read_copy);
    assert_true(read_copy.role == 2 && read_copy.box_public[0] == 5);
    round_trip_kr_key_sealed(&sealed, &read_sealed);
    assert_true(read_sealed.council[0] == 6 && read_sealed.public_key[0] == 7 && read_sealed.slot.bytes[0] == 3);
    round_trip_kr_key_forget(&forget, &read_forget);
    assert_true(read_forget.role == 1 && read_forget.signature.bytes[0] == 4);
}

static void what_is_asked_about_taking_back_reads_back(void **state)
{
    static struct kr_submit submit, read_submit;
    struct kr_retract retract = {.token = {3}, .id = slice(ids[0], 8), .reason = text_slice("誤り"), .language = text_slice("ja")};
    struct kr_confirm confirm = {.has_council = true, .council = {4}};
    struct kr_waiting waiting = {.total = 40, .record = some_summary()};
    struct kr_retract read_retract;
    struct kr_confirm read_confirm;
    struct kr_waiting read_waiting;
    struct kr_writer writer;
    struct kr_slice id;

    (void)state;
    round_trip_kr_retract(&retract, &read_retract);
    assert_int_equal(read_retract.id.len, 8);
    assert_slice_equal(read_retract.reason, "誤り", 6);
    round_trip_kr_confirm(&confirm, &read_confirm);
    assert_true(read_confirm.has_council && read_confirm.council[0] == 4);
    round_trip_kr_waiting(&waiting, &read_waiting);
    assert_int_equal(read_waiting.total, 40);
    submit.kind = KR_KIND_REPORT;
    submit.body = text_slice("body");
    kr_writer_init(&writer, KR_KIB);
    kr_revise_write(slice(ids[1], 32), &submit, &writer);
    assert_int_equal(kr_revise_read(slice(writer.bytes, writer.len), &id, &read_submit), KR_OK);
    assert_slice_equal(id, ids[1], 32);
    assert_slice_equal(read_submit.body, "body", 4);
    for (size_t len = 0; len < writer.len; len++) {
        assert_int_equal(kr_revise_read(slice(writer.bytes, len), &id, &read_submit), KR_MALFORMED);
    }
    kr_writer_deinit(&writer);
    /* A council or a record, and not both, or neither. */
    confirm.id = slice(ids[0], 32);
    kr_writer_init(&writer, KR_KIB);
    kr_confirm_write(&confirm, &writer);
    assert_int_equal(kr_confirm_read(slice(writer.bytes, writer.len), &read_confirm), KR_MALFORMED);
    kr_writer_deinit(&writer);
}

static void previews_and_explanations_read_back(void **state)
{
    static struct kr_preview preview, read_preview;
    static struct kr_explained explained, read_explained;

    (void)state;
    preview.reach_count = KR_AUDIENCE_MAX;
    for (uint32_t i = 0; i < KR_AUDIENCE_MAX; i++) {
        preview.reach[i] = (struct kr_reach){.council = {(uint8_t)i},
                                             .host_name = text_slice("宿"),
                                             .name = text_slice("c"),
                                             .may_hold = true,
                                             .is_linked = i % 2 == 0,
                                             .reason = i,
                                             .reason_name = text_slice("audience")};
    }
    preview.reach_total = 4096;
    preview.guarded_count = 1;
    preview.guarded[0].indicator = 17;
    preview.guarded[0].list = text_slice("public resolvers");
    preview.guarded[0].detail = text_slice("8.8.8.8");
    preview.guarded_total = 100;
    round_trip_kr_preview(&preview, &read_preview);
    assert_int_equal(read_preview.reach_count, KR_AUDIENCE_MAX);
    assert_int_equal(read_preview.reach[255].reason, 255);
    assert_false(read_preview.reach[255].is_linked);
    assert_slice_equal(read_preview.reach[255].host_name, "宿", 3);
    assert_int_equal(read_preview.guarded[0].indicator, 17);
    assert_int_equal(read_preview.guarded_total, 100);
    explained.summary = some_summary();
    explained.from_name = text_slice("岡山");
    explained.from[0] = 3;
    explained.hops_known = 2;
    explained.scope_count = 2;
    explained.scopes[0].kind = 2;
    explained.scopes[1].kind = 3;
    explained.scopes[1].id = slice(ids[1], 32);
    explained.scopes[1].entry = 99;
    explained.reach_count = 1;
    explained.reach[0] = preview.reach[1];
    explained.forced = (struct kr_forced){6, text_slice("because")};
    round_trip_kr_explained(&explained, &read_explained);
    assert_int_equal(read_explained.hops_known, 2);
    assert_int_equal(read_explained.scopes[1].entry, 99);
    assert_int_equal(read_explained.reach[0].reason, 1);
    assert_int_equal(read_explained.forced.at_ms, 6);
    assert_slice_equal(read_explained.forced.reason, "because", 7);
}

static void the_state_of_a_node_reads_back(void **state)
{
    static const int64_t clocks[] = {0, 1, -1, 86400000, -86400000, INT64_MAX, INT64_MIN};
    struct kr_join_step step = {.phase = KR_JOIN_PENDING, .council_name = text_slice("広島"), .code = text_slice("12345678")};
    struct kr_join_step read_step;

    (void)state;
    round_trip_kr_join_step(&step, &read_step);
    assert_slice_equal(read_step.code, "12345678", 8);
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct kr_peer peer = {
            .council = {1},
            .name = text_slice("p"),
            .state = KR_LINK_OPEN,
            .clock_ms = clocks[i],
            .behind = 3,
            .next_try_ms = 4,
            .is_awaited = i % 2 == 0,
            .through = KR_THROUGH_WAITING,
            .through_council = {5},
            .through_name = text_slice("中"),
            .is_pending = true,
            .we_confirmed = i % 2 == 1,
            .they_confirmed = i % 2 == 0,
            .code = text_slice("00000001"),
            .wrong_codes = 2,
            .stop = KR_STOP_CARD,
            .stopped_ms = 5,
            .claims_key = true,
            .rate = {.span_ms = 60001, .sent_records = 6, .sent_bytes = 7, .received_records = 8, .received_bytes = 9}};
        struct kr_peer read_peer;

        round_trip_kr_peer(&peer, &read_peer);
        assert_true(i > 4 || read_peer.clock_ms == clocks[i]); /* the last two are as good as for ever */
        assert_int_equal(read_peer.behind, 3);
        assert_memory_equal(&read_peer.rate, &peer.rate, sizeof peer.rate);
        assert_int_equal(read_peer.next_try_ms, 4);
        assert_true(read_peer.through == KR_THROUGH_WAITING && read_peer.through_council[0] == 5);
        assert_slice_equal(read_peer.through_name, "中", 3);
        assert_true(read_peer.is_awaited == (i % 2 == 0));
        assert_true(read_peer.is_pending && read_peer.we_confirmed == (i % 2 == 1) && read_peer.they_confirmed == (i % 2 == 0));
        assert_slice_equal(read_peer.code, "00000001", 8);
        assert_true(read_peer.wrong_codes == 2 && read_peer.stop == KR_STOP_CARD && read_peer.stopped_ms == 5 &&
                    read_peer.claims_key);
    }
}

static void communities_read_back(void **state)
{
    struct kr_community_item item = {.id = {1},
                                     .name = text_slice("近畿"),
                                     .text = text_slice("rules"),
                                     .created_ms = 2,
                                     .founders = 3,
                                     .members = 4,
                                     .vouches_needed = 5,
                                     .quorum = 6,
                                     .standing = KR_IS_MEMBER,
                                     .is_from_now_on = true,
                                     .since_ms = 7},
                             read_item;
    struct kr_community_ask ask = {.community = {1}, .has_council = true, .council = {2}}, read_ask;
    struct kr_community_council council = {.council = {1},
                                           .name = text_slice("神戸"),
                                           .standing = KR_HAS_LEFT,
                                           .is_linked = true,
                                           .vouches = 7,
                                           .expulsions = 8,
                                           .since_ms = 9},
                                read_council;
    struct kr_community_word word = {.from = {1},
                                     .to = {2},
                                     .from_name = text_slice("a"),
                                     .to_name = text_slice("b"),
                                     .is_expulsion = true,
                                     .standing = KR_IS_FOUNDER,
                                     .created_ms = 9,
                                     .reason = text_slice("c")},
                             read_word;
    struct kr_say say = {.council = {3}, .is_withdrawn = true, .reason = text_slice("merged")}, read_say;
    static struct kr_founding founding, read_founding;
    (void)state;
    founding =
        (struct kr_founding){.name = text_slice("n"), .vouches_needed = 2, .quorum = 3, .founder_count = 2, .founders = {{4}, {5}}};
    bool is_from_now_on = true;
    assert_true(kr_newcomers_parse(text_slice(""), &is_from_now_on) == KR_OK && !is_from_now_on);
    assert_true(kr_newcomers_parse(text_slice("from-now-on"), &is_from_now_on) == KR_OK && is_from_now_on);
    assert_true(kr_newcomers_parse(text_slice("past"), &is_from_now_on) == KR_OK && !is_from_now_on);
    assert_int_equal(kr_newcomers_parse(text_slice("pas"), &is_from_now_on), KR_INVALID);
    founding.is_from_now_on = true;
    round_trip_kr_community_item(&item, &read_item);
    assert_true(read_item.members == 4 && read_item.quorum == 6 && read_item.standing == KR_IS_MEMBER);
    assert_true(read_item.is_from_now_on && read_item.since_ms == 7);
    round_trip_kr_community_ask(&ask, &read_ask);
    assert_true(read_ask.has_council && read_ask.council[0] == 2);
    round_trip_kr_community_council(&council, &read_council);
    assert_true(read_council.is_linked && !read_council.is_self && read_council.expulsions == 8);
    assert_int_equal(read_council.since_ms, 9);
    round_trip_kr_community_word(&word, &read_word);
    assert_true(read_word.is_expulsion && !read_word.is_withdrawn && read_word.created_ms == 9);
    assert_slice_equal(read_word.to_name, "b", 1);
    round_trip_kr_say(&say, &read_say);
    assert_true(!read_say.has_community && read_say.is_withdrawn && !read_say.is_expulsion);
    round_trip_kr_founding(&founding, &read_founding);
    assert_true(read_founding.founder_count == 2 && read_founding.founders[1][0] == 5);
}

static void nodes_read_back(void **state)
{
    (void)state;
    struct kr_node_item node = {.state = KR_NODE_ASKS,
                                .is_online = true,
                                .node_key = {1},
                                .transport_key = {2},
                                .name = text_slice("二台目"),
                                .endpoint = text_slice("tcp://b:1"),
                                .since_ms = 3,
                                .heard_ms = 4},
                        read_node;
    round_trip_kr_node_item(&node, &read_node);
    assert_true(read_node.state == KR_NODE_ASKS && read_node.is_online && read_node.node_key[0] == 1 &&
                read_node.transport_key[0] == 2);
    assert_true(read_node.since_ms == 3 && read_node.heard_ms == 4);
    assert_slice_equal(read_node.endpoint, "tcp://b:1", 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(communities_read_back),
        cmocka_unit_test(frames_read_back_in_their_direction_only),
        cmocka_unit_test(frame_fields_arrive_where_they_belong),
        cmocka_unit_test(frames_are_bounded),
        cmocka_unit_test(requests_read_back),
        cmocka_unit_test(answers_read_back),
        cmocka_unit_test(keys_and_statements_read_back),
        cmocka_unit_test(nodes_read_back),
        cmocka_unit_test(what_is_asked_about_taking_back_reads_back),
        cmocka_unit_test(previews_and_explanations_read_back),
        cmocka_unit_test(the_state_of_a_node_reads_back),
    };

    return cmocka_run_group_tests(tests, start_crypto, NULL);
}
