/* SPDX-License-Identifier: ISC */
/*
 * The settings of every session of ours, whatever the role or the database
 * says, and what the server tells in the same round trip.
 *
 * Without them a role's default_transaction_isolation = serializable or
 * statement_timeout would change what the reading rule rests on, and a
 * server that does not probe its client would keep a dead relay's lock for
 * two hours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg/session_int.h"

static const struct {
	const char	*name, *value;
	int		 since;		/* server version, 0: all */
} settings[] = {
	{ "search_path", "pg_catalog, pg_temp", 0 },
	{ "default_transaction_isolation", "'read committed'", 0 },
	{ "default_transaction_read_only", "off", 0 },
	{ "default_transaction_deferrable", "off", 0 },
	{ "statement_timeout", "0", 0 },
	{ "lock_timeout", "'30s'", 0 },
	{ "idle_in_transaction_session_timeout", "'60s'", 0 },
	{ "idle_session_timeout", "0", 140000 },
	{ "transaction_timeout", "0", 170000 },
	{ "tcp_keepalives_idle", "10", 0 },
	{ "tcp_keepalives_interval", "5", 0 },
	{ "tcp_keepalives_count", "3", 0 },
	{ "tcp_user_timeout", "'30s'", 0 },
	{ "client_connection_check_interval", "'5s'", 140000 },
	{ "jit", "off", 0 },
	{ "client_min_messages", "warning", 0 },
	{ "DateStyle", "ISO", 0 },
	{ "TimeZone", "'UTC'", 0 },
	{ "bytea_output", "hex", 0 },
	{ "row_security", "on", 0 },
	{ "standard_conforming_strings", "on", 0 }
};

static const char query[] =
    "SELECT pg_is_in_recovery(), pg_backend_pid()";

char *
pg_setup_sql(int version, const struct pg_setting *more, size_t nmore)
{
	size_t i, size = 0;
	char *sql = NULL;
	FILE *fp;

	if ((fp = open_memstream(&sql, &size)) == NULL)
		return (NULL);
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (version >= settings[i].since)
			fprintf(fp, "SET %s = %s; ", settings[i].name,
			    settings[i].value);
	}
	for (i = 0; i < nmore; i++)
		fprintf(fp, "SET %s = %s; ", more[i].name, more[i].value);
	fputs(query, fp);
	if (fclose(fp) != 0) {
		free(sql);
		return (NULL);
	}
	return (sql);
}

int
pg_setup_row(struct pg_session *s, const PGresult *res, char *err,
    size_t errsize)
{
	if (PQntuples(res) != 1 || PQnfields(res) != 2) {
		snprintf(err, errsize, "not a PostgreSQL server: it answers "
		    "a query with a different one's result");
		return (-1);
	}
	if (s->connect.primary && strcmp(PQgetvalue(res, 0, 0), "t") == 0) {
		snprintf(err, errsize, "this is a standby: its snapshots "
		    "hide transactions in progress, so events would be lost; "
		    "name the primary in postgres_url");
		return (-1);
	}
	s->backend_pid = (int)strtol(PQgetvalue(res, 0, 1), NULL, 10);
	/* A pooler makes its own process number up.  Which one it would give
	 * us next cannot be known as long as we are its only client. */
	if (s->backend_pid != PQbackendPID(s->conn)) {
		snprintf(err, errsize, "a connection pooler stands in "
		    "between: in transaction mode it loses advisory locks "
		    "and LISTEN; name the server itself in postgres_url");
		return (-1);
	}
	return (0);
}
