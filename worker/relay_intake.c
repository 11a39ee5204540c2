/* SPDX-License-Identifier: ISC */
/* From rows to parcels in lanes, as many as memory may hold. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/child.h"
#include "common/log.h"
#include "common/units.h"
#include "worker/deadletter.h"
#include "worker/held.h"
#include "worker/order.h"
#include "worker/parcel.h"
#include "worker/reader.h"
#include "worker/refetch.h"
#include "worker/relay_int.h"
#include "worker/rows.h"
#include "worker/slab.h"
#include "worker/snapshot.h"

/* At most so much is kept free for events that come back. */
#define REFETCH_ROOM	64u
#define ENVELOPE_ROOM	4096u

/* FNV-1a; the finisher spreads short keys over all bits. */
static uint64_t
hash_bytes(const char *p, size_t n)
{
	uint64_t	h = 0xcbf29ce484222325u;
	size_t		i;

	for (i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return (h ^ h >> 33);
}

/* Events without a key have an order with nobody: a lane for each. */
uint64_t
relay_lane_hash(const struct relay *r, int64_t id, const char *key,
    size_t keylen)
{
	switch (r->env.pipeline->ordering) {
	case ORDER_STRICT:
		return (0);
	case ORDER_KEY:
		if (key != NULL)
			return (hash_bytes(key, keylen));
		break;
	case ORDER_NONE:
		break;
	}
	return (hash_bytes((const char *)&id, sizeof(id)));
}

static int
on_window(struct snapshot *s1, struct snapshot *s2, int64_t last_id,
    void *arg)
{
	struct relay	*r = arg;

	relay_bell_found(r);
	return (order_open(r->order, s1, s2, last_id));
}

static void
on_window_end(void *arg)
{
	struct relay	*r = arg;

	order_close(r->order);
	relay_kick(r);
}

static void
on_empty(void *arg)
{
	relay_bell_empty(arg);
}

static void
on_idle(void *arg)
{
	relay_kick(arg);
}

static void
on_read_failed(const char *sqlstate, const char *text, void *arg)
{
	relay_sql_failed(arg, "reading events", sqlstate, text);
}

/* 1: encoded; 0: no room; -1 with errno, EINVAL for a poison row. */
static int
encode(struct relay *r, const struct event_row *er, struct parcel **p)
{
	if ((*p = parcel_new(r->parcels)) == NULL)
		return (-1);
	if (encode_event(&r->encoder, r->slabs, &er->row, *p) == 0) {
		r->row_bytes += ((*p)->valuelen + ENVELOPE_ROOM / 8) / 16 -
		    r->row_bytes / 16;
		*r->report.encoded += 1;
		return (1);
	}
	parcel_free(r->parcels, *p);
	return (errno == ENOBUFS ? 0 : -1);
}

static void
bury_row(struct relay *r, const struct event_row *er, uint64_t seq,
    const char *error_class)
{
	char		text[160];
	struct verdict	v = { .error_class = error_class, .text = text };

	if (strcmp(error_class, "too_large") == 0)
		(void)snprintf(text, sizeof(text), "the event has %" PRId64
		    " bytes, more than max_event_size = %zu", er->len,
		    r->env.pipeline->max_event_size);
	else
		(void)snprintf(text, sizeof(text),
		    "the event's headers are not a JSON object");
	relay_bury(r, er->row.id, seq, &v, clock_mono_us());
}

static bool
too_large(const struct relay *r, const struct event_row *er)
{
	return (er->len < 0 ||
	    (uint64_t)er->len > r->env.pipeline->max_event_size);
}

/* Its lane keeps the id alone when it is away itself. */
static int
lane_add(struct relay *r, struct parcel *p)
{
	switch (lanes_add(r->lanes, p)) {
	case 1:
		return (1);
	case 0:
		if (lanes_is_failing(r->lanes, p->lane_hash))
			order_stuck(r->order, p->seq);
		parcel_free(r->parcels, p);
		return (1);
	default:
		return (-1);
	}
}

static int
on_row(const struct event_row *er, void *arg)
{
	struct relay	*r = arg;
	const uint64_t	 hash = relay_lane_hash(r, er->row.id, er->row.key,
			    er->row.keylen);
	struct parcel	*p;
	int		 rc;

	if (parcel_count(r->parcels) >= r->env.pipeline->max_inflight ||
	    order_room(r->order) == 0)
		return (0);
	if (too_large(r, er))
		bury_row(r, er, order_push(r->order, er->row.id),
		    "too_large");
	else if (!er->inlined) {
		if (lanes_add_away(r->lanes, hash, er->row.id,
		    order_push(r->order, er->row.id)) == -1)
			return (-1);
	} else if ((rc = encode(r, er, &p)) == 1) {
		p->seq = order_push(r->order, er->row.id);
		p->lane_hash = hash;
		if (lane_add(r, p) == -1)
			return (-1);
	} else if (rc == -1 && errno == EINVAL)
		bury_row(r, er, order_push(r->order, er->row.id), "poison");
	else
		return (rc);
	*r->report.consumed += 1;
	*r->report.polled += 1;
	relay_kick(r);
	return (1);
}

static int
on_refetched(const struct away *a, const struct event_row *er, void *arg)
{
	struct relay	*r = arg;
	struct parcel	*p;
	int		 rc;

	if (too_large(r, er))
		bury_row(r, er, a->seq, "too_large");
	else if (!er->inlined ||
	    parcel_count(r->parcels) >= r->env.pipeline->max_inflight)
		return (0);
	else if ((rc = encode(r, er, &p)) == 1) {
		lanes_refill(r->lanes, a, p);
		return (1);
	} else if (rc == -1 && errno == EINVAL)
		bury_row(r, er, a->seq, "poison");
	else
		return (rc);
	lanes_drop(r->lanes, a);
	return (1);
}

static void
on_gone(const struct away *a, void *arg)
{
	struct relay	*r = arg;

	log_warnx("event %" PRId64 " is gone from the outbox before it could "
	    "be delivered again: retention?", a->id);
	metrics_add(r->report.metrics, METRIC_PIPELINE_ERRORS, "event_gone",
	    1);
	relay_settle(r, a->id, a->seq);
	lanes_drop(r->lanes, a);
}

int
relay_intake_open(struct relay *r)
{
	static const struct reader_ops	reader_ops = { .window = on_window,
	    .row = on_row, .window_end = on_window_end, .idle = on_idle,
	    .empty = on_empty, .failed = on_read_failed };
	static const struct refetch_ops	refetch_ops = {
	    .row = on_refetched, .gone = on_gone, .idle = on_idle,
	    .failed = on_read_failed };
	const struct reader_conf	conf = { .events = r->at.events,
	    .start_at = r->at.start_at, .newest = r->at.newest,
	    .small_max = RELAY_SMALL_WINDOW,
	    .inline_max = RELAY_INLINE_MAX };

	r->reader = reader_new(r->session, &conf, r->at.s1, r->at.s2,
	    r->at.last_id, &reader_ops, r);
	r->refetch = refetch_new(r->session, r->lanes, r->at.events,
	    RELAY_INLINE_MAX, &refetch_ops, r);
	return (r->reader == NULL || r->refetch == NULL ? -1 : 0);
}

/* Events that memory may take in now; small amounts are not worth a trip
 * while there is something to do. */
static size_t
room(const struct relay *r, const struct lanes_stat *st)
{
	const size_t	most = r->env.pipeline->max_inflight;
	const size_t	used = parcel_count(r->parcels);
	const size_t	bytes = slab_pool_bytes(r->slabs);
	const size_t	limit = slab_pool_limit(r->slabs);
	size_t		n = used < most ? most - used : 0, fit;

	if (used > 0 && bytes + SLAB_SIZE > limit)
		return (0);
	fit = (bytes < limit ? limit - bytes : 0) / (r->row_bytes + 1) + 1;
	if (n > fit)
		n = fit;
	if (n > order_room(r->order))
		n = order_room(r->order);
	if (st->wants && most / 4 < REFETCH_ROOM)
		n -= n < most / 4 ? n : most / 4;
	else if (st->wants)
		n -= n < REFETCH_ROOM ? n : REFETCH_ROOM;
	if (used > 0 && n < most / 4 && n < RELAY_CHUNK_MAX)
		return (0);
	if (n > most / 2 + 1)
		n = most / 2 + 1;
	return (n < RELAY_CHUNK_MAX ? n : RELAY_CHUNK_MAX);
}

static void
refetch(struct relay *r, const struct lanes_stat *st)
{
	const int64_t	alone = refetch_alone(r->refetch);
	const size_t	used = parcel_count(r->parcels);
	const size_t	most = r->env.pipeline->max_inflight;

	if (!refetch_ready(r->refetch) || used >= most)
		return;
	if (!st->wants)
		return;
	if (alone != 0 && !slab_pool_admits(r->slabs,
	    (size_t)alone + ENVELOPE_ROOM))
		return;
	if (refetch_next(r->refetch, most - used) == -1)
		relay_no_memory(r);
}

/* Too many events wait for keys that do not heal: read no more. */
static bool
held_full(struct relay *r, const struct lanes_stat *st)
{
	const bool	full = st->away >= RELAY_HELD_MAX ||
			    held_count(r->held) >= RELAY_HELD_MAX ||
			    st->failing >= RELAY_FAILING_MAX;

	if (full && !r->held_full)
		log_warnx("%zu events of %zu keys are held back; reading "
		    "stops until keys heal", st->away, st->failing);
	r->held_full = full;
	return (full);
}

void
relay_intake(struct relay *r, int64_t now)
{
	struct lanes_stat	st;
	size_t			n;

	lanes_stat(r->lanes, &st);
	if (r->life != RELAY_RUNNING || now < r->read_after_us ||
	    deadletters_count(r->letters) >= RELAY_LETTERS_MAX)
		return;
	refetch(r, &st);
	if (held_full(r, &st) || !reader_ready(r->reader) ||
	    (st.wants && refetch_alone(r->refetch) != 0))
		return;
	if (reader_at_poll(r->reader) && (!relay_bell_due(r, now) ||
	    !order_window_room(r->order)))
		return;
	if ((n = room(r, &st)) == 0)
		return;
	if (reader_at_poll(r->reader))
		*r->report.polls += 1;
	if (reader_next(r->reader, n) == -1)
		relay_no_memory(r);
}
