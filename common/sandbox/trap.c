/* SPDX-License-Identifier: ISC */
/*
 * SIGSYS handler of sandbox_action = trap: one line that names the refused
 * system call, then exit 77.  For finding out, not for production: the
 * process that it runs in could replace it.
 */
#include "config.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/sandbox/filter.h"

#define TRAP_CALLS	512
#define TRAP_NAME	28
#define TRAP_EXIT	77

/* Resolved before the filter is there: a handler may not allocate. */
static char trap_names[TRAP_CALLS][TRAP_NAME];

static size_t
put_str(char *dst, size_t pos, size_t size, const char *s)
{
	while (*s != '\0' && pos < size)
		dst[pos++] = *s++;
	return (pos);
}

static size_t
put_num(char *dst, size_t pos, size_t size, uint64_t v, unsigned int base)
{
	char digits[24];
	size_t i = sizeof(digits);

	digits[--i] = '\0';
	do {
		digits[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0 && i > 0);
	return (put_str(dst, pos, size, &digits[i]));
}

static void
trap_report(int sig, siginfo_t *info, void *context)
{
	char line[160];
	size_t n = 0;
	int nr = info->si_syscall;

	(void)sig;
	(void)context;
	n = put_str(line, n, sizeof(line), "sandbox: system call ");
	if (nr >= 0 && nr < TRAP_CALLS && trap_names[nr][0] != '\0') {
		n = put_str(line, n, sizeof(line), trap_names[nr]);
		n = put_str(line, n, sizeof(line), " ");
	}
	n = put_str(line, n, sizeof(line), "number ");
	n = put_num(line, n, sizeof(line), (uint64_t)(unsigned int)nr, 10);
	n = put_str(line, n, sizeof(line), " arch 0x");
	n = put_num(line, n, sizeof(line), info->si_arch, 16);
	n = put_str(line, n, sizeof(line), " at 0x");
	n = put_num(line, n, sizeof(line),
	    (uint64_t)(uintptr_t)info->si_call_addr, 16);
	n = put_str(line, n, sizeof(line), " refused\n");
	if (write(STDERR_FILENO, line, n) == -1)
		_exit(TRAP_EXIT + 1);
	_exit(TRAP_EXIT);
}

static void
trap_resolve_names(void)
{
	char *name;
	int nr;

	for (nr = 0; nr < TRAP_CALLS; nr++) {
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
		if (name == NULL)
			continue;
		snprintf(trap_names[nr], TRAP_NAME, "%s", name);
		free(name);
	}
}

int
trap_install(char *err, size_t errsize)
{
	struct sigaction sa;
	sigset_t set;

	trap_resolve_names();
	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = trap_report;
	sa.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigemptyset(&sa.sa_mask);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	/* A blocked SIGSYS kills without asking the handler. */
	if (sigaction(SIGSYS, &sa, NULL) == -1 ||
	    sigprocmask(SIG_UNBLOCK, &set, NULL) == -1) {
		snprintf(err, errsize, "SIGSYS handler: %s", strerror(errno));
		return (-1);
	}
	return (0);
}
