/* SPDX-License-Identifier: ISC */
/* pg-tidectl resume: the end of pause. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	return (client_order(ctl, "resume", "pipeline", argv[0]));
}

const struct ctl_command cmd_resume = {
	"resume", "PIPELINE",
	"start a paused pipeline",
	CTL_DAEMON, 1, 1, run
};
