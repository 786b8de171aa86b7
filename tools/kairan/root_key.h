/* Statements that the council's root key signs: by the node where the key is there, else here, with the file that --root names. */
#ifndef KR_TOOLS_KAIRAN_ROOT_KEY_H
#define KR_TOOLS_KAIRAN_ROOT_KEY_H

#include "crypto/root_file.h"
#include "proto/codec/writer.h"
#include "tools/kairan/kairan.h"

/* The options of every command that may need it. */
struct kr_root_options {
    const char *file, *passphrase_file, *passphrase_fd;
    const struct kr_root_key *key; /* it is open already; borrowed */
};
#define KR_ROOT_OPTIONS(o)                                                                                                         \
    {.name = "root", .text = &(o).file}, {.name = "root-passphrase-file", .text = &(o).passphrase_file},                           \
    {                                                                                                                              \
        .name = "root-passphrase-fd", .text = &(o).passphrase_fd                                                                   \
    }

/* Where a passphrase comes from: file, descriptor (NULL: neither), else the terminal. Tells why there is none. Released with
 * kr_secret_free. */
bool kr_app_passphrase(const struct kr_app *app, const char *file, const char *fd, const char *prompt, const char *again,
                       char **ret_passphrase);
/* Opens the file, asking for its passphrase. Tells failures. Released with kr_secret_free. */
bool kr_root_open(const struct kr_app *app, const struct kr_root_options *options, struct kr_root_key **ret_key);

/* The lines of a recovery paper, from a file or typed in (`path` "-"). Fills the key but for its council, of which only the first 8
 * bytes stand on paper. Tells failures. Released with kr_secret_free. root.c */
bool kr_paper_open(const struct kr_app *app, const char *path, struct kr_root_key **ret_key);

/* Where a root key goes: a directory stands for a file of a name of its own in it, with that number where it is not the council's
 * first. Tells failures. root.c */
bool kr_root_place(const struct kr_app *app, const char *to, const uint8_t council[static 32], uint32_t number, char *ret_path,
                   size_t size);
/* Writes it there and reads it back. Tells failures. root.c */
bool kr_root_write(const struct kr_app *app, const struct kr_root_key *key, const char *path, const char *passphrase);
/* The lines of a recovery key and what they are. root.c */
void kr_paper_print(const uint8_t council[static 32], char lines[static KR_PAPER_LINES][KR_PAPER_LINE_BYTES]);

/* A request that comes to statements of ours, the first of them of this kind and about this council or community (NULL: whichever;
 * of KR_OP_REVOKE the key that is taken back). Large ones are handed in one after the other, cards first.
 * What the root key must sign is signed and sent back. Tells failures. `*ret_id` is the first one's. */
bool kr_app_state(struct kr_app *app, enum kr_op op, struct kr_writer *args, uint32_t kind, const uint8_t *subject,
                  const struct kr_root_options *options, uint8_t ret_id[static 32]);

/* This council's card with these changes (none: published where it does not stand yet). Tells failures. council.c */
bool kr_council_edit(struct kr_app *app, const struct kr_card_edit *edit, const struct kr_root_options *options,
                     uint8_t ret_id[static 32]);
bool kr_council_publish(struct kr_app *app, const struct kr_root_options *options, uint8_t ret_id[static 32]);

#endif
