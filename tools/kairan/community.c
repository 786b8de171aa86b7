/* Commands about communities: community ls, show, create, leave, why; vouch, unvouch, expel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/client/community.h"
#include "proto/record/record.h"
#include "tools/kairan/given.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"
#include "tools/kairan/root_key.h"

/* ---- words for what a council is ---- */

static const struct {
    unsigned bit;
    const char *name;
} standings[] = {{KR_IS_FOUNDER, "founder"}, {KR_IS_NAMED, "named"},       {KR_IS_VOICE, "voice"}, {KR_IS_MEMBER, "member"},
                 {KR_WAS_MEMBER, "once"},    {KR_IS_EXPELLED, "expelled"}, {KR_HAS_LEFT, "left"}};

static json_t *standing_json(uint32_t standing)
{
    json_t *array = json_array();
    for (size_t i = 0; i < sizeof standings / sizeof standings[0]; i++) {
        if ((standing & standings[i].bit) != 0) {
            (void)json_array_append_new(array, json_string(standings[i].name));
        }
    }
    return array;
}

/* The one that says most: never translated in JSON. */
static const char *state_of(uint32_t standing)
{
    return (standing & KR_HAS_LEFT) != 0                     ? N_("left")
           : (standing & KR_IS_EXPELLED) != 0                ? N_("expelled")
           : (standing & KR_IS_MEMBER) != 0                  ? N_("member")
           : (standing & KR_WAS_MEMBER) != 0                 ? N_("former member")
           : (standing & (KR_IS_NAMED | KR_IS_FOUNDER)) != 0 ? N_("candidate")
                                                             : N_("no part in it");
}

/* ---- which community ---- */

struct pick {
    const char *name;
    uint8_t id[32];
    bool has_id;
    uint32_t count;
    struct kr_community_item item;
    char item_name[KR_NAME_BYTES_MAX + 1];
};

static enum kr_err offer(void *context, struct kr_slice bytes)
{
    struct pick *pick = context;
    struct kr_community_item item;
    enum kr_err err = kr_community_item_read(bytes, &item);
    if (err == KR_OK && (!pick->has_id || memcmp(pick->id, item.id, 32) == 0)) {
        pick->item = item;
        (void)kr_slice_text(item.name, pick->item_name, sizeof pick->item_name);
        pick->item.name = (struct kr_slice){(const uint8_t *)pick->item_name, strlen(pick->item_name)};
        pick->count++;
    }
    return err;
}

/* The one that is named, else the only one. */
static bool pick_community(struct kr_app *app, const char *name, struct pick *pick)
{
    *pick = (struct pick){.has_id = name != NULL};
    if (name != NULL && !kr_app_find_community(app, name, pick->id)) {
        return false;
    }
    if (kr_app_ask(app, KR_OP_COMMUNITIES, KR_ANSWER_MS, offer, pick, NULL) != KR_OK) {
        return false;
    }
    if (pick->count != 1) {
        (void)kr_app_fail(app, pick->count == 0 ? KR_NOT_FOUND : KR_INVALID, "%s",
                          pick->count == 0 ? _("no community is known here: found one with kairan community create, or ask for a "
                                               "ticket")
                                           : _("several communities are known here: name one; see kairan community ls"));
        return false;
    }
    return true;
}

static bool find_council(struct kr_app *app, const char *name, uint8_t ret_id[static 32])
{
    struct kr_texts names = {.items = {name}, .count = 1};
    uint8_t id[1][32];
    if (!kr_app_find_councils(app, &names, id)) {
        return false;
    }
    memcpy(ret_id, id[0], 32);
    return true;
}

/* ---- ls ---- */

struct listing {
    struct kr_app *app;
    uint64_t count;
};

static json_t *item_json(const struct kr_community_item *item)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:s, s:o, s:s, s:o}", "community", kr_json_id(item->id, 32), "name",
                     kr_json_slice(item->name), "founded", kr_json_time(item->created_ms), "founders", (json_int_t)item->founders,
                     "members", (json_int_t)item->members, "vouches_needed", (json_int_t)item->vouches_needed, "quorum",
                     (json_int_t)item->quorum, "state", state_of(item->standing), "standing", standing_json(item->standing),
                     "newcomers", item->is_from_now_on ? KR_NEWCOMERS_FROM_NOW_ON : KR_NEWCOMERS_PAST, "since",
                     kr_json_time(item->since_ms));
}

static void item_text(const struct kr_community_item *item)
{
    kr_out_id(stdout, item->id, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, item->name, 24);
    (void)printf(_("  this council: %s; members %u, vouches needed %u, quorum %u\n"), _(state_of(item->standing)), item->members,
                 item->vouches_needed, item->quorum);
}

static enum kr_err show_item(void *context, struct kr_slice bytes)
{
    struct listing *listing = context;
    struct kr_community_item item;
    enum kr_err err = kr_community_item_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    listing->count++;
    if (listing->app->is_json) {
        return kr_json_line(item_json(&item)) ? KR_OK : KR_IO;
    }
    item_text(&item);
    return KR_OK;
}

static int run_ls(struct kr_app *app, int argc, char **argv)
{
    struct listing listing = {.app = app};
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    if (kr_app_ask(app, KR_OP_COMMUNITIES, KR_ANSWER_MS, show_item, &listing, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    return listing.count > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

/* ---- show ---- */

static json_t *council_json(const struct kr_community_council *council)
{
    return json_pack("{s:o, s:o, s:s, s:o, s:b, s:b, s:I, s:I, s:o}", "council", kr_json_id(council->council, 32), "name",
                     kr_json_slice(council->name), "state", state_of(council->standing), "standing",
                     standing_json(council->standing), "self", council->is_self, "linked", council->is_linked, "vouches",
                     (json_int_t)council->vouches, "expulsions", (json_int_t)council->expulsions, "since",
                     kr_json_time(council->since_ms));
}

static enum kr_err show_council(void *context, struct kr_slice bytes)
{
    struct listing *listing = context;
    struct kr_community_council council;
    enum kr_err err = kr_community_council_read(bytes, &council);
    if (err != KR_OK) {
        return err;
    }
    if (listing->app->is_json) {
        return kr_json_line(council_json(&council)) ? KR_OK : KR_IO;
    }
    const bool is_member = (council.standing & KR_IS_MEMBER) != 0;
    kr_out_style(stdout, is_member ? KR_STYLE_GREEN : KR_STYLE_DIM);
    (void)fputs(is_member ? "  + " : "  - ", stdout);
    kr_out_id(stdout, council.council, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, council.name, 24);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)printf("  %s%s%s", _(state_of(council.standing)), (council.standing & KR_IS_FOUNDER) != 0 ? _(", founder") : "",
                 council.is_self ? _(", this council") : "");
    (void)printf(_("; vouches %u, expulsions %u"), council.vouches, council.expulsions);
    if (council.since_ms > 0) {
        (void)fputs(_("; GREEN since "), stdout);
        kr_out_time(stdout, council.since_ms / 1000);
    }
    (void)fputc('\n', stdout);
    return KR_OK;
}

static int run_show(struct kr_app *app, int argc, char **argv)
{
    struct listing listing = {.app = app};
    struct kr_community_ask ask = {0};
    struct kr_community_item item;
    struct kr_writer args;
    struct kr_slice result;
    struct pick pick;
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 < argc) {
        return kr_app_unwanted(app, argv[rest + 1]);
    }
    if (!pick_community(app, rest < argc ? argv[rest] : NULL, &pick)) {
        return KR_EXIT_ERROR;
    }
    if (!app->is_json) {
        item_text(&pick.item);
    }
    memcpy(ask.community, pick.item.id, 32);
    kr_writer_init(&args, KR_KIB);
    kr_community_ask_write(&ask, &args);
    enum kr_err err = kr_app_call(app, KR_OP_COMMUNITY, &args, KR_ANSWER_MS, show_council, &listing, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_community_item_read(result, &item) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        json_t *object = item_json(&item);
        (void)json_object_set_new(object, "text", kr_json_slice(item.text));
        return kr_json_line(object) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)printf("%s", item.created_ms > 0 ? _("founded: ") : "");
    if (item.created_ms > 0) {
        kr_out_time(stdout, item.created_ms / 1000);
        (void)fputc('\n', stdout);
    }
    (void)puts(item.is_from_now_on ? _("newcomers: get GREEN records from when they are in")
                                   : _("newcomers: get past GREEN records, too"));
    if (item.text.len > 0) {
        kr_out_text(stdout, item.text, true);
        (void)fputc('\n', stdout);
    }
    return KR_EXIT_DONE;
}

/* ---- create ---- */

static int print_id(const struct kr_app *app, const uint8_t id[static 32])
{
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o}", "id", kr_json_id(id, 32))) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    kr_out_id(stdout, id, 64);
    (void)fputc('\n', stdout);
    return KR_EXIT_DONE;
}

struct create {
    const char *vouches, *quorum, *newcomers, *text;
    struct kr_texts founders;
    struct kr_root_options root;
};

/* Into what the node is asked. `*ret_text` is the caller's to free(). */
static bool take_create(struct kr_app *app, const struct create *create, const char *name, struct kr_founding *found,
                        char **ret_text)
{
    uint64_t vouches = 0, quorum = 0;
    size_t len = 0;
    if (create->vouches == NULL || !kr_count_parse(create->vouches, KR_COMMUNITY_COUNCILS_MAX, &vouches) || vouches == 0) {
        (void)kr_app_fail(app, KR_INVALID, _("say how many members must vouch for a new one: --vouches N"));
        return false;
    }
    if (create->quorum == NULL || !kr_count_parse(create->quorum, KR_COMMUNITY_COUNCILS_MAX, &quorum) || quorum == 0) {
        (void)kr_app_fail(app, KR_INVALID, _("say how many members can expel one: --quorum N"));
        return false;
    }
    const char *newcomers = create->newcomers != NULL ? create->newcomers : KR_NEWCOMERS_PAST;
    if (kr_newcomers_parse((struct kr_slice){(const uint8_t *)newcomers, strlen(newcomers)}, &found->is_from_now_on) != KR_OK) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("--newcomers is past or from-now-on: whether they get GREEN records of before they were in"));
        return false;
    }
    if (create->founders.count > KR_FOUNDERS_MAX) {
        (void)kr_app_fail(app, KR_BOUNDS, _("a community has at most %u founders"), KR_FOUNDERS_MAX);
        return false;
    }
    if (create->text != NULL) {
        char *file = (char *)(uintptr_t)create->text;
        struct stat status;
        if (strcmp(file, "-") != 0 && (stat(file, &status) != 0 || S_ISDIR(status.st_mode))) {
            (void)kr_app_fail(app, KR_IO, _("cannot read %s: %s"), file, _("it cannot be read"));
            return false;
        }
        if (!kr_given_read(app, 1, &file, ret_text, &len)) {
            return false;
        }
        if (len > KR_TEXT_BYTES_MAX) {
            (void)kr_app_fail(app, KR_BOUNDS, _("too long: the text of a charter has at most %u bytes"), KR_TEXT_BYTES_MAX);
            return false;
        }
    }
    found->name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    found->text = (struct kr_slice){(const uint8_t *)*ret_text, len};
    found->vouches_needed = (uint32_t)vouches;
    found->quorum = (uint32_t)quorum;
    found->founder_count = create->founders.count;
    return kr_app_find_councils(app, &create->founders, found->founders);
}

static int run_create(struct kr_app *app, int argc, char **argv)
{
    static struct kr_founding found;
    struct create create = {0};
    const struct kr_option options[] = {
        {.name = "founder", .texts = &create.founders}, {.name = "vouches", .text = &create.vouches},
        {.name = "quorum", .text = &create.quorum},     {.name = "newcomers", .text = &create.newcomers},
        {.name = "text", .text = &create.text},         KR_ROOT_OPTIONS(create.root)};
    struct kr_writer args;
    uint8_t id[32];
    char *text = NULL;
    int rest, status = KR_EXIT_ERROR;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc) {
        return rest < argc ? kr_app_unwanted(app, argv[rest + 1])
                           : kr_app_fail(app, KR_INVALID, _("what is it called? kairan community create NAME"));
    }
    if (strlen(argv[rest]) > KR_NAME_BYTES_MAX) {
        return kr_app_fail(app, KR_BOUNDS, _("too long: a name has at most %u bytes"), KR_NAME_BYTES_MAX);
    }
    if (take_create(app, &create, argv[rest], &found, &text)) {
        kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX / 2);
        kr_founding_write(&found, &args);
        if (kr_app_state(app, KR_OP_FOUND, &args, KR_KIND_CHARTER, NULL, &create.root, id)) {
            status = print_id(app, id);
        }
        kr_writer_deinit(&args);
    }
    free(text);
    return status;
}

/* ---- vouch, unvouch, expel, leave ---- */

struct say {
    const char *community, *reason;
    bool is_sure, is_withdrawn;
    struct kr_root_options root;
};

/* 1: yes, 0: no, -1: it has been told why not. */
static int ask(struct kr_app *app, const struct say *say, const char *question)
{
    if (say->is_sure) {
        return 1;
    }
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add -y where it is to go as it is"));
        return -1;
    }
    (void)fprintf(stderr, "%s\n", question);
    if (!kr_ask()) {
        (void)fputs(_("Nothing was sent.\n"), stderr);
        return 0;
    }
    return 1;
}

static int send_word(struct kr_app *app, const struct say *say, struct kr_say *word)
{
    struct kr_writer args;
    uint8_t id[32];
    if (say->reason != NULL) {
        word->reason = (struct kr_slice){(const uint8_t *)say->reason, strlen(say->reason)};
    }
    if (word->reason.len > KR_NOTE_BYTES_MAX) {
        return kr_app_fail(app, KR_BOUNDS, _("too long: a reason has at most %u bytes"), KR_NOTE_BYTES_MAX);
    }
    if (say->community != NULL) {
        word->has_community = kr_app_find_community(app, say->community, word->community);
        if (!word->has_community) {
            return KR_EXIT_ERROR;
        }
    }
    kr_writer_init(&args, 4 * KR_KIB);
    kr_say_write(word, &args);
    const bool ok =
        kr_app_state(app, KR_OP_SAY, &args, word->is_expulsion ? KR_KIND_EXPULSION : KR_KIND_VOUCH, word->council, &say->root, id);
    kr_writer_deinit(&args);
    return ok ? print_id(app, id) : KR_EXIT_ERROR;
}

static enum kr_err note_self(void *context, struct kr_slice bytes)
{
    static struct kr_council_item council;
    enum kr_err err = kr_council_item_read(bytes, &council);
    if (err == KR_OK && council.is_self) {
        memcpy(context, council.council, 32);
    }
    return err;
}

static int run_leave(struct kr_app *app, int argc, char **argv)
{
    struct say say = {0};
    const struct kr_option options[] = {{.name = "reason", .text = &say.reason},
                                        {.name = "withdraw", .flag = &say.is_withdrawn},
                                        {.name = "yes", .letter = 'y', .flag = &say.is_sure},
                                        KR_ROOT_OPTIONS(say.root)};
    struct kr_say word = {.is_expulsion = true};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 < argc) {
        return kr_app_unwanted(app, argv[rest + 1]);
    }
    say.community = rest < argc ? argv[rest] : NULL;
    word.is_withdrawn = say.is_withdrawn;
    if (!say.is_withdrawn &&
        ask(app, &say,
            _("This council leaves the community: it gets no GREEN records of it any more, and its vouches no longer "
              "count, so that those whom it alone let in are no members either.")) != 1) {
        return KR_EXIT_ERROR;
    }
    if (kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, note_self, word.council, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    return send_word(app, &say, &word);
}

/* The council that is named, and the reason where one is wanted. */
static bool take_word(struct kr_app *app, int argc, char **argv, int rest, const struct say *say, struct kr_say *word,
                      bool wants_reason)
{
    if (rest + 1 != argc) {
        (void)(rest < argc ? kr_app_unwanted(app, argv[rest + 1])
                           : kr_app_fail(app, KR_INVALID, _("which council? Its name or id; see kairan councils")));
        return false;
    }
    if (wants_reason && (say->reason == NULL || say->reason[0] == 0)) {
        (void)kr_app_fail(app, KR_INVALID, _("say why, for the other members: --reason TEXT"));
        return false;
    }
    return find_council(app, argv[rest], word->council);
}

static int run_vouching(struct kr_app *app, int argc, char **argv, bool is_withdrawn)
{
    struct say say = {.is_withdrawn = is_withdrawn};
    const struct kr_option options[] = {
        {.name = "community", .text = &say.community}, {.name = "reason", .text = &say.reason}, KR_ROOT_OPTIONS(say.root)};
    struct kr_say word = {.is_withdrawn = is_withdrawn};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest) ||
        !take_word(app, argc, argv, rest, &say, &word, is_withdrawn)) {
        return KR_EXIT_ERROR;
    }
    return send_word(app, &say, &word);
}

int kr_run_vouch(struct kr_app *app, int argc, char **argv)
{
    return run_vouching(app, argc, argv, false);
}

int kr_run_unvouch(struct kr_app *app, int argc, char **argv)
{
    return run_vouching(app, argc, argv, true);
}

int kr_run_expel(struct kr_app *app, int argc, char **argv)
{
    struct say say = {0};
    const struct kr_option options[] = {{.name = "community", .text = &say.community},
                                        {.name = "reason", .text = &say.reason},
                                        {.name = "withdraw", .flag = &say.is_withdrawn},
                                        {.name = "yes", .letter = 'y', .flag = &say.is_sure},
                                        KR_ROOT_OPTIONS(say.root)};
    struct kr_say word = {.is_expulsion = true};
    uint8_t self[32] = {0};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest) ||
        !take_word(app, argc, argv, rest, &say, &word, !say.is_withdrawn)) {
        return KR_EXIT_ERROR;
    }
    word.is_withdrawn = say.is_withdrawn;
    if (kr_app_ask(app, KR_OP_COUNCILS, KR_ANSWER_MS, note_self, self, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (memcmp(self, word.council, 32) == 0) {
        return kr_app_fail(app, KR_INVALID, _("this is your own council: kairan community leave"));
    }
    if (!say.is_withdrawn &&
        ask(app, &say, _("All members read that this council expels it, and why. Once a quorum has, it is a member no more.")) !=
            1) {
        return KR_EXIT_ERROR;
    }
    return send_word(app, &say, &word);
}

/* ---- why ---- */

struct why {
    struct kr_app *app;
    uint8_t council[32];
    bool has_chain;
};

static json_t *word_json(const struct kr_community_word *word)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:b, s:b, s:s, s:o, s:o, s:o}", "says", word->is_expulsion ? "expulsion" : "vouch",
                     "from", kr_json_id(word->from, 32), "from_name", kr_json_slice(word->from_name), "to",
                     kr_json_id(word->to, 32), "to_name", kr_json_slice(word->to_name), "withdrawn", word->is_withdrawn, "counts",
                     !word->is_withdrawn && (word->standing & KR_IS_MEMBER) != 0, "from_state", state_of(word->standing),
                     "from_standing", standing_json(word->standing), "created", kr_json_time(word->created_ms), "reason",
                     kr_json_slice(word->reason));
}

static enum kr_err show_word(void *context, struct kr_slice bytes)
{
    struct why *why = context;
    struct kr_community_word word;
    enum kr_err err = kr_community_word_read(bytes, &word);
    if (err != KR_OK) {
        return err;
    }
    if (why->app->is_json) {
        return kr_json_line(word_json(&word)) ? KR_OK : KR_IO;
    }
    const bool counts = !word.is_withdrawn && (word.standing & KR_IS_MEMBER) != 0;
    if (!why->has_chain && memcmp(word.to, why->council, 32) != 0) {
        (void)printf("%s\n", _("Why the word of those counts:"));
        why->has_chain = true;
    }
    kr_out_style(stdout, !counts ? KR_STYLE_DIM : word.is_expulsion ? KR_STYLE_RED : KR_STYLE_GREEN);
    (void)fputs(!counts ? "  - " : word.is_expulsion ? "  x " : "  + ", stdout);
    kr_out_text(stdout, word.from_name, false);
    (void)fputs(word.is_expulsion ? (word.is_withdrawn ? _(" no longer expels ") : _(" expels "))
                                  : (word.is_withdrawn ? _(" no longer vouches for ") : _(" vouches for ")),
                stdout);
    kr_out_text(stdout, word.to_name, false);
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)fputs(", ", stdout);
    kr_out_time(stdout, word.created_ms / 1000);
    (void)printf(" (%s%s)", _(state_of(word.standing)), (word.standing & KR_IS_FOUNDER) != 0 ? _(", founder") : "");
    if (word.reason.len > 0) {
        (void)fputs(": ", stdout);
        kr_out_text(stdout, word.reason, false);
    }
    (void)fputc('\n', stdout);
    return KR_OK;
}

static void verdict_text(const struct kr_community_council *council, const struct kr_community_item *item)
{
    const bool is_founder = (council->standing & KR_IS_FOUNDER) != 0, is_member = (council->standing & KR_IS_MEMBER) != 0;
    kr_out_style(stdout, is_member ? KR_STYLE_GREEN : KR_STYLE_RED);
    kr_out_text(stdout, council->name, false);
    (void)printf(": %s%s", _(state_of(council->standing)), is_founder ? _(", founder") : "");
    kr_out_style(stdout, KR_STYLE_NONE);
    (void)printf(_("\n  vouches that count: %u, needed: %u\n  expulsions that count: %u, quorum: %u\n"), council->vouches,
                 item->vouches_needed, council->expulsions, item->quorum);
    if (!is_founder && council->vouches < item->vouches_needed) {
        (void)printf(_("  missing: %u vouches of members (kairan vouch)\n"), item->vouches_needed - council->vouches);
    }
}

static int run_why(struct kr_app *app, int argc, char **argv)
{
    const char *community = NULL;
    const struct kr_option options[] = {{.name = "community", .text = &community}};
    struct why why = {.app = app};
    struct kr_community_ask ask = {.has_council = true};
    struct kr_community_council council;
    struct kr_writer args;
    struct kr_slice result;
    struct pick pick;
    int rest;
    if (!kr_options_parse(app, argc, argv, options, 1, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 != argc) {
        return rest < argc ? kr_app_unwanted(app, argv[rest + 1])
                           : kr_app_fail(app, KR_INVALID, _("which council? Its name or id; see kairan councils"));
    }
    if (!find_council(app, argv[rest], why.council) || !pick_community(app, community, &pick)) {
        return KR_EXIT_ERROR;
    }
    memcpy(ask.community, pick.item.id, 32);
    memcpy(ask.council, why.council, 32);
    kr_writer_init(&args, KR_KIB);
    kr_community_ask_write(&ask, &args);
    enum kr_err err = kr_app_call(app, KR_OP_COMMUNITY_WHY, &args, KR_ANSWER_MS, show_word, &why, &result);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (kr_community_council_read(result, &council) != KR_OK) {
        return kr_app_unreadable(app);
    }
    if (app->is_json) {
        json_t *object = council_json(&council);
        (void)json_object_set_new(object, "vouches_needed", json_integer(pick.item.vouches_needed));
        (void)json_object_set_new(object, "quorum", json_integer(pick.item.quorum));
        return kr_json_line(object) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    verdict_text(&council, &pick.item);
    return KR_EXIT_DONE;
}

int kr_run_community(struct kr_app *app, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct kr_app *app, int argc, char **argv);
    } commands[] = {{"ls", run_ls}, {"show", run_show}, {"create", run_create}, {"leave", run_leave}, {"why", run_why}};
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(app, argc - 1, argv + 1);
        }
    }
    return kr_app_fail(app, KR_INVALID, _("it is kairan community ls, show, create, leave or why"));
}
