/* SPDX-License-Identifier: ISC */
/*
 * The server under us may change: a standby is promoted and lacks what was
 * committed last, pg_upgrade makes a new system identifier.  Both are gone
 * on with.  A database that was restored elsewhere is refused by
 * tide.relay_attach().
 *
 * Events that were delivered and that the promoted server does not have
 * leave no trace in it, so each worker leaves the highest one that it has
 * delivered with the supervisor, for the worker after it.
 */
#include "worker/relay_server.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/child.h"
#include "common/log.h"
#include "worker/relay_int.h"

#define MARK_FIELDS	5

/* Comes from our own kind, but by way of a process that ran a plugin. */
static bool
mark_is_sound(const char *text)
{
	int64_t	v[MARK_FIELDS];
	int	end = -1;

	return (sscanf(text, "{%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64
	    ",%" SCNd64 "}%n", &v[0], &v[1], &v[2], &v[3], &v[4], &end) ==
	    MARK_FIELDS && end != -1 && text[end] == '\0');
}

const char *
relay_server_mark(const struct relay *r)
{
	const char	*text = child_setting(r->env.child, MSG_MARK_SETTING);

	return (text != NULL && mark_is_sound(text) ? text : NULL);
}

void
relay_server_delivered(struct relay *r, int64_t id, int64_t created_us)
{
	if (id <= r->mark.id)
		return;
	r->mark.id = id;
	r->mark.created_us = created_us;
}

void
relay_server_tell(struct relay *r)
{
	struct delivered_mark	*m = &r->mark;
	char			 text[MSG_MARK_MAX];
	struct frame		 f;

	if (m->id == m->told_id)
		return;
	(void)snprintf(text, sizeof(text), "{%" PRIu32 ",%" PRId64 ",%" PRId64
	    ",%" PRId64 ",%" PRId64 "}", r->at.outbox_id, m->id,
	    m->created_us, r->at.server.timeline, r->at.server.system);
	msg_str_put(&f, MSG_MARK, text);
	if (peer_offer(child_supervisor(r->env.child), &f) == 0)
		m->told_id = m->id;
}

void
relay_server_changed(struct relay *r)
{
	const struct server	*s = &r->at.server;

	if (s->old_system != 0 && s->old_system != s->system)
		log_warnx("the server's identifier changed from %" PRId64
		    " to %" PRId64 " (pg_upgrade, or a restore that "
		    "tide.after_restore() was called for); going on",
		    s->old_system, s->system);
	else if (s->old_system != 0 && s->old_timeline != s->timeline)
		log_warnx("the server was promoted (timeline %" PRId64
		    ", was %" PRId64 "); going on from its checkpoint",
		    s->timeline, s->old_timeline);
	if (s->lost_after == -1)
		return;
	metrics_add(r->report.metrics, METRIC_PIPELINE_ERRORS, "lost_tail",
	    1);
	log_errorx("events behind id %" PRId64 " were delivered, but the "
	    "server that took over does not have them: it was not up to "
	    "date.  tide.relay_config_audit says up to which event; what "
	    "they told may have to be told again", s->lost_after);
}
