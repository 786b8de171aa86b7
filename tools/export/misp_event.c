#include <glib.h>
#include <string.h>

#include "tools/export/misp.h"

#define SECONDS_TEXT_BYTES 24

/* ---- attributes ---- */

static const struct {
    const char *type, *category;
    bool is_detectable; /* something that a detection looks for as it stands */
} kinds[] = {
    [KR_INDICATOR_IPV4] = {"ip-dst", "Network activity", true},
    [KR_INDICATOR_IPV6] = {"ip-dst", "Network activity", true},
    [KR_INDICATOR_DOMAIN] = {"domain", "Network activity", true},
    [KR_INDICATOR_URL] = {"url", "Network activity", true},
    [KR_INDICATOR_EMAIL] = {"email-src", "Payload delivery", true},
    [KR_INDICATOR_MD5] = {"md5", "Payload delivery", true},
    [KR_INDICATOR_SHA1] = {"sha1", "Payload delivery", true},
    [KR_INDICATOR_SHA256] = {"sha256", "Payload delivery", true},
    [KR_INDICATOR_SHA512] = {"sha512", "Payload delivery", true},
    [KR_INDICATOR_IMPHASH] = {"imphash", "Payload delivery", true},
    [KR_INDICATOR_FILENAME] = {"filename", "Payload delivery", false},
    [KR_INDICATOR_REGISTRY_KEY] = {"regkey", "Persistence mechanism", true},
    [KR_INDICATOR_MUTEX] = {"mutex", "Artifacts dropped", true},
    [KR_INDICATOR_USER_AGENT] = {"user-agent", "Network activity", false},
    [KR_INDICATOR_JA3] = {"ja3-fingerprint-md5", "Network activity", true},
    [KR_INDICATOR_ASN] = {"AS", "Network activity", false},
    [KR_INDICATOR_CVE] = {"vulnerability", "External analysis", false},
    [KR_INDICATOR_YARA] = {"yara", "Payload delivery", true},
    [KR_INDICATOR_SIGMA] = {"sigma", "Payload delivery", true},
    [KR_INDICATOR_OTHER] = {"other", "Other", false},
};

/* What nobody said an action of is fit for detection where one of us wrote it; an origin elsewhere would have said so. */
static bool is_for_detection(const struct kr_mention *mention)
{
    return mention->indicator.action != KR_ACTION_NONE ||
           (kr_gathered_is_ours(mention->record) && kinds[mention->indicator.type].is_detectable);
}

static void seconds_text(uint64_t unix_s, char ret[static SECONDS_TEXT_BYTES])
{
    (void)snprintf(ret, SECONDS_TEXT_BYTES, "%llu", (unsigned long long)unix_s);
}

static void add_seen(json_t *attribute, const char *name, uint64_t unix_s)
{
    char text[KR_TIME_TEXT_BYTES];
    if (unix_s != 0 && unix_s < KR_CREATED_MS_MAX / 1000) {
        kr_time_text(unix_s, text);
        (void)json_object_set_new(attribute, name, json_string(text));
    }
}

static json_t *attribute_json(const struct kr_mention *mention)
{
    const struct kr_entry entry = {.type = mention->indicator.type, .value = mention->indicator.value};
    char text[KR_INDICATOR_PRINT_BYTES_MAX], address[KR_ADDRESS_TEXT_BYTES], uuid[KR_UUID_TEXT_BYTES], time[SECONDS_TEXT_BYTES];
    const char *type = kinds[entry.type].type;
    if (!kr_entry_text(&entry, text)) {
        return NULL;
    }
    bool is_address = entry.type == KR_INDICATOR_IPV4 || entry.type == KR_INDICATOR_IPV6;
    if (is_address && kr_address_port(&entry) != 0) {
        kr_address_text(&entry, address);
        (void)snprintf(text, sizeof text, "%s|%u", address, kr_address_port(&entry));
        type = "ip-dst|port";
    }
    kr_mention_uuid(mention, uuid);
    seconds_text(mention->record->summary.created_ms / 1000, time);
    json_t *attribute =
        json_pack("{s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:o, s:b, s:b}", "uuid", uuid, "type", type, "category",
                  kinds[entry.type].category, "value", kr_text_json(text, strlen(text)), "to_ids", is_for_detection(mention),
                  "timestamp", time, "distribution", "0", "comment",
                  kr_text_json(mention->indicator.note.bytes, mention->indicator.note.len), "deleted", 0, "disable_correlation", 0);
    add_seen(attribute, "first_seen", mention->indicator.first_s);
    add_seen(attribute, "last_seen", mention->indicator.last_s);
    return attribute;
}

/* ---- events ---- */

static json_t *tags_json(const struct kr_gathered_record *record)
{
    static const struct {
        const char *name, *colour;
    } tlp[] = {[KR_TLP_CLEAR] = {"tlp:clear", "#ffffff"},
               [KR_TLP_GREEN] = {"tlp:green", "#339900"},
               [KR_TLP_AMBER] = {"tlp:amber", "#ffc000"},
               [KR_TLP_AMBER_STRICT] = {"tlp:amber+strict", "#ffc000"}};
    static const char *const pap[] = {NULL, "PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"};
    json_t *tags = json_pack("[{s:s, s:s}]", "name", tlp[record->label].name, "colour", tlp[record->label].colour);
    if (record->pap != KR_PAP_NONE) {
        (void)json_array_append_new(tags, json_pack("{s:s, s:s}", "name", pap[record->pap], "colour", "#888888"));
    }
    return tags;
}

static const char *threat_level(uint32_t severity)
{
    static const char *const levels[] = {"4", "3", "2", "1", "1"}; /* 1 high … 3 low, 4 undefined */
    return severity <= KR_SEVERITY_MAX ? levels[severity] : "4";
}

static json_t *info_json(const struct kr_rendering *rendering, const struct kr_gathered_record *record)
{
    json_t *title = record->title.len > 0 ? kr_text_json(record->title.bytes, record->title.len) : json_string("Kairan");
    if (!rendering->is_exercise) {
        return title;
    }
    json_t *info = json_pack("s++", KR_EXERCISE_MARK, title == NULL ? "" : json_string_value(title), "");
    json_decref(title);
    return info;
}

/* Who made it: the organisation that it was imported from, so that it stays of there for those who import it from us. */
static void name_creator(const struct kr_gathered_record *record, struct kr_slice *ret_name,
                         char ret_uuid[static KR_UUID_TEXT_BYTES])
{
    const struct kr_slice origin = record->origin_organisation;
    if (origin.len > 0) {
        *ret_name = origin;
        kr_export_uuid("organisation", origin.bytes, origin.len, ret_uuid);
    } else {
        *ret_name = record->summary.author_name;
        kr_export_uuid("council", record->summary.author, 32, ret_uuid);
    }
}

json_t *kr_misp_event(const struct kr_rendering *rendering, const struct kr_mention *const *mentions, size_t count)
{
    const struct kr_gathered_record *record = mentions[0]->record;
    struct kr_slice creator;
    char uuid[KR_UUID_TEXT_BYTES], organisation[KR_UUID_TEXT_BYTES], time[SECONDS_TEXT_BYTES], date[KR_TIME_TEXT_BYTES];
    json_t *attributes = json_array();
    kr_export_uuid("record", record->id, 32, uuid);
    name_creator(record, &creator, organisation);
    seconds_text(record->summary.created_ms / 1000, time);
    kr_time_text(record->summary.created_ms / 1000, date);
    date[10] = 0; /* the day alone */
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(attributes, attribute_json(mentions[i]));
    }
    if (json_array_size(attributes) != count) {
        json_decref(attributes);
        return NULL;
    }
    return json_pack("{s:{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:{s:o, s:s}, s:o, s:o, s:[]}}", "Event", "uuid", uuid,
                     "info", info_json(rendering, record), "date", date, "threat_level_id", threat_level(record->severity),
                     "analysis", "2", "timestamp", time, "publish_timestamp", time, "published", 1, "distribution", "0", "Orgc",
                     "name", kr_text_json(creator.bytes, creator.len), "uuid", organisation, "Tag", tags_json(record), "Attribute",
                     attributes, "Object");
}

/* ---- what stood there before ---- */

static uint64_t time_of(const json_t *object)
{
    const char *text = json_string_value(json_object_get(object, "timestamp"));
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

static void set_time(json_t *object, const char *key, uint64_t time_s)
{
    char text[SECONDS_TEXT_BYTES];
    seconds_text(time_s, text);
    (void)json_object_set_new(object, key, json_string(text));
}

/* Whether both say the same but for their times. */
static bool is_same(json_t *fresh, json_t *old)
{
    bool is_same_time = time_of(fresh) == time_of(old);
    uint64_t fresh_s = time_of(fresh);
    if (is_same_time) {
        return json_equal(fresh, old) == 1;
    }
    set_time(fresh, "timestamp", time_of(old));
    bool same = json_equal(fresh, old) == 1;
    set_time(fresh, "timestamp", fresh_s);
    return same;
}

static json_t *find_attribute(const json_t *by_uuid, const json_t *attribute)
{
    const char *uuid = json_string_value(json_object_get(attribute, "uuid"));
    return uuid == NULL ? NULL : json_object_get(by_uuid, uuid);
}

static json_t *index_attributes(const json_t *event)
{
    json_t *by_uuid = json_object(), *attribute;
    size_t i;
    json_array_foreach(json_object_get(event, "Attribute"), i, attribute)
    {
        const char *uuid = json_string_value(json_object_get(attribute, "uuid"));
        if (uuid != NULL) {
            (void)json_object_set(by_uuid, uuid, attribute);
        }
    }
    return by_uuid;
}

/* Attributes of `old` that `attributes` lacks, deleted. True where there is one that was not deleted before. */
static bool carry_deleted(json_t *attributes, const json_t *present, const json_t *old, uint64_t now_s)
{
    json_t *attribute;
    size_t i;
    bool is_changed = false;
    json_array_foreach(json_object_get(old, "Attribute"), i, attribute)
    {
        if (find_attribute(present, attribute) != NULL || !json_is_object(attribute)) {
            continue;
        }
        json_t *copy = json_deep_copy(attribute);
        if (!json_is_true(json_object_get(copy, "deleted"))) {
            uint64_t before_s = time_of(copy);
            (void)json_object_set_new(copy, "deleted", json_true());
            set_time(copy, "timestamp", now_s > before_s ? now_s : before_s + 1);
            is_changed = true;
        }
        (void)json_array_append_new(attributes, copy);
    }
    return is_changed;
}

/* The times of those attributes that say what they said. True where one does not. */
static bool keep_times(const json_t *attributes, const json_t *old_by_uuid, uint64_t now_s)
{
    json_t *attribute;
    size_t i;
    bool is_changed = false;
    json_array_foreach(attributes, i, attribute)
    {
        json_t *before = find_attribute(old_by_uuid, attribute);
        if (before != NULL && is_same(attribute, before)) {
            set_time(attribute, "timestamp", time_of(before));
        } else {
            uint64_t least_s = before == NULL ? time_of(attribute) : time_of(before) + 1;
            set_time(attribute, "timestamp", now_s > least_s ? now_s : least_s);
            is_changed = true;
        }
    }
    return is_changed;
}

json_t *kr_misp_merge(json_t *fresh, json_t *old, uint64_t now_s)
{
    json_t *before = json_object_get(old, "Event");
    if (!json_is_object(before) || !json_is_array(json_object_get(before, "Attribute"))) {
        return fresh == NULL ? NULL : json_deep_copy(fresh);
    }
    json_t *result = json_deep_copy(fresh != NULL ? fresh : old);
    json_t *event = json_object_get(result, "Event"), *attributes = json_object_get(event, "Attribute");
    json_t *old_by_uuid = index_attributes(before), *present = fresh != NULL ? index_attributes(event) : json_object();
    if (result == NULL || old_by_uuid == NULL || present == NULL) {
        json_decref(result);
        result = NULL;
    } else {
        bool is_changed = fresh != NULL && keep_times(attributes, old_by_uuid, now_s);
        if (fresh == NULL) {
            (void)json_array_clear(attributes);
        }
        is_changed = carry_deleted(attributes, present, before, now_s) || is_changed;
        uint64_t before_s = time_of(before), then_s = now_s > before_s ? now_s : before_s + 1;
        set_time(event, "timestamp", is_changed ? then_s : before_s);
        set_time(event, "publish_timestamp", is_changed ? then_s : before_s);
    }
    json_decref(old_by_uuid);
    json_decref(present);
    return result;
}

/* ---- what the feed says of them ---- */

json_t *kr_misp_manifest_entry(const json_t *root)
{
    static const char *const keys[] = {"Orgc", "Tag", "info", "date", "analysis", "threat_level_id", "timestamp"};
    const json_t *event = json_object_get(root, "Event");
    json_t *entry = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)json_object_set(entry, keys[i], json_object_get(event, keys[i]));
    }
    return entry;
}

void kr_misp_hashes(const json_t *root, kr_misp_hash *visit, void *context)
{
    json_t *attribute;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(root, "Event"), "Attribute"), i, attribute)
    {
        const char *type = json_string_value(json_object_get(attribute, "type"));
        const char *value = json_string_value(json_object_get(attribute, "value"));
        if (type == NULL || value == NULL || json_is_true(json_object_get(attribute, "deleted"))) {
            continue;
        }
        bool is_composite = strchr(type, '|') != NULL;
        for (const char *at = value; at != NULL;) {
            const char *bar = is_composite ? strchr(at, '|') : NULL;
            char *hex =
                g_compute_checksum_for_data(G_CHECKSUM_MD5, (const guchar *)at, bar == NULL ? strlen(at) : (size_t)(bar - at));
            visit(context, hex);
            g_free(hex);
            at = bar == NULL ? NULL : bar + 1;
        }
    }
}
