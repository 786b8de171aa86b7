/* What import says: progress on a terminal, each row that was not taken and why, totals by file; for people on standard error, with
 * --json one object a line on standard output (docs/IMPORT.md lists them). */
#ifndef KR_TOOLS_KAIRAN_IMPORT_REPORT_H
#define KR_TOOLS_KAIRAN_IMPORT_REPORT_H

#include "tools/kairan/ship.h"

#define KR_IMPORT_ROWS_SHOWN 20u /* of a file, without --rows */

struct kr_import_report {
    const struct kr_app *app;
    bool shows_all_rows;
    bool is_second; /* the same was told before: rows are not told again */
    const char *file;
    enum kr_import_format format;
    uint64_t file_bytes, rows_told, rows_left;
    int percent; /* drawn; -1: none */
};

void kr_import_report_file(struct kr_import_report *report, const char *name, uint64_t bytes, enum kr_import_format format);
void kr_import_report_skip(struct kr_import_report *report, const struct kr_import_skip *skip);
void kr_import_report_guarded(struct kr_import_report *report, const struct kr_found *item, const char *list);
void kr_import_report_refused(struct kr_import_report *report, const struct kr_lot *lot, const char *why);
void kr_import_report_record(struct kr_import_report *report, const struct kr_lot *lot, enum kr_shipped state,
                             const uint8_t id[static 32], uint32_t indicators);
void kr_import_report_progress(struct kr_import_report *report, uint64_t bytes, uint64_t items);
/* The bar away, before anything else is written. */
void kr_import_report_clear(struct kr_import_report *report);
void kr_import_report_end_file(struct kr_import_report *report, const struct kr_lots_counts *counts);
/* `sent`: false after a dry run. */
void kr_import_report_done(struct kr_import_report *report, uint64_t files, const struct kr_lots_counts *counts,
                           const struct kr_ship_counts *shipped, bool sent);

#endif
