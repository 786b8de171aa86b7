/* What tests of bodies and persons ask of a node. */
#ifndef KR_TEST_CORE_PEOPLE_H
#define KR_TEST_CORE_PEOPLE_H

#include "proto/client/people.h"
#include "tests/unit/core/bed.h"

/* Who asks from now on: a user of the machine; 0: the operator. */
static inline void as(struct bed *bed, uint32_t uid)
{
    bed->caller = (struct kr_caller){.is_guest = uid != 0, .uid = uid};
}

static inline struct kr_slice text(const char *words)
{
    return (struct kr_slice){(const uint8_t *)words, strlen(words)};
}

static inline uint32_t put_body(struct bed *bed, uint32_t node, const struct kr_body_act *act)
{
    struct kr_writer args;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_body_act_write(act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_BODY, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

static inline uint32_t put_person(struct bed *bed, uint32_t node, const struct kr_person_act *act)
{
    struct kr_writer args;
    kr_writer_init(&args, 4 * KR_KIB);
    kr_person_act_write(act, &args);
    const uint32_t code = bed_request(bed, node, KR_OP_PERSON, args.bytes, args.len, 100);
    kr_writer_deinit(&args);
    return code;
}

#endif
