/* SPDX-License-Identifier: ISC */
/* What sinkopt's files share: the table, and what the document said. */
#ifndef TIDE_WORKER_SINKOPT_I_H
#define TIDE_WORKER_SINKOPT_I_H

#include <stdbool.h>

#include "common/option.h"
#include "worker/sinkopt.h"

#define SINKOPT_PATH	256

/* An element as the document or the default gave it. */
struct raw {
	char		*path;		/* "sink.brokers[1]" */
	char		*key;		/* MAP, else NULL */
	char		*text;
	bool		 refs;		/* holds ${...} references */
	bool		 split;		/* "a,b" stands for a list */
};

struct value {
	struct sinkopt_value v;
	char		*owned;		/* text, unless it is in the arena */
};

struct entry {
	struct raw	*raws;
	size_t		 nraws;
	struct value	*values;
	size_t		 nvalues;
	void		*bytes;		/* FILE, once resolved */
	size_t		 nbytes;
	int		 fd;		/* OUTPUT, once resolved; borrowed */
};

struct sinkopt {
	struct pgtide_option *table;
	struct option_def *defs;	/* the same, as common/option has it */
	struct entry	*entries;
	size_t		 n;
};

void	entry_clear(struct entry *);
/* Append an element; the strings are copied. */
int	entry_add_raw(struct sinkopt *, size_t option, const char *path,
	    const char *key, const char *text, char *err, size_t errsize);

/*
 * Turn raws into values.  Without an arena, options with references are
 * left without values.
 */
int	sinkopt_build(struct sinkopt *, struct secretmem *, char *err,
	    size_t errsize);

#endif
