/* The entry of every fuzz target: libFuzzer calls it, or replay.c with the files of the corpus. The first byte of the input selects
 * the decoder where a target has several, so that one corpus serves them all. */
#ifndef KR_FUZZ_H
#define KR_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
