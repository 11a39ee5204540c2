/* SPDX-License-Identifier: ISC */
/*
 * A receiver that is never the bottleneck: answers 204 to every POST,
 * counts, and can note when each event arrived.
 *
 * usage: http-sink PORT [ARRIVALS]
 * GET /count answers the number of POSTs so far.  ARRIVALS gets one line an
 * event: Idempotency-Key and wall clock in microseconds.  Ends on SIGTERM.
 */
#include <err.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned long posts;
static FILE *arrivals;

static int64_t
wall_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

static void
on_request(struct evhttp_request *req, void *arg)
{
	struct evbuffer *buf;
	const char *key;

	(void)arg;
	if (evhttp_request_get_command(req) == EVHTTP_REQ_POST) {
		posts++;
		key = evhttp_find_header(evhttp_request_get_input_headers(req),
		    "Idempotency-Key");
		if (arrivals != NULL)
			fprintf(arrivals, "%s %" PRId64 "\n",
			    key == NULL ? "-" : key, wall_us());
		evhttp_send_reply(req, 204, "No Content", NULL);
		return;
	}
	if (arrivals != NULL)
		fflush(arrivals);
	buf = evbuffer_new();
	if (buf == NULL)
		errx(1, "out of memory");
	evbuffer_add_printf(buf, "%lu\n", posts);
	evhttp_send_reply(req, 200, "OK", buf);
	evbuffer_free(buf);
}

static void
on_term(evutil_socket_t sig, short what, void *base)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(base);
}

int
main(int argc, char **argv)
{
	struct event_base *base;
	struct evhttp *http;
	struct event *term;

	if (argc < 2) {
		fprintf(stderr, "usage: http-sink PORT [ARRIVALS]\n");
		return (2);
	}
	if (argc > 2) {
		arrivals = fopen(argv[2], "w");
		if (arrivals == NULL)
			err(1, "%s", argv[2]);
	}
	base = event_base_new();
	http = base == NULL ? NULL : evhttp_new(base);
	if (http == NULL)
		errx(1, "cannot set up the event loop");
	evhttp_set_allowed_methods(http, EVHTTP_REQ_POST | EVHTTP_REQ_GET);
	evhttp_set_gencb(http, on_request, NULL);
	if (evhttp_bind_socket(http, "127.0.0.1",
	    (uint16_t)strtoul(argv[1], NULL, 10)) == -1)
		err(1, "port %s", argv[1]);
	term = evsignal_new(base, SIGTERM, on_term, base);
	if (term == NULL || event_add(term, NULL) == -1)
		errx(1, "cannot watch SIGTERM");
	event_base_dispatch(base);
	if (arrivals != NULL)
		fclose(arrivals);
	event_free(term);
	evhttp_free(http);
	event_base_free(base);
	return (0);
}
