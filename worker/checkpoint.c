/* SPDX-License-Identifier: ISC */
/* When and what to write into the checkpoint's row. */
#include "worker/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg/session.h"
#include "common/units.h"
#include "worker/deadletter.h"
#include "worker/held.h"
#include "worker/order.h"
#include "worker/snapshot.h"

#define EARLY_EVENTS	10000		/* do not wait for the interval */
#define LETTERS_MAX	1000u		/* in one write */
#define INTERVAL_MAX_US	INT64_C(2000000)
#define RETRY_US	INT64_C(1000000)
#define NUMBER_SIZE	24u
#define NPARAMS		11

static const char sql[] = "SELECT tide.relay_checkpoint($1, $2, 0,"
    " $3::bigint, $4, $5, $6::bigint, $7::bigint[], $8::bigint[],"
    " $9::jsonb, $10::bigint, $11::integer)";

struct checkpoint {
	struct pg_session *session;
	struct checkpoint_conf conf;
	struct order	*order;
	struct held	*held;
	struct deadletters *letters;
	struct checkpoint_ops ops;
	void		*arg;
	char		 epoch[NUMBER_SIZE];

	struct snapshot	*s1, *s2;	/* as the row has them */
	int64_t		 last_id;
	int64_t		 delivered;	/* since the last write began */
	int64_t		 interval_us;
	int64_t		 next_us;
	int64_t		 began_us;
	int64_t		 written_us;
	bool		 writing;
	bool		 repeat;	/* the same again: it failed */
	int64_t		 dead;
	/* Parameters of the write under way, kept until it succeeds. */
	char		 number[3][NUMBER_SIZE];	/* last_id, delivered,
							 * generation */
	char		*added, *deleted, *dead_json;
};

static void
seen_set(struct checkpoint *c)
{
	struct position	p;

	order_position(c->order, &p);
	snapshot_unref(c->s1);
	snapshot_unref(c->s2);
	c->s1 = snapshot_ref(p.s1);
	c->s2 = p.s2 == NULL ? NULL : snapshot_ref(p.s2);
	c->last_id = p.last_id;
}

struct checkpoint *
checkpoint_new(struct pg_session *session,
    const struct checkpoint_conf *conf, struct order *order,
    struct held *held, struct deadletters *letters,
    const struct checkpoint_ops *ops, void *arg)
{
	struct checkpoint	*c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (NULL);
	c->session = session;
	c->conf = *conf;
	c->order = order;
	c->held = held;
	c->letters = letters;
	c->ops = *ops;
	c->arg = arg;
	c->interval_us = conf->interval_us;
	c->written_us = clock_mono_us();
	(void)snprintf(c->epoch, sizeof(c->epoch), "%" PRId64, conf->epoch);
	seen_set(c);
	return (c);
}

static void
params_free(struct checkpoint *c)
{
	free(c->added);
	free(c->deleted);
	free(c->dead_json);
	c->added = c->deleted = c->dead_json = NULL;
}

void
checkpoint_free(struct checkpoint *c)
{
	if (c == NULL)
		return;
	params_free(c);
	snapshot_unref(c->s1);
	snapshot_unref(c->s2);
	free(c);
}

void
checkpoint_delivered(struct checkpoint *c, int64_t n)
{
	c->delivered += n;
}

bool
checkpoint_dirty(const struct checkpoint *c)
{
	struct position	p;

	order_position(c->order, &p);
	return (p.s1 != c->s1 || p.s2 != c->s2 || p.last_id != c->last_id ||
	    held_dirty(c->held) || deadletters_count(c->letters) > 0 ||
	    c->repeat);
}

bool
checkpoint_writing(const struct checkpoint *c)
{
	return (c->writing);
}

static char *
ids_print(const int64_t *v, size_t n)
{
	char	*text = NULL;
	size_t	 size = 0, i;
	FILE	*fp;

	if ((fp = open_memstream(&text, &size)) == NULL)
		return (NULL);
	(void)fputc('{', fp);
	for (i = 0; i < n; i++)
		(void)fprintf(fp, "%s%" PRId64, i == 0 ? "" : ",", v[i]);
	(void)fputc('}', fp);
	if (fclose(fp) == 0)
		return (text);
	free(text);
	return (NULL);
}

static int
letters_make(struct checkpoint *c)
{
	size_t	 size = 0;
	FILE	*fp;

	if ((fp = open_memstream(&c->dead_json, &size)) == NULL)
		return (-1);
	c->dead = deadletters_print(c->letters, LETTERS_MAX, fp, c->ops.dead,
	    c->arg);
	if (fclose(fp) != 0 || c->dead == -1)
		return (-1);
	return (0);
}

/*
 * Letters first: what they settle may move the position, and it must not
 * move over a letter that is not part of the same transaction.
 */
static int
params_make(struct checkpoint *c)
{
	struct held_change	change;

	params_free(c);
	if (letters_make(c) == -1)
		return (-1);
	c->ops.advance(c->arg);
	if (held_begin(c->held, &change) == -1)
		return (-1);
	c->added = ids_print(change.add, change.nadd);
	c->deleted = ids_print(change.del, change.ndel);
	if (c->added == NULL || c->deleted == NULL)
		return (-1);
	seen_set(c);
	(void)snprintf(c->number[0], NUMBER_SIZE, "%" PRId64, c->last_id);
	(void)snprintf(c->number[1], NUMBER_SIZE, "%" PRId64, c->delivered);
	(void)snprintf(c->number[2], NUMBER_SIZE, "%" PRId32,
	    snapshot_generation(c->s1));
	c->delivered = 0;
	return (0);
}

static void
interval_adapt(struct checkpoint *c, int64_t took)
{
	if (took > c->interval_us / 4)
		c->interval_us *= 2;
	else if (took < c->interval_us / 16)
		c->interval_us /= 2;
	if (c->interval_us > INTERVAL_MAX_US)
		c->interval_us = INTERVAL_MAX_US;
	if (c->interval_us < c->conf.interval_us)
		c->interval_us = c->conf.interval_us;
}

static void
on_written(struct pg_session *s, const PGresult *res, void *arg)
{
	struct checkpoint	*c = arg;
	const char		*state;
	int64_t			 now = clock_mono_us();

	(void)s;
	c->writing = false;
	if (res == NULL)		/* the session tells */
		return;
	if (PQresultStatus(res) != PGRES_TUPLES_OK) {
		c->repeat = true;
		c->next_us = now + RETRY_US;
		state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
		c->ops.failed(state != NULL ? state : "XX000",
		    PQresultErrorMessage(res), c->arg);
		return;
	}
	c->repeat = false;
	c->written_us = now;
	interval_adapt(c, now - c->began_us);
	if (held_commit(c->held) == -1)
		c->ops.failed("53200", "out of memory", c->arg);
	c->ops.written(now - c->began_us, c->dead, c->arg);
}

static int
checkpoint_write(struct checkpoint *c, int64_t now)
{
	const char *const	 values[NPARAMS] = { c->conf.group,
	    c->conf.pipeline, c->epoch, snapshot_text(c->s1),
	    c->s2 == NULL ? NULL : snapshot_text(c->s2), c->number[0],
	    c->added, c->deleted, c->dead_json, c->number[1],
	    c->number[2] };
	const struct pg_command	 cmd = { .sql = sql,
	    .prepared = "checkpoint", .nparams = NPARAMS,
	    .values = values };

	if (pg_session_query(c->session, &cmd, on_written, c) == -1)
		return (-1);
	c->writing = true;
	c->began_us = now;
	c->next_us = now + c->interval_us;
	return (0);
}

int
checkpoint_tick(struct checkpoint *c, bool force, int64_t now)
{
	if (c->writing || !checkpoint_dirty(c) ||
	    (!force && now < checkpoint_next(c)))
		return (0);
	if (!c->repeat && params_make(c) == -1)
		return (-1);
	return (checkpoint_write(c, now));
}

int64_t
checkpoint_next(const struct checkpoint *c)
{
	if (c->writing || !checkpoint_dirty(c))
		return (INT64_MAX);
	if (c->delivered >= EARLY_EVENTS && !c->repeat &&
	    c->interval_us == c->conf.interval_us)
		return (0);
	return (c->next_us);
}

int64_t
checkpoint_age_us(const struct checkpoint *c, int64_t now)
{
	return (checkpoint_dirty(c) ? now - c->written_us : 0);
}
