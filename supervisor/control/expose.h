/* SPDX-License-Identifier: ISC */
/*
 * The metrics page: Prometheus text format 0.0.4 or OpenMetrics 1.0, the
 * one that the client prefers.
 */
#ifndef TIDE_CONTROL_EXPOSE_H
#define TIDE_CONTROL_EXPOSE_H

#include <event2/buffer.h>
#include <stdint.h>

struct store;

enum expose_format { EXPOSE_TEXT, EXPOSE_OPENMETRICS };

/* What an Accept header (NULL: none) asks for. */
enum expose_format expose_negotiate(const char *accept);
const char *expose_content_type(enum expose_format);
/* Append the page; 0, or -1 when there is no memory for it. */
int	expose_page(struct evbuffer *, const struct store *,
	    enum expose_format, int64_t now_us);

#endif
