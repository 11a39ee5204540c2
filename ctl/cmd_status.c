/* SPDX-License-Identifier: ISC */
/* pg-tidectl status: is everything well, and if not, what is not? */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static const struct table_column columns[] = {
	{ "PIPELINE",	"pipeline" },
	{ "SINK",	"sink_type" },
	{ "STATE",	"state" },
	{ "HEALTH",	"health" },
	{ "LAG",	"consumer_lag" },
	{ "SECONDS",	"consumer_lag_seconds" },
	{ "PUBLISHED",	"published" },
	{ "RETRIES",	"retries" },
	{ "DEAD",	"unresolved_dlq_depth" },
	{ "PID",	"pid" }
};

static void
print_head(struct json_object *data)
{
	struct json_object *ready = NULL;

	(void)json_object_object_get_ex(data, "ready", &ready);
	(void)printf("pg-tided %s, group %s, sandbox %s: ",
	    text_of(data, "version"), text_of(data, "relay_group"),
	    text_of(data, "sandbox"));
	if (json_object_get_boolean(ready))
		(void)puts("ready");
	else {
		(void)fputs("not ready, ", stdout);
		print_clean(stdout, text_of(data, "reason"));
		(void)putchar('\n');
	}
}

static void
print_note(struct json_object *row, const char *text)
{
	(void)putchar('\n');
	print_clean(stdout, text_of(row, "pipeline"));
	(void)fputs(": ", stdout);
	print_clean(stdout, text);
	(void)putchar('\n');
}

/* What went wrong, in full: a table would have to cut it. */
static void
print_notes(struct json_object *list)
{
	struct json_object *row;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		row = json_object_array_get_idx(list, i);
		if (strcmp(text_of(row, "last_error"), "-") != 0)
			print_note(row, text_of(row, "last_error"));
		if (strcmp(text_of(row, "insecure"), "1") == 0)
			print_note(row, "sends without encryption or without "
			    "checking certificates");
	}
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *data, *list = NULL;
	int status;

	(void)argc;
	(void)argv;
	status = client_call(ctl, "status", NULL, NULL, &data);
	if (status != CTL_OK)
		return (status);
	if (!ctl->json) {
		print_head(data);
		if (json_object_object_get_ex(data, "pipelines", &list) &&
		    json_object_array_length(list) > 0) {
			table_print(stdout, columns,
			    sizeof(columns) / sizeof(columns[0]), list);
			print_notes(list);
		} else
			(void)puts("no pipelines");
	}
	return (ctl_done(ctl, data));
}

const struct ctl_command cmd_status = {
	"status", "", "show how the daemon and its pipelines fare",
	CTL_DAEMON, 0, 0, run
};
