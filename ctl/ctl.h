/* SPDX-License-Identifier: ISC */
/*
 * pg-tidectl: what its commands have in common.
 *
 * A command is one file that ends in a const struct ctl_command; command.c
 * lists them.  A command ends by ctl_done() or ctl_fail(), whose return
 * value is the exit status.
 */
#ifndef TIDE_CTL_CTL_H
#define TIDE_CTL_CTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ctl_exit {
	CTL_OK		= 0,
	CTL_FAILED	= 1,	/* it was refused, or went wrong */
	CTL_USAGE	= 2,
	CTL_INVALID	= 3,	/* what was to be validated is not valid */
	CTL_UNREACHABLE	= 4	/* the daemon or the database */
};

#define CTL_HEADERS_MAX	64

/* Which options a command takes; --json, --help are for all. */
#define CTL_DAEMON	0x01u	/* --socket */
#define CTL_DATABASE	0x02u	/* --postgres-url, --postgres-url-file */
#define CTL_WORKER	0x04u	/* --libexec-dir, --plugin-dir */
#define CTL_EVENT	0x08u	/* --key, --header */
#define CTL_SCHEMA	0x10u	/* --roles */

struct ctl_command;

struct ctl {
	const struct ctl_command *command;
	const char	*label;		/* "show config", for --json */
	bool		 json;
	bool		 roles;
	const char	*socket;
	const char	*postgres_url;
	const char	*postgres_url_file;
	const char	*libexec_dir;
	const char	*plugin_dir;
	const char	*key;
	const char	*headers[CTL_HEADERS_MAX];	/* "name=value" */
	size_t		 nheaders;
};

struct ctl_command {
	const char	*name;
	const char	*args;		/* as --help shows them */
	const char	*summary;	/* a sentence without full stop */
	uint32_t	 options;	/* CTL_* */
	int		 min_args, max_args;
	/* argv[0] is the first argument behind the command's name. */
	int		(*run)(struct ctl *, int argc, char **argv);
};

/* NULL-terminated. */
extern const struct ctl_command *const ctl_commands[];
const struct ctl_command *ctl_command_find(const char *name);
void	ctl_help(void);
void	ctl_command_help(const struct ctl_command *);

struct ctl_error {
	enum ctl_exit	 status;
	const char	*code;		/* "daemon_unreachable" */
	const char	*component;	/* control, database, worker, cli */
	const char	*message;
	const char	*cause;		/* "": not known */
	const char	*next;		/* "": nothing to advise */
};

/* With --json print the envelope around data, which is taken over; else
 * nothing.  Returns CTL_OK. */
int	ctl_done(struct ctl *, struct json_object *data);
/* Say what went wrong, on stderr or as an envelope.  Returns the status. */
int	ctl_fail(struct ctl *, const struct ctl_error *);
/* Wrong arguments of the command: ctl_fail() with CTL_USAGE. */
int	ctl_usage(struct ctl *, const char *message);
/* Progress, only for a person: on stderr, if that is a terminal. */
void	ctl_progress(const struct ctl *, const char *);

#endif
