/* This council's own card: who it is, and whom to call. */
#include <string.h>

#include "node/core/transport_key.h"
#include "proto/wire/ticket.h"

static bool add_place(void *context, struct kr_slice key, struct kr_slice value)
{
    struct kr_card_places *places = context;
    (void)value;
    if (key.len == KR_DIRECTORY_KEY_BYTES) {
        memcpy(places->communities[places->count++], key.bytes + 33, 32);
    }
    return places->count < KR_CARDS_MAX;
}

static bool has_place(const struct kr_card_places *places, const uint8_t community[static 32])
{
    for (uint32_t i = 0; i < places->count; i++) {
        if (memcmp(places->communities[i], community, 32) == 0) {
            return true;
        }
    }
    return false;
}

static enum kr_err find_places(struct kr_step *step, struct kr_card_places *ret_places)
{
    const struct kr_core *core = step->core;
    uint8_t prefix[33] = {KR_KIND_COUNCIL_CARD};
    memcpy(prefix + 1, core->self, 32);
    ret_places->count = 0;
    enum kr_err err = kr_store_each(step->txn, KR_TABLE_DIRECTORY, prefix, sizeof prefix, add_place, ret_places);
    ret_places->standing = ret_places->count;
    for (uint32_t i = 0; i < core->directory.community_count; i++) {
        const uint8_t *community = core->directory.communities[i]->id;
        if (ret_places->count < KR_CARDS_MAX && kr_directory_is_candidate(&core->directory, community, core->self) &&
            !has_place(ret_places, community)) {
            memcpy(ret_places->communities[ret_places->count++], community, 32);
        }
    }
    return err;
}

enum kr_err kr_card_own(struct kr_step *step, const struct kr_event *event, struct kr_card_places *ret_places,
                        struct kr_card *ret_card)
{
    const struct kr_core *core = step->core;
    const struct kr_council *self = kr_directory_council(&core->directory, core->self);
    enum kr_err err = find_places(step, ret_places);
    if (err == KR_OK && (self == NULL || ret_places->standing == 0)) {
        err = kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                            "this council's own card cannot be read: run `kairan verify`");
        return err == KR_OK ? KR_CANCELLED : err;
    }
    if (err == KR_OK) {
        kr_council_card(self, ret_card);
    }
    return err;
}

void kr_card_fill(const struct kr_card_places *places, const struct kr_card *card, const uint8_t self[static 32],
                  struct kr_statement *ret_statements)
{
    static const uint8_t none[32];
    for (uint32_t i = 0; i < places->count; i++) {
        const bool has_community = memcmp(places->communities[i], none, 32) != 0;
        ret_statements[i] = (struct kr_statement){KR_KIND_COUNCIL_CARD, has_community ? places->communities[i] : NULL, self,
                                                  kr_statement_write_card, card};
    }
}

static bool changes_anything(const struct kr_card_edit *edit)
{
    bool changes = edit->changes_host;
    for (uint32_t i = 0; i < KR_CARD_FIELDS; i++) {
        changes = changes || edit->changes[i];
    }
    return changes;
}

static void change(const struct kr_core *core, struct kr_card *card, const struct kr_card_edit *edit)
{
    struct kr_slice *const fields[KR_CARD_FIELDS] = {
        [KR_CARD_NAME_JA] = &card->name_ja,
        [KR_CARD_NAME_EN] = &card->name_en,
        [KR_CARD_REGION] = &card->region,
        [KR_CARD_CONTACT_NAME] = &card->contact_name,
        [KR_CARD_CONTACT_MAIL] = &card->contact_mail,
        [KR_CARD_CONTACT_TELEPHONE] = &card->contact_telephone,
        [KR_CARD_CONTACT_HOURS] = &card->contact_hours,
    };
    for (uint32_t i = 0; i < card->transport_count; i++) {
        struct kr_card_key *key = &card->transport[i];
        if (edit->changes[KR_CARD_ENDPOINT] && kr_transport_is_own(core, key->public_key)) {
            key->endpoint = edit->texts[KR_CARD_ENDPOINT];
        }
    }
    for (uint32_t i = 0; i < KR_CARD_FIELDS; i++) {
        if (fields[i] != NULL && edit->changes[i]) {
            *fields[i] = edit->texts[i];
        }
    }
    if (edit->changes_host) {
        card->hosted_by = edit->host;
    }
}

enum kr_err kr_card_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    struct kr_statement statements[KR_STATEMENTS_MAX];
    struct kr_card_edit edit;
    struct kr_card card;
    struct kr_card_places places;
    if (kr_card_edit_read(event->bytes, &edit) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    enum kr_err err = kr_card_own(step, event, &places, &card);
    if (err != KR_OK) {
        return err == KR_CANCELLED ? KR_OK : err;
    }
    if (!changes_anything(&edit) && places.standing == places.count) {
        return kr_step_error(step, event->client, event->request, KR_EXISTS,
                             "this council's card stands in the directory of each of its communities already");
    }
    const struct kr_slice endpoint = edit.texts[KR_CARD_ENDPOINT];
    struct kr_error why = {0};
    if (endpoint.len > 0 && kr_endpoint_check((const char *)endpoint.bytes, endpoint.len, &why) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_INVALID, "%s", why.text);
    }
    change(core, &card, &edit);
    if (card.name_ja.len + card.name_en.len == 0) {
        return kr_step_error(step, event->client, event->request, KR_INVALID, "a council needs a name in one of the languages");
    }
    if (card.hosted_by.len == 32 && memcmp(card.hosted_by.bytes, core->self, 32) == 0) {
        card.hosted_by.len = 0;
    }
    kr_card_fill(&places, &card, core->self, statements);
    return kr_statement_ask(step, event, statements, places.count);
}
