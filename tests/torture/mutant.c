/* SPDX-License-Identifier: ISC */
/*
 * The reading rule with a known mistake in it, one for each value of
 * MUTATION.  A worker that is linked with this must fail the torture test;
 * if it passes, the test proves nothing.
 *
 *	1	id > last: skips what commits later with a smaller id
 *	2	order by xid behind the horizon: breaks the order within a key
 *	3	a walk that begins behind the highest id that S1 shows
 */
#define query_text	sound_query_text
#include "worker/query.c"
#undef query_text

char	*query_text(enum query, const char *);

/* The first row of a poll, and the rows behind it, of a set w of rows. */
#define POLL_OF(w, s2)							\
	"WITH w AS MATERIALIZED (" w ") "				\
	"SELECT NULL::bigint AS id, NULL::timestamptz AS created_at, "	\
	s2 " AS key, (SELECT count(*) FROM w) AS len,"			\
	" NULL::text AS payload, NULL::text AS headers"			\
	" UNION ALL (" ROW("$5::bigint")				\
	" FROM (SELECT * FROM w ORDER BY w.id LIMIT $3::bigint) AS s"	\
	ROW_TEXT ")"
/* A position that is a number n, dressed as the snapshot n:n: */
#define AS_SNAPSHOT(n)	"(SELECT format('%s:%s:', " n ", " n "))"
#define THIS_GENERATION							\
	"e.generation = $6::integer AND $7::pg_snapshot IS NULL"
#define XMAX(p)		"pg_snapshot_xmax(" p "::pg_snapshot)::text::bigint"

#if MUTATION == 1
/* Snapshot n stands for "everything up to id n - 3"; the first is 3:3: */
static const struct {
	enum query	 q;
	const char	*text;
} mutations[] = {
	{ QUERY_POLL, POLL_OF(
	    "SELECT " COLUMNS " FROM EVENTS AS e"
	    " WHERE e.id > " XMAX("$1") " - 3"
	    " AND $2::bigint > 0 AND " THIS_GENERATION
	    " AND e.created_at >= $4::timestamptz"
	    " ORDER BY e.id LIMIT $3::bigint",
	    AS_SNAPSHOT("coalesce((SELECT max(w.id) + 3 FROM w), "
	    XMAX("$1") ")")) },
	{ QUERY_BOUNDS, "SELECT 1::bigint, 1::bigint WHERE $1 <> $2"
	    " AND $3::integer > 0" },
	{ QUERY_WALK,
	    ROW("$8::bigint") " FROM (SELECT " COLUMNS " FROM EVENTS AS e"
	    " WHERE e.id > $5::bigint AND e.id > " XMAX("$1") " - 3"
	    " AND e.id <= " XMAX("$2") " - 3"
	    " AND $3::bigint <= $4::bigint + 9223372036854775806"
	    " AND e.created_at >= $7::timestamptz"
	    " AND e.generation = $9::integer"
	    " ORDER BY e.id LIMIT $6::bigint) AS s" ROW_TEXT }
};
#elif MUTATION == 2
/* One transaction a window, the smallest number behind the horizon first. */
static const struct {
	enum query	 q;
	const char	*text;
} mutations[] = {
	{ QUERY_POLL, POLL_OF(
	    "SELECT " COLUMNS ", e.xid FROM EVENTS AS e WHERE e.xid = ("
	    "SELECT f.xid FROM EVENTS AS f"
	    " WHERE f.xid >= pg_snapshot_xmax($1::pg_snapshot)"
	    " AND f.xid < pg_snapshot_xmin(pg_current_snapshot())"
	    " ORDER BY f.xid LIMIT 1)"
	    " AND $2::bigint > 0 AND " THIS_GENERATION
	    " AND e.created_at >= $4::timestamptz",
	    AS_SNAPSHOT("coalesce((SELECT max(w.xid::text::bigint) + 1"
	    " FROM w), " XMAX("$1") ")")) }
};
#elif MUTATION == 3
static const struct {
	enum query	 q;
	const char	*text;
} mutations[] = {
	{ QUERY_BOUNDS, "SELECT (SELECT e.id + 1 FROM EVENTS AS e"
	    " WHERE pg_visible_in_snapshot(e.xid, $1::pg_snapshot)"
	    " ORDER BY e.id DESC LIMIT 1), (SELECT max(e.id) FROM EVENTS"
	    " AS e WHERE e.xid < pg_snapshot_xmax($2::pg_snapshot)"
	    " AND e.generation = $3::integer)" }
};
#else
#error "MUTATION must be 1, 2 or 3"
#endif

char *
query_text(enum query q, const char *events)
{
	size_t	i;

	for (i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++)
		if (mutations[i].q == q)
			return (text_fill(mutations[i].text, events));
	return (sound_query_text(q, events));
}
