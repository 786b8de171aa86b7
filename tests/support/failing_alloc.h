/* Every allocation failed in turn. The test is linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc, which sends our code's
 * allocations here; those of shared libraries go their own way. One source file of a program includes this. */
#ifndef KR_TEST_FAILING_ALLOC_H
#define KR_TEST_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Allocations that still succeed; negative: all do. */
static long allocations_left = -1;

static bool allocation_fails(void)
{
    if (allocations_left < 0) {
        return false;
    }
    return allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(old, size);
}

#endif
