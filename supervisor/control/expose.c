/* SPDX-License-Identifier: ISC */
/* The two text formats of the metrics page. */
#include "config.h"

#include "supervisor/control/expose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "supervisor/control/store.h"

struct page {
	struct evbuffer		*out;
	enum expose_format	 format;
	const struct family	*family;	/* whose heading stands */
	int			 error;
};

static void
put(struct page *p, const char *s, size_t len)
{
	if (evbuffer_add(p->out, s, len) == -1)
		p->error = -1;
}

static void
puts_(struct page *p, const char *s)
{
	put(p, s, strlen(s));
}

/* Backslash and newline are escaped, the quote where it would end. */
static void
put_escaped(struct page *p, const char *s, size_t len, int quote)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\n')
			puts_(p, "\\n");
		else if (s[i] == '\\')
			puts_(p, "\\\\");
		else if (s[i] == '"' && quote)
			puts_(p, "\\\"");
		else
			put(p, &s[i], 1);
	}
}

/* The shortest text that reads back as the same number. */
static void
format_number(double v, char *buf, size_t size)
{
	int precision;

	if (isnan(v)) {
		snprintf(buf, size, "NaN");
		return;
	}
	if (isinf(v)) {
		snprintf(buf, size, v > 0 ? "+Inf" : "-Inf");
		return;
	}
	for (precision = 6; precision <= 17; precision++) {
		snprintf(buf, size, "%.*g", precision, v);
		if (strtod(buf, NULL) == v)	/* exactly */
			return;
	}
}

static void
put_number(struct page *p, double v)
{
	char buf[64];

	format_number(v, buf, sizeof(buf));
	puts_(p, buf);
}

static void
put_u64(struct page *p, uint64_t v)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%llu", (unsigned long long)v);
	puts_(p, buf);
}

/* OpenMetrics wants le="1.0" where the text format has le="1". */
static void
put_bound(struct page *p, double bound)
{
	char buf[64];

	format_number(bound, buf, sizeof(buf));
	puts_(p, buf);
	if (p->format == EXPOSE_OPENMETRICS && strpbrk(buf, ".eIN") == NULL)
		puts_(p, ".0");
}

static void
put_label(struct page *p, int *n, const char *name, size_t namelen,
    const char *value, size_t len)
{
	puts_(p, (*n)++ == 0 ? "{" : ",");
	put(p, name, namelen);
	puts_(p, "=\"");
	put_escaped(p, value, len, 1);
	puts_(p, "\"");
}

/* The names come as "a,b", the values as "x\x1fy". */
static int
put_labels(struct page *p, const struct store_value *v)
{
	const char *name = v->family->labels, *value = v->labels;
	size_t namelen, len;
	int n = 0;

	if (v->pipeline[0] != '\0')
		put_label(p, &n, "pipeline", 8, v->pipeline,
		    strlen(v->pipeline));
	while (*name != '\0') {
		namelen = strcspn(name, ",");
		len = strcspn(value, "\x1f");
		put_label(p, &n, name, namelen, value, len);
		name += namelen + (name[namelen] == ',');
		value += len + (value[len] == '\x1f');
	}
	return (n);
}

static const char *
type_name(enum metric_type type)
{
	switch (type) {
	case METRIC_COUNTER:
		return ("counter");
	case METRIC_GAUGE:
		return ("gauge");
	case METRIC_HISTOGRAM:
		return ("histogram");
	}
	return ("untyped");
}

/* An OpenMetrics counter family is named without the _total. */
static size_t
family_name_len(const struct page *p, const struct family *f)
{
	size_t len = strlen(f->name);

	if (p->format == EXPOSE_OPENMETRICS && f->type == METRIC_COUNTER &&
	    len > 6 && strcmp(f->name + len - 6, "_total") == 0)
		return (len - 6);
	return (len);
}

static void
put_heading(struct page *p, const struct family *f)
{
	size_t len = family_name_len(p, f);

	puts_(p, "# HELP ");
	put(p, f->name, len);
	puts_(p, " ");
	put_escaped(p, f->help, strlen(f->help),
	    p->format == EXPOSE_OPENMETRICS);
	puts_(p, "\n# TYPE ");
	put(p, f->name, len);
	puts_(p, " ");
	puts_(p, type_name(f->type));
	puts_(p, "\n");
}

static void
put_line_start(struct page *p, const struct store_value *v,
    const char *suffix)
{
	puts_(p, v->family->name);
	puts_(p, suffix);
	if (put_labels(p, v) > 0)
		puts_(p, "}");
	puts_(p, " ");
}

static void
put_bucket(struct page *p, const struct store_value *v, size_t i,
    uint64_t cumulative)
{
	puts_(p, v->family->name);
	puts_(p, "_bucket");
	puts_(p, put_labels(p, v) > 0 ? ",le=\"" : "{le=\"");
	if (i < v->family->nbuckets)
		put_bound(p, v->family->buckets[i]);
	else
		puts_(p, "+Inf");
	puts_(p, "\"} ");
	put_u64(p, cumulative);
	puts_(p, "\n");
}

static void
put_histogram(struct page *p, const struct store_value *v)
{
	uint64_t cumulative = 0;
	size_t i;

	for (i = 0; i <= v->family->nbuckets; i++) {
		cumulative += v->counts[i];
		put_bucket(p, v, i, cumulative);
	}
	put_line_start(p, v, "_sum");
	put_number(p, v->sum);
	puts_(p, "\n");
	put_line_start(p, v, "_count");
	put_u64(p, cumulative);
	puts_(p, "\n");
}

static void
put_value(const struct store_value *v, void *arg)
{
	struct page *p = arg;

	if (v->family != p->family)
		put_heading(p, v->family);
	p->family = v->family;
	if (v->family->type == METRIC_HISTOGRAM) {
		put_histogram(p, v);
		return;
	}
	put_line_start(p, v, "");
	put_number(p, v->value);
	puts_(p, "\n");
}

int
expose_page(struct evbuffer *out, const struct store *store,
    enum expose_format format, int64_t now_us)
{
	struct page p = { .out = out, .format = format };

	store_each(store, now_us, put_value, &p);
	if (format == EXPOSE_OPENMETRICS)
		puts_(&p, "# EOF\n");
	return (p.error);
}

const char *
expose_content_type(enum expose_format format)
{
	if (format == EXPOSE_OPENMETRICS)
		return ("application/openmetrics-text; version=1.0.0; "
		    "charset=utf-8");
	return ("text/plain; version=0.0.4; charset=utf-8");
}

/* The q of one element of an Accept header; 1 when it has none. */
static double
quality(const char *item, size_t len)
{
	const char *p, *end = item + len;

	for (p = item; p < end; p++) {
		if (*p != ';')
			continue;
		do
			p++;
		while (p < end && (*p == ' ' || *p == '\t'));
		if (end - p > 2 && strncasecmp(p, "q=", 2) == 0)
			return (strtod(p + 2, NULL));
		p--;
	}
	return (1);
}

static int
media_is(const char *item, size_t len, const char *media)
{
	size_t n = strlen(media);

	return (len >= n && strncasecmp(item, media, n) == 0 &&
	    (len == n || strchr("; \t", item[n]) != NULL));
}

/* The versions we do not speak are as good as not asked for. */
static int
openmetrics_ours(const char *item, size_t len)
{
	static const char key[] = "version=";
	const char *v = memmem(item, len, key, sizeof(key) - 1);

	return (v == NULL || strncmp(v + sizeof(key) - 1, "1.0", 3) == 0);
}

enum expose_format
expose_negotiate(const char *accept)
{
	double open = 0, text = 0;
	size_t len;

	if (accept == NULL)
		return (EXPOSE_TEXT);
	for (; *accept != '\0'; accept += len + (accept[len] == ',')) {
		accept += strspn(accept, " \t");
		len = strcspn(accept, ",");
		if (media_is(accept, len, "application/openmetrics-text")) {
			if (openmetrics_ours(accept, len))
				open = fmax(open, quality(accept, len));
		} else if (media_is(accept, len, "text/plain"))
			text = fmax(text, quality(accept, len));
	}
	return (open > 0 && open >= text ? EXPOSE_OPENMETRICS : EXPOSE_TEXT);
}
