/* SPDX-License-Identifier: ISC */
/*
 * A pipeline's document: checked against the option tables, its references
 * listed.  Reads only; the worker gets the text as the database has it.
 */
#ifndef TIDE_CATALOG_DOCUMENT_H
#define TIDE_CATALOG_DOCUMENT_H

#include <stddef.h>

#include "common/messages.h"

#define DOCUMENT_REFS_MAX	64

struct sinktypes;

struct docref {
	enum ref_kind	 kind;
	char		*value;		/* environment name or path */
};

struct docrefs {
	struct docref	 refs[DOCUMENT_REFS_MAX];
	size_t		 n;
};

/* What the catalog row says beside the document. */
struct document {
	const char	*name, *outbox, *sink_type;
	const char	*text;
};

/*
 * 0 with the references, each once; or -1 with a message that names the JSON
 * path and what is allowed there, never a secret's value (refs is then
 * empty).
 */
int	document_check(const struct document *, const struct sinktypes *,
	    struct docrefs *, char *err, size_t errsize);
void	docrefs_clear(struct docrefs *);

#endif
