/* SPDX-License-Identifier: ISC */
/*
 * One instance of the webhook sink.  Loop thread only.
 */
#ifndef PGTIDE_WEBHOOK_WEBHOOK_H
#define PGTIDE_WEBHOOK_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>

#include <tide/sink.h>

struct webhook;

/* NULL with a message. */
struct webhook *webhook_open(const struct pgtide_host *, struct pgtide_ctx *,
	    char *err, size_t errsize);
/* Whatever is still under way is completed as transient. */
void	webhook_close(struct webhook *);
size_t	webhook_deliver(struct webhook *, const struct pgtide_batch *);
/* Read the options again; the old ones stay on failure.  0 or -1. */
int	webhook_reload(struct webhook *);

#endif
