/* Writes the vectors to standard output, or compares them with a file: `kr-vectors [FILE]`. Everything follows from fixed seeds, so
 * that a byte of difference means that the format has changed. */
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "tests/vectors/vectors.h"

struct council writer_council, reader_council, stranger_council;

static void write_council(struct json *json, const char *name, const struct council *council)
{
    json_open(json, name, '{');
    json_hex(json, "id", council->id, 32);
    json_hex(json, "node_seed", council->node_secret, 32);
    json_hex(json, "node_public", council->node_public, 32);
    json_hex(json, "sealing_public", council->keyring.sealing[0].public_key, 32);
    json_hex(json, "sealing_secret", council->keyring.sealing[0].secret, 32);
    json_close(json, '}');
}

static void write_all(FILE *out)
{
    struct json json = {.out = out};

    json_open(&json, NULL, '{');
    json_text(&json, "about", "Kairan protocol vectors, see docs/PROTOCOL.md. Bytes are hexadecimal.");
    json_open(&json, "councils", '{');
    write_council(&json, "writer", &writer_council);
    write_council(&json, "reader", &reader_council);
    write_council(&json, "stranger", &stranger_council);
    json_close(&json, '}');
    json_open(&json, "pad_classes", '[');
    for (uint32_t pad_class = 0; pad_class == 0 || kr_pad_class_bytes(pad_class) != 0; pad_class++) {
        json_uint(&json, NULL, kr_pad_class_bytes(pad_class));
    }
    json_close(&json, ']');
    vectors_encoding(&json);
    vectors_bodies(&json);
    vectors_records(&json);
    vectors_bad_records(&json);
    vectors_takebacks(&json);
    vectors_statements(&json);
    vectors_wire(&json);
    vectors_tickets(&json);
    vectors_trees(&json);
    vectors_sections(&json);
    vectors_notices(&json);
    json_close(&json, '}');
    fputc('\n', out);
}

/* Says in which line a file first differs from `text`; 0 where it does not. */
static int compare(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "rb");
    unsigned line = 1;

    if (file == NULL) {
        perror(path);
        return 1;
    }
    for (size_t i = 0; i <= len; i++) {
        int c = fgetc(file);

        if (i == len ? c != EOF : c != (unsigned char)text[i]) {
            fprintf(stderr, "%s, line %u: the bytes that this build makes differ: the format has changed\n", path, line);
            fclose(file);
            return 1;
        }
        line += c == '\n';
    }
    fclose(file);
    return 0;
}

int main(int argc, char **argv)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    int status = 0;

    if (memory == NULL || kr_crypto_init() != KR_OK) {
        return 1;
    }
    council_init(&writer_council, 1);
    council_init(&reader_council, 2);
    council_init(&stranger_council, 3);
    write_all(memory);
    fclose(memory);
    if (argc > 1) {
        status = compare(argv[1], text, len);
    } else {
        fwrite(text, 1, len, stdout);
    }
    free(text);
    return status;
}
