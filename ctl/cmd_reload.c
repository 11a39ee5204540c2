/* SPDX-License-Identifier: ISC */
/* pg-tidectl reload: as SIGHUP, but with an answer. */
#include "config.h"

#include "ctl/client.h"
#include "ctl/ctl.h"

static int
run(struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return (client_order(ctl, "reload", NULL, NULL));
}

const struct ctl_command cmd_reload = {
	"reload", "",
	"read pg-tided.conf, secrets and the catalog again",
	CTL_DAEMON, 0, 0, run
};
