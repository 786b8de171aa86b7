#include "node/keeper/config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/keeper/log.h"
#include "proto/wire/ticket.h"

struct parse {
    FILE *file;
    struct kr_config *config;
    int line;
    bool was_cut; /* the line is longer than inih takes */
    unsigned seen;
    bool failed;
    int failed_line;
    struct kr_error why;
};

enum kr_err kr_config_init(struct kr_config *config)
{
    *config = (struct kr_config){.log_level = KR_LOG_NOTICE, .audit_years = KR_AUDIT_YEARS};
    enum kr_err err = kr_guards_new(&config->guards);
    if (err == KR_OK && (err = kr_detours_new(&config->ways)) != KR_OK) {
        kr_config_deinit(config);
    }
    return err;
}

void kr_config_deinit(struct kr_config *config)
{
    kr_guards_free(config->guards);
    kr_detours_free(config->ways);
    *config = (struct kr_config){0};
}

static bool is_port(const char *text)
{
    char *end = NULL;
    return isdigit((unsigned char)text[0]) && strlen(text) <= 5 && strtoul(text, &end, 10) <= 65535 && *end == 0;
}

enum kr_err kr_listen_check(const char *text, struct kr_error *error)
{
    char host[INET6_ADDRSTRLEN + 2];
    struct in6_addr address; /* large enough for both families */
    const char *colon = strrchr(text, ':');
    if (strncmp(text, "tcp://", 6) != 0 || colon < text + 6 || !is_port(colon + 1)) {
        return kr_fail(error, KR_INVALID, "%.100s: an address to listen on reads tcp://ADDRESS:PORT", text);
    }
    size_t len = (size_t)(colon - (text + 6));
    if (len > 0 && len < sizeof host) {
        memcpy(host, text + 6, len);
        host[len] = 0;
        if (strcmp(host, "*") == 0 || inet_pton(AF_INET, host, &address) == 1) {
            return KR_OK;
        }
        if (host[0] == '[' && host[len - 1] == ']') {
            host[len - 1] = 0;
            if (inet_pton(AF_INET6, host + 1, &address) == 1) {
                return KR_OK;
            }
        }
    }
    return kr_fail(error, KR_INVALID, "%.100s: the address to listen on must be numeric (IPv6 in brackets) or *", text);
}

static enum kr_err set_listen(struct kr_config *config, const char *value, struct kr_error *error)
{
    if (strlen(value) >= sizeof config->listen) {
        return kr_fail(error, KR_BOUNDS, "the address is too long");
    }
    enum kr_err err = value[0] == 0 ? KR_OK : kr_listen_check(value, error);
    if (err == KR_OK) {
        memcpy(config->listen, value, strlen(value) + 1);
    }
    return err;
}

static enum kr_err set_endpoint(struct kr_config *config, const char *value, struct kr_error *error)
{
    enum kr_err err = value[0] == 0 ? KR_OK : kr_endpoint_check(value, strlen(value), error);
    if (err == KR_OK) {
        memcpy(config->endpoint, value, strlen(value) + 1); /* at most KR_ENDPOINT_BYTES_MAX, as just checked */
    }
    return err;
}

static enum kr_err set_log_level(struct kr_config *config, const char *value, struct kr_error *error)
{
    enum kr_log_level level = kr_log_level_parse(value);
    if (level == 0) {
        return kr_fail(error, KR_INVALID, "\"%.40s\" is none of error, warning, notice, info, debug", value);
    }
    config->log_level = level;
    return KR_OK;
}

static enum kr_err take_number(const char *value, uint32_t max, uint32_t *ret_number, struct kr_error *error)
{
    char *end = NULL;
    unsigned long count = strtoul(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != 0 || count < 1 || count > max) {
        return kr_fail(error, KR_INVALID, "\"%.40s\" is no number from 1 to %u", value, max);
    }
    *ret_number = (uint32_t)count;
    return KR_OK;
}

static enum kr_err set_workers(struct kr_config *config, const char *value, struct kr_error *error)
{
    return take_number(value, KR_WORKERS_MAX, &config->workers, error);
}

static enum kr_err set_audit_years(struct kr_config *config, const char *value, struct kr_error *error)
{
    return take_number(value, KR_AUDIT_YEARS_MAX, &config->audit_years, error);
}

/* `max`: the strictest that there are such records of. */
static enum kr_err take_labels(const char *value, enum kr_label max, uint32_t *ret_labels, struct kr_error *error)
{
    static const char separators[] = ", \t";
    uint32_t labels = 0;
    for (const char *at = value + strspn(value, separators); *at != 0; at += strspn(at, separators)) {
        const size_t len = strcspn(at, separators);
        enum kr_label label = KR_TLP_NONE;
        const bool is_all = len == 3 && memcmp(at, "all", len) == 0, is_none = len == 4 && memcmp(at, "none", len) == 0;
        if (!is_all && !is_none && (kr_label_parse(at, len, &label) != KR_OK || label > max)) {
            return kr_fail(error, KR_INVALID, "\"%.40s\" is none of clear, green, amber,%s all, none", at,
                           max == KR_TLP_RED ? " amber+strict, red," : "");
        }
        labels |= is_all ? (2u << max) - (1u << KR_TLP_CLEAR) : is_none ? 0 : 1u << label;
        at += len;
    }
    *ret_labels = labels;
    return KR_OK;
}

static enum kr_err set_report_approval(struct kr_config *config, const char *value, struct kr_error *error)
{
    return take_labels(value, KR_TLP_RED, &config->approval.report_labels, error);
}

static enum kr_err set_advisory_approval(struct kr_config *config, const char *value, struct kr_error *error)
{
    return take_labels(value, KR_TLP_RED, &config->approval.advisory_labels, error);
}

static enum kr_err set_sighting_approval(struct kr_config *config, const char *value, struct kr_error *error)
{
    return take_labels(value, KR_TLP_AMBER, &config->approval.sighting_labels, error);
}

static enum kr_err set_socket(struct kr_config *config, const char *value, struct kr_error *error)
{
    if (value[0] != 0 && value[0] != '/') {
        return kr_fail(error, KR_INVALID, "\"%.100s\" must begin with a slash", value);
    }
    if (strlen(value) > KR_SOCKET_PATH_BYTES_MAX) {
        return kr_fail(error, KR_BOUNDS, "a socket's path has at most %u characters", KR_SOCKET_PATH_BYTES_MAX);
    }
    memcpy(config->socket, value, strlen(value) + 1);
    return KR_OK;
}

static enum kr_err add_own(struct kr_config *config, const char *value, struct kr_error *error)
{
    while (*value != 0) {
        size_t len = strcspn(value, ",");
        const char *next = value + len + (value[len] == ',' ? 1 : 0);
        while (len > 0 && isspace((unsigned char)*value)) {
            value++;
            len--;
        }
        while (len > 0 && isspace((unsigned char)value[len - 1])) {
            len--;
        }
        char item[256]; /* longer than any line that inih hands over */
        if (len >= sizeof item) {
            return kr_fail(error, KR_BOUNDS, "a value is too long");
        }
        memcpy(item, value, len);
        item[len] = 0;
        if (len > 0) {
            enum kr_err err = kr_guards_add_own(config->guards, item, error);
            if (err != KR_OK) {
                return err;
            }
        }
        value = next;
    }
    return KR_OK;
}

static enum kr_err set_allow_documentation(struct kr_config *config, const char *value, struct kr_error *error)
{
    bool yes = strcmp(value, "yes") == 0;
    if (!yes && strcmp(value, "no") != 0) {
        return kr_fail(error, KR_INVALID, "\"%.40s\" is neither yes nor no", value);
    }
    kr_guards_allow_documentation(config->guards, yes);
    return KR_OK;
}

static enum kr_err add_way(struct kr_config *config, const char *value, struct kr_error *error)
{
    return kr_detours_add(config->ways, value, error);
}

static const struct key {
    const char *section, *name;
    enum kr_err (*set)(struct kr_config *config, const char *value, struct kr_error *error);
    bool is_list;
} keys[] = {
    {"node", "listen", set_listen, false},
    {"node", "endpoint", set_endpoint, false},
    {"node", "log_level", set_log_level, false},
    {"node", "workers", set_workers, false},
    {"node", "socket", set_socket, false},
    {"link", "via", add_way, true},
    {"approval", "report", set_report_approval, false},
    {"approval", "advisory", set_advisory_approval, false},
    {"approval", "sighting", set_sighting_approval, false},
    {"audit", "keep_years", set_audit_years, false},
    {"guard", "own_domains", add_own, true},
    {"guard", "own_networks", add_own, true},
    {"guard", "own_names", add_own, true},
    {"guard", "allow_documentation", set_allow_documentation, false},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

static void set_key(struct parse *parse, const char *section, const char *name, const char *value)
{
    bool is_section = false;
    for (unsigned i = 0; i < KEY_COUNT; i++) {
        bool is_here = strcmp(section, keys[i].section) == 0;
        is_section = is_section || is_here;
        if (!is_here || strcmp(name, keys[i].name) != 0) {
            continue;
        }
        struct kr_error why = {0};
        enum kr_err err = KR_OK;
        if (!keys[i].is_list && (parse->seen & (1u << i)) != 0) {
            err = kr_fail(&why, KR_CONFIG, "it is given twice");
        }
        parse->seen |= 1u << i;
        if (err == KR_OK) {
            err = keys[i].set(parse->config, value, &why);
        }
        if (err != KR_OK) {
            parse->failed = true;
            (void)kr_fail(&parse->why, err, "%s: %.400s", name, why.text[0] != 0 ? why.text : kr_err_text(err));
        }
        return;
    }
    parse->failed = true;
    if (section[0] == 0) {
        (void)kr_fail(&parse->why, KR_CONFIG, "%.60s stands before any [section]", name);
    } else if (is_section) {
        (void)kr_fail(&parse->why, KR_CONFIG, "there is no key \"%.60s\" in [%.60s]", name, section);
    } else {
        (void)kr_fail(&parse->why, KR_CONFIG, "there is no section [%.60s]: use [node], [link], [guard], [approval] or [audit]",
                      section);
    }
}

/* inih calls it for every pair, also after a mistake: the first one counts. */
static int take_pair(void *context, const char *section, const char *name, const char *value)
{
    struct parse *parse = context;
    if (parse->failed) {
        return 0;
    }
    set_key(parse, section, name, value);
    if (parse->failed) {
        parse->failed_line = parse->line;
        return 0;
    }
    return 1;
}

/* Counts lines, so that a mistake can be named by its line, and notices those that inih would cut in two. */
static char *read_line(char *line, int size, void *context)
{
    struct parse *parse = context;
    if (parse->was_cut || fgets(line, size, parse->file) == NULL) {
        return NULL;
    }
    parse->line++;
    size_t len = strlen(line);
    parse->was_cut = len + 1 == (size_t)size && line[len - 1] != '\n';
    return parse->was_cut ? NULL : line;
}

enum kr_err kr_config_read(const char *path, struct kr_config *ret_config, struct kr_error *error)
{
    struct kr_config config = {0};
    struct parse parse = {.config = &config};
    enum kr_err err = kr_config_init(&config);
    if (err != KR_OK) {
        goto out;
    }
    parse.file = fopen(path, "re");
    if (parse.file == NULL) {
        err = kr_fail(error, errno == ENOENT ? KR_NOT_FOUND : KR_IO, "cannot open %s: %s", path, strerror(errno));
        goto out;
    }
    int bad_line = ini_parse_stream(read_line, &parse, take_pair, &parse);
    if (ferror(parse.file) != 0) {
        err = kr_fail(error, KR_IO, "cannot read %s", path);
    } else if (bad_line > 0 && (!parse.failed || bad_line < parse.failed_line)) {
        err = kr_fail(error, KR_CONFIG, "%s, line %d: this is neither [section] nor key = value nor a comment", path, bad_line);
    } else if (parse.failed) {
        err = kr_fail(error, KR_CONFIG, "%s, line %d: %s", path, parse.failed_line, parse.why.text);
    } else if (parse.was_cut) {
        err =
            kr_fail(error, KR_CONFIG, "%s, line %d: the line is too long; a list may be given in several lines", path, parse.line);
    } else if (bad_line != 0) {
        err = kr_fail(error, KR_NOMEM, "%s cannot be parsed: out of memory", path);
    }
out:
    if (parse.file != NULL) {
        (void)fclose(parse.file);
    }
    if (err != KR_OK) {
        kr_config_deinit(&config);
        return err;
    }
    *ret_config = config;
    return KR_OK;
}
