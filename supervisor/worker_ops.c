/* SPDX-License-Identifier: ISC */
/* Check what a worker will need, and hand it over once it is locked down. */
#include "config.h"

#include "supervisor/worker_ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/peer.h"
#include "supervisor/daemon.h"
#include "supervisor/handover.h"
#include "supervisor/inspect.h"
#include "supervisor/login.h"
#include "supervisor/secrets.h"
#include "supervisor/spawn.h"

#define FDS_SPARE	32

static int
plugin_check(struct super *s, const struct document *d, char *err,
    size_t errsize)
{
	char path[4096], why[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s.so",
	    option_str(s->conf, "plugin_dir"), d->plugin);
	if ((fd = spawn_open_verified(path, why, sizeof(why))) == -1) {
		(void)snprintf(err, errsize, "sink type \"%s\": %s",
		    d->plugin, why);
		return (-1);
	}
	close(fd);
	return (0);
}

enum exit_cause
worker_acceptable(struct super *s, const struct document *d,
    struct watch *watch, uint64_t *fingerprint, char *err, size_t errsize)
{
	enum exit_cause cause;
	char why[512];

	/* First of all: what is to be watched depends on nothing else. */
	cause = inspect(s, ROLE_WORKER, d->name, d, watch, fingerprint, why,
	    sizeof(why));
	if (daemon_free_fds() < FDS_SPARE) {
		(void)snprintf(err, errsize, "fewer than %d descriptors are"
		    " free: raise the limit of open files", FDS_SPARE);
		return (CAUSE_SPAWN);
	}
	if (plugin_check(s, d, err, errsize) == -1)
		return (CAUSE_PLUGIN);
	if (cause != CAUSE_NONE)
		(void)snprintf(err, errsize, "%s", why);
	return (cause);
}

static int
send_secret(struct process *p, const struct reference *r, char *err,
    size_t errsize)
{
	struct secret value;
	int ret;

	if (secret_read(p->super->conf, r->kind, r->name, &value, err,
	    errsize) == -1)
		return (-1);
	ret = secret_send(p->peer, (uint8_t)r->kind, r->name, &value);
	secret_wipe(&value);
	if (ret == -1)
		(void)snprintf(err, errsize, "%s: cannot be sent: %s",
		    r->name, strerror(errno));
	return (ret);
}

static int
send_reference(struct process *p, const struct reference *r, char *err,
    size_t errsize)
{
	struct super *s = p->super;

	switch (r->kind) {
	case REF_READ:
		return (handover_file(p->peer, s->conf, r->name, &s->who, err,
		    errsize));
	case REF_OUTPUT:
		return (handover_output(p->peer, s->conf, r->name,
		    s->cmdline->foreground, err, errsize));
	case REF_ENV:
	case REF_FILE:
		break;
	}
	return (send_secret(p, r, err, errsize));
}

int
worker_equip(struct process *p, char *err, size_t errsize)
{
	const struct document *d = p->document;
	struct secret url;
	size_t i;
	int ret;

	if (login_url(p->super, p->role, p->name, &url, err, errsize) == -1)
		return (-1);
	ret = secret_send(p->peer, 0, "postgres_url", &url);
	if (ret == -1)
		(void)snprintf(err, errsize, "postgres_url: cannot be sent");
	else
		ret = handover_url_files(p->peer, url.value, &p->super->who,
		    err, errsize);
	secret_wipe(&url);
	for (i = 0; ret == 0 && d != NULL && i < d->nrefs; i++)
		ret = send_reference(p, &d->refs[i], err, errsize);
	return (ret);
}

void
worker_reopen(struct process *p)
{
	const struct document *d = p->document;
	char err[512];
	size_t i;

	if (p->pid == 0 || d == NULL || (p->state & CHILD_SERVING) == 0)
		return;
	for (i = 0; i < d->nrefs; i++) {
		if (d->refs[i].kind == REF_OUTPUT &&
		    send_reference(p, &d->refs[i], err, sizeof(err)) == -1)
			log_errorx("%s: output is not reopened: %s",
			    process_title(p), err);
	}
}
