/* TLP 2.0 labels (FIRST, Traffic Light Protocol version 2.0, August 2022). Never translated. */
#ifndef KR_PROTO_RECORD_LABEL_H
#define KR_PROTO_RECORD_LABEL_H

#include <stddef.h>

#include "crypto/err.h"

/* Ordered from the widest to the strictest: the stricter of two is the larger. */
enum kr_label {
    KR_TLP_NONE = 0, /* unlabelled: refused at submission */
    KR_TLP_CLEAR = 1,
    KR_TLP_GREEN = 2,
    KR_TLP_AMBER = 3,
    KR_TLP_AMBER_STRICT = 4,
    KR_TLP_RED = 5,
};

/* "TLP:AMBER+STRICT" and the like; "" for KR_TLP_NONE and unknown numbers. Static storage. */
const char *kr_label_name(enum kr_label label);
/* One label as people write it: with or without "TLP:", any case, "TLP:WHITE" is CLEAR, spaces and full-width forms accepted. An
 * unknown word after "TLP:" is RED, anything else KR_UNLABELLED. */
enum kr_err kr_label_parse(const char *text, size_t len, enum kr_label *ret_label) KR_WARN_UNUSED;
/* Whether records of this label are sealed (AMBER and stricter). */
int kr_label_is_sealed(enum kr_label label);
/* Whether it is for bodies or persons by name, so that councils' nodes do not read it either (AMBER+STRICT, RED). */
int kr_label_is_for_people(enum kr_label label);

#endif
