/* SPDX-License-Identifier: ISC */
/*
 * What a response means for the message: the table of HTTP statuses.
 */
#include <curl/curl.h>
#include <ctype.h>
#include <stdlib.h>

#include <tide/sink.h>

#include "plugins/webhook/verdict.h"

#define RETRY_MIN_MS	100
#define RETRY_MAX_MS	(60 * 60 * 1000)
#define THROTTLE_MS	1000		/* 429 that does not say how long */

struct rule {
	long			 from, to;
	enum pgtide_result	 result;
	const char		*advice;
};

/*
 * The first match decides.  Only what is known to be about the message
 * itself is permanent: a destination that is set up wrongly, or is being
 * replaced, must not turn a backlog into dead letters.
 */
static const struct rule rules[] = {
	{ 200, 299, PGTIDE_DELIVERED, NULL },
	{ 300, 399, PGTIDE_TRANSIENT,
	    "redirects are not followed: give the final address as url" },
	{ 401, 401, PGTIDE_TRANSIENT,
	    "check bearer_token, headers and signature.secret" },
	{ 403, 403, PGTIDE_TRANSIENT,
	    "the receiver does not admit us: check credentials and its rules" },
	{ 404, 404, PGTIDE_TRANSIENT,
	    "nothing answers at this path: check url" },
	{ 405, 405, PGTIDE_TRANSIENT,
	    "the path does not take POST: check url" },
	{ 407, 407, PGTIDE_TRANSIENT, "a proxy stands in between" },
	{ 408, 408, PGTIDE_TRANSIENT, NULL },
	{ 410, 410, PGTIDE_PAUSE,
	    "the endpoint was removed: enable the pipeline when it is back" },
	{ 421, 421, PGTIDE_TRANSIENT, "another server answers there" },
	{ 425, 425, PGTIDE_TRANSIENT, NULL },
	{ 426, 426, PGTIDE_TRANSIENT, "the receiver wants another protocol" },
	{ 429, 429, PGTIDE_THROTTLED, NULL },
	{ 400, 499, PGTIDE_PERMANENT, NULL },
	{ 500, 599, PGTIDE_TRANSIENT, NULL },
	{ 0, 0, PGTIDE_TRANSIENT, "the answer is not HTTP" }	/* the rest */
};

static const struct rule *
rule_of(long status)
{
	const struct rule *r = rules;

	while (r->to != 0 && (status < r->from || status > r->to))
		r++;
	return (r);
}

struct verdict
verdict_status(long status, int64_t retry_after_ms)
{
	const struct rule *r = rule_of(status);
	struct verdict v = { .result = r->result, .advice = r->advice };

	v.shared = r->result != PGTIDE_PERMANENT;
	if (status == 503 && retry_after_ms >= 0)
		v.result = PGTIDE_THROTTLED;
	if (v.result == PGTIDE_THROTTLED)
		v.retry_ms = retry_after_ms >= 0 ? (uint32_t)retry_after_ms :
		    THROTTLE_MS;
	return (v);
}

static int64_t
clamp_ms(int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds > RETRY_MAX_MS / 1000)
		return (RETRY_MAX_MS);
	return (seconds == 0 ? RETRY_MIN_MS : seconds * 1000);
}

int64_t
verdict_retry_after(const char *value, const char *date, time_t now)
{
	const char *p;
	time_t when, theirs;

	for (p = value; isdigit((unsigned char)*p); p++)
		;
	/* More than nine digits are beyond the bound in any case. */
	if (p != value && *p == '\0')
		return (clamp_ms(p - value > 9 ? RETRY_MAX_MS :
		    strtol(value, NULL, 10)));
	if (p != value || (when = curl_getdate(value, NULL)) == -1)
		return (-1);
	theirs = date != NULL ? curl_getdate(date, NULL) : -1;
	return (clamp_ms((int64_t)when - (theirs != -1 ? theirs : now)));
}
