/* SPDX-License-Identifier: ISC */
/* Tell control and catalog how the children are. */
#ifndef TIDE_SUPERVISOR_REPORT_H
#define TIDE_SUPERVISOR_REPORT_H

#include "supervisor/process.h"

void	report_process(struct process *);	/* this row has changed */
void	report_removed(struct process *);	/* it will be freed */
void	report_all(struct super *);		/* to a new control */
void	report_workers(struct super *);		/* to a new catalog */
/* A document that was not taken over; its worker goes on as it was. */
void	report_document(struct process *, uint64_t generation,
	    enum exit_cause, const char *text);

#endif
