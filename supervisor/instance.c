/* SPDX-License-Identifier: ISC */
/* The names and places of an instance. */
#include "config.h"

#include "supervisor/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN	32
#define NAME_CHARS	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
			    "0123456789-_"

int
instance_check(const char *name)
{
	size_t len = strlen(name);

	return (len == 0 || len > NAME_MAX_LEN || *name == '-' ||
	    strspn(name, NAME_CHARS) != len ? -1 : 0);
}

char *
instance_config(const char *name)
{
	char *path;

	return (asprintf(&path, "%s/%s.conf", TIDE_CONFDIR, name) == -1 ?
	    NULL : path);
}

int
instance_defaults(const char *name,
    int (*fn)(const char *, const char *, void *), void *arg)
{
	static const struct { const char *option, *file; } rows[] = {
		{ "control_socket", "control.sock" },
		{ "pid_file", "pg-tided.pid" }
	};
	char path[1024];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s",
		    TIDE_RUNDIR, name, rows[i].file) >= sizeof(path) ||
		    fn(rows[i].option, path, arg) == -1)
			return (-1);
	}
	return (0);
}
