/* What waits for its author to be trusted: how much of whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairan/kairan.h"
#include "tools/kairan/out.h"

#define AUTHORS_MAX 1000u /* listed one by one; a flood may bear any number of them */

struct author {
    uint8_t id[32];
    char name[KR_NAME_BYTES_MAX + 1], from[KR_NAME_BYTES_MAX + 1];
    uint64_t records, bytes, first_ms, expires_s;
    bool has_several_bringers;
};

struct quarantine {
    const struct kr_app *app;
    struct author *authors; /* AUTHORS_MAX */
    uint32_t count;
    uint64_t records, bytes, others; /* others: records of authors that are not listed */
};

static struct author *find_author(struct quarantine *quarantine, const struct kr_quarantined *item)
{
    for (uint32_t i = 0; i < quarantine->count; i++) {
        if (memcmp(quarantine->authors[i].id, item->record.author, 32) == 0) {
            return &quarantine->authors[i];
        }
    }
    if (quarantine->count == AUTHORS_MAX) {
        return NULL;
    }
    struct author *author = &quarantine->authors[quarantine->count++];
    *author = (struct author){.first_ms = item->record.received_ms};
    memcpy(author->id, item->record.author, 32);
    (void)kr_slice_text(item->record.author_name, author->name, sizeof author->name);
    (void)kr_slice_text(item->from_name, author->from, sizeof author->from);
    return author;
}

static enum kr_err item_json(const struct kr_quarantined *item)
{
    json_t *object = kr_json_summary(&item->record);
    if (object != NULL) {
        (void)json_object_set_new(object, "bytes", json_integer((json_int_t)item->bytes));
        (void)json_object_set_new(object, "from", kr_json_id(item->from, 32));
        (void)json_object_set_new(object, "from_name", kr_json_slice(item->from_name));
    }
    return kr_json_line(object) ? KR_OK : KR_IO;
}

static enum kr_err take_item(void *context, struct kr_slice bytes)
{
    struct quarantine *quarantine = context;
    struct kr_quarantined item;
    char from[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = kr_quarantined_read(bytes, &item);
    if (err != KR_OK) {
        return err;
    }
    quarantine->records++;
    quarantine->bytes += item.bytes;
    if (quarantine->app->is_json) {
        return item_json(&item);
    }
    struct author *author = find_author(quarantine, &item);
    if (author == NULL) {
        quarantine->others++;
        return KR_OK;
    }
    author->records++;
    author->bytes += item.bytes;
    author->first_ms = item.record.received_ms < author->first_ms ? item.record.received_ms : author->first_ms;
    author->expires_s = item.record.expires_s > author->expires_s ? item.record.expires_s : author->expires_s;
    author->has_several_bringers =
        author->has_several_bringers || (kr_slice_text(item.from_name, from, sizeof from) && strcmp(from, author->from) != 0);
    return KR_OK;
}

static struct kr_slice text_of(const char *text)
{
    return (struct kr_slice){(const uint8_t *)text, strlen(text)};
}

static void print_author(const struct author *author)
{
    kr_out_id(stdout, author->id, 16);
    (void)fputs("  ", stdout);
    kr_out_padded(stdout, text_of(author->name), 20);
    (void)printf(_("  records: %ju, "), author->records);
    kr_out_bytes(stdout, author->bytes);
    (void)fputs(_(", since "), stdout);
    kr_out_time(stdout, author->first_ms / 1000);
    (void)fputs(_(", at most until "), stdout);
    kr_out_time(stdout, author->expires_s);
    (void)fputs(_(", brought by "), stdout);
    kr_out_text(stdout, text_of(author->from), false);
    (void)fputs(author->has_several_bringers ? _(" and others\n") : "\n", stdout);
}

int kr_run_quarantine(struct kr_app *app, int argc, char **argv)
{
    struct quarantine quarantine = {.app = app};
    int rest;
    if (!kr_options_parse(app, argc, argv, NULL, 0, false, &rest)) {
        return KR_EXIT_ERROR;
    }
    if (rest < argc) {
        return kr_app_unwanted(app, argv[rest]);
    }
    quarantine.authors = calloc(AUTHORS_MAX, sizeof *quarantine.authors);
    if (quarantine.authors == NULL) {
        return kr_app_tell(app, KR_NOMEM, &(struct kr_error){.text = ""});
    }
    const enum kr_err err = kr_app_ask(app, KR_OP_QUARANTINE, KR_ANSWER_MS, take_item, &quarantine, NULL);
    for (uint32_t i = 0; err == KR_OK && i < quarantine.count; i++) {
        print_author(&quarantine.authors[i]);
    }
    free(quarantine.authors);
    if (err != KR_OK) {
        return KR_EXIT_ERROR;
    }
    if (!app->is_json && quarantine.others > 0) {
        (void)printf(_("and of more authors: %ju records\n"), quarantine.others);
    }
    if (!app->is_json) {
        (void)printf(_("in quarantine: %ju records, "), quarantine.records);
        kr_out_bytes(stdout, quarantine.bytes);
        (void)fputs(quarantine.records > 0
                        ? _(". They are shown to nobody and passed on to nobody until their authors are vouched for.\n")
                        : "\n",
                    stdout);
    }
    return quarantine.records > 0 ? KR_EXIT_DONE : KR_EXIT_NONE;
}
