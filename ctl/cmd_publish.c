/* SPDX-License-Identifier: ISC */
/* pg-tidectl publish: one event into an outbox, as an application would. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/database.h"

static const char publish_sql[] =
    "SELECT tide.outbox_publish($1, $2::jsonb, $3::jsonb, $4)";

/* {"name":"value", ...} of the --header options; NULL when one is wrong. */
static struct json_object *
headers_json(const struct ctl *ctl)
{
	struct json_object *o = json_object_new_object();
	const char *equals;
	char name[256];
	size_t i;

	for (i = 0; i < ctl->nheaders; i++) {
		equals = strchr(ctl->headers[i], '=');
		if (equals == NULL || equals == ctl->headers[i] ||
		    (size_t)(equals - ctl->headers[i]) >= sizeof(name)) {
			json_object_put(o);
			return (NULL);
		}
		(void)snprintf(name, sizeof(name), "%.*s",
		    (int)(equals - ctl->headers[i]), ctl->headers[i]);
		json_object_object_add(o, name,
		    json_object_new_string(equals + 1));
	}
	return (o);
}

static int
publish(struct ctl *ctl, const char *outbox, const char *payload,
    const char *headers)
{
	const char *params[] = { outbox, payload, headers, ctl->key };
	struct json_object *data;
	int status = CTL_OK;
	PGresult *res;
	PGconn *conn;

	if ((conn = database_open(ctl, &status)) == NULL)
		return (status);
	res = database_query(ctl, conn, publish_sql, 4, params, &status);
	if (res != NULL) {
		data = json_object_new_object();
		json_object_object_add(data, "id",
		    json_tokener_parse(PQgetvalue(res, 0, 0)));
		if (!ctl->json)
			(void)puts(PQgetvalue(res, 0, 0));
		status = ctl_done(ctl, data);
	}
	PQclear(res);
	PQfinish(conn);
	return (status);
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *headers;
	int status;

	(void)argc;
	if ((headers = headers_json(ctl)) == NULL)
		return (ctl_usage(ctl, "a header is given as name=value"));
	status = publish(ctl, argv[0], argv[1],
	    json_object_to_json_string_ext(headers, JSON_C_TO_STRING_PLAIN));
	json_object_put(headers);
	return (status);
}

const struct ctl_command cmd_publish = {
	"publish", "OUTBOX JSON", "publish one event and print its id",
	CTL_DATABASE | CTL_EVENT, 2, 2, run
};
