/* SPDX-License-Identifier: ISC */
/*
 * Notice that files change, on the way that their names lead: a file that
 * is written or replaced, a symbolic link that is swapped (the "..data" of
 * mounted secrets), one that appears.
 *
 * Nothing is said of which file it was: whoever is told looks at all again,
 * and says again what to watch.  A change between the two is not missed,
 * when each path is named before it is read.
 */
#ifndef TIDE_SUPERVISOR_WATCH_H
#define TIDE_SUPERVISOR_WATCH_H

#include <event2/event.h>

struct watch;

/* fn is told from the event loop, shortly after the first change. */
struct watch *watch_new(struct event_base *, void (*fn)(void *), void *arg);
void	watch_free(struct watch *);	/* NULL is allowed */

/* Forget all paths. */
void	watch_begin(struct watch *);
void	watch_path(struct watch *, const char *path);
/* As if something had changed. */
void	watch_soon(struct watch *);

#endif
