/* SPDX-License-Identifier: ISC */
<<<<<<< HEAD
/* What every unit test includes: cmocka wants these headers before its own. */
=======
/*
 * What cmocka wants included in front of it, and random numbers that are the
 * same in every run.
 */
>>>>>>> 44596f8 (Add the pure parts of the relay: lanes, order, held ids, slabs)
#ifndef TIDE_TESTS_UNIT_H
#define TIDE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

<<<<<<< HEAD
=======
static inline uint64_t
unit_random(uint64_t *state, uint64_t bound)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return ((*state >> 11) % bound);
}

>>>>>>> 44596f8 (Add the pure parts of the relay: lanes, order, held ids, slabs)
#endif
