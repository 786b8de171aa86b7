#include "tools/kairan/root_key.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/passphrase.h"
#include "crypto/secret.h"
#include "proto/record/record.h"
#include "proto/record/revocation.h"

#define HAND_IN_BYTES (KR_CLIENT_FRAME_BYTES_MAX / 2) /* of records in one request; a larger one alone */

/* ---- the file ---- */

bool kr_app_passphrase(const struct kr_app *app, const char *file, const char *fd, const char *prompt, const char *again,
                       char **ret_passphrase)
{
    struct kr_passphrase_source source = {.fd = -1, .file = file, .prompt = prompt, .again = again};
    struct kr_error error = {0};
    uint64_t number;
    if (fd != NULL && (!kr_count_parse(fd, INT32_MAX, &number) || file != NULL)) {
        (void)kr_app_fail(app, KR_INVALID, _("a passphrase comes from a file or from the number of a descriptor"));
        return false;
    }
    source.fd = fd != NULL ? (int)number : -1;
    enum kr_err err = kr_crypto_init();
    if (err == KR_OK) {
        err = kr_passphrase_get(&source, ret_passphrase, &error);
    }
    if (err == KR_OK && *ret_passphrase == NULL) {
        (void)kr_app_fail(app, KR_PASSPHRASE,
                          _("there is no passphrase: run this on a terminal, or name a file or a descriptor "
                            "with it (see --help)"));
        return false;
    }
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

bool kr_root_open(const struct kr_app *app, const struct kr_root_options *options, struct kr_root_key **ret_key)
{
    char *passphrase = NULL;
    struct kr_error error = {0};
    if (!kr_app_passphrase(app, options->passphrase_file, options->passphrase_fd, _("Passphrase of the root key: "), NULL,
                           &passphrase)) {
        return false;
    }
    enum kr_err err = kr_root_file_read(options->file, passphrase, ret_key, &error);
    kr_secret_free(passphrase);
    if (err != KR_OK) {
        (void)kr_app_tell(app, err, &error);
    }
    return err == KR_OK;
}

/* ---- signing ---- */

struct pending {
    uint32_t kind;
    const uint8_t *subject;
    const uint8_t *revokes; /* key that is taken back; NULL: none */
    uint32_t count;
    struct {
        uint8_t *bytes;
        size_t len;
    } records[KR_STATEMENTS_MAX];
};

static enum kr_err take_record(void *context, struct kr_slice item)
{
    struct pending *pending = context;
    if (pending->count == KR_STATEMENTS_MAX || item.len == 0) {
        return KR_MALFORMED;
    }
    uint8_t *copy = malloc(item.len);
    if (copy == NULL) {
        return KR_NOMEM;
    }
    memcpy(copy, item.bytes, item.len);
    pending->records[pending->count].bytes = copy;
    pending->records[pending->count++].len = item.len;
    return KR_OK;
}

static bool is_of_revoked(const struct pending *pending, const struct kr_header *header)
{
    uint8_t subject[32];
    if (pending->revokes == NULL || header->kind != KR_KIND_REVOCATION) {
        return false;
    }
    kr_revocation_subject(subject, pending->revokes, header->subject[31]);
    return memcmp(subject, header->subject, 32) == 0;
}

/* The root key signs what was asked for, and nothing else that a node might put before it. */
static enum kr_err check_record(const struct pending *pending, uint32_t at, const struct kr_root_key *key)
{
    struct kr_record record;
    struct kr_header header;
    enum kr_err err = kr_record_split(pending->records[at].bytes, pending->records[at].len, &record);
    if (err == KR_OK) {
        err = kr_header_parse(record.header, &header);
    }
    if (err != KR_OK) {
        return err;
    }
    if (memcmp(header.author, key->council, 32) != 0) {
        return KR_KEY;
    }
    const bool is_own_card = header.kind == KR_KIND_COUNCIL_CARD && memcmp(header.subject, key->council, 32) == 0;
    const bool is_first = header.kind == pending->kind && (header.kind != KR_KIND_COUNCIL_CARD || is_own_card) &&
                          (pending->subject == NULL || memcmp(header.subject, pending->subject, 32) == 0);
    /* What goes along is the council's card for each community, and what is said about the key that is taken back. */
    const bool is_along = is_own_card || is_of_revoked(pending, &header);
    const bool is_meant = at == 0 ? is_first && (header.kind != KR_KIND_REVOCATION || is_along) : is_along;
    return is_meant ? KR_OK : KR_DENIED;
}

static bool sign_all(const struct kr_app *app, struct pending *pending, const struct kr_root_key *key)
{
    uint8_t id[32];
    for (uint32_t i = 0; i < pending->count; i++) {
        enum kr_err err = check_record(pending, i, key);
        if (err == KR_OK) {
            err = kr_record_sign(pending->records[i].bytes, pending->records[i].len, key->secret, id);
        }
        if (err != KR_OK) {
            (void)kr_app_fail(app, err,
                              err == KR_KEY
                                  ? _("that is the root key of another council: nothing was signed")
                                  : _("the node wants something else signed than what was asked for: nothing was signed"));
            return false;
        }
    }
    return true;
}

static bool read_id(struct kr_slice result, uint8_t ret_id[static 32])
{
    struct kr_reader reader;
    kr_reader_init(&reader, result.bytes, result.len);
    kr_reader_array(&reader, 1);
    kr_reader_fixed(&reader, ret_id, 32);
    kr_reader_close(&reader);
    return kr_reader_end(&reader) == KR_OK;
}

static bool call(struct kr_app *app, enum kr_op op, struct kr_writer *args, struct pending *pending, uint8_t ret_id[static 32])
{
    struct kr_slice result;
    if (kr_app_call(app, op, args, KR_ANSWER_MS, take_record, pending, &result) != KR_OK) {
        return false;
    }
    if (!read_id(result, ret_id)) {
        (void)kr_app_unreadable(app);
        return false;
    }
    return true;
}

/* As many of them, from `*at` on, as one request holds. */
static bool hand_in(struct kr_app *app, const struct pending *pending, uint32_t *at, uint8_t ret_id[static 32])
{
    struct pending left = {0};
    struct kr_stated stated = {.count = 0};
    struct kr_writer args;
    size_t len = 0;
    while (*at < pending->count && (stated.count == 0 || len + pending->records[*at].len <= HAND_IN_BYTES)) {
        len += pending->records[*at].len;
        stated.records[stated.count++] = (struct kr_slice){pending->records[*at].bytes, pending->records[*at].len};
        ++*at;
    }
    kr_writer_init(&args, KR_CLIENT_FRAME_BYTES_MAX - KR_KIB);
    kr_stated_write(&stated, &args);
    bool ok = call(app, KR_OP_STATE, &args, &left, ret_id);
    kr_writer_deinit(&args);
    if (ok && left.count > 0) {
        (void)kr_app_unreadable(app);
        ok = false;
    }
    for (uint32_t i = 0; i < left.count; i++) {
        free(left.records[i].bytes);
    }
    return ok;
}

static bool sign_and_send(struct kr_app *app, struct pending *pending, const struct kr_root_options *options,
                          uint8_t ret_id[static 32])
{
    struct kr_root_key *key = NULL;
    uint8_t id[32];
    uint32_t at = 0;
    if (options->file == NULL && options->key == NULL) {
        (void)kr_app_fail(app, KR_KEY, _("the root key is not on this node: name its file with --root FILE"));
        return false;
    }
    bool ok = options->key != NULL || kr_root_open(app, options, &key);
    ok = ok && sign_all(app, pending, options->key != NULL ? options->key : key);
    kr_secret_free(key);
    ok = ok && hand_in(app, pending, &at, ret_id);
    while (ok && at < pending->count) {
        ok = hand_in(app, pending, &at, id);
    }
    return ok;
}

bool kr_app_state(struct kr_app *app, enum kr_op op, struct kr_writer *args, uint32_t kind, const uint8_t *subject,
                  const struct kr_root_options *options, uint8_t ret_id[static 32])
{
    const bool revokes = op == KR_OP_REVOKE;
    struct pending pending = {.kind = kind, .subject = revokes ? NULL : subject, .revokes = revokes ? subject : NULL};
    bool ok = call(app, op, args, &pending, ret_id);
    if (ok && pending.count > 0) {
        ok = sign_and_send(app, &pending, options, ret_id);
    }
    for (uint32_t i = 0; i < pending.count; i++) {
        free(pending.records[i].bytes);
    }
    return ok;
}
