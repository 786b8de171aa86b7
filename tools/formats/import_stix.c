/* STIX 2.0 and 2.1 for import: which objects make a group, and what each gives. Nothing of a bundle is kept but its index. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/formats/stix_group.h"
#include "tools/formats/stix_pattern.h"

#define NEST_MAX     8u /* reports within reports */
#define STEP_ENTRIES 256u

/* Which loose objects are one group. */
struct kin {
    uint32_t creator;
    uint8_t label;
};
#define KINS_MAX 256u

struct reading {
    struct kr_stix_index index;
    const struct kr_import_options *options;
    const struct kr_import_sink *sink;
    uint8_t *visited; /* a bit for each entry: given in this group, or its report entered */
    struct kin kins[KINS_MAX];
    uint32_t kin_count;
    uint64_t done; /* entries given, for progress */
    /* The object that is given, and what all of its items share. */
    uint32_t entry;
    const char *part; /* where in it */
    struct kr_import_item item;
    char note[KR_NOTE_BYTES_MAX + 1];
};

static struct kr_slice slice_of(const char *text)
{
    return text == NULL ? (struct kr_slice){0} : (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static struct kr_slice first_of(struct kr_slice one, struct kr_slice other)
{
    return one.len > 0 ? one : other;
}

static bool is_of(const json_t *object, const char *type)
{
    return kr_json_is(object, "type", type);
}

static bool visit_once(struct reading *reading, uint32_t entry)
{
    const uint8_t bit = (uint8_t)(1u << entry % 8);
    const bool is_first = (reading->visited[entry / 8] & bit) == 0;
    reading->visited[entry / 8] |= bit;
    return is_first;
}

static enum kr_err tell_progress(struct reading *reading)
{
    const uint64_t half = reading->index.source->bytes / 2;
    const uint64_t all = reading->index.count > 0 ? reading->index.count : 1;
    const uint64_t done = reading->done < all ? reading->done : all;
    return reading->done++ % STEP_ENTRIES == 0 ? reading->sink->on_progress(reading->sink->context, half + half / all * done)
                                               : KR_OK;
}

/* ---- items ---- */

static enum kr_err skip(struct reading *reading, enum kr_import_reason reason, struct kr_slice what, const char *detail)
{
    return kr_stix_skip(&reading->index, reading->entry, reading->part, reason, false, what, detail);
}

/* One value of the object; `note` instead of its own where there is one. */
static enum kr_err give(struct reading *reading, uint32_t type, struct kr_slice text, struct kr_slice note)
{
    char pointer[KR_STIX_POINTER_BYTES];
    struct kr_import_item item = reading->item;
    item.type = type;
    item.note = first_of(note, item.note);
    item.place = (struct kr_import_place){.line = reading->index.entries[reading->entry].extent.line,
                                          .pointer = kr_stix_pointer(&reading->index, reading->entry, reading->part, pointer)};
    return kr_import_value(reading->sink, &item, text);
}

static enum kr_err give_term(void *context, const struct kr_stix_term *term)
{
    struct reading *reading = context;
    const struct kr_import_item kept = reading->item;
    if (term->first_s != 0) {
        reading->item.first_s = term->first_s;
        reading->item.last_s = term->last_s;
    }
    enum kr_err err = give(reading, term->type, term->value, term->note);
    reading->item = kept;
    return err;
}

/* What is not taken apart is an indicator as it is, of the type that its language has. */
static enum kr_err give_whole(struct reading *reading, const json_t *object, struct kr_slice pattern)
{
    char pointer[KR_STIX_POINTER_BYTES];
    struct kr_import_item item = reading->item;
    if (kr_json_is(object, "pattern_type", "yara")) {
        return give(reading, KR_INDICATOR_YARA, pattern, (struct kr_slice){0});
    }
    if (kr_json_is(object, "pattern_type", "sigma")) {
        return give(reading, KR_INDICATOR_SIGMA, pattern, (struct kr_slice){0});
    }
    item.place = (struct kr_import_place){.line = reading->index.entries[reading->entry].extent.line,
                                          .pointer = kr_stix_pointer(&reading->index, reading->entry, reading->part, pointer)};
    return kr_import_pattern(reading->sink, &item, pattern);
}

static bool says(const json_t *words, const char *word)
{
    bool has = false;
    for (size_t i = 0; i < json_array_size(words) && !has; i++) {
        const char *one = json_string_value(json_array_get(words, i));
        has = one != NULL && strcmp(one, word) == 0;
    }
    return has;
}

/* In STIX 2.1 its indicator_types, in 2.0 its labels. */
static bool is_typed(const json_t *indicator, const char *word)
{
    return says(json_object_get(indicator, "indicator_types"), word) || says(json_object_get(indicator, "labels"), word);
}

/* Fit for what. The words block, detect and context are those of our own export. */
static uint32_t action_of(const json_t *indicator)
{
    const json_t *labels = json_object_get(indicator, "labels");
    if (says(labels, "block") || says(labels, "detect") || says(labels, "context")) {
        return says(labels, "block") ? KR_ACTION_BLOCK : says(labels, "detect") ? KR_ACTION_DETECT : KR_ACTION_NONE;
    }
    return is_typed(indicator, "malicious-activity") || is_typed(indicator, "compromised") ? KR_IMPORT_ACTION_FIT
                                                                                           : KR_ACTION_DETECT;
}

static enum kr_err give_pattern(struct reading *reading, const json_t *object)
{
    const struct kr_slice pattern = kr_json_string_at(object, "pattern"), language = kr_json_string_at(object, "pattern_type");
    struct kr_error why = {0};
    reading->part = "/pattern";
    if (pattern.len == 0) {
        return skip(reading, KR_IMPORT_REASON_NO_INDICATOR, (struct kr_slice){0}, "an indicator without a pattern");
    }
    if (is_typed(object, "benign")) { /* nobody should look for it, least of all block it */
        return skip(reading, KR_IMPORT_REASON_NO_INDICATOR, pattern, "its origin says that it is harmless");
    }
    if (language.len > 0 && !kr_json_is(object, "pattern_type", "stix")) {
        return give_whole(reading, object, pattern);
    }
    enum kr_err err = kr_stix_pattern(pattern, give_term, reading, &why);
    switch (err) {
    case KR_NOT_FOUND:
        return give_whole(reading, object, pattern);
    case KR_INVALID:
        return skip(reading, KR_IMPORT_REASON_MALFORMED, pattern, why.text);
    case KR_BOUNDS:
        return skip(reading, KR_IMPORT_REASON_TOO_LARGE, (struct kr_slice){0}, why.text);
    default:
        return err;
    }
}

/* ---- observables ---- */

static enum kr_err give_hashes(struct reading *reading, json_t *hashes, struct kr_slice note)
{
    enum kr_err err = KR_OK;
    for (void *at = json_object_iter(hashes); at != NULL && err == KR_OK; at = json_object_iter_next(hashes, at)) {
        const json_t *value = json_object_iter_value(at);
        const struct kr_slice name = slice_of(json_object_iter_key(at));
        const uint32_t type = kr_stix_hash_type(name);
        if (type == KR_INDICATOR_ANY) {
            err = skip(reading, KR_IMPORT_REASON_UNKNOWN_TYPE, name, "a hash of a sort that is not looked for");
        } else if (json_is_string(value)) {
            err =
                give(reading, type, (struct kr_slice){(const uint8_t *)json_string_value(value), json_string_length(value)}, note);
        }
    }
    return err;
}

static enum kr_err give_file(struct reading *reading, const json_t *file)
{
    json_t *hashes = json_object_get(file, "hashes");
    const struct kr_slice name = kr_json_string_at(file, "name");
    if (json_object_size(hashes) > 0) {
        return give_hashes(reading, hashes, name);
    }
    return name.len > 0 ? give(reading, KR_INDICATOR_FILENAME, name, (struct kr_slice){0})
                        : skip(reading, KR_IMPORT_REASON_NO_INDICATOR, slice_of("file"), "a file without name and hashes");
}

static enum kr_err give_observable(struct reading *reading, const json_t *object)
{
    static const struct {
        const char *type, *property;
        uint32_t indicator;
    } simple[] = {
        {"ipv4-addr", "value", KR_INDICATOR_IPV4},
        {"ipv6-addr", "value", KR_INDICATOR_IPV6},
        {"domain-name", "value", KR_INDICATOR_DOMAIN},
        {"url", "value", KR_INDICATOR_URL},
        {"email-addr", "value", KR_INDICATOR_EMAIL},
        {"mutex", "name", KR_INDICATOR_MUTEX},
        {"windows-registry-key", "key", KR_INDICATOR_REGISTRY_KEY},
        {"vulnerability", "name", KR_INDICATOR_CVE},
    };
    char number[24];
    if (is_of(object, "file")) {
        return give_file(reading, object);
    }
    if (is_of(object, "autonomous-system")) {
        (void)snprintf(number, sizeof number, "AS%lld", (long long)json_integer_value(json_object_get(object, "number")));
        return give(reading, KR_INDICATOR_ASN, slice_of(number), (struct kr_slice){0});
    }
    for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++) {
        if (is_of(object, simple[i].type)) {
            return give(reading, simple[i].indicator, kr_json_string_at(object, simple[i].property), (struct kr_slice){0});
        }
    }
    return skip(reading, KR_IMPORT_REASON_NO_INDICATOR, kr_json_string_at(object, "type"), "");
}

static bool is_observable(const json_t *object)
{
    static const char *const types[] = {"file", "autonomous-system", "ipv4-addr", "ipv6-addr",           "domain-name",
                                        "url",  "email-addr",        "mutex",     "windows-registry-key"};
    bool is = false;
    for (size_t i = 0; i < sizeof types / sizeof types[0] && !is; i++) {
        is = is_of(object, types[i]);
    }
    return is;
}

static enum kr_err give_entry(struct reading *reading, uint32_t entry);

/* STIX 2.0 has the observables within, 2.1 names them. */
static enum kr_err give_observed(struct reading *reading, const json_t *object)
{
    json_t *within = json_object_get(object, "objects");
    const json_t *refs = json_object_get(object, "object_refs");
    enum kr_err err = KR_OK;
    for (void *at = json_object_iter(within); at != NULL && err == KR_OK; at = json_object_iter_next(within, at)) {
        const json_t *one = json_object_iter_value(at);
        reading->part = "/objects";
        err = is_observable(one) ? give_observable(reading, one) : KR_OK;
    }
    for (size_t i = 0; i < json_array_size(refs) && err == KR_OK; i++) {
        const uint32_t named = kr_stix_find(&reading->index, slice_of(json_string_value(json_array_get(refs, i))));
        if (named != KR_STIX_NONE && reading->index.entries[named].kind == KR_STIX_OBSERVABLE && visit_once(reading, named)) {
            err = give_entry(reading, named);
        }
    }
    return err;
}

/* ---- one object ---- */

/* Name and description, in one line. */
static void note_on(struct reading *reading, const json_t *object)
{
    const struct kr_stix_entry *entry = &reading->index.entries[reading->entry];
    const struct kr_slice name = kr_json_string_at(object, "name"), text = kr_json_string_at(object, "description"),
                          pattern = kr_json_string_at(object, "pattern");
    const bool is_in_pattern =
        name.len == 0 || (pattern.len > 0 && memmem(pattern.bytes, pattern.len, name.bytes, name.len) != NULL);
    const struct kr_slice shown = is_in_pattern ? (struct kr_slice){0} : name;
    char sightings[64] = "";
    if (entry->sightings > 0) {
        (void)snprintf(sightings, sizeof sightings, "%s(sighted %u times)", shown.len + text.len > 0 ? " " : "", entry->sightings);
    }
    const int room = (int)(sizeof reading->note - sizeof sightings);
    const int name_len = (int)(shown.len < 256 ? shown.len : 256);
    const int text_len = (int)(text.len < (size_t)(room - name_len - 2) ? text.len : (size_t)(room - name_len - 2));
    const int len = snprintf(reading->note, sizeof reading->note, "%.*s%s%.*s%s", name_len, (const char *)shown.bytes,
                             name_len > 0 && text_len > 0 ? ": " : "", text_len, (const char *)text.bytes, sightings);
    for (int i = 0; i < len; i++) {
        reading->note[i] =
            reading->note[i] == '\n' || reading->note[i] == '\r' || reading->note[i] == '\t' ? ' ' : reading->note[i];
    }
}

static enum kr_err read_date(struct reading *reading, const json_t *object, const char *key, uint64_t *ret_s)
{
    const struct kr_slice text = kr_json_string_at(object, key);
    char part[32];
    if (text.len == 0 || kr_import_date(text, 0, ret_s) == KR_OK) {
        return KR_OK;
    }
    (void)snprintf(part, sizeof part, "/%s", key);
    return kr_stix_skip(&reading->index, reading->entry, part, KR_IMPORT_REASON_BAD_DATE, true, text, "");
}

static enum kr_err describe(struct reading *reading, const json_t *object)
{
    const struct kr_stix_entry *entry = &reading->index.entries[reading->entry];
    const json_t *confidence = json_object_get(object, "confidence");
    const bool is_indicator = entry->kind == KR_STIX_INDICATOR;
    const json_int_t stated = json_is_integer(confidence) ? json_integer_value(confidence) : -1;
    note_on(reading, object);
    reading->part = "";
    reading->item = (struct kr_import_item){
        .confidence = stated >= 0 && stated <= 100 ? (uint32_t)stated : KR_CONFIDENCE_NONE,
        .action = is_indicator ? action_of(object) : KR_ACTION_NONE,
        .note = slice_of(reading->note),
        .state = entry->is_revoked ? KR_IMPORT_REVOKED : KR_IMPORT_LIVE,
    };
    uint64_t until_s = 0;
    enum kr_err err = read_date(reading, object, is_indicator ? "valid_from" : "first_observed", &reading->item.first_s);
    if (err == KR_OK) {
        err = read_date(reading, object, is_indicator ? "valid_until" : "last_observed", &until_s);
    }
    if (err == KR_OK && until_s > 0 && until_s < reading->item.first_s) {
        err = skip(reading, KR_IMPORT_REASON_BAD_DATE, (struct kr_slice){0}, "it ends before it begins");
        reading->item.first_s = until_s = 0;
    }
    if (!is_indicator) {
        reading->item.last_s = until_s; /* of an indicator nobody has seen it then */
    } else if (until_s > 0 && until_s <= reading->options->now_s && reading->item.state == KR_IMPORT_LIVE) {
        reading->item.state = KR_IMPORT_EXPIRED;
    }
    return err;
}

/* Of what is read a second time the sink was told then if it cannot be. */
static enum kr_err give_entry(struct reading *reading, uint32_t entry)
{
    json_t *object = NULL;
    enum kr_err err = tell_progress(reading);
    if (err == KR_OK) {
        err = kr_stix_load(&reading->index, entry, &object);
    }
    if (err != KR_OK) {
        return err == KR_INVALID ? KR_OK : err;
    }
    reading->entry = entry;
    err = describe(reading, object);
    if (err == KR_OK && reading->index.entries[entry].kind == KR_STIX_INDICATOR) {
        err = give_pattern(reading, object);
    } else if (err == KR_OK) {
        err = reading->index.entries[entry].kind == KR_STIX_OBSERVED ? give_observed(reading, object)
                                                                     : give_observable(reading, object);
    }
    json_decref(object);
    return err;
}

/* ---- reports ---- */

static enum kr_err tell(struct reading *reading, const struct kr_stix_group *telling, uint32_t entry)
{
    enum kr_err err = reading->sink->on_group(reading->sink->context, &telling->group);
    if (err == KR_OK && telling->left_out > 0) {
        char detail[96];
        (void)snprintf(detail, sizeof detail, "%u references more than a record holds", telling->left_out);
        err = kr_stix_skip(&reading->index, entry, "", KR_IMPORT_REASON_CUT, true, (struct kr_slice){0}, detail);
    }
    return err;
}

/* Calls `each` for what a report names, directly or through reports that it names. */
typedef enum kr_err visit_named(struct reading *reading, void *context, uint32_t entry);
static enum kr_err each_named(struct reading *reading, uint32_t report, uint32_t depth, bool tells, visit_named *each,
                              void *context)
{
    json_t *object = NULL;
    enum kr_err err = kr_stix_load(&reading->index, report, &object);
    if (err != KR_OK) {
        return err == KR_INVALID ? KR_OK : err;
    }
    const json_t *refs = json_object_get(object, "object_refs");
    for (size_t i = 0; i < json_array_size(refs) && err == KR_OK; i++) {
        const struct kr_slice id = slice_of(json_string_value(json_array_get(refs, i)));
        const uint32_t entry = kr_stix_find(&reading->index, id);
        if (entry == KR_STIX_NONE) {
            const bool matters = kr_stix_tlp_of_id(id) == KR_TLP_NONE;
            err = tells && matters ? kr_stix_skip(&reading->index, report, "/object_refs", KR_IMPORT_REASON_DANGLING, true, id, "")
                                   : KR_OK;
        } else if (visit_once(reading, entry)) {
            err = each(reading, context, entry);
            if (err == KR_OK && reading->index.entries[entry].kind == KR_STIX_REPORT && depth < NEST_MAX) {
                err = each_named(reading, entry, depth + 1, tells, each, context);
            }
        }
    }
    json_decref(object);
    return err;
}

static void forget_visits(struct reading *reading)
{
    memset(reading->visited, 0, reading->index.count / 8 + 1);
}

static bool is_item(const struct kr_stix_entry *entry)
{
    return entry->kind >= KR_STIX_INDICATOR && entry->kind <= KR_STIX_OBSERVED;
}

static enum kr_err weigh_named(struct reading *reading, void *context, uint32_t entry)
{
    struct kr_stix_group *telling = context;
    const enum kr_label label = (enum kr_label)reading->index.entries[entry].label;
    if (label > telling->group.label) {
        telling->group.label = label; /* whatever it is: its name or number may go with the group */
    }
    return kr_stix_group_from(&reading->index, telling, entry);
}

static enum kr_err give_named(struct reading *reading, void *context, uint32_t entry)
{
    (void)context;
    return is_item(&reading->index.entries[entry]) ? give_entry(reading, entry) : KR_OK;
}

static enum kr_err describe_report(struct reading *reading, struct kr_stix_group *telling, uint32_t entry, const json_t *object)
{
    char pointer[KR_STIX_POINTER_BYTES];
    struct kr_import_group *group = &telling->group;
    *group = (struct kr_import_group){
        .title = first_of(kr_json_string_at(object, "name"), kr_json_string_at(object, "title")),
        .text = kr_json_string_at(object, "description"),
        .language = kr_json_string_at(object, "lang"),
        .id = kr_json_string_at(object, "id"),
        .label = (enum kr_label)reading->index.entries[entry].label,
        .state = reading->index.entries[entry].is_revoked ? KR_IMPORT_REVOKED : KR_IMPORT_LIVE,
        .place = {.line = reading->index.entries[entry].extent.line,
                  .pointer = kr_stix_pointer(&reading->index, entry, "", pointer)},
    };
    kr_stix_group_urls(telling, object);
    forget_visits(reading);
    (void)visit_once(reading, entry);
    enum kr_err err = each_named(reading, entry, 0, false, weigh_named, telling);
    if (err == KR_OK) {
        err = kr_stix_group_origin(&reading->index, telling, object, reading->index.entries[entry].creator, reading->options);
    }
    if (err == KR_OK) {
        err = kr_stix_group_statements(&reading->index, telling, object);
    }
    return err == KR_OK ? tell(reading, telling, entry) : err;
}

static enum kr_err give_report(struct reading *reading, uint32_t entry)
{
    json_t *object = NULL;
    struct kr_stix_group *telling = calloc(1, sizeof *telling);
    enum kr_err err = telling == NULL ? KR_NOMEM : kr_stix_load(&reading->index, entry, &object);
    if (err == KR_OK) {
        err = describe_report(reading, telling, entry, object);
        json_decref(object);
        if (err == KR_OK && !reading->index.entries[entry].is_revoked) {
            forget_visits(reading);
            (void)visit_once(reading, entry);
            err = each_named(reading, entry, 0, true, give_named, NULL);
        }
        if (err == KR_OK) {
            err = reading->sink->on_end(reading->sink->context);
        }
    }
    free(telling);
    return err == KR_INVALID ? KR_OK : err;
}

/* ---- what no report names ---- */

static bool is_loose(const struct kr_stix_entry *entry)
{
    return is_item(entry) && !entry->is_named && !entry->is_superseded;
}

/* One group of its own. */
static enum kr_err give_single(struct reading *reading, uint32_t entry)
{
    char pointer[KR_STIX_POINTER_BYTES];
    json_t *object = NULL;
    const struct kr_stix_entry *of = &reading->index.entries[entry];
    struct kr_stix_group *telling = calloc(1, sizeof *telling);
    enum kr_err err = telling == NULL ? KR_NOMEM : kr_stix_load(&reading->index, entry, &object);
    if (err != KR_OK) {
        free(telling);
        return err == KR_INVALID ? KR_OK : err;
    }
    telling->group = (struct kr_import_group){
        .title = first_of(kr_json_string_at(object, "name"),
                          first_of(kr_json_string_at(object, "value"), kr_json_string_at(object, "id"))),
        .text = kr_json_string_at(object, "description"),
        .language = kr_json_string_at(object, "lang"),
        .id = kr_json_string_at(object, "id"),
        .state = of->is_revoked ? KR_IMPORT_REVOKED : KR_IMPORT_LIVE,
        .place = {.line = of->extent.line, .pointer = kr_stix_pointer(&reading->index, entry, "", pointer)},
    };
    kr_stix_group_urls(telling, object);
    telling->group.label = (enum kr_label)of->label;
    err = kr_stix_group_origin(&reading->index, telling, object, of->creator, reading->options);
    if (err == KR_OK) {
        err = kr_stix_group_statements(&reading->index, telling, object);
    }
    if (err == KR_OK) {
        err = tell(reading, telling, entry);
    }
    json_decref(object);
    free(telling);
    forget_visits(reading);
    if (err == KR_OK && !of->is_revoked && visit_once(reading, entry)) {
        err = give_entry(reading, entry);
    }
    return err == KR_OK ? reading->sink->on_end(reading->sink->context) : err;
}

/* The last kin takes in whoever finds no place in the table, with nobody named and the strictest label. */
static uint32_t kin_of(struct reading *reading, const struct kr_stix_entry *entry)
{
    uint32_t at = 0;
    while (at < reading->kin_count && (reading->kins[at].creator != entry->creator || reading->kins[at].label != entry->label)) {
        at++;
    }
    if (at == reading->kin_count && at < KINS_MAX) {
        reading->kins[reading->kin_count++] = (struct kin){.creator = entry->creator, .label = entry->label};
    }
    if (at >= KINS_MAX - 1) {
        struct kin *last = &reading->kins[KINS_MAX - 1];
        last->creator = KR_STIX_NONE;
        last->label = entry->label > last->label ? entry->label : last->label;
        at = KINS_MAX - 1;
    }
    return at;
}

static enum kr_err give_kin(struct reading *reading, uint32_t kin, const uint8_t *kin_of_entry)
{
    char id[KR_NAME_BYTES_MAX + 1], title[KR_TITLE_BYTES_MAX + 1];
    const char *bundle = reading->index.bundle_id;
    const enum kr_label label = (enum kr_label)reading->kins[kin].label;
    struct kr_stix_group *telling = calloc(1, sizeof *telling);
    if (telling == NULL) {
        return KR_NOMEM;
    }
    /* The same bundle's other labels are other groups. */
    (void)snprintf(id, sizeof id, "%s%s%s", bundle, bundle[0] != 0 && label != KR_TLP_NONE ? " " : "",
                   bundle[0] != 0 ? kr_label_name(label) : "");
    (void)snprintf(title, sizeof title, "STIX %s", bundle[0] != 0 ? bundle : reading->index.source->name);
    telling->group = (struct kr_import_group){.title = slice_of(title), .id = slice_of(id), .place = {.line = 1, .pointer = ""}};
    telling->group.label = label;
    enum kr_err err = kr_stix_group_origin(&reading->index, telling, NULL, reading->kins[kin].creator, reading->options);
    if (err == KR_OK) {
        err = reading->sink->on_group(reading->sink->context, &telling->group);
    }
    free(telling);
    forget_visits(reading);
    for (uint32_t i = 0; i < reading->index.count && err == KR_OK; i++) {
        if (is_loose(&reading->index.entries[i]) && kin_of_entry[i] == kin && visit_once(reading, i)) {
            err = give_entry(reading, i);
        }
    }
    return err == KR_OK ? reading->sink->on_end(reading->sink->context) : err;
}

static enum kr_err give_together(struct reading *reading)
{
    uint8_t *kins = calloc(1, reading->index.count + 1);
    enum kr_err err = kins == NULL ? KR_NOMEM : KR_OK;
    for (uint32_t i = 0; kins != NULL && i < reading->index.count; i++) {
        kins[i] = is_loose(&reading->index.entries[i]) ? (uint8_t)kin_of(reading, &reading->index.entries[i]) : 0;
    }
    for (uint32_t kin = 0; kin < reading->kin_count && err == KR_OK; kin++) {
        err = give_kin(reading, kin, kins);
    }
    free(kins);
    return err;
}

static enum kr_err give_loose(struct reading *reading)
{
    uint32_t loose = 0;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < reading->index.count; i++) {
        loose += is_loose(&reading->index.entries[i]);
    }
    if (loose > KR_IMPORT_LOOSE_MAX) {
        return give_together(reading);
    }
    for (uint32_t i = 0; i < reading->index.count && err == KR_OK; i++) {
        err = is_loose(&reading->index.entries[i]) ? give_single(reading, i) : KR_OK;
    }
    return err;
}

/* What is neither in a report nor an indicator: its kinds are counted, so that nobody wonders. */
static enum kr_err tell_rest(struct reading *reading)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < reading->index.count && err == KR_OK; i++) {
        const struct kr_stix_entry *entry = &reading->index.entries[i];
        const bool is_rest =
            !entry->is_superseded && !entry->is_named &&
            (entry->kind == KR_STIX_OTHER || entry->kind == KR_STIX_ATTACK_PATTERN || entry->kind == KR_STIX_RELATIONSHIP);
        if (is_rest) {
            err = kr_stix_skip(&reading->index, i, "", KR_IMPORT_REASON_NO_INDICATOR, false, (struct kr_slice){0}, "");
        }
    }
    return err;
}

enum kr_err kr_import_stix(const struct kr_import_source *source, const struct kr_import_options *options,
                           const struct kr_import_sink *sink, struct kr_error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return KR_NOMEM;
    }
    reading->options = options;
    reading->sink = sink;
    enum kr_err err = kr_stix_index_open(&reading->index, source, sink, error);
    if (err == KR_OK) {
        reading->visited = calloc(1, reading->index.count / 8 + 1);
        err = reading->visited == NULL ? KR_NOMEM : KR_OK;
    }
    for (uint32_t i = 0; err == KR_OK && i < reading->index.count; i++) {
        const struct kr_stix_entry *entry = &reading->index.entries[i];
        err = entry->kind == KR_STIX_REPORT && !entry->is_superseded ? give_report(reading, i) : KR_OK;
    }
    if (err == KR_OK) {
        err = give_loose(reading);
    }
    if (err == KR_OK) {
        err = tell_rest(reading);
    }
    if (err == KR_OK) {
        err = sink->on_progress(sink->context, source->bytes);
    }
    free(reading->visited);
    kr_stix_index_close(&reading->index);
    free(reading);
    return err;
}
