/* SPDX-License-Identifier: ISC */
/*
 * Fuzz numbers with units: what parses must format and parse again to the
 * same value.
 */
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[64], out[64];
	int64_t v, again;
	int b;

	if (len >= sizeof(text))
		return (0);
	memcpy(text, data, len);
	text[len] = '\0';
	if (duration_parse(text, &v) == 0 && (v < 0 ||
	    duration_parse(duration_format(v, out, sizeof(out)), &again) ==
	    -1 || again != v))
		abort();
	if (size_parse(text, &v) == 0 && (v < 0 ||
	    size_parse(size_format(v, out, sizeof(out)), &again) == -1 ||
	    again != v))
		abort();
	(void)int_parse(text, &v);
	if (bool_parse(text, &b) == 0 && b != 0 && b != 1)
		abort();
	return (0);
}
