/* SPDX-License-Identifier: ISC */
/*
 * Remedies for failures to connect.  libpq gives no code for what goes wrong
 * before the server can speak, so its words have to do; the tests make a real
 * one say each of them.
 */
#include "common/pg/remedy.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/pg/conninfo.h"

static const struct {
	const char	*sqlstate;	/* its first characters, or NULL */
	const char	*text;		/* part of the text, or NULL */
	const char	*remedy;
} rows[] = {
	{ NULL, "certificate verify failed", "its certificate is not signed"
	    " by an authority in sslrootcert, or has expired, or is not valid"
	    " yet; openssl s_client -starttls postgres shows it" },
	{ NULL, "does not match host name", "connect by the name that its"
	    " certificate bears, or give it one that bears this name" },
	{ NULL, "server does not support SSL", "set ssl = on in the server's"
	    " postgresql.conf, or connect to one that has it" },
	{ NULL, "unknown ca", "the server's ssl_ca_file does not hold the"
	    " authority that signed sslcert" },
	{ NULL, "certificate expired", "give a valid one with sslcert" },
	{ NULL, "channel binding", "it takes TLS (sslmode=require) and the"
	    " method scram-sha-256, in pg_hba.conf and for the stored"
	    " password" },
	{ NULL, "could not read root certificate file", "sslrootcert takes"
	    " certificates in PEM" },
	{ NULL, "key values mismatch", "sslkey is not the key of sslcert" },
	{ NULL, "could not load private key file", "sslkey takes a key in"
	    " PEM; its passphrase is sslpassword" },
	{ NULL, "could not read certificate file", "sslcert takes a"
	    " certificate in PEM" },
	{ NULL, "valid client certificate", "give one with sslcert and"
	    " sslkey, or change pg_hba.conf" },
	{ NULL, "invalid response to SSL negotiation", "what listens there is"
	    " no PostgreSQL server" },
	{ NULL, "Connection refused", "nothing listens there: is the server"
	    " up, and are host and port right?" },
	{ NULL, "no answer in time", "the server is stuck, or a packet filter"
	    " is in between; connect_timeout is how long it may take" },
	{ "28", NULL, "check user, password and pg_hba.conf" },
	{ "3D000", NULL, "the database does not exist: check its name" },
	{ "53300", NULL, "raise max_connections, or give the relay's role"
	    " reserved ones" },
	{ "57P", NULL, "the server starts or stops" }
};

const char *
pg_remedy(const char *sqlstate, const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].text != NULL && strstr(text, rows[i].text) != NULL)
			return (rows[i].remedy);
		if (rows[i].sqlstate != NULL && strncmp(sqlstate,
		    rows[i].sqlstate, strlen(rows[i].sqlstate)) == 0)
			return (rows[i].remedy);
	}
	return (NULL);
}

/* The length of a descriptor's name that text begins with; 0: none. */
static size_t
is_descriptor(const char *text, int *fd)
{
	static const char prefix[] = "/proc/self/fd/";
	const char *p = text + sizeof(prefix) - 1;

	if (strncmp(text, prefix, sizeof(prefix) - 1) != 0)
		return (0);
	for (*fd = 0; isdigit((unsigned char)*p) && *fd < 100000; p++)
		*fd = *fd * 10 + (*p - '0');
	return ((size_t)(p - text));
}

void
pg_remedy_paths(const struct pg_conninfo *ci,
    int (*file)(const char *, void *), void *arg, const char *text, char *dst,
    size_t size)
{
	const char *path;
	size_t n = 0, len, i;
	int fd;

	for (; *text != '\0' && n + 1 < size; text += len) {
		len = is_descriptor(text, &fd);
		path = NULL;
		for (i = 0; len > 0 && file != NULL && i < PG_FILES_MAX; i++) {
			path = pg_conninfo_file(ci, i);
			if (path != NULL && file(path, arg) == fd)
				break;
			path = NULL;
		}
		if (path != NULL) {
			(void)snprintf(dst + n, size - n, "%s", path);
			n += strlen(dst + n);
			continue;
		}
		len = 1;
		dst[n++] = *text;
	}
	dst[n] = '\0';
}
