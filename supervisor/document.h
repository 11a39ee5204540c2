/* SPDX-License-Identifier: ISC */
/*
 * A pipeline's document as the catalog hands it over: a sealed memfd that
 * the supervisor never reads, and the references that it holds.  Shared by
 * reference count; never changed once it is complete.
 */
#ifndef TIDE_SUPERVISOR_DOCUMENT_H
#define TIDE_SUPERVISOR_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"

struct reference {
	enum ref_kind	 kind;
	char		*name;
};

struct document {
	unsigned int	 users;
	char		 name[MSG_NAME_MAX];
	char		 outbox[MSG_NAME_MAX];
	char		 plugin[MSG_NAME_MAX];
	uint64_t	 generation;
	int		 fd;
	struct reference *refs;
	size_t		 nrefs;		/* that came */
	size_t		 expected;
};

/*
 * From a PIPELINE frame; the descriptor is taken over.  NULL and why: a name
 * that could leave its place, or a memfd that is not sealed.
 */
struct document *document_new(const struct msg_pipeline *, char *err,
	    size_t errsize);
/* 0, or -1: not of this document, of no known kind, or one too many. */
int	document_add(struct document *, const struct msg_pipeline_ref *);
bool	document_is_complete(const struct document *);
struct document *document_hold(struct document *);
void	document_drop(struct document *);	/* NULL is allowed */

#endif
