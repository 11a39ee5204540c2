/* SPDX-License-Identifier: ISC */
/*
 * The head of an HTTP/1 request, as much of it as a metrics port needs:
 * method, path and Accept.  The rest is checked for shape and ignored.
 */
#ifndef TIDE_CONTROL_HTTPHEAD_H
#define TIDE_CONTROL_HTTPHEAD_H

#include <stddef.h>

#define HTTP_HEAD_MAX	8192	/* bytes, the empty line included */
#define HTTP_PATH_MAX	128
#define HTTP_ACCEPT_MAX	1024

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_head {
	enum http_method method;
	char	path[HTTP_PATH_MAX];	/* without query; "" for the others */
	char	accept[HTTP_ACCEPT_MAX];	/* "" when there is none */
};

/* Bytes up to and with the empty line, 0 when it has not come yet. */
size_t	http_head_length(const char *, size_t);
/*
 * Take apart what http_head_length() measured.  Returns 200, or the status
 * to answer with: 400, 414, 505.
 */
int	http_head_parse(const char *, size_t, struct http_head *);

#endif
