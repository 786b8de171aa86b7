/* MISP events for import: one event, an array of them, or what a server answers. Each is gone through three times: what it is, how
 * strict its attributes are and what they refer to, and then the attributes themselves, one in memory at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/formats/json_pull.h"
#include "tools/formats/misp_types.h"

#define NEST_MAX      4u /* {"response": [{"Event": … */
#define POINTER_BYTES 192u
#define EVENT_BYTES   96u /* of a pointer, an event's part of it */
#define TERMS_BYTES   1024u

struct reading {
    const struct kr_import_source *source;
    const struct kr_import_options *options;
    const struct kr_import_sink *sink;
    struct kr_error *error;
    struct kr_json_pull *pull;
    uint32_t events;
    uint64_t progress_bytes;
    char pointer[EVENT_BYTES]; /* of the event */
};

/* What an event says of itself, and what its attributes add. */
struct event {
    json_t *fields; /* the small ones */
    bool has_attributes, has_objects;
    struct kr_json_mark begin, attributes, objects;
    struct kr_import_group group;
    char *text; /* of its attributes; owned */
    char terms[TERMS_BYTES];
    char references[KR_REFERENCES_MAX][512];
    char attack_ids[KR_REFERENCES_MAX][16];
    uint32_t confidence;
};

/* One attribute, and where it is. */
struct attribute {
    const json_t *json;
    uint64_t line;
    bool is_deleted; /* or the object that it is in */
    char pointer[POINTER_BYTES];
};

static struct kr_slice slice_of(const char *text)
{
    return text == NULL ? (struct kr_slice){0} : (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static enum kr_err skip_at(const struct reading *reading, uint64_t line, const char *pointer, enum kr_import_reason reason,
                           bool is_kept, struct kr_slice what, const char *detail)
{
    const struct kr_import_skip skip = {
        .reason = reason, .is_kept = is_kept, .what = what, .detail = detail, .place = {.line = line, .pointer = pointer}};
    return reading->sink->on_skip(reading->sink->context, &skip);
}

/* MISP writes truths and numbers as texts in places. */
static bool is_true(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_true(value) || kr_json_is(object, key, "1") || (json_is_integer(value) && json_integer_value(value) != 0);
}

/* ---- tags ---- */

/* …="Spearphishing Link - T1566.002" */
static void take_attack(struct event *event, struct kr_slice tag)
{
    struct kr_import_group *group = &event->group;
    size_t at = tag.len;
    while (at > 0 && tag.bytes[at - 1] != 'T') {
        at--;
    }
    size_t end = at;
    while (end < tag.len && ((tag.bytes[end] >= '0' && tag.bytes[end] <= '9') || tag.bytes[end] == '.')) {
        end++;
    }
    if (at > 0 && end - at >= 4 && end - at <= 8 && group->attack_id_count < KR_REFERENCES_MAX) {
        char *id = event->attack_ids[group->attack_id_count];
        (void)snprintf(id, sizeof event->attack_ids[0], "T%.*s", (int)(end - at), (const char *)tag.bytes + at);
        group->attack_ids[group->attack_id_count++] = slice_of(id);
    }
}

static void add_terms(struct event *event, struct kr_slice terms)
{
    const size_t len = strlen(event->terms);
    if (terms.len > 0 && terms.len < 256) {
        (void)snprintf(event->terms + len, sizeof event->terms - len, "%s%.*s", len > 0 ? ", " : "", (int)terms.len,
                       (const char *)terms.bytes);
    }
}

static bool begins(struct kr_slice text, const char *with)
{
    return text.len > strlen(with) && strncasecmp((const char *)text.bytes, with, strlen(with)) == 0;
}

/* The MISP taxonomy's five words. */
static uint32_t confidence_of(struct kr_slice tag)
{
    static const struct {
        const char *word;
        uint32_t confidence;
    } words[] = {{"completely-confident", 100},
                 {"usually-confident", 75},
                 {"fairly-confident", 50},
                 {"rarely-confident", 25},
                 {"unconfident", 0}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const size_t len = strlen(words[i].word);
        if (memmem(tag.bytes, tag.len, words[i].word, len) != NULL) {
            return words[i].confidence;
        }
    }
    return KR_CONFIDENCE_NONE;
}

static void take_label(struct event *event, struct kr_slice tag)
{
    enum kr_label label = KR_TLP_NONE;
    if (!begins(tag, "tlp:")) {
        return;
    }
    if (kr_label_parse((const char *)tag.bytes, tag.len, &label) != KR_OK) {
        label = KR_TLP_RED; /* whatever it means, it is not for everybody */
    }
    event->group.label = label > event->group.label ? label : event->group.label;
}

static struct kr_slice tag_at(const json_t *tags, size_t i)
{
    return kr_json_string_at(json_array_get(tags, i), "name");
}

static void take_tags(struct event *event, const json_t *tags)
{
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const struct kr_slice tag = tag_at(tags, i);
        take_label(event, tag);
        if (begins(tag, "PAP:")) {
            add_terms(event, tag);
        } else if (begins(tag, "misp-galaxy:mitre-attack-pattern=")) {
            take_attack(event, tag);
        } else if (begins(tag, "misp:confidence-level=")) {
            event->confidence = confidence_of(tag);
        }
    }
}

/* ---- attributes ---- */

typedef enum kr_err visit_attribute(struct reading *reading, struct event *event, const struct attribute *attribute);

static enum kr_err visit_object(struct reading *reading, struct event *event, const struct attribute *object,
                                visit_attribute *visit)
{
    const json_t *attributes = json_object_get(object->json, "Attribute");
    struct attribute attribute = {.line = object->line};
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < json_array_size(attributes) && err == KR_OK; i++) {
        attribute.json = json_array_get(attributes, i);
        attribute.is_deleted = object->is_deleted || is_true(attribute.json, "deleted");
        (void)snprintf(attribute.pointer, sizeof attribute.pointer, "%.128s/Attribute/%zu", object->pointer, i);
        err = visit(reading, event, &attribute);
    }
    return err;
}

/* Loads one value of an array; `*ret_json` is NULL where it cannot be, and the sink was told if `tells`. */
static enum kr_err load_one(struct reading *reading, const char *pointer, bool tells, uint64_t *ret_line, json_t **ret_json)
{
    struct kr_json_extent extent;
    struct kr_error why = {.text = ""};
    *ret_json = NULL;
    enum kr_err err = kr_json_value(reading->pull, &extent);
    if (err != KR_OK) {
        return err;
    }
    *ret_line = extent.line;
    err = kr_json_load(reading->pull, &extent, ret_json, &why);
    if (err == KR_OK && !json_is_object(*ret_json)) {
        json_decref(*ret_json);
        *ret_json = NULL;
        err = kr_fail(&why, KR_INVALID, "an object is expected here");
    }
    if (err == KR_IO) {
        return kr_fail(reading->error, err, "%s", why.text);
    }
    if (err == KR_OK || err == KR_NOMEM || !tells) {
        return err == KR_NOMEM ? err : KR_OK;
    }
    return skip_at(reading, extent.line, pointer, err == KR_BOUNDS ? KR_IMPORT_REASON_TOO_LARGE : KR_IMPORT_REASON_MALFORMED, false,
                   (struct kr_slice){0}, why.text);
}

static enum kr_err visit_array(struct reading *reading, struct event *event, bool of_objects, bool tells, visit_attribute *visit)
{
    struct kr_json_in in;
    struct attribute one;
    bool has = true;
    kr_json_go(reading->pull, of_objects ? event->objects : event->attributes);
    enum kr_err err = kr_json_enter(reading->pull, '[', &in);
    for (uint32_t i = 0; err == KR_OK; i++) {
        json_t *json = NULL;
        err = kr_json_next(reading->pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        (void)snprintf(one.pointer, sizeof one.pointer, "%s/%s/%u", reading->pointer, of_objects ? "Object" : "Attribute", i);
        err = load_one(reading, one.pointer, tells, &one.line, &json);
        if (err == KR_OK && json != NULL) {
            one.json = json;
            one.is_deleted = is_true(json, "deleted");
            err = of_objects ? visit_object(reading, event, &one, visit) : visit(reading, event, &one);
        }
        json_decref(json);
    }
    return err;
}

static enum kr_err visit_all(struct reading *reading, struct event *event, bool tells, visit_attribute *visit)
{
    enum kr_err err = event->has_attributes ? visit_array(reading, event, false, tells, visit) : KR_OK;
    return err == KR_OK && event->has_objects ? visit_array(reading, event, true, tells, visit) : err;
}

/* ---- before the attributes are given: how strict they are, what they refer to ---- */

static enum kr_err weigh(struct reading *reading, struct event *event, const struct attribute *attribute)
{
    const json_t *json = attribute->json, *tags = json_object_get(json, "Tag");
    const struct kr_slice value = kr_json_string_at(json, "value"), type = kr_json_string_at(json, "type");
    struct kr_import_group *group = &event->group;
    (void)reading;
    for (size_t i = 0; i < json_array_size(tags); i++) {
        take_label(event, tag_at(tags, i));
    }
    if (attribute->is_deleted || is_true(json, "to_ids")) {
        return KR_OK;
    }
    if (type.len == 4 && memcmp(type.bytes, "link", 4) == 0 && group->reference_count < KR_REFERENCES_MAX) {
        char *reference = event->references[group->reference_count];
        (void)snprintf(reference, sizeof event->references[0], "%.*s", (int)(value.len < 511 ? value.len : 511),
                       (const char *)value.bytes);
        group->references[group->reference_count++] = slice_of(reference);
    }
    const bool is_text = type.len == 7 && memcmp(type.bytes, "comment", 7) == 0;
    if (is_text && event->text == NULL && value.len > 0) {
        event->text = strndup((const char *)value.bytes, value.len);
        return event->text == NULL ? KR_NOMEM : KR_OK;
    }
    return KR_OK;
}

/* ---- giving them ---- */

struct giving {
    const struct reading *reading;
    const struct attribute *attribute;
    struct kr_import_item item;
};

/* The comment, with what else is known of the value before it. */
static void note_on(const json_t *json, struct kr_slice more, char ret_note[static KR_NOTE_BYTES_MAX + 1])
{
    const struct kr_slice comment = kr_json_string_at(json, "comment");
    const int more_len = (int)(more.len < 512 ? more.len : 512), room = KR_NOTE_BYTES_MAX - more_len - 2;
    const int len = snprintf(ret_note, KR_NOTE_BYTES_MAX + 1, "%.*s%s%.*s", more_len, (const char *)more.bytes,
                             more_len > 0 && comment.len > 0 ? ": " : "",
                             (int)(comment.len < (size_t)room ? comment.len : (size_t)room), (const char *)comment.bytes);
    for (int i = 0; i < len; i++) {
        ret_note[i] = ret_note[i] == '\n' || ret_note[i] == '\r' || ret_note[i] == '\t' ? ' ' : ret_note[i];
    }
}

static enum kr_err give(struct giving *giving, uint32_t type, struct kr_slice text, struct kr_slice more)
{
    char note[KR_NOTE_BYTES_MAX + 1];
    struct kr_import_item item = giving->item;
    note_on(giving->attribute->json, more, note);
    item.type = type;
    item.note = slice_of(note);
    item.action = is_true(giving->attribute->json, "to_ids") ? KR_IMPORT_ACTION_FIT : KR_ACTION_NONE;
    return kr_import_value(giving->reading->sink, &item, text);
}

static enum kr_err give_other(struct giving *giving, struct kr_slice type, struct kr_slice value)
{
    char note[KR_NOTE_BYTES_MAX + 1];
    struct kr_import_item item = giving->item;
    note_on(giving->attribute->json, type, note);
    item.note = slice_of(note);
    item.action = is_true(giving->attribute->json, "to_ids") ? KR_IMPORT_ACTION_FIT : KR_ACTION_NONE;
    return kr_import_pattern(giving->reading->sink, &item, value);
}

static enum kr_err give_with_port(struct giving *giving, struct kr_slice address, struct kr_slice port)
{
    char text[128];
    const bool is_v6 = address.len > 0 && memchr(address.bytes, ':', address.len) != NULL;
    if (address.len > 64 || port.len > 8 || port.len == 0) {
        return give(giving, KR_INDICATOR_ANY, address, (struct kr_slice){0});
    }
    (void)snprintf(text, sizeof text, "%s%.*s%s:%.*s", is_v6 ? "[" : "", (int)address.len, (const char *)address.bytes,
                   is_v6 ? "]" : "", (int)port.len, (const char *)port.bytes);
    return give(giving, KR_INDICATOR_ANY, slice_of(text), (struct kr_slice){0});
}

static enum kr_err give_composite(struct giving *giving, const struct kr_misp_type *type, struct kr_slice value)
{
    const uint8_t *bar = value.len > 0 ? memchr(value.bytes, '|', value.len) : NULL;
    const struct kr_slice none = {0}, first = {value.bytes, bar != NULL ? (size_t)(bar - value.bytes) : value.len};
    const struct kr_slice second = bar != NULL ? (struct kr_slice){bar + 1, value.len - first.len - 1} : none;
    if (type->sort == KR_MISP_PORT) {
        return give_with_port(giving, first, second);
    }
    enum kr_err err = give(giving, type->type, first, type->sort == KR_MISP_NOTED ? second : none);
    if (err == KR_OK && (type->sort == KR_MISP_PAIR || type->sort == KR_MISP_NAMED)) {
        err = give(giving, type->second, second, type->sort == KR_MISP_NAMED ? first : none);
    }
    return err;
}

static enum kr_err skip(const struct giving *giving, enum kr_import_reason reason, bool is_kept, struct kr_slice what,
                        const char *detail)
{
    return skip_at(giving->reading, giving->attribute->line, giving->attribute->pointer, reason, is_kept, what, detail);
}

static enum kr_err give_of_type(struct giving *giving, struct kr_slice name, struct kr_slice value)
{
    struct kr_misp_type type;
    const bool is_known = kr_misp_type(name, &type);
    const bool is_for_detection = is_true(giving->attribute->json, "to_ids");
    switch (type.sort) {
    case KR_MISP_VICTIM:
        return skip(giving, KR_IMPORT_REASON_NO_INDICATOR, false, name, "who was hit: it is not passed on");
    case KR_MISP_LINK:
    case KR_MISP_WORDS:
        if (!is_for_detection) {
            return skip(giving, KR_IMPORT_REASON_NO_INDICATOR, false, name, "");
        }
        return type.type == KR_INDICATOR_OTHER ? give_other(giving, name, value)
                                               : give(giving, type.type, value, (struct kr_slice){0});
    case KR_MISP_VALUE:
        if (!is_known) {
            const enum kr_err err = skip(giving, KR_IMPORT_REASON_UNKNOWN_TYPE, true, name, "");
            return err == KR_OK ? give_other(giving, name, value) : err;
        }
        return type.type == KR_INDICATOR_OTHER ? give_other(giving, name, value)
                                               : give(giving, type.type, value, (struct kr_slice){0});
    default:
        return give_composite(giving, &type, value);
    }
}

static enum kr_err read_date(const struct giving *giving, const char *key, uint64_t *ret_s)
{
    const struct kr_slice text = kr_json_string_at(giving->attribute->json, key);
    if (text.len == 0 || kr_import_date(text, 0, ret_s) == KR_OK) {
        return KR_OK;
    }
    return skip(giving, KR_IMPORT_REASON_BAD_DATE, true, text, "");
}

/* Objects may stand before attributes, which are given first. */
static enum kr_err tell_progress(struct reading *reading)
{
    const uint64_t offset = kr_json_mark(reading->pull).offset;
    reading->progress_bytes = offset > reading->progress_bytes ? offset : reading->progress_bytes;
    return reading->sink->on_progress(reading->sink->context, reading->progress_bytes);
}

static enum kr_err give_attribute(struct reading *reading, struct event *event, const struct attribute *attribute)
{
    struct giving giving = {
        .reading = reading,
        .attribute = attribute,
        .item = {.confidence = event->confidence,
                 .state = attribute->is_deleted ? KR_IMPORT_DELETED : KR_IMPORT_LIVE,
                 .place = {.line = attribute->line, .pointer = attribute->pointer}},
    };
    const struct kr_slice type = kr_json_string_at(attribute->json, "type"), value = kr_json_string_at(attribute->json, "value");
    const json_t *tags = json_object_get(attribute->json, "Tag");
    enum kr_err err = tell_progress(reading);
    if (err != KR_OK) {
        return err;
    }
    if (!json_is_object(attribute->json) || type.len == 0) {
        return skip(&giving, KR_IMPORT_REASON_MALFORMED, false, type, "an attribute without a type");
    }
    for (size_t i = 0; i < json_array_size(tags); i++) {
        if (begins(tag_at(tags, i), "misp:confidence-level=")) {
            giving.item.confidence = confidence_of(tag_at(tags, i));
        }
    }
    err = read_date(&giving, "first_seen", &giving.item.first_s);
    if (err == KR_OK) {
        err = read_date(&giving, "last_seen", &giving.item.last_s);
    }
    if (giving.item.last_s != 0 && giving.item.last_s < giving.item.first_s) {
        giving.item.first_s = giving.item.last_s = 0;
    }
    return err == KR_OK ? give_of_type(&giving, type, value) : err;
}

/* ---- events ---- */

/* 1 high, 2 medium, 3 low, 4 undefined; as number or text. */
static uint32_t severity_of(const json_t *fields)
{
    const json_t *level = json_object_get(fields, "threat_level_id");
    const char *text = json_string_value(level);
    const json_int_t number = json_is_integer(level) ? json_integer_value(level) : text != NULL ? text[0] - '0' : 4;
    return number >= 1 && number <= 3 ? (uint32_t)(4 - number) : 0;
}

static void describe(struct reading *reading, struct event *event, uint64_t line)
{
    const json_t *creator = json_object_get(event->fields, "Orgc");
    struct kr_import_group *group = &event->group;
    creator = creator != NULL ? creator : json_object_get(event->fields, "Org");
    group->title = kr_json_string_at(event->fields, "info");
    group->id = kr_json_string_at(event->fields, "uuid");
    group->organisation = kr_json_string_at(creator, "name");
    if (group->organisation.len == 0) {
        group->organisation = slice_of(reading->options->organisation);
    }
    group->severity = severity_of(event->fields);
    group->state = is_true(event->fields, "deleted") ? KR_IMPORT_DELETED : KR_IMPORT_LIVE;
    group->place = (struct kr_import_place){.line = line, .pointer = reading->pointer};
    take_tags(event, json_object_get(event->fields, "Tag"));
}

static enum kr_err give_event(struct reading *reading, struct event *event, uint64_t line)
{
    char label[32];
    describe(reading, event, line);
    enum kr_err err = visit_all(reading, event, true, weigh);
    (void)snprintf(label, sizeof label, "%s", kr_label_name(event->group.label));
    add_terms(event, slice_of(label));
    add_terms(event, slice_of(reading->options->terms));
    event->group.terms = slice_of(event->terms);
    event->group.text = slice_of(event->text);
    if (err == KR_OK) {
        err = reading->sink->on_group(reading->sink->context, &event->group);
    }
    if (err == KR_OK && event->group.state == KR_IMPORT_LIVE) {
        err = visit_all(reading, event, false, give_attribute);
    }
    return err == KR_OK ? reading->sink->on_end(reading->sink->context) : err;
}

static bool is_small(const char *key)
{
    static const char *const keys[] = {"uuid", "info", "date", "threat_level_id", "Orgc", "Org", "Tag", "deleted"};
    bool is = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && !is; i++) {
        is = strcmp(key, keys[i]) == 0;
    }
    return is;
}

static enum kr_err take_field(struct reading *reading, struct event *event, const char *key)
{
    struct kr_json_extent extent;
    struct kr_error why = {.text = ""};
    json_t *value = NULL;
    enum kr_err err = kr_json_value(reading->pull, &extent);
    if (err != KR_OK || !is_small(key)) {
        return err;
    }
    err = kr_json_load(reading->pull, &extent, &value, &why);
    if (err == KR_OK) {
        return json_object_set_new(event->fields, key, value) == 0 ? KR_OK : KR_NOMEM;
    }
    if (err == KR_IO || err == KR_NOMEM) {
        return err == KR_IO ? kr_fail(reading->error, err, "%s", why.text) : err;
    }
    if (strcmp(key, "Tag") == 0) {
        event->group.label = KR_TLP_RED; /* a label may have been among them */
    }
    return skip_at(reading, extent.line, reading->pointer, KR_IMPORT_REASON_MALFORMED, true, slice_of(key), why.text);
}

static enum kr_err look_at(struct reading *reading, struct event *event)
{
    char key[KR_JSON_KEY_BYTES_MAX + 1];
    struct kr_json_in in;
    bool has = true;
    enum kr_err err = kr_json_enter(reading->pull, '{', &in);
    while (err == KR_OK) {
        uint8_t first = 0;
        err = kr_json_next(reading->pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        err = kr_json_key(reading->pull, key, sizeof key);
        if (err == KR_OK) {
            err = kr_json_peek(reading->pull, &first);
        }
        const bool is_double =
            err == KR_OK && first == '[' &&
            ((event->has_attributes && strcmp(key, "Attribute") == 0) || (event->has_objects && strcmp(key, "Object") == 0));
        if (is_double) {
            err = skip_at(reading, kr_json_mark(reading->pull).line, reading->pointer, KR_IMPORT_REASON_MALFORMED, false,
                          slice_of(key), "it stands there twice: the second is left out");
        } else if (err == KR_OK && first == '[' && strcmp(key, "Attribute") == 0) {
            event->has_attributes = true;
            event->attributes = kr_json_mark(reading->pull);
        } else if (err == KR_OK && first == '[' && strcmp(key, "Object") == 0) {
            event->has_objects = true;
            event->objects = kr_json_mark(reading->pull);
        }
        if (err == KR_OK) {
            err = take_field(reading, event, key);
        }
    }
    return err;
}

static enum kr_err read_event(struct reading *reading)
{
    struct event *event = calloc(1, sizeof *event);
    if (event == NULL) {
        return KR_NOMEM;
    }
    event->confidence = KR_CONFIDENCE_NONE;
    event->fields = json_object();
    uint8_t first;
    enum kr_err err = event->fields == NULL ? KR_NOMEM : kr_json_peek(reading->pull, &first);
    event->begin = kr_json_mark(reading->pull);
    if (err == KR_OK) {
        err = look_at(reading, event);
    }
    const struct kr_json_mark end = kr_json_mark(reading->pull);
    if (err == KR_OK) {
        reading->events++;
        err = give_event(reading, event, event->begin.line);
    }
    kr_json_go(reading->pull, end);
    json_decref(event->fields);
    free(event->text);
    free(event);
    return err;
}

/* ---- where the events are ---- */

static enum kr_err find_events(struct reading *reading, uint32_t depth);

static enum kr_err find_in(struct reading *reading, uint32_t depth, const char *step)
{
    const size_t len = strlen(reading->pointer);
    (void)snprintf(reading->pointer + len, sizeof reading->pointer - len, "/%s", step);
    enum kr_err err = find_events(reading, depth + 1);
    reading->pointer[len] = 0;
    return err;
}

static enum kr_err pass_over(struct reading *reading)
{
    struct kr_json_extent extent;
    return kr_json_value(reading->pull, &extent);
}

static enum kr_err find_in_array(struct reading *reading, uint32_t depth)
{
    struct kr_json_in in;
    char step[16];
    bool has = true;
    enum kr_err err = kr_json_enter(reading->pull, '[', &in);
    for (uint32_t i = 0; err == KR_OK; i++) {
        err = kr_json_next(reading->pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        (void)snprintf(step, sizeof step, "%u", i);
        err = find_in(reading, depth, step);
    }
    return err;
}

static bool is_of_event(const char *key)
{
    return strcmp(key, "info") == 0 || strcmp(key, "Attribute") == 0 || strcmp(key, "Object") == 0;
}

static enum kr_err find_in_object(struct reading *reading, uint32_t depth)
{
    char key[KR_JSON_KEY_BYTES_MAX + 1];
    struct kr_json_in in;
    bool has = true, is_event = false, has_wrapped = false;
    const struct kr_json_mark begin = kr_json_mark(reading->pull);
    enum kr_err err = kr_json_enter(reading->pull, '{', &in);
    while (err == KR_OK) {
        err = kr_json_next(reading->pull, &in, &has);
        if (err != KR_OK || !has) {
            break;
        }
        err = kr_json_key(reading->pull, key, sizeof key);
        const bool is_wrapper = err == KR_OK && (strcmp(key, "Event") == 0 || strcmp(key, "response") == 0);
        is_event = is_event || (err == KR_OK && is_of_event(key));
        has_wrapped = has_wrapped || is_wrapper;
        if (err == KR_OK) {
            err = is_wrapper ? find_in(reading, depth, key) : pass_over(reading);
        }
    }
    if (err != KR_OK || has_wrapped || !is_event) {
        return err;
    }
    kr_json_go(reading->pull, begin);
    return read_event(reading);
}

/* An event, or something that has some in it. */
static enum kr_err find_events(struct reading *reading, uint32_t depth)
{
    uint8_t first;
    enum kr_err err = kr_json_peek(reading->pull, &first);
    if (err != KR_OK || depth > NEST_MAX || (first != '{' && first != '[')) {
        return err == KR_OK ? pass_over(reading) : err;
    }
    return first == '[' ? find_in_array(reading, depth) : find_in_object(reading, depth);
}

enum kr_err kr_import_misp(const struct kr_import_source *source, const struct kr_import_options *options,
                           const struct kr_import_sink *sink, struct kr_error *error)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        return KR_NOMEM;
    }
    reading->source = source;
    reading->options = options;
    reading->sink = sink;
    reading->error = error;
    enum kr_err err = kr_json_pull_new(source, error, &reading->pull);
    if (err == KR_OK) {
        err = find_events(reading, 0);
    }
    if (err == KR_OK && reading->events == 0) {
        err = kr_fail(error, KR_MALFORMED, "%.300s: there is no MISP event in it", source->name);
    }
    if (err == KR_OK) {
        err = sink->on_progress(sink->context, source->bytes);
    }
    kr_json_pull_free(reading->pull);
    free(reading);
    return err;
}
