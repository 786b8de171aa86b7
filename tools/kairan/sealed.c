#include "tools/kairan/sealed.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "tools/kairan/out.h"
#include "tools/kairan/people.h"
#include "tools/kairan/root_key.h"

#define PAIRS_MAX (KR_OWN_KEYS_MAX + KR_BODY_KEYS_MAX + 1u)

/* A copy of the body's key, or the way to one before. */
struct way {
    uint8_t key[32], to[32], slot[KR_SLOT_BYTES];
};

struct loading {
    struct kr_sealed *sealed;
    struct way own, *ways;
    uint32_t way_count;
    bool has_own;
};

static enum kr_err take_way(struct loading *loading, const struct kr_body_key_item *item)
{
    if (loading->way_count == KR_BODY_KEYS_MAX) {
        return KR_OK; /* two nodes of the council made more than one node makes */
    }
    if (item->held.len != 32 || item->to.len != 32 || item->slot.len != KR_SLOT_BYTES) {
        return KR_MALFORMED;
    }
    struct way *way = &loading->ways[loading->way_count++];
    memcpy(way->key, item->held.bytes, 32);
    memcpy(way->to, item->to.bytes, 32);
    memcpy(way->slot, item->slot.bytes, sizeof way->slot);
    return KR_OK;
}

/* Where there are too many, revoked ones of long ago make room: whoever is here is not to be forgotten. */
static struct kr_sealed_person *find_place(struct kr_sealed *sealed, uint32_t state)
{
    if (sealed->person_count < KR_BODY_PERSONS_MAX) {
        return &sealed->persons[sealed->person_count++];
    }
    for (uint32_t i = 0; i < sealed->person_count && state == KR_PERSON_STATE_ACTIVE; i++) {
        if (sealed->persons[i].state != KR_PERSON_STATE_ACTIVE) { /* not the caller's own: who asks is active */
            return &sealed->persons[i];
        }
    }
    return NULL;
}

static enum kr_err take_key(void *context, struct kr_slice bytes)
{
    struct loading *loading = context;
    struct kr_sealed *sealed = loading->sealed;
    struct kr_body_key_item item;
    enum kr_err err = kr_body_key_item_read(bytes, &item);
    if (err != KR_OK || !item.is_person) {
        return err == KR_OK ? take_way(loading, &item) : err;
    }
    struct kr_sealed_person *person = find_place(sealed, item.state);
    if (person == NULL) {
        return KR_OK;
    }
    *person = (struct kr_sealed_person){.state = item.state, .has_key = item.key.len == 32, .holds = item.holds};
    memcpy(person->id, item.id, 32);
    if (item.key.len == 32) {
        memcpy(person->key, item.key.bytes, 32);
    }
    (void)kr_slice_text(item.name, person->name, sizeof person->name);
    if (item.slot.len == KR_SLOT_BYTES && item.held.len == 32 && item.to.len == 32) {
        loading->has_own = true;
        memcpy(loading->own.key, item.held.bytes, 32);
        memcpy(loading->own.to, item.to.bytes, 32);
        memcpy(loading->own.slot, item.slot.bytes, KR_SLOT_BYTES);
    }
    return KR_OK;
}

static void add_pair(struct kr_sealed *sealed, const uint8_t public_key[static 32], const uint8_t secret[static 32])
{
    if (sealed->pair_count < PAIRS_MAX) {
        struct kr_box_pair *pair = &sealed->pairs[sealed->pair_count++];
        memcpy(pair->public_key, public_key, 32);
        memcpy(pair->secret, secret, 32);
    }
}

/* What a slot says it holds is looked at: a copy that somebody made wrong, or by malice, is none. */
static bool open_way(const struct kr_box_pair *pairs, uint32_t count, const struct way *way, uint8_t ret_secret[static 32])
{
    uint8_t public_key[32];
    for (uint32_t i = 0; i < count; i++) {
        const struct kr_box_pair *pair = &pairs[i];
        if (memcmp(pair->public_key, way->to, 32) == 0 &&
            kr_slot_open(ret_secret, way->slot, pair->public_key, pair->secret) == KR_OK) {
            return crypto_scalarmult_base(public_key, ret_secret) == 0 && memcmp(public_key, way->key, 32) == 0;
        }
    }
    return false;
}

/* Its own copy, by a key of the person's; then one key after the other back to the first, by the body's alone: so each lies sealed
 * to one that came after it, whatever a node gives out. */
static void follow(struct loading *loading)
{
    struct kr_sealed *sealed = loading->sealed;
    const uint32_t own = sealed->own->count;
    uint8_t secret[32];
    if (loading->has_own && open_way(sealed->pairs, own, &loading->own, secret)) {
        add_pair(sealed, loading->own.key, secret);
    }
    for (uint32_t before = 0; before != sealed->pair_count;) {
        before = sealed->pair_count;
        for (uint32_t i = 0; i < loading->way_count; i++) {
            bool is_known = false;
            for (uint32_t j = 0; j < sealed->pair_count; j++) {
                is_known = is_known || memcmp(sealed->pairs[j].public_key, loading->ways[i].key, 32) == 0;
            }
            if (!is_known && open_way(&sealed->pairs[own], sealed->pair_count - own, &loading->ways[i], secret)) {
                add_pair(sealed, loading->ways[i].key, secret);
            }
        }
    }
    sodium_memzero(secret, sizeof secret);
}

static void note_body(struct kr_sealed *sealed, const struct kr_body_keys *keys)
{
    const bool prefers_ja = (strcmp(kr_tr_language(), "ja") == 0 && keys->name_ja.len > 0) || keys->name_en.len == 0;
    memcpy(sealed->person, keys->person, 32);
    memcpy(sealed->body, keys->body, 32);
    sealed->is_person = !sodium_is_zero(keys->person, 32);
    sealed->has_body_key = keys->key.len == 32;
    sealed->is_rotation_due = keys->is_rotation_due;
    (void)kr_slice_text(prefers_ja ? keys->name_ja : keys->name_en, sealed->body_name, sizeof sealed->body_name);
    if (sealed->has_body_key) {
        memcpy(sealed->body_key, keys->key.bytes, 32);
    }
}

static void look_around(struct kr_sealed *sealed)
{
    struct kr_box_pair *copy = &sealed->pairs[sealed->own->count]; /* what the caller's own copy held */
    if (sealed->has_body_key && sealed->pair_count > sealed->own->count && memcmp(copy->public_key, sealed->body_key, 32) == 0) {
        sealed->body_pair = copy;
    }
    for (uint32_t i = 0; i < sealed->person_count; i++) {
        const struct kr_sealed_person *person = &sealed->persons[i];
        sealed->missing += sealed->has_body_key && person->state == KR_PERSON_STATE_ACTIVE && person->has_key && !person->holds;
        sealed->is_own_published =
            sealed->is_own_published || (memcmp(person->id, sealed->person, 32) == 0 && person->has_key && sealed->own->count > 0 &&
                                         memcmp(person->key, sealed->own->pairs[0].public_key, 32) == 0);
    }
}

static bool ask_keys(struct kr_sealed *sealed)
{
    struct loading loading = {.sealed = sealed, .ways = calloc(KR_BODY_KEYS_MAX, sizeof *loading.ways)};
    struct kr_body_keys keys;
    struct kr_slice result;
    bool is_fine =
        loading.ways != NULL && kr_app_ask(sealed->aside, KR_OP_BODY_KEYS, KR_ANSWER_MS, take_key, &loading, &result) == KR_OK;
    if (is_fine && kr_body_keys_read(result, &keys) != KR_OK) {
        (void)kr_app_unreadable(sealed->aside);
        is_fine = false;
    }
    if (is_fine) {
        note_body(sealed, &keys);
        follow(&loading);
        look_around(sealed);
    }
    free(loading.ways);
    return is_fine;
}

static void hint(const struct kr_sealed *sealed)
{
    if (sealed->body_pair == NULL) {
        return;
    }
    if (sealed->is_rotation_due) {
        (void)fputs(
            _("Somebody who had the key of your body is here no more, or has another key now: run kairan key body rotate\n"),
            stderr);
    } else if (sealed->missing > 0) {
        (void)fprintf(stderr, _("Persons of your body who have not its key yet: %u. If you know them, run kairan key body share\n"),
                      sealed->missing);
    }
}

/* Once for each run of the program: it may be under a passphrase, and a watch connects anew now and then. Tells failures. */
static bool open_own(struct kr_sealed *sealed, struct kr_app *app)
{
    struct kr_error error = {0};
    char *passphrase = NULL;
    bool is_protected = false;
    enum kr_err err = KR_OK;
    if (app->own_keys == NULL) {
        err = kr_person_keys_are_protected(sealed->council, &is_protected, &error);
        if (err == KR_OK && is_protected &&
            !kr_app_passphrase(app, app->key_passphrase_file, app->key_passphrase_fd, _("Passphrase of your own key: "), NULL,
                               &passphrase)) {
            return false;
        }
        err = err == KR_OK ? kr_person_keys_load(sealed->council, passphrase, &app->own_keys, &error) : err;
        kr_secret_free(passphrase);
    }
    sealed->own = app->own_keys;
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

static bool load(struct kr_sealed *sealed, struct kr_app *app, bool with_body)
{
    struct kr_error error = {0};
    memcpy(sealed->council, kr_conn_council(app->conn), 32);
    if (!with_body && !kr_person_keys_exist(sealed->council)) {
        return true;
    }
    *sealed->aside = *app;
    sealed->aside->conn = NULL;
    if (kr_crypto_init() != KR_OK || !kr_app_open(sealed->aside)) {
        return false;
    }
    if (!open_own(sealed, app)) {
        sealed->is_closed = true;
        return !with_body; /* what is sealed stays closed, and all else goes on */
    }
    void *pairs = NULL;
    enum kr_err err = kr_secret_new(PAIRS_MAX * sizeof *sealed->pairs, &pairs, &error);
    sealed->pairs = pairs;
    if (err != KR_OK) {
        sealed->is_closed = true;
        (void)kr_app_tell(app, err, &error);
        return !with_body;
    }
    for (uint32_t i = 0; i < sealed->own->count; i++) {
        add_pair(sealed, sealed->own->pairs[i].public_key, sealed->own->pairs[i].secret);
    }
    return ask_keys(sealed);
}

struct kr_sealed *kr_sealed_new(struct kr_app *app, bool with_body, bool hints)
{
    struct kr_sealed *sealed = calloc(1, sizeof *sealed);
    if (sealed != NULL) {
        sealed->aside = calloc(1, sizeof *sealed->aside);
        sealed->persons = calloc(KR_BODY_PERSONS_MAX, sizeof *sealed->persons);
    }
    if (sealed == NULL || sealed->aside == NULL || sealed->persons == NULL) {
        (void)kr_app_tell(app, KR_NOMEM, &(struct kr_error){.text = ""});
        kr_sealed_free(sealed);
        return NULL;
    }
    if (!load(sealed, app, with_body)) {
        kr_sealed_free(sealed);
        return NULL;
    }
    if (hints) {
        hint(sealed);
    }
    return sealed;
}

void kr_sealed_free(struct kr_sealed *sealed)
{
    if (sealed == NULL) {
        return;
    }
    if (sealed->aside != NULL) {
        kr_conn_free(sealed->aside->conn);
    }
    kr_secret_free(sealed->pairs);
    free(sealed->aside);
    free(sealed->persons);
    free(sealed);
}

/* Whether the body's present key opened that one, or what it opened did. */
static bool leads_to(const struct kr_sealed *sealed, const uint8_t key[static 32])
{
    bool leads = false;
    for (const struct kr_box_pair *pair = sealed->body_pair + 1; pair < sealed->pairs + sealed->pair_count; pair++) {
        leads = leads || memcmp(pair->public_key, key, 32) == 0;
    }
    return leads;
}

bool kr_sealed_vouches(const struct kr_sealed *sealed, const struct kr_addressed *one, const uint8_t former[static 32])
{
    return sealed != NULL && sealed->own != NULL && one->sort == KR_ADDRESSED_BODY && memcmp(one->id, sealed->body, 32) == 0 &&
           memcmp(one->council, sealed->council, 32) == 0 && sealed->body_pair != NULL &&
           memcmp(sealed->body_pair->public_key, one->key, 32) == 0 && leads_to(sealed, former);
}

/* ---- records ---- */

bool kr_sealed_is(const struct kr_summary *summary)
{
    return kr_label_is_for_people((enum kr_label)summary->label) &&
           (summary->kind == KR_KIND_REPORT || summary->kind == KR_KIND_ADVISORY || summary->kind == KR_KIND_REVISION);
}

enum kr_err kr_sealed_open(const struct kr_sealed *sealed, const struct kr_shown *shown, struct kr_section *ret_section)
{
    const struct kr_section_of of = {.author = shown->summary.author,
                                     .kind = shown->content_kind,
                                     .flags = shown->summary.flags,
                                     .label = (enum kr_label)shown->summary.label};
    return sealed == NULL || sealed->pair_count == 0 || shown->content.len == 0
               ? KR_NOT_FOUND
               : kr_section_open(shown->content, &of, sealed->pairs, sealed->pair_count, ret_section);
}

enum kr_err kr_content_title(uint32_t kind, struct kr_slice content, char *ret_title, size_t size, uint32_t *ret_indicators,
                             uint32_t *ret_severity)
{
    static struct kr_report report;
    static struct kr_advisory advisory;
    enum kr_err err = kind == KR_KIND_REPORT ? kr_report_parse(content, &report) : kr_advisory_parse(content, &advisory);
    if (err == KR_OK) {
        (void)kr_slice_text(kind == KR_KIND_REPORT ? report.title : advisory.title, ret_title, size);
        *ret_indicators = kind == KR_KIND_REPORT ? report.indicator_count : 0;
        *ret_severity = kind == KR_KIND_REPORT ? report.severity : advisory.severity;
    }
    return err;
}

enum kr_err kr_sealed_title(struct kr_sealed *sealed, const uint8_t id[static 32], char *ret_title, size_t size,
                            uint32_t *ret_indicators)
{
    static struct kr_shown shown;
    struct kr_section section;
    struct kr_writer args;
    struct kr_slice result;
    struct kr_error error = {0};
    if (sealed == NULL || sealed->pair_count == 0) {
        return KR_NOT_FOUND;
    }
    kr_writer_init(&args, 64);
    kr_writer_array(&args, 1);
    kr_writer_bin(&args, id, 32);
    enum kr_err err = kr_writer_finish(&args);
    if (err == KR_OK) { /* one that was taken back this very moment is no failure */
        err = kr_conn_call(sealed->aside->conn, KR_OP_SHOW, (struct kr_slice){args.bytes, args.len}, KR_ANSWER_MS, NULL, NULL,
                           &result, &error);
    }
    kr_writer_deinit(&args);
    if (err == KR_OK) {
        err = kr_shown_read(result, &shown);
    }
    if (err == KR_OK) {
        err = kr_sealed_open(sealed, &shown, &section);
    }
    if (err == KR_OK) {
        uint32_t severity;
        err = kr_content_title(shown.content_kind, section.content, ret_title, size, ret_indicators, &severity);
        kr_section_deinit(&section);
    }
    return err;
}

struct visiting {
    struct kr_sealed *sealed;
    kr_sealed_visit *visit;
    void *context;
};

static enum kr_err visit_one(void *context, struct kr_slice item)
{
    static struct kr_shown shown;
    struct visiting *visiting = context;
    struct kr_section section;
    enum kr_err err = kr_shown_read(item, &shown);
    if (err != KR_OK) {
        return err;
    }
    err = kr_sealed_open(visiting->sealed, &shown, &section);
    if (err != KR_OK) {
        return err == KR_NOMEM ? err : KR_OK; /* for others, or made by somebody who wants it to look like that */
    }
    err = visiting->visit(visiting->context, &shown, &section);
    kr_section_deinit(&section);
    return err;
}

enum kr_err kr_sealed_each(struct kr_sealed *sealed, bool exercise, kr_sealed_visit *visit, void *context)
{
    struct visiting visiting = {sealed, visit, context};
    const struct kr_export asked = {.use = KR_EXPORT_USE_SCAN, .exercise = exercise};
    struct kr_writer args;
    if (sealed->pair_count == 0) {
        return KR_OK;
    }
    kr_writer_init(&args, KR_KIB);
    kr_export_write(&asked, &args);
    enum kr_err err = kr_app_call(sealed->aside, KR_OP_SEALED, &args, KR_ANSWER_MS, visit_one, &visiting, NULL);
    kr_writer_deinit(&args);
    return err;
}
