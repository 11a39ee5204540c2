/* SPDX-License-Identifier: ISC */
/*
 * One instance of the file sink.  Calls on the loop thread only; writing
 * and waiting for the disk happen on a thread of its own.
 */
#ifndef PGTIDE_FILE_FILE_H
#define PGTIDE_FILE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <tide/sink.h>

/* Indices into the table of metrics. */
enum file_metric {
	METRIC_EVENTS,
	METRIC_BYTES,
	METRIC_SYNCS,
	METRIC_FAILURES,
	METRIC_REOPENED,
	METRIC_MAX
};

struct file;

/* NULL with a message. */
struct file *file_open(const struct pgtide_host *, struct pgtide_ctx *,
	    char *err, size_t errsize);
/* Writes what is queued if that takes at most ms; the rest is transient. */
void	file_close(struct file *, uint32_t ms);
size_t	file_deliver(struct file *, const struct pgtide_batch *);
/* There is room again. */
void	file_poll(struct file *);
/* Options and descriptor anew.  0 or -1. */
int	file_reload(struct file *);

#endif
