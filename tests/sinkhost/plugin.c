/* SPDX-License-Identifier: ISC */
/*
 * Loading a sink plugin and checking what it says about itself.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/sinkhost/sinkhost.h"

static bool
option_well_formed(const struct pgtide_option *o)
{
	if (o->name == NULL || o->name[0] == '\0' || o->help == NULL ||
	    o->help[0] == '\0')
		return (false);
	if (o->type < PGTIDE_OPT_STRING || o->type > PGTIDE_OPT_OUTPUT)
		return (false);
	if (o->type == PGTIDE_OPT_ENUM && o->choices == NULL)
		return (false);
	if ((o->flags & PGTIDE_OPTF_REQUIRED) != 0 && o->dflt != NULL)
		return (false);
	return (o->min <= o->max);
}

static const char *
description_fault(const struct pgtide_sink_plugin *p)
{
	const struct pgtide_option *o;
	size_t i;

	if (p == NULL)
		return ("no description");
	if (p->abi_major != PGTIDE_SINK_ABI_MAJOR)
		return ("another ABI");
	if (p->struct_size < offsetof(struct pgtide_sink_plugin, planned))
		return ("description too short");
	if (p->name == NULL || p->version == NULL || p->summary == NULL)
		return ("name, version or summary is missing");
	if (p->prepare == NULL || p->open == NULL || p->deliver == NULL ||
	    p->poll == NULL || p->flush == NULL || p->close == NULL)
		return ("a mandatory call is missing");
	if (p->noptions > 0 && p->option_size < sizeof(*o))
		return ("option rows too short");
	for (i = 0; i < p->noptions; i++) {
		o = (const void *)((const char *)p->options +
		    i * p->option_size);
		if (!option_well_formed(o))
			return (o->name != NULL ? o->name : "unnamed option");
	}
	return (NULL);
}

const struct pgtide_sink_plugin *
sinkhost_plugin_check(const struct pgtide_sink_plugin *(*describe)(void),
    char *err, size_t errsize)
{
	const struct pgtide_sink_plugin *p = describe();
	const char *fault;

	if ((fault = description_fault(p)) != NULL) {
		(void)snprintf(err, errsize, "bad description: %s", fault);
		return (NULL);
	}
	if (p->prepare(err, errsize) == -1)
		return (NULL);
	return (p);
}

const struct pgtide_sink_plugin *
sinkhost_plugin_load(const char *path, char *err, size_t errsize)
{
	const struct pgtide_sink_plugin *(*describe)(void);
	void *handle, *symbol;

	if ((handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)) == NULL ||
	    (symbol = dlsym(handle, "pgtide_sink_plugin")) == NULL) {
		(void)snprintf(err, errsize, "%s", dlerror());
		return (NULL);
	}
	/* POSIX promises this conversion, ISO C has no cast for it. */
	memcpy(&describe, &symbol, sizeof(describe));
	return (sinkhost_plugin_check(describe, err, errsize));
}
