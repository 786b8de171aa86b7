/* Statements, hellos, messages, a session, tickets. */
#include "proto/wire/wire.h"
#include "crypto/session.h"
#include "proto/client/client.h"
#include "proto/record/revocation.h"
#include "proto/record/statement.h"
#include "proto/wire/machine_ticket.h"
#include "proto/wire/pairing.h"
#include "proto/wire/sync.h"
#include "proto/wire/ticket.h"
#include "tests/vectors/vectors.h"

/* The second of three pages, with those of twelve records that stand on it. */
static void write_revocation(struct json *json)
{
    struct kr_revocation revocation = {.since_ms = 1751328000000, .made_ms = 1751414400000, .page = 1, .pages = 3};
    uint8_t ids[12][32] = {{0}}, names[12][KR_REVOKED_NAME_BYTES], subject[32];
    uint32_t count = 0;
    struct kr_writer content;

    memcpy(revocation.key, writer_council.node_public, 32);
    json_open(json, NULL, '{');
    json_text(json, "kind", "revocation");
    json_open(json, "ids", '[');
    for (uint8_t i = 0; i < 12; i++) {
        uint8_t name[KR_REVOKED_NAME_BYTES];
        ids[i][0] = i;
        json_hex(json, NULL, ids[i], 32);
        kr_revocation_name(name, revocation.key, ids[i]);
        if (kr_revocation_page(name, revocation.pages) == revocation.page) {
            uint32_t at = count++;
            for (; at > 0 && memcmp(names[at - 1], name, sizeof name) > 0; at--) {
                memcpy(names[at], names[at - 1], sizeof name);
            }
            memcpy(names[at], name, sizeof name);
        }
    }
    json_close(json, ']');
    revocation.names = slice(names[0], count * sizeof names[0]);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_revocation_write(&revocation, &content);
    KR_ASSERT(kr_revocation_parse(slice(content.bytes, content.len), &revocation) == KR_OK);
    kr_revocation_subject(subject, revocation.key, revocation.page);
    json_hex(json, "bytes", content.bytes, content.len);
    json_hex(json, "subject", subject, 32);
    json_close(json, '}');
    kr_writer_deinit(&content);
}

static void write_rekeyed(struct json *json, const struct kr_card *card)
{
    struct kr_writer content;
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(card, &content);
    KR_ASSERT(kr_writer_finish(&content) == KR_OK);
    json_hex(json, "bytes", content.bytes, content.len);
    kr_writer_deinit(&content);
}

static void write_bad_rekeyed(struct json *json, const char *why, struct kr_card card, enum kr_err expected)
{
    const enum kr_err err = kr_rekeyings_check(&card.rekeyings, card.council, card.genesis_root, card.commitment);
    KR_ASSERT(err == expected);
    json_open(json, NULL, '{');
    write_rekeyed(json, &card);
    json_text(json, "bad", why);
    json_close(json, '}');
}

/* The same council's card after two re-keyings, and three that prove nothing. */
static void write_rekeyings(struct json *json, struct kr_card card)
{
    uint8_t roots[2][32], recoveries[2][32], secrets[2][64], root_secret[64];
    const uint8_t *by[] = {reader_council.node_secret, secrets[0]};
    for (uint8_t i = 0; i < 2; i++) {
        kr_sign_keypair(roots[i], root_secret, (const uint8_t[32]){0x71, i});
        kr_sign_keypair(recoveries[i], secrets[i], (const uint8_t[32]){0x72, i});
        KR_ASSERT(kr_rekeyings_append(&card.rekeyings, card.council, card.commitment, by[i], roots[i], recoveries[i]) == KR_OK);
    }
    json_open(json, NULL, '{');
    json_text(json, "kind", "council card");
    write_rekeyed(json, &card);
    json_hex(json, "id", card.council, 32);
    json_hex(json, "root_public", roots[1], 32);
    json_hex(json, "recovery_public", recoveries[1], 32);
    json_open(json, "bad_ones", '[');
    struct kr_card bad = card;
    memcpy(bad.rekeyings.recovery_public, recoveries[0], 32);
    write_bad_rekeyed(json, "commitment", bad, KR_KEY);
    bad = card;
    bad.rekeyings.items[0] = bad.rekeyings.items[1];
    bad.rekeyings.count = 1;
    write_bad_rekeyed(json, "signature", bad, KR_SIGNATURE);
    bad = card;
    bad.rekeyings.count = 1;
    KR_ASSERT(kr_rekeyings_append(&bad.rekeyings, card.council, card.commitment, by[1], card.genesis_root, recoveries[1]) == KR_OK);
    write_bad_rekeyed(json, "root twice", bad, KR_MALFORMED);
    json_close(json, ']');
    json_close(json, '}');
}

/* Newcomers get what is GREEN from the beginning, or from now on. */
static void write_charters(struct json *json, struct kr_charter charter, const uint8_t nonce[static 16])
{
    for (uint32_t i = 0; i < 2; i++) {
        struct kr_charter parsed;
        struct kr_writer genesis, content;
        charter.is_from_now_on = i == 1;
        kr_writer_init(&genesis, KR_KIB);
        kr_writer_init(&content, KR_BODY_BYTES_MAX);
        kr_charter_genesis_write(&charter, nonce, &genesis);
        charter.genesis = slice(genesis.bytes, genesis.len);
        charter.text = text_slice("規約");
        kr_charter_write(&charter, &content);
        KR_ASSERT(kr_charter_parse(slice(content.bytes, content.len), &parsed) == KR_OK);
        json_open(json, NULL, '{');
        json_text(json, "kind", "charter");
        json_hex(json, "bytes", content.bytes, content.len);
        json_hex(json, "id", parsed.community, 32);
        json_close(json, '}');
        kr_writer_deinit(&content);
        kr_writer_deinit(&genesis);
    }
}

static void write_vouches(struct json *json)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct kr_vouch vouch = {
            .council = {3}, .reason = text_slice("met in person"), .since_ms = i == 1 ? UINT64_C(1794787200000) : 0};
        struct kr_writer content;
        kr_writer_init(&content, KR_KIB);
        kr_vouch_write(&vouch, &content);
        json_open(json, NULL, '{');
        json_text(json, "kind", "vouch");
        json_hex(json, "bytes", content.bytes, content.len);
        json_hex(json, "council", vouch.council, 32);
        json_close(json, '}');
        kr_writer_deinit(&content);
    }
}

void vectors_statements(struct json *json)
{
    static const uint8_t nonce[16] = {1, 2, 3, 4};
    struct kr_charter charter = {.name = text_slice("西日本"), .founder_count = 2, .vouches_needed = 2, .quorum = 2};
    struct kr_card card = {.name_ja = text_slice("北海道"),
                           .name_en = text_slice("Hokkaido"),
                           .region = text_slice("北海道"),
                           .contact_mail = text_slice("soc@example.jp"),
                           .transport_count = 1,
                           .node_count = 1,
                           .sealing_count = 1};
    struct kr_writer genesis, content;

    json_open(json, "statements", '[');
    kr_writer_init(&genesis, KR_KIB);
    kr_council_genesis_write(writer_council.node_public, reader_council.node_public, nonce, &genesis);
    card.genesis = slice(genesis.bytes, genesis.len);
    memcpy(card.transport[0].public_key, writer_council.keyring.sealing[0].public_key, 32);
    card.transport[0].endpoint = text_slice("tcp://hokkaido.example.jp:7370");
    memcpy(card.node[0].public_key, writer_council.node_public, 32);
    card.node[0].from_s = 1;
    memcpy(card.sealing[0].public_key, writer_council.keyring.sealing[0].public_key, 32);
    kr_writer_init(&content, KR_BODY_BYTES_MAX);
    kr_card_write(&card, &content);
    KR_ASSERT(kr_card_parse(slice(content.bytes, content.len), &card) == KR_OK);
    json_open(json, NULL, '{');
    json_text(json, "kind", "council card");
    json_hex(json, "bytes", content.bytes, content.len);
    json_hex(json, "id", card.council, 32);
    json_hex(json, "root_public", card.root_public, 32);
    json_hex(json, "recovery_public", reader_council.node_public, 32);
    json_close(json, '}');
    write_rekeyings(json, card);
    kr_writer_deinit(&content);
    kr_writer_deinit(&genesis);

    memcpy(charter.founders[0], writer_council.id, 32);
    memcpy(charter.founders[1], reader_council.id, 32);
    write_charters(json, charter, nonce);
    write_vouches(json);
    write_revocation(json);
    json_close(json, ']');
}

/* One of each kind, of the month 2026-11; the names are those of three ids under a salt of 5a and zeros, in walk 3. */
static void write_parts(struct kr_writer *writer)
{
    static const uint8_t ids[3][32] = {{0xab}, {0xac}, {0xad}};
    static const uint8_t salt[16] = {0x5a};
    uint8_t key[KR_SHORT_KEY_BYTES], names[sizeof ids / sizeof ids[0]][KR_SYNC_NAME_BYTES];
    uint8_t months[KR_SYNC_MONTH_BYTES] = {0x02, 0xaa, 3}, digests[2][KR_SYNC_DIGEST_BYTES] = {{1}, {2}};

    kr_sync_key(key, salt, 3);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        kr_sync_name(names[i], key, ids[i]);
    }
    const struct kr_sync_part parts[] = {
        {.what = KR_SYNC_MONTHS, .count = 1, .items = months},
        {.what = KR_SYNC_NODES,
         .month = 0x2aa,
         .nibbles = 5,
         .prefix = {0x00, 0x07, 0x90},
         .present = 0x8003,
         .shown = 0x0002,
         .count = 2,
         .items = digests[0]},
        {.what = KR_SYNC_LIST, .month = 0x2aa, .nibbles = 6, .prefix = {0x00, 0x07, 0x91}, .count = 3, .items = names[0]},
        {.what = KR_SYNC_LIST, .month = 0x2aa, .nibbles = 1},
        {.what = KR_SYNC_WANT, .month = 0x2aa, .nibbles = 6, .prefix = {0x00, 0x07, 0x91}, .count = 1, .items = names[2]},
    };

    kr_writer_init(writer, KR_SYNC_BYTES_MAX);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        kr_sync_part_write(&parts[i], writer);
    }
}

/* Tags are those of a pair and of a green scope under a salt of 5a and zeros. */
static void write_messages(struct json *json)
{
    static struct kr_message message;
    static const uint8_t id[32] = {0xab};
    static const uint8_t salt[KR_SHORT_KEY_BYTES] = {0x5a};
    static const struct kr_scope pair = {.kind = KR_SCOPE_PAIR, .id = {7}},
                                 green = {.kind = KR_SCOPE_GREEN, .id = {0xc0, 0xff, 0xee}};
    struct kr_root root = {.count = 1001, .hash = {1, 2, 3}, .read = 17, .tree_count = 900, .root8 = {8}};
    uint8_t tag[KR_SCOPE_TAG_BYTES];
    struct kr_writer parts, lists[2];

    kr_scope_tag(root.tag, salt, &pair);
    kr_scope_tag(tag, salt, &green);
    write_parts(&parts);
    for (size_t i = 0; i < 2; i++) {
        kr_writer_init(&lists[i], KR_KIB);
    }
    kr_writer_bin(&lists[0], id, sizeof id); /* stands for a record */
    kr_root_write(&root, &lists[1]);

    json_open(json, "messages", '[');
    for (uint32_t type = KR_MESSAGE_PING; type <= KR_MESSAGE_FORWARD_CREDIT; type++) {
        struct kr_writer writer;
        const struct kr_writer *list = &lists[type == KR_MESSAGE_ROOTS];

        message = (struct kr_message){
            .type = type,
            .sequence = 7,
            .from = 1000,
            .count = type == KR_MESSAGE_WANT ? 11 : 1001,
            .hash = {1, 2, 3},
            .digest = {4, 5, 6},
            .id = {0xab},
            .month = 682,
            .ids = slice(id, KR_SHORT_ID_BYTES),
            .bits = slice("\x81\x04", 2),
            .piece = slice("\x02", 1),
            .reason = KR_DENIED,
            .item_count = 1,
            .items = slice(list->bytes, list->len),
            .walk = 3,
            .generation = 5,
            .dealt = 2,
            .part_count = 5,
            .parts = slice(parts.bytes, parts.len),
        };
        memcpy(message.tag, tag, sizeof tag);
        kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
        kr_message_write(&message, &writer);
        json_open(json, NULL, '{');
        json_uint(json, "type", type);
        json_hex(json, "bytes", writer.bytes, writer.len);
        json_close(json, '}');
        kr_writer_deinit(&writer);
    }
    kr_writer_deinit(&parts);
    kr_writer_deinit(&lists[0]);
    kr_writer_deinit(&lists[1]);
    json_close(json, ']');
}

/* One hello; `reply_to` NULL for the initiator's. Gives its hash. */
static void write_hello(struct json *json, const char *key, const struct council *from, const struct council *to,
                        const uint8_t ephemeral[32], const uint8_t *reply_to, uint8_t ret_hash[32])
{
    struct kr_hello hello = {.version = KR_WIRE_VERSION,
                             .is_responder = reply_to != NULL,
                             .has_reply_to = reply_to != NULL,
                             .card = text_slice("the card record stands here")};
    struct kr_writer writer;

    memcpy(hello.council, from->id, 32);
    memcpy(hello.node_key, from->node_public, 32);
    memcpy(hello.ephemeral, ephemeral, 32);
    memcpy(hello.meant, to->id, 32);
    if (reply_to != NULL) {
        memcpy(hello.reply_to, reply_to, 32);
    }
    kr_writer_init(&writer, KR_FRAME_BYTES_MAX);
    kr_hello_write(&hello, from->node_secret, &writer);
    kr_hello_hash(ret_hash, slice(writer.bytes, writer.len));
    json_hex(json, key, writer.bytes, writer.len);
    kr_writer_deinit(&writer);
}

/* A handshake and the first two frames each way. */
static void write_session(struct json *json)
{
    static const uint8_t seeds[2][32] = {{0x11}, {0x22}};
    static const char *const texts[] = {"first", "second"};
    uint8_t public_keys[2][32], secrets[2][32], hashes[2][32], transcript[32];
    struct kr_session sessions[2];

    json_open(json, "session", '{');
    for (unsigned i = 0; i < 2; i++) {
        kr_box_keypair(public_keys[i], secrets[i], seeds[i]);
    }
    json_hex(json, "initiator_ephemeral_secret", secrets[0], 32);
    json_hex(json, "responder_ephemeral_secret", secrets[1], 32);
    write_hello(json, "initiator_hello", &writer_council, &reader_council, public_keys[0], NULL, hashes[0]);
    write_hello(json, "responder_hello", &reader_council, &writer_council, public_keys[1], hashes[0], hashes[1]);
    kr_transcript(transcript, hashes[0], hashes[1]);
    json_hex(json, "transcript", transcript, 32);
    KR_ASSERT(kr_session_init(&sessions[0], true, public_keys[0], secrets[0], public_keys[1], transcript) == KR_OK);
    KR_ASSERT(kr_session_init(&sessions[1], false, public_keys[1], secrets[1], public_keys[0], transcript) == KR_OK);
    json_hex(json, "id", sessions[0].id, KR_SESSION_ID_BYTES);
    json_hex(json, "salt", sessions[0].salt, KR_SESSION_SALT_BYTES);
    for (unsigned i = 0; i < 2; i++) {
        json_open(json, i == 0 ? "from_initiator" : "from_responder", '[');
        for (unsigned frame = 0; frame < 2; frame++) {
            uint8_t sealed[64];
            size_t len = strlen(texts[frame]);

            kr_session_seal(&sessions[i], sealed, (const uint8_t *)texts[frame], len);
            json_open(json, NULL, '{');
            json_text(json, "text", texts[frame]);
            json_hex(json, "bytes", sealed, len + KR_SESSION_OVERHEAD_BYTES);
            json_close(json, '}');
        }
        json_close(json, ']');
    }
    json_close(json, '}');
}

static void write_client_frames(struct json *json)
{
    static struct kr_client_frame frame;
    const struct {
        uint32_t type;
        bool from_client;
    } frames[] = {{KR_CLIENT_HELLO, true},  {KR_CLIENT_REQUEST, true}, {KR_CLIENT_CREDIT, true}, {KR_CLIENT_CANCEL, true},
                  {KR_CLIENT_HELLO, false}, {KR_CLIENT_PAGE, false},   {KR_CLIENT_END, false},   {KR_CLIENT_ERROR, false}};

    json_open(json, "client_frames", '[');
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct kr_writer writer;

        frame = (struct kr_client_frame){.type = frames[i].type,
                                         .version = KR_CLIENT_VERSION,
                                         .text = text_slice("kairan"),
                                         .text2 = text_slice("ja"),
                                         .council = {7},
                                         .number = 5,
                                         .op = KR_OP_STATUS,
                                         .credits = 4,
                                         .code = KR_GUARDED,
                                         .payload = slice("\x90", 1),
                                         .item_count = 1,
                                         .items = {text_slice("item")}};
        kr_writer_init(&writer, KR_CLIENT_FRAME_BYTES_MAX);
        kr_client_frame_write(&frame, frames[i].from_client, &writer);
        json_open(json, NULL, '{');
        json_text(json, "from", frames[i].from_client ? "client" : "keeper");
        json_uint(json, "type", frames[i].type);
        json_hex(json, "bytes", writer.bytes, writer.len);
        json_close(json, '}');
        kr_writer_deinit(&writer);
    }
    json_close(json, ']');
}

void vectors_wire(struct json *json)
{
    write_session(json);
    write_messages(json);
    write_client_frames(json);
}

static void write_bad_ticket(struct json *json, const char *word, const char *text, size_t len)
{
    struct kr_ticket ticket;
    struct kr_error error = {{0}};
    enum kr_err err = kr_ticket_parse(text, len, &ticket, &error);

    KR_ASSERT(err != KR_OK && error.text[0] != 0);
    json_open(json, NULL, '{');
    json_text(json, "bad", word);
    json_text(json, "error", kr_err_name(err));
    json_slice_text(json, "text", slice(text, len));
    json_close(json, '}');
}

static void write_ticket(struct json *json, const char *name, const char *text, const struct kr_ticket *ticket)
{
    json_open(json, name, '{');
    json_text(json, "text", text);
    json_hex(json, "council", ticket->council, 32);
    json_hex(json, "transport_public", ticket->transport_public, 32);
    json_text(json, "endpoint", ticket->endpoint);
    json_hex(json, "secret", ticket->secret, 32);
    json_uint(json, "expires_s", ticket->expires_s);
    json_hex(json, "community", ticket->community, 32);
    json_uint(json, "by_hand", ticket->is_by_hand);
    json_close(json, '}');
}

static void write_machine_tickets(struct json *json)
{
    static const char *const endpoints[] = {"tcp://kita.example.jp:7370", "tcp://[2001:db8::8]:7370", "tcp://192.0.2.1:443"};
    char text[KR_TICKET_TEXT_BYTES_MAX];
    json_open(json, "machine_tickets", '[');
    for (uint32_t nodes = 1; nodes <= 3; nodes++) {
        struct kr_machine_ticket ticket = {.secret = {7}, .expires_s = EXPIRES_S, .node_count = nodes};
        memcpy(ticket.council, writer_council.id, 32);
        json_open(json, NULL, '{');
        json_open(json, "nodes", '[');
        for (uint32_t i = 0; i < nodes; i++) {
            ticket.nodes[i].transport[0] = (uint8_t)(1 + i);
            memcpy(ticket.nodes[i].endpoint, endpoints[i], strlen(endpoints[i]) + 1);
            json_open(json, NULL, '{');
            json_hex(json, "transport_public", ticket.nodes[i].transport, 32);
            json_text(json, "endpoint", endpoints[i]);
            json_close(json, '}');
        }
        json_close(json, ']');
        KR_ASSERT(kr_machine_ticket_print(&ticket, text, sizeof text) == KR_OK);
        json_text(json, "text", text);
        json_hex(json, "council", ticket.council, 32);
        json_hex(json, "secret", ticket.secret, 32);
        json_uint(json, "expires_s", ticket.expires_s);
        json_close(json, '}');
    }
    json_close(json, ']');
}

static void write_pairing(struct json *json)
{
    const uint8_t councils[2][32] = {{1, 2}, {1, 3}}, keys[2][32] = {{4}, {5}}, randoms[2][32] = {{6, 7}, {8, 9}};
    const struct kr_pairing_end ends[2] = {{councils[0], keys[0]}, {councils[1], keys[1]}};
    const uint8_t *const both[2] = {randoms[0], randoms[1]};
    uint8_t commitment[32];
    char code[KR_PAIRING_CODE_BYTES];

    kr_pairing_commit(commitment, councils[0], councils[1], randoms[0]);
    kr_pairing_code(code, ends, commitment, both);
    json_open(json, "pairing", '{');
    json_hex(json, "first", councils[0], 32);
    json_hex(json, "second", councils[1], 32);
    json_hex(json, "first_transport", keys[0], 32);
    json_hex(json, "second_transport", keys[1], 32);
    json_hex(json, "first_random", randoms[0], 32);
    json_hex(json, "second_random", randoms[1], 32);
    json_hex(json, "commitment", commitment, 32);
    json_text(json, "code", code);
    json_close(json, '}');
}

/* As version 1 wrote it. */
static const char ticket_1[] =
    "kairan1juquggqpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpq8zzq2appdazvycx3rga2ayhgv875744y8p2j"
    "d7hwa0zeke7zd3j2asfhp6xxup69uh4kv3sxqcn5erz8qar5d6a8gmnxdescssqwqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
    "qqqqqqqqqqqqqxwdrwx7qxyyrq0lmsqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqellm00";

void vectors_tickets(struct json *json)
{
    struct kr_ticket ticket = {.endpoint = "tcp://[2001:db8::7]:7370",
                               .secret = {7},
                               .expires_s = EXPIRES_S,
                               .has_community = true,
                               .community = {0xc0, 0xff, 0xee},
                               .is_by_hand = true};
    struct kr_ticket earlier;
    char text[KR_TICKET_TEXT_BYTES_MAX];
    size_t len;

    memcpy(ticket.council, writer_council.id, 32);
    memcpy(ticket.transport_public, writer_council.keyring.sealing[0].public_key, 32);
    KR_ASSERT(kr_ticket_print(&ticket, text, sizeof text) == KR_OK);
    len = strlen(text);
    write_ticket(json, "ticket", text, &ticket);
    KR_ASSERT(kr_ticket_parse(ticket_1, sizeof ticket_1 - 1, &earlier, NULL) == KR_OK && !earlier.is_by_hand);
    write_ticket(json, "ticket_1", ticket_1, &earlier);
    ticket.more_count = 1;
    memcpy(ticket.more[0].endpoint, "tcp://kita.example.jp:7370", 27);
    ticket.more[0].transport[0] = 8;
    KR_ASSERT(kr_ticket_print(&ticket, text, sizeof text) == KR_OK);
    write_ticket(json, "ticket_5", text, &ticket);
    ticket.more_count = 0;
    KR_ASSERT(kr_ticket_print(&ticket, text, sizeof text) == KR_OK);
    write_machine_tickets(json);
    write_pairing(json);
    json_open(json, "bad_tickets", '[');
    write_bad_ticket(json, "checksum", text, len - 1);
    text[20] = text[20] == 'q' ? 'p' : 'q';
    write_bad_ticket(json, "checksum", text, len);
    text[20] = 'b';
    write_bad_ticket(json, "character", text, len);
    text[0] = 'g';
    write_bad_ticket(json, "prefix", text, len);
    text[0] = 'K';
    write_bad_ticket(json, "case", text, len);
    json_close(json, ']');
}
