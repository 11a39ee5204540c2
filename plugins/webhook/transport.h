/* SPDX-License-Identifier: ISC */
/*
 * libcurl's multi interface on the host's event loop.  Loop thread only.
 */
#ifndef PGTIDE_WEBHOOK_TRANSPORT_H
#define PGTIDE_WEBHOOK_TRANSPORT_H

#include <curl/curl.h>
#include <stddef.h>

#include <tide/sink.h>

struct transport;

/*
 * done() is called for each finished transfer, idle() once after a group of
 * them; neither from inside transport_add().
 */
struct transport_user {
	void	(*done)(void *, CURL *, CURLcode);
	void	(*idle)(void *);
	void	*arg;
};

struct transport *transport_new(const struct pgtide_host *,
	    struct pgtide_ctx *, const struct transport_user *);
/* Every transfer must have been removed. */
void	transport_free(struct transport *);
void	transport_limit(struct transport *, size_t connections);
int	transport_add(struct transport *, CURL *);	/* 0 or -1 */
void	transport_remove(struct transport *, CURL *);

#endif
