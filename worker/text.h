/* SPDX-License-Identifier: ISC */
/*
 * Writing the small texts of an event.  Every function writes to a place
 * that is known to be large enough (the sizes are below), returns the first
 * byte behind what it wrote, and writes no NUL.  No allocation.
 */
#ifndef TIDE_WORKER_TEXT_H
#define TIDE_WORKER_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_BASE36_MAX	14		/* sign and 13 digits */
#define TEXT_INT_MAX	20
#define TEXT_TIME_MAX	34		/* "+292278-01-10T..." at the worst */
#define TEXT_JSON_GROWS	6		/* "\u00xx" for one byte */

char	*text_put(char *, const void *, size_t);
char	*text_int(char *, int64_t);
/* Lower-case base 36; what tide.event_identity() prints. */
char	*text_base36(char *, int64_t);
/* Microseconds since 1970 as RFC 3339 in UTC, six decimals. */
char	*text_time(char *, int64_t us);
/* The inside of a JSON string. */
char	*text_json(char *, const char *, size_t);

#endif
