/* SPDX-License-Identifier: ISC */
/* What concerns all children at once: reload, rotation, the end. */
#include "config.h"

#include "supervisor/super.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/bindings.h"
#include "supervisor/conf.h"
#include "supervisor/core.h"
#include "supervisor/envfile.h"
#include "supervisor/notify.h"
#include "supervisor/options.h"
#include "supervisor/pipelines.h"
#include "supervisor/process.h"
#include "supervisor/syslog.h"
#include "supervisor/watch.h"

static bool
same(const struct option_set *a, const struct option_set *b, const char *name)
{
	const char *x = option_str(a, name), *y = option_str(b, name);

	return (x == NULL || y == NULL ? x == y : strcmp(x, y) == 0);
}

/* Settings that a process learns when it starts. */
static bool
restart_needed(const struct option_set *old, const struct option_set *new,
    bool worker)
{
	static const char *const names[] = { "sandbox", "sandbox_action",
	    "required_net", "libexec_dir", "plugin_dir" };
	size_t i, n = sizeof(names) / sizeof(names[0]);

	/* The last one does not concern the catalog. */
	for (i = 0; i < (worker ? n : n - 1); i++) {
		if (!same(old, new, names[i]))
			return (true);
	}
	return (false);
}

static void
warn_fixed(const struct option_set *old, const struct option_set *new)
{
	size_t i;

	for (i = 0; i < tided_noptions; i++) {
		if ((tided_options[i].flags & OPTION_RELOAD) == 0 &&
		    !same(old, new, tided_options[i].name))
			log_warnx("%s has changed: it counts when pg-tided"
			    " is restarted", tided_options[i].name);
	}
}

void
super_look(struct super *s)
{
	if (s->stopping)
		return;
	watch_begin(s->watch);
	core_look(s);
	pipelines_look(s->pipelines);
}

static int
reload(struct super *s, char *err, size_t errsize)
{
	struct option_set *old = s->conf, *new;
	struct bindings *bindings;
	bool workers, catalog;

	log_info("reading the configuration again");
	if ((new = conf_load(s->cmdline, &bindings, err, errsize)) == NULL) {
		log_errorx("the running configuration stays as it is");
		return (-1);
	}
	if (env_check(new, err, errsize) == -1) {
		log_errorx("%s; the running configuration stays as it is",
		    err);
		option_set_free(new);
		bindings_free(bindings);
		return (-1);
	}
	warn_fixed(old, new);
	workers = restart_needed(old, new, true);
	catalog = restart_needed(old, new, false);
	if (!same(old, new, "log_level"))
		log_set_level((enum log_level)option_num(new, "log_level"));
	s->conf = new;
	option_set_free(old);
	bindings_free(s->bindings);
	s->bindings = bindings;
	core_log_level(s);
	core_reloaded(s);
	if (catalog)
		process_stop(s->catalog);
	if (workers)
		pipelines_drain_all(s->pipelines);
	pipelines_retry(s->pipelines);
	super_look(s);
	return (0);
}

/* A reload that was refused is over, too: what ran goes on. */
int
super_reload(struct super *s, char *err, size_t errsize)
{
	int ret;

	notify_reloading();
	ret = reload(s, err, errsize);
	super_ready(s);
	return (ret);
}

void
super_reopen(struct super *s)
{
	log_info("opening outputs again");
	if (strcmp(s->log_format, "syslog") == 0 &&
	    syslog_reopen(s->log_fd) == -1)
		log_warn("syslog");
	pipelines_reopen(s->pipelines);
}

static void
kill_all(struct super *s)
{
	struct process *p;

	TAILQ_FOREACH(p, &s->processes, entry)
		process_kill(p, CAUSE_STOPPED, "told to stop at once");
}

void
super_stop(struct super *s)
{
	struct process *p;

	if (s->stopping) {
		log_warnx("stopping at once");
		kill_all(s);
		return;
	}
	s->stopping = true;
	notify_stopping();
	log_info("stopping: workers finish what is in flight");
	TAILQ_FOREACH(p, &s->processes, entry) {
		process_restart_cancel(p);
		if (p->role == ROLE_WORKER)
			process_drain(p);
	}
	super_proceed(s);
}

/* "Ready" means confined; whether the database answers is another matter. */
void
super_ready(struct super *s)
{
	if (s->catalog->was_ready && s->control->was_ready &&
	    s->resolver->was_ready)
		notify_ready();
}

/* Workers first; those who serve them afterwards; control last of all, for
 * it prints what the others have to say. */
void
super_proceed(struct super *s)
{
	struct process *p;
	bool served = false, running = false;

	if (!s->stopping)
		return;
	TAILQ_FOREACH(p, &s->processes, entry) {
		if (p->pid != 0 && p->role == ROLE_WORKER)
			return;
	}
	TAILQ_FOREACH(p, &s->processes, entry) {
		if (p->pid == 0)
			continue;
		running = true;
		if (p->role != ROLE_CONTROL) {
			served = true;
			process_stop(p);
		}
	}
	if (!served)
		process_stop(s->control);
	if (!running)
		event_base_loopbreak(s->base);
}
