/* SPDX-License-Identifier: ISC */
/* Binary columns: network byte order, time since 2000. */
#include "worker/rows.h"

#include <endian.h>
#include <string.h>

#define COLUMNS		6
#define EPOCH_2000_US	INT64_C(946684800000000)

bool
rows_int(const PGresult *res, int c, int64_t *v)
{
	uint64_t	be;

	if (PQnfields(res) <= c || PQgetisnull(res, 0, c) ||
	    PQgetlength(res, 0, c) != sizeof(be))
		return (false);
	memcpy(&be, PQgetvalue(res, 0, c), sizeof(be));
	*v = (int64_t)be64toh(be);
	return (true);
}

/* NULL stays NULL. */
static const char *
rows_text(const PGresult *res, int c, size_t *len)
{
	*len = 0;
	if (PQgetisnull(res, 0, c))
		return (NULL);
	*len = (size_t)PQgetlength(res, 0, c);
	return (PQgetvalue(res, 0, c));
}

bool
rows_event(const PGresult *res, struct event_row *r)
{
	int64_t	since2000;

	if (PQnfields(res) != COLUMNS || !rows_int(res, 0, &r->row.id) ||
	    !rows_int(res, 1, &since2000) || !rows_int(res, 3, &r->len))
		return (false);
	/* "infinity" stays the largest number. */
	if (__builtin_add_overflow(since2000, EPOCH_2000_US,
	    &r->row.created_us))
		r->row.created_us = INT64_MAX;
	r->row.key = rows_text(res, 2, &r->row.keylen);
	r->row.payload = rows_text(res, 4, &r->row.payloadlen);
	r->row.headers = rows_text(res, 5, &r->row.headerslen);
	r->inlined = r->row.payload != NULL && r->row.headers != NULL;
	return (true);
}
