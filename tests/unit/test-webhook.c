/* SPDX-License-Identifier: ISC */
/*
 * The webhook sink against a receiver: requests, signatures, arrays,
 * answers of every kind, connections that go wrong.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/hookbench.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
test_signed_request(void **state)
{
	struct pgtide_ctx *h;

	(void)state;
	h = bench_open("/signed", "signature.scheme", "hmac-sha256",
	    "signature.secret", "s3", NULL);
	assert_int_equal(bench_send(h, "orders:7:abc", "{\"n\":7}")->result,
	    PGTIDE_DELIVERED);
	bench_close(h);
	assert_true(bench_recorded("\"path\": \"/signed\""));
	assert_true(bench_recorded("\"verified\": true, \"answer\": "
	    "\"signed\", \"body\": \"{\\\"n\\\":7}\""));
	assert_true(bench_recorded("\"content-type\": \"application/json\""));
	assert_true(bench_recorded("\"idempotency-key\": \"orders:7:abc\""));
	assert_true(bench_recorded("\"webhook-id\": \"orders:7:abc\""));
	assert_true(bench_recorded("\"x-signature-256\": \"sha256="));
}

static void
test_wrong_secret_shows(void **state)
{
	struct pgtide_ctx *h;
	int before = bench_stat("unverified");

	(void)state;
	h = bench_open("/forged", "signature.scheme", "hmac-sha256",
	    "signature.secret", "another", "signature.header", "X-Other",
	    NULL);
	(void)bench_send(h, "orders:7:abc", "{\"n\":7}");
	bench_close(h);
	assert_int_equal(bench_stat("unverified"), before + 1);
	assert_true(bench_recorded("\"x-other\": \"sha256="));
}

static void
test_standard_webhooks(void **state)
{
	static const char *const args[] = {
		"--scheme", "standard-webhooks", "--secret",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "--strict", NULL
	};
	struct peerprog receiver;
	struct pgtide_ctx *h;
	char url[64], err[128];

	(void)state;
	assert_int_equal(peerprog_receiver(&receiver, args), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/",
	    receiver.port);
	/* The receiver knows only the second key: rotation. */
	h = bench_open("/", "url", url, "signature.scheme",
	    "standard-webhooks", "signature.secret", "whsec_AAAA",
	    "signature.extra_secrets",
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", NULL);
	assert_int_equal(bench_send(h, "o:1:a", "{}")->result,
	    PGTIDE_DELIVERED);
	sinkhost_unset(h, "signature.extra_secrets");
	assert_int_equal(sinkhost_secret_changed(h, "signature"), 0);
	assert_int_equal(bench_send(h, "o:2:a", "{}")->code, 401);
	/* A bad key is refused, the one before stays in use. */
	assert_int_equal(sinkhost_set(h, "signature.secret", NULL, "%%%",
	    err, sizeof(err)), 0);
	assert_int_equal(sinkhost_secret_changed(h, "signature"), -1);
	assert_true(sinkhost_logged(h, "signature.secret: not base64"));
	assert_false(sinkhost_logged(h, "%%%"));
	bench_set(h, "signature.secret",
	    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
	assert_int_equal(sinkhost_secret_changed(h, "signature"), 0);
	assert_int_equal(bench_send(h, "o:3:a", "{}")->result,
	    PGTIDE_DELIVERED);
	bench_close(h);
	peerprog_stop(&receiver);
}

static void
test_headers(void **state)
{
	static const struct pgtide_header headers[] = {
		{ "event_type", "created", 7 },
		{ "x-evil", "a\r\nInjected: yes", 16 },
		{ "bad name", "x", 1 },
		{ "Authorization", "mine", 4 },
		{ "X-Tenant", "theirs", 6 },
		{ "webhook-id", "spoofed", 7 },
		{ "empty", "", 0 }
	};
	struct pgtide_msg m = { 0 };
	struct pgtide_ctx *h;

	(void)state;
	h = bench_open("/headers", "bearer_token", "tok", "headers.X-Tenant",
	    "acme", "headers.User-Agent", "mine/1", NULL);
	m.id = "orders:9:h";
	m.value = "{}";
	m.valuelen = 2;
	m.headers = headers;
	m.nheaders = COUNT(headers);
	m.header_size = sizeof(headers[0]);
	m.content_type = "application/cloudevents+json";
	m.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033"
	    "31-01";
	assert_true(sinkhost_submit(h, &m) != 0);
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	assert_int_equal(sinkhost_metric(h,
	    "headers_dropped_total"), 2);
	bench_close(h);
	assert_true(bench_recorded("\"authorization\": \"Bearer tok\""));
	assert_true(bench_recorded("\"x-tenant\": \"acme\""));
	assert_true(bench_recorded("\"user-agent\": \"mine/1\""));
	assert_true(bench_recorded("\"event_type\": \"created\""));
	assert_true(bench_recorded("\"empty\": \"\""));
	assert_true(bench_recorded("\"traceparent\": \"00-0af7"));
	assert_true(bench_recorded(
	    "\"content-type\": \"application/cloudevents+json\""));
	assert_false(bench_recorded("njected"));
	assert_false(bench_recorded("spoofed"));
	assert_false(bench_recorded("theirs"));
}

static void
test_headers_not_forwarded(void **state)
{
	static const struct pgtide_header header = { "secretive", "v", 1 };
	struct pgtide_msg m = { 0 };
	struct pgtide_ctx *h;

	(void)state;
	h = bench_open("/plain", "forward_headers", "false", NULL);
	m.id = "orders:9:i";
	m.headers = &header;
	m.nheaders = 1;
	m.header_size = sizeof(header);
	assert_true(sinkhost_submit(h, &m) != 0);	/* and no value */
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	assert_int_equal(sinkhost_outcome(h, 1)->result, PGTIDE_DELIVERED);
	bench_close(h);
	assert_false(bench_recorded("secretive"));
}

static void
test_unsendable_identity(void **state)
{
	struct pgtide_ctx *h = bench_open("/identity", NULL);

	(void)state;
	assert_int_equal(bench_send(h, "a\nb", "{}")->result,
	    PGTIDE_PERMANENT);
	assert_int_equal(bench_send(h, "ab", "{}")->result, PGTIDE_DELIVERED);
	bench_close(h);
}

static void
test_statuses(void **state)
{
	static const struct {
		const char	*path;
		uint32_t	 result, retry_ms;
		int32_t		 code;
	} t[] = {
		{ "/status/200", PGTIDE_DELIVERED, 0, 200 },
		{ "/status/204", PGTIDE_DELIVERED, 0, 204 },
		{ "/status/301?location=/elsewhere", PGTIDE_TRANSIENT, 0,
		    301 },
		{ "/status/400", PGTIDE_PERMANENT, 0, 400 },
		{ "/status/401", PGTIDE_TRANSIENT, 0, 401 },
		{ "/status/410", PGTIDE_PAUSE, 0, 410 },
		{ "/status/413", PGTIDE_PERMANENT, 0, 413 },
		{ "/status/429", PGTIDE_THROTTLED, 1000, 429 },
		{ "/status/429?retry-after=7", PGTIDE_THROTTLED, 7000, 429 },
		{ "/status/429?retry-after=nonsense", PGTIDE_THROTTLED, 1000,
		    429 },
		{ "/status/503?retry-after=2", PGTIDE_THROTTLED, 2000, 503 },
		{ "/status/503?retry-after=Fri,%2031%20Dec%202100%2023:59:59"
		    "%20GMT", PGTIDE_THROTTLED, 3600000, 503 },
		{ "/status/500", PGTIDE_TRANSIENT, 0, 500 },
		{ "/big/900000", PGTIDE_DELIVERED, 0, 200 },
		{ "/big/3000000", PGTIDE_DELIVERED, 0, 200 },
		{ "/close", PGTIDE_DELIVERED, 0, 200 }
	};
	struct sinkhost_outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		o = bench_try(t[i].path);
		if (o.result != t[i].result || o.retry_ms != t[i].retry_ms ||
		    o.code != t[i].code)
			fail_msg("%s: result %u, retry %u, code %d, %s",
			    t[i].path, o.result, o.retry_ms, o.code,
			    o.detail);
	}
	assert_false(bench_recorded("\"/elsewhere\""));
}

static void
test_broken_connections(void **state)
{
	static const char *const paths[] = {
		"/hang", "/reset", "/garbage", "/cut", "/slow"
	};
	struct sinkhost_outcome o;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(paths); i++) {
		o = bench_try(paths[i]);
		if (o.result != PGTIDE_TRANSIENT || o.code <= 0 ||
		    o.code >= 100 || strstr(o.detail, "http://127") == NULL)
			fail_msg("%s: result %u, code %d, %s", paths[i],
			    o.result, o.code, o.detail);
	}
}

static void
test_nothing_listens(void **state)
{
	const struct sinkhost_outcome *o;
	struct pgtide_ctx *h;
	const char *text;
	char url[64];

	(void)state;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/",
	    peerprog_free_port());
	h = bench_open("/", "url", url, NULL);
	assert_int_equal(sinkhost_state(h, NULL), 1);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->result, PGTIDE_TRANSIENT);
	assert_int_equal(sinkhost_state(h, &text), 0);
	assert_non_null(strstr(text, "connect"));
	bench_close(h);
}

static void
test_state_follows(void **state)
{
	struct pgtide_ctx *h = bench_open("/state", NULL);
	const char *text;

	(void)state;
	bench_control("{\"mode\":\"status/404\",\"times\":1,"
	    "\"path\":\"/state\"}");
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 404);
	assert_int_equal(sinkhost_state(h, &text), 0);
	assert_non_null(strstr(text, "check url"));
	assert_true(sinkhost_logged(h, "HTTP 404"));
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 200);
	assert_int_equal(sinkhost_state(h, &text), 1);
	assert_true(sinkhost_logged(h, "answers again"));
	bench_close(h);
}

/* An error page must not carry what we sent into logs and dead letters. */
static void
test_secrets_stay_out(void **state)
{
	static const char *const args[] = { "--scheme", "none", NULL };
	const struct sinkhost_outcome *o;
	struct peerprog receiver;
	struct pgtide_ctx *h;
	char url[128];

	(void)state;
	assert_int_equal(peerprog_receiver(&receiver, args), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/echo/400",
	    receiver.port);
	h = bench_open("/", "url", url, "bearer_token", "topsecrettoken",
	    "headers.X-Key", "anothersecret", NULL);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->code, 400);
	assert_non_null(strstr(o->detail, "idempotency-key"));
	assert_null(strstr(o->detail, "topsecrettoken"));
	assert_null(strstr(o->detail, "anothersecret"));
	bench_close(h);
	peerprog_stop(&receiver);
}

static void
test_arrays(void **state)
{
	struct pgtide_ctx *h;
	char id[32], value[32];
	int i, before = bench_stat("requests");

	(void)state;
	h = bench_open("/array", "batch", "true", "batch_max_events", "10",
	    "max_connections", "1", "signature.scheme", "hmac-sha256",
	    "signature.secret", "s3", NULL);
	for (i = 0; i < 95; i++) {
		(void)snprintf(id, sizeof(id), "orders:%d:q", i);
		(void)snprintf(value, sizeof(value), "{\"n\":%d}", i);
		(void)bench_submit(h, id, value);
	}
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	for (i = 1; i <= 95; i++)
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->result,
		    PGTIDE_DELIVERED);
	bench_close(h);
	assert_in_range(bench_stat("requests") - before, 10, 12);
	assert_true(bench_recorded("\"body\": \"[{\\\"n\\\":0}"));
	assert_true(bench_recorded("\"idempotency-key\": \"batch-"));
	assert_false(bench_recorded("\"path\": \"/array\", \"verified\": "
	    "false"));
}

static void
test_array_bytes(void **state)
{
	struct pgtide_ctx *h;
	char value[700];
	int i, before = bench_stat("requests");

	(void)state;
	memset(value, '1', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	h = bench_open("/bytes", "batch", "true", "batch_max_bytes", "1KiB",
	    NULL);
	for (i = 0; i < 4; i++)		/* two do not fit together */
		(void)bench_submit(h, i == 0 ? "a:0:z" : "a:1:z", value);
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	bench_close(h);
	assert_int_equal(bench_stat("requests") - before, 4);
}

/* A refusal of several is a judgement on none of them. */
static void
test_refused_array(void **state)
{
	static const char *const ids[] = { "r:1:a", "r:2:a", "r:3:a" };
	const struct sinkhost_outcome *o;
	struct pgtide_ctx *h;
	size_t i;
	int before;

	(void)state;
	h = bench_open("/refused", "batch", "true", NULL);
	bench_control("{\"mode\":\"status/422\",\"times\":1,"
	    "\"path\":\"/refused\"}");
	for (i = 0; i < COUNT(ids); i++)
		(void)bench_submit(h, ids[i], "{}");
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	for (i = 1; i <= COUNT(ids); i++) {
		o = sinkhost_outcome(h, i);
		assert_int_equal(o->result, PGTIDE_TRANSIENT);
		assert_int_equal(o->code, 422);
		assert_non_null(strstr(o->detail, "one by one"));
	}
	/* Retried among others: each alone, and then it is judged. */
	before = bench_stat("requests");
	bench_control("{\"mode\":\"status/422\",\"times\":1,"
	    "\"path\":\"/refused\"}");
	for (i = 0; i < COUNT(ids); i++)
		(void)bench_submit(h, ids[i], "{}");
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	assert_int_equal(bench_stat("requests") - before, 3);
	before = 0;
	for (i = 4; i <= 6; i++)
		if (sinkhost_outcome(h, i)->result == PGTIDE_PERMANENT)
			before++;
	assert_int_equal(before, 1);
	assert_int_equal(sinkhost_metric(h,
	    "arrays_refused_total"), 1);
	bench_close(h);
}

/* More than fits: short accepts, resume(), connections used again. */
static void
test_many(void **state)
{
	struct pgtide_ctx *h;
	char id[32];
	int i, before = bench_stat("connections");

	(void)state;
	h = bench_open("/many", "max_connections", "4", NULL);
	for (i = 0; i < 1000; i++) {
		(void)snprintf(id, sizeof(id), "many:%d:q", i);
		(void)bench_submit(h, id, "{}");
	}
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	for (i = 1; i <= 1000; i++)
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->result,
		    PGTIDE_DELIVERED);
	bench_close(h);
	/* One is of the question itself. */
	assert_in_range(bench_stat("connections") - before, 2, 5);
}

static void
test_close_in_flight(void **state)
{
	struct pgtide_ctx *h;
	int i;

	(void)state;
	h = bench_open("/hang", "max_connections", "2", NULL);
	for (i = 0; i < 20; i++)
		(void)bench_submit(h, "c:1:a", "{}");
	sinkhost_run(h, 100);
	assert_int_equal(sinkhost_accepted(h), 4);
	sinkhost_close(h, 0);
	assert_int_equal(sinkhost_accepted(h), 0);
	for (i = 1; i <= 4; i++) {
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->times, 1);
		assert_int_equal(sinkhost_outcome(h, (uint64_t)i)->result,
		    PGTIDE_TRANSIENT);
	}
	bench_close(h);
}

static void
test_two_instances(void **state)
{
	struct pgtide_ctx *a, *b;

	(void)state;
	a = bench_open("/instance/a", NULL);
	b = bench_open("/status/400", NULL);
	(void)bench_submit(a, "a:1:a", "{}");
	(void)bench_submit(b, "b:1:a", "{}");
	assert_int_equal(sinkhost_wait_settled(a, PATIENCE_MS), 0);
	assert_int_equal(sinkhost_wait_settled(b, PATIENCE_MS), 0);
	bench_close(a);
	assert_int_equal(bench_send(b, "b:2:a", "{}")->result,
	    PGTIDE_PERMANENT);
	bench_close(b);
}

static void
test_reload(void **state)
{
	struct pgtide_ctx *h = bench_open("/reload", NULL);

	(void)state;
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 200);
	bench_set(h, "headers.X-New", "after-reload");
	bench_set(h, "batch", "true");
	bench_set(h, "max_connections", "64");
	assert_int_equal(sinkhost_reload(h), 0);
	assert_int_equal(bench_send(h, "a:2:b", "{\"k\":2}")->code, 200);
	assert_true(bench_recorded("\"x-new\": \"after-reload\""));
	assert_true(bench_recorded("[{\\\"k\\\":2}]"));
	bench_set(h, "url", "http://127.0.0.1:9/");
	assert_int_equal(sinkhost_reload(h), -1);
	assert_true(sinkhost_logged(h, "restart"));
	assert_int_equal(bench_send(h, "a:3:b", "{}")->code, 200);
	bench_close(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signed_request),
		cmocka_unit_test(test_wrong_secret_shows),
		cmocka_unit_test(test_standard_webhooks),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_headers_not_forwarded),
		cmocka_unit_test(test_unsendable_identity),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_broken_connections),
		cmocka_unit_test(test_nothing_listens),
		cmocka_unit_test(test_state_follows),
		cmocka_unit_test(test_secrets_stay_out),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_array_bytes),
		cmocka_unit_test(test_refused_array),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_close_in_flight),
		cmocka_unit_test(test_two_instances),
		cmocka_unit_test(test_reload)
	};

	return (cmocka_run_group_tests(tests, bench_setup, bench_teardown));
}
