/* SPDX-License-Identifier: ISC */
/*
 * Look at everything that a process is or would be handed: can it be had,
 * is it what it was, and where does it lie.  Nothing of it is kept.
 */
#ifndef TIDE_SUPERVISOR_INSPECT_H
#define TIDE_SUPERVISOR_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"

struct document;
struct super;
struct watch;

/*
 * The connection string of a role, the files that it names, and what the
 * document refers to (NULL: none).  CAUSE_NONE and a fingerprint, or the
 * cause and which reference, which rule.  Each path is put under watch
 * before it is read, also those behind the first that fails; watch may be
 * NULL.
 */
enum exit_cause inspect(struct super *, enum role, const char *pipeline,
	    const struct document *, struct watch *, uint64_t *fingerprint,
	    char *err, size_t errsize);

#endif
