/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the reader of an event's headers: it stays inside its text, and what
 * is encoded stays inside what was reserved for it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "worker/encode.h"
#include "worker/parcel.h"
#include "worker/slab.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct row row = { .id = 1, .created_us = 1, .key = "k",
	    .keylen = 1, .payload = "1", .payloadlen = 1,
	    .headers = (const char *)data, .headerslen = len };
	struct slab_pool *slabs = slab_pool_new(0);
	struct parcel_table *table = parcel_table_new(slabs);
	struct encoder enc;
	struct parcel *p;
	size_t before;

	if (table == NULL || (p = parcel_new(table)) == NULL)
		abort();
	encoder_init(&enc, WIRE_NATIVE, "o");
	before = encode_bound(&enc, &row);
	if (encode_event(&enc, slabs, &row, p) == 0 &&
	    (p->value + p->valuelen > (const char *)p->headers + before ||
	    memcmp(p->value, "{\"dedup_key\"", 12) != 0))
		abort();
	parcel_free(table, p);
	parcel_table_free(table);
	slab_pool_free(slabs);
	return (0);
}
