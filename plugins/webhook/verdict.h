/* SPDX-License-Identifier: ISC */
/*
 * What a response, or the lack of one, means for the message.  Pure
 * functions, any thread.
 */
#ifndef PGTIDE_WEBHOOK_VERDICT_H
#define PGTIDE_WEBHOOK_VERDICT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct verdict {
	uint32_t	 result;	/* enum pgtide_result */
	uint32_t	 retry_ms;	/* THROTTLED */
	bool		 shared;	/* about the destination, so it holds
					 * for every message of a request */
	const char	*advice;	/* static text, or NULL */
};

/* retry_after_ms is -1 when there was no usable Retry-After. */
struct verdict verdict_status(long status, int64_t retry_after_ms);

/*
 * Retry-After as milliseconds from now: seconds or an HTTP date, between
 * 100 ms and an hour; date is the response's own clock (its Date header) or
 * NULL.  -1 when it cannot be understood.
 */
int64_t	verdict_retry_after(const char *value, const char *date, time_t now);

#endif
