/* What a group of a STIX document says of itself: gathered object by object before the sink is told of it. For import_stix.c. */
#ifndef KR_TOOLS_FORMATS_STIX_GROUP_H
#define KR_TOOLS_FORMATS_STIX_GROUP_H

#include "tools/formats/stix_index.h"

#define KR_STIX_TERMS_BYTES 1024u

/* Texts that a group borrows until it is told. */
struct kr_stix_group {
    struct kr_import_group group;
    char references[KR_REFERENCES_MAX][512];
    char attack_ids[KR_REFERENCES_MAX][32];
    char organisation[KR_NAME_BYTES_MAX + 1], terms[KR_STIX_TERMS_BYTES];
    uint32_t left_out; /* references beyond the bound */
};

/* The URLs of its external references. */
void kr_stix_group_urls(struct kr_stix_group *telling, const json_t *object);
/* What an attack pattern or a relationship that it names adds; nothing of others. */
enum kr_err kr_stix_group_from(struct kr_stix_index *index, struct kr_stix_group *telling, uint32_t entry) KR_WARN_UNUSED;
/* What its markings state beside TLP: PAP, copyright, conditions of use. */
enum kr_err kr_stix_group_statements(struct kr_stix_index *index, struct kr_stix_group *telling,
                                     const json_t *object) KR_WARN_UNUSED;
/* Organisation and terms: of the origin that one of our exports states, of `creator` (an entry, or KR_STIX_NONE), else of the
 * options. The group's label is to be known. `object` may be NULL. */
enum kr_err kr_stix_group_origin(struct kr_stix_index *index, struct kr_stix_group *telling, const json_t *object, uint32_t creator,
                                 const struct kr_import_options *options) KR_WARN_UNUSED;

#endif
