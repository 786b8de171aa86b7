#include "tools/client/enrolled.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/secret.h"
#include "proto/codec/reader.h"
#include "proto/codec/writer.h"

#define CONTENT_BYTES 2048u
#define LENGTH_BYTES  2u
#define FIELDS        10u
#define FOLDER        "kairan/nodes"

static const struct kr_locked_sort sort = {.magic = "KRNODE",
                                           .what = "an enrolment",
                                           .repair = "have this machine enrolled anew: ask an admin of the council for a ticket",
                                           .version = 1,
                                           .is_private = true,
                                           .content_bytes = CONTENT_BYTES};

enum kr_err kr_enrolled_new(struct kr_enrolled **ret_enrolled, struct kr_error *error)
{
    void *memory = NULL;
    enum kr_err err = kr_secret_new(sizeof(struct kr_enrolled), &memory, error);
    if (err == KR_OK) {
        *ret_enrolled = memory;
    }
    return err;
}

/* ---- where it lies ---- */

static enum kr_err folder_path(const char *below, char *ret_path, size_t size, struct kr_error *error)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int len;
    if (config != NULL && config[0] == '/') { /* XDG base directories: a relative path is to be ignored */
        len = snprintf(ret_path, size, "%s/%s", config, below);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(ret_path, size, "%s/.config/%s", home, below);
    } else {
        return kr_fail(error, KR_INVALID, "neither XDG_CONFIG_HOME nor HOME is set: nobody knows where enrolments lie");
    }
    return len > 0 && (size_t)len < size ? KR_OK : kr_fail(error, KR_BOUNDS, "the path of the folder for enrolments is too long");
}

/* Part of a path and of messages. */
static bool is_name(const char *name)
{
    const size_t len = strlen(name);
    bool is_fine = len > 0 && len <= KR_ENROLLED_NAME_BYTES_MAX && name[0] != '.' && name[0] != '-';
    for (size_t i = 0; i < len; i++) {
        is_fine = is_fine && (unsigned char)name[i] > ' ' && name[i] != '/' && name[i] != 0x7f;
    }
    return is_fine;
}

enum kr_err kr_enrolled_path(const char *name, char *ret_path, size_t size, struct kr_error *error)
{
    char below[sizeof FOLDER + KR_ENROLLED_NAME_BYTES_MAX + 1];
    if (!is_name(name)) {
        return kr_fail(error, KR_INVALID,
                       "a node's name here is a word of at most %u bytes, without / and not beginning with . or -",
                       KR_ENROLLED_NAME_BYTES_MAX);
    }
    (void)snprintf(below, sizeof below, FOLDER "/%s", name);
    return folder_path(below, ret_path, size, error);
}

enum kr_err kr_enrolled_make_folder(struct kr_error *error)
{
    char path[KR_KIB * 4u];
    enum kr_err err = folder_path(FOLDER, path, sizeof path, error);
    for (char *at = path + 1; err == KR_OK && at != NULL;) {
        char *slash = strchr(at, '/');
        if (slash != NULL) {
            *slash = 0;
        }
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            err = kr_fail(error, KR_IO, "cannot make the folder %s: %s", path, strerror(errno));
        }
        if (slash != NULL) {
            *slash = '/';
        }
        at = slash != NULL ? slash + 1 : NULL;
    }
    return err;
}

uint32_t kr_enrolled_names(char (*ret_names)[KR_ENROLLED_NAME_BYTES_MAX + 1], uint32_t max)
{
    char path[KR_KIB * 4u];
    uint32_t count = 0;
    if (folder_path(FOLDER, path, sizeof path, NULL) != KR_OK) {
        return 0;
    }
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        if (is_name(entry->d_name) && count < max) {
            memcpy(ret_names[count++], entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return count;
}

enum kr_err kr_enrolled_only(char ret_name[static KR_ENROLLED_NAME_BYTES_MAX + 1])
{
    char found[2][KR_ENROLLED_NAME_BYTES_MAX + 1];
    const uint32_t count = kr_enrolled_names(found, 2);
    if (count == 1) {
        memcpy(ret_name, found[0], sizeof found[0]);
    }
    return count == 1 ? KR_OK : count == 0 ? KR_NOT_FOUND : KR_EXISTS;
}

/* ---- its content ---- */

static enum kr_err write_content(const struct kr_enrolled *enrolled, uint8_t content[static CONTENT_BYTES])
{
    struct kr_writer writer;
    kr_writer_init(&writer, CONTENT_BYTES - LENGTH_BYTES);
    kr_writer_array(&writer, FIELDS);
    kr_writer_bin(&writer, enrolled->council, 32);
    kr_writer_bin(&writer, enrolled->person, 32);
    kr_writer_str(&writer, enrolled->name);
    kr_writer_str(&writer, enrolled->endpoint);
    kr_writer_bin(&writer, enrolled->transport_public, 32);
    kr_writer_bin(&writer, enrolled->node_public, 32);
    kr_writer_bin(&writer, enrolled->public_key, 32);
    kr_writer_bin(&writer, enrolled->secret, 32);
    kr_writer_uint(&writer, enrolled->enrolled_s);
    kr_writer_array(&writer, enrolled->key_count);
    for (uint32_t i = 0; i < enrolled->key_count; i++) {
        const struct kr_enrolled_key *key = &enrolled->keys[i];
        kr_writer_array(&writer, 4);
        kr_writer_uint(&writer, key->purpose);
        kr_writer_bin(&writer, key->public_key, 32);
        kr_writer_bin(&writer, key->secret, 32);
        kr_writer_uint(&writer, key->since_s);
    }
    enum kr_err err = kr_writer_finish(&writer);
    if (err == KR_OK) {
        memset(content, 0, CONTENT_BYTES);
        content[0] = (uint8_t)(writer.len >> 8);
        content[1] = (uint8_t)writer.len;
        memcpy(content + LENGTH_BYTES, writer.bytes, writer.len);
    }
    if (writer.bytes != NULL) {
        sodium_memzero(writer.bytes, writer.len);
    }
    kr_writer_deinit(&writer);
    return err;
}

static enum kr_err read_content(const uint8_t content[static CONTENT_BYTES], struct kr_enrolled *enrolled)
{
    const size_t len = (size_t)content[0] << 8 | content[1];
    struct kr_reader reader;
    if (len > CONTENT_BYTES - LENGTH_BYTES) {
        return KR_CORRUPT;
    }
    kr_reader_init(&reader, content + LENGTH_BYTES, len);
    kr_reader_array(&reader, FIELDS);
    kr_reader_fixed(&reader, enrolled->council, 32);
    kr_reader_fixed(&reader, enrolled->person, 32);
    const struct kr_slice name = kr_reader_str(&reader, KR_NAME_BYTES_MAX);
    const struct kr_slice endpoint = kr_reader_str(&reader, KR_ENDPOINT_BYTES_MAX);
    kr_reader_fixed(&reader, enrolled->transport_public, 32);
    kr_reader_fixed(&reader, enrolled->node_public, 32);
    kr_reader_fixed(&reader, enrolled->public_key, 32);
    kr_reader_fixed(&reader, enrolled->secret, 32);
    enrolled->enrolled_s = kr_reader_uint(&reader, UINT64_MAX);
    enrolled->key_count = kr_reader_array_between(&reader, 0, KR_ENROLLED_KEYS_MAX);
    for (uint32_t i = 0; i < enrolled->key_count; i++) {
        struct kr_enrolled_key *key = &enrolled->keys[i];
        kr_reader_array(&reader, 4);
        key->purpose = (uint32_t)kr_reader_uint(&reader, UINT32_MAX);
        kr_reader_fixed(&reader, key->public_key, 32);
        kr_reader_fixed(&reader, key->secret, 32);
        key->since_s = kr_reader_uint(&reader, UINT64_MAX);
        kr_reader_close(&reader);
    }
    kr_reader_close(&reader);
    kr_reader_close(&reader);
    const bool is_whole = kr_reader_end(&reader) == KR_OK && kr_slice_text(name, enrolled->name, sizeof enrolled->name) &&
                          kr_slice_text(endpoint, enrolled->endpoint, sizeof enrolled->endpoint);
    return is_whole ? KR_OK : KR_CORRUPT;
}

/* ---- the file ---- */

enum kr_err kr_enrolled_write(const struct kr_enrolled *enrolled, const char *path, bool replace, struct kr_error *error)
{
    void *content = NULL;
    enum kr_err err = kr_secret_new(CONTENT_BYTES, &content, error);
    if (err == KR_OK) {
        err = write_content(enrolled, content);
    }
    if (err == KR_OK) {
        err = kr_locked_write(path, &sort, &enrolled->lock, content, replace, error);
    }
    kr_secret_free(content);
    return err;
}

enum kr_err kr_enrolled_read(const char *path, const char *passphrase, struct kr_enrolled **ret_enrolled, struct kr_error *error)
{
    void *content = NULL;
    struct kr_enrolled *enrolled = NULL;
    enum kr_err err = kr_enrolled_new(&enrolled, error);
    if (err == KR_OK) {
        err = kr_secret_new(CONTENT_BYTES, &content, error);
    }
    if (err == KR_OK) {
        err = kr_locked_read(path, &sort, passphrase, &enrolled->lock, content, error);
    }
    if (err == KR_OK && read_content(content, enrolled) != KR_OK) {
        err = kr_fail(error, KR_CORRUPT, "%s is damaged: %s", path, sort.repair);
    }
    kr_secret_free(content);
    if (err != KR_OK) {
        kr_secret_free(enrolled);
        return err;
    }
    *ret_enrolled = enrolled;
    return KR_OK;
}

enum kr_err kr_enrolled_is_protected(const char *path, bool *ret_protected, struct kr_error *error)
{
    return kr_locked_is_protected(path, &sort, ret_protected, error);
}
