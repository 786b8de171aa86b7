/* A MISP feed for each label: manifest.json, hashes.csv, and a file for each event. The directory is its own memory: what was in it
 * and is not exported any more stays as an event whose attributes are deleted, for MISP takes that over, and ignores an event that
 * is gone. */
#include "tools/export/misp.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/export/file.h"
#include "tools/export/formats.h"

#define EVENT_BYTES_MAX    (64u * KR_MIB)
#define MANIFEST_BYTES_MAX (256u * KR_MIB)

struct feed {
    const struct kr_rendering *rendering;
    char directory[PATH_MAX];
    json_t *before, *manifest; /* uuid → entry: as it stood there; as it is to be */
    char *hashes;              /* lines of hashes.csv */
    size_t hashes_len;
    FILE *hashes_out;
    const char *uuid; /* of the event whose hashes are written */
    bool is_changed;
    struct kr_error *error;
};

static const char *const folders[] = {[KR_TLP_CLEAR] = "tlp-clear",
                                      [KR_TLP_GREEN] = "tlp-green",
                                      [KR_TLP_AMBER] = "tlp-amber",
                                      [KR_TLP_AMBER_STRICT] = "tlp-amber-strict"};

/* ---- files ---- */

static enum kr_err place(const struct feed *feed, const char *name, const char *ending, char ret[static PATH_MAX])
{
    int len = snprintf(ret, PATH_MAX, "%s/%s%s", feed->directory, name, ending);
    return len > 0 && len < PATH_MAX ? KR_OK : kr_fail(feed->error, KR_BOUNDS, "the path of the file is too long");
}

/* `*ret` NULL where there is no such file. */
static enum kr_err load(const struct feed *feed, const char *path, off_t bytes_max, json_t **ret)
{
    struct stat stat_;
    json_error_t why;
    *ret = NULL;
    if (stat(path, &stat_) != 0) {
        return errno == ENOENT ? KR_OK : kr_fail(feed->error, KR_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    if (!S_ISREG(stat_.st_mode) || stat_.st_size > bytes_max) {
        return kr_fail(feed->error, KR_BOUNDS, "%s is none of our files: move it away", path);
    }
    *ret = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    return json_is_object(*ret)
               ? KR_OK
               : kr_fail(feed->error, KR_MALFORMED, "%s is damaged (line %d: %s): move it away", path, why.line, why.text);
}

struct json_writer {
    const json_t *value;
    size_t flags;
};

static enum kr_err write_json(void *context, uint64_t time_s, FILE *out)
{
    const struct json_writer *writer = context;
    (void)time_s;
    char *text = json_dumps(writer->value, writer->flags);
    if (text == NULL) {
        return KR_NOMEM;
    }
    (void)fputs(text, out);
    (void)fputc('\n', out);
    free(text);
    return KR_OK;
}

static enum kr_err write_bytes(void *context, uint64_t time_s, FILE *out)
{
    const struct feed *feed = context;
    (void)time_s;
    return fwrite(feed->hashes, 1, feed->hashes_len, out) == feed->hashes_len ? KR_OK : KR_IO;
}

static enum kr_err replace(struct feed *feed, const char *path, kr_file_writer *writer, void *context)
{
    bool is_changed = false;
    enum kr_err err = kr_file_replace(path, writer, context, 0, feed->rendering->now_s, &is_changed, feed->error);
    feed->is_changed = feed->is_changed || is_changed;
    return err;
}

/* ---- events ---- */

static void note_hash(void *context, const char *hex)
{
    struct feed *feed = context;
    (void)fprintf(feed->hashes_out, "%s,%s\n", hex, feed->uuid);
}

/* A file of ours under a name that is a UUID; nothing else is taken from a manifest that somebody may have changed. */
static bool is_uuid(const char *text)
{
    return strlen(text) == KR_UUID_TEXT_BYTES - 1 && strspn(text, "0123456789abcdef-") == KR_UUID_TEXT_BYTES - 1;
}

/* `fresh` (let go of): what is exported now, or NULL. */
static enum kr_err put_event(struct feed *feed, const char *uuid, json_t *fresh)
{
    char path[PATH_MAX];
    json_t *old = NULL, *event = NULL;
    enum kr_err err = place(feed, uuid, ".json", path);
    if (err == KR_OK) {
        err = load(feed, path, EVENT_BYTES_MAX, &old);
    }
    if (err == KR_OK && (old != NULL || fresh != NULL)) {
        event = old == NULL ? json_incref(fresh) : kr_misp_merge(fresh, old, feed->rendering->now_s);
        err = event != NULL ? KR_OK : kr_fail(feed->error, KR_MALFORMED, "%s is no event of ours: move it away", path);
    }
    if (err == KR_OK && event != NULL) {
        struct json_writer writer = {event, JSON_COMPACT};
        err = replace(feed, path, write_json, &writer);
        (void)json_object_set_new(feed->manifest, uuid, kr_misp_manifest_entry(event));
        feed->uuid = uuid;
        kr_misp_hashes(event, note_hash, feed);
    }
    json_decref(event);
    json_decref(old);
    json_decref(fresh);
    return err;
}

/* Those that stood there and are not exported any more. */
static enum kr_err put_gone(struct feed *feed)
{
    const char *uuid;
    json_t *entry;
    json_object_foreach(feed->before, uuid, entry)
    {
        if (is_uuid(uuid) && json_object_get(feed->manifest, uuid) == NULL) {
            enum kr_err err = put_event(feed, uuid, NULL);
            if (err != KR_OK) {
                return err;
            }
        }
    }
    return KR_OK;
}

static enum kr_err put_records(struct feed *feed, const struct kr_by_record *sorted, enum kr_label label)
{
    for (size_t i = 0, run; i < sorted->count; i += run) {
        const struct kr_gathered_record *record = sorted->items[i]->record;
        char uuid[KR_UUID_TEXT_BYTES];
        run = kr_by_record_run(sorted, i);
        if (record->label != label) {
            continue;
        }
        kr_export_uuid("record", record->id, 32, uuid);
        json_t *fresh = kr_misp_event(feed->rendering, sorted->items + i, run);
        enum kr_err err = fresh == NULL ? KR_NOMEM : put_event(feed, uuid, fresh);
        if (err != KR_OK) {
            return err;
        }
    }
    return KR_OK;
}

/* ---- feeds ---- */

static bool has_label(const struct kr_by_record *sorted, enum kr_label label)
{
    for (size_t i = 0; i < sorted->count; i++) {
        if (sorted->items[i]->record->label == label) {
            return true;
        }
    }
    return false;
}

static enum kr_err write_indexes(struct feed *feed)
{
    char path[PATH_MAX];
    struct json_writer writer = {feed->manifest, JSON_COMPACT | JSON_SORT_KEYS};
    bool is_whole = ferror(feed->hashes_out) == 0;
    is_whole = fclose(feed->hashes_out) == 0 && is_whole;
    feed->hashes_out = NULL;
    enum kr_err err = is_whole ? place(feed, "hashes", ".csv", path) : KR_NOMEM;
    if (err == KR_OK) {
        err = replace(feed, path, write_bytes, feed);
    }
    /* Last: who reads the manifest finds the events that it names. */
    if (err == KR_OK) {
        err = place(feed, "manifest", ".json", path);
    }
    return err == KR_OK ? replace(feed, path, write_json, &writer) : err;
}

static enum kr_err write_feed(struct feed *feed, const struct kr_by_record *sorted, enum kr_label label)
{
    char path[PATH_MAX];
    struct stat stat_;
    if (!has_label(sorted, label) && stat(feed->directory, &stat_) != 0) {
        return KR_OK; /* neither now nor before */
    }
    if (mkdir(feed->directory, 0777) != 0 && errno != EEXIST) {
        return kr_fail(feed->error, KR_IO, "%s: the directory cannot be made: %s", feed->directory, strerror(errno));
    }
    feed->manifest = json_object();
    feed->hashes_out = open_memstream(&feed->hashes, &feed->hashes_len);
    enum kr_err err = feed->manifest == NULL || feed->hashes_out == NULL ? KR_NOMEM : place(feed, "manifest", ".json", path);
    if (err == KR_OK) {
        err = load(feed, path, MANIFEST_BYTES_MAX, &feed->before);
    }
    if (err == KR_OK) {
        err = put_records(feed, sorted, label);
    }
    if (err == KR_OK) {
        err = put_gone(feed);
    }
    return err == KR_OK ? write_indexes(feed) : err;
}

static void deinit(struct feed *feed)
{
    json_decref(feed->before);
    json_decref(feed->manifest);
    if (feed->hashes_out != NULL) {
        (void)fclose(feed->hashes_out);
    }
    free(feed->hashes);
}

static enum kr_left judge(const struct kr_rendering *rendering, const struct kr_export_part *part, const struct kr_entry *entry)
{
    char text[KR_INDICATOR_PRINT_BYTES_MAX];
    (void)rendering;
    (void)part;
    return kr_entry_text(entry, text) ? KR_LEFT_NOT : KR_LEFT_FORM;
}

enum kr_err kr_misp_write(const struct kr_rendering *rendering, const char *directory, struct kr_tally *tally, bool *ret_is_changed,
                          struct kr_error *error)
{
    static const struct kr_export_part all = {NULL, UINT32_MAX, 0};
    struct kr_chosen chosen = {0};
    struct kr_by_record sorted = {0};
    bool is_changed = false;
    enum kr_err err = kr_choose(rendering, &all, 0, judge, &chosen, tally);
    if (err == KR_OK) {
        err = kr_by_record_make(rendering->selection, &chosen, &sorted);
    }
    for (enum kr_label label = KR_TLP_CLEAR; err == KR_OK && label < KR_TLP_RED; label++) {
        struct feed feed = {.rendering = rendering, .error = error};
        int len = snprintf(feed.directory, sizeof feed.directory, "%s/%s", directory, folders[label]);
        err = len > 0 && (size_t)len < sizeof feed.directory ? write_feed(&feed, &sorted, label)
                                                             : kr_fail(error, KR_BOUNDS, "the path of the file is too long");
        is_changed = is_changed || feed.is_changed;
        deinit(&feed);
    }
    if (err == KR_OK) {
        *ret_is_changed = is_changed;
    }
    kr_by_record_deinit(&sorted);
    kr_chosen_deinit(&chosen);
    return err;
}
