/* A council's card: who it is, and whom to call. */
#include <stdio.h>
#include <string.h>

#include "proto/record/statement.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"

/* ---- show ---- */

struct wanted {
    const struct kr_app *app;
    const uint8_t *council; /* NULL: this one */
    uint8_t host[32];
    bool is_found, is_hosted;
    enum kr_err err;
};

static const char *const keys[] = {"transport", "node", "sealing"};

static json_t *json_keys(const struct kr_card *card)
{
    const struct kr_card_key *const lists[] = {card->transport, card->node, card->sealing};
    const uint32_t counts[] = {card->transport_count, card->node_count, card->sealing_count};
    json_t *object = json_object();
    for (uint32_t i = 0; i < 3; i++) {
        json_t *array = json_array();
        for (uint32_t j = 0; j < counts[i]; j++) {
            const struct kr_card_key *key = &lists[i][j];
            (void)json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:o}", "key", kr_json_id(key->public_key, 32), "from",
                                                         kr_json_time(key->from_s * 1000), "until",
                                                         key->until_s > 0 ? kr_json_time(key->until_s * 1000) : json_null(),
                                                         "endpoint", kr_json_slice(key->endpoint)));
        }
        (void)json_object_set_new(object, keys[i], array);
    }
    return object;
}

static bool card_json(const struct kr_council_item *item, const struct kr_card *card)
{
    json_t *communities = json_array();
    for (uint32_t i = 0; i < item->community_count; i++) {
        (void)json_array_append_new(communities, kr_json_slice(item->community_names[i]));
    }
    return kr_json_line(json_pack("{s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o}, s:o, s:o, s:b, s:b, s:o, s:o}", "council",
                                  kr_json_id(item->council, 32), "name_ja", kr_json_slice(card->name_ja), "name_en",
                                  kr_json_slice(card->name_en), "region", kr_json_slice(card->region), "contact", "name",
                                  kr_json_slice(card->contact_name), "mail", kr_json_slice(card->contact_mail), "telephone",
                                  kr_json_slice(card->contact_telephone), "hours", kr_json_slice(card->contact_hours), "hosted_by",
                                  card->hosted_by.len == 32 ? kr_json_id(card->hosted_by.bytes, 32) : json_null(), "root_key",
                                  kr_json_id(card->root_public, 32), "self", item->is_self, "linked", item->is_linked,
                                  "communities", communities, "keys", json_keys(card)));
}

static void line(const char *label, struct kr_slice text)
{
    if (text.len > 0) {
        (void)printf("  %s: ", label);
        kr_out_text(stdout, text, false);
        (void)fputc('\n', stdout);
    }
}

static void card_text(const struct kr_council_item *item, const struct kr_card *card)
{
    kr_out_style(stdout, KR_STYLE_BOLD);
    kr_out_text(stdout, card->name_ja, false);
    (void)fputs(card->name_ja.len > 0 && card->name_en.len > 0 ? " / " : "", stdout);
    kr_out_text(stdout, card->name_en, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs("\n  id: ", stdout);
    kr_out_id(stdout, item->council, 64);
    (void)fputc('\n', stdout);
    line(_("region"), card->region);
    line(_("contact"), card->contact_name);
    line(_("mail"), card->contact_mail);
    line(_("telephone"), card->contact_telephone);
    line(_("hours"), card->contact_hours);
    for (uint32_t i = 0; i < item->community_count; i++) {
        line(_("community"), item->community_names[i]);
    }
    for (uint32_t i = 0; i < card->transport_count; i++) {
        line(_("reached at"), card->transport[i].endpoint);
    }
    (void)printf("  %s: %s\n", _("link"), item->is_self ? _("this council") : item->is_linked ? _("linked") : _("known"));
    (void)printf("  %s: ", _("root key"));
    kr_out_id(stdout, card->root_public, 64);
    (void)fputc('\n', stdout);
}

static enum kr_err show_card(void *context, struct kr_slice bytes)
{
    static struct kr_council_item item;
    struct wanted *wanted = context;
    struct kr_card card;
    enum kr_err err = kr_council_item_read(bytes, &item);
    if (err != KR_OK || (wanted->council == NULL ? !item.is_self : memcmp(item.council, wanted->council, 32) != 0)) {
        return err;
    }
    err = kr_card_read(item.card, &card);
    if (err != KR_OK) {
        return err;
    }
    wanted->is_found = true;
    wanted->is_hosted = card.hosted_by.len == 32;
    if (wanted->is_hosted) {
        memcpy(wanted->host, card.hosted_by.bytes, 32);
    }
    if (wanted->app->is_json) {
        return card_json(&item, &card) ? KR_OK : KR_IO;
    }
    card_text(&item, &card);
    return KR_OK;
}

/* Of the council whose operator runs the machine, by name where it is known. */
static enum kr_err show_host(void *context, struct kr_slice bytes)
{
    static struct kr_council_item item;
    struct wanted *wanted = context;
    enum kr_err err = kr_council_item_read(bytes, &item);
    if (err == KR_OK && memcmp(item.council, wanted->host, 32) == 0) {
        wanted->is_hosted = false; /* said */
        line(_("its machine is run by"), item.name_ja.len > 0 ? item.name_ja : item.name_en);
    }
    return err;
}

static int show(struct kr_app *app, const char *name)
{
    struct kr_texts names = {.items = {name}, .count = 1};
    uint8_t id[1][32];
    struct wanted wanted = {.app = app};
    if (name != NULL) {
        if (!kr_app_find_councils(app, &names, id)) {
            return KR_EXIT_ERROR;
        }
        wanted.council = id[0];
    }
    if (kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, show_card, &wanted, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (!wanted.is_found) {
        return kr_app_fail(app, KR_NOT_FOUND, _("no council of this name is known here; see kairan councils"));
    }
    if (wanted.is_hosted && !app->is_json) {
        if (kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, show_host, &wanted, NULL) != KR_OK) {
            return KR_EXIT_ERROR;
        }
        if (wanted.is_hosted) {
            (void)printf("  %s: ", _("its machine is run by"));
            kr_out_id(stdout, wanted.host, 64);
            (void)fputc('\n', stdout);
        }
    }
    return KR_EXIT_DONE;
}

/* ---- set, publish ---- */

bool kr_council_edit(struct kr_app *app, const struct kr_card_edit *edit, const struct kr_root_options *options,
                     uint8_t ret_id[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, KR_CARD_BYTES_MAX);
    kr_card_edit_write(edit, &args);
    const bool ok = kr_app_state(app, KR_OP_CARD, &args, KR_KIND_COUNCIL_CARD, NULL, options, ret_id);
    kr_writer_deinit(&args);
    return ok;
}

bool kr_council_publish(struct kr_app *app, const struct kr_root_options *options, uint8_t ret_id[static 32])
{
    const struct kr_card_edit nothing = {.changes_host = false};
    return kr_council_edit(app, &nothing, options, ret_id);
}

static int finish(const struct kr_app *app, const uint8_t id[static 32], const char *done)
{
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "id", kr_json_id(id, 32))) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)fputs(done, stdout);
    return KR_EXIT_DONE;
}

static int publish(struct kr_app *app, const struct kr_root_options *root)
{
    uint8_t id[32];
    return kr_council_publish(app, root, id)
               ? finish(app, id, _("The card stands in the directories of all its communities now.\n"))
               : KR_EXIT_ERROR;
}

static int set(struct kr_app *app, const char *const *texts, const char *host, const struct kr_root_options *root)
{
    struct kr_card_edit edit = {.changes_host = host != NULL};
    uint8_t host_id[1][32], id[32];
    bool changes = host != NULL;
    for (uint32_t i = 0; i < KR_CARD_FIELDS; i++) {
        edit.changes[i] = texts[i] != NULL;
        if (texts[i] != NULL) {
            edit.texts[i] = (struct kr_slice){(const uint8_t *)texts[i], strlen(texts[i])};
            changes = true;
        }
        if (edit.texts[i].len > KR_NAME_BYTES_MAX) {
            return kr_app_fail(app, KR_BOUNDS, _("too long: %u bytes at most: %.40s..."), KR_NAME_BYTES_MAX, texts[i]);
        }
    }
    if (!changes) {
        return kr_app_fail(app, KR_INVALID, _("what is to change? See kairan council --help"));
    }
    if (host != NULL && host[0] != 0) {
        const struct kr_texts names = {.items = {host}, .count = 1};
        if (!kr_app_find_councils(app, &names, host_id)) {
            return KR_EXIT_ERROR;
        }
        edit.host = (struct kr_slice){host_id[0], 32};
    }
    return kr_council_edit(app, &edit, root, id) ? finish(app, id, _("The card was changed, and all who have it are told.\n"))
                                                 : KR_EXIT_ERROR;
}

int kr_run_council(struct kr_app *app, int argc, char **argv)
{
    const char *texts[KR_CARD_FIELDS] = {0}, *host = NULL;
    struct kr_root_options root = {0};
    const struct kr_option options[] = {{.name = "name-ja", .text = &texts[KR_CARD_NAME_JA]},
                                        {.name = "name-en", .text = &texts[KR_CARD_NAME_EN]},
                                        {.name = "region", .text = &texts[KR_CARD_REGION]},
                                        {.name = "contact-name", .text = &texts[KR_CARD_CONTACT_NAME]},
                                        {.name = "contact-mail", .text = &texts[KR_CARD_CONTACT_MAIL]},
                                        {.name = "contact-telephone", .text = &texts[KR_CARD_CONTACT_TELEPHONE]},
                                        {.name = "contact-hours", .text = &texts[KR_CARD_CONTACT_HOURS]},
                                        {.name = "endpoint", .text = &texts[KR_CARD_ENDPOINT]},
                                        {.name = "hosted-by", .text = &host},
                                        KR_ROOT_OPTIONS(root)};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 < argc) {
        return kr_app_unwanted(app, argv[rest + 1]);
    }
    const char *what = rest < argc ? argv[rest] : NULL;
    if (what != NULL && strcmp(what, "publish") == 0) {
        return publish(app, &root);
    }
    return what != NULL && strcmp(what, "set") == 0 ? set(app, texts, host, &root) : show(app, what);
}
