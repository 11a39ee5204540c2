/* SPDX-License-Identifier: ISC */
/* The metrics page, negotiation, request heads, and the log's limiter. */
#include <event2/buffer.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/control/expose.h"
#include "supervisor/control/httphead.h"
#include "supervisor/control/limiter.h"
#include "supervisor/control/store.h"
#include "supervisor/control/text.h"
#include "tests/unit/unit.h"

/* The page of one sample, terminated; the caller frees it. */
static char *
page_of(uint16_t id, const char *pipeline, const char *labels, double value,
    enum expose_format format)
{
	struct families *fs = families_new();
	struct evbuffer *out = evbuffer_new();
	struct store *st = store_new();
	struct metric_sample m;
	char *text;

	memset(&m, 0, sizeof(m));
	(void)snprintf(m.labels, sizeof(m.labels), "%s", labels);
	m.value = m.sum = value;
	if (families_find(fs, id)->type == METRIC_HISTOGRAM) {
		m.ncounts = families_find(fs, id)->nbuckets + 1;
		m.counts[0] = 2;
		m.counts[m.ncounts - 1] = 1;
	}
	assert_int_equal(store_put(st, 1, pipeline, families_find(fs, id), &m,
	    0), 0);
	assert_int_equal(expose_page(out, st, format, 0), 0);
	assert_int_equal(evbuffer_add(out, "", 1), 0);
	text = strdup((const char *)evbuffer_pullup(out, -1));
	assert_non_null(text);
	evbuffer_free(out);
	store_free(st);
	families_free(fs);
	return (text);
}

static void
assert_contains(char *page, const char *text)
{
	if (strstr(page, text) == NULL)
		fail_msg("no %s in\n%s", text, page);
	free(page);
}

static void
test_escapes(void **state)
{
	(void)state;
	assert_contains(page_of(METRIC_PIPELINE_ERRORS, "a\"b\\c\nd", "\\\"",
	    1, EXPOSE_TEXT), "pg_tide_relay_pipeline_errors_total{"
	    "pipeline=\"a\\\"b\\\\c\\nd\",error_class=\"\\\\\\\"\"} 1\n");
}

static void
test_numbers(void **state)
{
	static const struct {
		double		 value;
		const char	*text;
	} rows[] = {
		{ 0, " 0\n" }, { 0.1, " 0.1\n" }, { 1e15, " 1e+15\n" },
		{ 9007199254740993.0, " 9007199254740992\n" },
		{ 1763900000.123456, " 1763900000.123456\n" },
		{ (double)NAN, " NaN\n" }, { (double)INFINITY, " +Inf\n" },
		{ -(double)INFINITY, " -Inf\n" }, { -2.5, " -2.5\n" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_contains(page_of(METRIC_LAG, "p", "", rows[i].value,
		    EXPOSE_TEXT), rows[i].text);
}

static void
test_openmetrics_names(void **state)
{
	char *page = page_of(METRIC_PUBLISHED, "p", "", 1,
	    EXPOSE_OPENMETRICS);

	(void)state;
	assert_non_null(strstr(page,
	    "# TYPE pg_tide_relay_messages_published counter\n"));
	assert_non_null(strstr(page,
	    "\npg_tide_relay_messages_published_total{pipeline=\"p\"} 1\n"));
	assert_string_equal(page + strlen(page) - 6, "# EOF\n");
	free(page);
}

static void
test_histogram_is_cumulative(void **state)
{
	char *page = page_of(METRIC_LATENCY, "p", "", 0.5, EXPOSE_TEXT);

	(void)state;
	assert_non_null(strstr(page, "le=\"0.001\"} 2\n"));
	assert_non_null(strstr(page, "le=\"30\"} 2\n"));
	assert_non_null(strstr(page, "le=\"+Inf\"} 3\n"));
	assert_non_null(strstr(page, "_sum{pipeline=\"p\"} 0.5\n"));
	assert_non_null(strstr(page, "_count{pipeline=\"p\"} 3\n"));
	free(page);
	assert_contains(page_of(METRIC_LATENCY, "p", "", 0.5,
	    EXPOSE_OPENMETRICS), "le=\"30.0\"} 2\n");
}

static void
test_negotiation(void **state)
{
	static const struct {
		const char		*accept;
		enum expose_format	 format;
	} rows[] = {
		{ NULL, EXPOSE_TEXT }, { "", EXPOSE_TEXT },
		{ "*/*", EXPOSE_TEXT }, { "text/plain", EXPOSE_TEXT },
		{ "application/openmetrics-text", EXPOSE_OPENMETRICS },
		{ "application/openmetrics-text-x", EXPOSE_TEXT },
		{ "application/openmetrics-text;version=1.0.0,application/"
		    "openmetrics-text;version=0.0.1;q=0.75,text/plain;"
		    "version=0.0.4;q=0.5,*/*;q=0.1", EXPOSE_OPENMETRICS },
		{ "application/openmetrics-text;version=2.0.0",
		    EXPOSE_TEXT },
		{ "application/openmetrics-text;q=0.3, text/plain;q=0.7",
		    EXPOSE_TEXT },
		{ "application/openmetrics-text;q=0", EXPOSE_TEXT },
		{ " ,,;;q=,application/openmetrics-text ; q=0.9",
		    EXPOSE_OPENMETRICS }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (expose_negotiate(rows[i].accept) != rows[i].format)
			fail_msg("\"%s\"", rows[i].accept);
}

static void
test_names_of_the_table(void **state)
{
	const struct metric_def *table;
	size_t i, n, len;

	(void)state;
	table = metric_table(&n);
	for (i = 0; i < n; i++) {
		len = strlen(table[i].name);
		assert_true(strncmp(table[i].name, "pg_tide_relay_", 14) ==
		    0);
		assert_int_equal(table[i].type == METRIC_COUNTER, len > 6 &&
		    strcmp(table[i].name + len - 6, "_total") == 0);
		assert_true(table[i].nbuckets <= METRIC_BUCKETS_MAX);
	}
}

static void
test_heads(void **state)
{
	static const struct {
		const char	*text;
		int		 status;
		const char	*path;
	} rows[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 200,
		    "/metrics" },
		{ "GET /metrics?a=b HTTP/1.0\n\n", 200, "/metrics" },
		{ "GET / HTTP/2.0\r\n\r\n", 505, "/" },
		{ "GET /\r\n\r\n", 400, "" },
		{ "GET metrics HTTP/1.1\r\n\r\n", 400, "" },
		{ "GET  / HTTP/1.1\r\n\r\n", 400, "" },
		{ "G(T / HTTP/1.1\r\n\r\n", 400, "" },
		{ "\r\n", 400, "" },
		{ "GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "/" },
		{ "GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400, "/" },
		{ "GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400, "/" },
		{ "POST anything HTTP/1.1\r\n\r\n", 200, "" }
	};
	struct http_head h;
	size_t i, len;
	int status;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = http_head_length(rows[i].text, strlen(rows[i].text));
		assert_int_equal(len, strlen(rows[i].text));
		status = http_head_parse(rows[i].text, len, &h);
		if (status != rows[i].status ||
		    (status == 200 && strcmp(h.path, rows[i].path) != 0))
			fail_msg("%s: %d, %s", rows[i].text, status, h.path);
	}
	assert_int_equal(http_head_length("GET / HTTP/1.1\r\nA: b\r\n", 22),
	    0);
}

static void
test_head_is_bounded(void **state)
{
	char text[2 * HTTP_ACCEPT_MAX];
	struct http_head h;
	int n;

	(void)state;
	n = snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n\r\n",
	    HTTP_PATH_MAX, 0);
	assert_int_equal(http_head_parse(text, (size_t)n, &h), 414);
	n = snprintf(text, sizeof(text),
	    "GET / HTTP/1.1\r\nAccept: %0*d\r\n\r\n", HTTP_ACCEPT_MAX, 0);
	assert_int_equal(http_head_parse(text, (size_t)n, &h), 200);
	assert_string_equal(h.accept, "");
	n = snprintf(text, sizeof(text),
	    "HEAD / HTTP/1.1\r\naCCept: text/plain\r\n\r\n");
	assert_int_equal(http_head_parse(text, (size_t)n, &h), 200);
	assert_string_equal(h.accept, " text/plain");
	assert_int_equal(h.method, HTTP_HEAD);
}

static void
test_limiter(void **state)
{
	uint64_t suppressed = 99;
	struct limiter l;
	int i, passed = 0;

	(void)state;
	limiter_init(&l, 10, 5, 1000);
	for (i = 0; i < 100; i++)
		passed += limiter_take(&l, 1000, &suppressed);
	assert_int_equal(passed, 5);
	assert_true(limiter_take(&l, 1000 + 100001, &suppressed));
	assert_int_equal(suppressed, 95);
	assert_false(limiter_take(&l, 1000 + 100002, &suppressed));
	/* A clock that stands still or jumps gives nothing away. */
	assert_false(limiter_take(&l, 0, &suppressed));
	passed = 0;
	for (i = 0; i < 100; i++)
		passed += limiter_take(&l, INT64_MAX / 2, &suppressed);
	assert_int_equal(passed, 5);
}

static void
test_text(void **state)
{
	char bad[] = "a\xff\xc3\xa4\xed\xa0\x80z", buf[TEXT_TIME_MAX];

	(void)state;
	text_clean(bad);
	assert_string_equal(bad, "a?\xc3\xa4???z");
	assert_string_equal(text_time(INT64_C(1769851800123456), buf),
	    "2026-01-31T09:30:00.123456Z");
	assert_string_equal(text_time(-1, buf), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_openmetrics_names),
		cmocka_unit_test(test_histogram_is_cumulative),
		cmocka_unit_test(test_negotiation),
		cmocka_unit_test(test_names_of_the_table),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_head_is_bounded),
		cmocka_unit_test(test_limiter),
		cmocka_unit_test(test_text)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
