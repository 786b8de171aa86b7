/* The sections of the vectors. Every bad case states the reason in a fixed word, which the independent check derives on its own,
 * and the error that this implementation gives, which is taken from running it. */
#ifndef KR_VECTORS_H
#define KR_VECTORS_H

#include "tests/support/forge.h"
#include "tests/vectors/json.h"

/* Three councils: Hokkaido writes, Hiroshima reads, Osaka is a stranger. */
extern struct council writer_council, reader_council, stranger_council;

void vectors_encoding(struct json *json);
void vectors_records(struct json *json);
void vectors_bad_records(struct json *json);
void vectors_takebacks(struct json *json);
void vectors_statements(struct json *json);
void vectors_bodies(struct json *json);
void vectors_wire(struct json *json);
void vectors_tickets(struct json *json);
void vectors_trees(struct json *json);
void vectors_sections(struct json *json);
void vectors_notices(struct json *json);

#endif
