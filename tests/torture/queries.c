/* SPDX-License-Identifier: ISC */
/*
 * Prints the reading statements as PREPARE commands, for a look at their
 * plans: queries TABLE
 */
#include <stdio.h>
#include <stdlib.h>

#include "worker/query.h"

int
main(int argc, char **argv)
{
	static const char *const names[QUERY_MAX] = {
		[QUERY_POLL] = "poll", [QUERY_BOUNDS] = "bounds",
		[QUERY_WALK] = "walk", [QUERY_FETCH] = "refetch",
		[QUERY_HELD] = "held"
	};
	char	*text;
	int	 q;

	if (argc != 2) {
		fprintf(stderr, "usage: queries TABLE\n");
		return (2);
	}
	for (q = 0; q < QUERY_MAX; q++) {
		if ((text = query_text((enum query)q, argv[1])) == NULL)
			return (1);
		printf("PREPARE %s AS %s;\n", names[q], text);
		free(text);
	}
	return (0);
}
