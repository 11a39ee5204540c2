/* SPDX-License-Identifier: ISC */
/*
 * Numbers with units as people write them, and clocks.
 * Durations are int64_t microseconds, sizes int64_t bytes.
 */
#ifndef TIDE_COMMON_UNITS_H
#define TIDE_COMMON_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * "250us" "200ms" "5s" "1.5m" "1h" "7d"; a bare number is milliseconds.
 * Returns 0, or -1 with errno EINVAL or ERANGE; negatives are EINVAL.
 */
int	duration_parse(const char *, int64_t *us);
/* "65536" "64KiB" "16MiB" "1GB" (10^9) "2g" (GiB).  As above. */
int	size_parse(const char *, int64_t *bytes);
/* Decimal integer with optional sign, nothing behind it.  As above. */
int	int_parse(const char *, int64_t *);
/* true/false, on/off, yes/no, 1/0 (any case).  0 or -1. */
int	bool_parse(const char *, int *);

/* Shortest exact spelling, e.g. "200ms"; always NUL-terminated. */
char	*duration_format(int64_t us, char *, size_t);
char	*size_format(int64_t bytes, char *, size_t);

int64_t	clock_mono_us(void);	/* CLOCK_MONOTONIC */
int64_t	clock_wall_us(void);	/* CLOCK_REALTIME, since 1970 */

/* Uniform in [0, bound), from getrandom(2); 0 when bound is 0. */
uint64_t random_uniform(uint64_t bound);

#endif
