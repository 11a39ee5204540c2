/* SPDX-License-Identifier: ISC */
/*
 * Connection strings: parsed by libpq, split into hosts, and completed so
 * that libpq neither opens a file nor looks a name up.
 *
 * What libpq does by itself when an option is missing: it asks nsswitch for
 * the home directory, reads ~/.pgpass, ~/.postgresql/ and a service file,
 * probes Kerberos.  In a locked-down process each of these fails or kills.
 * So each has a row in one of the tables below.
 */
#include <arpa/inet.h>

#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg/conninfo.h"
#include "common/pg/session.h"
#include "common/units.h"

#define NO_FILE		"/nonexistent"
#define DEFAULT_PORT	"5432"

struct pg_conninfo {
	PQconninfoOption *options;
	char		*hosts_text, *addrs_text, *ports_text;
	struct pg_host	*hosts;
	size_t		 nhosts;
};

/* What the string must not say, and what to write instead. */
static const struct {
	const char	*key;
	const char	*allowed;	/* the one value that is harmless */
	const char	*remedy;
} refused[] = {
	{ "service", "", "service files are not read: name host, port, "
	    "dbname and user" },
	{ "replication", "false", "the relay reads by SQL, not by "
	    "replication" },
	{ "sslcrldir", "", "directories are not read: name one file with "
	    "sslcrl" },
	{ "gssencmode", "disable", "GSSAPI is not supported: use TLS" },
	{ "requirepeer", "", "it needs the user database: use file "
	    "permissions of the socket directory" }
};

/* What libpq gets whatever the string says. */
static const struct {
	const char	*key, *value;
} forced[] = {
	{ "passfile", NO_FILE },
	{ "gssencmode", "disable" },
	{ "client_encoding", "UTF8" },
	{ "target_session_attrs", "any" }
};

/* What it gets when the string says nothing: a dead peer is noticed. */
static const struct {
	const char	*key, *value;
} defaults[] = {
	{ "keepalives", "1" },
	{ "keepalives_idle", "10" },
	{ "keepalives_interval", "5" },
	{ "keepalives_count", "3" },
	{ "tcp_user_timeout", "30000" }
};

/* Values that go through as they are. */
static const char *const passed[] = {
	"user", "password", "dbname", "options", "channel_binding",
	"application_name", "sslcompression", "sslpassword", "sslsni",
	"ssl_min_protocol_version", "ssl_max_protocol_version"
};

static const char *const files[PG_FILES_MAX] = {
	"sslrootcert", "sslcert", "sslkey", "sslcrl"
};

#define NITEMS(a)	(sizeof(a) / sizeof((a)[0]))

bool
pg_addr_is_numeric(const char *addr)
{
	unsigned char buf[sizeof(struct in6_addr)];

	return (inet_pton(AF_INET, addr, buf) == 1 ||
	    inet_pton(AF_INET6, addr, buf) == 1);
}

bool
pg_addr_is_loopback(const char *addr)
{
	struct in6_addr in6;
	struct in_addr in;

	if (inet_pton(AF_INET, addr, &in) == 1)
		return (ntohl(in.s_addr) >> 24 == IN_LOOPBACKNET);
	return (inet_pton(AF_INET6, addr, &in6) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&in6));
}

const char *
pg_conninfo_get(const struct pg_conninfo *ci, const char *key)
{
	const PQconninfoOption *o;

	for (o = ci->options; o->keyword != NULL; o++) {
		if (strcmp(o->keyword, key) == 0)
			return (o->val != NULL && *o->val != '\0' ?
			    o->val : NULL);
	}
	return (NULL);
}

/*
 * libpq's message with what it quotes left out: that may be a piece of the
 * password.
 */
static void
message_redact(const char *message, char *err, size_t errsize)
{
	size_t n = 0;
	bool quoted = false;

	for (; *message != '\0' && *message != '\n' && n + 4 < errsize;
	    message++) {
		if (*message == '"') {
			quoted = !quoted;
			err[n++] = '"';
			if (quoted) {
				err[n++] = '.';
				err[n++] = '.';
			}
		} else if (!quoted)
			err[n++] = *message;
	}
	err[n] = '\0';
}

static int
options_check(const struct pg_conninfo *ci, char *err, size_t errsize)
{
	const char *value;
	size_t i;

	for (i = 0; i < NITEMS(refused); i++) {
		value = pg_conninfo_get(ci, refused[i].key);
		if (value == NULL || strcmp(value, refused[i].allowed) == 0)
			continue;
		snprintf(err, errsize, "connection string: \"%s\" cannot be "
		    "used: %s", refused[i].key, refused[i].remedy);
		return (-1);
	}
	if (pg_conninfo_get(ci, "user") == NULL) {
		snprintf(err, errsize, "connection string: no user is named: "
		    "write postgres://USER@HOST/DBNAME");
		return (-1);
	}
	return (0);
}

static size_t
list_count(const char *text)
{
	size_t n = 1;

	for (; *text != '\0'; text++)
		n += *text == ',';
	return (n);
}

/*
 * Element i of a list that was cut up in place; a list of one stands for
 * every host.
 */
static const char *
list_item(char *text, size_t n, size_t i, const char *dflt)
{
	size_t k;

	if (n == 1)
		i = 0;
	for (k = 0; k < i; k++)
		text += strlen(text) + 1;
	return (*text != '\0' ? text : dflt);
}

static void
list_cut(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == ',')
			*text = '\0';
	}
}

static int
port_check(const char *port, char *err, size_t errsize)
{
	int64_t n;

	if (int_parse(port, &n) == 0 && n >= 1 && n <= 65535)
		return (0);
	snprintf(err, errsize, "connection string: a port is not a number "
	    "from 1 to 65535");
	return (-1);
}

static char *
option_copy(const struct pg_conninfo *ci, const char *key)
{
	const char *value = pg_conninfo_get(ci, key);

	return (strdup(value != NULL ? value : ""));
}

static int
hosts_split(struct pg_conninfo *ci, char *err, size_t errsize)
{
	size_t nh, na, np, i;
	struct pg_host *h;

	if ((ci->hosts_text = option_copy(ci, "host")) == NULL ||
	    (ci->addrs_text = option_copy(ci, "hostaddr")) == NULL ||
	    (ci->ports_text = option_copy(ci, "port")) == NULL) {
		snprintf(err, errsize, "out of memory");
		return (-1);
	}
	nh = list_count(ci->hosts_text);
	na = list_count(ci->addrs_text);
	np = list_count(ci->ports_text);
	ci->nhosts = nh > na ? nh : na;
	if ((*ci->addrs_text != '\0' && *ci->hosts_text != '\0' && nh != na) ||
	    (np != 1 && np != ci->nhosts)) {
		snprintf(err, errsize, "connection string: the lists of "
		    "hosts, addresses and ports differ in length");
		return (-1);
	}
	list_cut(ci->hosts_text);
	list_cut(ci->addrs_text);
	list_cut(ci->ports_text);
	ci->hosts = calloc(ci->nhosts, sizeof(*ci->hosts));
	if (ci->hosts == NULL) {
		snprintf(err, errsize, "out of memory");
		return (-1);
	}
	for (i = 0; i < ci->nhosts; i++) {
		h = &ci->hosts[i];
		h->host = list_item(ci->hosts_text, nh, i, "");
		h->hostaddr = list_item(ci->addrs_text, na, i, "");
		h->port = list_item(ci->ports_text, np, i, DEFAULT_PORT);
		h->unixsock = *h->hostaddr == '\0' && (*h->host == '\0' ||
		    *h->host == '/' || *h->host == '@');
		if (port_check(h->port, err, errsize) == -1)
			return (-1);
	}
	return (0);
}

struct pg_conninfo *
pg_conninfo_parse(const char *text, char *err, size_t errsize)
{
	struct pg_conninfo *ci;
	char *message = NULL;

	if ((ci = calloc(1, sizeof(*ci))) == NULL) {
		snprintf(err, errsize, "out of memory");
		return (NULL);
	}
	ci->options = PQconninfoParse(text, &message);
	if (ci->options == NULL) {
		char what[128];

		message_redact(message != NULL ? message : "out of memory",
		    what, sizeof(what));
		snprintf(err, errsize, "connection string: %s", what);
		PQfreemem(message);
		pg_conninfo_free(ci);
		return (NULL);
	}
	if (options_check(ci, err, errsize) == -1 ||
	    hosts_split(ci, err, errsize) == -1) {
		pg_conninfo_free(ci);
		return (NULL);
	}
	return (ci);
}

void
pg_conninfo_free(struct pg_conninfo *ci)
{
	PQconninfoOption *o;

	if (ci == NULL)
		return;
	for (o = ci->options; o != NULL && o->keyword != NULL; o++) {
		if (o->val != NULL)
			explicit_bzero(o->val, strlen(o->val));
	}
	PQconninfoFree(ci->options);
	free(ci->hosts_text);
	free(ci->addrs_text);
	free(ci->ports_text);
	free(ci->hosts);
	free(ci);
}

size_t
pg_conninfo_nhosts(const struct pg_conninfo *ci)
{
	return (ci->nhosts);
}

const struct pg_host *
pg_conninfo_host(const struct pg_conninfo *ci, size_t i)
{
	return (i < ci->nhosts ? &ci->hosts[i] : NULL);
}

const char *
pg_conninfo_sslmode(const struct pg_conninfo *ci, const struct pg_attempt *at)
{
	const char *mode = pg_conninfo_get(ci, "sslmode");

	if (mode != NULL)
		return (mode);
	if (at->addr == NULL || pg_addr_is_loopback(at->addr))
		return ("prefer");
	return ("require");
}

static void
param_add(struct pg_params *p, const char *key, const char *value)
{
	if (value == NULL || *value == '\0' || p->n + 1 >= PG_PARAMS_MAX)
		return;
	p->keys[p->n] = key;
	p->values[p->n] = value;
	p->n++;
	p->keys[p->n] = NULL;
	p->values[p->n] = NULL;
}

const char *
pg_conninfo_file(const struct pg_conninfo *ci, size_t i)
{
	return (pg_conninfo_get(ci, files[i]));
}

/* Without one, libpq would say that a file of ours does not exist. */
static int
root_check(const struct pg_conninfo *ci, const struct pg_attempt *at,
    char *err, size_t errsize)
{
	const char *mode = pg_conninfo_sslmode(ci, at);

	if (at->addr == NULL || strncmp(mode, "verify-", 7) != 0 ||
	    pg_conninfo_get(ci, "sslrootcert") != NULL)
		return (0);
	snprintf(err, errsize, "sslmode=%s needs the certificate of the "
	    "authority that signed the server's: add "
	    "sslrootcert=/path/to/ca.pem", mode);
	return (-1);
}

static void
file_refuse(const char *key, const char *path, char *err, size_t errsize)
{
	if (*path != '/')
		snprintf(err, errsize, "%s=%s: an absolute path is expected",
		    key, path);
	else
		snprintf(err, errsize, "%s=%s: this file was not handed to "
		    "this process", key, path);
}

/*
 * A file of the string is the descriptor that stands for it; libpq opens it
 * anew through /proc.  One that is not named is named as missing, or libpq
 * looks below the home directory.
 */
static int
params_files(const struct pg_conninfo *ci, const struct pg_attempt *at,
    struct pg_params *p, char *err, size_t errsize)
{
	const char *path;
	size_t i;
	int fd;

	for (i = 0; i < PG_FILES_MAX; i++) {
		if ((path = pg_conninfo_get(ci, files[i])) == NULL) {
			param_add(p, files[i], NO_FILE);
			continue;
		}
		fd = at->file != NULL ? at->file(path, at->file_arg) : -1;
		if (fd == -1) {
			file_refuse(files[i], path, err, errsize);
			return (-1);
		}
		snprintf(p->paths[i], sizeof(p->paths[i]),
		    "/proc/self/fd/%d", fd);
		param_add(p, files[i], p->paths[i]);
	}
	return (0);
}

int
pg_conninfo_params(const struct pg_conninfo *ci, const struct pg_attempt *at,
    struct pg_params *p, char *err, size_t errsize)
{
	const char *value;
	size_t i;

	memset(p, 0, sizeof(*p));
	if (root_check(ci, at, err, errsize) == -1)
		return (-1);
	param_add(p, "host", at->host->host);
	param_add(p, "hostaddr", at->addr);
	param_add(p, "port", at->host->port);
	param_add(p, "sslmode", pg_conninfo_sslmode(ci, at));
	param_add(p, "fallback_application_name", at->application_name);
	for (i = 0; i < NITEMS(passed); i++)
		param_add(p, passed[i], pg_conninfo_get(ci, passed[i]));
	for (i = 0; i < NITEMS(defaults); i++) {
		value = pg_conninfo_get(ci, defaults[i].key);
		param_add(p, defaults[i].key,
		    value != NULL ? value : defaults[i].value);
	}
	for (i = 0; i < NITEMS(forced); i++)
		param_add(p, forced[i].key, forced[i].value);
	return (params_files(ci, at, p, err, errsize));
}

static size_t
port_note(uint16_t *ports, size_t n, size_t max, uint16_t port)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (ports[i] == port)
			return (n);
	}
	if (n < max)
		ports[n++] = port;
	return (n);
}

int
pg_conninfo_ports(const char *conninfo, uint16_t *ports, size_t max,
    bool *unixsock, char *err, size_t errsize)
{
	struct pg_conninfo *ci;
	const struct pg_host *h;
	size_t i, n = 0;
	int64_t port;

	*unixsock = false;
	if ((ci = pg_conninfo_parse(conninfo, err, errsize)) == NULL)
		return (-1);
	for (i = 0; i < ci->nhosts; i++) {
		h = &ci->hosts[i];
		if (h->unixsock)
			*unixsock = true;
		else if (int_parse(h->port, &port) == 0)
			n = port_note(ports, n, max, (uint16_t)port);
	}
	pg_conninfo_free(ci);
	return ((int)n);
}
