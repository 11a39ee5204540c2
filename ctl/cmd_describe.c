/* SPDX-License-Identifier: ISC */
/* pg-tidectl describe: the options of a sink, told by its plugin. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/worker_program.h"

/* A sink's name is a file name in the plugin directory, and no more. */
static bool
name_valid(const char *s)
{
	if (*s == '\0')
		return (false);
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && *s != '-' && *s != '_')
			return (false);
	return (true);
}

static int
describe(struct ctl *ctl, const char *what)
{
	const char *args[] = { "--plugin-dir", ctl->plugin_dir, "--describe",
	    what, ctl->json ? "--json" : NULL, NULL };
	struct json_object *data;
	struct worker_output o;
	int status;

	if (worker_run(ctl, args, -1, &o) == -1)
		return (worker_cannot(ctl));
	if (o.status != 0)
		status = worker_fail(ctl, &o);
	else if (ctl->json) {
		data = json_object_new_object();
		json_object_object_add(data, "options",
		    json_tokener_parse(o.out));
		status = ctl_done(ctl, data);
	} else {
		(void)fputs(o.out, stdout);
		status = CTL_OK;
	}
	worker_output_free(&o);
	return (status);
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	if (argc == 1 && strcmp(argv[0], "pipeline") == 0) {
		ctl->label = "describe pipeline";
		return (describe(ctl, "@pipeline"));
	}
	if (argc != 2 || strcmp(argv[0], "sink") != 0)
		return (ctl_usage(ctl, "usage: describe sink NAME, or "
		    "describe pipeline"));
	ctl->label = "describe sink";
	if (!name_valid(argv[1]))
		return (ctl_usage(ctl, "a sink's name is made of letters, "
		    "digits, - and _"));
	return (describe(ctl, argv[1]));
}

const struct ctl_command cmd_describe = {
	"describe", "sink NAME|pipeline",
	"print the options of a sink, or of any pipeline",
	CTL_WORKER, 1, 2, run
};
