/* SPDX-License-Identifier: ISC */
/* pg-tidectl help */
#include "config.h"

#include <stdio.h>

#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *c;

	if (argc == 0) {
		ctl_help();
		return (CTL_OK);
	}
	if ((c = ctl_command_find(argv[0])) == NULL)
		return (ctl_usage(ctl, "there is no such command"));
	ctl_command_help(c);
	return (CTL_OK);
}

const struct ctl_command cmd_help = {
	"help", "[COMMAND]", "print this, or what a command takes", 0, 0, 1,
	run
};
