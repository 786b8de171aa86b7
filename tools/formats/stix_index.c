#include "tools/formats/stix_index.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

#define STEP_OBJECTS 512u
#define PASSES       2u
/* MITRE's copyright on ATT&CK: many name it without having it along. It says nothing of who may read. */
#define ATTACK_MARKING "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"

/* ---- what an object is ---- */

static bool same(struct kr_slice text, const char *other)
{
    return text.len == strlen(other) && memcmp(text.bytes, other, text.len) == 0;
}

static enum kr_stix_kind kind_of(struct kr_slice type)
{
    static const struct {
        const char *type;
        enum kr_stix_kind kind;
    } kinds[] = {
        {"report", KR_STIX_REPORT},
        {"grouping", KR_STIX_REPORT},
        {"indicator", KR_STIX_INDICATOR},
        {"attack-pattern", KR_STIX_ATTACK_PATTERN},
        {"relationship", KR_STIX_RELATIONSHIP},
        {"sighting", KR_STIX_SIGHTING},
        {"identity", KR_STIX_IDENTITY},
        {"marking-definition", KR_STIX_MARKING},
        {"observed-data", KR_STIX_OBSERVED},
        {"vulnerability", KR_STIX_OBSERVABLE},
        {"ipv4-addr", KR_STIX_OBSERVABLE},
        {"ipv6-addr", KR_STIX_OBSERVABLE},
        {"domain-name", KR_STIX_OBSERVABLE},
        {"url", KR_STIX_OBSERVABLE},
        {"email-addr", KR_STIX_OBSERVABLE},
        {"file", KR_STIX_OBSERVABLE},
        {"mutex", KR_STIX_OBSERVABLE},
        {"windows-registry-key", KR_STIX_OBSERVABLE},
        {"autonomous-system", KR_STIX_OBSERVABLE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (same(type, kinds[i].type)) {
            return kinds[i].kind;
        }
    }
    return KR_STIX_OTHER;
}

enum kr_label kr_stix_tlp_of_id(struct kr_slice id)
{
    /* STIX 2.1, section 7.2.1.4, and the TLP 2.0 extension of OASIS. */
    static const struct {
        const char *id;
        enum kr_label label;
    } markings[] = {
        {"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", KR_TLP_CLEAR},
        {"marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", KR_TLP_GREEN},
        {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", KR_TLP_AMBER},
        {"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", KR_TLP_RED},
        {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", KR_TLP_CLEAR},
        {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", KR_TLP_GREEN},
        {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", KR_TLP_AMBER},
        {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", KR_TLP_AMBER_STRICT},
        {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", KR_TLP_RED},
    };
    for (size_t i = 0; i < sizeof markings / sizeof markings[0]; i++) {
        if (same(id, markings[i].id)) {
            return markings[i].label;
        }
    }
    return KR_TLP_NONE;
}

/* A word of TLP that is none we know is RED. */
static enum kr_label label_of(struct kr_slice word)
{
    enum kr_label label = KR_TLP_NONE;
    const bool is_known = word.len > 0 && kr_label_parse((const char *)word.bytes, word.len, &label) == KR_OK;
    return is_known ? label : KR_TLP_RED;
}

enum kr_label kr_stix_tlp_of(const json_t *marking)
{
    static const char extension[] = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
    const json_t *of_extension = json_object_get(json_object_get(marking, "extensions"), extension);
    const enum kr_label by_id = kr_stix_tlp_of_id(kr_json_string_at(marking, "id"));
    if (by_id != KR_TLP_NONE) {
        return by_id;
    }
    if (of_extension != NULL) {
        return label_of(kr_json_string_at(of_extension, "tlp_2_0"));
    }
    if (kr_json_is(marking, "definition_type", "tlp")) {
        return label_of(kr_json_string_at(json_object_get(marking, "definition"), "tlp"));
    }
    const struct kr_slice name = kr_json_string_at(marking, "name");
    return name.len > 4 && memcmp(name.bytes, "TLP:", 4) == 0 ? label_of(name) : KR_TLP_NONE;
}

/* ---- places ---- */

const char *kr_stix_pointer(const struct kr_stix_index *index, uint32_t entry, const char *part,
                            char ret_text[static KR_STIX_POINTER_BYTES])
{
    if (index->is_single) {
        (void)snprintf(ret_text, KR_STIX_POINTER_BYTES, "%s", part);
    } else {
        (void)snprintf(ret_text, KR_STIX_POINTER_BYTES, "/objects/%u%s", index->entries[entry].number, part);
    }
    return ret_text;
}

enum kr_err kr_stix_skip(struct kr_stix_index *index, uint32_t entry, const char *part, enum kr_import_reason reason, bool is_kept,
                         struct kr_slice what, const char *detail)
{
    char pointer[KR_STIX_POINTER_BYTES];
    const struct kr_import_skip skip = {
        .reason = reason,
        .is_kept = is_kept,
        .what = what,
        .detail = detail,
        .place = {.line = index->entries[entry].extent.line, .pointer = kr_stix_pointer(index, entry, part, pointer)}};
    return index->sink->on_skip(index->sink->context, &skip);
}

/* ---- entries ---- */

static void hash_id(uint8_t ret_hash[static KR_STIX_ID_BYTES], struct kr_slice id)
{
    uint8_t hash[KR_HASH_BYTES];
    kr_hash(hash, "kairan stix id", id.bytes, id.len);
    memcpy(ret_hash, hash, KR_STIX_ID_BYTES);
}

static enum kr_err add(struct kr_stix_index *index, const struct kr_json_extent *extent, uint32_t number)
{
    if (index->count == KR_STIX_OBJECTS_MAX) {
        return kr_fail(index->error, KR_BOUNDS, "%.300s has more than %u objects: cut it into several bundles", index->source->name,
                       KR_STIX_OBJECTS_MAX);
    }
    if (index->count == index->room) {
        const uint32_t room = index->room == 0 ? 256 : index->room + index->room / 2;
        struct kr_stix_entry *more = realloc(index->entries, room * sizeof *more);
        if (more == NULL) {
            return KR_NOMEM;
        }
        index->entries = more;
        index->room = room;
    }
    index->entries[index->count++] = (struct kr_stix_entry){.extent = *extent, .number = number, .creator = KR_STIX_NONE};
    return KR_OK;
}

enum kr_err kr_stix_load(struct kr_stix_index *index, uint32_t entry, json_t **ret_object)
{
    struct kr_error why = {0};
    const struct kr_json_extent *extent = &index->entries[entry].extent;
    enum kr_err err = kr_json_load(index->pull, extent, ret_object, &why);
    if (err == KR_OK && !json_is_object(*ret_object)) {
        json_decref(*ret_object);
        err = kr_fail(&why, KR_INVALID, "an object is expected here");
    }
    if (err == KR_OK || err == KR_NOMEM) {
        return err;
    }
    if (err == KR_IO) {
        return kr_fail(index->error, err, "%s", why.text);
    }
    const enum kr_err told =
        kr_stix_skip(index, entry, "", err == KR_BOUNDS ? KR_IMPORT_REASON_TOO_LARGE : KR_IMPORT_REASON_MALFORMED, false,
                     (struct kr_slice){0}, why.text);
    return told == KR_OK ? KR_INVALID : told;
}

static enum kr_err progress(struct kr_stix_index *index, uint32_t at, uint32_t pass)
{
    if (at % STEP_OBJECTS != 0 || index->count == 0) {
        return KR_OK;
    }
    /* Half of the work is finding out what there is; the other half, reading it, is the caller's. */
    const uint64_t of_pass = index->source->bytes / 2 / PASSES;
    const uint64_t within = pass == 0 ? kr_json_mark(index->pull).offset / 2 / PASSES : of_pass / index->count * at;
    return index->sink->on_progress(index->sink->context, of_pass * pass + within);
}

/* ---- first pass: what there is ---- */

static uint64_t time_ms(const json_t *object, const char *key)
{
    const struct kr_slice text = kr_json_string_at(object, key);
    uint64_t seconds = 0, ms = 0;
    if (kr_import_date(text, 0, &seconds) != KR_OK) {
        return 0;
    }
    const uint8_t *point = memchr(text.bytes, '.', text.len);
    for (size_t i = 1; point != NULL && i <= 3; i++) {
        const bool is_digit = point + i < text.bytes + text.len && point[i] >= '0' && point[i] <= '9';
        ms = ms * 10 + (is_digit ? (uint64_t)(point[i] - '0') : 0);
    }
    return seconds * 1000 + ms;
}

static enum kr_err note(struct kr_stix_index *index, const struct kr_json_extent *extent, uint32_t number)
{
    json_t *object = NULL;
    enum kr_err err = add(index, extent, number);
    if (err == KR_OK) {
        err = kr_stix_load(index, index->count - 1, &object);
    }
    if (err != KR_OK) {
        index->count -= err == KR_INVALID; /* told, and not there */
        return err == KR_INVALID ? KR_OK : err;
    }
    struct kr_stix_entry *entry = &index->entries[index->count - 1];
    const struct kr_slice id = kr_json_string_at(object, "id"), type = kr_json_string_at(object, "type");
    entry->kind = (uint8_t)kind_of(type);
    entry->is_revoked = json_is_true(json_object_get(object, "revoked"));
    entry->modified_ms = time_ms(object, "modified");
    if (id.len > 0 && type.len > 0) {
        hash_id(entry->id, id);
    } else {
        err = kr_stix_skip(index, index->count - 1, "", KR_IMPORT_REASON_MALFORMED, false, (struct kr_slice){0},
                           "an object without type or id");
        index->count--;
    }
    json_decref(object);
    return err;
}

static enum kr_err note_objects(struct kr_stix_index *index)
{
    struct kr_json_in in;
    bool has = true;
    enum kr_err err = kr_json_enter(index->pull, '[', &in);
    for (uint32_t number = 0; err == KR_OK; number++) {
        struct kr_json_extent extent;
        err = kr_json_next(index->pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        err = kr_json_value(index->pull, &extent);
        if (err == KR_OK) {
            err = note(index, &extent, number);
        }
        if (err == KR_OK) {
            err = progress(index, number, 0);
        }
    }
    return err;
}

static enum kr_err note_bundle_id(struct kr_stix_index *index, const struct kr_json_extent *extent)
{
    struct kr_error why = {0};
    json_t *id = NULL;
    enum kr_err err = kr_json_load(index->pull, extent, &id, &why);
    if (err == KR_OK && json_is_string(id)) {
        (void)snprintf(index->bundle_id, sizeof index->bundle_id, "%s", json_string_value(id));
    }
    json_decref(id);
    return err == KR_NOMEM || err == KR_IO ? err : KR_OK;
}

/* A bundle or an envelope has objects; whatever else is an object is one itself. */
static enum kr_err go_through(struct kr_stix_index *index)
{
    struct kr_json_in in;
    struct kr_json_extent whole, extent;
    char key[KR_JSON_KEY_BYTES_MAX + 1];
    bool has = true, has_objects = false;
    uint8_t first;
    enum kr_err err = kr_json_peek(index->pull, &first);
    if (err == KR_OK && first == '[') {
        return note_objects(index);
    }
    const struct kr_json_mark begin = kr_json_mark(index->pull);
    if (err == KR_OK) {
        err = kr_json_enter(index->pull, '{', &in);
    }
    while (err == KR_OK) {
        err = kr_json_next(index->pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        err = kr_json_key(index->pull, key, sizeof key);
        if (err == KR_OK && strcmp(key, "objects") == 0) {
            err = kr_json_peek(index->pull, &first);
            if (err == KR_OK && first == '[') {
                has_objects = true;
                err = note_objects(index);
                continue;
            }
        }
        if (err == KR_OK) {
            err = kr_json_value(index->pull, &extent);
        }
        if (err == KR_OK && strcmp(key, "id") == 0) {
            err = note_bundle_id(index, &extent);
        }
    }
    if (err == KR_OK && !has_objects) {
        index->is_single = true;
        kr_json_go(index->pull, begin);
        err = kr_json_value(index->pull, &whole);
    }
    if (err == KR_OK && index->is_single) {
        err = note(index, &whole, 0);
    }
    return err;
}

/* ---- who is who ---- */

static int compare(const void *a, const void *b, void *context)
{
    const struct kr_stix_index *index = context;
    const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    const struct kr_stix_entry *x = &index->entries[left], *y = &index->entries[right];
    const int order = memcmp(x->id, y->id, KR_STIX_ID_BYTES);
    if (order != 0) {
        return order;
    }
    if (x->modified_ms != y->modified_ms) {
        return x->modified_ms > y->modified_ms ? -1 : 1;
    }
    return left > right ? -1 : 1; /* of two alike the later */
}

static enum kr_err sort(struct kr_stix_index *index)
{
    enum kr_err err = KR_OK;
    index->by_id = malloc((index->count + 1) * sizeof *index->by_id);
    if (index->by_id == NULL) {
        return KR_NOMEM;
    }
    for (uint32_t i = 0; i < index->count; i++) {
        index->by_id[i] = i;
    }
    qsort_r(index->by_id, index->count, sizeof *index->by_id, compare, index);
    for (uint32_t i = 1; i < index->count && err == KR_OK; i++) {
        struct kr_stix_entry *entry = &index->entries[index->by_id[i]];
        if (memcmp(entry->id, index->entries[index->by_id[i - 1]].id, KR_STIX_ID_BYTES) == 0) {
            entry->is_superseded = true;
            err = kr_stix_skip(index, index->by_id[i], "/id", KR_IMPORT_REASON_DOUBLE, false, (struct kr_slice){0},
                               "a newer version of the same object is there too");
        }
    }
    return err;
}

uint32_t kr_stix_find(const struct kr_stix_index *index, struct kr_slice id)
{
    uint8_t hash[KR_STIX_ID_BYTES];
    uint32_t low = 0, high = index->count;
    hash_id(hash, id);
    while (low < high) { /* the first of that id, which is its newest version */
        const uint32_t middle = low + (high - low) / 2;
        if (memcmp(index->entries[index->by_id[middle]].id, hash, KR_STIX_ID_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool is_there = low < index->count && memcmp(index->entries[index->by_id[low]].id, hash, KR_STIX_ID_BYTES) == 0;
    return is_there ? index->by_id[low] : KR_STIX_NONE;
}

/* ---- second pass: how they hang together ---- */

/* The strictest of its markings. One that nobody knows may say anything. */
static enum kr_err find_label(struct kr_stix_index *index, uint32_t at, const json_t *refs)
{
    enum kr_label label = (enum kr_label)index->entries[at].label;
    enum kr_err err = KR_OK;
    if (refs != NULL && !json_is_array(refs)) {
        label = KR_TLP_RED;
    }
    for (size_t i = 0; i < json_array_size(refs) && err == KR_OK; i++) {
        const json_t *ref = json_array_get(refs, i);
        if (!json_is_string(ref)) {
            label = KR_TLP_RED; /* as one that nobody knows */
            continue;
        }
        const struct kr_slice id = {(const uint8_t *)json_string_value(ref), json_string_length(ref)};
        const uint32_t marking = kr_stix_find(index, id);
        enum kr_label one = kr_stix_tlp_of_id(id);
        if (same(id, ATTACK_MARKING)) {
            continue;
        }
        if (one == KR_TLP_NONE && marking != KR_STIX_NONE) {
            one = (enum kr_label)index->entries[marking].label;
        } else if (one == KR_TLP_NONE) {
            one = KR_TLP_RED;
            index->entries[at].has_dangling_marking = true;
            err = kr_stix_skip(index, at, "/object_marking_refs", KR_IMPORT_REASON_DANGLING, true, id,
                               "a marking that is not there and that nobody knows: taken for TLP:RED");
        }
        label = one > label ? one : label;
    }
    index->entries[at].label = (uint8_t)label;
    return err;
}

static enum kr_err find_labels(struct kr_stix_index *index, uint32_t at, const json_t *object)
{
    const json_t *granular = json_object_get(object, "granular_markings");
    enum kr_err err = find_label(index, at, json_object_get(object, "object_marking_refs"));
    for (size_t i = 0; i < json_array_size(granular) && err == KR_OK; i++) {
        const json_t *ref = json_object_get(json_array_get(granular, i), "marking_ref");
        json_t *one = json_is_string(ref) ? json_pack("[O]", ref) : NULL;
        err = find_label(index, at, one); /* what a part of it demands, all of it demands */
        json_decref(one);
    }
    return err;
}

static void count_sighting(struct kr_stix_index *index, const json_t *sighting)
{
    const uint32_t target = kr_stix_find(index, kr_json_string_at(sighting, "sighting_of_ref"));
    const json_t *count = json_object_get(sighting, "count");
    uint64_t seen_s = 0;
    if (target == KR_STIX_NONE) {
        return;
    }
    struct kr_stix_entry *entry = &index->entries[target];
    const json_int_t times = json_is_integer(count) ? json_integer_value(count) : 1;
    const uint32_t some = times < 0 ? 0 : times > 1000000 ? 1000000 : (uint32_t)times;
    entry->sightings = entry->sightings > UINT32_MAX - some ? UINT32_MAX : entry->sightings + some;
    if (kr_import_date(kr_json_string_at(sighting, "last_seen"), 0, &seen_s) == KR_OK && seen_s > entry->seen_s) {
        entry->seen_s = (uint32_t)seen_s;
    }
}

static uint32_t find_ref(const struct kr_stix_index *index, const json_t *ref)
{
    return json_is_string(ref)
               ? kr_stix_find(index, (struct kr_slice){(const uint8_t *)json_string_value(ref), json_string_length(ref)})
               : KR_STIX_NONE;
}

static void name_those(struct kr_stix_index *index, const json_t *object)
{
    const json_t *refs = json_object_get(object, "object_refs");
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const uint32_t entry = find_ref(index, json_array_get(refs, i));
        if (entry != KR_STIX_NONE) {
            index->entries[entry].is_named = true;
        }
    }
}

static bool has_ties(enum kr_stix_kind kind)
{
    return kind != KR_STIX_IDENTITY && kind != KR_STIX_MARKING;
}

static enum kr_err tie(struct kr_stix_index *index, uint32_t at)
{
    json_t *object = NULL;
    enum kr_err err = kr_stix_load(index, at, &object);
    if (err != KR_OK) {
        return err;
    }
    struct kr_stix_entry *entry = &index->entries[at];
    entry->creator = kr_stix_find(index, kr_json_string_at(object, "created_by_ref"));
    err = find_labels(index, at, object);
    if (entry->kind == KR_STIX_SIGHTING) {
        count_sighting(index, object);
    } else if (entry->kind == KR_STIX_REPORT || entry->kind == KR_STIX_OBSERVED) {
        name_those(index, object);
    }
    json_decref(object);
    return err;
}

static enum kr_err read_marking(struct kr_stix_index *index, uint32_t at)
{
    json_t *object = NULL;
    enum kr_err err = kr_stix_load(index, at, &object);
    if (err == KR_OK) {
        index->entries[at].label = (uint8_t)kr_stix_tlp_of(object);
        json_decref(object);
    }
    return err;
}

/* What an observed-data names goes with it, and must not go further than it may. */
static enum kr_err raise_label(struct kr_stix_index *index, uint32_t at)
{
    json_t *object = NULL;
    enum kr_err err = kr_stix_load(index, at, &object);
    if (err != KR_OK) {
        return err == KR_INVALID ? KR_OK : err;
    }
    const json_t *refs = json_object_get(object, "object_refs");
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const uint32_t named = find_ref(index, json_array_get(refs, i));
        if (named != KR_STIX_NONE && index->entries[named].label > index->entries[at].label) {
            index->entries[at].label = index->entries[named].label;
        }
    }
    json_decref(object);
    return KR_OK;
}

static enum kr_err tie_all(struct kr_stix_index *index)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < index->count && err == KR_OK; i++) {
        err = index->entries[i].kind == KR_STIX_MARKING ? read_marking(index, i) : KR_OK;
    }
    for (uint32_t i = 0; i < index->count && err == KR_OK; i++) {
        const struct kr_stix_entry *entry = &index->entries[i];
        err = has_ties((enum kr_stix_kind)entry->kind) && !entry->is_superseded ? tie(index, i) : KR_OK;
        if (err == KR_OK) {
            err = progress(index, i, 1);
        }
    }
    for (uint32_t i = 0; i < index->count && err == KR_OK; i++) {
        const struct kr_stix_entry *entry = &index->entries[i];
        err = entry->kind == KR_STIX_OBSERVED && !entry->is_superseded ? raise_label(index, i) : KR_OK;
    }
    return err;
}

enum kr_err kr_stix_index_open(struct kr_stix_index *ret_index, const struct kr_import_source *source,
                               const struct kr_import_sink *sink, struct kr_error *error)
{
    *ret_index = (struct kr_stix_index){.source = source, .sink = sink, .error = error};
    enum kr_err err = kr_json_pull_new(source, error, &ret_index->pull);
    if (err == KR_OK) {
        err = go_through(ret_index);
    }
    if (err == KR_OK) {
        err = sort(ret_index);
    }
    return err == KR_OK ? tie_all(ret_index) : err;
}

void kr_stix_index_close(struct kr_stix_index *index)
{
    kr_json_pull_free(index->pull);
    free(index->entries);
    free(index->by_id);
    *index = (struct kr_stix_index){0};
}
