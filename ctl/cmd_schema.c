/* SPDX-License-Identifier: ISC */
/*
 * pg-tidectl schema: the objects of the extension without file access to
 * the server, from the scripts that were installed with this program.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/database.h"

#define SCRIPT_MAX	(8 * 1024 * 1024)
#define VERSION_MAX	64

/* Two installations of one database at the same time: one waits. */
#define LOCK_SQL	"SELECT pg_advisory_xact_lock(1953064037, -1)"

static const char present_sql[] =
    "SELECT to_regprocedure('tide.schema_version()') IS NOT NULL, "
    "EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_tide'), "
    "current_database()";

struct schema {
	char	 version[VERSION_MAX];	/* "" when there is none */
	char	 database[VERSION_MAX];
	bool	 extension;
};

static const char *
data_dir(void)
{
	const char *dir = getenv("PG_TIDE_DATADIR");

	return (dir != NULL ? dir : TIDE_DATADIR);
}

/* The whole file, terminated; NULL with errno. */
static char *
read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	size_t len = 0;
	char *text;

	if (f == NULL)
		return (NULL);
	if ((text = malloc(SCRIPT_MAX)) != NULL)
		len = fread(text, 1, SCRIPT_MAX, f);
	(void)fclose(f);
	if (text == NULL || len == 0 || len == SCRIPT_MAX) {
		free(text);
		errno = text == NULL ? ENOMEM : EINVAL;
		return (NULL);
	}
	text[len] = '\0';
	return (text);
}

static int
fail_script(struct ctl *ctl, const char *path, int error)
{
	char message[4352];
	const struct ctl_error e = {
		.status = CTL_FAILED, .code = "schema_script",
		.component = "cli", .message = message,
		.cause = "the package is not installed completely",
		.next = "check the installation, or set PG_TIDE_DATADIR"
	};

	(void)snprintf(message, sizeof(message), "%s: %s", path,
	    strerror(error));
	return (ctl_fail(ctl, &e));
}

static int
fail_plain(struct ctl *ctl, const char *code, const char *message,
    const char *next)
{
	const struct ctl_error e = {
		.status = CTL_FAILED, .code = code, .component = "database",
		.message = message, .cause = "", .next = next
	};

	return (ctl_fail(ctl, &e));
}

static void
copy_value(char *to, size_t size, const PGresult *res, int column)
{
	(void)snprintf(to, size, "%s", PQgetvalue(res, 0, column));
}

static int
look(struct ctl *ctl, PGconn *conn, struct schema *s)
{
	PGresult *res;
	int status = CTL_OK;
	bool present;

	memset(s, 0, sizeof(*s));
	res = database_query(ctl, conn, present_sql, 0, NULL, &status);
	if (res == NULL)
		return (status);
	present = strcmp(PQgetvalue(res, 0, 0), "t") == 0;
	s->extension = strcmp(PQgetvalue(res, 0, 1), "t") == 0;
	copy_value(s->database, sizeof(s->database), res, 2);
	PQclear(res);
	if (!present)
		return (CTL_OK);
	res = database_query(ctl, conn, "SELECT tide.schema_version()", 0,
	    NULL, &status);
	if (res == NULL)
		return (status);
	copy_value(s->version, sizeof(s->version), res, 0);
	PQclear(res);
	return (CTL_OK);
}

/* One file, in the transaction that is open. */
static int
run_script(struct ctl *ctl, PGconn *conn, const char *path)
{
	int status = CTL_OK;
	PGresult *res;
	char *text;

	if ((text = read_file(path)) == NULL)
		return (fail_script(ctl, path, errno));
	res = PQexec(conn, text);
	if (PQresultStatus(res) != PGRES_COMMAND_OK &&
	    PQresultStatus(res) != PGRES_TUPLES_OK)
		status = database_fail(ctl, conn, res, CTL_FAILED);
	PQclear(res);
	free(text);
	return (status);
}

static int
statement(struct ctl *ctl, PGconn *conn, const char *sql)
{
	int status = CTL_OK;

	PQclear(database_query(ctl, conn, sql, 0, NULL, &status));
	return (status);
}

static int
report(struct ctl *ctl, const struct schema *s, const char *text)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "database",
	    json_object_new_string(s->database));
	json_object_object_add(o, "installed_version", s->version[0] != '\0' ?
	    json_object_new_string(s->version) : NULL);
	json_object_object_add(o, "program_version",
	    json_object_new_string(PACKAGE_VERSION));
	json_object_object_add(o, "installed_as", s->version[0] == '\0' ?
	    NULL : json_object_new_string(s->extension ? "extension" :
	    "schema"));
	if (!ctl->json)
		(void)printf("%s: %s\n", s->database, text);
	return (ctl_done(ctl, o));
}

/* Scripts in one transaction that ends well or leaves no trace. */
static int
apply(struct ctl *ctl, PGconn *conn, const char *name)
{
	char path[4096];
	int status;

	(void)snprintf(path, sizeof(path), "%s/%s", data_dir(), name);
	status = run_script(ctl, conn, path);
	if (status == CTL_OK && ctl->roles) {
		(void)snprintf(path, sizeof(path), "%s/roles.sql",
		    data_dir());
		status = run_script(ctl, conn, path);
	}
	return (status);
}

static int
install(struct ctl *ctl, PGconn *conn, struct schema *s)
{
	int status;

	if (strcmp(s->version, PACKAGE_VERSION) == 0 && !ctl->roles)
		return (report(ctl, s, "version " PACKAGE_VERSION
		    " is installed already"));
	if (s->version[0] != '\0' && strcmp(s->version, PACKAGE_VERSION) != 0)
		return (fail_plain(ctl, "other_version",
		    "another version of the schema is installed",
		    "run pg-tidectl schema upgrade"));
	ctl_progress(ctl, "installing the schema ...");
	status = s->version[0] == '\0' ? apply(ctl, conn, "schema.sql") :
	    apply(ctl, conn, "roles.sql");
	if (status == CTL_OK)
		status = statement(ctl, conn, "COMMIT");
	if (status == CTL_OK)
		status = look(ctl, conn, s);
	if (status == CTL_OK)
		status = report(ctl, s, "version " PACKAGE_VERSION
		    " is installed");
	return (status);
}

static int
upgrade(struct ctl *ctl, PGconn *conn, struct schema *s)
{
	char name[2 * VERSION_MAX + 32];
	int status;

	if (s->version[0] == '\0')
		return (fail_plain(ctl, "not_installed",
		    "there is no schema to upgrade",
		    "run pg-tidectl schema install"));
	if (strcmp(s->version, PACKAGE_VERSION) == 0)
		return (report(ctl, s, "version " PACKAGE_VERSION
		    " is installed already"));
	if (s->extension)
		return (fail_plain(ctl, "is_extension",
		    "the schema belongs to the extension pg_tide",
		    "run ALTER EXTENSION pg_tide UPDATE"));
	(void)snprintf(name, sizeof(name), "schema--%s--%s.sql", s->version,
	    PACKAGE_VERSION);
	ctl_progress(ctl, "upgrading the schema ...");
	status = apply(ctl, conn, name);
	if (status == CTL_OK)
		status = statement(ctl, conn, "COMMIT");
	if (status == CTL_OK)
		status = look(ctl, conn, s);
	if (status == CTL_OK)
		status = report(ctl, s, "upgraded to " PACKAGE_VERSION);
	return (status);
}

static int
show(struct ctl *ctl, PGconn *conn, struct schema *s)
{
	char text[256];

	(void)conn;
	if (s->version[0] == '\0')
		(void)snprintf(text, sizeof(text), "not installed (this "
		    "program has %s)", PACKAGE_VERSION);
	else if (strcmp(s->version, PACKAGE_VERSION) != 0)
		(void)snprintf(text, sizeof(text), "version %s, this program "
		    "has %s", s->version, PACKAGE_VERSION);
	else
		(void)snprintf(text, sizeof(text), "version %s, up to date",
		    s->version);
	(void)report(ctl, s, text);
	return (strcmp(s->version, PACKAGE_VERSION) == 0 ? CTL_OK :
	    CTL_INVALID);
}

static const struct {
	const char	*name, *label;
	bool		 changes;
	int		(*act)(struct ctl *, PGconn *, struct schema *);
} acts[] = {
	{ "install",	"schema install",	true,	install },
	{ "status",	"schema status",	false,	show },
	{ "upgrade",	"schema upgrade",	true,	upgrade }
};

static int
run_act(struct ctl *ctl, size_t i)
{
	int status = CTL_OK;
	struct schema s;
	PGconn *conn;

	if ((conn = database_open(ctl, &status)) == NULL)
		return (status);
	status = statement(ctl, conn, "BEGIN");
	if (status == CTL_OK && acts[i].changes)
		status = statement(ctl, conn, LOCK_SQL);
	if (status == CTL_OK)
		status = look(ctl, conn, &s);
	if (status == CTL_OK)
		status = acts[i].act(ctl, conn, &s);
	PQfinish(conn);
	return (status);
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	size_t i;

	(void)argc;
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].name, argv[0]) != 0)
			continue;
		ctl->label = acts[i].label;
		return (run_act(ctl, i));
	}
	return (ctl_usage(ctl, "schema install, status or upgrade"));
}

const struct ctl_command cmd_schema = {
	"schema", "install|status|upgrade",
	"install the SQL objects, or compare their version",
	CTL_DATABASE | CTL_SCHEMA, 1, 1, run
};
