/* What a MISP attribute's type is here (MISP core format, draft-dulaunoy-misp-core-format, and the types of MISP 2.4 and 2.5). */
#ifndef KR_TOOLS_FORMATS_MISP_TYPES_H
#define KR_TOOLS_FORMATS_MISP_TYPES_H

#include "proto/codec/reader.h"

enum kr_misp_sort {
    KR_MISP_VALUE,  /* one indicator */
    KR_MISP_PAIR,   /* "a|b": both are, of `type` and `second` */
    KR_MISP_PORT,   /* "a|port" */
    KR_MISP_NAMED,  /* "name|hash": the hash, with the name in its note, and the name */
    KR_MISP_NOTED,  /* "a|b": a is, b says more of it */
    KR_MISP_LINK,   /* a reference, unless it is for detection */
    KR_MISP_WORDS,  /* tells people something; no indicator unless it is for detection */
    KR_MISP_VICTIM, /* who was hit: nobody else's business */
};

struct kr_misp_type {
    enum kr_misp_sort sort;
    uint32_t type, second; /* enum kr_indicator_type */
};

/* false: not known; kept as what it is (other). */
bool kr_misp_type(struct kr_slice name, struct kr_misp_type *ret_type);

#endif
