/* SPDX-License-Identifier: ISC */
/*
 * Rows of the reading statements (query.h), taken out of binary results.
 */
#ifndef TIDE_WORKER_ROWS_H
#define TIDE_WORKER_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "worker/encode.h"

/* A row whose payload is not inline has length and no payload. */
struct event_row {
	struct row	row;
	int64_t		len;		/* of all texts together */
	bool		inlined;
};

/* Column c of row 0 as a bigint; false: NULL or not one. */
bool	rows_int(const PGresult *, int c, int64_t *);
/* Row 0; false: not the shape of a row.  The bytes are the result's. */
bool	rows_event(const PGresult *, struct event_row *);

#endif
