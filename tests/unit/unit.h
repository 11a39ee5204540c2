/* SPDX-License-Identifier: ISC */
/*
 * What every unit test includes: cmocka wants these headers before its own.
 * And random numbers that are the same in every run.
 */
#ifndef TIDE_TESTS_UNIT_H
#define TIDE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline uint64_t
unit_random(uint64_t *state, uint64_t bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return ((*state >> 11) % bound);
}

#endif
