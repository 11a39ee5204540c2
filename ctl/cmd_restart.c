/* SPDX-License-Identifier: ISC */
/* pg-tidectl restart: a fresh process for one pipeline. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	return (client_order(ctl, "restart", "pipeline", argv[0]));
}

const struct ctl_command cmd_restart = {
	"restart", "PIPELINE",
	"drain a pipeline and start its worker anew",
	CTL_DAEMON, 1, 1, run
};
