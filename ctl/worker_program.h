/* SPDX-License-Identifier: ISC */
/*
 * Asking the worker program, which alone knows how to load a sink: with
 * --describe PLUGIN and --validate FILE it says what it knows and ends.
 */
#ifndef TIDE_CTL_WORKER_PROGRAM_H
#define TIDE_CTL_WORKER_PROGRAM_H

#include <stddef.h>

struct ctl;

struct worker_output {
	char	*out;		/* stdout, terminated */
	char	*err;		/* stderr, terminated */
	int	 status;	/* exit status, 128 + N: ended by signal N */
};

/*
 * Run it with the given arguments (NULL-terminated, argv[0] not among
 * them) and a descriptor that stays open in it (-1: none).  0, or -1 with
 * errno when it could not be run.
 */
int	worker_run(struct ctl *, const char *const *args, int keep_fd,
	    struct worker_output *);
void	worker_output_free(struct worker_output *);
/* Tell why it did not do what was asked: its status 3 is CTL_INVALID. */
int	worker_fail(struct ctl *, const struct worker_output *);
/* worker_run() failed, errno says why. */
int	worker_cannot(struct ctl *);

#endif
