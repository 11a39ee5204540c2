/* SPDX-License-Identifier: ISC */
/* The three children that are always there: catalog, control, resolver. */
#ifndef TIDE_SUPERVISOR_CORE_H
#define TIDE_SUPERVISOR_CORE_H

#include "supervisor/super.h"

/* Make the rows and start the processes.  0, or -1 without memory. */
int	core_start(struct super *);
void	core_free(struct super *);
/* After a reload: tell control the settings, the catalog to look again. */
void	core_reloaded(struct super *);
/* Start the catalog anew if what it was handed is not what it was. */
void	core_look(struct super *);
void	core_log_level(struct super *);

#endif
