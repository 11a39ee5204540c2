/* SPDX-License-Identifier: ISC */
/*
 * Which connection string a process gets, and what is put in place of the
 * references in it.  Everything here is read anew each time; the caller
 * wipes what it gets.
 */
#ifndef TIDE_SUPERVISOR_LOGIN_H
#define TIDE_SUPERVISOR_LOGIN_H

#include <stddef.h>

#include "common/messages.h"
#include "supervisor/secrets.h"

struct super;

/*
 * Where the string of a process comes from.  pipeline counts for workers
 * only.  In this order: [pipeline NAME] postgres_url, worker_postgres_url,
 * postgres_url_file, postgres_url.
 */
struct login {
	const char	*option;	/* its name, for messages */
	const char	*text;		/* NULL: it is in file */
	const char	*file;		/* NULL: it is text */
};
void	login_find(const struct super *, enum role, const char *pipeline,
	    struct login *);

/* The string with its references still in it.  0, or -1 and why. */
int	login_text(const struct login *, struct secret *, char *err,
	    size_t errsize);
/*
 * The string that libpq gets.  A value that stands for a user, password or
 * parameter is encoded as its place demands, so that no character of it is
 * taken for syntax; "%40" and the like in a URL's value are left alone.
 */
int	login_expand(const struct super *, const struct login *,
	    const struct secret *text, struct secret *out, char *err,
	    size_t errsize);
/* Both. */
int	login_url(const struct super *, enum role, const char *pipeline,
	    struct secret *, char *err, size_t errsize);

#endif
