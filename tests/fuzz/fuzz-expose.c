/* SPDX-License-Identifier: ISC */
/*
 * Fuzz the way of a worker's numbers to the metrics page: whatever a frame
 * holds, each line of the page is one that we mean to write.
 */
#include <ctype.h>
#include <event2/buffer.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"
#include "supervisor/control/expose.h"
#include "supervisor/control/store.h"
#include "tests/fuzz/fuzz.h"

/* {a="b",c="d"}: returns what follows, NULL when it is not well-formed. */
static const char *
skip_labels(const char *s)
{
	if (*s++ != '{')
		return (NULL);
	for (;;) {
		while (islower((unsigned char)*s) || *s == '_')
			s++;
		if (*s++ != '=' || *s++ != '"')
			return (NULL);
		for (; *s != '"'; s++) {
			if (*s == '\0' || *s == '\n')
				return (NULL);
			if (*s == '\\' && strchr("\\\"n", *++s) == NULL)
				return (NULL);
		}
		if (*++s == '}')
			return (s + 1);
		if (*s++ != ',')
			return (NULL);
	}
}

static bool
line_valid(const char *s)
{
	const char *p;
	char *end;

	if (strncmp(s, "# HELP pg_tide_relay_", 21) == 0 ||
	    strncmp(s, "# TYPE pg_tide_relay_", 21) == 0 ||
	    strcmp(s, "# EOF") == 0)
		return (true);
	if (strncmp(s, "pg_tide_relay_", 14) != 0)
		return (false);
	for (p = s; islower((unsigned char)*p) || *p == '_'; p++)
		continue;
	if (*p == '{' && (p = skip_labels(p)) == NULL)
		return (false);
	if (*p++ != ' ')
		return (false);
	(void)strtod(p, &end);
	return (end != p && *end == '\0');
}

static void
check_page(const struct store *st, enum expose_format format)
{
	struct evbuffer *out = evbuffer_new();
	char *line;

	if (out == NULL || expose_page(out, st, format, 0) == -1)
		abort();
	while ((line = evbuffer_readln(out, NULL, EVBUFFER_EOL_LF)) != NULL) {
		if (!line_valid(line))
			abort();
		free(line);
	}
	if (evbuffer_get_length(out) != 0)
		abort();
	evbuffer_free(out);
}

static void
take(struct families *fs, struct store *st, struct frame *f)
{
	const struct family *family;
	struct metric_sample sample;
	struct metric_frame head;

	if (metrics_frame_begin(f, &head) == -1)
		return;
	while (metrics_frame_next(f, &sample) == 1) {
		family = families_find(fs, sample.id);
		if (family != NULL)
			(void)store_put(st, head.seq % 4 + 1, head.pipeline,
			    family, &sample, 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct families *fs = families_new();
	struct store *st = store_new();
	static struct frame f;

	if (fs == NULL || st == NULL)
		abort();
	if (len <= FRAME_BODY_MAX) {
		frame_start(&f, MSG_METRICS, 0);
		memcpy(f.body, data, len);
		f.len = (uint32_t)len;
		f.pos = 0;
		take(fs, st, &f);
		check_page(st, EXPOSE_TEXT);
		check_page(st, EXPOSE_OPENMETRICS);
		store_source_gone(st, 1);
		check_page(st, EXPOSE_TEXT);
	}
	store_free(st);
	families_free(fs);
	return (0);
}
