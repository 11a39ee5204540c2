/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the head of HTTP requests: what is taken must stay within its bounds,
 * and a head is as long wherever it was cut on its way.
 */
#include <stdlib.h>
#include <string.h>

#include "supervisor/control/expose.h"
#include "supervisor/control/httphead.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http_head h;
	size_t head;
	char *text;
	int status;

	/* A copy of its very size, so that reading behind it is seen. */
	if ((text = malloc(len + 1)) == NULL)
		return (0);
	memcpy(text, data, len);
	if ((head = http_head_length(text, len)) != 0) {
		if (http_head_length(text, head) != head ||
		    http_head_length(text, head - 1) != 0)
			abort();
		status = http_head_parse(text, head, &h);
		if (status != 200 && status != 400 && status != 414 &&
		    status != 505)
			abort();
		if (status == 200 && h.method != HTTP_OTHER &&
		    h.path[0] != '/')
			abort();
		if (status == 200)
			(void)expose_negotiate(h.accept);
	}
	free(text);
	return (0);
}
