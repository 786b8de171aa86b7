#include "node/core/root_confirm.h"

#include <string.h>

#include "proto/client/rekey.h"

#define PREFIX_BYTES 4u
#define KEY_BYTES    (PREFIX_BYTES + 32u)
static const uint8_t prefix[PREFIX_BYTES] = {'r', 'o', 'o', 't'};

struct confirmed {
    uint8_t root[32];
    uint64_t changed_ms;
};

static void make_key(uint8_t ret_key[static KEY_BYTES], const uint8_t council[static 32])
{
    memcpy(ret_key, prefix, PREFIX_BYTES);
    memcpy(ret_key + PREFIX_BYTES, council, 32);
}

static enum kr_err put(struct kr_step *step, const uint8_t council[static 32], const struct confirmed *confirmed)
{
    uint8_t key[KEY_BYTES];
    struct kr_writer writer;
    make_key(key, council);
    kr_writer_init(&writer, 64);
    kr_writer_array(&writer, 2);
    kr_writer_bin(&writer, confirmed->root, 32);
    kr_writer_uint(&writer, confirmed->changed_ms);
    return kr_store_put_writer(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, &writer);
}

/* Of a row that is damaged, as of none, the key of the genesis is the one that is confirmed. */
static enum kr_err get(struct kr_step *step, const uint8_t council[static 32], struct confirmed *ret_confirmed)
{
    uint8_t key[KEY_BYTES], value[64];
    size_t len = 0;
    struct kr_reader reader;
    struct confirmed confirmed = {.changed_ms = 0};
    const struct kr_council *known = kr_directory_council(&step->core->directory, council);
    struct kr_card card;
    make_key(key, council);
    enum kr_err err = kr_store_get(step->txn, KR_TABLE_RECEIPTS, key, sizeof key, value, sizeof value, &len);
    if (err != KR_OK && err != KR_NOT_FOUND && err != KR_CORRUPT) {
        return err;
    }
    kr_reader_init(&reader, value, err == KR_OK ? len : 0);
    kr_reader_array(&reader, 2);
    kr_reader_fixed(&reader, confirmed.root, 32);
    confirmed.changed_ms = kr_reader_uint(&reader, UINT64_MAX);
    kr_reader_close(&reader);
    if (kr_reader_end(&reader) != KR_OK) {
        confirmed = (struct confirmed){.changed_ms = 0};
        if (known != NULL) {
            kr_council_card(known, &card);
            memcpy(confirmed.root, card.genesis_root, 32);
        }
    }
    *ret_confirmed = confirmed;
    return KR_OK;
}

enum kr_err kr_root_confirm_refresh(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_core *core = step->core;
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    struct confirmed confirmed;
    bool is_shared = false;
    enum kr_err err = get(step, council, &confirmed);
    if (err == KR_OK && known != NULL) {
        err = kr_root_shared_confirms(step, council, known->root_public, &is_shared);
    }
    if (err != KR_OK) {
        return err;
    }
    const bool is_own = memcmp(council, core->self, 32) == 0; /* our operator replaced it himself */
    const bool is_unconfirmed = known != NULL && !is_own && !is_shared && memcmp(known->root_public, confirmed.root, 32) != 0;
    core->unconfirmed_count = 0;
    for (uint32_t i = 0; i < core->link_count; i++) {
        struct kr_link *link = core->links[i];
        if (memcmp(link->council, council, 32) == 0 && link->state != KR_LINK_JOINING) {
            link->root_is_unconfirmed = is_unconfirmed;
        }
        core->unconfirmed_count += link->root_is_unconfirmed && kr_link_by_council(core, link->council) == link;
    }
    core->directory.generation++; /* which scopes are shared follows from it */
    return KR_OK;
}

enum kr_err kr_root_confirm_here(struct kr_step *step, const uint8_t council[static 32], uint8_t ret_root[static 32])
{
    struct confirmed confirmed;
    enum kr_err err = get(step, council, &confirmed);
    if (err == KR_OK) {
        memcpy(ret_root, confirmed.root, 32);
    }
    return err;
}

enum kr_err kr_root_confirm_load(struct kr_step *step)
{
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < step->core->link_count && err == KR_OK; i++) {
        err = kr_root_confirm_refresh(step, step->core->links[i]->council);
    }
    return err;
}

static bool is_linked(struct kr_core *core, const uint8_t council[static 32], const struct kr_link *but)
{
    bool is = false;
    for (uint32_t i = 0; i < core->link_count; i++) {
        const struct kr_link *link = core->links[i];
        is = is || (link != but && link->state != KR_LINK_JOINING && memcmp(link->council, council, 32) == 0);
    }
    return is;
}

/* It waits for our operator from now on. */
static enum kr_err note(struct kr_step *step, const uint8_t council[static 32])
{
    struct confirmed confirmed;
    enum kr_err err = get(step, council, &confirmed);
    confirmed.changed_ms = step->now_ms;
    if (err == KR_OK) {
        err = put(step, council, &confirmed);
    }
    return err == KR_OK ? kr_root_confirm_refresh(step, council) : err;
}

enum kr_err kr_root_confirm_changed(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_core *core = step->core;
    char name[KR_NAME_BYTES_MAX + 1];
    if (!is_linked(core, council, NULL) || memcmp(council, core->self, 32) == 0) {
        return KR_OK;
    }
    enum kr_err err = note(step, council);
    const struct kr_link *link = kr_link_by_council(core, council);
    if (err == KR_OK && link != NULL && !link->root_is_unconfirmed) {
        return kr_step_log(step, KR_LOG_NOTICE,
                           "the root key of %s was replaced by its recovery key, and another node of this "
                           "council has confirmed the new one",
                           kr_core_name(core, council, false, name, sizeof name));
    }
    return err != KR_OK
               ? err
               : kr_step_log(step, KR_LOG_ERROR,
                             "ALARM: the root key of %s was replaced by its recovery key. Nothing but TLP:CLEAR goes over the link "
                             "until you have compared the new one with it by telephone: kairan peer confirm-root",
                             kr_core_name(core, council, false, name, sizeof name));
}

enum kr_err kr_root_confirm_entered(struct kr_step *step, const uint8_t council[static 32])
{
    struct kr_core *core = step->core;
    const struct kr_council *known = kr_directory_council(&core->directory, council);
    const bool is_replaced = known != NULL && known->rekeyings > 0 && memcmp(council, core->self, 32) != 0;
    return is_replaced && is_linked(core, council, NULL) ? note(step, council) : KR_OK;
}

enum kr_err kr_root_confirm_linked(struct kr_step *step, const struct kr_link *link)
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, link->council);
    struct confirmed confirmed = {.changed_ms = 0};
    if (known == NULL || known->rekeyings == 0 || kr_link_is_sister(step->core, link)) {
        return KR_OK;
    }
    if (is_linked(step->core, link->council, link)) { /* another node of the same council */
        return kr_root_confirm_refresh(step, link->council);
    }
    memcpy(confirmed.root, known->root_public, 32);
    step->core->links_differ = true; /* other nodes are told */
    enum kr_err err = put(step, link->council, &confirmed);
    return err == KR_OK ? kr_root_confirm_refresh(step, link->council) : err;
}

enum kr_err kr_root_confirm_followed(struct kr_step *step, const struct kr_link *link)
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, link->council);
    struct confirmed confirmed;
    if (known == NULL || known->rekeyings == 0 || kr_link_is_sister(step->core, link)) {
        return KR_OK;
    }
    enum kr_err err = get(step, link->council, &confirmed);
    if (err != KR_OK) {
        return err;
    }
    const bool is_news = memcmp(known->root_public, confirmed.root, 32) != 0 && !is_linked(step->core, link->council, link);
    return is_news ? kr_root_confirm_changed(step, link->council) : kr_root_confirm_refresh(step, link->council);
}

enum kr_err kr_root_confirm_unlinked(struct kr_step *step, const uint8_t council[static 32])
{
    uint8_t key[KEY_BYTES];
    if (is_linked(step->core, council, NULL)) {
        return KR_OK;
    }
    make_key(key, council);
    enum kr_err err = kr_store_delete(step->txn, KR_TABLE_RECEIPTS, key, sizeof key);
    err = err == KR_NOT_FOUND ? KR_OK : err;
    return err == KR_OK ? kr_root_confirm_refresh(step, council) : err;
}

/* ---- for clients ---- */

static enum kr_err list_one(struct kr_step *step, const struct kr_event *event, const uint8_t council[static 32])
{
    const struct kr_council *known = kr_directory_council(&step->core->directory, council);
    struct confirmed confirmed;
    struct kr_writer writer;
    char name[KR_NAME_BYTES_MAX + 1];
    enum kr_err err = get(step, council, &confirmed);
    if (err != KR_OK || known == NULL) {
        return err;
    }
    struct kr_alarm item = {
        .sort = KR_ALARM_ROOT, .noted_ms = confirmed.changed_ms, .records = {{known->root_public, 32}, {confirmed.root, 32}}};
    memcpy(item.council, council, 32);
    kr_core_name(step->core, council, event->speaks_japanese, name, sizeof name);
    item.name = (struct kr_slice){(const uint8_t *)name, strlen(name)};
    kr_writer_init(&writer, KR_KIB * 2);
    kr_alarm_write(&item, &writer);
    err = kr_step_item(step, event->client, event->request, &writer);
    kr_writer_deinit(&writer);
    return err;
}

enum kr_err kr_root_confirm_list(struct kr_step *step, const struct kr_event *event)
{
    struct kr_core *core = step->core;
    enum kr_err err = KR_OK;
    for (uint32_t i = 0; i < core->link_count && err == KR_OK; i++) {
        const struct kr_link *link = core->links[i];
        if (link->root_is_unconfirmed && kr_link_by_council(core, link->council) == link) {
            err = list_one(step, event, link->council);
        }
    }
    return err;
}

enum kr_err kr_root_confirm_request(struct kr_step *step, const struct kr_event *event)
{
    struct kr_root_confirm confirm;
    struct confirmed confirmed = {.changed_ms = 0};
    char name[KR_NAME_BYTES_MAX + 1];
    if (kr_root_confirm_read(event->bytes, &confirm) != KR_OK) {
        return kr_step_error(step, event->client, event->request, KR_MALFORMED, "this request is not readable");
    }
    const struct kr_link *link = kr_link_by_council(step->core, confirm.council);
    const struct kr_council *known = kr_directory_council(&step->core->directory, confirm.council);
    if (link == NULL || known == NULL || !link->root_is_unconfirmed) {
        return kr_step_error(step, event->client, event->request, KR_NOT_FOUND,
                             "there is no link with this council that waits for its root key to be confirmed");
    }
    if (memcmp(known->root_public, confirm.root, 32) != 0) {
        return kr_step_error(step, event->client, event->request, KR_KEY,
                             "that is not the root key in force: it may have been replaced once more. Begin anew");
    }
    memcpy(confirmed.root, confirm.root, 32);
    enum kr_err err = put(step, confirm.council, &confirmed);
    if (err == KR_OK) {
        err = kr_root_confirm_refresh(step, confirm.council);
    }
    if (err == KR_OK) {
        err = kr_root_shared_confirmed(step, confirm.council);
    }
    if (err == KR_OK) {
        err = kr_step_log(step, KR_LOG_NOTICE, "the root key of %s was confirmed by the operator: the link is open again",
                          kr_core_name(step->core, confirm.council, false, name, sizeof name));
    }
    return err == KR_OK ? kr_step_end_empty(step, event->client, event->request) : err;
}
