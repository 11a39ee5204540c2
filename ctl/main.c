/* SPDX-License-Identifier: ISC */
/* pg-tidectl: ask and steer a running pg-tided, and prepare its database. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/option.h"

static int
check_args(struct ctl *ctl, int argc)
{
	const struct ctl_command *c = ctl->command;
	char message[256];

	if (argc >= c->min_args && argc <= c->max_args)
		return (CTL_OK);
	(void)snprintf(message, sizeof(message), "usage: pg-tidectl %s %s",
	    c->name, c->args);
	return (ctl_usage(ctl, message));
}

/*
 * An option that would have no effect is a misunderstanding: say so.  Those
 * that say where things are may stand in an alias for all commands.
 */
static int
check_options(struct ctl *ctl, uint32_t used)
{
	char message[256];

	if ((used & ~ctl->command->options & (CTL_EVENT | CTL_SCHEMA)) == 0)
		return (CTL_OK);
	(void)snprintf(message, sizeof(message), "%s does not take one of "
	    "these options: see pg-tidectl help %s", ctl->command->name,
	    ctl->command->name);
	return (ctl_usage(ctl, message));
}

static int
run_command(struct ctl *ctl, uint32_t used, int argc, char **argv)
{
	int status;

	ctl->command = ctl_command_find(argv[0]);
	ctl->label = argv[0];
	if (ctl->command == NULL)
		return (ctl_usage(ctl, "there is no such command"));
	if ((status = check_options(ctl, used)) != CTL_OK ||
	    (status = check_args(ctl, argc - 1)) != CTL_OK)
		return (status);
	return (ctl->command->run(ctl, argc - 1, argv + 1));
}

/* What was printed has arrived, or the status says that it did not. */
static int
finish(int status)
{
	if (fflush(stdout) == EOF || ferror(stdout)) {
		perror("pg-tidectl: standard output");
		return (status == CTL_OK ? CTL_FAILED : status);
	}
	return (status);
}

int
main(int argc, char **argv)
{
	static struct ctl ctl;
	uint32_t used;
	int first = argc;

	switch (ctl_options_parse(&ctl, argc, argv, &first, &used)) {
	case CTL_PARSED_HELP:
		ctl_help();
		return (finish(CTL_OK));
	case CTL_PARSED_VERSION:
		(void)puts("pg-tidectl " PACKAGE_VERSION);
		return (finish(CTL_OK));
	case CTL_PARSED_WRONG:
		return (CTL_USAGE);
	case CTL_PARSED:
		break;
	}
	if (first == argc) {
		(void)fputs("usage: pg-tidectl [options] command "
		    "[arguments]; see pg-tidectl help\n", stderr);
		return (CTL_USAGE);
	}
	return (finish(run_command(&ctl, used, argc - first, argv + first)));
}
