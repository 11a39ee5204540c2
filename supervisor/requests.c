/* SPDX-License-Identifier: ISC */
/* One row per verb of the control socket. */
#include "config.h"

#include "supervisor/requests.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/peer.h"
#include "supervisor/core.h"
#include "supervisor/pipelines.h"

typedef int (*verb_fn)(struct super *, const struct msg_request *, char *,
	    size_t);

static int
do_reload(struct super *s, const struct msg_request *m, char *text,
    size_t size)
{
	(void)m;
	return (super_reload(s, text, size));
}

/* Later: the answer has to leave first. */
static void
on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	super_stop(arg);
}

static int
do_stop(struct super *s, const struct msg_request *m, char *text, size_t size)
{
	const struct timeval soon = { 0, 50000 };

	(void)m;
	log_info("stop was requested");
	if (event_base_once(s->base, -1, EV_TIMEOUT, on_stop, s, &soon) == 0)
		return (0);
	(void)snprintf(text, size, "out of memory");
	return (-1);
}

static int
do_pipeline(struct super *s, const struct msg_request *m, char *text,
    size_t size)
{
	return (pipelines_request(s->pipelines, (enum request_verb)m->verb,
	    m->name, text, size));
}

static int
do_log_level(struct super *s, const struct msg_request *m, char *text,
    size_t size)
{
	if (m->arg > LOG_LVL_DEBUG) {
		(void)snprintf(text, size, "no such level");
		return (-1);
	}
	log_set_level((enum log_level)m->arg);
	log_info("log level is %s", log_level_name(log_get_level()));
	core_log_level(s);
	return (0);
}

static int
do_reopen(struct super *s, const struct msg_request *m, char *text,
    size_t size)
{
	(void)m;
	(void)text;
	(void)size;
	super_reopen(s);
	return (0);
}

static const struct {
	enum request_verb verb;
	verb_fn		 fn;
} verbs[] = {
	{ VERB_RELOAD, do_reload },
	{ VERB_STOP, do_stop },
	{ VERB_RESTART, do_pipeline },
	{ VERB_PAUSE, do_pipeline },
	{ VERB_RESUME, do_pipeline },
	{ VERB_LOG_LEVEL, do_log_level },
	{ VERB_REOPEN, do_reopen }
};

int
request_handle(struct process *control, struct frame *f)
{
	struct msg_request m;
	struct msg_reply r;
	struct frame out;
	size_t i;

	if (msg_request_get(f, &m) == -1)
		return (-1);
	memset(&r, 0, sizeof(r));
	r.id = m.id;
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if ((uint8_t)verbs[i].verb == m.verb)
			break;
	}
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		(void)snprintf(r.text, sizeof(r.text), "unknown request");
	else
		r.ok = verbs[i].fn(control->super, &m, r.text,
		    sizeof(r.text)) == 0;
	msg_reply_put(&out, &r);
	(void)peer_send(control->peer, &out);
	return (0);
}
