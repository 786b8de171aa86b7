#include "node/keeper/warninglists.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/keeper/log.h"
#include "proto/indicator/indicator.h"

#define PATH_BYTES 4600
#define LINE_BYTES 2100

static size_t line_len(char *line)
{
    const size_t len = strcspn(line, "\r\n");
    line[len] = 0;
    return len;
}

/* Entries behind the three lines of the head. */
static enum kr_err read_entries(FILE *file, const char *path, struct kr_listed *listed)
{
    char line[LINE_BYTES];
    unsigned long number = 3, bad = 0, first_bad = 0;
    enum kr_err err = KR_OK;
    while (err == KR_OK && fgets(line, sizeof line, file) != NULL) {
        const bool is_cut = strchr(line, '\n') == NULL && strlen(line) + 1 == sizeof line;
        const size_t len = line_len(line);
        struct kr_error why = {.text = ""};
        number++;
        enum kr_err added = KR_INVALID;
        if (!is_cut && len > 2 && line[1] == ' ' && strchr("chsur", line[0]) != NULL) {
            added = kr_listed_add(listed, (enum kr_listed_kind)line[0], line + 2, len - 2, &why);
        }
        for (int c = 0; is_cut && c != '\n' && c != EOF;) {
            c = fgetc(file);
        }
        err = added == KR_NOMEM ? KR_NOMEM : KR_OK;
        first_bad = added != KR_OK && bad == 0 ? number : first_bad;
        bad += added != KR_OK ? 1 : 0;
        if (added == KR_BOUNDS) {
            kr_log(KR_LOG_WARNING, "%s:%lu: %s: the rest of it does not guard", path, number, why.text);
            return KR_OK;
        }
    }
    if (bad > 0) {
        kr_log(KR_LOG_WARNING, "%s: %lu lines are no entries, the first is line %lu: they do not guard", path, bad, first_bad);
    }
    return err;
}

/* "all", or names of types; what is none of them is of a newer version, and passed over. */
static uint32_t read_types(char *line)
{
    uint32_t types = 0, type;
    char *rest = NULL;
    line[line_len(line)] = 0;
    for (const char *word = strtok_r(line, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "all") == 0) {
            return KR_LISTED_ALL_TYPES;
        }
        if (kr_indicator_type_parse(word, strlen(word), &type) == KR_OK && type < 32) {
            types |= 1u << type;
        }
    }
    return types;
}

static enum kr_err read_list(const char *path, const char *name, struct kr_listed *listed)
{
    char head[LINE_BYTES] = "", description[LINE_BYTES] = "", types[LINE_BYTES] = "";
    struct kr_error why = {.text = ""};
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        kr_log(KR_LOG_WARNING, "the warning list %s cannot be read (%s): it does not guard", path, strerror(errno));
        return KR_OK;
    }
    enum kr_err err = KR_OK;
    if (fgets(head, sizeof head, file) == NULL || fgets(description, sizeof description, file) == NULL ||
        fgets(types, sizeof types, file) == NULL || line_len(head) == 0 || strcmp(head, KR_WARNINGLIST_FORM) != 0) {
        kr_log(KR_LOG_WARNING, "%s is no warning list of this version: it does not guard; add it again with kairan warninglist",
               path);
    } else if (kr_listed_begin(listed, name, read_types(types), &why) != KR_OK) {
        kr_log(KR_LOG_WARNING, "%s does not guard: %s", path, why.text);
    } else {
        err = read_entries(file, path, listed);
    }
    (void)fclose(file);
    return err;
}

enum kr_err kr_warninglists_read(const char *state_directory, struct kr_listed **ret_listed)
{
    char path[PATH_BYTES], name[KR_LISTED_NAME_BYTES];
    struct dirent **found = NULL;
    struct kr_listed *listed = NULL;
    *ret_listed = NULL;
    (void)snprintf(path, sizeof path, "%s/" KR_WARNINGLISTS_FOLDER, state_directory);
    const int count = scandir(path, &found, NULL, alphasort);
    if (count < 0) {
        return errno == ENOMEM ? KR_NOMEM : KR_OK; /* no folder, no lists */
    }
    enum kr_err err = kr_listed_new(&listed);
    for (int i = 0; i < count; i++) {
        const char *ending = strstr(found[i]->d_name, KR_WARNINGLIST_ENDING);
        const size_t len = ending != NULL ? (size_t)(ending - found[i]->d_name) : 0;
        if (err == KR_OK && found[i]->d_name[0] != '.' && len > 0 && len < sizeof name &&
            strcmp(ending, KR_WARNINGLIST_ENDING) == 0) {
            memcpy(name, found[i]->d_name, len);
            name[len] = 0;
            (void)snprintf(path, sizeof path, "%s/" KR_WARNINGLISTS_FOLDER "/%s", state_directory, found[i]->d_name);
            err = read_list(path, name, listed);
        }
        free(found[i]);
    }
    free(found);
    if (err != KR_OK) {
        kr_listed_free(listed);
        return err;
    }
    kr_listed_sort(listed);
    *ret_listed = listed;
    return KR_OK;
}
