/* SPDX-License-Identifier: ISC */
/* The table of options, their defaults and their help. */
#include "config.h"

#include "ctl/option.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

enum id { ID_JSON = 1, ID_SOCKET, ID_INSTANCE, ID_URL, ID_URL_FILE,
	    ID_LIBEXEC, ID_PLUGIN, ID_KEY, ID_HEADER, ID_ROLES, ID_HELP,
	    ID_VERSION, ID_MAX };

struct opt {
	const char	*name;
	const char	*arg;		/* NULL: takes none */
	uint32_t	 group;		/* CTL_*, 0: for all commands */
	enum id		 id;
	const char	*env;
	const char	*help;
};

static const struct opt opts[] = {
	{ "json", NULL, 0, ID_JSON, NULL,
	    "answer with one JSON document" },
	{ "instance", "NAME", CTL_DAEMON, ID_INSTANCE, "PG_TIDE_INSTANCE",
	    "daemon that runs as this instance" },
	{ "socket", "PATH", CTL_DAEMON, ID_SOCKET, "PG_TIDE_SOCKET",
	    "control socket of the daemon" },
	{ "postgres-url", "URL", CTL_DATABASE, ID_URL, "PG_TIDE_POSTGRES_URL",
	    "database, as URL or key=value pairs" },
	{ "postgres-url-file", "PATH", CTL_DATABASE, ID_URL_FILE, NULL,
	    "file whose first line is the database" },
	{ "key", "KEY", CTL_EVENT, ID_KEY, NULL,
	    "ordering key of the event" },
	{ "header", "NAME=VALUE", CTL_EVENT, ID_HEADER, NULL,
	    "a header of the event; may be repeated" },
	{ "roles", NULL, CTL_SCHEMA, ID_ROLES, NULL,
	    "also make the group roles tide_relay and others" },
	{ "libexec-dir", "DIR", CTL_WORKER, ID_LIBEXEC,
	    "PG_TIDE_LIBEXEC_DIR", "where pg-tide-worker lies" },
	{ "plugin-dir", "DIR", CTL_WORKER, ID_PLUGIN, "PG_TIDE_PLUGIN_DIR",
	    "where sink plugins lie" },
	{ "help", NULL, 0, ID_HELP, NULL, "print this" },
	{ "version", NULL, 0, ID_VERSION, NULL, "print the version" }
};
#define NOPTS	(sizeof(opts) / sizeof(opts[0]))
#define OPT_BASE	256	/* above every character */

/* Its socket lies where pg-tided --instance puts it. */
static bool
set_instance(struct ctl *ctl, const char *name)
{
	static char path[1024];

	if (*name == '\0' || strchr(name, '/') != NULL ||
	    (size_t)snprintf(path, sizeof(path), TIDE_RUNDIR
	    "/%s/control.sock", name) >= sizeof(path))
		return (false);
	ctl->socket = path;
	return (true);
}

static bool
set(struct ctl *ctl, enum id id, const char *value)
{
	switch (id) {
	case ID_JSON:
		ctl->json = true;
		break;
	case ID_SOCKET:
		ctl->socket = value;
		break;
	case ID_INSTANCE:
		return (set_instance(ctl, value));
	case ID_URL:
		ctl->postgres_url = value;
		break;
	case ID_URL_FILE:
		ctl->postgres_url_file = value;
		break;
	case ID_LIBEXEC:
		ctl->libexec_dir = value;
		break;
	case ID_PLUGIN:
		ctl->plugin_dir = value;
		break;
	case ID_KEY:
		ctl->key = value;
		break;
	case ID_HEADER:
		if (ctl->nheaders == CTL_HEADERS_MAX)
			return (false);
		ctl->headers[ctl->nheaders++] = value;
		break;
	case ID_ROLES:
		ctl->roles = true;
		break;
	default:
		return (false);
	}
	return (true);
}

static void
defaults(struct ctl *ctl)
{
	const char *value;
	size_t i;

	ctl->socket = TIDE_RUNDIR "/control.sock";
	ctl->libexec_dir = TIDE_LIBEXECDIR;
	ctl->plugin_dir = TIDE_PLUGINDIR;
	for (i = 0; i < NOPTS; i++)
		if (opts[i].env != NULL &&
		    (value = getenv(opts[i].env)) != NULL && *value != '\0')
			(void)set(ctl, opts[i].id, value);
}

/* A password on the command line is for everybody to see: not for long. */
static void
scrub(enum id id, char *value, struct ctl *ctl)
{
	static char url[8192];

	if (id != ID_URL || strlen(value) >= sizeof(url))
		return;
	memcpy(url, value, strlen(value) + 1);
	explicit_bzero(value, strlen(value));
	ctl->postgres_url = url;
}

static void
to_long(struct option *longs)
{
	size_t i;

	memset(longs, 0, (NOPTS + 1) * sizeof(*longs));
	for (i = 0; i < NOPTS; i++) {
		longs[i].name = opts[i].name;
		longs[i].has_arg = opts[i].arg != NULL ? required_argument :
		    no_argument;
		longs[i].val = (int)(OPT_BASE + i);
	}
}

/* Which row getopt_long() has found; -h and -V have long names, too. */
static const struct opt *
option_of(int c)
{
	enum id wanted = c == 'h' ? ID_HELP : ID_VERSION;
	size_t i;

	if (c >= OPT_BASE)
		return (&opts[c - OPT_BASE]);
	for (i = 0; (c == 'h' || c == 'V') && i < NOPTS; i++)
		if (opts[i].id == wanted)
			return (&opts[i]);
	return (NULL);
}

enum ctl_parsed
ctl_options_parse(struct ctl *ctl, int argc, char **argv, int *first,
    uint32_t *used)
{
	struct option longs[NOPTS + 1];
	const struct opt *o;
	int c;

	defaults(ctl);
	to_long(longs);
	*used = 0;
	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		o = option_of(c);
		if (o == NULL)
			return (CTL_PARSED_WRONG);
		if (o->id == ID_HELP)
			return (CTL_PARSED_HELP);
		if (o->id == ID_VERSION)
			return (CTL_PARSED_VERSION);
		if (!set(ctl, o->id, optarg))
			return (CTL_PARSED_WRONG);
		if (optarg != NULL)
			scrub(o->id, optarg, ctl);
		*used |= o->group;
	}
	*first = optind;
	return (CTL_PARSED);
}

void
ctl_options_help(uint32_t groups)
{
	char left[64];
	size_t i;

	for (i = 0; i < NOPTS; i++) {
		if (opts[i].group != 0 && (opts[i].group & groups) == 0)
			continue;
		(void)snprintf(left, sizeof(left), "--%s%s%s", opts[i].name,
		    opts[i].arg != NULL ? "=" : "",
		    opts[i].arg != NULL ? opts[i].arg : "");
		(void)printf("  %-30s %s%s%s%s\n", left, opts[i].help,
		    opts[i].env != NULL ? " (" : "",
		    opts[i].env != NULL ? opts[i].env : "",
		    opts[i].env != NULL ? ")" : "");
	}
}
