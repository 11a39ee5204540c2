/* SPDX-License-Identifier: ISC */
/* UTF-8 validation, one sequence at a time. */
#include "common/utf8.h"

#include <stdint.h>

/* What may follow a lead byte: length, and bounds of the second byte. */
struct lead {
	uint8_t	first, last;
	uint8_t	len;
	uint8_t	min, max;
};

static const struct lead leads[] = {
	{ 0x00, 0x7f, 1, 0x00, 0x00 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },	/* overlong below */
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },	/* surrogates above */
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },	/* overlong below */
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f }	/* above U+10FFFF beyond */
};

static const struct lead *
lead_find(uint8_t c)
{
	size_t i;

	for (i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (c >= leads[i].first && c <= leads[i].last)
			return (&leads[i]);
	}
	return (NULL);
}

size_t
utf8_sequence(const char *s, size_t len)
{
	const struct lead *l;
	size_t i;
	uint8_t c;

	if (len == 0 || (l = lead_find((uint8_t)s[0])) == NULL ||
	    len < l->len)
		return (0);
	for (i = 1; i < l->len; i++) {
		c = (uint8_t)s[i];
		if (i == 1 ? (c < l->min || c > l->max) :
		    (c < 0x80 || c > 0xbf))
			return (0);
	}
	return (l->len);
}

bool
utf8_valid(const char *s, size_t len)
{
	size_t n;

	for (; len > 0; s += n, len -= n) {
		if ((n = utf8_sequence(s, len)) == 0)
			return (false);
	}
	return (true);
}
