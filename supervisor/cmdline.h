/* SPDX-License-Identifier: ISC */
/*
 * The command line of pg-tided, and the options that its environment gives.
 * Both are read once: a reload reads the file again and lays these over it.
 */
#ifndef TIDE_SUPERVISOR_CMDLINE_H
#define TIDE_SUPERVISOR_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

/* One option given outside of the file. */
struct override {
	char	*name;
	char	*value;
	char	*origin;		/* "--log-level", "PG_TIDE_LOG_LEVEL" */
};

enum cmdline_action { CMDLINE_RUN, CMDLINE_CHECK, CMDLINE_HELP,
	    CMDLINE_HELP_OPTIONS, CMDLINE_VERSION };

struct cmdline {
	enum cmdline_action action;
	const char	*config;	/* path of the file */
	bool		 config_given;	/* it must exist then */
	const char	*instance;	/* NULL: the only one */
	char		*instance_config;	/* what config points to */
	bool		 foreground;
	bool		 scrubbed;	/* a password was in argv */
	struct override	*overrides;	/* environment first, then flags */
	size_t		 noverrides;
};

/*
 * Values that may hold a password are overwritten in argv and environ at
 * once.  0, or -1 after a message on stderr.
 */
int	cmdline_parse(struct cmdline *, int argc, char **argv);
void	cmdline_free(struct cmdline *);		/* what it points to */
void	cmdline_help(void);

#endif
