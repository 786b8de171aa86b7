/* The node's own keys: listed, replaced on a day that was planned. */
#include "tools/kairan/keys.h"

#include <string.h>

#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"

/* ---- asking ---- */

static enum kr_err take_key(void *context, struct kr_slice bytes)
{
    struct kr_own_keys *keys = context;
    return keys->count == KR_KEY_ITEMS_MAX ? KR_BOUNDS : kr_key_item_read(bytes, &keys->items[keys->count++]);
}

bool kr_keys_ask(struct kr_app *app, struct kr_own_keys *ret_keys)
{
    ret_keys->count = 0;
    return kr_app_ask(app, KR_OP_KEYS, KR_ANSWER_MS, take_key, ret_keys, NULL) == KR_OK;
}

const struct kr_key_item *kr_keys_of_node(const struct kr_own_keys *keys)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct kr_key_item *item = &keys->items[i];
        if (item->sort == KR_KEY_OF_NODE && (item->state == KR_KEY_IN_USE || item->state == KR_KEY_UNLISTED)) {
            return item;
        }
    }
    return NULL;
}

bool kr_keys_is_mute(const struct kr_own_keys *keys, uint64_t now_s)
{
    const struct kr_key_item *item = kr_keys_of_node(keys);
    return item != NULL && (item->state == KR_KEY_UNLISTED || (item->until_s != 0 && item->until_s <= now_s));
}

/* ---- list ---- */

static const char *const sorts[] = {"", "node", "sealing", "transport"};
static const char *const states[] = {"", "in use", "comes next", "replaced", "not here", "not on the card"};

static bool key_json(const struct kr_key_item *item)
{
    return kr_json_line(json_pack("{s:s, s:s, s:o, s:o, s:o}", "sort", sorts[item->sort], "state", states[item->state], "key",
                                  kr_json_id(item->public_key, 32), "from", kr_json_time(item->from_s * 1000), "until",
                                  kr_json_time(item->until_s * 1000)));
}

static void key_text(const struct kr_key_item *item)
{
    const char *const state_texts[] = {
        "", _("in use"), _("comes next"), _("replaced"), _("not of this node"), _("NOT ON THE CARD")};
    const bool is_bad = item->state == KR_KEY_UNLISTED;
    (void)printf("%-9s  ", sorts[item->sort]);
    kr_out_id(stdout, item->public_key, 16);
    (void)fputs("  ", stdout);
    kr_out_time(stdout, item->from_s);
    (void)fputs(" – ", stdout);
    kr_out_time(stdout, item->until_s);
    (void)fputs("  ", stdout);
    kr_out_style(stdout, is_bad ? KR_STYLE_RED : item->state == KR_KEY_IN_USE ? KR_STYLE_GREEN : KR_STYLE_NONE);
    (void)fputs(state_texts[item->state], stdout);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app)
{
    static struct kr_own_keys keys;
    bool ok = kr_keys_ask(app, &keys);
    for (uint32_t i = 0; i < keys.count && ok; i++) {
        if (app->is_json) {
            ok = key_json(&keys.items[i]);
        } else {
            key_text(&keys.items[i]);
        }
    }
    return ok ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- rotate ---- */

/* Made before the card that lists them is signed: what is sealed to a key on the card must be readable wherever the power goes. */
static bool make_keys(struct kr_app *app)
{
    return kr_app_ask(app, KR_OP_NEW_KEYS, KR_ANSWER_MS, NULL, NULL, NULL) == KR_OK;
}

static bool put_on_card(struct kr_app *app, const struct kr_root_options *root, uint8_t ret_id[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 0);
    const bool ok = kr_app_state(app, KR_OP_ROTATE, &args, KR_KIND_COUNCIL_CARD, NULL, root, ret_id);
    kr_writer_deinit(&args);
    return ok;
}

static int rotate(struct kr_app *app, const struct kr_root_options *root)
{
    static struct kr_own_keys keys;
    uint8_t id[32], before[32] = {0};
    uint64_t until_s = 0;
    bool ok = kr_keys_ask(app, &keys);
    const struct kr_key_item *old = ok ? kr_keys_of_node(&keys) : NULL;
    if (old != NULL) {
        memcpy(before, old->public_key, 32);
    }
    ok = ok && make_keys(app) && put_on_card(app, root, id) && kr_keys_ask(app, &keys);
    const struct kr_key_item *now = ok ? kr_keys_of_node(&keys) : NULL;
    if (now == NULL) {
        return ok ? kr_app_unreadable(app) : KR_EXIT_ERROR;
    }
    for (uint32_t i = 0; i < keys.count; i++) {
        until_s = memcmp(keys.items[i].public_key, before, 32) == 0 ? keys.items[i].until_s : until_s;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:o}", "key", kr_json_id(now->public_key, 32), "before", kr_json_id(before, 32),
                                      "before_until", kr_json_time(until_s * 1000)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("This node signs with a new key from now on: "), stdout);
    kr_out_id(stdout, now->public_key, 16);
    (void)fputs(_("\nPeers need do nothing. What the key before has signed stays valid; it is accepted until: "), stdout);
    kr_out_time(stdout, until_s);
    (void)fputs(_("\nMake a copy of the keyring: older copies do not have the new keys.\n"), stdout);
    return KR_EXIT_DONE;
}

int kr_run_node(struct kr_app *app, int argc, char **argv)
{
    struct kr_root_options root = {0};
    const struct kr_option options[] = {KR_ROOT_OPTIONS(root)};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    const char *what = rest < argc ? argv[rest++] : "keys";
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (strcmp(what, "keys") == 0) {
        return list(app);
    }
    if (strcmp(what, "rotate") == 0) {
        return rotate(app, &root);
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan node keys or kairan node rotate"));
}
