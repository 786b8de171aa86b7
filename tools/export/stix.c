/* STIX 2.1 (OASIS Standard, 10 June 2021): one bundle, each record a report that refers to an indicator for each of its values,
 * with the TLP 2.0 marking definitions of OASIS' common objects inside. Written object by object. */
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "tools/export/formats.h"
#include "tools/export/ids.h"

#define NAME_BYTES_MAX 256u
#define TLP_EXTENSION  "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
#define TLP_CREATED    "2022-10-01T00:00:00.000Z"
#define ORIGIN         "Origin of this report. Terms: " /* import_stix.c knows it by that */

static const struct {
    const char *id, *name, *word;
} markings[] = {
    [KR_TLP_CLEAR] = {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR", "clear"},
    [KR_TLP_GREEN] = {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "TLP:GREEN", "green"},
    [KR_TLP_AMBER] = {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "TLP:AMBER", "amber"},
    [KR_TLP_AMBER_STRICT] = {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "TLP:AMBER+STRICT", "amber+strict"},
};

/* ---- patterns (STIX 2.1, part 9) ---- */

static const char *pattern_path(uint32_t type)
{
    switch (type) {
    case KR_INDICATOR_DOMAIN:
        return "domain-name:value";
    case KR_INDICATOR_URL:
        return "url:value";
    case KR_INDICATOR_EMAIL:
        return "email-addr:value";
    case KR_INDICATOR_MD5:
        return "file:hashes.MD5";
    case KR_INDICATOR_SHA1:
        return "file:hashes.'SHA-1'";
    case KR_INDICATOR_SHA256:
        return "file:hashes.'SHA-256'";
    case KR_INDICATOR_SHA512:
        return "file:hashes.'SHA-512'";
    case KR_INDICATOR_IMPHASH:
        return "file:extensions.'windows-pebinary-ext'.imphash";
    case KR_INDICATOR_FILENAME:
        return "file:name";
    case KR_INDICATOR_REGISTRY_KEY:
        return "windows-registry-key:key";
    case KR_INDICATOR_MUTEX:
        return "mutex:name";
    case KR_INDICATOR_USER_AGENT:
        return "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'";
    default:
        return NULL;
    }
}

static void write_quoted(const char *text, FILE *out)
{
    (void)fputc('\'', out);
    for (; *text != 0; text++) {
        if (*text == '\'' || *text == '\\') {
            (void)fputc('\\', out);
        }
        (void)fputc(*text, out);
    }
    (void)fputc('\'', out);
}

static void write_address(const struct kr_entry *entry, FILE *out)
{
    const char *object = entry->type == KR_INDICATOR_IPV4 ? "ipv4-addr" : "ipv6-addr";
    char address[KR_ADDRESS_TEXT_BYTES];
    uint32_t port = kr_address_port(entry);
    kr_address_text(entry, address);
    if (port == 0) {
        (void)fprintf(out, "[%s:value = '%s']", object, address);
    } else {
        (void)fprintf(
            out, "[network-traffic:dst_ref.type = '%s' AND network-traffic:dst_ref.value = '%s' AND network-traffic:dst_port = %u]",
            object, address, port);
    }
}

/* free(); NULL: no memory. */
static char *make_pattern(const struct kr_mention *mention, const char *text)
{
    const struct kr_entry entry = {.type = mention->indicator.type, .value = mention->indicator.value};
    const char *path = pattern_path(entry.type);
    char *pattern = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&pattern, &len);
    if (out == NULL) {
        return NULL;
    }
    if (entry.type == KR_INDICATOR_IPV4 || entry.type == KR_INDICATOR_IPV6) {
        write_address(&entry, out);
    } else if (entry.type == KR_INDICATOR_ASN) {
        (void)fprintf(out, "[autonomous-system:number = %s]", text + strspn(text, "AaSs"));
    } else if (path != NULL) {
        (void)fprintf(out, "[%s = ", path);
        write_quoted(text, out);
        (void)fputc(']', out);
    } else {
        (void)fputs(text, out); /* a YARA or Sigma rule, or a pattern that was imported whole */
    }
    bool is_whole = ferror(out) == 0;
    is_whole = fclose(out) == 0 && is_whole;
    if (!is_whole) {
        free(pattern);
        pattern = NULL;
    }
    return pattern;
}

static enum kr_left judge(const struct kr_rendering *rendering, const struct kr_export_part *part, const struct kr_entry *entry)
{
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    (void)rendering;
    (void)part;
    if (entry->type == KR_INDICATOR_OTHER && !kr_stix_is_pattern(entry->value)) {
        return KR_LEFT_TYPE;
    }
    return kr_entry_text(entry, text) ? KR_LEFT_NOT : KR_LEFT_FORM;
}

/* ---- objects ---- */

static void time_text(uint64_t unix_ms, char ret[static KR_TIME_TEXT_BYTES])
{
    kr_time_text(unix_ms / 1000, ret);
    size_t len = strlen(ret);
    if (len > 0 && len + 5 < KR_TIME_TEXT_BYTES) {
        (void)snprintf(ret + len - 1, KR_TIME_TEXT_BYTES - len, ".%03uZ", (unsigned)(unix_ms % 1000));
    }
}

static void id_text(const char *type, const char *kind, const void *bytes, size_t len, char ret[static 64])
{
    char uuid[KR_UUID_TEXT_BYTES];
    kr_export_uuid(kind, bytes, len, uuid);
    (void)snprintf(ret, 64, "%s--%s", type, uuid);
}

static const char *mention_type(const struct kr_mention *mention)
{
    return mention->indicator.type == KR_INDICATOR_CVE ? "vulnerability" : "indicator";
}

/* Of a record and a number, not of the value: so that it can be told when the value is no longer there. */
static void indicator_id(const char *type, const struct kr_gathered_record *record, uint32_t index, char ret[static 64])
{
    uint8_t name[32 + 4];
    memcpy(name, record->id, 32);
    for (uint32_t i = 0; i < 4; i++) {
        name[32 + i] = (uint8_t)(index >> 8 * (3 - i));
    }
    id_text(type, "numbered indicator", name, sizeof name, ret);
}

static void mention_id(const struct kr_mention *mention, char ret[static 64])
{
    indicator_id(mention_type(mention), mention->record, mention->index, ret);
}

static json_t *marking_refs(const struct kr_gathered_record *record)
{
    return json_pack("[s]", markings[record->label].id);
}

static json_t *marking_json(enum kr_label label)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:{s:s, s:s}}}", "type", "marking-definition", "spec_version", "2.1", "id",
                     markings[label].id, "created", TLP_CREATED, "name", markings[label].name, "extensions", TLP_EXTENSION,
                     "extension_type", "property-extension", "tlp_2_0", markings[label].word);
}

/* What every object of a record begins with. */
static json_t *begin_json(const char *type, const char *id, const struct kr_gathered_record *record)
{
    char created[KR_TIME_TEXT_BYTES], modified[KR_TIME_TEXT_BYTES], author[64];
    uint64_t created_ms = record->summary.created_ms;
    time_text(created_ms, created);
    time_text(record->gone_ms > created_ms ? record->gone_ms : created_ms + (record->is_taken ? 1 : 0), modified);
    id_text("identity", "council", record->summary.author, 32, author);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "type", type, "spec_version", "2.1", "id", id, "created_by_ref", author,
                     "created", created, "modified", modified, "object_marking_refs", marking_refs(record));
}

static json_t *identity_json(const struct kr_gathered_record *record)
{
    /* Nothing tells when a council came into being; the same each time is what matters. */
    static const char created[] = "2026-01-01T00:00:00.000Z";
    char id[64];
    id_text("identity", "council", record->summary.author, 32, id);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s}", "type", "identity", "spec_version", "2.1", "id", id, "created", created,
                     "modified", created, "name", kr_text_json(record->summary.author_name.bytes, record->summary.author_name.len),
                     "identity_class", "organization");
}

/* The first `max` bytes at most, ended where a character does. */
static json_t *short_text(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len > max) {
        len = max;
        while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return kr_text_json(text, len);
}

static void add_validity(json_t *object, const struct kr_mention *mention)
{
    uint64_t created_ms = mention->record->summary.created_ms, first_ms = mention->indicator.first_s * 1000;
    uint64_t from_ms = first_ms > 0 && first_ms < KR_CREATED_MS_MAX ? first_ms : created_ms;
    uint64_t until_s = mention->record->summary.expires_s;
    char text[KR_TIME_TEXT_BYTES];
    time_text(from_ms, text);
    (void)json_object_set_new(object, "valid_from", json_string(text));
    if (until_s > 0 && until_s < KR_CREATED_MS_MAX / 1000 && until_s * 1000 > from_ms) {
        time_text(until_s * 1000, text);
        (void)json_object_set_new(object, "valid_until", json_string(text));
    }
}

static json_t *mention_json(const struct kr_rendering *rendering, const struct kr_mention *mention)
{
    const struct kr_entry entry = {.type = mention->indicator.type, .value = mention->indicator.value};
    char text[KR_INDICATOR_PRINT_BYTES_MAX], id[64];
    if (!kr_entry_text(&entry, text)) {
        return NULL;
    }
    mention_id(mention, id);
    json_t *object = begin_json(mention_type(mention), id, mention->record);
    (void)json_object_set_new(object, "name", short_text(text, NAME_BYTES_MAX));
    if (mention->indicator.note.len > 0) {
        (void)json_object_set_new(object, "description", kr_text_json(mention->indicator.note.bytes, mention->indicator.note.len));
    }
    if (mention->indicator.confidence < KR_CONFIDENCE_NONE) {
        (void)json_object_set_new(object, "confidence", json_integer(mention->indicator.confidence));
    }
    if (entry.type == KR_INDICATOR_CVE) {
        (void)json_object_set_new(object, "external_references",
                                  json_pack("[{s:s, s:s}]", "source_name", "cve", "external_id", text));
        return object;
    }
    char *pattern = make_pattern(mention, text);
    const char *language = entry.type == KR_INDICATOR_YARA ? "yara" : entry.type == KR_INDICATOR_SIGMA ? "sigma" : "stix";
    (void)json_object_set_new(object, "pattern", pattern == NULL ? NULL : kr_text_json(pattern, strlen(pattern)));
    (void)json_object_set_new(object, "pattern_type", json_string(language));
    const enum kr_action action = kr_mention_action(mention);
    (void)json_object_set_new(object, "labels",
                              json_pack("[s]", action == KR_ACTION_BLOCK    ? "block"
                                               : action == KR_ACTION_DETECT ? "detect"
                                                                            : "context"));
    if (rendering->is_exercise) {
        (void)json_array_append_new(json_object_get(object, "labels"), json_string("exercise"));
    }
    if (action == KR_ACTION_BLOCK) {
        (void)json_object_set_new(object, "indicator_types", json_pack("[s]", "malicious-activity"));
    }
    add_validity(object, mention);
    bool is_whole = json_object_get(object, "pattern") != NULL;
    free(pattern);
    if (!is_whole) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* Where it was imported from: whoever imports it from us has it from there, under the same terms. */
static json_t *origin_json(const struct kr_gathered_record *record)
{
    char description[sizeof ORIGIN + KR_NOTE_BYTES_MAX];
    const struct kr_slice name = record->origin_organisation, id = record->origin_id, terms = record->origin_terms;
    (void)snprintf(description, sizeof description, ORIGIN "%.*s", (int)terms.len, (const char *)terms.bytes);
    json_t *origin =
        json_pack("{s:o, s:o}", "source_name", name.len > 0 ? kr_text_json(name.bytes, name.len) : json_string("unknown"),
                  "description", kr_text_json(description, strlen(description)));
    if (id.len > 0) {
        (void)json_object_set_new(origin, "external_id", kr_text_json(id.bytes, id.len));
    }
    return origin;
}

static void add_references(json_t *object, const struct kr_gathered_record *record, const struct kr_report *report)
{
    json_t *list = json_array();
    if (!kr_gathered_is_ours(record)) {
        (void)json_array_append_new(list, origin_json(record));
    }
    for (uint32_t i = 0; i < report->reference_count; i++) {
        struct kr_slice text = report->references[i];
        bool is_url = text.len > 8 && (memcmp(text.bytes, "http://", 7) == 0 || memcmp(text.bytes, "https://", 8) == 0);
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "source_name", "reference", is_url ? "url" : "description",
                                                    kr_text_json(text.bytes, text.len)));
    }
    for (uint32_t i = 0; i < report->attack_id_count; i++) {
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "source_name", "mitre-attack", "external_id",
                                                    kr_text_json(report->attack_ids[i].bytes, report->attack_ids[i].len)));
    }
    if (json_array_size(list) > 0) {
        (void)json_object_set_new(object, "external_references", list);
    } else {
        json_decref(list);
    }
}

static json_t *report_json(const struct kr_rendering *rendering, const struct kr_gathered_record *record,
                           const struct kr_mention *const *mentions, size_t count)
{
    struct kr_report report;
    char id[64], created[KR_TIME_TEXT_BYTES];
    if (kr_report_parse_again(record->content, &report) != KR_OK) {
        return NULL; /* it was read before: memory */
    }
    id_text("report", "record", record->id, 32, id);
    time_text(record->summary.created_ms, created);
    json_t *object = begin_json("report", id, record), *refs = json_array();
    for (size_t i = 0; i < count; i++) {
        mention_id(mentions[i], id);
        (void)json_array_append_new(refs, json_string(id));
    }
    json_t *title = report.title.len > 0 ? kr_text_json(report.title.bytes, report.title.len) : json_string("Kairan");
    if (rendering->is_exercise) {
        json_t *marked = json_pack("s+", KR_EXERCISE_MARK, title == NULL ? "" : json_string_value(title));
        json_decref(title);
        title = marked;
        (void)json_object_set_new(object, "labels", json_pack("[s]", "exercise"));
    }
    (void)json_object_set_new(object, "name", title);
    if (report.text.len > 0) {
        (void)json_object_set_new(object, "description", kr_text_json(report.text.bytes, report.text.len));
    }
    if (report.language.len > 0) {
        (void)json_object_set_new(object, "lang", kr_text_json(report.language.bytes, report.language.len));
    }
    (void)json_object_set_new(object, "report_types", json_pack("[s]", "indicator"));
    (void)json_object_set_new(object, "published", json_string(created));
    (void)json_object_set_new(object, "object_refs", refs);
    add_references(object, record, &report);
    return object;
}

/* A record that is no longer there: its report is revoked, and each of its indicators. What they said is gone here; a pattern there
 * must be all the same, so there is one that nothing matches. */
static json_t *revoked_json(const struct kr_gathered_record *record)
{
    char id[64], gone[64];
    id_text("report", "record", record->id, 32, id);
    id_text("identity", "council", record->summary.author, 32, gone);
    json_t *object = begin_json("report", id, record), *refs = json_pack("[s]", gone);
    for (uint32_t i = 0; i < record->summary.indicator_count && i < KR_REPORT_INDICATORS_MAX; i++) {
        indicator_id("indicator", record, i, id);
        (void)json_array_append_new(refs, json_string(id));
    }
    (void)json_object_set_new(object, "name", json_string("Kairan"));
    (void)json_object_set_new(object, "published", json_incref(json_object_get(object, "created")));
    (void)json_object_set_new(object, "object_refs", refs);
    (void)json_object_set_new(object, "revoked", json_true());
    return object;
}

static json_t *revoked_indicator_json(const struct kr_gathered_record *record, uint32_t index)
{
    char id[64];
    indicator_id("indicator", record, index, id);
    json_t *object = begin_json("indicator", id, record);
    (void)json_object_set_new(object, "pattern", json_string("[x-kairan-taken-back:value = '']"));
    (void)json_object_set_new(object, "pattern_type", json_string("stix"));
    (void)json_object_set_new(object, "valid_from", json_incref(json_object_get(object, "created")));
    (void)json_object_set_new(object, "revoked", json_true());
    return object;
}

/* ---- the bundle ---- */

struct bundle {
    FILE *out;
    bool has_any;
    enum kr_err err;
};

static void put(struct bundle *bundle, json_t *object)
{
    if (bundle->err != KR_OK) {
        json_decref(object);
        return;
    }
    (void)fputs(bundle->has_any ? ",\n" : ",\"objects\":[\n", bundle->out);
    bundle->has_any = true;
    bundle->err = kr_put_json(object, JSON_COMPACT, bundle->out);
}

static int compare_authors(const void *left, const void *right)
{
    const struct kr_gathered_record *a = *(const struct kr_gathered_record *const *)left;
    const struct kr_gathered_record *b = *(const struct kr_gathered_record *const *)right;
    return memcmp(a->summary.author, b->summary.author, 32);
}

/* Marking definitions and identities that the rest refers to, each once. */
static void put_common(struct bundle *bundle, const struct kr_selection *selection, const struct kr_by_record *sorted)
{
    const struct kr_gathered_record **records = malloc((sorted->count + selection->taken_count + 1) * sizeof *records);
    size_t count = 0;
    uint32_t labels = 0;
    if (records == NULL) {
        bundle->err = KR_NOMEM;
        return;
    }
    for (size_t i = 0; i < sorted->count; i += kr_by_record_run(sorted, i)) {
        records[count++] = sorted->items[i]->record;
    }
    for (size_t i = 0; i < selection->taken_count; i++) {
        records[count++] = selection->taken[i];
    }
    for (size_t i = 0; i < count; i++) {
        labels |= 1u << records[i]->label;
    }
    for (enum kr_label label = KR_TLP_CLEAR; label < KR_TLP_RED; label++) {
        if ((labels & 1u << label) != 0) {
            put(bundle, marking_json(label));
        }
    }
    if (count > 1) {
        qsort(records, count, sizeof *records, compare_authors);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_authors(&records[i - 1], &records[i]) != 0) {
            put(bundle, identity_json(records[i]));
        }
    }
    free(records);
}

static void put_records(struct bundle *bundle, const struct kr_rendering *rendering, const struct kr_by_record *sorted)
{
    const struct kr_selection *selection = rendering->selection;
    for (size_t i = 0, run; i < sorted->count; i += run) {
        run = kr_by_record_run(sorted, i);
        for (size_t m = 0; m < run; m++) {
            put(bundle, mention_json(rendering, sorted->items[i + m]));
        }
        put(bundle, report_json(rendering, sorted->items[i]->record, sorted->items + i, run));
    }
    for (size_t i = 0; i < selection->taken_count; i++) {
        const struct kr_gathered_record *record = selection->taken[i];
        for (uint32_t m = 0; m < record->summary.indicator_count && m < KR_REPORT_INDICATORS_MAX; m++) {
            put(bundle, revoked_indicator_json(record, m));
        }
        put(bundle, revoked_json(record));
    }
}

/* Of what is in it, so that the same bundle has the same id. */
static void bundle_id(const struct kr_selection *selection, const struct kr_by_record *sorted, char ret[static 64])
{
    struct kr_hash_state state;
    uint8_t hash[KR_HASH_BYTES];
    char id[64];
    kr_hash_init(&state, "kairan export bundle");
    for (size_t i = 0; i < sorted->count; i++) {
        mention_id(sorted->items[i], id);
        kr_hash_update(&state, id, strlen(id));
    }
    for (size_t i = 0; i < selection->taken_count; i++) {
        kr_hash_update(&state, selection->taken[i]->id, 32);
    }
    kr_hash_final(&state, hash);
    id_text("bundle", "bundle", hash, sizeof hash, ret);
}

enum kr_err kr_render_stix(const struct kr_rendering *rendering, const struct kr_export_part *part, FILE *out,
                           struct kr_tally *ret_tally)
{
    const struct kr_selection *selection = rendering->selection;
    struct kr_chosen chosen = {0};
    struct kr_by_record sorted = {0};
    char id[64];
    enum kr_err err = kr_choose(rendering, part, 0, judge, &chosen, ret_tally);
    if (err == KR_OK) {
        err = kr_by_record_make(selection, &chosen, &sorted);
    }
    if (err == KR_OK) {
        struct bundle bundle = {.out = out};
        bundle_id(selection, &sorted, id);
        (void)fprintf(out, "{\"type\":\"bundle\",\"id\":\"%s\"", id);
        put_common(&bundle, selection, &sorted);
        put_records(&bundle, rendering, &sorted);
        (void)fputs(bundle.has_any ? "\n]}\n" : "}\n", out);
        err = bundle.err;
    }
    kr_by_record_deinit(&sorted);
    kr_chosen_deinit(&chosen);
    return err;
}
