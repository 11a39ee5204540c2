/* SPDX-License-Identifier: ISC */
/* pg-tidectl stop: as SIGTERM. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return (client_order(ctl, "stop", NULL, NULL));
}

const struct ctl_command cmd_stop = {
	"stop", "",
	"drain every pipeline and end the daemon",
	CTL_DAEMON, 0, 0, run
};
