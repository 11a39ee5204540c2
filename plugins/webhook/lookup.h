/* SPDX-License-Identifier: ISC */
/*
 * Where the host name of the URL leads: looked up through the host, checked,
 * and pinned for libcurl, which never looks a name up itself.  Loop thread
 * only.
 */
#ifndef PGTIDE_WEBHOOK_LOOKUP_H
#define PGTIDE_WEBHOOK_LOOKUP_H

#include <curl/curl.h>
#include <stdbool.h>

#include <tide/sink.h>

struct lookup;
struct url;

/* One answer, kept by the requests that were started with it. */
struct pins {
	unsigned int	 refs;
	struct curl_slist *resolve;	/* for CURLOPT_RESOLVE, one entry */
};

enum lookup_state {
	LOOKUP_READY,		/* addresses are known, or none is needed */
	LOOKUP_ASKING,		/* changed() will be called */
	LOOKUP_FAILED		/* lookup_error() says why */
};

struct lookup *lookup_new(const struct pgtide_host *, struct pgtide_ctx *,
	    const struct url *, bool allow_private, void (*changed)(void *),
	    void *);		/* the URL is borrowed during the call */
void	lookup_free(struct lookup *);

/* May a request be started?  Asks again when the answer is getting old. */
enum lookup_state lookup_state(struct lookup *);
/* The current answer; NULL for a literal address, or after a failure. */
struct pins *lookup_pins(struct lookup *);
/* Connecting failed: do not rely on an old answer any more. */
void	lookup_doubt(struct lookup *);
/* What went wrong with the last look-up, NULL when nothing did. */
const char *lookup_error(const struct lookup *);

struct pins *pins_ref(struct pins *);
void	pins_unref(struct pins *);

#endif
