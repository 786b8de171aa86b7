/* What readers push, gathered into lots: each value once, as many as are sent at a time. */
#include "kairan_test.h"

#include "tools/kairan/lot.h"

struct bed {
    struct kr_lots lots;
    struct kr_import_sink sink;
    struct kr_lot *taken[8];
    uint32_t count, skips;
    enum kr_err answer;
};

static enum kr_err take_lot(void *context, struct kr_lot *lot)
{
    struct bed *bed = context;
    assert_true(bed->count < 8);
    bed->taken[bed->count++] = lot;
    return bed->answer;
}

static enum kr_err tell_skip(void *context, const struct kr_import_skip *skip)
{
    struct bed *bed = context;
    assert_non_null(skip->detail);
    bed->skips++;
    return KR_OK;
}

static enum kr_err tell_progress(void *context, uint64_t bytes)
{
    (void)context;
    (void)bytes;
    return KR_OK;
}

static void set_up(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    bed->lots.context = bed;
    bed->lots.take_lot = take_lot;
    bed->lots.tell_skip = tell_skip;
    bed->lots.tell_progress = tell_progress;
    bed->sink = kr_lots_sink(&bed->lots);
}

static void tear_down(struct bed *bed)
{
    for (uint32_t i = 0; i < bed->count; i++) {
        kr_lot_free(bed->taken[i]);
    }
    kr_lots_deinit(&bed->lots);
}

static void group(struct bed *bed, const char *title, const char *organisation, const char *id)
{
    const struct kr_import_group told = {.title = slice(title), .organisation = slice(organisation), .id = slice(id)};
    assert_int_equal(bed->sink.on_group(bed->sink.context, &told), KR_OK);
}

static struct kr_import_item item_of(const char *value)
{
    return (struct kr_import_item){.type = KR_INDICATOR_OTHER, .value = slice(value), .confidence = KR_CONFIDENCE_NONE};
}

static void item(struct bed *bed, const char *value)
{
    const struct kr_import_item told = item_of(value);
    assert_int_equal(bed->sink.on_item(bed->sink.context, &told), KR_OK);
}

static void end(struct bed *bed)
{
    assert_int_equal(bed->sink.on_end(bed->sink.context), KR_OK);
}

static void test_merged(void **state)
{
    (void)state;
    struct bed bed;
    struct kr_import_item told = item_of("a");
    set_up(&bed);
    group(&bed, "t", "", "");
    told.first_s = 20;
    told.last_s = 30;
    told.action = KR_ACTION_DETECT;
    told.note = slice("first");
    told.place.line = 7;
    assert_int_equal(bed.sink.on_item(bed.sink.context, &told), KR_OK);
    told.first_s = 10;
    told.last_s = 25;
    told.action = KR_ACTION_BLOCK;
    told.confidence = 40;
    told.note = slice("second");
    assert_int_equal(bed.sink.on_item(bed.sink.context, &told), KR_OK);
    told = item_of("a");
    told.type = KR_INDICATOR_MUTEX; /* the same bytes, another thing */
    assert_int_equal(bed.sink.on_item(bed.sink.context, &told), KR_OK);
    item(&bed, "a");
    end(&bed);
    assert_int_equal(bed.count, 1);
    const struct kr_lot *lot = bed.taken[0];
    assert_int_equal(lot->item_count, 2);
    assert_true(lot->is_last && lot->number == 0);
    assert_int_equal(lot->items[0].first_s, 10);
    assert_int_equal(lot->items[0].last_s, 30);
    assert_int_equal(lot->items[0].action, KR_ACTION_BLOCK);
    assert_int_equal(lot->items[0].confidence, 40);
    assert_int_equal(lot->items[0].offset, 7);
    assert_memory_equal(lot->items[0].note.bytes, "first", 5);
    assert_int_equal(bed.lots.counts.items, 2);
    assert_int_equal(bed.lots.counts.merged, 2);
    tear_down(&bed);
}

/* A list that cannot say what its values are for is meant to be used where it comes from elsewhere. */
static void test_unsaid(void **state)
{
    (void)state;
    static const struct {
        const char *organisation, *id;
        uint32_t domain, asn;
    } origins[] = {{"", "", KR_ACTION_NONE, KR_ACTION_NONE},
                   {"JPCERT/CC", "", KR_ACTION_BLOCK, KR_ACTION_NONE},
                   {"", "report--1", KR_ACTION_BLOCK, KR_ACTION_NONE}};
    for (size_t i = 0; i < 3; i++) {
        struct bed bed;
        set_up(&bed);
        group(&bed, "t", origins[i].organisation, origins[i].id);
        struct kr_import_item told = item_of("evil.example");
        told.type = KR_INDICATOR_DOMAIN;
        told.action = KR_IMPORT_ACTION_UNSAID;
        assert_int_equal(bed.sink.on_item(bed.sink.context, &told), KR_OK);
        told.type = KR_INDICATOR_ASN;
        assert_int_equal(bed.sink.on_item(bed.sink.context, &told), KR_OK);
        item(&bed, "context"); /* said: for nothing */
        end(&bed);
        assert_int_equal(bed.taken[0]->items[0].action, origins[i].domain);
        assert_int_equal(bed.taken[0]->items[1].action, origins[i].asn);
        assert_int_equal(bed.taken[0]->items[2].action, KR_ACTION_NONE);
        tear_down(&bed);
    }
}

/* Groups know nothing of each other; what was taken back within one is left out. */
static void test_groups(void **state)
{
    (void)state;
    struct bed bed;
    set_up(&bed);
    for (int i = 0; i < 2; i++) {
        group(&bed, "t", "", "");
        item(&bed, "a");
        struct kr_import_item told = item_of("b");
        told.state = KR_IMPORT_REVOKED;
        assert_int_equal(bed.sink.on_item(bed.sink.context, &told), KR_OK);
        end(&bed);
    }
    assert_int_equal(bed.count, 2);
    assert_int_equal(bed.taken[1]->item_count, 1);
    assert_int_equal(bed.taken[1]->revoked, 1);
    assert_int_equal(bed.skips, 2);
    assert_int_equal(bed.lots.counts.revoked, 2);
    tear_down(&bed);
}

static void push_many(struct bed *bed, const char *organisation, const char *id, uint32_t count)
{
    char value[32];
    group(bed, "t", organisation, id);
    for (uint32_t i = 0; i < count; i++) {
        (void)snprintf(value, sizeof value, "v%u", i);
        item(bed, value);
    }
    item(bed, "v0"); /* long gone, and known all the same */
    end(bed);
}

/* Lots of one group in a row; the same again is the same, and has the same mark. */
static void test_many(void **state)
{
    (void)state;
    struct bed bed;
    uint8_t mark[16];
    set_up(&bed);
    push_many(&bed, "", "", 2 * KR_LOT_ITEMS + 1);
    assert_int_equal(bed.count, 3);
    assert_int_equal(bed.lots.counts.merged, 1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(bed.taken[i]->number, i);
        assert_int_equal(bed.taken[i]->is_last, i == 2);
        assert_int_equal(bed.taken[i]->item_count, i < 2 ? KR_LOT_ITEMS : 1);
        assert_memory_equal(bed.taken[i]->mark, bed.taken[0]->mark, 16);
    }
    memcpy(mark, bed.taken[0]->mark, 16);
    tear_down(&bed);
    set_up(&bed);
    push_many(&bed, "", "", KR_LOT_ITEMS);
    assert_memory_equal(bed.taken[0]->mark, mark, 16); /* the first lot is what tells */
    tear_down(&bed);
    set_up(&bed);
    push_many(&bed, "", "", 5);
    assert_memory_not_equal(bed.taken[0]->mark, mark, 16);
    tear_down(&bed);
    set_up(&bed);
    push_many(&bed, "org", "id", 2 * KR_LOT_ITEMS + 1); /* what can be revised comes whole */
    assert_int_equal(bed.count, 1);
    assert_int_equal(bed.taken[0]->item_count, 2 * KR_LOT_ITEMS + 1);
    tear_down(&bed);
}

/* A refusal of a lot is the reader's end, and the rest is cleaned up. */
static void test_refused(void **state)
{
    (void)state;
    struct bed bed;
    set_up(&bed);
    bed.answer = KR_CANCELLED;
    group(&bed, "t", "", "");
    item(&bed, "a");
    assert_int_equal(bed.sink.on_end(bed.sink.context), KR_CANCELLED);
    group(&bed, "u", "", "");
    item(&bed, "a");
    tear_down(&bed);
}

static void test_cut(void **state)
{
    (void)state;
    struct bed bed;
    char *text = malloc(KR_TEXT_BYTES_MAX + 3);
    assert_non_null(text);
    for (size_t i = 0; i + 3 <= KR_TEXT_BYTES_MAX + 3; i += 3) {
        memcpy(text + i, "あ", 3);
    }
    const struct kr_slice all = {(const uint8_t *)text, KR_TEXT_BYTES_MAX + 2};
    const struct kr_import_group told = {
        .title = all, .text = all, .organisation = all, .id = all, .terms = all, .language = slice("ja")};
    set_up(&bed);
    assert_int_equal(bed.sink.on_group(bed.sink.context, &told), KR_OK);
    end(&bed);
    const struct kr_lot *lot = bed.taken[0];
    assert_int_equal(lot->title.len, KR_TITLE_BYTES_MAX / 3 * 3);
    assert_int_equal(lot->text.len, KR_TEXT_BYTES_MAX / 3 * 3);
    assert_int_equal(lot->organisation.len, KR_NAME_BYTES_MAX / 3 * 3);
    assert_int_equal(lot->terms.len, KR_NOTE_BYTES_MAX / 3 * 3);
    tear_down(&bed);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merged), cmocka_unit_test(test_unsaid),  cmocka_unit_test(test_groups),
        cmocka_unit_test(test_many),   cmocka_unit_test(test_refused), cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
