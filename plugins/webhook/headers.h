/* SPDX-License-Identifier: ISC */
/*
 * The header lines of one request, built in memory that is used again for
 * the next: no allocation per request.
 */
#ifndef PGTIDE_WEBHOOK_HEADERS_H
#define PGTIDE_WEBHOOK_HEADERS_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

#define HEADERS_MAX	64
#define HEADERS_BYTES	(16 * 1024)

struct headers {
	struct curl_slist nodes[HEADERS_MAX];
	size_t		 n;
	size_t		 used;
	char		 bytes[HEADERS_BYTES];
};

void	headers_begin(struct headers *);
/* 0, or -1 when it is not a header or there is no room for it. */
int	headers_add(struct headers *, const char *name, const void *value,
	    size_t len);
int	headers_add_text(struct headers *, const char *name, const char *);
/* The list, ending in rest; valid until the next headers_begin(). */
struct curl_slist *headers_end(struct headers *, struct curl_slist *rest);

/* Names that only this plugin or libcurl may set. */
bool	header_is_reserved(const char *name);
/* Names that a message's own header must not have either. */
bool	header_is_private(const char *name);

#endif
