#include "node/core/facts.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/fault.h"

void kr_facts_of_header(const struct kr_directory *directory, const uint8_t self[static 32], uint64_t now_ms,
                        const struct kr_header *header, const uint8_t council[static 32], struct kr_policy_facts *ret_facts)
{
    bool is_statement = kr_kind_is_statement(header->kind);
    bool is_ours = memcmp(header->author, self, 32) == 0;
    struct kr_policy_facts facts = {
        .label = header->label,
        .is_author = memcmp(header->author, council, 32) == 0,
        .is_addressed = kr_header_addresses(header, council),
        .is_expired = header->expires_s <= now_ms / 1000,
        .is_exercise = (header->flags & KR_FLAG_EXERCISE) != 0,
        .is_statement = is_statement,
        .is_internal = kr_kind_is_internal(header->kind),
        .is_body_notice = header->kind == KR_KIND_BODY_NOTICE,
    };
    if (header->has_community) {
        facts.is_member = kr_directory_is_member(directory, header->community, council);
        for (uint32_t i = 0; i < directory->community_count && KR_FAULT(KR_FAULT_COMMUNITIES_MIXED); i++) {
            facts.is_member = facts.is_member || kr_directory_is_member(directory, directory->communities[i]->id, council);
        }
        facts.is_from_before = !is_statement && header->label == KR_TLP_GREEN && !KR_FAULT(KR_FAULT_NEWCOMERS_GET_ALL) &&
                               kr_tree_hour(header->created_ms) < kr_directory_hour_from(directory, header->community, council);
        facts.is_candidate = is_statement && kr_directory_is_candidate(directory, header->community, council);
    }
    facts.is_relay_member = header->has_relay && kr_directory_is_member(directory, header->relay, council);
    facts.is_author_trusted = is_ours || (header->label == KR_TLP_GREEN && !is_statement
                                              ? kr_directory_was_member(directory, header->community, header->author)
                                              : kr_directory_council(directory, header->author) != NULL);
    *ret_facts = facts;
}

/* Only the audience stands otherwise in a head. */
enum kr_err kr_facts_header(const struct kr_head *head, struct kr_header *ret_header, uint8_t **ret_audience)
{
    uint8_t *audience = malloc((size_t)head->audience_count * 34 + 1);
    if (audience == NULL) {
        return KR_NOMEM;
    }
    *ret_header = (struct kr_header){
        .kind = head->kind,
        .label = head->label,
        .flags = head->flags,
        .created_ms = head->created_ms,
        .expires_s = head->expires_s,
        .has_community = head->has_community,
        .has_relay = head->has_relay,
        .audience_count = head->audience_count,
        .audience = audience,
    };
    memcpy(ret_header->author, head->author, 32);
    memcpy(ret_header->community, head->community, 32);
    memcpy(ret_header->relay, head->relay, 32);
    for (uint32_t i = 0; i < head->audience_count; i++) {
        memcpy(audience + (size_t)34 * i, head->audience + (size_t)32 * i, 32);
    }
    *ret_audience = audience;
    return KR_OK;
}

enum kr_err kr_facts_of_head(const struct kr_directory *directory, const uint8_t self[static 32], uint64_t now_ms,
                             const struct kr_head *head, const uint8_t council[static 32], struct kr_policy_facts *ret_facts)
{
    struct kr_header header;
    uint8_t *audience = NULL;
    enum kr_err err = kr_facts_header(head, &header, &audience);
    if (err == KR_OK) {
        kr_facts_of_header(directory, self, now_ms, &header, council, ret_facts);
    }
    free(audience);
    return err;
}
