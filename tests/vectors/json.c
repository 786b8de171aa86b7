#include "tests/vectors/json.h"

#include <inttypes.h>
#include <string.h>

static void begin(struct json *json, const char *key)
{
    if (json->has_element) {
        fputc(',', json->out);
    }
    if (json->depth > 0) {
        fprintf(json->out, "\n%*s", (int)json->depth, "");
    }
    if (key != NULL) {
        fprintf(json->out, "\"%s\": ", key);
    }
    json->has_element = true;
}

void json_open(struct json *json, const char *key, char bracket)
{
    begin(json, key);
    fputc(bracket, json->out);
    json->depth++;
    json->has_element = false;
}

void json_close(struct json *json, char bracket)
{
    json->depth--;
    if (json->has_element) {
        fprintf(json->out, "\n%*s", (int)json->depth, "");
    }
    fputc(bracket, json->out);
    json->has_element = true;
}

void json_slice_text(struct json *json, const char *key, struct kr_slice text)
{
    begin(json, key);
    fprintf(json->out, "\"%.*s\"", (int)text.len, (const char *)text.bytes);
}

void json_text(struct json *json, const char *key, const char *text)
{
    json_slice_text(json, key, (struct kr_slice){.bytes = (const uint8_t *)text, .len = strlen(text)});
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRIu64, value);
}

void json_hex(struct json *json, const char *key, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    begin(json, key);
    fputc('"', json->out);
    for (size_t i = 0; i < len; i++) {
        fprintf(json->out, "%02x", at[i]);
    }
    fputc('"', json->out);
}
