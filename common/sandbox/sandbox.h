/* SPDX-License-Identifier: ISC */
/*
 * The lock-down of a process: Landlock layers and seccomp filters in three
 * stages, each of which only narrows (SECURITY says what each holds).
 *
 * Linux 5.13 or newer for Landlock files, 6.7 for TCP ports, 6.12 for
 * scopes; what the kernel has is asked at run time.  Call with a single
 * thread only; sandbox_threads() tells.
 */
#ifndef TIDE_COMMON_SANDBOX_SANDBOX_H
#define TIDE_COMMON_SANDBOX_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_mode {		/* option "sandbox" */
	SANDBOX_REQUIRED,
	SANDBOX_BEST_EFFORT,
	SANDBOX_OFF
};

enum sandbox_action {		/* option "sandbox_action" */
	SANDBOX_KILL,		/* the process dies with SIGSYS */
	SANDBOX_TRAP,		/* one line naming the call, then exit 77 */
	SANDBOX_LOG		/* allowed, logged by the kernel */
};

/* What a process may do beyond the base class. */
#define SANDBOX_TCP	0x01u	/* connect to listed TCP ports */
#define SANDBOX_THREADS	0x02u
#define SANDBOX_UNIX	0x04u	/* AF_UNIX stream: database, brokers */
#define SANDBOX_FILES	0x08u	/* read the listed paths */
#define SANDBOX_ACCEPT	0x10u	/* accept on inherited listeners */
#define SANDBOX_DNS	0x20u	/* UDP, and TCP 53: the resolver */
#define SANDBOX_MEMFD	0x40u	/* memfd_create and seals: the catalog */

struct sandbox_policy {
	enum sandbox_mode mode;
	enum sandbox_action action;
	int		 required_net;	/* 0 no, 1 yes, 2 auto */
	uint32_t	 needs;		/* SANDBOX_* */
	const char *const *read_dirs;	/* stage 1: read and map code below */
	size_t		 nread_dirs;
	const char *const *read_files;	/* SANDBOX_FILES: kept in stage 2 */
	size_t		 nread_files;
	const uint16_t	*ports;		/* stage 3 */
	size_t		 nports;
	/* For tests that prove each layer alone: leave one out. */
	bool		 no_landlock, no_seccomp;
};

struct sandbox_report {
	int	landlock_abi;		/* of the kernel, 0: none */
	bool	files, net, scope;	/* Landlock levels in force */
	bool	seccomp;
};

/*
 * Each returns 0, or -1 with a message that says what is missing and what
 * to do; with mode BEST_EFFORT a missing layer is only reported.  Stage 1
 * also sets no_new_privs and dumpable 0 (again, exec resets it).
 */
int	sandbox_stage1(const struct sandbox_policy *, struct sandbox_report *,
	    char *err, size_t errsize);
int	sandbox_stage2(const struct sandbox_policy *, struct sandbox_report *,
	    char *err, size_t errsize);
int	sandbox_stage3(const struct sandbox_policy *, struct sandbox_report *,
	    char *err, size_t errsize);
/* Stages 1 and 2 in one, for processes without a plugin. */
int	sandbox_enter(const struct sandbox_policy *, struct sandbox_report *,
	    char *err, size_t errsize);

int	sandbox_threads(void);		/* in this process, -1 unknown */
/* The effective policy as text, for "show sandbox".  0 or -1. */
int	sandbox_print(const struct sandbox_policy *, int fd);

int	sandbox_mode_parse(const char *, enum sandbox_mode *);
int	sandbox_action_parse(const char *, enum sandbox_action *);

#endif
