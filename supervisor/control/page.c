/* SPDX-License-Identifier: ISC */
/* The pages of the metrics port, and the HTTP around them. */
#include "config.h"

#include "supervisor/control/page.h"

#include <event2/buffer.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/units.h"
#include "supervisor/control/derive.h"
#include "supervisor/control/expose.h"
#include "supervisor/control/health.h"
#include "supervisor/control/httphead.h"
#include "supervisor/control/hub.h"

/* An answer on its way: the status is decided by whoever fills the body. */
struct page {
	struct hub		*hub;
	const struct http_head	*head;
	struct evbuffer		*body;
	int			 status;
	const char		*type;
	bool			 failed;	/* no memory */
};

static const struct {
	int		 status;
	const char	*reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 414, "URI Too Long" },
	{ 431, "Request Header Fields Too Large" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" }
};

static const char *
reason_of(int status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return (reasons[i].reason);
	return ("Error");
}

static void
page_text(struct page *p, int status, const char *text)
{
	p->status = status;
	p->type = "text/plain; charset=utf-8";
	if (evbuffer_add_printf(p->body, "%s\n", text) == -1)
		p->failed = true;
}

static void
page_metrics(struct page *p)
{
	enum expose_format format = expose_negotiate(p->head->accept);

	p->type = expose_content_type(format);
	derive_gauges(p->hub);
	if (expose_page(p->body, p->hub->store, format,
	    clock_mono_us()) == -1)
		p->failed = true;
}

static void
page_livez(struct page *p)
{
	page_text(p, 200, "alive");
}

static void
page_readyz(struct page *p)
{
	const char *reason;

	if (health_ready(p->hub, &reason))
		page_text(p, 200, "ready");
	else
		page_text(p, 503, "not ready");
}

static void
page_health(struct page *p)
{
	struct json_object *o = health_json(p->hub);
	const char *reason;

	p->status = health_ready(p->hub, &reason) ? 200 : 503;
	p->type = "application/json";
	if (o == NULL || evbuffer_add_printf(p->body, "%s\n",
	    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
	    JSON_C_TO_STRING_NOSLASHESCAPE)) == -1)
		p->failed = true;
	json_object_put(o);
}

static const struct route {
	const char	*path;
	void		(*fill)(struct page *);
} routes[] = {
	{ "/metrics",	page_metrics },
	{ "/livez",	page_livez },
	{ "/readyz",	page_readyz },
	{ "/health",	page_health },
	{ "/healthz",	page_health }
};

static void
page_fill(struct page *p)
{
	size_t i;

	if (p->status != 200) {
		page_text(p, p->status, reason_of(p->status));
		return;
	}
	if (p->head->method == HTTP_OTHER) {
		page_text(p, 405, "GET and HEAD only");
		return;
	}
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (strcmp(routes[i].path, p->head->path) == 0) {
			routes[i].fill(p);
			return;
		}
	page_text(p, 404, "not found");
}

/* IMF-fixdate, in English whatever the locale. */
static void
date_now(char *buf, size_t size)
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;

	buf[0] = '\0';
	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(buf, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static int
page_write(const struct page *p, struct evbuffer *out)
{
	char date[64];

	date_now(date, sizeof(date));
	if (evbuffer_add_printf(out,
	    "HTTP/1.1 %d %s\r\n"
	    "Date: %s\r\n"
	    "Content-Type: %s\r\n"
	    "Content-Length: %zu\r\n"
	    "%s"
	    "Cache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Connection: close\r\n"
	    "\r\n", p->status, reason_of(p->status), date, p->type,
	    evbuffer_get_length(p->body),
	    p->status == 405 ? "Allow: GET, HEAD\r\n" : "") == -1)
		return (-1);
	if (p->head->method == HTTP_HEAD)
		return (0);
	return (evbuffer_add_buffer(out, p->body));
}

int
page_answer(struct evbuffer *out, struct hub *hub, int status,
    const struct http_head *head)
{
	struct page p = { .hub = hub, .head = head, .status = status };
	int r = -1;

	if ((p.body = evbuffer_new()) == NULL)
		return (-1);
	page_fill(&p);
	if (!p.failed)
		r = page_write(&p, out);
	evbuffer_free(p.body);
	return (r);
}
