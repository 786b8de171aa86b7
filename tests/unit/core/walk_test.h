/* What the tests of walking trees share: two nodes with genuine stores and a genuine session (tests/support/walkers.h). */
#ifndef KR_TEST_CORE_WALK_TEST_H
#define KR_TEST_CORE_WALK_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/walkers.h"

#define HOUR_MS    UINT64_C(3600000)
#define ROUNDS_MAX 100000u

static struct walkers walkers; /* large */

static inline int setup(void **state)
{
    (void)state;
    walkers_init(&walkers, 1);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    walkers_deinit(&walkers);
    return 0;
}

/* Record number `n`, created `hours` ago, at both or at one. */
static inline void put(uint32_t nodes, uint64_t n, uint64_t hours)
{
    uint8_t id[32];
    walkers_id(n, id);
    for (uint32_t i = 0; i < 2; i++) {
        if ((nodes >> i & 1u) != 0) {
            walkers_put(&walkers, i, id, WALKERS_NOW_MS - hours * HOUR_MS, WALKERS_MONTH, nodes != 3);
        }
    }
}

enum { FIRST = 1, SECOND = 2, BOTH = 3 };

/* `count` at both, 100 an hour. */
static inline void put_common(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        put(BOTH, i, i / 100);
    }
}

static inline void walk(void)
{
    const uint32_t done = walkers.done;
    assert_true(walkers_begin(&walkers));
    walkers_run(&walkers, ROUNDS_MAX);
    assert_int_equal(walkers.done, done + 1);
    assert_false(walkers.nodes[0].link->walk.is_active);
    assert_int_equal(walkers.nodes[0].link->walk.count, 0);
    assert_int_equal(walkers.nodes[1].link->walk.count, 0);
}

static inline uint64_t bytes(void)
{
    return walkers.nodes[0].bytes + walkers.nodes[1].bytes;
}

static inline uint64_t messages(void)
{
    return walkers.nodes[0].messages + walkers.nodes[1].messages;
}

#endif
