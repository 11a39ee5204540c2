/* SPDX-License-Identifier: ISC */
/*
 * The options of pg-tided: one typed table for the configuration file, the
 * command line, the environment, --help and the manual.
 */
#ifndef TIDE_SUPERVISOR_OPTIONS_H
#define TIDE_SUPERVISOR_OPTIONS_H

#include "common/option.h"

extern const struct option_def tided_options[];
extern const size_t tided_noptions;

/* Indices of ENUM options, in the order of their choices. */
enum { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };
enum { MODE_REQUIRED, MODE_BEST_EFFORT, MODE_OFF };

/* One line per option: name, type, default, flags; separated by tabs.  The
 * checks of manual and example file read it. */
void	options_list(FILE *);

#endif
