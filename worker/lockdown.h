/* SPDX-License-Identifier: ISC */
/*
 * The worker's sandbox: which policy its settings, its plugin and its
 * destinations make, stage by stage.
 */
#ifndef TIDE_WORKER_LOCKDOWN_H
#define TIDE_WORKER_LOCKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/sandbox/sandbox.h"

#define LOCKDOWN_DIRS	24
#define LOCKDOWN_PORTS	64

struct lockdown {
	struct sandbox_policy policy;
	struct sandbox_report report;
	char		 plugin_dir[1024];
	const char	*dirs[LOCKDOWN_DIRS];
	uint16_t	 ports[LOCKDOWN_PORTS];
};

/* The text of an option, NULL when it is not set. */
typedef const char *(*lockdown_setting_fn)(void *arg, const char *name);

/*
 * mode, action and required_net from the settings; plugin_path is what will
 * be loaded.  0, or -1 with a message.
 */
int	lockdown_init(struct lockdown *, const char *plugin_path,
	    lockdown_setting_fn, void *arg, char *err, size_t errsize);
/*
 * Before the plugin is loaded nobody knows what it needs: TCP and threads.
 * AF_UNIX and open(2) only when the database connection takes them.
 */
int	lockdown_stage1(struct lockdown *, bool pgunix, bool pgfiles,
	    char *err, size_t errsize);
/* What the plugin says it needs (PGTIDE_NEED_*), no more. */
int	lockdown_stage2(struct lockdown *, uint64_t needs, char *err,
	    size_t errsize);
/* ports and nports were filled in. */
int	lockdown_stage3(struct lockdown *, char *err, size_t errsize);

/* The policy that a plugin with these needs would live under, as text; to be
 * called in place of stage 2.  0, or -1 with errno. */
int	lockdown_print(struct lockdown *, uint64_t needs, int fd);

/* Make libraries open now what they open once; before stage 1. */
void	lockdown_warm_up(void);

#endif
