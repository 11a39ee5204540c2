/* SPDX-License-Identifier: ISC */
/* Inspect what a process is handed: references, connection string, files. */
#include "config.h"

#include "supervisor/inspect.h"

#include <stdio.h>
#include <string.h>

#include "common/secretref.h"
#include "supervisor/digest.h"
#include "supervisor/document.h"
#include "supervisor/handover.h"
#include "supervisor/login.h"
#include "supervisor/pgurl.h"
#include "supervisor/secrets.h"
#include "supervisor/super.h"
#include "supervisor/watch.h"

/* One inspection under way. */
struct look {
	struct super	*super;
	struct watch	*watch;
	uint64_t	 fingerprint;
	bool		 failed;
	char		*err;		/* the first reason is kept */
	size_t		 errsize;
};

static void
note(struct look *l, const char *path)
{
	if (l->watch != NULL && path != NULL)
		watch_path(l->watch, path);
}

static void
fail(struct look *l, const char *why)
{
	if (!l->failed)
		(void)snprintf(l->err, l->errsize, "%s", why);
	l->failed = true;
}

static void
note_reference(struct look *l, enum ref_kind kind, const char *name)
{
	note(l, kind == REF_ENV ?
	    option_str(l->super->conf, "environment_file") : name);
}

/* secretref_scan: a reference within the connection string. */
static int
on_reference(enum ref_kind kind, const char *name, size_t len, void *arg)
{
	char copy[MSG_REF_MAX];

	(void)snprintf(copy, sizeof(copy), "%.*s", (int)len, name);
	note_reference(arg, kind, copy);
	return (0);
}

/* pgurl_scan: a parameter that may name a file. */
static int
on_parameter(const char *key, const char *value, void *arg)
{
	struct look *l = arg;
	char why[1024];

	if (!pgurl_names_file(key, value))
		return (0);
	note(l, value);
	if (handover_url_file_read(key, value, &l->fingerprint, why,
	    sizeof(why)) == -1)
		fail(l, why);
	return (0);
}

static void
look_at_url(struct look *l, const struct secret *url)
{
	l->fingerprint = digest_add(l->fingerprint, url->value,
	    url->len);
	/* What is malformed is for libpq to complain about. */
	(void)pgurl_scan(url->value, on_parameter, l);
}

static void
look_at_login(struct look *l, enum role role, const char *pipeline)
{
	struct secret text, url;
	struct login login;
	char why[1024];

	login_find(l->super, role, pipeline, &login);
	note(l, login.file);
	if (login_text(&login, &text, why, sizeof(why)) == -1) {
		fail(l, why);
		return;
	}
	(void)secretref_scan(text.value, text.len, on_reference, l, why,
	    sizeof(why));
	if (login_expand(l->super, &login, &text, &url, why, sizeof(why)) ==
	    -1)
		fail(l, why);
	else
		look_at_url(l, &url);
	secret_wipe(&text);
	secret_wipe(&url);
}

static void
look_at_secret(struct look *l, const struct reference *r)
{
	struct secret value;
	char why[1024];

	note_reference(l, r->kind, r->name);
	if (secret_read(l->super->conf, r->kind, r->name, &value, why,
	    sizeof(why)) == -1) {
		fail(l, why);
		return;
	}
	l->fingerprint = digest_add(l->fingerprint, value.value,
	    value.len);
	secret_wipe(&value);
}

static void
look_at_file(struct look *l, const struct reference *r)
{
	char why[1024];

	/* What is in an output is none of our business. */
	if (r->kind == REF_READ)
		note(l, r->name);
	if (handover_check(l->super->conf, r->kind, r->name,
	    l->super->cmdline->foreground, r->kind == REF_READ ?
	    &l->fingerprint : NULL, why, sizeof(why)) == -1)
		fail(l, why);
}

enum exit_cause
inspect(struct super *s, enum role role, const char *pipeline,
    const struct document *d, struct watch *watch, uint64_t *fingerprint,
    char *err, size_t errsize)
{
	struct look l = { .super = s, .watch = watch, .err = err,
	    .errsize = errsize };
	size_t i;

	for (i = 0; d != NULL && i < d->nrefs; i++) {
		if (d->refs[i].kind == REF_ENV || d->refs[i].kind == REF_FILE)
			look_at_secret(&l, &d->refs[i]);
		else
			look_at_file(&l, &d->refs[i]);
	}
	look_at_login(&l, role, pipeline);
	*fingerprint = l.fingerprint;
	return (l.failed ? CAUSE_SECRET : CAUSE_NONE);
}
