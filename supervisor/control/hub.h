/* SPDX-License-Identifier: ISC */
/*
 * What the control process knows, in one place: filled by channels and by
 * the supervisor's frames, shown by the exporter, the health pages and the
 * control socket.
 */
#ifndef TIDE_CONTROL_HUB_H
#define TIDE_CONTROL_HUB_H

#include <stdint.h>
#include <sys/types.h>

struct child;
struct event_base;
struct families;
struct procs;
struct store;

struct hub {
	struct event_base	*base;
	struct child		*child;
	struct families		*families;
	struct store		*store;
	struct procs		*procs;
	int64_t			 started_us;	/* wall clock */
	gid_t			 admin_gid;	/* control_group, -1: none */
};

#endif
