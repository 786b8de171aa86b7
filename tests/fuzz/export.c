/* What keeper may say of a record, through gathering, selection and every format; a list of values never to be written; and what
 * may stand in a MISP feed. The first byte selects. Nothing crashes, and twice is the same bytes. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "tools/export/export.h"
#include "tools/export/misp.h"

static const char *const formats[] = {"list", "csv", "json", "hosts", "rpz", "unbound", "nftables", "ipset", "suricata", "stix"};

static char *render(const struct kr_export_format *format, const struct kr_export_part *part, const struct kr_rendering *rendering)
{
    struct kr_tally tally = {0};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    KR_ASSERT(out != NULL);
    KR_ASSERT(format->render(rendering, part, out, &tally) == KR_OK);
    KR_ASSERT(fclose(out) == 0);
    return text;
}

static void render_all(const struct kr_rendering *rendering)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct kr_export_format *format = kr_export_format_find(formats[i]);
        KR_ASSERT(format != NULL);
        for (uint32_t p = 0; p < format->part_count; p++) {
            char *once = render(format, &format->parts[p], rendering), *twice = render(format, &format->parts[p], rendering);
            KR_ASSERT(strcmp(once, twice) == 0);
            free(once);
            free(twice);
        }
    }
}

/* Items, each behind its length in two bytes. */
static void check_items(const uint8_t *bytes, size_t len)
{
    struct kr_gathered gathered = {0};
    struct kr_selection selection;
    for (size_t at = 0; at + 2 <= len;) {
        size_t size = (size_t)bytes[at] << 8 | bytes[at + 1];
        size = size < len - at - 2 ? size : len - at - 2;
        (void)!kr_gathered_take(&gathered, (struct kr_slice){bytes + at + 2, size});
        at += 2 + size;
    }
    const struct kr_export_filter filter = {.now_ms = 1790000000000, .age_max_ms = 1000};
    for (int turn = 0; turn < 2; turn++) {
        KR_ASSERT(kr_selection_make(&gathered, turn == 0 ? &filter : &(struct kr_export_filter){.now_ms = 1}, &selection) == KR_OK);
        KR_ASSERT(selection.label < KR_TLP_RED);
        render_all(&(struct kr_rendering){.selection = &selection, .council_name = "Kita", .zone = "rpz.kairan", .time_s = 1});
        kr_selection_deinit(&selection);
    }
    kr_gathered_deinit(&gathered);
}

static void check_avoid(const uint8_t *bytes, size_t len)
{
    static const uint8_t value[] = "evil.example";
    struct kr_avoid *avoid = NULL;
    struct kr_error error = {0};
    if (kr_avoid_parse((const char *)bytes, len, &avoid, &error) == KR_OK) {
        (void)kr_avoid_has(avoid, KR_INDICATOR_DOMAIN, (struct kr_slice){value, sizeof value - 1});
    }
    kr_avoid_free(avoid);
}

static void check_event(const uint8_t *bytes, size_t len)
{
    json_t *old = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *fresh = json_pack("{s:{s:s, s:s, s:[{s:s, s:s, s:s, s:b}]}}", "Event", "timestamp", "5", "publish_timestamp", "5",
                              "Attribute", "uuid", "a", "value", "v", "timestamp", "5", "deleted", 0);
    json_t *merged = kr_misp_merge(fresh, old, 9), *gone = kr_misp_merge(NULL, old, 9);
    KR_ASSERT(merged != NULL);
    /* What was merged once stands. */
    json_t *again = kr_misp_merge(fresh, merged, 99);
    KR_ASSERT(json_equal(again, merged) == 1 ||
              json_array_size(json_object_get(json_object_get(merged, "Event"), "Attribute")) > 1);
    json_decref(again);
    json_decref(gone);
    json_decref(merged);
    json_decref(fresh);
    json_decref(old);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len == 0 || len > KR_MIB) {
        return 0;
    }
    switch (bytes[0] % 3) {
    case 0:
        check_items(bytes + 1, len - 1);
        break;
    case 1:
        check_avoid(bytes + 1, len - 1);
        break;
    default:
        check_event(bytes + 1, len - 1);
        break;
    }
    return 0;
}
