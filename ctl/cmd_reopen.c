/* SPDX-License-Identifier: ISC */
/* pg-tidectl reopen: for logrotate. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return (client_order(ctl, "reopen", NULL, NULL));
}

const struct ctl_command cmd_reopen = {
	"reopen", "",
	"open logs and output files again, after rotation",
	CTL_DAEMON, 0, 0, run
};
