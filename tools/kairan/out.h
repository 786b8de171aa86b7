/* Output: texts from records made harmless, colours where somebody looks, JSON through jansson. */
#ifndef KR_TOOLS_KAIRAN_OUT_H
#define KR_TOOLS_KAIRAN_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/client/client.h"
#include "proto/record/record.h"
#include "tools/kairan/kairan.h"

enum kr_style { KR_STYLE_NONE, KR_STYLE_BOLD, KR_STYLE_DIM, KR_STYLE_GREEN, KR_STYLE_AMBER, KR_STYLE_RED };

/* Whether `out` is a terminal that wants colours (NO_COLOR: no-color.org; TERM=dumb). */
bool kr_out_has_colour(FILE *out);
/* Begins or ends (KR_STYLE_NONE) a style; writes nothing where there is no colour. */
void kr_out_style(FILE *out, enum kr_style style);

/* Text from elsewhere. Characters that steer a terminal or turn its writing direction (C0, DEL, C1, bidirectional controls, line
 * and paragraph separators) and bytes that are no UTF-8 come out as "\x1b" or "\u202e". `lines`: line feed and tab stay. */
void kr_out_text(FILE *out, struct kr_slice text, bool lines);
void kr_out_string(FILE *out, const char *text);

/* Columns on a terminal: wide characters of East Asian scripts count two. For padding. */
size_t kr_out_columns(struct kr_slice text);
void kr_out_padded(FILE *out, struct kr_slice text, size_t columns);

/* Lower-case hex, terminated; `ret` has 2 * len + 1 bytes. */
void kr_hex(char *ret, const uint8_t *bytes, size_t len);
/* The first `digits` of an id. */
void kr_out_id(FILE *out, const uint8_t id[static 32], size_t digits);
/* The beginning of a root key as it is read out by telephone: five groups of four digits. */
#define KR_OUT_DIGITS 20u
void kr_out_digits(FILE *out, const uint8_t key[static 32]);
/* "2026-11-25 09:41" in local time; "-" for 0. */
/* Likewise, with the time zone: "2027-04-01 09:00 JST (+0900)". */
void kr_out_moment(FILE *out, uint64_t unix_s);
void kr_moment_text(uint64_t unix_s, char *ret_text, size_t size); /* 48 bytes are enough */
void kr_out_time(FILE *out, uint64_t unix_s);
/* "1.5 MiB" */
void kr_out_bytes(FILE *out, uint64_t bytes);
/* "TLP:AMBER" in its colour (FIRST's: never translated). */
void kr_out_label(FILE *out, uint32_t label);
/* A record in a list, one or two lines. */
void kr_out_summary(FILE *out, const struct kr_summary *summary);
const char *kr_severity_text(uint32_t severity); /* translated */
const char *kr_severity_name(uint32_t severity); /* "none" … "critical", for JSON and options */
const char *kr_taken_name(
    uint32_t state); /* of a record's KR_TAKEN_…, for JSON: "stands", "waits", "retracted", "revised", "false" */
const char *kr_reason_text(struct kr_slice name); /* of a policy reason, translated */

/* ", its machine is run by NAME", where there is one. */
void kr_out_host(FILE *out, struct kr_slice host_name);

json_t *kr_json_slice(struct kr_slice text);
json_t *kr_json_id(const uint8_t *bytes, size_t len);
json_t *kr_json_time(uint64_t unix_ms); /* "2026-11-25T00:41:07Z", null for 0 */
json_t *kr_json_summary(const struct kr_summary *summary);
json_t *kr_json_indicator(const struct kr_report_indicator *indicator);
json_t *kr_json_reach(const struct kr_reach *reach, uint32_t count);
/* Prints one object as one line and lets go of it. False where memory or stdout failed. */
bool kr_json_line(json_t *object);

#endif
