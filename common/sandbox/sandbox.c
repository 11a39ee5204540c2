/* SPDX-License-Identifier: ISC */
/*
 * The three stages: which Landlock layer and which filter each applies.
 */
#include "config.h"

#include <sys/prctl.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/sandbox/filter.h"
#include "common/sandbox/landlock.h"
#include "common/sandbox/sandbox.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE			65
#define PR_MDWE_REFUSE_EXEC_GAIN	1
#endif

enum stage { STAGE_1, STAGE_2, STAGE_3 };

#ifdef __SANITIZE_ADDRESS__
/* The leak checker forks and traces at exit: it would die of the filter. */
static int filtered;
int	__lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
	return (filtered);
}
#endif

/* /proc/self/status, opened before files are out of reach. */
static int status_fd = -1;

static int
status_open(void)
{
	return (open("/proc/self/status", O_RDONLY | O_CLOEXEC));
}

int
sandbox_threads(void)
{
	char buf[4096], *p;
	ssize_t n;
	int fd, threads;

	fd = status_fd != -1 ? status_fd : status_open();
	if (fd == -1)
		return (-1);
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	if (fd != status_fd)
		close(fd);
	if (n <= 0)
		return (-1);
	buf[n] = '\0';
	if ((p = strstr(buf, "\nThreads:")) == NULL)
		return (-1);
	threads = (int)strtol(p + strlen("\nThreads:"), NULL, 10);
	return (threads > 0 ? threads : -1);
}

/* Landlock holds for the calling thread alone. */
static int
check_single(char *err, size_t errsize)
{
	int n = sandbox_threads();

	if (n == 1)
		return (0);
	if (n == -1)
		snprintf(err, errsize, "cannot count the threads: /proc is "
		    "not readable");
	else
		snprintf(err, errsize, "%d threads where only one may be", n);
	return (-1);
}

static int
set_process_flags(char *err, size_t errsize)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
		snprintf(err, errsize, "no_new_privs: %s", strerror(errno));
		return (-1);
	}
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1) {
		snprintf(err, errsize, "dumpable: %s", strerror(errno));
		return (-1);
	}
	return (0);
}

/*
 * What the kernel lacks.  0 when the policy can be followed, as far as it
 * insists.
 */
static int
check_kernel(const struct sandbox_policy *policy, int abi, char *err,
    size_t errsize)
{
	if (policy->mode != SANDBOX_REQUIRED || policy->no_landlock)
		return (0);
	if (abi < LANDLOCK_ABI_FILES) {
		snprintf(err, errsize, "this kernel has no Landlock: it "
		    "needs Linux 5.13 or newer with landlock in the lsm= "
		    "list; or set sandbox = best-effort");
		return (-1);
	}
	if (policy->required_net == 1 && abi < LANDLOCK_ABI_NET) {
		snprintf(err, errsize, "required_net = yes, but this kernel "
		    "cannot restrict TCP ports (Linux 6.7 or newer can)");
		return (-1);
	}
	return (0);
}

static void
layer_for(const struct sandbox_policy *policy, enum stage stage,
    struct landlock_layer *layer)
{
	memset(layer, 0, sizeof(*layer));
	layer->files = stage != STAGE_3;
	if (stage == STAGE_1) {
		layer->dirs = policy->read_dirs;
		layer->ndirs = policy->nread_dirs;
		layer->scope = true;
		layer->no_bind = true;
		/* Which ports is known in stage 3 only. */
		layer->ports_only =
		    (policy->needs & (SANDBOX_TCP | SANDBOX_DNS)) == 0;
	}
	if (layer->files && (policy->needs & SANDBOX_FILES) != 0) {
		layer->paths = policy->read_files;
		layer->npaths = policy->nread_files;
	}
	if (stage == STAGE_3) {
		layer->ports_only = true;
		layer->ports = policy->ports;
		layer->nports = policy->nports;
	}
}

static uint32_t
classes_for(const struct sandbox_policy *policy, enum stage stage,
    const struct sandbox_report *report)
{
	uint32_t classes = policy->needs | FILTER_CONFINE;

	if (stage == STAGE_1)
		return (classes | FILTER_LOADING | FILTER_OPENABLE);
	/* Without Landlock nothing would say which files. */
	if ((policy->needs & SANDBOX_FILES) != 0 &&
	    (report->files || policy->nread_files > 0))
		classes |= FILTER_OPENABLE;
	return (classes);
}

static int
apply_landlock(const struct sandbox_policy *policy, enum stage stage,
    struct sandbox_report *report, char *err, size_t errsize)
{
	struct landlock_layer layer;

	if (policy->no_landlock)
		return (0);
	report->landlock_abi = landlock_abi();
	if (check_kernel(policy, report->landlock_abi, err, errsize) == -1)
		return (-1);
	layer_for(policy, stage, &layer);
	if (landlock_apply(&layer, report->landlock_abi, err, errsize) == -1) {
		if (policy->mode == SANDBOX_REQUIRED)
			return (-1);
		log_warnx("sandbox: %s; going on without", err);
		return (0);
	}
	report->files = report->landlock_abi >= LANDLOCK_ABI_FILES;
	report->scope = report->landlock_abi >= LANDLOCK_ABI_SCOPE;
	if (layer.ports_only)
		report->net = report->landlock_abi >= LANDLOCK_ABI_NET;
	return (0);
}

static int
apply_seccomp(const struct sandbox_policy *policy, enum stage stage,
    struct sandbox_report *report, char *err, size_t errsize)
{
	int rc;

	if (policy->no_seccomp)
		return (0);
	if (stage == STAGE_1) {
		/* Since Linux 6.3; the filter says most of it too. */
		(void)prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
		if (policy->action == SANDBOX_TRAP &&
		    trap_install(err, errsize) == -1)
			return (-1);
	}
	if (stage == STAGE_3)
		rc = filter_seal(policy->action, err, errsize);
	else
		rc = filter_load(classes_for(policy, stage, report),
		    policy->action, err, errsize);
#ifdef __SANITIZE_ADDRESS__
	filtered = 1;
#endif
	if (rc == 0)
		report->seccomp = true;
	else if (policy->mode == SANDBOX_BEST_EFFORT) {
		log_warnx("sandbox: %s; going on without", err);
		rc = 0;
	}
	return (rc);
}

static int
apply(const struct sandbox_policy *policy, enum stage stage,
    struct sandbox_report *report, char *err, size_t errsize)
{
	if (stage == STAGE_1) {
		memset(report, 0, sizeof(*report));
		if (set_process_flags(err, errsize) == -1)
			return (-1);
	}
	if (policy->mode == SANDBOX_OFF)
		return (0);
	if (status_fd == -1 && stage == STAGE_1)
		status_fd = status_open();
	if (check_single(err, errsize) == -1)
		return (-1);
	if (apply_landlock(policy, stage, report, err, errsize) == -1 ||
	    apply_seccomp(policy, stage, report, err, errsize) == -1)
		return (-1);
	if (stage == STAGE_3 && status_fd != -1) {
		close(status_fd);
		status_fd = -1;
	}
	return (0);
}

int
sandbox_stage1(const struct sandbox_policy *policy,
    struct sandbox_report *report, char *err, size_t errsize)
{
	return (apply(policy, STAGE_1, report, err, errsize));
}

int
sandbox_stage2(const struct sandbox_policy *policy,
    struct sandbox_report *report, char *err, size_t errsize)
{
	return (apply(policy, STAGE_2, report, err, errsize));
}

int
sandbox_stage3(const struct sandbox_policy *policy,
    struct sandbox_report *report, char *err, size_t errsize)
{
	return (apply(policy, STAGE_3, report, err, errsize));
}

int
sandbox_enter(const struct sandbox_policy *policy,
    struct sandbox_report *report, char *err, size_t errsize)
{
	if (sandbox_stage1(policy, report, err, errsize) == -1)
		return (-1);
	return (sandbox_stage2(policy, report, err, errsize));
}

static void
print_list(int fd, const char *what, const char *const *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		dprintf(fd, "%s %s\n", what, items[i]);
}

static void
print_landlock(const struct sandbox_policy *policy, int fd)
{
	int abi = policy->no_landlock ? 0 : landlock_abi();
	size_t i;

	dprintf(fd, "landlock abi %d\n", abi);
	dprintf(fd, "landlock files %s\n",
	    abi >= LANDLOCK_ABI_FILES ? "yes" : "no");
	dprintf(fd, "landlock net %s\n",
	    abi >= LANDLOCK_ABI_NET ? "yes" : "no");
	dprintf(fd, "landlock scope %s\n",
	    abi >= LANDLOCK_ABI_SCOPE ? "yes" : "no");
	print_list(fd, "stage1 read", policy->read_dirs, policy->nread_dirs);
	if ((policy->needs & SANDBOX_FILES) != 0)
		print_list(fd, "read", policy->read_files,
		    policy->nread_files);
	for (i = 0; i < policy->nports; i++)
		dprintf(fd, "connect tcp %u\n",
		    (unsigned int)policy->ports[i]);
}

int
sandbox_print(const struct sandbox_policy *policy, int fd)
{
	const struct filter_class *class;
	struct sandbox_report report;
	uint32_t classes;
	size_t i, n;

	if (policy->mode == SANDBOX_OFF)
		return (dprintf(fd, "sandbox off\n") < 0 ? -1 : 0);
	print_landlock(policy, fd);
	if (policy->no_seccomp)
		return (0);
	memset(&report, 0, sizeof(report));
	report.files = !policy->no_landlock && landlock_abi() > 0;
	classes = classes_for(policy, STAGE_2, &report);
	class = filter_classes(&n);
	for (i = 0; i < n; i++)
		if (((classes | FILTER_ALWAYS) & class[i].when) != 0 &&
		    (classes & class[i].unless) == 0)
			dprintf(fd, "seccomp class %s\n", class[i].name);
	return (filter_export(classes, policy->action, fd));
}

static int
word_find(const char *const *words, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(words[i], s) == 0)
			return ((int)i);
	return (-1);
}

int
sandbox_mode_parse(const char *s, enum sandbox_mode *mode)
{
	static const char *const words[] = { "required", "best-effort",
	    "off" };
	int i = word_find(words, 3, s);

	if (i == -1)
		return (-1);
	*mode = (enum sandbox_mode)i;
	return (0);
}

int
sandbox_action_parse(const char *s, enum sandbox_action *action)
{
	static const char *const words[] = { "kill", "trap", "log" };
	int i = word_find(words, 3, s);

	if (i == -1)
		return (-1);
	*action = (enum sandbox_action)i;
	return (0);
}
