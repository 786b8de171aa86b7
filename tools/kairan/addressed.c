#include "tools/kairan/addressed.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/client/body_key.h"
#include "proto/wire/address.h"
#include "tools/kairan/known.h"
#include "tools/kairan/out.h"
#include "tools/kairan/sealed.h"
#include "tools/kairan/told.h"

struct search {
    uint32_t sort, count;
    const char *name;
    uint8_t id[32];
    size_t id_len;
    struct kr_addressed found;
    char found_name[KR_NAME_BYTES_MAX + 1];
};

static bool is_named(struct kr_slice name, const char *wanted)
{
    return name.len > 0 && strlen(wanted) == name.len && strncasecmp((const char *)name.bytes, wanted, name.len) == 0;
}

static enum kr_err offer(void *context, struct kr_slice bytes)
{
    struct search *search = context;
    struct kr_addressee addressee;
    enum kr_err err = kr_addressee_read(bytes, &addressee);
    if (err != KR_OK || addressee.sort != search->sort) {
        return err;
    }
    const bool has_id = search->id_len > 0 && memcmp(search->id, addressee.id, search->id_len) == 0;
    if (has_id || is_named(addressee.name_ja, search->name) || is_named(addressee.name_en, search->name)) {
        const bool prefers_ja = (strcmp(kr_tr_language(), "ja") == 0 && addressee.name_ja.len > 0) || addressee.name_en.len == 0;
        search->count++;
        memcpy(search->found.id, addressee.id, 32);
        memcpy(search->found.key, addressee.key, 32);
        (void)kr_slice_text(prefers_ja ? addressee.name_ja : addressee.name_en, search->found_name, sizeof search->found_name);
    }
    return KR_OK;
}

static bool by_name(struct kr_app *app, uint32_t sort, const char *name, struct search *search)
{
    *search = (struct search){.sort = sort, .name = name, .found = {.sort = sort}};
    if (!kr_id_parse(name, search->id, &search->id_len)) {
        search->id_len = 0;
    }
    if (kr_app_ask(app, KR_OP_ADDRESSEES, KR_ANSWER_MS, offer, search, NULL) != KR_OK) {
        return false;
    }
    if (search->count != 1) {
        (void)kr_app_fail(app, search->count == 0 ? KR_NOT_FOUND : KR_INVALID,
                          search->count > 1 ? _("\"%s\": several have this name: name the id; see kairan key ls")
                          : sort == KR_ADDRESSED_BODY
                              ? _("\"%s\": no body of this council has this name and a key; see kairan key ls. Of "
                                  "another council's, give the address that it hands out (kairan key address)")
                              : _("\"%s\": no person of this council has this name and a key; see kairan key ls. Of "
                                  "another council's, give the address that he hands out (kairan key address)"),
                          name);
        return false;
    }
    memcpy(search->found.council, kr_conn_council(app->conn), 32);
    return true;
}

static bool by_address(struct kr_app *app, uint32_t sort, const char *text, struct search *search)
{
    struct kr_error error = {0};
    *search = (struct search){.sort = sort};
    enum kr_err err = kr_address_parse(text, strlen(text), &search->found, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
        return false;
    }
    if (search->found.sort != sort) {
        (void)kr_app_fail(app, KR_INVALID,
                          sort == KR_ADDRESSED_BODY ? _("this is a person's address: --to-person takes it, with --label red")
                                                    : _("this is a body's address: --to-body takes it, with --label amber+strict"));
        return false;
    }
    return true;
}

/* Its address says nothing of whose it is: what its council calls it, where it tells that. */
static bool find_told(struct kr_app *app, const struct kr_addressed *one, char ret_name[static KR_NAME_BYTES_MAX + 1])
{
    static struct kr_told told;
    ret_name[0] = 0;
    if (one->sort != KR_ADDRESSED_BODY) {
        return true;
    }
    const bool is_fine = kr_told_find(app, one->council, one->id, &told);
    (void)snprintf(ret_name, KR_NAME_BYTES_MAX + 1, "%s", is_fine && told.is_found ? kr_told_name(&told) : "");
    return is_fine;
}

static bool add(struct kr_app *app, uint32_t sort, const char *text, struct kr_addressed_list *list)
{
    static const char prefix[] = KR_ADDRESS_PREFIX "1";
    static struct search search;
    const bool is_address = strncasecmp(text, prefix, sizeof prefix - 1) == 0;
    if (!(is_address ? by_address(app, sort, text, &search) : by_name(app, sort, text, &search))) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (memcmp(list->items[i].id, search.found.id, 32) == 0) {
            return true; /* named twice */
        }
    }
    if (list->count == KR_ADDRESSED_MAX) {
        (void)kr_app_fail(app, KR_BOUNDS, _("one record is for at most %u bodies or persons"), KR_ADDRESSED_MAX);
        return false;
    }
    memcpy(list->names[list->count], search.found_name, sizeof search.found_name);
    list->items[list->count] = search.found;
    const bool is_fine = !is_address || find_told(app, &search.found, list->told[list->count]);
    list->count++;
    return is_fine;
}

bool kr_addressed_find(struct kr_app *app, enum kr_label label, const struct kr_texts *bodies, const struct kr_texts *persons,
                       struct kr_addressed_list *ret_list)
{
    const bool is_red = label == KR_TLP_RED;
    const struct kr_texts *meant = is_red ? persons : bodies, *other = is_red ? bodies : persons;
    bool is_fine = true;
    *ret_list = (struct kr_addressed_list){.count = 0};
    if (meant->count == 0 || other->count > 0) {
        (void)kr_app_fail(
            app, KR_INVALID,
            is_red ? _("TLP:RED is for persons by name: add --to-person NAME (see kairan key ls), and no --to-body")
                   : _("TLP:AMBER+STRICT is for bodies by name: add --to-body NAME (see kairan key ls), and no --to-person"));
        return false;
    }
    for (uint32_t i = 0; i < meant->count && is_fine; i++) {
        is_fine = add(app, is_red ? KR_ADDRESSED_PERSON : KR_ADDRESSED_BODY, meant->items[i], ret_list);
    }
    return is_fine;
}

static bool is_same(const struct kr_addressed *a, const struct kr_addressed *b)
{
    return a->sort == b->sort && memcmp(a->council, b->council, 32) == 0 && memcmp(a->id, b->id, 32) == 0;
}

static bool is_among(const struct kr_addressed *items, uint32_t count, const struct kr_addressed *wanted)
{
    bool is_there = false;
    for (uint32_t i = 0; i < count; i++) {
        is_there = is_there || is_same(&items[i], wanted);
    }
    return is_there;
}

/* One whom nobody has named: of the own council, with the key that it has now. */
static bool add_again(struct kr_app *app, const struct kr_addressed *had, struct kr_addressed_list *list)
{
    static struct search search;
    char id[KR_HEX_ID_BYTES];
    const bool is_body = had->sort == KR_ADDRESSED_BODY;
    kr_hex(id, had->id, 32);
    if (memcmp(had->council, kr_conn_council(app->conn), 32) != 0) {
        id[16] = 0;
        (void)kr_app_fail(app, KR_NOT_FOUND,
                          is_body ? _("the body %s of another council had it: give its address once more, --to-body ADDRESS")
                                  : _("the person %s of another council had it: give that address once more, --to-person ADDRESS"),
                          id);
        return false;
    }
    search = (struct search){.sort = had->sort, .name = "", .id_len = 32, .found = *had};
    memcpy(search.id, had->id, 32);
    if (kr_app_ask(app, KR_OP_ADDRESSEES, KR_ANSWER_MS, offer, &search, NULL) != KR_OK) {
        return false;
    }
    if (search.count == 0) {
        id[16] = 0;
        (void)fprintf(stderr,
                      is_body ? _("Left out, since here no more or without a key: the body %s\n")
                              : _("Left out, since here no more or without a key: the person %s\n"),
                      id);
        return true;
    }
    memcpy(list->names[list->count], search.found_name, sizeof search.found_name);
    list->items[list->count++] = search.found;
    return true;
}

bool kr_addressed_again(struct kr_app *app, enum kr_label label, const struct kr_section *section, const struct kr_texts *given,
                        struct kr_addressed_list *ret_list)
{
    *ret_list = (struct kr_addressed_list){.count = 0};
    for (uint32_t i = 0; i < given->count; i++) {
        if (!add(app, label == KR_TLP_RED ? KR_ADDRESSED_PERSON : KR_ADDRESSED_BODY, given->items[i], ret_list)) {
            return false;
        }
        if (!is_among(section->addressed, section->addressed_count, &ret_list->items[ret_list->count - 1])) {
            (void)kr_app_fail(
                app, KR_INVALID,
                _("\"%s\" did not have it: a corrected record goes to those who had the former one. For others, retract it "
                  "and submit the new text"),
                given->items[i]);
            return false;
        }
    }
    for (uint32_t i = 0; i < section->addressed_count; i++) {
        if (!is_among(ret_list->items, ret_list->count, &section->addressed[i]) &&
            !add_again(app, &section->addressed[i], ret_list)) {
            return false;
        }
    }
    if (ret_list->count == 0) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("nobody who had it can be given anything now: retract it"));
    }
    return ret_list->count > 0;
}

uint32_t kr_addressed_councils(const struct kr_addressed_list *list, uint8_t (*ret_councils)[32])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        bool is_there = false;
        for (uint32_t j = 0; j < count; j++) {
            is_there = is_there || memcmp(ret_councils[j], list->items[i].council, 32) == 0;
        }
        if (!is_there) {
            memcpy(ret_councils[count++], list->items[i].council, 32);
        }
    }
    return count;
}

static bool load_known(const struct kr_app *app, struct kr_known **ret_known)
{
    struct kr_error error = {0};
    enum kr_err err = kr_known_load(kr_conn_council(app->conn), ret_known, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

static void print_one(FILE *out, const struct kr_addressed_list *list, uint32_t i)
{
    if (list->names[i][0] != 0) {
        kr_out_string(out, list->names[i]);
    } else {
        kr_out_id(out, list->items[i].id, 16);
    }
    if (list->told[i][0] != 0) {
        (void)fputs("  ", out);
        kr_out_string(out, list->told[i]);
        (void)fputs(_(" (as its council names it)"), out);
    }
}

/* A node that hands out a key of its own looks like this, and so does somebody who has made another one. */
static void tell_changed(const struct kr_app *app, const struct kr_addressed_list *list, uint32_t i,
                         const uint8_t former[static 32])
{
    char before[KR_FINGERPRINT_BYTES], now[KR_FINGERPRINT_BYTES];
    kr_fingerprint(before, former);
    kr_fingerprint(now, list->items[i].key);
    (void)fputs(list->items[i].sort == KR_ADDRESSED_BODY ? _("Another key than before: the body ")
                                                         : _("Another key than before: the person "),
                stderr);
    print_one(stderr, list, i);
    (void)fprintf(stderr, _("\n  before  %s\n  now     %s\n"), before, now);
    (void)kr_app_fail(
        app, KR_DENIED,
        _("nothing was sealed. They may have made another key (lost, or replaced because somebody left), or this one is "
          "somebody else's, who wants to read it. Have them read out theirs by telephone (kairan key person, kairan key "
          "body); if it is the one above, run kairan key trust, and then this once more"));
}

bool kr_addressed_know(const struct kr_app *app, const struct kr_sealed *sealed, struct kr_addressed_list *list)
{
    struct kr_known *known = NULL;
    uint8_t former[32];
    bool is_fine = load_known(app, &known);
    for (uint32_t i = 0; i < list->count && is_fine; i++) {
        const enum kr_known_state state = kr_known_find(known, &list->items[i], former);
        list->is_new[i] = state == KR_KNOWN_NEW;
        is_fine = state != KR_KNOWN_CHANGED || kr_sealed_vouches(sealed, &list->items[i], former);
        if (!is_fine) {
            tell_changed(app, list, i, former);
        }
    }
    free(known);
    return is_fine;
}

bool kr_addressed_keep(const struct kr_app *app, const struct kr_addressed_list *list)
{
    struct kr_known *known = NULL;
    struct kr_error error = {0};
    uint8_t former[32];
    bool changes = false;
    if (!load_known(app, &known)) {
        return false;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        changes = changes || kr_known_find(known, &list->items[i], former) != KR_KNOWN_SAME;
        kr_known_put(known, &list->items[i]);
    }
    enum kr_err err = changes ? kr_known_save(known, &error) : KR_OK;
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    free(known);
    return err == KR_OK;
}

void kr_addressed_print(FILE *out, const struct kr_addressed_list *list)
{
    char fingerprint[KR_FINGERPRINT_BYTES];
    for (uint32_t i = 0; i < list->count; i++) {
        (void)fprintf(out, "  %s: ", list->items[i].sort == KR_ADDRESSED_BODY ? _("body") : _("person"));
        print_one(out, list, i);
        kr_fingerprint(fingerprint, list->items[i].key);
        (void)fprintf(out, "  %s%s\n", fingerprint, list->is_new[i] ? _("  (for the first time: compare it)") : "");
    }
}

void kr_fingerprint(char ret_text[static KR_FINGERPRINT_BYTES], const uint8_t key[static 32])
{
    char hex[33];
    size_t at = 0;
    kr_hex(hex, key, 16);
    for (size_t i = 0; i < 32; i++) {
        if (i > 0 && i % 4 == 0) {
            ret_text[at++] = ' ';
        }
        ret_text[at++] = hex[i];
    }
    ret_text[at] = 0;
}
