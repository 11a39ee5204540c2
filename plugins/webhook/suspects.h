/* SPDX-License-Identifier: ISC */
/*
 * Events that were in a refused array: they are sent one by one until each
 * was judged alone.  Remembers a few thousand; an event that is forgotten
 * costs one more refused array.
 */
#ifndef PGTIDE_WEBHOOK_SUSPECTS_H
#define PGTIDE_WEBHOOK_SUSPECTS_H

#include <stdbool.h>

struct suspects;

struct suspects *suspects_new(void);
void	suspects_free(struct suspects *);
void	suspects_add(struct suspects *, const char *id);
void	suspects_remove(struct suspects *, const char *id);
bool	suspects_has(const struct suspects *, const char *id);

#endif
