/* SPDX-License-Identifier: ISC */
/*
 * Text from strangers and secrets among it.
 */
#include "config.h"

#include <ctype.h>
#include <string.h>

#include "plugins/webhook/text.h"

bool
text_is_token(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) &&
		    (s[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s[i]) == NULL))
			return (false);
	return (len > 0);
}

bool
text_is_field(const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i < len; i++)
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return (false);
	return (true);
}

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none. */
static size_t
utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char from, to, low, high;
		size_t len;
	} leads[] = {
		{ 0x00, 0x7f, 0, 0, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },	/* no surrogates */
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 }
	};
	size_t i, k;

	for (i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (p[0] >= leads[i].from && p[0] <= leads[i].to)
			break;
	if (i == sizeof(leads) / sizeof(leads[0]) || leads[i].len > left)
		return (0);
	if (leads[i].len > 1 &&
	    (p[1] < leads[i].low || p[1] > leads[i].high))
		return (0);
	for (k = 2; k < leads[i].len; k++)
		if ((p[k] & 0xc0) != 0x80)
			return (0);
	return (leads[i].len);
}

size_t
text_clean(const void *data, size_t len, char *out, size_t size)
{
	const unsigned char *p = data;
	size_t i, n, used = 0;

	for (i = 0; i < len; i += n) {
		n = utf8_length(p + i, len - i);
		if (used + (n > 0 ? n : 1) >= size)
			break;
		if (n == 0) {
			n = 1;
			out[used++] = '?';
		} else if (n == 1 && (p[i] < 0x20 || p[i] == 0x7f))
			out[used++] = ' ';
		else {
			memcpy(out + used, p + i, n);
			used += n;
		}
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return (used);
}

void
text_scrub(char *text, const char *secret, size_t len)
{
	size_t left = strlen(text);
	char *p;

	if (len == 0)
		return;
	while ((p = memmem(text, left, secret, len)) != NULL) {
		memset(p, '*', len);
		left -= (size_t)(p - text) + len;
		text = p + len;
	}
}
