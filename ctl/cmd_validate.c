/* SPDX-License-Identifier: ISC */
/*
 * pg-tidectl validate: would this pipeline be taken?  A file is checked as
 * the worker checks it; a stored pipeline as the database does, too.
 * Neither reads a secret or connects to the destination.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/database.h"
#include "ctl/worker_program.h"

static const char config_sql[] = "SELECT tide.relay_get_config($1)";
static const char check_sql[] =
    "SELECT tide.document_canonical($1, $2::jsonb->'source'->>'outbox', "
    "$2::jsonb)";

static int
valid(struct ctl *ctl, const char *what)
{
	struct json_object *data = json_object_new_object();

	json_object_object_add(data, "subject",
	    json_object_new_string(what));
	json_object_object_add(data, "valid", json_object_new_boolean(1));
	if (!ctl->json)
		(void)printf("%s: valid\n", what);
	return (ctl_done(ctl, data));
}

static const char *
first_line(char *text)
{
	text[strcspn(text, "\n")] = '\0';
	return (text);
}

static int
invalid(struct ctl *ctl, const char *what, const char *why)
{
	char message[1024];
	const struct ctl_error e = {
		.status = CTL_INVALID, .code = "invalid", .component = "cli",
		.message = message, .cause = "", .next = ""
	};

	(void)snprintf(message, sizeof(message), "%s: %s", what, why);
	return (ctl_fail(ctl, &e));
}

/* What the worker says about a document; path is how it finds it. */
static int
check_path(struct ctl *ctl, const char *what, const char *path, int keep_fd)
{
	const char *args[] = { "--plugin-dir", ctl->plugin_dir, "--validate",
	    path, NULL };
	struct worker_output o;
	size_t n = strlen(path);
	int status;

	if (worker_run(ctl, args, keep_fd, &o) == -1)
		return (worker_cannot(ctl));
	if (o.status == CTL_INVALID && strncmp(o.err, path, n) == 0 &&
	    strncmp(o.err + n, ": ", 2) == 0)
		status = invalid(ctl, what, first_line(o.err + n + 2));
	else
		status = o.status == 0 ? valid(ctl, what) :
		    worker_fail(ctl, &o);
	worker_output_free(&o);
	return (status);
}

/*
 * The document goes to the worker as a file that has no name: the worker
 * gives its privilege up and could not open everything that the caller can.
 */
static int
check_text(struct ctl *ctl, const char *what, const char *text)
{
	size_t len = strlen(text);
	char path[64];
	int fd, status;

	if ((fd = memfd_create("pipeline", MFD_CLOEXEC)) == -1)
		return (worker_cannot(ctl));
	if (write(fd, text, len) != (ssize_t)len) {
		(void)close(fd);
		return (worker_cannot(ctl));
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	status = check_path(ctl, what, path, fd);
	(void)close(fd);
	return (status);
}

/*
 * relay_get_config() tells with the document whether the pipeline is
 * enabled, which is no part of what a worker is given.
 */
static int
check_document(struct ctl *ctl, const char *what, struct json_object *doc)
{
	if (!json_object_is_type(doc, json_type_object))
		return (invalid(ctl, what, "is no JSON object"));
	json_object_object_del(doc, "enabled");
	return (check_text(ctl, what, json_object_to_json_string_ext(doc,
	    JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)));
}

static int
check_file(struct ctl *ctl, const char *path)
{
	struct json_object *doc = json_object_from_file(path);
	const char *error = json_util_get_last_err();
	char why[512];
	int status;

	if (doc == NULL) {
		(void)snprintf(why, sizeof(why), "%s", error != NULL ?
		    error : "cannot be read");
		return (invalid(ctl, path, first_line(why)));
	}
	status = check_document(ctl, path, doc);
	json_object_put(doc);
	return (status);
}

/* The database's own rules, for a document it holds already. */
static int
check_database(struct ctl *ctl, PGconn *conn, const char *name,
    const char *config)
{
	const char *params[] = { name, config };
	PGresult *res = PQexecParams(conn, check_sql, 2, NULL, params, NULL,
	    NULL, 0);
	int status = CTL_OK;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		status = database_fail(ctl, conn, res, CTL_INVALID);
	PQclear(res);
	return (status);
}

static int
check_stored(struct ctl *ctl, const char *name)
{
	const char *params[] = { name }, *config;
	struct json_object *doc;
	int status = CTL_OK;
	PGresult *res;
	PGconn *conn;

	if ((conn = database_open(ctl, &status)) == NULL)
		return (status);
	res = database_query(ctl, conn, config_sql, 1, params, &status);
	if (res != NULL) {
		config = PQgetvalue(res, 0, 0);
		doc = json_tokener_parse(config);
		status = check_database(ctl, conn, name, config);
		if (status == CTL_OK)
			status = check_document(ctl, name, doc);
		json_object_put(doc);
	}
	PQclear(res);
	PQfinish(conn);
	return (status);
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	struct stat st;

	(void)argc;
	if (strchr(argv[0], '/') != NULL || stat(argv[0], &st) == 0)
		return (check_file(ctl, argv[0]));
	return (check_stored(ctl, argv[0]));
}

const struct ctl_command cmd_validate = {
	"validate", "FILE|PIPELINE",
	"check a pipeline document, in a file or stored",
	CTL_DATABASE | CTL_WORKER, 1, 1, run
};
