/* SPDX-License-Identifier: ISC */
/*
 * One HTTP request: the messages in it, its body, headers and transfer, and
 * what came back.  Slots are made once and used again and again.
 *
 * Loop thread only.  The bytes of the messages are the host's and must stay
 * until the request is judged.
 */
#ifndef PGTIDE_WEBHOOK_REQUEST_H
#define PGTIDE_WEBHOOK_REQUEST_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#include <tide/sink.h>

#include "plugins/webhook/headers.h"
#include "plugins/webhook/verdict.h"

struct conf;
struct pins;

#define ANSWER_KEEP	4096		/* of a response, for the error text */
#define ANSWER_LIMIT	(1024 * 1024)	/* then the connection is cut */
#define HEADERS_LIMIT	(64 * 1024)
#define DETAIL_MAX	(ANSWER_KEEP + 512)

struct request {
	struct request	*next;		/* of the idle ones */
	const struct pgtide_host *host;
	struct pgtide_ctx *ctx;
	struct conf	*conf;		/* that easy was set up with */
	struct pins	*pins;		/* that easy was given */
	CURL		*easy;
	bool		 active;	/* the transfer is with libcurl */
	struct pgtide_msg *msgs;
	size_t		 nmsgs, max;
	char		*array;		/* body of a batch */
	size_t		 arraylen, arraysize;
	struct headers	 headers;
	size_t		 answered, kept, header_bytes;
	bool		 cut;		/* by ANSWER_LIMIT */
	char		 answer[ANSWER_KEEP];
	char		 error[CURL_ERROR_SIZE];
	char		 detail[DETAIL_MAX];
};

struct request *request_new(const struct pgtide_host *, struct pgtide_ctx *);
void	request_free(struct request *);

/*
 * Empty the slot and set it up for conf and pins (NULL: literal address).
 * 0 or -1.
 */
int	request_begin(struct request *, struct conf *, struct pins *);
void	request_add(struct request *, const struct pgtide_msg *);
/*
 * Build body, headers and signature.  0, or -1 with errno: ENOMEM, or
 * EINVAL when the one message can never become a request.
 */
int	request_build(struct request *);
/* Let go of conf and pins, and of the secrets in them. */
void	request_forget(struct request *);
/*
 * After the transfer: what it means, the text in detail ("" if delivered),
 * the native code: an HTTP status, or a libcurl code below 100.
 */
struct verdict request_judge(struct request *, CURLcode, int32_t *code);

#endif
