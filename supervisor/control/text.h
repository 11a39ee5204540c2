/* SPDX-License-Identifier: ISC */
/* Text of other processes made fit for JSON, and times as RFC 3339. */
#ifndef TIDE_CONTROL_TEXT_H
#define TIDE_CONTROL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_TIME_MAX	40

/* Replace, in place, every byte that is not part of UTF-8 with '?'. */
void	text_clean(char *);
/* "2026-01-31T09:30:00.123456Z" from microseconds since 1970. */
const char *text_time(int64_t us, char buf[TEXT_TIME_MAX]);

#endif
