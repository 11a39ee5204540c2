/* SPDX-License-Identifier: ISC */
/* Pipeline documents: what is accepted, what is refused and how, and which
 * references are found. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/catalog/document.h"
#include "supervisor/catalog/sinktypes.h"

static const char pipeline_options[] =
    "[{\"name\":\"batch_size\",\"type\":\"int\",\"min\":1,\"max\":10000},"
    "{\"name\":\"poll_interval\",\"type\":\"duration\",\"min\":10,"
    "\"max\":3600000},"
    "{\"name\":\"ordering\",\"type\":\"enum\",\"flags\":[],"
    "\"choices\":[\"key\",\"strict\",\"none\"]},"
    "{\"name\":\"retry.max_attempts\",\"type\":\"int\",\"min\":0,"
    "\"max\":1000000},"
    "{\"name\":\"dlq.enabled\",\"type\":\"bool\"}]";

static const char sink_options[] =
    "[{\"name\":\"url\",\"type\":\"endpoint\",\"flags\":[\"required\"]},"
    "{\"name\":\"headers\",\"type\":\"string\",\"flags\":[\"map\"]},"
    "{\"name\":\"brokers\",\"type\":\"endpoint\",\"flags\":[\"list\"]},"
    "{\"name\":\"limit\",\"type\":\"size\",\"min\":1024,"
    "\"max\":1073741824},"
    "{\"name\":\"signature.secret\",\"type\":\"secret\"},"
    "{\"name\":\"tls_ca\",\"type\":\"file\",\"flags\":[\"new_flag\"]},"
    "{\"name\":\"path\",\"type\":\"output\"}]";

static struct sinktypes *types;

static int
setup(void **state)
{
	char err[256];

	(void)state;
	types = sinktypes_new();
	assert_non_null(types);
	assert_int_equal(sinktypes_add(types, "@pipeline", pipeline_options,
	    err, sizeof(err)), 0);
	assert_int_equal(sinktypes_add(types, "hook", sink_options, err,
	    sizeof(err)), 0);
	return (0);
}

static int
teardown(void **state)
{
	(void)state;
	sinktypes_free(types);
	return (0);
}

/* A document with these members of the sink and of the top. */
static int
check(const char *sink, const char *top, struct docrefs *refs, char *err,
    size_t errsize)
{
	char text[8192];
	const struct document doc = { .name = "p", .outbox = "orders",
	    .sink_type = "hook", .text = text };

	snprintf(text, sizeof(text), "{\"schema_version\":1,\"name\":\"p\","
	    "\"source_type\":\"outbox\",\"source\":{\"outbox\":\"orders\"},"
	    "\"sink_type\":\"hook\",\"sink\":{%s}%s%s}", sink,
	    *top != '\0' ? "," : "", top);
	return (document_check(&doc, types, refs, err, errsize));
}

static void
test_accepted(void **state)
{
	static const char *const good[][2] = {
		{ "\"url\":\"http://x\"", "" },
		{ "\"url\":\"http://x\",\"limit\":\"64KiB\"",
		    "\"batch_size\":100,\"poll_interval\":\"1s\"" },
		{ "\"url\":\"http://x\",\"limit\":65536",
		    "\"poll_interval\":1000,\"ordering\":\"strict\"" },
		{ "\"url\":\"x\",\"brokers\":[\"a:1\",\"b:2\"]",
		    "\"retry\":{\"max_attempts\":5}" },
		{ "\"url\":\"x\",\"brokers\":\"a:1,b:2\"",
		    "\"dlq\":{\"enabled\":false}" },
		{ "\"url\":\"x\",\"headers\":{\"A\":\"b\",\"C.d\":\"e\"}",
		    "" },
		{ "\"url\":\"x\",\"signature\":{\"secret\":\"${env:S}\"}",
		    "" },
		{ "\"url\":\"x\",\"path\":\"-\"", "" },
		{ "\"url\":\"cost $${env:A}\"", "" },
		{ "\"url\":\"x\",\"limit\":\"${env:LIMIT}\"", "" }
	};
	struct docrefs refs;
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (check(good[i][0], good[i][1], &refs, err, sizeof(err)) ==
		    -1)
			fail_msg("%s %s: %s", good[i][0], good[i][1], err);
		docrefs_clear(&refs);
	}
}

static void
test_refused(void **state)
{
	static const char *const bad[][3] = {
		{ "", "", "$.sink.url is missing" },
		{ "\"url\":\"x\",\"urll\":\"x\"", "", "mean \"url\"" },
		{ "\"url\":\"x\",\"zzzzzzzz\":1", "", "$.sink.zzzzzzzz" },
		{ "\"url\":1", "", "$.sink.url: wrong type" },
		{ "\"url\":null", "", "$.sink.url: wrong type" },
		{ "\"url\":\"\"", "", "$.sink.url: bad value" },
		{ "\"url\":\"x\",\"limit\":\"1\"", "", "1KiB..1GiB" },
		{ "\"url\":\"x\",\"limit\":1.5", "", "wrong type" },
		{ "\"url\":\"x\",\"headers\":\"A: b\"", "",
		    "$.sink.headers: wrong type" },
		{ "\"url\":\"x\",\"headers\":{\"A\":1}", "",
		    "$.sink.headers.A: wrong type" },
		{ "\"url\":\"x\",\"brokers\":[1]", "",
		    "$.sink.brokers[0]: wrong type" },
		{ "\"url\":\"x\",\"tls_ca\":\"ca.pem\"", "", "absolute" },
		{ "\"url\":\"x\",\"tls_ca\":\"${env:CA}\"", "",
		    "cannot hold a reference" },
		{ "\"url\":\"${bad:X}\"", "", "$.sink.url: reference" },
		{ "\"url\":\"${env:X\"", "", "$.sink.url: reference" },
		{ "\"url\":\"x\",\"signature\":\"s\"", "",
		    "$.sink.signature: unknown" },
		{ "\"url\":\"x\",\"signature\":{\"scheme\":\"s\"}", "",
		    "$.sink.signature.scheme: unknown" },
		{ "\"url\":\"x\"", "\"batch_size\":0", "1..10000" },
		{ "\"url\":\"x\"", "\"batch_size\":\"5\"",
		    "$.batch_size: wrong type" },
		{ "\"url\":\"x\"", "\"ordering\":\"any\"",
		    "key|strict|none" },
		{ "\"url\":\"x\"", "\"poll_interval\":\"1ms\"",
		    "10ms..1h" },
		{ "\"url\":\"x\"", "\"batchsize\":5", "mean \"batch_size\"" },
		{ "\"url\":\"x\"", "\"dlq\":{\"enabled\":1}",
		    "$.dlq.enabled: wrong type" },
		{ "\"url\":\"a\\u0000b\"", "", "NUL" },
		{ "\"url\":\"x\"", "\"sink\":3", "" }
	};
	struct docrefs refs;
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (check(bad[i][0], bad[i][1], &refs, err, sizeof(err)) == 0)
			fail_msg("accepted: %s %s", bad[i][0], bad[i][1]);
		if (strstr(err, bad[i][2]) == NULL)
			fail_msg("%s %s: %s", bad[i][0], bad[i][1], err);
		assert_int_equal(refs.n, 0);
	}
}

/* A value that may be a secret is never in the message. */
static void
test_no_secret_in_message(void **state)
{
	struct docrefs refs;
	char err[512];

	(void)state;
	assert_int_equal(check("\"url\":\"x\",\"signature\":{\"secret\":"
	    "{\"hunter2\":1}}", "", &refs, err, sizeof(err)), -1);
	assert_null(strstr(err, "hunter2"));
	assert_int_equal(check("\"url\":\"x\",\"signature\":{\"secret\":"
	    "\"hunter2\\u0001\"}", "", &refs, err, sizeof(err)), -1);
	assert_null(strstr(err, "hunter2"));
	assert_int_equal(check("\"url\":\"x\",\"signature\":{\"secret\":"
	    "\"hunter2${env:}\"}", "", &refs, err, sizeof(err)), -1);
	assert_null(strstr(err, "hunter2"));
}

static void
test_references(void **state)
{
	static const struct {
		enum ref_kind kind;
		const char *value;
	} want[] = {
		{ REF_ENV, "HOST" }, { REF_FILE, "/run/secrets/pw" },
		{ REF_READ, "/etc/ssl/ca.pem" }, { REF_OUTPUT, "/var/out" },
		{ REF_ENV, "B" }
	};
	struct docrefs refs;
	char err[512];
	size_t i, k;

	(void)state;
	if (check("\"url\":\"http://u:${file:/run/secrets/pw}@${env:HOST}\","
	    "\"headers\":{\"A\":\"${env:HOST}\",\"B\":\"$${env:NOT}\"},"
	    "\"brokers\":[\"x:1\",\"${env:B}:1\"],"
	    "\"tls_ca\":\"/etc/ssl/ca.pem\",\"path\":\"/var/out\"", "",
	    &refs, err, sizeof(err)) == -1)
		fail_msg("%s", err);
	assert_int_equal(refs.n, 5);
	for (i = 0; i < 5; i++) {
		for (k = 0; k < refs.n; k++) {
			if (refs.refs[k].kind == want[i].kind &&
			    strcmp(refs.refs[k].value, want[i].value) == 0)
				break;
		}
		if (k == refs.n)
			fail_msg("%s is missing", want[i].value);
	}
	docrefs_clear(&refs);
}

static void
test_too_many_references(void **state)
{
	char sink[8000] = "\"url\":\"x\",\"headers\":{";
	struct docrefs refs;
	char err[512];
	size_t i, used;

	(void)state;
	for (i = 0; i <= DOCUMENT_REFS_MAX; i++) {
		used = strlen(sink);
		snprintf(sink + used, sizeof(sink) - used,
		    "\"h%zu\":\"${env:V%zu}\",", i, i);
	}
	sink[strlen(sink) - 1] = '}';
	assert_int_equal(check(sink, "", &refs, err, sizeof(err)), -1);
	assert_non_null(strstr(err, "different references"));
}

static void
test_envelope(void **state)
{
	static const char *const bad[][2] = {
		{ "", "not JSON" }, { "[1]", "expected an object" },
		{ "{\"a\":1} x", "not JSON" },
		{ "{}", "schema_version" },
		{ "{\"schema_version\":2}", "newer pg-tided" },
		{ "{\"schema_version\":1,\"name\":\"q\"}", "$.name" },
		{ "{\"schema_version\":1,\"name\":\"p\","
		    "\"sink_type\":\"file\"}", "$.sink_type" },
		{ "{\"schema_version\":1,\"name\":\"p\","
		    "\"sink_type\":\"hook\",\"source\":{\"outbox\":null}}",
		    "$.source.outbox" },
		{ "{\"schema_version\":1,\"name\":\"p\",\"sink_type\":"
		    "\"hook\",\"source\":{\"outbox\":\"orders\"}}",
		    "$.sink: wrong type" },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "not JSON" }
	};
	struct document doc = { .name = "p", .outbox = "orders",
	    .sink_type = "hook" };
	struct docrefs refs;
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		doc.text = bad[i][0];
		assert_int_equal(document_check(&doc, types, &refs, err,
		    sizeof(err)), -1);
		if (strstr(err, bad[i][1]) == NULL)
			fail_msg("%s: %s", bad[i][0], err);
	}
	doc.sink_type = "nats";
	doc.text = "{\"schema_version\":1,\"name\":\"p\",\"sink_type\":"
	    "\"nats\",\"source\":{\"outbox\":\"orders\"},\"sink\":{}}";
	assert_int_equal(document_check(&doc, types, &refs, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "known are: hook"));
}

static void
test_bad_option_tables(void **state)
{
	static const char *const bad[] = { "", "{}", "[1]", "[{}]",
	    "[{\"name\":\"a\",\"type\":\"colour\"}]",
	    "[{\"name\":\"a\",\"type\":\"enum\"}]",
	    "[{\"name\":\"a\",\"type\":\"enum\",\"choices\":3}]",
	    "[{\"name\":\"a\",\"type\":\"int\",\"min\":\"x\"}]",
	    "[{\"name\":\"a\",\"type\":\"duration\","
	    "\"max\":9223372036854775807}]",
	    "[{\"name\":null,\"type\":\"int\"}]" };
	struct sinktypes *st = sinktypes_new();
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sinktypes_add(st, "x", bad[i], err,
		    sizeof(err)), -1);
	assert_null(sinktypes_find(st, "x"));
	assert_int_equal(sinktypes_add(st, "x", "[{\"name\":\"a\",\"type\":"
	    "\"enum\",\"choices\":[null,\"b\"],\"flags\":[null]}]", err,
	    sizeof(err)), 0);
	sinktypes_free(st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_secret_in_message),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_too_many_references),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_bad_option_tables)
	};

	return (cmocka_run_group_tests_name("document", tests, setup,
	    teardown));
}
