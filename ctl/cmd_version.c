/* SPDX-License-Identifier: ISC */
/* pg-tidectl version */
#include "config.h"

#include <stdio.h>

#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	struct json_object *data = json_object_new_object();

	(void)argc;
	(void)argv;
	json_object_object_add(data, "version",
	    json_object_new_string(PACKAGE_VERSION));
	if (!ctl->json)
		(void)puts("pg-tidectl " PACKAGE_VERSION);
	return (ctl_done(ctl, data));
}

const struct ctl_command cmd_version = {
	"version", "", "print the version of this program", 0, 0, 0, run
};
