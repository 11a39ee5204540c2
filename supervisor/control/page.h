/* SPDX-License-Identifier: ISC */
/* What the metrics port answers. */
#ifndef TIDE_CONTROL_PAGE_H
#define TIDE_CONTROL_PAGE_H

struct evbuffer;
struct http_head;
struct hub;

/*
 * Append the whole answer to a request, headers first.  status is what
 * http_head_parse() returned, or another status to tell of; the head is not
 * looked at unless it is 200.  0, or -1 without memory.
 */
int	page_answer(struct evbuffer *, struct hub *, int status,
	    const struct http_head *);

#endif
