/* SPDX-License-Identifier: ISC */
/*
 * Fuzz snapshots: what parses prints the same set, and nobody is visible
 * who began later or is named as running.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "worker/snapshot.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct snapshot *s, *again;
	const char *text;

	if ((s = snapshot_parse((const char *)data, len, 1)) == NULL)
		return (0);
	text = snapshot_text(s);
	if ((again = snapshot_parse(text, strlen(text), 1)) == NULL ||
	    !snapshot_equal(s, again) ||
	    snapshot_hash(s) != snapshot_hash(again) ||
	    snapshot_visible(s, snapshot_xmax(s)) ||
	    !snapshot_visible(s, snapshot_xmin(s) - 1))
		abort();
	snapshot_unref(again);
	snapshot_unref(s);
	return (0);
}
