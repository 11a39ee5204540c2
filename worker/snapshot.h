/* SPDX-License-Identifier: ISC */
/*
 * A pg_snapshot: the set of transactions that a position of the reader
 * covers.
 *
 * Snapshots are immutable and counted: windows that follow each other share
 * one.  Transaction numbers are 64 bit (xid8), they never wrap.  The text
 * form is PostgreSQL's, "xmin:xmax:xip,xip,...".  They mean something in one
 * cluster only; the generation tells which one's numbers they are.  Loop
 * thread only.
 */
#ifndef TIDE_WORKER_SNAPSHOT_H
#define TIDE_WORKER_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot;

/* Parse by PostgreSQL's own rules; NULL with errno EINVAL or ENOMEM. */
struct snapshot *snapshot_parse(const char *, size_t len,
	    int32_t generation);
/* Before everything, and after everything, of a generation. */
#define SNAPSHOT_NOTHING	"3:3:"
#define SNAPSHOT_ALL	"18446744073709551615:18446744073709551615:"
struct snapshot *snapshot_ref(struct snapshot *);
void	snapshot_unref(struct snapshot *);		/* NULL is allowed */

/* Canonical text, valid as long as the snapshot. */
const char *snapshot_text(const struct snapshot *);
int32_t	snapshot_generation(const struct snapshot *);
uint64_t snapshot_xmin(const struct snapshot *);
uint64_t snapshot_xmax(const struct snapshot *);
size_t	snapshot_nxip(const struct snapshot *);
/* Had this transaction ended when the snapshot was taken? */
bool	snapshot_visible(const struct snapshot *, uint64_t xid);
bool	snapshot_equal(const struct snapshot *, const struct snapshot *);
/* 64 bits that stand for the whole set. */
uint64_t snapshot_hash(const struct snapshot *);

#endif
