/* SPDX-License-Identifier: ISC */
/* Numbers, times and JSON strings as text. */
#include "worker/text.h"

#include <string.h>

char *
text_put(char *p, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(p, bytes, n);
	return (p + n);
}

/* At least width digits, zeroes in front. */
static char *
put_digits(char *p, uint64_t v, unsigned int base, unsigned int width)
{
	char		 tmp[64];
	unsigned int	 n = 0;

	do {
		tmp[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % base];
		v /= base;
	} while (v != 0);
	while (n < width)
		tmp[n++] = '0';
	while (n > 0)
		*p++ = tmp[--n];
	return (p);
}

static char *
put_signed(char *p, int64_t v, unsigned int base)
{
	if (v >= 0)
		return (put_digits(p, (uint64_t)v, base, 1));
	*p++ = '-';
	return (put_digits(p, 0 - (uint64_t)v, base, 1));
}

char *
text_int(char *p, int64_t v)
{
	return (put_signed(p, v, 10));
}

char *
text_base36(char *p, int64_t v)
{
	return (put_signed(p, v, 36));
}

/*
 * Days since 1970 as year, month and day.  Years begin in March here, so
 * that the leap day is the last one; 400 years have 146 097 days.
 */
static void
civil(int64_t days, int64_t *year, unsigned int *month, unsigned int *day)
{
	int64_t		era;
	unsigned int	doe, yoe, doy, mp;

	days += 719468;			/* 1 March of year 0 */
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = (unsigned int)(days - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = era * 400 + (int64_t)yoe + (*month <= 2);
}

static char *
put_field(char *p, uint64_t v, unsigned int width, char behind)
{
	p = put_digits(p, v, 10, width);
	*p++ = behind;
	return (p);
}

char *
text_time(char *p, int64_t us)
{
	const int64_t	day_us = INT64_C(86400000000);
	int64_t		days = us / day_us, rest = us % day_us, year;
	unsigned int	month, day;

	if (rest < 0) {
		rest += day_us;
		days--;
	}
	civil(days, &year, &month, &day);
	if (year < 0 || year > 9999)
		*p++ = year < 0 ? '-' : '+';
	p = put_field(p, (uint64_t)(year < 0 ? -year : year), 4, '-');
	p = put_field(p, month, 2, '-');
	p = put_field(p, day, 2, 'T');
	p = put_field(p, (uint64_t)(rest / 3600000000), 2, ':');
	p = put_field(p, (uint64_t)(rest / 60000000 % 60), 2, ':');
	p = put_field(p, (uint64_t)(rest / 1000000 % 60), 2, '.');
	return (put_field(p, (uint64_t)(rest % 1000000), 6, 'Z'));
}

static char *
put_escape(char *p, unsigned char c)
{
	static const char	letter[] = "btn\0fr";

	*p++ = '\\';
	if (c == '"' || c == '\\')
		*p++ = (char)c;
	else if (c >= '\b' && c <= '\r' && letter[c - '\b'] != '\0')
		*p++ = letter[c - '\b'];
	else {
		p = text_put(p, "u00", 3);
		p = put_digits(p, c, 16, 2);
	}
	return (p);
}

char *
text_json(char *p, const char *s, size_t n)
{
	size_t	i;

	for (i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == '"' || c == '\\')
			p = put_escape(p, c);
		else
			*p++ = s[i];
	}
	return (p);
}
