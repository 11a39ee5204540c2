/* SPDX-License-Identifier: ISC */
/* pg-tidectl log-level: more words while something is looked for. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	return (client_order(ctl, "log-level", "level", argv[0]));
}

const struct ctl_command cmd_log_level = {
	"log-level", "error|warn|info|debug",
	"change what every process logs, until restarted",
	CTL_DAEMON, 1, 1, run
};
