/* scan: logs searched for what this node knows. The values come once from keeper (or from a file); no byte of a log goes anywhere.
 */
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"
#include "tools/kairan/scan_mark.h"
#include "tools/kairan/scan_sight.h"
#include "tools/kairan/sealed.h"
#include "tools/scan/hunt.h"
#include "tools/scan/values.h"

#define ID_DIGITS   12u
#define PROGRESS_MS 200u

/* What is shown of a record. */
struct source {
    uint8_t id[32];
    uint8_t label;
};

struct scan {
    struct kr_app *app;
    struct kr_sieve *sieve;
    struct source *sources; /* by number of the record; none where values came from a file */
    size_t source_count, source_room;
    char **files;
    size_t file_count, file_room;
    uint64_t disk_bytes; /* of all files */
    uint64_t began_ms, told_ms, begun_bytes;
    bool shows_progress, has_progress;
    bool failed; /* writing */
    bool sights_wanted, is_sure;
    struct kr_scan_sights sights;
};

static volatile bool stop;

static void on_signal(int number)
{
    (void)number;
    stop = true;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- values ---- */

static enum kr_err add_source(struct scan *scan, const struct kr_summary *summary)
{
    if (scan->source_count == scan->source_room) {
        const size_t room = scan->source_room * 2 + 256;
        struct source *sources = realloc(scan->sources, room * sizeof *sources);
        if (sources == NULL) {
            return KR_NOMEM;
        }
        scan->sources = sources;
        scan->source_room = room;
    }
    struct source *source = &scan->sources[scan->source_count++];
    memcpy(source->id, summary->id, sizeof source->id);
    source->label = (uint8_t)summary->label;
    return KR_OK;
}

static enum kr_err take_report(struct scan *scan, const struct kr_summary *summary, struct kr_slice content)
{
    struct kr_report report;
    struct kr_reader reader;
    if (kr_report_parse(content, &report) != KR_OK) {
        return KR_OK; /* one of a newer version */
    }
    enum kr_err err = add_source(scan, summary);
    kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
    (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i < report.indicator_count && err == KR_OK; i++) {
        struct kr_report_indicator indicator;
        kr_report_indicator_read(&reader, &indicator);
        err =
            kr_sieve_add(scan->sieve, indicator.type, indicator.value.bytes, indicator.value.len, (uint32_t)scan->source_count - 1);
    }
    return err;
}

/* (Advisories have no indicators.) */
static enum kr_err take_record(void *context, struct kr_slice item)
{
    static struct kr_shown shown;
    enum kr_err err = kr_shown_read(item, &shown);
    return err == KR_OK && shown.content_kind == KR_KIND_REPORT && shown.content.len > 0
               ? take_report(context, &shown.summary, shown.content)
               : err;
}

static enum kr_err take_opened(void *context, const struct kr_shown *shown, const struct kr_section *section)
{
    return shown->content_kind == KR_KIND_REPORT ? take_report(context, &shown->summary, section->content) : KR_OK;
}

/* And what is sealed to whoever asks: opened here, searched for here. */
static bool load_sealed(struct scan *scan)
{
    struct kr_sealed *sealed = kr_sealed_new(scan->app, false, true);
    const bool is_fine = sealed != NULL && kr_sealed_each(sealed, false, take_opened, scan) == KR_OK;
    kr_sealed_free(sealed);
    return is_fine;
}

static bool load_from_node(struct scan *scan)
{
    const struct kr_export asked = {.use = KR_EXPORT_USE_SCAN};
    struct kr_writer args;
    struct kr_slice result;
    kr_writer_init(&args, KR_KIB);
    kr_export_write(&asked, &args);
    const enum kr_err err = kr_app_call(scan->app, KR_OP_EXPORT, &args, KR_ANSWER_MS, take_record, scan, &result);
    kr_writer_deinit(&args);
    return err == KR_OK && load_sealed(scan);
}

static bool load_from_file(struct scan *scan, const char *path)
{
    struct kr_values_told told;
    struct kr_error error = {0};
    const enum kr_err err = kr_values_read(path, scan->sieve, &told, &error);
    if (err != KR_OK) {
        (void)kr_app_tell(scan->app, err, &error);
        return false;
    }
    if (told.bad > 0) {
        (void)fprintf(stderr, _("%s: %llu lines are no values and were left out; the first is line %llu: %s\n"), path,
                      (unsigned long long)told.bad, (unsigned long long)told.first_bad, _(told.why.text));
    }
    return true;
}

/* ---- files ---- */

static bool add_file(struct scan *scan, const char *path, uint64_t bytes)
{
    if (scan->file_count == scan->file_room) {
        const size_t room = scan->file_room * 2 + 64;
        char **files = realloc(scan->files, room * sizeof *files);
        if (files == NULL) {
            return false;
        }
        scan->files = files;
        scan->file_room = room;
    }
    scan->files[scan->file_count] = strdup(path);
    scan->disk_bytes += bytes;
    return scan->files[scan->file_count] != NULL && ++scan->file_count > 0;
}

static int by_name(const FTSENT **left, const FTSENT **right)
{
    return strcmp((*left)->fts_name, (*right)->fts_name);
}

/* All regular files below a directory; other things are files by themselves, and tell when they are opened. */
static bool add_path(struct scan *scan, char *path, uint64_t *failed)
{
    struct stat status;
    char *const paths[] = {path, NULL};
    bool ok = true;
    if (strcmp(path, "-") == 0 || stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return add_file(scan, path, strcmp(path, "-") != 0 && stat(path, &status) == 0 ? (uint64_t)status.st_size : 0);
    }
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    ok = tree != NULL;
    for (FTSENT *entry; ok && (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_info == FTS_F) {
            ok = add_file(scan, entry->fts_path, (uint64_t)entry->fts_statp->st_size);
        } else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS) {
            (void)kr_app_fail(scan->app, KR_IO, _("cannot read %s: %s"), entry->fts_path, strerror(entry->fts_errno));
            (*failed)++;
        }
    }
    if (tree != NULL) {
        (void)fts_close(tree);
    }
    return ok;
}

/* ---- output ---- */

static void clear_progress(struct scan *scan)
{
    if (scan->has_progress) {
        (void)fputs("\r\033[K", stderr);
        scan->has_progress = false;
    }
}

static const char *how_name(uint32_t how)
{
    return how == KR_SWEEP_PARENT     ? "parent"
           : how == KR_SWEEP_NETWORK  ? "network"
           : how == KR_SWEEP_URL_HOST ? "url_host"
                                      : "exact";
}

static void tell_hit_json(struct scan *scan, const struct kr_hunt_hit *hit, const char *value)
{
    const struct source *source = scan->source_count > 0 ? &scan->sources[hit->value.record] : NULL;
    json_t *object = json_pack(
        "{s:o, s:I, s:o, s:s, s:s, s:o, s:o, s:s?, s:i}", "file",
        kr_json_slice((struct kr_slice){(const uint8_t *)hit->file, strlen(hit->file)}), "line", (json_int_t)hit->line, "text",
        kr_json_slice(hit->text), "how", how_name(hit->how), "type", kr_indicator_type_name(hit->value.type), "value",
        kr_json_slice((struct kr_slice){(const uint8_t *)value, strlen(value)}), "record",
        source != NULL ? kr_json_id(source->id, sizeof source->id) : json_null(), "label",
        source != NULL ? kr_label_name((enum kr_label)source->label) : NULL, "records", source != NULL ? (int)hit->records : 0);
    scan->failed = !kr_json_line(object) || scan->failed;
}

static void tell_hit_text(struct scan *scan, const struct kr_hunt_hit *hit, const char *value)
{
    const struct source *source = scan->source_count > 0 ? &scan->sources[hit->value.record] : NULL;
    const bool same = strlen(value) == hit->text.len && strncasecmp(value, (const char *)hit->text.bytes, hit->text.len) == 0;
    kr_out_string(stdout, hit->file);
    (void)printf(":%" PRIu64 ": ", hit->line);
    kr_out_style(stdout, KR_STYLE_BOLD);
    kr_out_string(stdout, value);
    kr_out_style(stdout, KR_STYLE_NONE);
    if (!same || hit->how == KR_SWEEP_URL_HOST) {
        (void)printf("  %s ", hit->how == KR_SWEEP_URL_HOST ? _("(its host stands there:") : _("(as"));
        kr_out_text(stdout, hit->text, false);
        (void)fputs(")", stdout);
    }
    if (source != NULL) {
        (void)fputs("  ", stdout);
        kr_out_id(stdout, source->id, ID_DIGITS);
        (void)fputs("  ", stdout);
        kr_out_label(stdout, source->label);
        if (hit->records > 1) {
            (void)printf(_("  and %u more records"), hit->records - 1);
        }
    }
    scan->failed = putc('\n', stdout) == EOF || scan->failed;
}

static void tell_hit(void *context, const struct kr_hunt_hit *hit)
{
    struct scan *scan = context;
    char value[KR_INDICATOR_PRINT_BYTES_MAX];
    clear_progress(scan);
    if (kr_indicator_print(hit->value.type, hit->value.value.bytes, hit->value.value.len, value, sizeof value) != KR_OK) {
        value[0] = 0;
    }
    if (scan->app->is_json) {
        tell_hit_json(scan, hit, value);
    } else {
        tell_hit_text(scan, hit, value);
    }
    /* Of what is for bodies or persons no sighting is sent: it would tell all councils that hold the record. */
    if (scan->sights_wanted && !kr_label_is_for_people((enum kr_label)scan->sources[hit->value.record].label)) {
        scan->failed = kr_scan_sights_take(&scan->sights, hit) != KR_OK || scan->failed;
    }
    stop = stop || scan->failed; /* nobody reads any more */
}

static void tell_note(void *context, const char *file, enum kr_hunt_note note, const char *detail)
{
    struct scan *scan = context;
    clear_progress(scan);
    if (note == KR_HUNT_FAILED) {
        (void)kr_app_fail(scan->app, KR_IO, "%s: %s", file, _(detail));
    } else {
        kr_out_string(stderr, file);
        (void)fprintf(
            stderr, ": %s\n",
            note == KR_HUNT_BINARY
                ? _("looks binary and was left out; --binary searches it all the same")
                : _("is compressed in a way that is not known here, and was left out: decompress it into a pipe to kairan scan -"));
    }
}

static void tell_progress(void *context, const struct kr_hunt_mark *mark, uint64_t bytes)
{
    struct scan *scan = context;
    const uint64_t now = now_ms();
    (void)mark;
    if (!scan->shows_progress || now - scan->told_ms < PROGRESS_MS) {
        return;
    }
    scan->told_ms = now;
    if (scan->begun_bytes == UINT64_MAX) {
        scan->begun_bytes = bytes; /* of a search that goes on, the rate is of what is new */
    }
    const double seconds = (double)(now - scan->began_ms) / 1000;
    const double rate = seconds > 0 ? (double)(bytes - scan->begun_bytes) / seconds : 0;
    clear_progress(scan);
    kr_out_bytes(stderr, bytes);
    if (scan->disk_bytes >= bytes && scan->disk_bytes > 0) {
        (void)fprintf(stderr, " (%u%%)", (unsigned)(100 * bytes / scan->disk_bytes));
    }
    (void)fputs(", ", stderr);
    kr_out_bytes(stderr, (uint64_t)rate);
    (void)fputs("/s", stderr);
    if (rate > 0 && scan->disk_bytes > bytes) {
        const uint64_t left = (uint64_t)((double)(scan->disk_bytes - bytes) / rate) + 1;
        (void)fprintf(stderr, _(", %llu:%02u left"), (unsigned long long)left / 60, (unsigned)(left % 60));
    }
    (void)fflush(stderr);
    scan->has_progress = true;
}

static void tell_end(const struct scan *scan, const struct kr_hunt_totals *totals)
{
    if (scan->app->is_json) {
        (void)kr_json_line(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "files", (json_int_t)totals->files, "lines",
                                     (json_int_t)totals->lines, "bytes", (json_int_t)totals->bytes, "hits",
                                     (json_int_t)totals->hits, "skipped", (json_int_t)totals->skipped, "failed",
                                     (json_int_t)totals->failed, "values", (json_int_t)kr_sieve_count(scan->sieve),
                                     "values_left_out", (json_int_t)kr_sieve_left_out(scan->sieve)));
        return;
    }
    (void)fprintf(stderr, _("searched %llu lines in %llu files for %llu values, found: %llu\n"), (unsigned long long)totals->lines,
                  (unsigned long long)totals->files, (unsigned long long)kr_sieve_count(scan->sieve),
                  (unsigned long long)totals->hits);
    if (kr_sieve_left_out(scan->sieve) > 0) {
        (void)fprintf(stderr, _("values that logs cannot be searched for (rules, very short texts): %llu\n"),
                      (unsigned long long)kr_sieve_left_out(scan->sieve));
    }
}

/* ---- all of it ---- */

static const uint8_t *id_of(void *context, uint32_t record)
{
    const struct scan *scan = context;
    return scan->sources[record].id;
}

static int search(struct scan *scan, struct kr_hunt *hunt, bool resumes)
{
    struct kr_hunt_totals totals;
    struct kr_hunt_mark where;
    struct kr_scan_mark mark;
    const char *const *files = (const char *const *)scan->files;
    bool has_standard = false;
    for (size_t i = 0; i < scan->file_count; i++) {
        has_standard = has_standard || strcmp(scan->files[i], "-") == 0;
    }
    const bool has_mark = !has_standard && kr_scan_mark_place(files, scan->file_count, &mark);
    if (resumes) {
        const enum kr_err err = has_mark ? kr_scan_mark_read(&mark, files, scan->file_count, &hunt->from) : KR_NOT_FOUND;
        if (err == KR_INVALID) {
            return kr_app_fail(
                scan->app, err,
                _("the log in which the search was stopped has been rotated or rewritten: begin it without --resume"));
        }
        if (err == KR_MALFORMED) {
            return kr_app_fail(scan->app, err, _("the mark %s is damaged: begin the search without --resume"), mark.path);
        }
        if (err != KR_OK) {
            return kr_app_fail(scan->app, err,
                               _("there is no search of just these files to go on with: begin it without --resume"));
        }
        scan->begun_bytes = UINT64_MAX;
    }
    if (has_mark) {
        /* What is being read or written goes on; a second one ends the program at once. */
        (void)sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART}, NULL);
    }
    scan->began_ms = now_ms();
    enum kr_err err = kr_hunt(hunt, files, scan->file_count, &totals, &where);
    clear_progress(scan);
    if (scan->failed || fflush(stdout) != 0) {
        return kr_app_fail(scan->app, KR_IO, _("the output cannot be written"));
    }
    if (err == KR_CANCELLED) {
        if (kr_scan_mark_write(&mark, files, scan->file_count, &where) != KR_OK) {
            return kr_app_fail(scan->app, KR_IO, _("stopped, and the mark to go on from cannot be written to %s"), mark.path);
        }
        return kr_app_fail(scan->app, err, _("stopped; --resume with the same files goes on from here"));
    }
    if (err != KR_OK) {
        return kr_app_tell(scan->app, err, NULL);
    }
    if (has_mark) {
        kr_scan_mark_remove(&mark);
    }
    tell_end(scan, &totals);
    if (scan->sights_wanted && !kr_scan_sights_send(&scan->sights, scan->app, scan->is_sure, id_of, scan)) {
        return KR_EXIT_ERROR;
    }
    return totals.failed > 0 ? KR_EXIT_ERROR : totals.hits > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}

int kr_run_scan(struct kr_app *app, int argc, char **argv)
{
    const char *values = NULL, *threads = NULL;
    bool binary = false, resumes = false, no_url_hosts = false, sighting = false, sure = false;
    const struct kr_option options[] = {
        {.name = "values", .text = &values},
        {.name = "threads", .letter = 'j', .text = &threads},
        {.name = "binary", .letter = 'a', .flag = &binary},
        {.name = "resume", .flag = &resumes},
        {.name = "no-url-hosts", .flag = &no_url_hosts},
        {.name = "sighting", .flag = &sighting},
        {.name = "yes", .letter = 'y', .flag = &sure},
    };
    int rest, status = KR_EXIT_ERROR;
    uint64_t count = 0, failed = 0;
    uint8_t seed[48];
    struct scan scan = {.app = app};
    if (!kr_options_parse(app, argc, argv, options, sizeof options / sizeof options[0], false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest == argc) {
        return kr_app_fail(app, KR_INVALID, _("name the logs to search: files, directories, or - for standard input"));
    }
    if (threads != NULL && (!kr_count_parse(threads, KR_HUNT_THREADS_MAX, &count) || count == 0)) {
        return kr_app_fail(app, KR_INVALID, _("--threads takes a number from 1 to %u"), KR_HUNT_THREADS_MAX);
    }
    if (sighting && values != NULL) {
        return kr_app_fail(app, KR_INVALID, _("--sighting does not go with --values: there is no record to say it of"));
    }
    randombytes_buf(seed, sizeof seed);
    scan.sights_wanted = sighting;
    scan.is_sure = sure;
    scan.sieve = kr_sieve_new(seed);
    scan.shows_progress = !app->is_json && isatty(STDERR_FILENO) == 1;
    bool ok = scan.sieve != NULL;
    for (int i = rest; i < argc && ok; i++) {
        ok = add_path(&scan, argv[i], &failed);
    }
    if (!ok) {
        (void)kr_app_tell(app, KR_NOMEM, NULL);
    } else if (values != NULL ? load_from_file(&scan, values) : load_from_node(&scan)) {
        const enum kr_err err = kr_sieve_seal(scan.sieve);
        struct kr_hunt hunt = {.sieve = scan.sieve,
                               .threads = (unsigned)count,
                               .no_url_hosts = no_url_hosts,
                               .takes_binary = binary,
                               .context = &scan,
                               .hit = tell_hit,
                               .note = tell_note,
                               .progress = tell_progress,
                               .stop = &stop};
        status = err == KR_OK ? search(&scan, &hunt, resumes) : kr_app_tell(app, err, NULL);
        status = failed > 0 ? KR_EXIT_ERROR : status;
    }
    for (size_t i = 0; i < scan.file_count; i++) {
        free(scan.files[i]);
    }
    kr_scan_sights_deinit(&scan.sights);
    free(scan.files);
    free(scan.sources);
    kr_sieve_free(scan.sieve);
    return status;
}
