/* warninglist: lists of values that are no indicators, in MISP's JSON format, for the guards of this node. They lie in its state
 * directory (node/keeper/warninglists.h says how), which the node reads when it starts and whenever it is told that they changed.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/indicator/indicator.h"
#include "proto/indicator/regex.h"
#include "tools/formats/misp_types.h"
#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

#define FOLDER          "warninglists"
#define FORM            "kairan warning list 2"
#define ENDING          ".list"
#define NAME_BYTES      64u
#define ENTRY_BYTES_MAX 2000u
#define PATH_BYTES      (PATH_MAX + 128)

/* ---- the folder ---- */

/* "NAME" of letters, digits and '-' becomes the path of its file. */
static bool path_of(const struct kr_app *app, const char *name, const char *ending, char ret_path[static PATH_BYTES])
{
    const size_t len = strlen(name);
    if (len == 0 || len >= NAME_BYTES || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return false;
    }
    return snprintf(ret_path, PATH_BYTES, "%s/" FOLDER "/%s%s", app->directory, name, ending) < PATH_BYTES;
}

/* MISP's names are sentences: "List of known Google domains" → "list-of-known-google-domains". */
static void make_name(const char *title, char ret_name[static NAME_BYTES])
{
    size_t len = 0;
    for (; *title != 0 && len + 1 < NAME_BYTES; title++) {
        const char c = *title >= 'A' && *title <= 'Z' ? (char)(*title | 0x20) : *title;
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            ret_name[len++] = c;
        } else if (len > 0 && ret_name[len - 1] != '-') {
            ret_name[len++] = '-';
        }
    }
    while (len > 0 && ret_name[len - 1] == '-') {
        len--;
    }
    ret_name[len] = 0;
}

/* Tells the node, where one runs, by the signal that makes it read its configuration anew: whoever listens on the socket. */
static void tell_node(struct kr_app *app)
{
    struct kr_conn *conn = NULL;
    struct kr_error error;
    struct ucred peer = {.pid = 0};
    socklen_t len = sizeof peer;
    bool is_told = false;
    if (kr_conn_open(app->path, "kairan " KR_VERSION_TEXT, kr_tr_language(), &conn, &error) == KR_OK) {
        is_told =
            getsockopt(kr_conn_fd(conn), SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 1 && kill(peer.pid, SIGHUP) == 0;
        kr_conn_free(conn);
    }
    if (!is_told && !app->is_json) {
        (void)fputs(_("The node was not told: it reads the lists when it starts, or on SIGHUP.\n"), stderr);
    }
}

/* ---- add ---- */

struct list {
    char name[NAME_BYTES];
    const char *title, *description;
    char kind;
    json_t *document;
};

static bool read_list(const struct kr_app *app, const char *path, struct list *ret_list)
{
    static const struct {
        const char *type;
        char kind;
    } kinds[] = {{"cidr", 'c'}, {"hostname", 'h'}, {"string", 's'}, {"substring", 'u'}, {"regex", 'r'}};
    json_error_t why;
    const char *type = NULL;
    *ret_list = (struct list){.title = ""};
    ret_list->document = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (ret_list->document == NULL) {
        (void)kr_app_fail(app, KR_MALFORMED, "%s:%d: %s", path, why.line, why.text);
        return false;
    }
    const json_t *entries = json_object_get(ret_list->document, "list");
    ret_list->title = json_string_value(json_object_get(ret_list->document, "name"));
    ret_list->description = json_string_value(json_object_get(ret_list->document, "description"));
    type = json_string_value(json_object_get(ret_list->document, "type"));
    if (ret_list->title == NULL || (!json_is_array(entries) && !json_is_object(entries))) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("%s is no warning list: an object with \"name\", \"type\" and \"list\", as MISP has them"), path);
        return false;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        ret_list->kind = strcmp(type != NULL ? type : "string", kinds[i].type) == 0 ? kinds[i].kind : ret_list->kind;
    }
    if (ret_list->kind == 0) {
        (void)kr_app_fail(app, KR_INVALID,
                          _("%s: lists of type \"%s\" are not taken: cidr, hostname, string, substring and regex are"), path, type);
        return false;
    }
    make_name(ret_list->title, ret_list->name);
    if (ret_list->name[0] == 0) {
        (void)kr_app_fail(app, KR_INVALID, _("%s: its name has no letters or digits"), path);
        return false;
    }
    return true;
}

/* What the node will take as an entry. */
static bool is_regex(const char *text, size_t len)
{
    struct kr_regex *regex = NULL;
    const bool is_one = kr_regex_new(text, len, &regex, NULL) == KR_OK;
    kr_regex_free(regex);
    return is_one;
}

static bool is_entry(char kind, const char *text)
{
    struct kr_indicator indicator;
    const size_t len = strlen(text);
    if (len == 0 || len > ENTRY_BYTES_MAX || strpbrk(text, "\r\n") != NULL) {
        return false;
    }
    const bool is_network = kr_indicator_parse(KR_INDICATOR_IPV4, text, len, &indicator, NULL) == KR_OK ||
                            kr_indicator_parse(KR_INDICATOR_IPV6, text, len, &indicator, NULL) == KR_OK;
    const size_t dot = text[0] == '.' ? 1 : 0;
    return kind == 'c'   ? is_network
           : kind == 'h' ? is_network || kr_indicator_parse(KR_INDICATOR_DOMAIN, text + dot, len - dot, &indicator, NULL) == KR_OK
           : kind == 'u' ? len <= 2 * NAME_BYTES
           : kind == 'r' ? is_regex(text, len)
                         : true;
}

static void write_entry(FILE *file, char kind, const char *text, uint64_t *taken, uint64_t *left)
{
    if (text != NULL && is_entry(kind, text)) {
        (void)fprintf(file, "%c %s\n", kind, text);
        ++*taken;
    } else {
        ++*left;
    }
}

/* MISP does not tell one sort of address from the other. */
static uint32_t bits_of(uint32_t type)
{
    return type == KR_INDICATOR_ANY ? 1u << KR_INDICATOR_IPV4 | 1u << KR_INDICATOR_IPV6 : 1u << type;
}

/* Which of our types MISP's matching_attributes are; where there are none, it is for all. */
static void write_types(FILE *file, const json_t *attributes)
{
    uint32_t types = 0;
    for (size_t i = 0; i < json_array_size(attributes); i++) {
        const char *name = json_string_value(json_array_get(attributes, i));
        struct kr_misp_type type;
        if (name == NULL || !kr_misp_type((struct kr_slice){(const uint8_t *)name, strlen(name)}, &type) ||
            type.sort == KR_MISP_VICTIM) {
            types |= 1u << KR_INDICATOR_OTHER; /* what is kept as text here */
            continue;
        }
        const bool has_second = type.sort == KR_MISP_PAIR || type.sort == KR_MISP_NAMED;
        types |= bits_of(type.type) | (has_second ? bits_of(type.second) : 0);
    }
    (void)fputs(types == 0 ? "all" : "", file);
    for (uint32_t type = 1; type <= KR_INDICATOR_TYPE_MAX; type++) {
        if ((types & 1u << type) != 0) {
            (void)fprintf(file, "%s ", kr_indicator_type_name(type));
        }
    }
    (void)fputc('\n', file);
}

static void write_entries(FILE *file, const struct list *list, uint64_t *taken, uint64_t *left)
{
    json_t *entries = json_object_get(list->document, "list"), *value;
    const char *key;
    size_t i;
    json_array_foreach(entries, i, value)
    {
        write_entry(file, list->kind, json_string_value(value), taken, left);
    }
    json_object_foreach(entries, key, value)
    {
        write_entry(file, list->kind, key, taken, left);
    }
}

/* Beside its place first, so that the node never reads half of it. */
static bool write_list(const struct kr_app *app, const struct list *list, uint64_t *taken, uint64_t *left)
{
    char folder[PATH_BYTES], path[PATH_BYTES], draft[PATH_BYTES];
    (void)snprintf(folder, sizeof folder, "%s/" FOLDER, app->directory);
    if (!path_of(app, list->name, ENDING, path) || !path_of(app, list->name, ".draft", draft)) {
        (void)kr_app_fail(app, KR_BOUNDS, "%s", _("the path of the state directory is too long"));
        return false;
    }
    (void)mkdir(folder, 0700);
    FILE *file = fopen(draft, "we");
    bool is_written = file != NULL;
    if (is_written) {
        const char *description = list->description != NULL ? list->description : list->title;
        (void)fprintf(file, "%s\n%.*s\n", FORM, (int)strcspn(description, "\r\n"), description);
        write_types(file, json_object_get(list->document, "matching_attributes"));
        write_entries(file, list, taken, left);
        is_written = fflush(file) == 0 && ferror(file) == 0 && fsync(fileno(file)) == 0;
        is_written = fclose(file) == 0 && is_written;
    }
    if (is_written && *taken > 0) {
        is_written = rename(draft, path) == 0;
    }
    if (!is_written) {
        (void)kr_app_fail(app, KR_IO, _("cannot write %s: %s"), path, strerror(errno));
    }
    if (!is_written || *taken == 0) {
        (void)unlink(draft);
    }
    return is_written;
}

static bool add_file(struct kr_app *app, const char *path)
{
    struct list list = {.title = ""};
    uint64_t taken = 0, left = 0;
    bool is_added = kr_app_place(app) && read_list(app, path, &list) && write_list(app, &list, &taken, &left);
    if (is_added && taken == 0) {
        is_added = false;
        (void)kr_app_fail(app, KR_INVALID, _("%s: none of its entries can be used"), path);
    } else if (is_added && app->is_json) {
        is_added = kr_json_line(
            json_pack("{s:s, s:I, s:I}", "name", list.name, "entries", (json_int_t)taken, "left_out", (json_int_t)left));
    } else if (is_added) {
        (void)printf(_("%s: entries %ju, not usable %ju\n"), list.name, (uintmax_t)taken, (uintmax_t)left);
    }
    json_decref(list.document);
    return is_added;
}

/* ---- ls, remove ---- */

static bool show_list(const struct kr_app *app, const char *name)
{
    char path[PATH_BYTES], line[ENTRY_BYTES_MAX + 16], description[ENTRY_BYTES_MAX + 16] = "";
    uint64_t entries = 0;
    FILE *file = path_of(app, name, ENDING, path) ? fopen(path, "re") : NULL;
    if (file == NULL) {
        return true;
    }
    const bool is_one = fgets(line, sizeof line, file) != NULL && strncmp(line, FORM "\n", sizeof FORM) == 0 &&
                        fgets(description, sizeof description, file) != NULL && fgets(line, sizeof line, file) != NULL;
    description[strcspn(description, "\r\n")] = 0;
    while (is_one && fgets(line, sizeof line, file) != NULL) {
        entries++;
    }
    (void)fclose(file);
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:I}", "name", name, "description",
                                      kr_json_slice((struct kr_slice){(const uint8_t *)description, strlen(description)}),
                                      "entries", (json_int_t)entries));
    }
    (void)printf(_("%s  entries: %ju\n    "), name, (uintmax_t)entries);
    kr_out_string(stdout, description);
    (void)fputc('\n', stdout);
    return true;
}

static int list_all(struct kr_app *app)
{
    char folder[PATH_BYTES];
    struct dirent **found = NULL;
    int shown = 0;
    bool is_well = kr_app_place(app);
    (void)snprintf(folder, sizeof folder, "%s/" FOLDER, app->directory);
    const int count = is_well ? scandir(folder, &found, NULL, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        char *ending = strstr(found[i]->d_name, ENDING);
        if (ending != NULL && strcmp(ending, ENDING) == 0) {
            *ending = 0;
            is_well = show_list(app, found[i]->d_name) && is_well;
            shown++;
        }
        free(found[i]);
    }
    free(found);
    return !is_well ? KR_EXIT_ERROR : shown > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

static bool remove_list(struct kr_app *app, const char *name)
{
    char path[PATH_BYTES];
    if (!kr_app_place(app)) {
        return false;
    }
    if (!path_of(app, name, ENDING, path) || unlink(path) != 0) {
        (void)kr_app_fail(app, KR_NOT_FOUND, _("there is no warning list \"%s\"; see kairan warninglist ls"), name);
        return false;
    }
    return true;
}

int kr_run_warninglist(struct kr_app *app, int argc, char **argv)
{
    int rest;
    bool is_well = true, has_changed = false;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    const char *verb = rest < argc ? argv[rest] : "ls";
    const bool adds = strcmp(verb, "add") == 0, removes = strcmp(verb, "remove") == 0;
    if (strcmp(verb, "ls") == 0 && rest + 1 >= argc) {
        return list_all(app);
    }
    if ((!adds && !removes) || rest + 1 >= argc) {
        return kr_app_fail(app, KR_INVALID, "%s",
                           _("it is kairan warninglist ls, kairan warninglist add FILE... or kairan warninglist remove NAME..."));
    }
    for (int i = rest + 1; i < argc; i++) {
        const bool done = adds ? add_file(app, argv[i]) : remove_list(app, argv[i]);
        has_changed = has_changed || done;
        is_well = is_well && done;
    }
    if (has_changed) {
        tell_node(app);
    }
    return is_well ? KR_EXIT_DONE : KR_EXIT_ERROR;
}
