/* SPDX-License-Identifier: ISC */
/* pg-tidectl pause: until resume, or until the daemon ends. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	return (client_order(ctl, "pause", "pipeline", argv[0]));
}

const struct ctl_command cmd_pause = {
	"pause", "PIPELINE",
	"drain a pipeline and keep it stopped",
	CTL_DAEMON, 1, 1, run
};
