/* SPDX-License-Identifier: ISC */
/*
 * seccomp filters made of classes of system calls.
 *
 * classes.c holds the tables, one per class; filter.c forms the union of
 * the active ones and emits each system call once.
 */
#ifndef TIDE_COMMON_SANDBOX_FILTER_H
#define TIDE_COMMON_SANDBOX_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sandbox/sandbox.h"

/* Beside SANDBOX_* of the policy: what a stage adds. */
#define FILTER_LOADING	0x010000u	/* open and map code */
#define FILTER_CONFINE	0x020000u	/* add further layers */
#define FILTER_OPENABLE	0x040000u	/* open(2) is left to Landlock */
#define FILTER_ALWAYS	0x800000u

#define FILTER_CONDS	3

/* arg & mask == value */
struct filter_cond {
	unsigned int	 arg;
	uint64_t	 mask, value;
};

struct filter_rule {
	int	 nr;			/* SCMP_SYS(name) */
	int	 err;			/* 0: allow, else answer with it */
	bool	 own_pid;		/* argument 0 must be getpid() */
	unsigned int nconds;
	struct filter_cond conds[FILTER_CONDS];
};

struct filter_class {
	const char	*name;
	uint32_t	 when;		/* active when any of these is set */
	uint32_t	 unless;	/* ... and none of these */
	const struct filter_rule *rules;
	size_t		 nrules;
};

const struct filter_class *filter_classes(size_t *n);

/*
 * Install a filter of the classes for all threads; what they do not allow
 * ends as action says.  0, or -1 with a message.
 */
int	filter_load(uint32_t classes, enum sandbox_action, char *err,
	    size_t errsize);
/* Install the last filter: no more Landlock layers, no more filters. */
int	filter_seal(enum sandbox_action, char *err, size_t errsize);
/* Write the filter as pseudo code.  0, or -1 with errno. */
int	filter_export(uint32_t classes, enum sandbox_action, int fd);

/* SANDBOX_TRAP: name the refused call on descriptor 2, exit 77. */
int	trap_install(char *err, size_t errsize);

#endif
