#include "tools/kairan/lookup_sealed.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"

#define KEY_BYTES 16u

/* A record that was opened: what lists show of it, and its report. */
struct opened {
    struct kr_summary summary; /* texts point into `title` and `author` */
    char title[KR_TITLE_BYTES_MAX + 1], author[KR_NAME_BYTES_MAX + 1];
    uint8_t *content;
    size_t len;
};

struct entry {
    uint8_t key[KEY_BYTES];
    uint32_t record, position; /* of the indicator in its report */
};

struct kr_sealed_index {
    struct opened **records;
    struct entry *entries;
    size_t record_count, record_room, entry_count, entry_room;
    uint32_t position; /* of the indicator that is being added */
    bool is_out_of_memory;
};

static bool grow(void **items, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return true;
    }
    const size_t wanted = *room * 2 + 64;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *room = wanted;
    return true;
}

static void make_key(uint8_t ret_key[static KEY_BYTES], uint8_t type, const uint8_t *bytes, size_t len)
{
    uint8_t joined[1 + KR_INDICATOR_BYTES_MAX], hash[KR_HASH_BYTES];
    joined[0] = type;
    memcpy(joined + 1, bytes, len);
    kr_hash(hash, "kairan sealed index", joined, 1 + len);
    memcpy(ret_key, hash, KEY_BYTES);
}

static bool add_entry(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct kr_sealed_index *index = context;
    void *entries = index->entries;
    if (len > KR_INDICATOR_BYTES_MAX || !grow(&entries, index->entry_count, &index->entry_room, sizeof *index->entries)) {
        index->is_out_of_memory = len <= KR_INDICATOR_BYTES_MAX;
        return !index->is_out_of_memory;
    }
    index->entries = entries;
    struct entry *entry = &index->entries[index->entry_count++];
    *entry = (struct entry){.record = (uint32_t)index->record_count - 1, .position = index->position};
    make_key(entry->key, type, bytes, len);
    return true;
}

static enum kr_err keep(struct kr_sealed_index *index, const struct kr_shown *shown, struct kr_slice content)
{
    void *records = index->records;
    if (!grow(&records, index->record_count, &index->record_room, sizeof *index->records)) {
        return KR_NOMEM;
    }
    index->records = records;
    struct opened *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        return KR_NOMEM;
    }
    index->records[index->record_count++] = opened; /* from here on it is freed with the index */
    opened->content = malloc(content.len + 1);
    if (opened->content == NULL) {
        return KR_NOMEM;
    }
    memcpy(opened->content, content.bytes, content.len);
    opened->len = content.len;
    opened->summary = shown->summary;
    (void)kr_slice_text(shown->summary.author_name, opened->author, sizeof opened->author);
    opened->summary.author_name = (struct kr_slice){(const uint8_t *)opened->author, strlen(opened->author)};
    opened->summary.target = (struct kr_slice){0};
    enum kr_err err = kr_content_title(KR_KIND_REPORT, content, opened->title, sizeof opened->title,
                                       &opened->summary.indicator_count, &opened->summary.severity);
    opened->summary.title = (struct kr_slice){(const uint8_t *)opened->title, strlen(opened->title)};
    return err;
}

static enum kr_err take(void *context, const struct kr_shown *shown, const struct kr_section *section)
{
    struct kr_sealed_index *index = context;
    struct kr_report report;
    struct kr_report_indicator indicator;
    struct kr_reader reader;
    if (shown->content_kind != KR_KIND_REPORT || kr_report_parse(section->content, &report) != KR_OK) {
        return KR_OK;
    }
    enum kr_err err = keep(index, shown, section->content);
    kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
    (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (index->position = 0; index->position < report.indicator_count && err == KR_OK; index->position++) {
        kr_report_indicator_read(&reader, &indicator);
        if (indicator.type <= KR_INDICATOR_TYPE_MAX) {
            kr_indicator_index_keys(indicator.type, indicator.value.bytes, indicator.value.len, add_entry, index);
        }
        err = index->is_out_of_memory ? KR_NOMEM : KR_OK;
    }
    return err;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct entry)); /* key, then whatever else, for equal ones side by side */
}

struct kr_sealed_index *kr_sealed_index_new(struct kr_sealed *sealed)
{
    struct kr_sealed_index *index = calloc(1, sizeof *index);
    if (index == NULL) {
        (void)kr_app_tell(sealed->aside, KR_NOMEM, &(struct kr_error){.text = ""});
        return NULL;
    }
    enum kr_err err = kr_sealed_each(sealed, false, take, index);
    if (err == KR_OK) {
        err = kr_sealed_each(sealed, true, take, index);
    }
    if (err != KR_OK) {
        kr_sealed_index_free(index);
        return NULL;
    }
    if (index->entry_count > 0) {
        qsort(index->entries, index->entry_count, sizeof *index->entries, by_key);
    }
    return index;
}

void kr_sealed_index_free(struct kr_sealed_index *index)
{
    for (size_t i = 0; index != NULL && i < index->record_count; i++) {
        free(index->records[i]->content);
        free(index->records[i]);
    }
    if (index != NULL) {
        free(index->records);
        free(index->entries);
    }
    free(index);
}

/* ---- looking up ---- */

struct finding {
    const struct kr_sealed_index *index;
    uint32_t type;
    struct kr_slice value;
    kr_sealed_match *visit;
    void *context;
    uint64_t *seen; /* record and position of what was told already, under another key */
    size_t seen_count, seen_room;
    bool is_fine;
};

static bool is_new(struct finding *finding, const struct entry *entry)
{
    const uint64_t place = (uint64_t)entry->record << 32 | entry->position;
    for (size_t i = 0; i < finding->seen_count; i++) {
        if (finding->seen[i] == place) {
            return false;
        }
    }
    void *seen = finding->seen;
    finding->is_fine = grow(&seen, finding->seen_count, &finding->seen_room, sizeof *finding->seen);
    finding->seen = seen;
    if (finding->is_fine) {
        finding->seen[finding->seen_count++] = place;
    }
    return finding->is_fine;
}

static bool tell(struct finding *finding, const struct entry *entry)
{
    const struct opened *opened = finding->index->records[entry->record];
    struct kr_report report;
    struct kr_match match = {.record = opened->summary};
    struct kr_reader reader;
    if (kr_report_parse_again((struct kr_slice){opened->content, opened->len}, &report) != KR_OK) {
        return true;
    }
    kr_reader_init(&reader, report.indicators.bytes, report.indicators.len);
    (void)kr_reader_array_between(&reader, 0, KR_REPORT_INDICATORS_MAX);
    for (uint32_t i = 0; i <= entry->position; i++) {
        kr_report_indicator_read(&reader, &match.indicator);
    }
    return !kr_indicator_matches(match.indicator.type, match.indicator.value, finding->type, finding->value) ||
           !is_new(finding, entry) || finding->visit(finding->context, &match);
}

static bool seek(void *context, uint8_t type, const uint8_t *bytes, size_t len)
{
    struct finding *finding = context;
    const struct kr_sealed_index *index = finding->index;
    uint8_t key[KEY_BYTES];
    size_t low = 0, high = index->entry_count;
    if (len > KR_INDICATOR_BYTES_MAX) {
        return true;
    }
    make_key(key, type, bytes, len);
    while (low < high) { /* the first with this key */
        const size_t middle = low + (high - low) / 2;
        if (memcmp(index->entries[middle].key, key, KEY_BYTES) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < index->entry_count && finding->is_fine && memcmp(index->entries[low].key, key, KEY_BYTES) == 0; low++) {
        finding->is_fine = tell(finding, &index->entries[low]);
    }
    return finding->is_fine;
}

bool kr_sealed_index_find(const struct kr_sealed_index *index, uint32_t type, struct kr_slice value, kr_sealed_match *visit,
                          void *context)
{
    struct finding finding = {.index = index, .type = type, .value = value, .visit = visit, .context = context, .is_fine = true};
    if (index->entry_count > 0) {
        kr_indicator_lookup_keys(type, value.bytes, value.len, seek, &finding);
    }
    free(finding.seen);
    return finding.is_fine;
}
