/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the scanner of ${env:NAME} and ${file:/path}: scanning and expanding
 * must agree on what is malformed, and measuring on the length.
 */
#include <stdlib.h>
#include <string.h>

#include "common/secretref.h"
#include "tests/fuzz/fuzz.h"

static int
count(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	if (kind != REF_ENV && kind != REF_FILE)
		abort();
	if (len == 0 || name == NULL)
		abort();
	++*(size_t *)arg;
	return (0);
}

static const void *
look(enum ref_kind kind, const char *name, size_t *len, void *arg)
{
	(void)kind;
	(void)name;
	++*(size_t *)arg;
	*len = 3;
	return ("abc");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char err[256], *dst;
	size_t seen = 0, measured = 0, written = 0, wanted = 0, outlen = 0;
	const char *s = (const char *)data;
	int scan, expand;

	scan = secretref_scan(s, len, count, &seen, err, sizeof(err));
	expand = secretref_expand(s, len, look, &wanted, NULL, 0, &measured,
	    err, sizeof(err));
	if (scan != expand)
		abort();
	if (scan == -1)
		return (0);
	if (seen != wanted)
		abort();
	dst = malloc(measured + 1);
	if (dst == NULL)
		abort();
	if (secretref_expand(s, len, look, &written, dst, measured, &outlen,
	    err, sizeof(err)) == -1 || outlen != measured ||
	    dst[measured] != '\0')
		abort();
	free(dst);
	return (0);
}
