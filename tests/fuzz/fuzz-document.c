/* SPDX-License-Identifier: ISC */
/*
 * Pipeline documents and option tables as whoever can write the catalog's
 * tables may write them.  The input is an option table, a NUL, a document.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/catalog/document.h"
#include "supervisor/catalog/sinktypes.h"
#include "tests/fuzz/fuzz.h"

static const char own[] =
    "[{\"name\":\"batch_size\",\"type\":\"int\",\"min\":1,\"max\":100},"
    "{\"name\":\"retry.max_backoff\",\"type\":\"duration\",\"min\":1,"
    "\"max\":1000}]";

static void
check(const struct sinktypes *types, const char *text)
{
	const struct document doc = { .name = "p", .outbox = "o",
	    .sink_type = "s", .text = text };
	struct docrefs refs;
	char err[256];
	size_t i;

	if (document_check(&doc, types, &refs, err, sizeof(err)) == -1) {
		if (refs.n != 0 || memchr(err, '\0', sizeof(err)) == NULL)
			abort();
		return;
	}
	for (i = 0; i < refs.n; i++) {
		if (strlen(refs.refs[i].value) >= MSG_REF_MAX)
			abort();
	}
	docrefs_clear(&refs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sinktypes *types = sinktypes_new();
	char *text = malloc(size + 1), err[256];
	size_t n;

	if (types == NULL || text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	n = strlen(text);
	if (sinktypes_add(types, "@pipeline", own, err, sizeof(err)) == -1)
		abort();
	if (sinktypes_add(types, "s", text, err, sizeof(err)) == 0 &&
	    n < size)
		check(types, text + n + 1);
	sinktypes_free(types);
	free(text);
	return (0);
}
