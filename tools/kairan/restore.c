/* kairan restore: a node out of a backup, and the end of its waiting. */
#include "tools/backup/restore.h"

#include <stdio.h>
#include <string.h>

#include "crypto/secret.h"
#include "tools/kairan/backup.h"
#include "tools/kairan/out.h"
#include "tools/kairan/root_key.h"

static int tell(const struct kr_app *app, const char *to, const struct kr_backup_restored *restored)
{
    if (app->is_json) {
        return kr_json_line(json_pack("{s:s, s:o, s:I, s:I, s:b}", "state", to, "made", kr_json_time(restored->made_s * 1000),
                                      "pages", (json_int_t)restored->pages, "files", (json_int_t)restored->files, "config_aside",
                                      restored->config_is_aside))
                   ? KR_EXIT_DONE
                   : KR_EXIT_ERROR;
    }
    (void)printf(_("The node is restored in %s, as of "), to);
    kr_out_time(stdout, restored->made_s);
    (void)fputc('\n', stdout);
    if (restored->config_is_aside) {
        (void)printf(_("There was a kairan.conf already; the one of the backup is %s/kairan.conf.restored: compare them.\n"), to);
    } else if (restored->has_config) {
        (void)printf(_("Its configuration is %s/kairan.conf; a node that takes it from elsewhere needs it there.\n"), to);
    }
    (void)printf(
        _("Next: start it (kairand --state %s). It signs nothing and takes no ticket until it has been found equal with every\n"
          "council that it was linked with: kairan status and kairan peers show for whom it waits.\n"),
        to);
    (void)fputs(_("Never run the old node again, should it come back: two nodes of one keyring contradict each other.\n"), stdout);
    return KR_EXIT_DONE;
}

static int run(const struct kr_app *app, struct kr_backup_chain *chain, const char *paper, const char *to)
{
    struct kr_root_key *key = NULL;
    struct kr_error error = {0};
    struct kr_backup_restored restored;
    if (kr_crypto_init() != KR_OK || !kr_backup_paper(app, paper, chain, &key)) {
        return KR_EXIT_ERROR;
    }
    struct kr_backup_progress progress = {.app = app, .what = N_("restoring"), .all = chain->bytes};
    const struct kr_backup_restoring restoring = {
        .chain = chain, .recovery_secret = key->secret, .to = to, .on_bytes = kr_backup_progress_add, .context = &progress};
    enum kr_err err = kr_backup_restore(&restoring, &restored, &error);
    kr_backup_progress_end(&progress);
    kr_secret_free(key);
    return err == KR_OK ? tell(app, to, &restored) : kr_app_tell(app, err, &error);
}

/* ---- the end of waiting ---- */

static int finish(struct kr_app *app, bool is_forced)
{
    struct kr_writer args;
    kr_writer_init(&args, 16);
    kr_writer_array(&args, 1);
    kr_writer_flag(&args, is_forced);
    enum kr_err err = kr_app_call(app, KR_OP_RECONCILE, &args, KR_ANSWER_MS, NULL, NULL, NULL);
    kr_writer_deinit(&args);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(json_pack("{s:b}", "signs", true)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)fputs(_("This node signs and takes tickets.\n"), stdout);
    return KR_EXIT_DONE;
}

int kr_run_restore(struct kr_app *app, int argc, char **argv)
{
    const char *to = NULL, *paper = NULL;
    bool verifies = false, is_forced = false;
    const struct kr_option options[] = {{.name = "to", .text = &to},
                                        {.name = "paper", .text = &paper},
                                        {.name = "verify", .flag = &verifies},
                                        {.name = "force", .flag = &is_forced}};
    struct kr_backup_chain chain = {0};
    int rest;
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest + 1 == argc && strcmp(argv[rest], "finish") == 0) {
        return to == NULL && paper == NULL && !verifies
                   ? finish(app, is_forced)
                   : kr_app_fail(app, KR_INVALID, _("restore finish takes --force and nothing else"));
    }
    if (rest == argc) {
        return kr_app_fail(app, KR_INVALID, _("which backup? Name its directory, or all files of it"));
    }
    if (is_forced) {
        return kr_app_fail(app, KR_INVALID, _("--force belongs to kairan restore finish: what is there is never written over"));
    }
    if (!verifies && to == NULL) {
        return kr_app_fail(app, KR_INVALID, _("where to? Name the state directory of the node: --to DIR"));
    }
    if (!kr_backup_chain_named(app, argv + rest, argc - rest, &chain)) {
        return KR_EXIT_ERROR;
    }
    const int result = verifies ? kr_backup_verify(app, paper, &chain) : run(app, &chain, paper != NULL ? paper : "-", to);
    kr_backup_chain_free(&chain);
    return result;
}
