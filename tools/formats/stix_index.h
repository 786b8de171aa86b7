/* What objects a STIX document has, where each stands and how they hang together, in about eighty bytes for each: so that a bundle
 * of any size is read without being in memory. */
#ifndef KR_TOOLS_FORMATS_STIX_INDEX_H
#define KR_TOOLS_FORMATS_STIX_INDEX_H

#include "tools/formats/json_pull.h"

#define KR_STIX_OBJECTS_MAX 400000u
#define KR_STIX_ID_BYTES    16u
#define KR_STIX_NONE        UINT32_MAX

enum kr_stix_kind {
    KR_STIX_OTHER = 0, /* has a name at most */
    KR_STIX_REPORT,    /* report, grouping: what its object_refs name is one group */
    KR_STIX_INDICATOR,
    KR_STIX_OBSERVABLE, /* cyber-observable objects, vulnerability */
    KR_STIX_OBSERVED,   /* observed-data: has or names some of these */
    KR_STIX_ATTACK_PATTERN,
    KR_STIX_RELATIONSHIP,
    KR_STIX_SIGHTING,
    KR_STIX_IDENTITY,
    KR_STIX_MARKING,
};

struct kr_stix_entry {
    uint8_t id[KR_STIX_ID_BYTES]; /* hash of the id */
    struct kr_json_extent extent;
    uint32_t number;  /* in the document's `objects` */
    uint32_t creator; /* entry of created_by_ref, KR_STIX_NONE */
    uint8_t kind, label;
    bool is_named;      /* by a report or grouping */
    bool is_superseded; /* a newer version of it is there too */
    bool is_revoked, has_dangling_marking;
    uint32_t sightings; /* how often it was seen, by the sightings that name it */
    uint32_t seen_s;    /* last; 0: not said */
    uint64_t modified_ms;
};

struct kr_stix_index {
    const struct kr_import_source *source;
    const struct kr_import_sink *sink;
    struct kr_error *error;
    struct kr_json_pull *pull;
    bool is_single; /* the document is one object, not a bundle */
    char bundle_id[256];
    struct kr_stix_entry *entries; /* as they stand in the document */
    uint32_t count, room;
    uint32_t *by_id; /* entries by id */
};

/* Goes through the document, tells the sink what cannot be read, and of progress up to `share` of 100 parts. KR_BOUNDS over
 * KR_STIX_OBJECTS_MAX; what kr_json_pull says; the sink's answer. To be closed also on failure. */
enum kr_err kr_stix_index_open(struct kr_stix_index *ret_index, const struct kr_import_source *source,
                               const struct kr_import_sink *sink, struct kr_error *error) KR_WARN_UNUSED;
void kr_stix_index_close(struct kr_stix_index *index);

/* The newest version of that id; KR_STIX_NONE where there is none. */
uint32_t kr_stix_find(const struct kr_stix_index *index, struct kr_slice id);
/* Loads an entry; json_decref() it. KR_INVALID where it cannot be read any more: the sink was told. */
enum kr_err kr_stix_load(struct kr_stix_index *index, uint32_t entry, json_t **ret_object) KR_WARN_UNUSED;
/* A sentence about a part of an entry; `part` as in "/pattern", "" for the whole. The sink's answer. */
enum kr_err kr_stix_skip(struct kr_stix_index *index, uint32_t entry, const char *part, enum kr_import_reason reason, bool is_kept,
                         struct kr_slice what, const char *detail) KR_WARN_UNUSED;
/* For `place.pointer`. */
#define KR_STIX_POINTER_BYTES 64
const char *kr_stix_pointer(const struct kr_stix_index *index, uint32_t entry, const char *part,
                            char ret_text[static KR_STIX_POINTER_BYTES]);

/* Labels and terms of a marking by its id, where that is one of TLP 1 or 2; KR_TLP_NONE. */
enum kr_label kr_stix_tlp_of_id(struct kr_slice id);
/* What a marking definition says; KR_TLP_NONE where it is no TLP. */
enum kr_label kr_stix_tlp_of(const json_t *marking);

#endif
