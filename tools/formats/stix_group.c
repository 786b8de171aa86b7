/* What a group of a STIX document says of itself: where it comes from, under which terms, what it refers to. */
#include "tools/formats/stix_group.h"

#include <stdio.h>
#include <string.h>

#include "tools/formats/collect.h"

#define ORIGIN "Origin of this report. Terms: " /* tools/export/stix.c writes it */

static struct kr_slice slice_of(const char *text)
{
    return text == NULL ? (struct kr_slice){0} : (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static void add_reference(struct kr_stix_group *telling, const char *text)
{
    struct kr_import_group *group = &telling->group;
    if (group->reference_count == KR_REFERENCES_MAX) {
        telling->left_out++;
        return;
    }
    char *reference = telling->references[group->reference_count];
    (void)snprintf(reference, sizeof telling->references[0], "%s", text);
    group->references[group->reference_count++] = slice_of(reference);
}

void kr_stix_group_urls(struct kr_stix_group *telling, const json_t *object)
{
    const json_t *references = json_object_get(object, "external_references");
    for (size_t i = 0; i < json_array_size(references); i++) {
        const char *url = json_string_value(json_object_get(json_array_get(references, i), "url"));
        if (url != NULL) {
            add_reference(telling, url);
        }
    }
}

static void add_attack(struct kr_stix_group *telling, const json_t *object)
{
    const json_t *references = json_object_get(object, "external_references");
    struct kr_import_group *group = &telling->group;
    for (size_t i = 0; i < json_array_size(references) && group->attack_id_count < KR_REFERENCES_MAX; i++) {
        const json_t *one = json_array_get(references, i);
        const char *id = json_string_value(json_object_get(one, "external_id"));
        if (id != NULL && kr_json_is(one, "source_name", "mitre-attack")) {
            char *kept = telling->attack_ids[group->attack_id_count];
            (void)snprintf(kept, sizeof telling->attack_ids[0], "%s", id);
            group->attack_ids[group->attack_id_count++] = slice_of(kept);
        }
    }
}

/* An object's name where that may go as far as `label`, else its id. */
static enum kr_err name_of(struct kr_stix_index *index, struct kr_slice id, enum kr_label label, char *ret_text, size_t size)
{
    const uint32_t entry = kr_stix_find(index, id);
    const bool may_be_named = entry != KR_STIX_NONE && index->entries[entry].label <= (uint8_t)label;
    json_t *object = NULL;
    (void)snprintf(ret_text, size, "%.*s", (int)(id.len < 200 ? id.len : 200), (const char *)id.bytes);
    enum kr_err err = may_be_named ? kr_stix_load(index, entry, &object) : KR_INVALID;
    if (err == KR_OK) {
        const struct kr_slice name = kr_json_string_at(object, "name");
        if (name.len > 0) {
            (void)snprintf(ret_text, size, "%.*s", (int)(name.len < 200 ? name.len : 200), (const char *)name.bytes);
        }
        json_decref(object);
    }
    return err == KR_INVALID ? KR_OK : err;
}

static enum kr_err add_relationship(struct kr_stix_index *index, struct kr_stix_group *telling, const json_t *object)
{
    char from[256], to[256], text[700];
    const struct kr_slice type = kr_json_string_at(object, "relationship_type");
    enum kr_err err = name_of(index, kr_json_string_at(object, "source_ref"), telling->group.label, from, sizeof from);
    if (err == KR_OK) {
        err = name_of(index, kr_json_string_at(object, "target_ref"), telling->group.label, to, sizeof to);
    }
    (void)snprintf(text, sizeof text, "STIX relationship: %s %.*s %s", from, (int)(type.len < 64 ? type.len : 64),
                   (const char *)type.bytes, to);
    add_reference(telling, text);
    return err;
}

enum kr_err kr_stix_group_from(struct kr_stix_index *index, struct kr_stix_group *telling, uint32_t entry)
{
    const uint8_t kind = index->entries[entry].kind;
    json_t *object = NULL;
    if (kind != KR_STIX_ATTACK_PATTERN && kind != KR_STIX_RELATIONSHIP) {
        return KR_OK;
    }
    enum kr_err err = kr_stix_load(index, entry, &object);
    if (err != KR_OK) {
        return err == KR_INVALID ? KR_OK : err;
    }
    if (kind == KR_STIX_ATTACK_PATTERN) {
        add_attack(telling, object);
    } else {
        err = add_relationship(index, telling, object);
    }
    json_decref(object);
    return err;
}

static void add_terms(struct kr_stix_group *telling, const char *terms)
{
    const size_t len = strlen(telling->terms);
    if (terms != NULL && terms[0] != 0 && strstr(telling->terms, terms) == NULL) {
        (void)snprintf(telling->terms + len, sizeof telling->terms - len, "%s%s", len > 0 ? ", " : "", terms);
    }
    telling->group.terms = slice_of(telling->terms);
}

/* What its markings state beside TLP: PAP, copyright, conditions of use. */
enum kr_err kr_stix_group_statements(struct kr_stix_index *index, struct kr_stix_group *telling, const json_t *object)
{
    const json_t *refs = json_object_get(object, "object_marking_refs");
    enum kr_err err = KR_OK;
    for (size_t i = 0; i < json_array_size(refs) && err == KR_OK; i++) {
        const uint32_t entry = kr_stix_find(index, slice_of(json_string_value(json_array_get(refs, i))));
        json_t *marking = NULL;
        if (entry == KR_STIX_NONE || index->entries[entry].label != KR_TLP_NONE) {
            continue;
        }
        err = kr_stix_load(index, entry, &marking);
        if (err == KR_OK) {
            const char *statement = json_string_value(json_object_get(json_object_get(marking, "definition"), "statement"));
            add_terms(telling, statement != NULL ? statement : json_string_value(json_object_get(marking, "name")));
            json_decref(marking);
        }
        err = err == KR_INVALID ? KR_OK : err;
    }
    return err;
}

/* What a council took over from elsewhere and exported is still of there. */
static void add_first_origin(struct kr_stix_group *telling, const json_t *object)
{
    const json_t *references = json_object_get(object, "external_references");
    for (size_t i = 0; i < json_array_size(references); i++) {
        const json_t *one = json_array_get(references, i);
        const char *text = json_string_value(json_object_get(one, "description"));
        if (text != NULL && strncmp(text, ORIGIN, sizeof ORIGIN - 1) == 0 && !kr_json_is(one, "source_name", "unknown")) {
            const struct kr_slice name = kr_json_string_at(one, "source_name");
            (void)snprintf(telling->organisation, sizeof telling->organisation, "%.*s",
                           (int)kr_collect_cut((const char *)name.bytes, name.len, KR_NAME_BYTES_MAX), (const char *)name.bytes);
            add_terms(telling, text + sizeof ORIGIN - 1);
        }
    }
}

enum kr_err kr_stix_group_origin(struct kr_stix_index *index, struct kr_stix_group *telling, const json_t *object, uint32_t creator,
                                 const struct kr_import_options *options)
{
    json_t *identity = NULL;
    add_first_origin(telling, object);
    const bool is_told = telling->organisation[0] != 0;
    enum kr_err err = creator != KR_STIX_NONE && !is_told ? kr_stix_load(index, creator, &identity) : KR_INVALID;
    if (err == KR_OK) {
        const struct kr_slice name = kr_json_string_at(identity, "name");
        (void)snprintf(telling->organisation, sizeof telling->organisation, "%.*s",
                       (int)kr_collect_cut((const char *)name.bytes, name.len, KR_NAME_BYTES_MAX), (const char *)name.bytes);
        json_decref(identity);
    }
    if (telling->organisation[0] == 0 && options->organisation != NULL) {
        (void)snprintf(telling->organisation, sizeof telling->organisation, "%s", options->organisation);
    }
    telling->group.organisation = slice_of(telling->organisation);
    add_terms(telling, kr_label_name(telling->group.label));
    add_terms(telling, options->terms);
    return err == KR_INVALID ? KR_OK : err;
}
