/* SPDX-License-Identifier: ISC */
/* Options of pg-tidectl, from one table. */
#ifndef TIDE_CTL_OPTION_H
#define TIDE_CTL_OPTION_H

#include <stdint.h>

struct ctl;

enum ctl_parsed { CTL_PARSED, CTL_PARSED_HELP, CTL_PARSED_VERSION,
	    CTL_PARSED_WRONG };

/*
 * Defaults and environment, then the options, wherever they stand.  Sets
 * *first to the index of the first word that is no option (getopt_long
 * moves those to the end) and *used to the CTL_* groups that were given.
 */
enum ctl_parsed ctl_options_parse(struct ctl *, int argc, char **argv,
	    int *first, uint32_t *used);
/* Those of these groups, and those that are for all. */
void	ctl_options_help(uint32_t groups);

#endif
