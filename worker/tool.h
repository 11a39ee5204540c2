/* SPDX-License-Identifier: ISC */
/*
 * What the worker's program does at a shell, for pg-tidectl:
 *
 *	--describe PLUGIN [--json]	print the option table of a plugin, or
 *					with @pipeline that of any pipeline
 *	--validate FILE			check a pipeline's document against both
 *	--print-sandbox PLUGIN		print the sandbox that it would live in:
 *					layers, paths, system calls
 *	--plugin-dir DIR		where plugins are
 *
 * PLUGIN is a name, or the path of a file.  The plugin is loaded inside
 * stage 1 of the sandbox and never as root.  Exit status: 0 fine, 3 the
 * document or the plugin is not, 1 anything else.
 */
#ifndef TIDE_WORKER_TOOL_H
#define TIDE_WORKER_TOOL_H

#include <stdbool.h>

bool	tool_wanted(int argc, char **argv);
int	tool_main(int argc, char **argv);

#endif
