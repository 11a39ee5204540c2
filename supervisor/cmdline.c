/* SPDX-License-Identifier: ISC */
/* Read the command line and the environment of pg-tided. */
#include "config.h"

#include "supervisor/cmdline.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/bindings.h"
#include "supervisor/instance.h"
#include "supervisor/options.h"

#define DEFAULT_CONFIG	TIDE_CONFDIR "/pg-tided.conf"

enum { OPT_CONFIG = 1, OPT_INSTANCE, OPT_CHECK, OPT_FOREGROUND, OPT_SET,
	    OPT_VERSION, OPT_HELP, OPT_HELP_OPTIONS, OPT_OPTION };

static const struct option longopts[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "instance", required_argument, NULL, OPT_INSTANCE },
	{ "check-config", no_argument, NULL, OPT_CHECK },
	{ "foreground", no_argument, NULL, OPT_FOREGROUND },
	{ "set", required_argument, NULL, OPT_SET },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "help-options", no_argument, NULL, OPT_HELP_OPTIONS },
	/* The name of the flag is the name of the option, with dashes. */
	{ "postgres-url", required_argument, NULL, OPT_OPTION },
	{ "postgres-url-file", required_argument, NULL, OPT_OPTION },
	{ "relay-group-id", required_argument, NULL, OPT_OPTION },
	{ "metrics-addr", required_argument, NULL, OPT_OPTION },
	{ "log-format", required_argument, NULL, OPT_OPTION },
	{ "log-level", required_argument, NULL, OPT_OPTION },
	{ "drain-timeout", required_argument, NULL, OPT_OPTION },
	{ NULL, 0, NULL, 0 }
};

static int
override_add(struct cmdline *c, const char *name, const char *value,
    const char *prefix, const char *origin)
{
	struct override *grown, *o;
	char text[128];

	grown = realloc(c->overrides, (c->noverrides + 1) * sizeof(*grown));
	if (grown == NULL)
		return (-1);
	c->overrides = grown;
	o = &grown[c->noverrides++];
	(void)snprintf(text, sizeof(text), "%s%s", prefix, origin);
	o->name = strdup(name);
	o->value = strdup(value);
	o->origin = strdup(text);
	return (o->name == NULL || o->value == NULL || o->origin == NULL ?
	    -1 : 0);
}

static bool
is_masked(const char *name)
{
	const struct option_def *def;

	def = bindings_is_name(name) && strrchr(name, '.') != NULL ?
	    option_find(binding_options, binding_noptions,
	    strrchr(name, '.') + 1) :
	    option_find(tided_options, tided_noptions, name);
	return (def != NULL && (def->flags & OPTION_MASK) != 0);
}

/*
 * Everybody on the host can read an argument, until it is overwritten.
 * volatile: nothing reads these bytes again as far as the compiler knows.
 */
static void
scrub(char *s)
{
	volatile char *p;

	for (p = s; *p != '\0'; p++)
		*p = 'x';
}

/* "a://u:pw@h" and "password=pw"; a reference instead is not a password. */
static bool
has_password(const char *url)
{
	const char *at = strstr(url, "://"), *colon;

	if (strstr(url, "password=") != NULL)
		return (strstr(url, "password=$") == NULL);
	if (at == NULL || strchr(at + 3, '@') == NULL)
		return (false);
	colon = strchr(at + 3, ':');
	return (colon != NULL && colon < strchr(at + 3, '@') &&
	    colon[1] != '$' && colon[1] != '@');
}

static int
add_flag(struct cmdline *c, const char *flag, char *value)
{
	char name[64], *p;

	(void)snprintf(name, sizeof(name), "%s", flag);
	for (p = name; *p != '\0'; p++) {
		if (*p == '-')
			*p = '_';
	}
	if (override_add(c, name, value, "--", flag) == -1)
		return (-1);
	if (is_masked(name)) {
		c->scrubbed = c->scrubbed || has_password(value);
		scrub(value);
	}
	return (0);
}

static int
add_set(struct cmdline *c, char *arg)
{
	char *equals = strchr(arg, '='), *name;
	int ret;

	if (equals == NULL || equals == arg) {
		fprintf(stderr, "pg-tided: --set takes NAME=VALUE\n");
		return (-1);
	}
	if ((name = strndup(arg, (size_t)(equals - arg))) == NULL)
		return (-1);
	ret = override_add(c, name, equals + 1, "--set ", name);
	if (is_masked(name)) {
		c->scrubbed = c->scrubbed || has_password(equals + 1);
		scrub(equals + 1);
	}
	free(name);
	return (ret);
}

/* PG_TIDE_SECRETS_DIRS is secrets.dirs. */
static int
add_environment(struct cmdline *c)
{
	char name[96], *value, *p;
	size_t i;

	for (i = 0; i < tided_noptions; i++) {
		(void)snprintf(name, sizeof(name), "PG_TIDE_%s",
		    tided_options[i].name);
		for (p = name; *p != '\0'; p++)
			*p = *p == '.' ? '_' :
			    (char)toupper((unsigned char)*p);
		if ((value = getenv(name)) == NULL)
			continue;
		if (override_add(c, tided_options[i].name, value, "", name) ==
		    -1)
			return (-1);
		if ((tided_options[i].flags & OPTION_MASK) != 0)
			scrub(value);
	}
	return (0);
}

static int
handle(struct cmdline *c, int opt, int index)
{
	switch (opt) {
	case OPT_CONFIG:
		c->config = optarg;
		return (0);
	case OPT_INSTANCE:
		c->instance = optarg;
		return (0);
	case OPT_CHECK:
		c->action = CMDLINE_CHECK;
		return (0);
	case 'f':
	case OPT_FOREGROUND:
		c->foreground = true;
		return (0);
	case OPT_SET:
		return (add_set(c, optarg));
	case 'V':
	case OPT_VERSION:
		c->action = CMDLINE_VERSION;
		return (0);
	case 'h':
	case OPT_HELP:
		c->action = CMDLINE_HELP;
		return (0);
	case OPT_HELP_OPTIONS:
		c->action = CMDLINE_HELP_OPTIONS;
		return (0);
	case OPT_OPTION:
		return (add_flag(c, longopts[index].name, optarg));
	default:
		return (-1);
	}
}

/* Which file is ours: --config, else the instance's, else the usual one. */
static int
find_config(struct cmdline *c)
{
	if (c->instance != NULL && instance_check(c->instance) == -1) {
		fprintf(stderr, "pg-tided: the name of an instance has at most"
		    " 32 letters, digits, - and _\n");
		return (-1);
	}
	if (c->config != NULL)
		c->config_given = true;
	else if (c->instance == NULL)
		c->config = DEFAULT_CONFIG;
	else {
		c->instance_config = instance_config(c->instance);
		c->config = c->instance_config;
		c->config_given = true;
	}
	return (c->config != NULL ? 0 : -1);
}

/* The name of the reference's program: always in the foreground. */
static bool
called_pg_tide(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return (strcmp(slash != NULL ? slash + 1 : argv0, "pg-tide") == 0);
}

int
cmdline_parse(struct cmdline *c, int argc, char **argv)
{
	int opt, index = 0;

	memset(c, 0, sizeof(*c));
	c->foreground = argc > 0 && called_pg_tide(argv[0]);
	c->config = getenv("PG_TIDE_CONFIG");
	c->instance = getenv("PG_TIDE_INSTANCE");
	if (add_environment(c) == -1)
		return (-1);
	while ((opt = getopt_long(argc, argv, "fhV", longopts, &index)) !=
	    -1) {
		if (handle(c, opt, index) == -1)
			goto usage;
	}
	if (optind == argc)
		return (find_config(c));
	fprintf(stderr, "pg-tided: unexpected argument %s\n", argv[optind]);
usage:
	fprintf(stderr, "Try \"pg-tided --help\".\n");
	return (-1);
}

void
cmdline_free(struct cmdline *c)
{
	struct override *o;

	while (c->noverrides > 0) {
		o = &c->overrides[--c->noverrides];
		if (o->value != NULL)
			explicit_bzero(o->value, strlen(o->value));
		free(o->name);
		free(o->value);
		free(o->origin);
	}
	free(c->overrides);
	c->overrides = NULL;
	free(c->instance_config);
}

static void
help_flag(const char *flag)
{
	static const struct { const char *flag, *text; } rows[] = {
		{ "config", "FILE\tread this file instead of "
		    DEFAULT_CONFIG },
		{ "instance", "NAME\trun as another instance: its file is "
		    TIDE_CONFDIR "/NAME.conf" },
		{ "check-config", "\tcheck the configuration and exit" },
		{ "foreground", ", -f\tstay in the foreground" },
		{ "set", "NAME=VALUE\tset any option below" },
		{ "version", "\tprint the version and exit" },
		{ "help", "\tprint this and exit" },
		{ "help-options", "\tlist the options for programs" }
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].flag, flag) == 0) {
			printf("  --%s%s%s\n", flag, isupper((unsigned char)
			    rows[i].text[0]) ? " " : "", rows[i].text);
			return;
		}
	}
	printf("  --%s VALUE\n", flag);
}

void
cmdline_help(void)
{
	const struct option *o;

	printf("usage: pg-tided [--postgres-url URL] [options]\n\n"
	    "Relays events from PostgreSQL outboxes to their destinations."
	    "\n\n");
	for (o = longopts; o->name != NULL; o++)
		help_flag(o->name);
	printf("\nOptions of the configuration file; each may also be given"
	    " as --set NAME=VALUE\nor in the environment as"
	    " PG_TIDE_NAME:\n\n");
	option_print_help(stdout, tided_options, tided_noptions, "");
	printf("\nOptions in a section [pipeline NAME]:\n\n");
	option_print_help(stdout, binding_options, binding_noptions, "");
}
