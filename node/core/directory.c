#include "node/core/directory.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"

#define COUNCILS_MAX (2u * KR_COMMUNITY_COUNCILS_MAX)

void kr_directory_init(struct kr_directory *directory)
{
    *directory = (struct kr_directory){0};
}

void kr_directory_deinit(struct kr_directory *directory)
{
    for (uint32_t i = 0; i < directory->council_count; i++) {
        free(directory->councils[i]);
    }
    free(directory->councils);
    kr_revoked_deinit(&directory->revoked);
    for (uint32_t i = 0; i < directory->community_count; i++) {
        kr_membership_deinit(&directory->communities[i]->membership);
        free(directory->communities[i]);
    }
    *directory = (struct kr_directory){0};
}

/* ---- membership ---- */

static enum kr_err settle(struct kr_directory *directory)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; err == KR_OK && i < directory->community_count; i++) {
        err = kr_membership_settle(&directory->communities[i]->membership);
    }
    return err;
}

/* ---- finding ---- */

static uint32_t council_slot(const struct kr_directory *directory, const uint8_t id[static 32], bool *ret_found)
{
    uint32_t low = 0, high = directory->council_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (memcmp(directory->councils[middle]->id, id, 32) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_found = low < directory->council_count && memcmp(directory->councils[low]->id, id, 32) == 0;
    return low;
}

const struct kr_council *kr_directory_council(const struct kr_directory *directory, const uint8_t id[static 32])
{
    bool found;
    uint32_t slot = council_slot(directory, id, &found);
    return found ? directory->councils[slot] : NULL;
}

void kr_council_card(const struct kr_council *council, struct kr_card *ret_card)
{
    const enum kr_err err = kr_card_read((struct kr_slice){council->content, council->content_len}, ret_card);
    KR_ASSERT(err == KR_OK); /* it was read before it was taken */
}

static struct kr_community *find_community(const struct kr_directory *directory, const uint8_t id[static 32])
{
    for (uint32_t i = 0; i < directory->community_count; i++) {
        if (memcmp(directory->communities[i]->id, id, 32) == 0) {
            return directory->communities[i];
        }
    }
    return NULL;
}

const struct kr_community *kr_directory_community(const struct kr_directory *directory, const uint8_t id[static 32])
{
    return find_community(directory, id);
}

static bool stands_as(const struct kr_directory *directory, const uint8_t community[static 32], const uint8_t council[static 32],
                      unsigned as)
{
    const struct kr_community *found = find_community(directory, community);
    return found != NULL && (kr_membership_standing(&found->membership, council) & as) != 0;
}

bool kr_directory_is_member(const struct kr_directory *directory, const uint8_t community[static 32],
                            const uint8_t council[static 32])
{
    return stands_as(directory, community, council, KR_IS_MEMBER);
}

bool kr_directory_was_member(const struct kr_directory *directory, const uint8_t community[static 32],
                             const uint8_t council[static 32])
{
    return stands_as(directory, community, council, KR_FAULT(KR_FAULT_TREES_BY_NOW) ? KR_IS_MEMBER : KR_WAS_MEMBER);
}

uint32_t kr_directory_hour_from(const struct kr_directory *directory, const uint8_t community[static 32],
                                const uint8_t council[static 32])
{
    const struct kr_community *found = find_community(directory, community);
    return found == NULL ? 0 : kr_tree_hour(kr_membership_since(&found->membership, council));
}

uint32_t kr_directory_hour_newest(const struct kr_directory *directory, const uint8_t community[static 32])
{
    const struct kr_community *found = find_community(directory, community);
    uint32_t newest = 0;
    for (uint32_t i = 0; found != NULL && found->is_from_now_on && i < found->membership.council_count; i++) {
        const uint8_t *council = found->membership.ids[i];
        const bool is_member = (kr_membership_standing(&found->membership, council) & KR_IS_MEMBER) != 0;
        const uint32_t hour = is_member ? kr_tree_hour(kr_membership_since(&found->membership, council)) : 0;
        newest = hour > newest ? hour : newest;
    }
    return newest;
}

bool kr_directory_is_candidate(const struct kr_directory *directory, const uint8_t community[static 32],
                               const uint8_t council[static 32])
{
    return stands_as(directory, community, council, KR_IS_FOUNDER | KR_IS_NAMED);
}

enum kr_err kr_card_node_key(const struct kr_card *card, const uint8_t key[static 32], uint64_t now_ms)
{
    const uint64_t now_s = now_ms / 1000;
    enum kr_err verdict = KR_DENIED;
    for (uint32_t i = 0; i < card->node_count && verdict != KR_OK; i++) {
        const struct kr_card_key *listed = &card->node[i];
        if (memcmp(listed->public_key, key, 32) != 0) {
            continue;
        }
        if (listed->until_s != 0 && now_s >= listed->until_s) {
            verdict = verdict == KR_DENIED ? KR_EXPIRED : verdict;
        } else {
            verdict = listed->from_s <= now_s + KR_FUTURE_MS_MAX / 1000 ? KR_OK : KR_BUSY;
        }
    }
    return verdict;
}

bool kr_directory_node_has_ended(const struct kr_directory *directory, const uint8_t council[static 32],
                                 const uint8_t key[static 32], uint64_t now_ms)
{
    const struct kr_council *known = kr_directory_council(directory, council);
    struct kr_card card;
    if (known != NULL) {
        kr_council_card(known, &card);
    }
    return known != NULL && kr_card_node_key(&card, key, now_ms) == KR_EXPIRED;
}

const struct kr_card_key *kr_card_key_at(const struct kr_card_key *keys, uint32_t count, uint64_t now_s)
{
    const struct kr_card_key *best = NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool holds = keys[i].from_s <= now_s && (keys[i].until_s == 0 || now_s < keys[i].until_s);
        if (holds && (best == NULL || keys[i].from_s > best->from_s)) {
            best = &keys[i];
        }
    }
    return best;
}

static enum kr_root_rank rank(const struct kr_card *card, const uint8_t key[static 32])
{
    const struct kr_rekeyings *rekeyings = &card->rekeyings;
    bool is_known = memcmp(card->genesis_root, key, 32) == 0;
    for (uint32_t i = 0; i < rekeyings->count && !is_known; i++) {
        is_known = memcmp(rekeyings->items[i].root_public, key, 32) == 0;
    }
    return memcmp(card->root_public, key, 32) == 0 ? KR_ROOT_IN_FORCE : is_known ? KR_ROOT_FORMER : KR_ROOT_NONE;
}

enum kr_root_rank kr_directory_rank(const struct kr_directory *directory, const uint8_t author[static 32],
                                    const uint8_t key[static 32])
{
    const struct kr_council *council = kr_directory_council(directory, author);
    struct kr_card card;
    if (council == NULL || council->rekeyings == 0) {
        return council != NULL && memcmp(council->root_public, key, 32) == 0 ? KR_ROOT_IN_FORCE : KR_ROOT_NONE;
    }
    kr_council_card(council, &card);
    return rank(&card, key);
}

enum kr_root_rank kr_directory_rank_card(const struct kr_directory *directory, const struct kr_card *card)
{
    const struct kr_council *council = kr_directory_council(directory, card->council);
    struct kr_card known;
    if (council == NULL || (council->rekeyings == 0 && card->rekeyings.count == 0)) {
        return KR_ROOT_IN_FORCE;
    }
    kr_council_card(council, &known);
    return kr_rekeyings_compare(&card->rekeyings, &known.rekeyings) > 0 ? KR_ROOT_NEWER : rank(&known, card->root_public);
}

const struct kr_council *kr_directory_newer(const struct kr_directory *directory, const struct kr_card *card, uint64_t version)
{
    const struct kr_council *known = kr_directory_council(directory, card->council);
    struct kr_card other;
    int order = 0;
    if (known != NULL && (known->rekeyings > 0 || card->rekeyings.count > 0)) {
        kr_council_card(known, &other);
        order = kr_rekeyings_compare(&other.rekeyings, &card->rekeyings);
    }
    return known != NULL && (order != 0 ? order > 0 : known->version > version) ? known : NULL;
}

enum kr_err kr_directory_may_sign(const struct kr_directory *directory, const struct kr_header *header,
                                  const struct kr_slice *content)
{
    if (header->kind == KR_KIND_COUNCIL_CARD && content != NULL) {
        struct kr_card card;
        if (kr_card_read(*content, &card) != KR_OK || memcmp(card.council, header->author, 32) != 0) {
            return KR_DENIED;
        }
        return memcmp(card.root_public, header->signing_key, 32) == 0 ? KR_OK : KR_DENIED;
    }
    const struct kr_council *council = kr_directory_council(directory, header->author);
    if (council == NULL) {
        return KR_UNKNOWN_AUTHOR;
    }
    if (kr_kind_is_statement(header->kind)) {
        return kr_directory_rank(directory, header->author, header->signing_key) != KR_ROOT_NONE ? KR_OK : KR_UNKNOWN_AUTHOR;
    }
    struct kr_card card;
    kr_council_card(council, &card);
    bool is_listed = false;
    uint64_t created_s = header->created_ms / 1000;
    for (uint32_t i = 0; i < card.node_count; i++) {
        const struct kr_card_key *key = &card.node[i];
        if (memcmp(key->public_key, header->signing_key, 32) != 0) {
            continue;
        }
        if (key->from_s <= created_s && (key->until_s == 0 || created_s < key->until_s)) {
            return KR_OK;
        }
        is_listed = true;
    }
    return is_listed ? KR_DENIED : KR_UNKNOWN_AUTHOR;
}

/* ---- taking in ---- */

static enum kr_err card_fits(const struct kr_directory *directory, const struct kr_header *header, struct kr_slice content)
{
    struct kr_card card;
    if (kr_card_parse(content, &card) != KR_OK || !header->has_subject || memcmp(header->subject, header->author, 32) != 0 ||
        memcmp(card.council, header->author, 32) != 0) {
        return KR_MALFORMED;
    }
    bool has_room = directory->council_count < COUNCILS_MAX || kr_directory_council(directory, header->author) != NULL;
    return has_room ? KR_OK : KR_BOUNDS;
}

static enum kr_err charter_fits(const struct kr_directory *directory, const struct kr_header *header, struct kr_slice content)
{
    struct kr_charter charter;
    if (kr_charter_parse(content, &charter) != KR_OK || !header->has_community || !header->has_subject ||
        memcmp(charter.community, header->community, 32) != 0 || memcmp(header->subject, header->community, 32) != 0) {
        return KR_MALFORMED;
    }
    bool has_room = directory->community_count < KR_COMMUNITIES_MAX || find_community(directory, header->community) != NULL;
    return has_room ? KR_OK : KR_BOUNDS;
}

static enum kr_word word_of(const struct kr_header *header)
{
    return header->kind == KR_KIND_EXPULSION ? KR_WORD_EXPULSION : KR_WORD_VOUCH;
}

/* Of the council that its header names; a vouch since no later than it is dated. */
static bool agrees(const struct kr_header *header, const struct kr_vouch *vouch)
{
    return header->has_community && header->has_subject && memcmp(vouch->council, header->subject, 32) == 0 &&
           vouch->since_ms <= (header->kind == KR_KIND_VOUCH ? header->created_ms : 0);
}

static enum kr_err vouch_fits(const struct kr_directory *directory, const struct kr_header *header, struct kr_slice content)
{
    struct kr_vouch vouch;
    if (kr_vouch_parse(content, &vouch) != KR_OK || !agrees(header, &vouch)) {
        return KR_MALFORMED;
    }
    /* Refused, not put off: what has no room would be asked for again every minute, thousands of vouches from each peer, for as
     * long as the community is full, and that may be years. */
    const struct kr_community *community = find_community(directory, header->community);
    bool has_room =
        community == NULL || kr_membership_has_room(&community->membership, word_of(header), header->author, header->subject);
    return has_room ? KR_OK : KR_BOUNDS;
}

static enum kr_err revocation_fits(const struct kr_header *header, struct kr_slice content)
{
    struct kr_revocation revocation;
    uint8_t subject[32];
    if (!header->has_subject || kr_revocation_parse(content, &revocation) != KR_OK) {
        return KR_MALFORMED;
    }
    if (memcmp(revocation.key, header->signing_key, 32) == 0) {
        return KR_MALFORMED; /* a root key that was stolen cannot say of itself what it signed genuinely */
    }
    kr_revocation_subject(subject, revocation.key, revocation.page);
    return memcmp(subject, header->subject, 32) == 0 ? KR_OK : KR_MALFORMED;
}

enum kr_err kr_directory_fits(const struct kr_directory *directory, const struct kr_header *header, struct kr_slice content)
{
    switch (header->kind) {
    case KR_KIND_COUNCIL_CARD:
        return card_fits(directory, header, content);
    case KR_KIND_CHARTER:
        return charter_fits(directory, header, content);
    case KR_KIND_VOUCH:
    case KR_KIND_EXPULSION:
        return vouch_fits(directory, header, content);
    case KR_KIND_REVOCATION:
        return revocation_fits(header, content);
    default:
        return KR_MALFORMED;
    }
}

static enum kr_err take_card(struct kr_directory *directory, const struct kr_header *header, const uint8_t record_id[static 32],
                             struct kr_slice content)
{
    struct kr_card card;
    enum kr_err err = kr_card_read(content, &card);
    if (err != KR_OK) {
        return err;
    }
    if (memcmp(card.council, header->author, 32) != 0 ||
        (header->has_subject && memcmp(header->subject, header->author, 32) != 0)) {
        return KR_MALFORMED;
    }
    struct kr_council *council = malloc(sizeof *council + content.len);
    if (council == NULL) {
        return KR_NOMEM;
    }
    *council = (struct kr_council){.version = header->version, .content_len = (uint32_t)content.len};
    memcpy(council->id, header->author, 32);
    memcpy(council->community, header->community, 32);
    memcpy(council->record_id, record_id, 32);
    memcpy(council->root_public, card.root_public, 32);
    council->rekeyings = card.rekeyings.count;
    memcpy(council->content, content.bytes, content.len);
    bool found;
    uint32_t slot = council_slot(directory, header->author, &found);
    if (found && kr_directory_newer(directory, &card, header->version) != NULL) {
        goto out; /* an older card of another community's directory */
    }
    if (found) {
        struct kr_council *old = directory->councils[slot];
        directory->councils[slot] = council;
        council = old;
        goto out;
    }
    err = KR_BOUNDS;
    if (directory->council_count >= COUNCILS_MAX) {
        goto out;
    }
    if (directory->council_count == directory->council_capacity) {
        uint32_t capacity = directory->council_capacity == 0 ? 16 : directory->council_capacity * 2;
        struct kr_council **councils = realloc(directory->councils, capacity * sizeof(struct kr_council *));
        err = KR_NOMEM;
        if (councils == NULL) {
            goto out;
        }
        directory->councils = councils;
        directory->council_capacity = capacity;
    }
    memmove(&directory->councils[slot + 1], &directory->councils[slot],
            (directory->council_count - slot) * sizeof(struct kr_council *));
    directory->councils[slot] = council;
    directory->council_count++;
    council = NULL;
    err = KR_OK;
out:
    free(council);
    return err;
}

enum kr_err kr_directory_learn_genesis(struct kr_directory *directory, const struct kr_charter *charter)
{
    if (find_community(directory, charter->community) != NULL) {
        return KR_OK;
    }
    if (directory->community_count == KR_COMMUNITIES_MAX) {
        return KR_BOUNDS;
    }
    struct kr_community *community = calloc(1, sizeof *community);
    if (community == NULL) {
        return KR_NOMEM;
    }
    memcpy(community->id, charter->community, 32);
    (void)kr_slice_text(charter->name, community->name, sizeof community->name);
    memcpy(community->founders, charter->founders, sizeof community->founders);
    community->founder_count = charter->founder_count;
    community->is_from_now_on = charter->is_from_now_on;
    kr_membership_init(&community->membership, charter->vouches_needed, charter->quorum);
    if (charter->is_from_now_on) {
        kr_membership_date(&community->membership);
    }
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < charter->founder_count && err == KR_OK; i++) {
        err = kr_membership_found(&community->membership, charter->founders[i]);
    }
    if (err == KR_OK) {
        err = kr_membership_settle(&community->membership);
    }
    if (err != KR_OK) {
        kr_membership_deinit(&community->membership);
        free(community);
        return err;
    }
    directory->communities[directory->community_count++] = community;
    directory->generation++;
    return KR_OK;
}

static enum kr_err take_vouch(struct kr_directory *directory, const struct kr_header *header, struct kr_slice content)
{
    struct kr_vouch vouch;
    enum kr_err err = kr_vouch_parse(content, &vouch);
    if (err != KR_OK) {
        return err;
    }
    if (!agrees(header, &vouch)) {
        return KR_MALFORMED;
    }
    struct kr_community *community = find_community(directory, header->community);
    if (community == NULL) {
        return KR_UNKNOWN_AUTHOR;
    }
    const bool has_since = community->is_from_now_on && vouch.since_ms > 0;
    return (directory->is_loading ? kr_membership_append
                                  : kr_membership_put)(&community->membership, word_of(header), header->author, vouch.council,
                                                       has_since ? vouch.since_ms : header->created_ms, vouch.is_withdrawn);
}

static enum kr_err take_revocation(struct kr_directory *directory, const struct kr_header *header,
                                   const uint8_t record_id[static 32], struct kr_slice content)
{
    struct kr_revocation revocation;
    enum kr_err err = revocation_fits(header, content);
    if (err == KR_OK) {
        err = kr_revocation_parse(content, &revocation);
    }
    return err == KR_OK ? kr_revoked_take(&directory->revoked, header->author, &revocation, record_id) : err;
}

static enum kr_err take(struct kr_directory *directory, const struct kr_header *header, const uint8_t record_id[static 32],
                        struct kr_slice content)
{
    enum kr_err err;
    if (header->kind == KR_KIND_COUNCIL_CARD) {
        err = take_card(directory, header, record_id, content);
    } else if (header->kind == KR_KIND_REVOCATION) {
        err = take_revocation(directory, header, record_id, content);
    } else if (header->kind == KR_KIND_CHARTER) {
        struct kr_charter charter;
        err = kr_charter_parse(content, &charter);
        if (err == KR_OK && (!header->has_community || memcmp(header->community, charter.community, 32) != 0)) {
            err = KR_MALFORMED;
        }
        if (err == KR_OK) {
            err = kr_directory_learn_genesis(directory, &charter);
        }
    } else {
        err = take_vouch(directory, header, content);
    }
    if (err == KR_OK) {
        directory->generation++;
    }
    return err;
}

enum kr_err kr_directory_take(struct kr_directory *directory, const struct kr_header *header, const uint8_t record_id[static 32],
                              struct kr_slice content)
{
    enum kr_err err = take(directory, header, record_id, content);
    return err != KR_OK || directory->is_loading ? err : settle(directory);
}

/* ---- the store's side ---- */

void kr_directory_key(uint8_t ret_key[static KR_DIRECTORY_KEY_BYTES], const struct kr_header *header)
{
    ret_key[0] = (uint8_t)header->kind;
    memcpy(ret_key + 1, header->author, 32);
    memcpy(ret_key + 33, header->community, 32);
    memcpy(ret_key + 65, header->subject, 32);
}

void kr_directory_entry_write(const struct kr_directory_entry *entry, struct kr_writer *writer)
{
    const bool is_of_body = entry->created_ms > 0;
    kr_writer_array(writer, is_of_body ? 8 : 5);
    kr_writer_uint(writer, entry->version);
    kr_writer_bin(writer, entry->record_id, 32);
    kr_writer_str_slice(writer, entry->name_ja);
    kr_writer_str_slice(writer, entry->name_en);
    kr_writer_str_slice(writer, entry->region);
    if (is_of_body) {
        kr_writer_uint(writer, entry->since_s);
        kr_writer_uint(writer, entry->created_ms);
        kr_writer_uint(writer, entry->expires_s);
    }
}

enum kr_err kr_directory_entry_read(struct kr_slice bytes, struct kr_directory_entry *ret_entry)
{
    struct kr_reader reader;
    struct kr_directory_entry entry = {0};
    kr_reader_init(&reader, bytes.bytes, bytes.len);
    const uint32_t fields = kr_reader_array_between(&reader, 5, 8);
    entry.version = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_fixed(&reader, entry.record_id, 32);
    entry.name_ja = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    entry.name_en = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    entry.region = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    if (fields > 5) {
        entry.since_s = kr_reader_uint(&reader, UINT64_MAX);
        entry.created_ms = kr_reader_uint(&reader, UINT64_MAX);
        entry.expires_s = kr_reader_uint(&reader, UINT64_MAX);
    }
    kr_reader_close(&reader);
    enum kr_err err = kr_reader_end(&reader);
    if (err == KR_OK) {
        *ret_entry = entry;
    }
    return err;
}

struct load {
    struct kr_directory *directory;
    struct kr_txn *txn;
    enum kr_err err;
};

/* Whether the row names that statement: what stands under another key would be counted twice. */
struct newest {
    bool is_found;
    uint64_t version;
    uint8_t record_id[32];
};

static bool keep_newest(void *context, struct kr_slice key, struct kr_slice value)
{
    struct newest *newest = context;
    struct kr_directory_entry entry;
    (void)key;
    if (kr_directory_entry_read(value, &entry) == KR_OK && (!newest->is_found || entry.version > newest->version)) {
        newest->is_found = true;
        newest->version = entry.version;
        memcpy(newest->record_id, entry.record_id, 32);
    }
    return true;
}

enum kr_err kr_directory_card_record(struct kr_txn *txn, const uint8_t council[static 32], uint8_t **ret_bytes, size_t *ret_len)
{
    uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
    struct newest newest = {0};
    uint64_t arrival = 0;
    memcpy(prefix + 1, council, 32);
    enum kr_err err = kr_store_each(txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, keep_newest, &newest);
    if (err == KR_OK && !newest.is_found) {
        err = KR_NOT_FOUND;
    }
    if (err == KR_OK) {
        err = kr_store_record_find(txn, newest.record_id, &arrival);
    }
    return err == KR_OK ? kr_store_record_get(txn, arrival, ret_bytes, ret_len) : err;
}

static bool is_named(struct kr_slice row, const struct kr_header *header)
{
    uint8_t key[KR_DIRECTORY_KEY_BYTES];
    kr_directory_key(key, header);
    return row.len == sizeof key && memcmp(row.bytes, key, sizeof key) == 0;
}

static enum kr_err load_row(struct load *load, struct kr_slice key, struct kr_slice value)
{
    struct kr_directory_entry entry;
    uint8_t *bytes = NULL;
    size_t len = 0;
    uint64_t arrival = 0;
    struct kr_record record;
    struct kr_header header;
    enum kr_err err = kr_directory_entry_read(value, &entry);
    if (err == KR_OK) {
        err = kr_store_record_find(load->txn, entry.record_id, &arrival);
    }
    if (err == KR_OK) {
        err = kr_store_record_get(load->txn, arrival, &bytes, &len);
    }
    if (err == KR_OK) {
        err = kr_record_split(bytes, len, &record);
    }
    if (err == KR_OK) {
        err = kr_header_parse(record.header, &header);
    }
    if (err == KR_OK) {
        err = is_named(key, &header) ? take(load->directory, &header, entry.record_id, record.body) : KR_CORRUPT;
    }
    free(bytes);
    return err;
}

static bool load_one(void *context, struct kr_slice key, struct kr_slice value)
{
    struct load *load = context;
    enum kr_err err = load_row(load, key, value);
    if (err == KR_NOMEM || err == KR_IO) {
        load->err = err;
    } else if (err == KR_UNKNOWN_AUTHOR) {
        load->directory->waiting++; /* a vouch may be here before the charter that its community is known by */
    } else if (err != KR_OK) {
        load->directory->skipped++;
    }
    return load->err == KR_OK;
}

enum kr_err kr_directory_load(struct kr_directory *directory, struct kr_txn *txn)
{
    /* Charters before vouches: an edge needs its community. */
    static const uint8_t kinds[] = {KR_KIND_COUNCIL_CARD, KR_KIND_CHARTER, KR_KIND_VOUCH, KR_KIND_EXPULSION, KR_KIND_REVOCATION};
    directory->is_loading = true;
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct load load = {.directory = directory, .txn = txn};
        uint32_t damaged = 0;
        enum kr_err err = kr_store_each_whole(txn, KR_TABLE_DIRECTORY, &kinds[i], 1, load_one, &load, &damaged);
        directory->skipped += damaged;
        if (err == KR_OK) {
            err = load.err;
        }
        if (err != KR_OK) {
            return err;
        }
    }
    directory->is_loading = false;
    return settle(directory); /* once for all vouches */
}

enum kr_err kr_directory_reload(struct kr_directory *directory, struct kr_txn *txn)
{
    struct kr_directory fresh;
    kr_directory_init(&fresh);
    enum kr_err err = kr_directory_load(&fresh, txn);
    if (err != KR_OK) {
        kr_directory_deinit(&fresh);
        return err;
    }
    fresh.generation += directory->generation + 1;
    kr_directory_deinit(directory);
    *directory = fresh;
    return KR_OK;
}
