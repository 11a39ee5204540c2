/* SPDX-License-Identifier: ISC */
/* pg-tidectl show: effective settings, processes, one sandbox. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/ctl.h"
#include "ctl/table.h"

static const struct table_column config_columns[] = {
	{ "NAME",	"name" },
	{ "VALUE",	"value" },
	{ "FROM",	"origin" }
};

static const struct table_column process_columns[] = {
	{ "ROLE",	"role" },
	{ "PIPELINE",	"pipeline" },
	{ "PLUGIN",	"plugin" },
	{ "PID",	"pid" },
	{ "UID",	"uid" },
	{ "STATE",	"state" },
	{ "RESTARTS",	"restarts" },
	{ "LAST END",	"last_end" },
	{ "STARTED",	"started_at" },
	{ "NEXT START",	"next_start_at" }
};

static void
print_list(struct json_object *data, const char *key,
    const struct table_column *columns, size_t n)
{
	struct json_object *list;

	if (json_object_object_get_ex(data, key, &list))
		table_print(stdout, columns, n, list);
}

static int
show_list(struct ctl *ctl, const char *what, const char *key,
    const struct table_column *columns, size_t n)
{
	struct json_object *data;
	int status;

	status = client_call(ctl, what, NULL, NULL, &data);
	if (status != CTL_OK)
		return (status);
	if (!ctl->json)
		print_list(data, key, columns, n);
	return (ctl_done(ctl, data));
}

static int
show_config(struct ctl *ctl, const char *arg)
{
	(void)arg;
	return (show_list(ctl, "config", "settings", config_columns,
	    sizeof(config_columns) / sizeof(config_columns[0])));
}

static int
show_processes(struct ctl *ctl, const char *arg)
{
	(void)arg;
	return (show_list(ctl, "processes", "processes", process_columns,
	    sizeof(process_columns) / sizeof(process_columns[0])));
}

static int
show_sandbox(struct ctl *ctl, const char *pipeline)
{
	struct json_object *data, *layers = NULL;
	int status;

	status = client_call(ctl, "sandbox", "pipeline", pipeline, &data);
	if (status != CTL_OK)
		return (status);
	if (!ctl->json) {
		json_object_object_foreach(data, key, value) {
			if (json_object_is_type(value, json_type_object)) {
				layers = value;
				continue;
			}
			(void)printf("%-16s ", key);
			print_clean(stdout, text_of(data, key));
			(void)putchar('\n');
		}
		json_object_object_foreach(layers, layer, on)
			(void)printf("layer %-10s %s\n", layer,
			    json_object_get_boolean(on) ? "in force" :
			    "absent");
	}
	return (ctl_done(ctl, data));
}

static const struct {
	const char	*name, *label;
	int		 args;
	int		(*show)(struct ctl *, const char *);
} subjects[] = {
	{ "config",	"show config",		0, show_config },
	{ "processes",	"show processes",	0, show_processes },
	{ "sandbox",	"show sandbox",		1, show_sandbox }
};

static int
run(struct ctl *ctl, int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		if (strcmp(subjects[i].name, argv[0]) != 0)
			continue;
		ctl->label = subjects[i].label;
		if (argc != 1 + subjects[i].args)
			return (ctl_usage(ctl, subjects[i].args == 0 ?
			    "this takes no further argument" :
			    "show sandbox takes the name of a pipeline"));
		return (subjects[i].show(ctl, argv[1]));
	}
	return (ctl_usage(ctl, "show config, processes or sandbox PIPELINE"));
}

const struct ctl_command cmd_show = {
	"show", "config|processes|sandbox PIPELINE",
	"show settings, processes, or the lock-down of a worker",
	CTL_DAEMON, 1, 2, run
};
