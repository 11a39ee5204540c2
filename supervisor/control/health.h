/* SPDX-License-Identifier: ISC */
/*
 * Is this daemon ready?  Ready means: catalog and resolver are confined
 * and serve, the catalog has its database, and every pipeline that should
 * run here is relaying, retrying within its bounds, standing by for another
 * host, or paused by an operator.
 */
#ifndef TIDE_CONTROL_HEALTH_H
#define TIDE_CONTROL_HEALTH_H

#include <json-c/json.h>
#include <stdbool.h>

struct hub;

/* The reason is the first one found, a static or borrowed text. */
bool	health_ready(const struct hub *, const char **reason);
/* Body of /health: states, but no error texts (they may name hosts).
 * NULL when there is no memory. */
struct json_object *health_json(const struct hub *);

#endif
