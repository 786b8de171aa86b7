/* The command line: what its files share. A table of subcommands (main.c), each a function that parses its own options, asks keeper
 * over tools/client and prints for people or, with --json, for programs.
 *
 * Exit status: 0 done (look-ups: found), 1 nothing found, 2 mistake, refusal or failure. */
#ifndef KR_TOOLS_KAIRAN_KAIRAN_H
#define KR_TOOLS_KAIRAN_KAIRAN_H

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire/ways.h"
#include "tools/client/client.h"
#include "tools/kairan/tr.h"

#define KR_EXIT_DONE  0
#define KR_EXIT_NONE  1
#define KR_EXIT_ERROR 2

#define KR_OPTIONS_MAX  32u
#define KR_ANSWER_MS    30000 /* from one frame of an answer to the next */
#define KR_HEX_ID_BYTES 65u

struct kr_enrolled;
struct kr_person_keys;
struct kr_app {
    const char *state, *socket, *language, *node; /* as named; NULL: not named */
    const char *node_passphrase_file, *node_passphrase_fd, *key_passphrase_file, *key_passphrase_fd;
    bool is_json, wants_help, wants_version;
    const struct kr_command *command;
    char directory[PATH_MAX], path[PATH_MAX]; /* state directory and socket, found by kr_app_place */
    bool has_chosen, is_implied;              /* is_implied: nobody has named it, it is the only one */
    char afar[NAME_MAX + 1];      /* the node over the network that is meant; empty: one on this machine. kr_app_choose */
    char enrolled_path[PATH_MAX]; /* of what this machine keeps of it; with the next from kr_app_prepare on */
    struct kr_enrolled *enrolled;
    struct kr_way reached;           /* the node over the network that this run talks to; no endpoint: none yet, or any */
    struct kr_person_keys *own_keys; /* the user's own, once they are open (sealed.h): the passphrase is asked for once */
    struct kr_conn *conn;
};

struct kr_command {
    const char *name;
    int (*run)(struct kr_app *app, int argc, char **argv); /* argv[0] is the subcommand; returns the exit status */
    const char *summary;                                   /* msgids */
    const char *help;
};
extern const struct kr_command kr_commands[];
extern const char kr_help_submit[], kr_help_key[], kr_help_node[]; /* msgids; help.c */
extern const size_t kr_command_count;
/* Beside what they do. */
extern const char kr_help_drafts[], kr_help_consent[], kr_help_duty[], kr_help_roster[];

int kr_run_init(struct kr_app *app, int argc, char **argv);
int kr_run_backup(struct kr_app *app, int argc, char **argv);
int kr_run_restore(struct kr_app *app, int argc, char **argv);
int kr_run_passphrase(struct kr_app *app, int argc, char **argv);
int kr_run_alarms(struct kr_app *app, int argc, char **argv);
int kr_run_drafts(struct kr_app *app, int argc, char **argv);
int kr_run_approve(struct kr_app *app, int argc, char **argv);
int kr_run_reject(struct kr_app *app, int argc, char **argv);
int kr_run_mine(struct kr_app *app, int argc, char **argv);
int kr_run_roster(struct kr_app *app, int argc, char **argv);
int kr_run_consent(struct kr_app *app, int argc, char **argv);
int kr_run_duty(struct kr_app *app, int argc, char **argv);
int kr_run_handover(struct kr_app *app, int argc, char **argv);
int kr_run_audit(struct kr_app *app, int argc, char **argv);
int kr_run_body(struct kr_app *app, int argc, char **argv);
int kr_run_person(struct kr_app *app, int argc, char **argv);
int kr_run_key(struct kr_app *app, int argc, char **argv);
int kr_run_whoami(struct kr_app *app, int argc, char **argv);
int kr_run_peer(struct kr_app *app, int argc, char **argv);
/* Of a link through a third node (enum kr_through_state): how it is with it, to be translated; "": it is none. */
const char *kr_through_text(uint32_t state);
/* For how long nothing was heard of a peer, as far as it is known: what was before the node was started, or before the link was
 * made, is not. 0: it is online. */
uint64_t kr_peer_silent_ms(const struct kr_peer *peer, uint64_t started_ms, uint64_t now_ms);
int kr_run_forward(struct kr_app *app, int argc, char **argv);
int kr_run_link(struct kr_app *app, int argc, char **argv);
int kr_run_enrol(struct kr_app *app, int argc, char **argv);
int kr_run_doctor(struct kr_app *app, int argc, char **argv);
int kr_run_quarantine(struct kr_app *app, int argc, char **argv);
int kr_run_root(struct kr_app *app, int argc, char **argv);
int kr_run_node(struct kr_app *app, int argc, char **argv);
int kr_run_council(struct kr_app *app, int argc, char **argv);
int kr_run_invite(struct kr_app *app, int argc, char **argv);
int kr_run_join(struct kr_app *app, int argc, char **argv);
int kr_run_peers(struct kr_app *app, int argc, char **argv);
int kr_run_councils(struct kr_app *app, int argc, char **argv);
int kr_run_community(struct kr_app *app, int argc, char **argv);
int kr_run_vouch(struct kr_app *app, int argc, char **argv);
int kr_run_unvouch(struct kr_app *app, int argc, char **argv);
int kr_run_expel(struct kr_app *app, int argc, char **argv);
int kr_run_submit(struct kr_app *app, int argc, char **argv);
int kr_run_retract(struct kr_app *app, int argc, char **argv);
int kr_run_revise(struct kr_app *app, int argc, char **argv);
int kr_run_retractions(struct kr_app *app, int argc, char **argv);
int kr_run_sighting(struct kr_app *app, int argc, char **argv);
int kr_run_export(struct kr_app *app, int argc, char **argv);
int kr_run_import(struct kr_app *app, int argc, char **argv);
int kr_run_lookup(struct kr_app *app, int argc, char **argv);
int kr_run_ls(struct kr_app *app, int argc, char **argv);
int kr_run_show(struct kr_app *app, int argc, char **argv);
int kr_run_explain(struct kr_app *app, int argc, char **argv);
int kr_run_scan(struct kr_app *app, int argc, char **argv);
int kr_run_status(struct kr_app *app, int argc, char **argv);
int kr_run_watch(struct kr_app *app, int argc, char **argv);
int kr_run_warninglist(struct kr_app *app, int argc, char **argv);
int kr_run_verify(struct kr_app *app, int argc, char **argv);

/* ---- options ---- */

struct kr_texts { /* an option that may be given several times */
    const char *items[KR_AUDIENCE_MAX];
    uint32_t count;
};
struct kr_option {
    const char *name;
    char letter;       /* 0: none */
    bool *flag;        /* exactly one of these three */
    const char **text; /* borrowed from argv */
    struct kr_texts *texts;
};
/* Takes the command's own options and the global ones, in any order, into their targets. False where there is a mistake (told on
 * stderr). `*ret_rest` is the index of the first argument that is no option. With `stops` it ends at the first such argument. */
bool kr_options_parse(struct kr_app *app, int argc, char **argv, const struct kr_option *own, uint32_t count, bool stops,
                      int *ret_rest);
/* "90", "90s", "5m", "2h", "7d" → seconds. */
bool kr_seconds_parse(const char *text, uint64_t *ret_s);
bool kr_count_parse(const char *text, uint64_t max, uint64_t *ret_count);
/* "2026-11-25", "2026-11-25T09:30[:00][Z]" (without Z: local time), or a time span back from (`ahead`: onward from) now → Unix
 * seconds. */
bool kr_moment_parse(const char *text, bool ahead, uint64_t *ret_s);
/* The same in milliseconds, for where what came in the same second is not to be left out. */
bool kr_moment_parse_ms(const char *text, bool ahead, uint64_t *ret_ms);
/* An even number of hex digits, 8 to 64 (an odd last one is left out). */
bool kr_id_parse(const char *text, uint8_t ret_id[static 32], size_t *ret_len);

/* ---- the node ---- */

/* Finds the state directory and the socket of a node on this machine: for what is done there alone, which is refused where another
 * node is named. Tells mistakes on stderr. */
bool kr_app_place(struct kr_app *app);
/* Which node is meant (`afar`). Tells mistakes. */
bool kr_app_choose(struct kr_app *app);
/* All that connecting needs, here or afar; asks for a passphrase where one is needed. Tells mistakes. */
bool kr_app_prepare(struct kr_app *app);
/* One more connection, once prepared; tells nothing but, in a line, that another node of the council was reached than the one that
 * was tried first. Whichever node over the network the first one reached, all later ones reach. */
enum kr_err kr_app_connect(struct kr_app *app, struct kr_conn **ret_conn, struct kr_error *error) KR_WARN_UNUSED;
/* What is done from here on has nothing to do with what was done before: the next connection may reach another node. */
void kr_app_leave_node(struct kr_app *app);
/* Whether this user has a node on this machine, or the machine has one for its users. */
bool kr_app_has_node_here(void);
/* Tells why there is no connection. */
void kr_app_tell_absent(const struct kr_app *app, enum kr_err err, const struct kr_error *error);
/* Connects where it is not connected yet; tells failures. */
bool kr_app_open(struct kr_app *app);
/* One whole request; tells failures. KR_CANCELLED where `on_item` said so is not told. */
enum kr_err kr_app_call(struct kr_app *app, enum kr_op op, struct kr_writer *args, int timeout_ms, kr_conn_item *on_item,
                        void *context, struct kr_slice *ret_result);
/* The same with no arguments. */
enum kr_err kr_app_ask(struct kr_app *app, enum kr_op op, int timeout_ms, kr_conn_item *on_item, void *context,
                       struct kr_slice *ret_result);
/* The same with one id, or its beginning, within KR_ANSWER_MS. */
enum kr_err kr_app_ask_about(struct kr_app *app, enum kr_op op, const uint8_t *id, size_t len, kr_conn_item *on_item, void *context,
                             struct kr_slice *ret_result);
/* How the node is. Tells failures. */
bool kr_app_ask_status(struct kr_app *app, struct kr_status *ret_status);
/* "kairan: …" on stderr, or an object {"error": NAME, "message": …} with --json. Returns KR_EXIT_ERROR. */
int kr_app_fail(const struct kr_app *app, enum kr_err err, const char *fmt, ...) KR_PRINTF(3, 4);
/* An argument too many, told; an answer that no reader takes, told. Both return KR_EXIT_ERROR. */
int kr_app_unwanted(const struct kr_app *app, const char *argument);
int kr_app_unreadable(const struct kr_app *app);
/* A failed call: the error's translated text and its detail. */
int kr_app_tell(const struct kr_app *app, enum kr_err err, const struct kr_error *error);

/* A council or one of our communities, named by name (either language, case of ASCII letters ignored) or by the beginning of its
 * id. Tells why not. */
bool kr_app_find_councils(struct kr_app *app, const struct kr_texts *names, uint8_t (*ret_ids)[32]);
/* One of them; a whole id need not be known here. */
bool kr_app_find_council(struct kr_app *app, const char *name, uint8_t ret_id[static 32]);
bool kr_app_find_community(struct kr_app *app, const char *name, uint8_t ret_id[static 32]);

#endif
