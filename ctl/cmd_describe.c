/* SPDX-License-Identifier: ISC */
/* pg-tidectl describe: the options of a sink, told by its plugin. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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
describe(struct ctl *ctl, const char *path)
{
	const char *args[] = { "--describe", path,
	    ctl->json ? "--json" : NULL, NULL };
	struct json_object *data;
	struct worker_output o;
	int status;

	if (worker_run(ctl, args, -1, &o) == -1)
		return (ctl_usage(ctl, strerror(errno)));
	if (o.status != 0)
		status = worker_fail(ctl, &o, CTL_FAILED);
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
	char path[4096];

	(void)argc;
	ctl->label = "describe sink";
	if (strcmp(argv[0], "sink") != 0)
		return (ctl_usage(ctl, "describe what? describe sink NAME"));
	if (!name_valid(argv[1]))
		return (ctl_usage(ctl, "a sink's name is made of letters, "
		    "digits, - and _"));
	if ((size_t)snprintf(path, sizeof(path), "%s/%s.so", ctl->plugin_dir,
	    argv[1]) >= sizeof(path))
		return (ctl_usage(ctl, "the path of the plugin is too long"));
	return (describe(ctl, path));
}

const struct ctl_command cmd_describe = {
	"describe", "sink NAME", "print the options of a sink",
	CTL_WORKER, 2, 2, run
};
