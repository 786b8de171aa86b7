/* kairand: the node. Two processes of one program: keeper (the one that is started) and net (--net, which keeper starts). */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/keeper/keeper.h"
#include "node/keeper/spawn.h"
#include "node/net/net.h"
#include "proto/client/community.h"
#include "proto/wire/ticket.h"

static const char help[] =
    "Usage: kairand [--state DIR] [--config FILE] [--passphrase-fd N | --passphrase-file FILE]\n"
    "       kairand --init --name-ja NAME --name-en NAME [OPTIONS]\n"
    "       kairand --init-node --ticket-file FILE --node-name NAME [--endpoint tcp://HOST:PORT] [OPTIONS]\n"
    "       kairand --change-passphrase [--new-passphrase-fd N | --new-passphrase-file FILE] [OPTIONS]\n"
    "\n"
    "Runs a node of Kairan until it is told to stop (SIGTERM). SIGHUP reads log level and guards anew.\n"
    "\n"
    "  --state DIR             where the node keeps its things\n"
    "                          (root: /var/lib/kairan; others: $XDG_STATE_HOME/kairan, else ~/.local/state/kairan)\n"
    "  --config FILE           configuration (root: /etc/kairan/kairan.conf; else kairan.conf in the state directory)\n"
    "  --passphrase-fd N       read the keyring's passphrase from descriptor N, up to the end of its first line\n"
    "  --passphrase-file FILE  read it from a file that only this user can read\n"
    "                          (without either: systemd's credential kairan-passphrase, else the terminal)\n"
    "  --foreground            stay in the foreground (it always does)\n"
    "  --init                  make a new node and print its council id; with\n"
    "    --name-ja, --name-en NAME    names of the council; one may be left out\n"
    "    --region NAME                region\n"
    "    --contact-name, --contact-mail, --contact-telephone, --contact-hours TEXT   contact window\n"
    "    --endpoint tcp://HOST:PORT   where peers reach this node; left out: it only dials out\n"
    "    --found-community NAME       found a community\n"
    "    --newcomers past|from-now-on what newcomers there get of GREEN records\n"
    "  --init-node             make a node that asks to be one more of an existing council (`kairan node join`); prints the\n"
    "                          council's id and the node's key; with\n"
    "    --ticket-file FILE           what `kairan node invite` printed on one of its nodes; -: standard input\n"
    "    --node-name NAME             how the council's people call this machine\n"
    "  --change-passphrase     put the keyring under another passphrase, while the node is stopped; with\n"
    "    --new-passphrase-fd N, --new-passphrase-file FILE   where the new one comes from (without: the terminal, twice)\n"
    "  --snapshot              print the pages of the store as they are now, also while the node runs: for `kairan backup`\n"
    "  --version, --help\n"
    "\n"
    "Exit status: 0 stopped as told, 1 failure (the log says what), 2 mistake on the command line, 3 another one runs on this "
    "state.\n";

struct command {
    bool is_init, is_init_node, changes_passphrase, is_snapshot;
    const char *state, *config, *ticket_file, *node_name;
    struct kr_passphrase_source source, next; /* of the passphrase; of the one in its place */
    struct kr_init init;
    bool has_init_value;
};

enum option_code {
    OPTION_STATE = 256,
    OPTION_CONFIG,
    OPTION_PASSPHRASE_FD,
    OPTION_PASSPHRASE_FILE,
    OPTION_FOREGROUND,
    OPTION_INIT,
    OPTION_INIT_NODE,
    OPTION_TICKET_FILE,
    OPTION_NODE_NAME,
    OPTION_CHANGE_PASSPHRASE,
    OPTION_NEW_PASSPHRASE_FD,
    OPTION_NEW_PASSPHRASE_FILE,
    OPTION_SNAPSHOT,
    OPTION_NET,
    OPTION_VERSION,
    OPTION_HELP,
    OPTION_NAME_JA, /* from here on: values of --init, in the order of init_slot */
    OPTION_NAME_EN,
    OPTION_REGION,
    OPTION_CONTACT_NAME,
    OPTION_CONTACT_MAIL,
    OPTION_CONTACT_TELEPHONE,
    OPTION_CONTACT_HOURS,
    OPTION_ENDPOINT,
    OPTION_FOUND_COMMUNITY,
    OPTION_NEWCOMERS,
};

static const struct option options[] = {
    {"state", required_argument, NULL, OPTION_STATE},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"passphrase-fd", required_argument, NULL, OPTION_PASSPHRASE_FD},
    {"passphrase-file", required_argument, NULL, OPTION_PASSPHRASE_FILE},
    {"foreground", no_argument, NULL, OPTION_FOREGROUND},
    {"init", no_argument, NULL, OPTION_INIT},
    {"init-node", no_argument, NULL, OPTION_INIT_NODE},
    {"ticket-file", required_argument, NULL, OPTION_TICKET_FILE},
    {"node-name", required_argument, NULL, OPTION_NODE_NAME},
    {"change-passphrase", no_argument, NULL, OPTION_CHANGE_PASSPHRASE},
    {"new-passphrase-fd", required_argument, NULL, OPTION_NEW_PASSPHRASE_FD},
    {"new-passphrase-file", required_argument, NULL, OPTION_NEW_PASSPHRASE_FILE},
    {"snapshot", no_argument, NULL, OPTION_SNAPSHOT},
    {"net", no_argument, NULL, OPTION_NET},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {"name-ja", required_argument, NULL, OPTION_NAME_JA},
    {"name-en", required_argument, NULL, OPTION_NAME_EN},
    {"region", required_argument, NULL, OPTION_REGION},
    {"contact-name", required_argument, NULL, OPTION_CONTACT_NAME},
    {"contact-mail", required_argument, NULL, OPTION_CONTACT_MAIL},
    {"contact-telephone", required_argument, NULL, OPTION_CONTACT_TELEPHONE},
    {"contact-hours", required_argument, NULL, OPTION_CONTACT_HOURS},
    {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
    {"found-community", required_argument, NULL, OPTION_FOUND_COMMUNITY},
    {"newcomers", required_argument, NULL, OPTION_NEWCOMERS},
    {NULL, 0, NULL, 0},
};

static int usage(const char *what)
{
    (void)fprintf(stderr, "kairand: %s\nTry `kairand --help`.\n", what);
    return KR_EXIT_USAGE;
}

static int say(const char *text)
{
    return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? KR_EXIT_OK : KR_EXIT_FAILURE;
}

static struct kr_slice *init_slot(struct kr_init *init, int option)
{
    struct kr_slice *slots[] = {&init->name_ja,         &init->name_en,           &init->region,        &init->contact_name,
                                &init->contact_mail,    &init->contact_telephone, &init->contact_hours, &init->endpoint,
                                &init->found_community, &init->newcomers};
    return slots[option - OPTION_NAME_JA];
}

static bool parse_fd(const char *text, int *ret_fd)
{
    char *end = NULL;
    errno = 0;
    long fd = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || fd < 0 || fd > INT_MAX) {
        return false;
    }
    *ret_fd = (int)fd;
    return true;
}

/* KR_EXIT_OK, or the usage status with the mistake in `ret_why`. */
static int take_option(struct command *command, int option, const char *value, const char **ret_why)
{
    switch (option) {
    case OPTION_STATE:
        command->state = value;
        return KR_EXIT_OK;
    case OPTION_CONFIG:
        command->config = value;
        return KR_EXIT_OK;
    case OPTION_PASSPHRASE_FD:
        *ret_why = "--passphrase-fd wants the number of a descriptor";
        return parse_fd(value, &command->source.fd) ? KR_EXIT_OK : KR_EXIT_USAGE;
    case OPTION_PASSPHRASE_FILE:
        command->source.file = value;
        return KR_EXIT_OK;
    case OPTION_NEW_PASSPHRASE_FD:
        *ret_why = "--new-passphrase-fd wants the number of a descriptor";
        return parse_fd(value, &command->next.fd) ? KR_EXIT_OK : KR_EXIT_USAGE;
    case OPTION_NEW_PASSPHRASE_FILE:
        command->next.file = value;
        return KR_EXIT_OK;
    case OPTION_CHANGE_PASSPHRASE:
        command->changes_passphrase = true;
        return KR_EXIT_OK;
    case OPTION_FOREGROUND:
        return KR_EXIT_OK;
    case OPTION_SNAPSHOT:
        command->is_snapshot = true;
        return KR_EXIT_OK;
    case OPTION_INIT:
        command->is_init = true;
        return KR_EXIT_OK;
    case OPTION_INIT_NODE:
        command->is_init_node = true;
        return KR_EXIT_OK;
    case OPTION_TICKET_FILE:
        command->ticket_file = value;
        return KR_EXIT_OK;
    case OPTION_NODE_NAME:
        command->node_name = value;
        return KR_EXIT_OK;
    case '?':
        *ret_why = "this option is not known, or its value is missing";
        return KR_EXIT_USAGE;
    default:
        *init_slot(&command->init, option) = (struct kr_slice){(const uint8_t *)value, strlen(value)};
        command->has_init_value = true;
        return KR_EXIT_OK;
    }
}

/* Names go onto a card that all peers read, so they are held to what a card takes. */
static const char *check_init(const struct kr_init *init)
{
    static char why[600];
    struct kr_error error = {0};
    struct kr_writer writer;
    struct kr_init read;
    if (init->name_ja.len == 0 && init->name_en.len == 0) {
        return "--init wants a name: --name-ja, --name-en or both";
    }
    bool is_from_now_on;
    if (kr_newcomers_parse(init->newcomers, &is_from_now_on) != KR_OK ||
        (init->newcomers.len > 0 && init->found_community.len == 0)) {
        return "--newcomers is past or from-now-on, and goes with --found-community";
    }
    if (init->endpoint.len > 0 && kr_endpoint_check((const char *)init->endpoint.bytes, init->endpoint.len, &error) != KR_OK) {
        (void)snprintf(why, sizeof why, "--endpoint: %s", error.text);
        return why;
    }
    kr_writer_init(&writer, 64 * KR_KIB);
    kr_init_write(init, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_init_read((struct kr_slice){writer.bytes, writer.len}, &read);
    }
    kr_writer_deinit(&writer);
    return err == KR_OK ? NULL : "a value for --init is too long (256 bytes) or not UTF-8";
}

static bool has_more_than_endpoint(const struct kr_init *init)
{
    return init->name_ja.len + init->name_en.len + init->region.len + init->contact_name.len + init->contact_mail.len +
               init->contact_telephone.len + init->contact_hours.len + init->found_community.len + init->newcomers.len >
           0;
}

/* What goes together; NULL where all is well. */
static const char *check_options(const struct command *command)
{
    if ((command->source.fd >= 0 && command->source.file != NULL) || (command->next.fd >= 0 && command->next.file != NULL)) {
        return "a passphrase comes from a descriptor or from a file, not from both";
    }
    if (command->next.fd >= 0 && command->next.fd == command->source.fd) {
        return "the old passphrase and the new one come from different descriptors";
    }
    if (command->is_init + command->is_init_node + command->changes_passphrase + command->is_snapshot > 1) {
        return "--init, --init-node, --change-passphrase and --snapshot exclude each other";
    }
    if (command->is_init_node != (command->ticket_file != NULL) || command->is_init_node != (command->node_name != NULL)) {
        return "--init-node wants --ticket-file and --node-name, and they belong to it alone";
    }
    if (command->is_init_node) {
        return has_more_than_endpoint(&command->init) ? "names and contact are on the council's card already" : NULL;
    }
    if (!command->changes_passphrase && (command->next.fd >= 0 || command->next.file != NULL)) {
        return "a new passphrase belongs to --change-passphrase";
    }
    if (!command->is_init && !command->is_init_node && command->has_init_value) {
        return "names, contact, endpoint and community belong to --init";
    }
    return command->is_init ? check_init(&command->init) : NULL;
}

/* By file or standard input, not on the command line: everybody on the machine can read that. */
static int init_node(struct command *command, const struct kr_place *place)
{
    static char text[2 * KR_TICKET_TEXT_BYTES_MAX];
    struct kr_error error = {0};
    struct kr_node_init init = {.name = {(const uint8_t *)command->node_name, strlen(command->node_name)},
                                .endpoint = command->init.endpoint},
                        read;
    struct kr_writer writer;
    FILE *file = strcmp(command->ticket_file, "-") == 0 ? stdin : fopen(command->ticket_file, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "kairand: cannot read the ticket from %s: %s\n", command->ticket_file, strerror(errno));
        return KR_EXIT_FAILURE;
    }
    size_t len = fread(text, 1, sizeof text - 1, file);
    if (file != stdin) {
        (void)fclose(file);
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' ')) {
        len--;
    }
    init.ticket = (struct kr_slice){(const uint8_t *)text, len};
    kr_writer_init(&writer, 8 * KR_KIB);
    kr_node_init_write(&init, &writer);
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        err = kr_node_init_read((struct kr_slice){writer.bytes, writer.len}, &read, &error);
    }
    kr_writer_deinit(&writer);
    if (err != KR_OK) {
        return usage(error.text[0] != 0 ? error.text : kr_err_text(err));
    }
    kr_passphrase_of_keyring(&command->source, KR_PASSPHRASE_MAKES, isatty(STDIN_FILENO) == 1);
    return kr_keeper_init_node(place, &command->source, &init);
}

static int run(struct command *command)
{
    static struct kr_place place; /* some paths: not on the stack */
    struct kr_error error = {0};
    const char *why = check_options(command);
    if (why != NULL) {
        return usage(why);
    }
    if (kr_place_init(&place, command->state, command->config, &error) != KR_OK) {
        return usage(error.text);
    }
    if (command->is_snapshot) {
        return kr_keeper_snapshot(&place);
    }
    if (command->changes_passphrase) {
        return kr_keeper_change_passphrase(&place, &command->source, &command->next);
    }
    if (command->is_init_node) {
        return init_node(command, &place);
    }
    if (command->is_init) {
        /* A script that makes a node on somebody's terminal is not held up. */
        kr_passphrase_of_keyring(&command->source, KR_PASSPHRASE_MAKES, isatty(STDIN_FILENO) == 1);
        return kr_keeper_init(&place, &command->source, &command->init);
    }
    return kr_keeper_run(&place, &command->source);
}

int main(int argc, char **argv)
{
    struct command command = {.source = {.fd = -1}, .next = {.fd = -1}};
    const char *why = NULL;
    int status = KR_EXIT_OK, option = 0;
    kr_passphrase_of_keyring(&command.source, KR_PASSPHRASE_OPENS, true);
    kr_passphrase_of_keyring(&command.next, KR_PASSPHRASE_CHANGES, true);
    opterr = 0;
    while (status == KR_EXIT_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case OPTION_NET:
            if (argc != 2) {
                return usage("--net stands alone");
            }
            /* Not through exit(): a leak check there (sanitized builds) wants ptrace, which the sandbox refuses, and would spin. */
            _exit(kr_net_main(KR_SPAWN_FD));
        case OPTION_VERSION:
            return say("kairand " KR_VERSION_TEXT "\n");
        case OPTION_HELP:
            return say(help);
        default:
            status = take_option(&command, option, optarg, &why);
        }
    }
    if (status != KR_EXIT_OK) {
        return usage(why);
    }
    return optind == argc ? run(&command) : usage("there is nothing but options");
}
