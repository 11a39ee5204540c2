/* SPDX-License-Identifier: ISC */
/*
 * The entry point of a fuzz target.  With --enable-fuzzing libFuzzer calls
 * it; "make check" replays the seeds and the reproducers of old failures
 * through replay.c.
 */
#ifndef TIDE_TESTS_FUZZ_H
#define TIDE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#endif
