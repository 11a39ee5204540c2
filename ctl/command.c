/* SPDX-License-Identifier: ISC */
/* The list of commands, and the help that is made from it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"
#include "ctl/option.h"

extern const struct ctl_command cmd_describe, cmd_help, cmd_log_level,
    cmd_pause, cmd_pipelines, cmd_publish, cmd_reload, cmd_reopen,
    cmd_restart, cmd_resume, cmd_schema, cmd_show, cmd_status, cmd_stop,
    cmd_validate, cmd_version;

/* In the order of --help: look, change, database, rest. */
const struct ctl_command *const ctl_commands[] = {
	&cmd_status,
	&cmd_pipelines,
	&cmd_show,
	&cmd_reload,
	&cmd_restart,
	&cmd_pause,
	&cmd_resume,
	&cmd_log_level,
	&cmd_reopen,
	&cmd_stop,
	&cmd_schema,
	&cmd_publish,
	&cmd_describe,
	&cmd_validate,
	&cmd_version,
	&cmd_help,
	NULL
};

const struct ctl_command *
ctl_command_find(const char *name)
{
	size_t i;

	for (i = 0; ctl_commands[i] != NULL; i++)
		if (strcmp(ctl_commands[i]->name, name) == 0)
			return (ctl_commands[i]);
	return (NULL);
}

void
ctl_help(void)
{
	const struct ctl_command *c;
	char left[128];
	size_t i;

	(void)puts("usage: pg-tidectl [options] command [arguments]\n\n"
	    "Commands:");
	for (i = 0; (c = ctl_commands[i]) != NULL; i++) {
		(void)snprintf(left, sizeof(left), "%s %s", c->name, c->args);
		if (strlen(left) <= 30)
			(void)printf("  %-30s %s\n", left, c->summary);
		else
			(void)printf("  %s\n%33s%s\n", left, "", c->summary);
	}
	(void)puts("\nOptions:");
	ctl_options_help(~0u);
	(void)puts("\nExit status: 0 done, 1 refused or failed, 2 usage, "
	    "3 not valid,\n4 daemon or database not reachable.");
}

void
ctl_command_help(const struct ctl_command *c)
{
	(void)printf("usage: pg-tidectl [options] %s%s%s\n\n  %s\n\n"
	    "Options:\n", c->name, c->args[0] != '\0' ? " " : "", c->args,
	    c->summary);
	ctl_options_help(c->options);
}
