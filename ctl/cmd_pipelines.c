/* SPDX-License-Identifier: ISC */
/* pg-tidectl pipelines: the names that other commands take. */
#include "config.h"

#include <stdio.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static const struct table_column columns[] = {
	{ "PIPELINE",	"pipeline" },
	{ "SINK",	"sink_type" },
	{ "STATE",	"state" },
	{ "OWNERSHIP",	"ownership" },
	{ "HEALTH",	"health" }
};

static int
run(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *data, *list = NULL, *only;
	int status;

	(void)argc;
	(void)argv;
	status = client_call(ctl, "status", NULL, NULL, &data);
	if (status != CTL_OK)
		return (status);
	if (!json_object_object_get_ex(data, "pipelines", &list))
		list = json_object_new_array();
	else
		(void)json_object_get(list);
	json_object_put(data);
	if (!ctl->json)
		table_print(stdout, columns,
		    sizeof(columns) / sizeof(columns[0]), list);
	only = json_object_new_object();
	json_object_object_add(only, "pipelines", list);
	return (ctl_done(ctl, only));
}

const struct ctl_command cmd_pipelines = {
	"pipelines", "", "list the pipelines that should run here",
	CTL_DAEMON, 0, 0, run
};
