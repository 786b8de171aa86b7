#include "tools/kairan/root_confirm.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/client/rekey.h"
#include "tools/kairan/out.h"
#include "tools/kairan/preview.h"

struct sought {
    struct kr_root_confirm confirm;
    bool is_found;
};

static enum kr_err take_alarm(void *context, struct kr_slice item)
{
    struct sought *sought = context;
    struct kr_alarm alarm;
    enum kr_err err = kr_alarm_read(item, &alarm);
    if (err == KR_OK && alarm.sort == KR_ALARM_ROOT && memcmp(alarm.council, sought->confirm.council, 32) == 0) {
        memcpy(sought->confirm.root, alarm.records[0].bytes, 32);
        sought->is_found = true;
    }
    return err;
}

/* Whether they are the beginning of that key, and enough of it. */
static bool are_digits_of(const uint8_t key[static 32], char **digits, int count)
{
    char hex[65];
    size_t at = 0;
    bool is_same = true;
    (void)sodium_bin2hex(hex, sizeof hex, key, 32);
    for (int i = 0; i < count && is_same; i++) {
        for (const char *c = digits[i]; *c != 0 && is_same; c++) {
            if (*c != ' ' && *c != '-') {
                is_same = at < 64 && tolower((unsigned char)*c) == hex[at++];
            }
        }
    }
    return is_same && at >= KR_OUT_DIGITS;
}

static bool is_compared(const struct kr_app *app, const uint8_t key[static 32])
{
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1) {
        (void)kr_app_fail(app, KR_INVALID, _("nobody is there to be asked: add the digits that the council has read out"));
        return false;
    }
    (void)fputs(_("Call the council on a number that you know, and let it read out the beginning of its root key (kairan root).\n"
                  "Here it is: "),
                stderr);
    kr_out_digits(stderr, key);
    return kr_ask_about(_("\nAre these the digits that it read out? [y/N] "));
}

int kr_peer_confirm_root(struct kr_app *app, char **arguments, int count)
{
    const struct kr_texts names = {.items = {arguments[0]}, .count = 1};
    struct sought sought = {.is_found = false};
    struct kr_writer args;
    uint8_t ids[1][32];
    if (!kr_app_find_councils(app, &names, ids)) {
        return KR_EXIT_ERROR;
    }
    memcpy(sought.confirm.council, ids[0], 32);
    if (kr_app_ask(app, KR_OP_ALARMS, KR_ANSWER_MS, take_alarm, &sought, NULL) != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (!sought.is_found) {
        return kr_app_fail(app, KR_NOT_FOUND, _("there is no link with this council that waits for its root key to be confirmed"));
    }
    if (count > 1 && !are_digits_of(sought.confirm.root, arguments + 1, count - 1)) {
        return kr_app_fail(
            app, KR_KEY,
            _("these are not the first %u digits of the root key that came: nothing was confirmed. If the council read "
              "them out from its own node, somebody else has its recovery paper: kairan peer pause"),
            KR_OUT_DIGITS);
    }
    if (count == 1 && !is_compared(app, sought.confirm.root)) {
        return KR_EXIT_ERROR;
    }
    kr_writer_init(&args, KR_KIB);
    kr_root_confirm_write(&sought.confirm, &args);
    const enum kr_err err = kr_app_call(app, KR_OP_CONFIRM_ROOT, &args, KR_ANSWER_MS, NULL, NULL, NULL);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:o, s:o}", "council", kr_json_id(sought.confirm.council, 32), "confirmed",
                                      kr_json_id(sought.confirm.root, 32)))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)fputs(_("The root key is confirmed: the link is open again.\n"), stdout);
    return KR_EXIT_DONE;
}
