#include "tools/kairan/storage_key.h"

#include <string.h>

json_t *kr_storage_json(const struct kr_status_storage *storage)
{
    return json_pack("{s:o, s:b, s:o, s:o, s:I, s:I, s:I}", "from", kr_json_time(storage->from_s * 1000), "under_way",
                     storage->next_s != 0, "began", kr_json_time(storage->next_s * 1000), "moved",
                     kr_json_time(storage->moved_s * 1000), "done", (json_int_t)storage->done, "all", (json_int_t)storage->all,
                     "damaged", (json_int_t)storage->damaged);
}

unsigned kr_storage_percent(const struct kr_status_storage *storage)
{
    return storage->all > 0 ? (unsigned)((double)storage->done / (double)storage->all * 100) : 0;
}

bool kr_storage_stands_still(const struct kr_status_storage *storage, uint64_t now_s)
{
    const uint64_t moved_s = storage->moved_s > storage->next_s ? storage->moved_s : storage->next_s;
    return storage->next_s != 0 && now_s > moved_s + KR_STORAGE_STILL_S;
}

static void tell(const struct kr_status_storage *storage)
{
    (void)fputs(_("The storage key was made: "), stdout);
    kr_out_time(stdout, storage->from_s);
    (void)fputc('\n', stdout);
    if (storage->next_s != 0) {
        (void)fputs(_("It is being replaced since: "), stdout);
        kr_out_time(stdout, storage->next_s);
        (void)printf(_("\nunder the new key: %ju of about %ju values (%u %%)\n"), (uintmax_t)storage->done, (uintmax_t)storage->all,
                     kr_storage_percent(storage));
    }
    if (storage->damaged > 0) {
        (void)printf(_("damaged values, which stay as they are: %ju (kairan verify)\n"), (uintmax_t)storage->damaged);
    }
}

static int rotate(struct kr_app *app)
{
    static struct kr_status status;
    if (kr_app_ask(app, KR_OP_STORAGE_ROTATE, KR_ANSWER_MS, NULL, NULL, NULL) != KR_OK || !kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(kr_storage_json(&status.storage)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    (void)fputs(
        _("There is a new storage key. What is in the store is sealed under it while the node goes on, also after a restart; "
          "then the key before leaves the keyring. How far it is: kairan node storage\n"
          "Afterwards make a new backup, and destroy older copies of the keyring, those in older backups included, if what was "
          "deleted shall be unreadable: each still has the key before.\n"),
        stdout);
    return KR_EXIT_DONE;
}

int kr_run_storage(struct kr_app *app, const char *what)
{
    static struct kr_status status;
    if (what != NULL) {
        return strcmp(what, "rotate") == 0 ? rotate(app) : kr_app_unwanted(app, what);
    }
    if (!kr_app_ask_status(app, &status)) {
        return KR_EXIT_ERROR;
    }
    if (app->is_json) {
        return kr_json_line(kr_storage_json(&status.storage)) ? KR_EXIT_DONE : KR_EXIT_ERROR;
    }
    tell(&status.storage);
    return KR_EXIT_DONE;
}
