/* SPDX-License-Identifier: ISC */
/*
 * Programs that a unit test talks to: started with a directory of their
 * own, stopped by their process id.
 */
#ifndef TIDE_TESTS_UNIT_PEERPROG_H
#define TIDE_TESTS_UNIT_PEERPROG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peerprog {
	pid_t	pid;
	int	port;
	char	record[512];	/* the receiver's record */
};

/* A fresh directory for this test program; removed by peerprog_cleanup(). */
const char *peerprog_dir(void);
void	peerprog_cleanup(void);
/* Run to the end; its exit status, -1 if it could not be run. */
int	peerprog_run(const char *const argv[]);
/* Is there such a program in PATH or the sbin directories? */
bool	peerprog_exists(const char *name);

/* tests/lib/receiver.py with these arguments; 0, or -1 after 20 s. */
int	peerprog_receiver(struct peerprog *, const char *const args[]);
/* Any other program that listens on port. */
int	peerprog_start(struct peerprog *, const char *const argv[], int port);
void	peerprog_stop(struct peerprog *);
/* A port that was free a moment ago, -1 on failure. */
int	peerprog_free_port(void);

/*
 * One plain HTTP request to 127.0.0.1; the body of the answer into out.
 * Status, or -1.
 */
int	peerprog_ask(int port, const char *path, const char *body, char *out,
	    size_t outsize);
/* The whole record as one string, to be freed. */
char	*peerprog_record(const struct peerprog *);

#endif
