/* Just enough JSON out for the vectors: nested objects and arrays, texts, numbers, bytes as hexadecimal digits. */
#ifndef KR_VECTORS_JSON_H
#define KR_VECTORS_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/codec/reader.h"

struct json {
    FILE *out;
    unsigned depth;
    bool has_element; /* a comma is due before the next one at this depth */
};

/* `key` NULL within arrays and for the outermost object. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_text(struct json *json, const char *key, const char *text); /* no control characters, quotes or backslashes inside */
void json_slice_text(struct json *json, const char *key, struct kr_slice text);
void json_uint(struct json *json, const char *key, uint64_t value);
void json_hex(struct json *json, const char *key, const void *bytes, size_t len);

#endif
