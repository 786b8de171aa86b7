/* The node's own keys: listed, replaced on a day that was planned, taken back when they were stolen. */
#include "tools/kairan/keys.h"

#include <string.h>

#include "crypto/secret.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"
#include "tools/kairan/storage_key.h"
#include "tools/kairan/transport_key.h"

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

/* By the dates of both (docs/PROTOCOL.md): a node of this council's may have such a key, too. */
const struct kr_key_item *kr_keys_planned(const struct kr_own_keys *keys, bool *ret_is_here)
{
    const struct kr_key_item *used = kr_keys_of_node(keys);
    for (uint32_t i = 0; i < keys->count && used != NULL; i++) {
        const struct kr_key_item *item = &keys->items[i];
        const bool comes = item->state == KR_KEY_COMES || item->state == KR_KEY_NOT_HERE;
        if (item->sort == KR_KEY_OF_NODE && comes && item->from_s != 0 && item->from_s > used->from_s &&
            kr_key_turn_s(item->from_s) + KR_KEY_OVERLAP_S == used->until_s) {
            *ret_is_here = item->state == KR_KEY_COMES;
            return item;
        }
    }
    return NULL;
}

/* What ends when that one has its turn; NULL: nothing does. It began before, so there is no circle. */
static const struct kr_key_item *key_before(const struct kr_own_keys *keys, const struct kr_key_item *item)
{
    const struct kr_key_item *before = NULL;
    for (uint32_t i = 0; i < keys->count && before == NULL; i++) {
        const struct kr_key_item *other = &keys->items[i];
        const bool is_before = other->sort == item->sort && other->from_s < item->from_s &&
                               kr_key_turn_s(item->from_s) + KR_KEY_OVERLAP_S == other->until_s;
        before = is_before ? other : NULL;
    }
    return before;
}

static bool is_anothers(const struct kr_own_keys *keys, const struct kr_key_item *item, const struct kr_other_nodes *others)
{
    bool is = false;
    while (item != NULL && !is) { /* one that was not met since its turn was last seen with the key before */
        for (uint32_t i = 0; i < others->count; i++) {
            is = is || memcmp(others->keys[i], item->public_key, 32) == 0;
        }
        item = key_before(keys, item);
    }
    return is;
}

uint32_t kr_keys_strange(const struct kr_own_keys *keys, const struct kr_key_item *planned, const struct kr_other_nodes *others,
                         uint64_t now_s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct kr_key_item *item = &keys->items[i];
        count += item != planned && item->sort == KR_KEY_OF_NODE && item->state == KR_KEY_NOT_HERE &&
                 kr_key_turn_s(item->from_s) <= now_s && !is_anothers(keys, item, others);
    }
    return count > others->unmet ? count - others->unmet : 0;
}

bool kr_keys_is_mute(const struct kr_own_keys *keys, uint64_t now_s)
{
    const struct kr_key_item *item = kr_keys_of_node(keys);
    return item != NULL && (item->state == KR_KEY_UNLISTED || (item->until_s != 0 && item->until_s <= now_s));
}

/* ---- list ---- */

static const char *const sorts[] = {"", "node", "sealing", "transport"};
static const char *const states[] = {"", "in use", "comes next", "replaced", "not here", "not on the card", "set aside"};

/* When that has its turn that is on the card already; 0: nothing of the kind. */
static uint64_t turn_of(const struct kr_key_item *item)
{
    return item->sort == KR_KEY_OF_NODE && item->state == KR_KEY_COMES && item->from_s != 0 ? kr_key_turn_s(item->from_s) : 0;
}

json_t *kr_key_json(const struct kr_key_item *item)
{
    const uint64_t turn_s = turn_of(item);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "sort", sorts[item->sort], "state", states[item->state], "key",
                     kr_json_id(item->public_key, 32), "from", kr_json_time(item->from_s * 1000), "until",
                     kr_json_time(item->until_s * 1000), "turn", turn_s != 0 ? kr_json_time(turn_s * 1000) : json_null());
}

void kr_key_text(const struct kr_key_item *item)
{
    const char *const state_texts[] = {
        "", _("in use"), _("comes next"), _("replaced"), _("not of this node"), _("NOT ON THE CARD"), _("set aside")};
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
    if (turn_of(item) != 0) {
        (void)fputs(_(", signs from "), stdout);
        kr_out_moment(stdout, turn_of(item));
    }
    (void)fputc('\n', stdout);
}

static int list(struct kr_app *app)
{
    static struct kr_own_keys keys;
    bool ok = kr_keys_ask(app, &keys);
    for (uint32_t i = 0; i < keys.count && ok; i++) {
        if (app->is_json) {
            ok = kr_json_line(kr_key_json(&keys.items[i]));
        } else {
            kr_key_text(&keys.items[i]);
        }
    }
    return ok ? KR_EXIT_DONE : KR_EXIT_ERROR;
}

/* ---- rotate ---- */

/* Made before the card that lists them is signed: what is sealed to a key on the card must be readable wherever the power goes. */
static bool make_keys(struct kr_app *app, enum kr_new_keys what)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 1);
    kr_writer_uint(&args, what);
    const bool ok = kr_app_call(app, KR_OP_NEW_KEYS, &args, KR_ANSWER_MS, NULL, NULL, NULL) == KR_OK;
    kr_writer_deinit(&args);
    return ok;
}

static bool put_on_card(struct kr_app *app, const struct kr_rotate *rotate, const struct kr_root_options *root,
                        uint8_t ret_id[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, 32);
    kr_rotate_write(rotate, &args);
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
    ok = ok && make_keys(app, KR_NEW_KEYS_ONCE) && put_on_card(app, &(struct kr_rotate){.act = KR_ROTATE_NOW}, root, id) &&
         kr_keys_ask(app, &keys);
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

/* ---- rotate on a day ---- */

static int rotate_at(struct kr_app *app, const char *text, const struct kr_root_options *root)
{
    static struct kr_own_keys keys;
    struct kr_rotate rotate = {.act = KR_ROTATE_AT};
    uint8_t id[32];
    bool is_here = false;
    if (!kr_moment_parse(text, true, &rotate.at_s)) {
        return kr_app_fail(app, KR_INVALID,
                           _("--at takes a day to come like 2027-04-01 or 2027-04-01T09:00, in this machine's time zone, "
                             "2027-04-01T09:00+09:00, or a span like 30d"));
    }
    if (!make_keys(app, KR_NEW_KEYS_ONCE) || !put_on_card(app, &rotate, root, id) || !kr_keys_ask(app, &keys)) {
        return KR_EXIT_ERROR;
    }
    const struct kr_key_item *used = kr_keys_of_node(&keys), *planned = kr_keys_planned(&keys, &is_here);
    if (used == NULL || planned == NULL) {
        return kr_app_unreadable(app);
    }
    const uint64_t turn_s = kr_key_turn_s(planned->from_s);
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:o, s:o}", "key", kr_json_id(planned->public_key, 32), "before",
                                      kr_json_id(used->public_key, 32), "at", kr_json_time(turn_s * 1000), "before_until",
                                      kr_json_time(used->until_s * 1000)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("This node turns to a new key by itself, or when it is next started: "), stdout);
    kr_out_moment(stdout, turn_s);
    (void)fputs(_("\nThe key: "), stdout);
    kr_out_id(stdout, planned->public_key, 16);
    (void)fputs(_("\nPeers hear of it now and need do nothing. The key before is accepted until: "), stdout);
    kr_out_time(stdout, used->until_s);
    (void)fputs(_("\nNothing has to be signed on that day. To call it off: kairan node rotate --cancel\n"
                  "Make a copy of the keyring: older copies do not have the new keys.\n"),
                stdout);
    return KR_EXIT_DONE;
}

static int rotate_cancel(struct kr_app *app, const struct kr_root_options *root)
{
    static struct kr_own_keys keys;
    uint8_t id[32], key[32] = {0};
    bool is_here = false;
    const struct kr_key_item *planned = kr_keys_ask(app, &keys) ? kr_keys_planned(&keys, &is_here) : NULL;
    if (planned != NULL) {
        memcpy(key, planned->public_key, 32);
    }
    if (!put_on_card(app, &(struct kr_rotate){.act = KR_ROTATE_CANCEL}, root, id)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "cancelled", kr_json_id(key, 32))) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)fputs(_("Called off: this node signs with the key that it has, without an end. The new one stays in the keyring until "
                  "kairan node rotate uses it.\n"),
                stdout);
    return KR_EXIT_DONE;
}

/* ---- revoke ---- */

/* By the beginning of its hexadecimal form, eight digits at least. */
static const struct kr_key_item *find_key(const struct kr_app *app, const struct kr_own_keys *keys, enum kr_key_sort sort,
                                          const char *text)
{
    uint8_t id[32];
    size_t len = 0;
    const struct kr_key_item *found = NULL;
    if (!kr_id_parse(text, id, &len)) {
        (void)kr_app_fail(app, KR_INVALID, _("%s is no key: give eight hexadecimal digits of it or more, see kairan node keys"),
                          text);
        return NULL;
    }
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct kr_key_item *item = &keys->items[i];
        const bool is_listed = item->state != KR_KEY_COMES && item->state != KR_KEY_UNLISTED;
        if (item->sort == sort && is_listed && memcmp(item->public_key, id, len) == 0) {
            if (found != NULL) {
                (void)kr_app_fail(app, KR_EXISTS, _("several keys begin with %s: give more of it"), text);
                return NULL;
            }
            found = item;
        }
    }
    if (found == NULL) {
        (void)kr_app_fail(app, KR_NOT_FOUND,
                          sort == KR_KEY_OF_NODE ? _("no node key on the card begins with %s: see kairan node keys")
                                                 : _("no transport key on the card begins with %s: see kairan node keys"),
                          text);
    }
    return found;
}

/* Whether it could be done, by who is asked and by the root key that is given: what was planned goes when new keys are made, and
 * must not for a revocation that is refused. */
static bool may_revoke(struct kr_app *app, const struct kr_revoke *revoke, const struct kr_root_options *root)
{
    struct kr_revoke question = *revoke;
    struct kr_writer args;
    question.is_question = true;
    question.has_root = root->key != NULL;
    if (question.has_root) {
        memcpy(question.root, root->key->public_key, sizeof question.root);
    }
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(&question, &args);
    const bool ok = kr_app_call(app, KR_OP_REVOKE, &args, KR_ANSWER_MS, NULL, NULL, NULL) == KR_OK;
    kr_writer_deinit(&args);
    return ok;
}

static bool send_revoke(struct kr_app *app, const struct kr_revoke *revoke, const struct kr_root_options *root,
                        uint8_t ret_id[static 32])
{
    struct kr_writer args;
    kr_writer_init(&args, KR_KIB);
    kr_revoke_write(revoke, &args);
    const bool ok = kr_app_state(app, KR_OP_REVOKE, &args, KR_KIND_COUNCIL_CARD, revoke->key, root, ret_id);
    kr_writer_deinit(&args);
    return ok;
}

/* With new keys in place of those that whoever had this one has, too. */
static bool replace_and_revoke(struct kr_app *app, const struct kr_revoke *revoke, const struct kr_root_options *options)
{
    struct kr_root_options root = *options;
    struct kr_root_key *key = NULL;
    uint8_t id[32];
    bool ok = root.file == NULL || root.key != NULL || kr_root_open(app, &root, &key);
    root.key = key != NULL ? key : root.key;
    ok = ok && may_revoke(app, revoke, &root) && make_keys(app, KR_NEW_KEYS_ANEW) && send_revoke(app, revoke, &root, id);
    kr_secret_free(key);
    return ok;
}

static int finish_revoke(struct kr_app *app, const struct kr_revoke *revoke, bool was_in_use)
{
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o, s:b}", "revoked", kr_json_id(revoke->key, 32), "since",
                                      kr_json_time(revoke->since_ms), "replaced", was_in_use))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("The key is revoked: "), stdout);
    kr_out_id(stdout, revoke->key, 16);
    (void)fputs(
        _("\nWhat it signed and this council did not name disappears at everybody who hears of it; what it took back falsely "
          "comes back from whoever has it.\n"),
        stdout);
    if (was_in_use) {
        (void)fputs(_("This node signs with a new key, and others seal to a new one. Make a copy of the keyring.\n"), stdout);
    }
    (void)fputs(_("Whoever had the keyring could read what was sealed to this council until now: tell those who sent it.\n"),
                stdout);
    return KR_EXIT_DONE;
}

/* Which machine it is on, by its transport key; `none`: nobody knows. */
static bool find_machine(const struct kr_app *app, const struct kr_own_keys *keys, const char *text, struct kr_revoke *revoke)
{
    revoke->has_machine = text != NULL;
    if (text == NULL || strcmp(text, "none") == 0) {
        return true;
    }
    const struct kr_key_item *key = find_key(app, keys, KR_KEY_OF_TRANSPORT, text);
    if (key != NULL) {
        memcpy(revoke->machine, key->public_key, sizeof revoke->machine);
    }
    return key != NULL;
}

struct revoke_options {
    const char *since, *machine;
    bool is_taken_over;
};

static int revoke_key(struct kr_app *app, const char *text, const struct revoke_options *options,
                      const struct kr_root_options *root)
{
    static struct kr_own_keys keys;
    struct kr_revoke revoke = {.is_taken_over = options->is_taken_over};
    uint8_t id[32];
    if (text == NULL || options->since == NULL) {
        return kr_app_fail(app, KR_INVALID,
                           _("which key, and since when may it have been in other hands? kairan node revoke KEY --since WHEN"));
    }
    if (!kr_moment_parse_ms(options->since, false, &revoke.since_ms)) {
        return kr_app_fail(app, KR_INVALID, _("--%s takes a span like 36h or 7d, or a date like 2026-04-01"), "since");
    }
    if (!kr_keys_ask(app, &keys)) {
        return KR_EXIT_ERROR;
    }
    const struct kr_key_item *key = find_key(app, &keys, KR_KEY_OF_NODE, text);
    if (key == NULL || !find_machine(app, &keys, options->machine, &revoke)) {
        return KR_EXIT_ERROR;
    }
    /* That of another node has the council's sealing keys, too: new ones take their place, and with them a node key. */
    const bool is_in_use = key->state == KR_KEY_IN_USE || revoke.has_machine || kr_nodes_has(app, key->public_key);
    memcpy(revoke.key, key->public_key, 32);
    if (is_in_use ? !replace_and_revoke(app, &revoke, root) : !send_revoke(app, &revoke, root, id)) {
        return KR_EXIT_ERROR;
    }
    return finish_revoke(app, &revoke, is_in_use);
}

int kr_run_node(struct kr_app *app, int argc, char **argv)
{
    struct kr_root_options root = {0};
    struct kr_node_options nodes = {.root = &root};
    struct revoke_options revoke = {0};
    const char *at = NULL;
    bool is_cancelled = false;
    const struct kr_option options[] = {{.name = "at", .text = &at},
                                        {.name = "cancel", .flag = &is_cancelled},
                                        {.name = "since", .text = &revoke.since},
                                        {.name = "taken-over", .flag = &revoke.is_taken_over},
                                        {.name = "machine", .text = &revoke.machine},
                                        {.name = "ttl", .text = &nodes.ttl},
                                        {.name = "name", .text = &nodes.name},
                                        {.name = "endpoint", .text = &nodes.endpoint},
                                        {.name = "config", .text = &nodes.config},
                                        {.name = "passphrase-fd", .text = &nodes.passphrase_fd},
                                        {.name = "passphrase-file", .text = &nodes.passphrase_file},
                                        KR_ROOT_OPTIONS(root)};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    const char *what = rest < argc ? argv[rest++] : "keys";
    if (strcmp(what, "revoke") == 0) {
        const char *key = rest < argc ? argv[rest++] : NULL;
        return rest < argc ? kr_app_unwanted(app, argv[rest]) : revoke_key(app, key, &revoke, &root);
    }
    static const char *const of_nodes[] = {"ls", "invite", "join", "add", "refuse"};
    for (size_t i = 0; i < sizeof of_nodes / sizeof of_nodes[0]; i++) {
        if (strcmp(what, of_nodes[i]) == 0) {
            const char *argument = rest < argc ? argv[rest++] : NULL;
            return rest < argc ? kr_app_unwanted(app, argv[rest]) : kr_run_nodes(app, what, argument, &nodes);
        }
    }
    const bool has_act = strcmp(what, "storage") == 0 || strcmp(what, "transport") == 0;
    const char *act = has_act && rest < argc ? argv[rest++] : NULL;
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (strcmp(what, "storage") == 0) {
        return kr_run_storage(app, act);
    }
    if (strcmp(what, "transport") == 0) {
        return kr_run_transport(app, act, &root);
    }
    if (strcmp(what, "keys") == 0) {
        return list(app);
    }
    if (strcmp(what, "rotate") == 0) {
        if (at != NULL && is_cancelled) {
            return kr_app_fail(app, KR_INVALID, _("--at and --cancel: one of the two"));
        }
        return at != NULL ? rotate_at(app, at, &root) : is_cancelled ? rotate_cancel(app, &root) : rotate(app, &root);
    }
    return kr_app_fail(app, KR_INVALID,
                       _("it is kairan node keys, rotate, revoke, storage, transport, ls, invite, join, add or refuse"));
}
