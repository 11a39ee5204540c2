/* SPDX-License-Identifier: ISC */
/* Opening the database, and telling what it refused. */
#include "config.h"

#include "ctl/database.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define URL_MAX	8192

static int
fail_url(struct ctl *ctl, const char *message)
{
	const struct ctl_error e = {
		.status = CTL_USAGE, .code = "connection_string",
		.component = "cli", .message = message, .cause = "",
		.next = "give postgres://user@host:port/database or "
		    "key=value pairs"
	};

	return (ctl_fail(ctl, &e));
}

/* The first line of the file, without white space around it. */
static int
read_url(struct ctl *ctl, char *url, size_t size)
{
	char message[512], *start = url;
	FILE *f = fopen(ctl->postgres_url_file, "re");
	size_t len;

	if (f == NULL || fgets(url, (int)size, f) == NULL) {
		(void)snprintf(message, sizeof(message), "%s: %s",
		    ctl->postgres_url_file,
		    f == NULL ? strerror(errno) : "nothing to read");
		if (f != NULL)
			(void)fclose(f);
		return (fail_url(ctl, message));
	}
	(void)fclose(f);
	while (isspace((unsigned char)*start))
		start++;
	len = strlen(start);
	while (len > 0 && isspace((unsigned char)start[len - 1]))
		len--;
	memmove(url, start, len);
	url[len] = '\0';
	return (CTL_OK);
}

/*
 * libpq says what it could not parse, which may be the password: only that
 * it could not is passed on.
 */
static int
check_url(struct ctl *ctl, const char *url)
{
	PQconninfoOption *options;
	char *error = NULL;

	if ((options = PQconninfoParse(url, &error)) == NULL) {
		PQfreemem(error);
		return (fail_url(ctl,
		    "the connection string cannot be understood"));
	}
	PQconninfoFree(options);
	return (CTL_OK);
}

static int
fail_connect(struct ctl *ctl, PGconn *conn)
{
	char message[1024];
	const struct ctl_error e = {
		.status = CTL_UNREACHABLE, .code = "database_unreachable",
		.component = "database", .message = message,
		.cause = "wrong address or credentials, or the server "
		    "does not run",
		.next = "check --postgres-url, PG_TIDE_POSTGRES_URL or the "
		    "PG* variables"
	};
	size_t len;

	(void)snprintf(message, sizeof(message), "%s", conn != NULL ?
	    PQerrorMessage(conn) : "out of memory");
	len = strlen(message);
	while (len > 0 && message[len - 1] == '\n')
		message[--len] = '\0';
	return (ctl_fail(ctl, &e));
}

/* The schema's own notices ("already exists, skipping") are noise here. */
static void
ignore_notice(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static PGconn *
connect_by(const char *url)
{
	const char *const keys[] = { "fallback_application_name",
	    "connect_timeout", "dbname", NULL };
	const char *const values[] = { "pg-tidectl", "10", url, NULL };

	/* A later dbname expands and overrides what stands before it. */
	return (PQconnectdbParams(keys, values, 1));
}

PGconn *
database_open(struct ctl *ctl, int *status)
{
	char url[URL_MAX] = "";
	PGconn *conn;

	if (ctl->postgres_url_file != NULL) {
		if ((*status = read_url(ctl, url, sizeof(url))) != CTL_OK)
			return (NULL);
	} else if (ctl->postgres_url != NULL) {
		if (strlen(ctl->postgres_url) >= sizeof(url)) {
			*status = fail_url(ctl, "the connection string is "
			    "too long");
			return (NULL);
		}
		memcpy(url, ctl->postgres_url, strlen(ctl->postgres_url) + 1);
	}
	if (url[0] != '\0' && (*status = check_url(ctl, url)) != CTL_OK)
		return (NULL);
	conn = connect_by(url[0] != '\0' ? url : NULL);
	explicit_bzero(url, sizeof(url));
	if (PQstatus(conn) != CONNECTION_OK) {
		*status = fail_connect(ctl, conn);
		PQfinish(conn);
		return (NULL);
	}
	(void)PQsetNoticeProcessor(conn, ignore_notice, NULL);
	return (conn);
}

int
database_fail(struct ctl *ctl, PGconn *conn, const PGresult *res,
    int exit_status)
{
	const char *primary = PQresultErrorField(res,
	    PG_DIAG_MESSAGE_PRIMARY);
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
	const struct ctl_error e = {
		.status = (enum ctl_exit)exit_status,
		.code = state != NULL ? state : "connection_lost",
		.component = "database",
		.message = primary != NULL ? primary : PQerrorMessage(conn),
		.cause = detail != NULL ? detail : "",
		.next = hint != NULL ? hint : ""
	};

	return (ctl_fail(ctl, &e));
}

PGresult *
database_query(struct ctl *ctl, PGconn *conn, const char *sql, int nparams,
    const char *const *params, int *status)
{
	PGresult *res = PQexecParams(conn, sql, nparams, NULL, params, NULL,
	    NULL, 0);

	if (PQresultStatus(res) == PGRES_TUPLES_OK ||
	    PQresultStatus(res) == PGRES_COMMAND_OK)
		return (res);
	*status = database_fail(ctl, conn, res, CTL_FAILED);
	PQclear(res);
	return (NULL);
}
