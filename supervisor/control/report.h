/* SPDX-License-Identifier: ISC */
/*
 * What the control process knows, as JSON for pg-tidectl.  Each function
 * returns a new object that the caller puts, NULL without memory.
 */
#ifndef TIDE_CONTROL_REPORT_H
#define TIDE_CONTROL_REPORT_H

#include <json-c/json.h>

struct hub;
struct proc;

struct json_object *report_status(struct hub *);
struct json_object *report_processes(struct hub *);
struct json_object *report_config(struct hub *);
/* The lock-down of one pipeline's process. */
struct json_object *report_sandbox(struct hub *, const struct proc *);

#endif
