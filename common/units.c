/* SPDX-License-Identifier: ISC */
/* Parse and print durations and sizes; clocks; unbiased random numbers. */
#include "common/units.h"

#include <sys/random.h>

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct unit {
	const char	*name;
	int64_t		 factor;
};

static const struct unit durations[] = {
	{ "us",	1 },
	{ "ms",	1000 },
	{ "s",	1000000 },
	{ "m",	INT64_C(60) * 1000000 },
	{ "h",	INT64_C(3600) * 1000000 },
	{ "d",	INT64_C(86400) * 1000000 },
	{ "",	1000 },
	{ NULL,	0 }
};

static const struct unit sizes[] = {
	{ "",	1 },
	{ "b",	1 },
	{ "kib", 1 << 10 }, { "k", 1 << 10 }, { "kb", 1000 },
	{ "mib", 1 << 20 }, { "m", 1 << 20 }, { "mb", 1000000 },
	{ "gib", 1 << 30 }, { "g", 1 << 30 }, { "gb", 1000000000 },
	{ "tib", INT64_C(1) << 40 }, { "t", INT64_C(1) << 40 },
	{ "tb", INT64_C(1000000000000) },
	{ NULL,	0 }
};

/* For printing, the largest first. */
static const struct unit duration_names[] = {
	{ "d",	INT64_C(86400) * 1000000 },
	{ "h",	INT64_C(3600) * 1000000 },
	{ "m",	INT64_C(60) * 1000000 },
	{ "s",	1000000 },
	{ "ms",	1000 },
	{ "us",	1 }
};
static const struct unit size_names[] = {
	{ "TiB", INT64_C(1) << 40 },
	{ "GiB", 1 << 30 },
	{ "MiB", 1 << 20 },
	{ "KiB", 1 << 10 },
	{ "",	1 }
};

static int
fail(int error)
{
	errno = error;
	return (-1);
}

static const struct unit *
unit_find(const struct unit *u, const char *name)
{
	for (; u->name != NULL; u++) {
		if (strcasecmp(u->name, name) == 0)
			return (u);
	}
	return (NULL);
}

/* Digits up to the first other character; nothing may overflow. */
static int
digits_parse(const char **s, int64_t *out)
{
	int64_t v = 0;

	if (!isdigit((unsigned char)**s))
		return (fail(EINVAL));
	for (; isdigit((unsigned char)**s); (*s)++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, **s - '0', &v))
			return (fail(ERANGE));
	}
	*out = v;
	return (0);
}

/*
 * The part behind the point, in units of factor.  Exact or refused: a
 * fraction that is no whole number of the smallest unit is a typing error.
 */
static int
fraction_parse(const char *s, int64_t factor, int64_t *out)
{
	int64_t v = 0, scale = 1;

	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *s - '0', &v) ||
		    __builtin_mul_overflow(scale, 10, &scale))
			return (fail(ERANGE));
	}
	if (__builtin_mul_overflow(v, factor, &v))
		return (fail(ERANGE));
	if (v % scale != 0)
		return (fail(EINVAL));
	*out = v / scale;
	return (0);
}

static int
quantity_parse(const char *s, const struct unit *units, int64_t *out)
{
	const struct unit *u;
	const char *fraction = NULL;
	int64_t whole, rest = 0;

	if (digits_parse(&s, &whole) == -1)
		return (-1);
	if (*s == '.') {
		fraction = ++s;
		if (!isdigit((unsigned char)*s))
			return (fail(EINVAL));
		s += strspn(s, "0123456789");
	}
	while (*s == ' ')
		s++;
	if ((u = unit_find(units, s)) == NULL)
		return (fail(EINVAL));
	if (fraction != NULL &&
	    fraction_parse(fraction, u->factor, &rest) == -1)
		return (-1);
	if (__builtin_mul_overflow(whole, u->factor, &whole) ||
	    __builtin_add_overflow(whole, rest, &whole))
		return (fail(ERANGE));
	*out = whole;
	return (0);
}

int
duration_parse(const char *s, int64_t *us)
{
	return (quantity_parse(s, durations, us));
}

int
size_parse(const char *s, int64_t *bytes)
{
	return (quantity_parse(s, sizes, bytes));
}

int
int_parse(const char *s, int64_t *out)
{
	int64_t v = 0;
	int negative;

	negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if (!isdigit((unsigned char)*s))
		return (fail(EINVAL));
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, *s - '0', &v))
			return (fail(ERANGE));
	}
	if (*s != '\0')
		return (fail(EINVAL));
	/* Counted downwards, for the most negative number has no twin. */
	if (!negative && __builtin_mul_overflow(v, -1, &v))
		return (fail(ERANGE));
	*out = v;
	return (0);
}

int
bool_parse(const char *s, int *out)
{
	static const struct { const char *name; int value; } words[] = {
		{ "true", 1 }, { "on", 1 }, { "yes", 1 }, { "1", 1 },
		{ "false", 0 }, { "off", 0 }, { "no", 0 }, { "0", 0 }
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(words[i].name, s) == 0) {
			*out = words[i].value;
			return (0);
		}
	}
	return (fail(EINVAL));
}

static char *
quantity_format(int64_t v, const struct unit *u, char *dst, size_t size)
{
	while (u->factor > 1 && v % u->factor != 0)
		u++;
	(void)snprintf(dst, size, "%" PRId64 "%s", v / u->factor, u->name);
	return (dst);
}

char *
duration_format(int64_t us, char *dst, size_t size)
{
	/* Zero is divisible by anything; a day of nothing reads badly. */
	if (us == 0) {
		(void)snprintf(dst, size, "0s");
		return (dst);
	}
	return (quantity_format(us, duration_names, dst, size));
}

char *
size_format(int64_t bytes, char *dst, size_t size)
{
	if (bytes == 0) {
		(void)snprintf(dst, size, "0");
		return (dst);
	}
	return (quantity_format(bytes, size_names, dst, size));
}

static int64_t
clock_us(clockid_t id)
{
	struct timespec ts;

	/* Cannot fail for these clocks; zero is better than garbage. */
	if (clock_gettime(id, &ts) == -1)
		return (0);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

int64_t
clock_mono_us(void)
{
	return (clock_us(CLOCK_MONOTONIC));
}

int64_t
clock_wall_us(void)
{
	return (clock_us(CLOCK_REALTIME));
}

static uint64_t
random_u64(void)
{
	uint64_t v = 0;

	/* Eight bytes are never cut short once the pool is initialised. */
	while (getrandom(&v, sizeof(v), 0) != (ssize_t)sizeof(v)) {
		if (errno != EINTR)
			return ((uint64_t)clock_mono_us());
	}
	return (v);
}

uint64_t
random_uniform(uint64_t bound)
{
	uint64_t limit, v;

	if (bound < 2)
		return (0);
	/* Reject the incomplete last stretch, or small values are likelier. */
	limit = UINT64_MAX - UINT64_MAX % bound;
	do {
		v = random_u64();
	} while (v >= limit);
	return (v % bound);
}
