/* SPDX-License-Identifier: ISC */
/* The table of commands that pg-tidectl may send. */
#include "config.h"

#include "supervisor/control/verbs.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/units.h"
#include "supervisor/control/access.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/procs.h"
#include "supervisor/control/report.h"
#include "supervisor/control/text.h"

#define NEEDS_PIPELINE	0x01u
#define NEEDS_LEVEL	0x02u
#define CHANGES		0x04u

struct verb {
	const char	*name;
	uint32_t	 flags;
	/* One of the two: answered here, or by the supervisor. */
	struct json_object *(*report)(struct hub *);
	enum request_verb request;
};

/* "sandbox" needs its pipeline and has a branch of its own. */
static const struct verb verbs[] = {
	{ "status",	0,		report_status,		0 },
	{ "processes",	0,		report_processes,	0 },
	{ "config",	0,		report_config,		0 },
	{ "sandbox",	NEEDS_PIPELINE,	NULL,			0 },
	{ "reload",	CHANGES,	NULL,	VERB_RELOAD },
	{ "stop",	CHANGES,	NULL,	VERB_STOP },
	{ "reopen",	CHANGES,	NULL,	VERB_REOPEN },
	{ "restart",	CHANGES | NEEDS_PIPELINE, NULL, VERB_RESTART },
	{ "pause",	CHANGES | NEEDS_PIPELINE, NULL, VERB_PAUSE },
	{ "resume",	CHANGES | NEEDS_PIPELINE, NULL, VERB_RESUME },
	{ "log-level",	CHANGES | NEEDS_LEVEL, NULL, VERB_LOG_LEVEL }
};

/* What each error code means to a person. */
static const struct advice {
	const char *code, *cause, *next;
} advices[] = {
	{ "bad_request", "the client and the daemon are of different "
	    "versions", "use the pg-tidectl of the daemon's package" },
	{ "unknown_command", "the client is newer than the daemon",
	    "restart pg-tided after an upgrade" },
	{ "not_permitted", "the caller is not root, the daemon's user or in "
	    "control_group", "run as root, or set control_group" },
	{ "unknown_pipeline", "a misspelt name, or it is not enabled",
	    "see pg-tidectl pipelines" },
	{ "refused", "", "nothing was changed; the log has it, too" },
	{ "timeout", "the supervisor is busy or hangs",
	    "try again; look at the log" },
	{ "busy", "too many requests wait", "try again" }
};

void
verbs_error(struct verb_error *e, const char *code, const char *message)
{
	size_t i;

	e->code = code;
	(void)snprintf(e->message, sizeof(e->message), "%s", message);
	text_clean(e->message);
	e->cause = e->next = "";
	for (i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strcmp(advices[i].code, code) == 0) {
			e->cause = advices[i].cause;
			e->next = advices[i].next;
		}
}

static enum verb_outcome
failed(struct verb_answer *a, const char *code, const char *message)
{
	verbs_error(&a->error, code, message);
	return (VERB_FAILED);
}

/* A string member without NUL inside; NULL when it is not there. */
static const char *
member(struct json_object *o, const char *key)
{
	struct json_object *v;
	const char *s;

	if (!json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return (NULL);
	s = json_object_get_string(v);
	if (strlen(s) != (size_t)json_object_get_string_len(v))
		return (NULL);
	return (s);
}

static const struct verb *
verb_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return (&verbs[i]);
	return (NULL);
}

static enum verb_outcome
find_pipeline(struct hub *h, struct json_object *request,
    struct verb_answer *a, struct proc **p)
{
	const char *name = member(request, "pipeline");
	char message[256];

	if (name == NULL)
		return (failed(a, "bad_request", "no pipeline is named"));
	*p = procs_pipeline(h->procs, name);
	if (*p != NULL)
		return (VERB_DONE);
	(void)snprintf(message, sizeof(message),
	    "no pipeline \"%.64s\" runs here", name);
	return (failed(a, "unknown_pipeline", message));
}

static enum verb_outcome
forward(const struct verb *v, struct json_object *request,
    const struct proc *p, struct verb_answer *a)
{
	const char *level = member(request, "level");
	enum log_level parsed;

	memset(&a->forward, 0, sizeof(a->forward));
	a->verb = v->name;
	a->forward.verb = (uint8_t)v->request;
	if (p != NULL)
		memcpy(a->forward.name, p->row.name,
		    sizeof(a->forward.name));
	if (v->flags & NEEDS_LEVEL) {
		if (level == NULL || log_level_parse(level, &parsed) == -1)
			return (failed(a, "bad_request", "the level must be "
			    "error, warn, info or debug"));
		a->forward.arg = (uint32_t)parsed;
	}
	return (VERB_FORWARD);
}

enum verb_outcome
verbs_run(struct hub *h, const struct access *access,
    struct json_object *request, struct verb_answer *a)
{
	const struct verb *v;
	struct proc *p = NULL;
	const char *name;

	a->data = NULL;
	if ((name = member(request, "command")) == NULL)
		return (failed(a, "bad_request", "no command is named"));
	if ((v = verb_find(name)) == NULL)
		return (failed(a, "unknown_command",
		    "the daemon does not know this command"));
	if ((v->flags & CHANGES) && !access->may_change)
		return (failed(a, "not_permitted",
		    "you may look, but not change anything"));
	if ((v->flags & NEEDS_PIPELINE) &&
	    find_pipeline(h, request, a, &p) == VERB_FAILED)
		return (VERB_FAILED);
	if (v->request != 0)
		return (forward(v, request, p, a));
	a->data = v->report != NULL ? v->report(h) : report_sandbox(h, p);
	if (a->data == NULL)
		return (failed(a, "busy", "out of memory"));
	return (VERB_DONE);
}

static struct json_object *
error_json(const struct verb_error *e)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "code", json_object_new_string(e->code));
	json_object_object_add(o, "component",
	    json_object_new_string("control"));
	json_object_object_add(o, "message",
	    json_object_new_string(e->message));
	json_object_object_add(o, "likely_cause",
	    json_object_new_string(e->cause));
	json_object_object_add(o, "next_action",
	    json_object_new_string(e->next));
	return (o);
}

struct json_object *
verbs_envelope(struct json_object *data, const struct verb_error *e)
{
	struct json_object *o = json_object_new_object();
	char now[TEXT_TIME_MAX];

	json_object_object_add(o, "ok", json_object_new_boolean(e == NULL));
	json_object_object_add(o, "observed_at",
	    json_object_new_string(text_time(clock_wall_us(), now)));
	json_object_object_add(o, "data", data);
	json_object_object_add(o, "error", e == NULL ? NULL : error_json(e));
	return (o);
}
