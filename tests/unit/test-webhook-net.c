/* SPDX-License-Identifier: ISC */
/*
 * The webhook sink and the network: which addresses it reaches, names that
 * move, TLS, HTTP/2.
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

#include "tests/unit/hooknet.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static void
test_refused_urls(void **state)
{
	static const struct {
		const char	*url;
		bool		 private;
		const char	*why;
	} t[] = {
		{ "http://example.com/", true, "allow_insecure" },
		{ "https://127.0.0.1/", false, "loopback" },
		{ "https://0x7f000001/", false, "loopback" },
		{ "https://2130706433/", false, "loopback" },
		{ "https://[::1]/", false, "loopback" },
		{ "https://10.1.2.3/", false, "allow_private" },
		{ "https://[fd00::1]/", false, "private" },
		{ "https://[::ffff:10.0.0.1]/", false, "IPv4-mapped" },
		{ "https://[64:ff9b::10.0.0.1]/", false, "NAT64" },
		{ "https://169.254.169.254/", true, "never" },
		{ "https://[::ffff:169.254.169.254]/", true, "never" },
		{ "https://0.0.0.0/", true, "never" },
		{ "https://user:pw@example.com/", true, "credentials" },
		{ "https://example.com/#x", true, "fragment" },
		{ "unix:///tmp/x", true, "url" }
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++)
		bench_refused(hooknet_instance(t[i].url, t[i].private),
		    t[i].why);
}

static void
test_refused_options(void **state)
{
	static const struct {
		const char	*name, *value, *why;
	} t[] = {
		{ "headers.Content-Length", "1", "itself" },
		{ "headers.webhook-id", "1", "itself" },
		{ "headers.X", "a\r\nY: b", "line break" },
		{ "headers.X Y", "a", "name" },
		{ "bearer_token", "a\nb", "bearer_token" },
		{ "signature.scheme", "hmac-sha256", "signature.secret" },
		{ "tls.verify", "false", "allow_insecure" }
	};
	struct pgtide_ctx *h;
	char err[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		h = hooknet_instance("https://example.com/", false);
		bench_set(h, t[i].name, t[i].value);
		bench_refused(h, t[i].why);
	}
	h = hooknet_instance("https://example.com/", false);
	assert_int_equal(sinkhost_set(h, "max_connections", NULL, "0", err,
	    sizeof(err)), -1);
	assert_int_equal(sinkhost_set(h, "http2", NULL, "maybe", err,
	    sizeof(err)), -1);
	bench_set(h, "signature.scheme", "hmac-sha256");
	bench_set(h, "signature.secret", "a");
	bench_set(h, "signature.extra_secrets", "b");
	bench_refused(h, "standard-webhooks");
	h = hooknet_instance("https://example.com/", false);
	assert_int_equal(sinkhost_set_bytes(h, "tls.ca_file", "junk", 4), 0);
	bench_refused(h, "tls.ca_file");
}

/* What a name resolves to is judged like an address in the URL. */
static void
test_refused_answers(void **state)
{
	static const char *const bad[] = {
		"127.0.0.1", "10.0.0.1", "::1", "fe80::1", "169.254.169.254",
		"::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"
	};
	const struct sinkhost_outcome *o;
	struct pgtide_ctx *h;
	const char *text;
	char url[64];
	size_t i;

	(void)state;
	(void)snprintf(url, sizeof(url), "https://" HOOKNET_NAME ":%d/",
	    hooknet_receiver.port);
	for (i = 0; i < COUNT(bad); i++) {
		h = hooknet_instance(url, false);
		assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME, bad[i]), 0);
		hooknet_must_open(h);
		o = bench_send(h, "a:1:b", "{}");
		assert_int_equal(o->result, PGTIDE_TRANSIENT);
		assert_non_null(strstr(o->detail, "address"));
		assert_int_equal(sinkhost_state(h, &text), 0);
		assert_non_null(strstr(text, HOOKNET_NAME));
		assert_true(sinkhost_metric(h,
		    "addresses_refused_total") > 0);
		assert_int_equal(sinkhost_metric(h,
		    "connections_total"), 0);
		bench_close(h);
	}
}

static void
test_name(void **state)
{
	struct pgtide_ctx *h = hooknet_by_name("/by-name");
	int i;

	(void)state;
	/* Refused addresses beside a good one are left out. */
	assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME,
	    "169.254.169.254"), 0);
	assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME, "127.0.0.1"), 0);
	hooknet_must_open(h);
	assert_int_equal(sinkhost_state(h, NULL), -1);
	for (i = 0; i < 5; i++)
		assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
		    PGTIDE_DELIVERED);
	assert_int_equal(sinkhost_state(h, NULL), 1);
	assert_int_equal(sinkhost_lookups(h), 1);
	assert_int_equal(sinkhost_metric(h,
	    "connections_total"), 1);
	bench_close(h);
}

static void
test_name_unknown(void **state)
{
	struct pgtide_ctx *h = hooknet_by_name("/");
	const struct sinkhost_outcome *o;

	(void)state;
	hooknet_must_open(h);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->result, PGTIDE_TRANSIENT);
	assert_non_null(strstr(o->detail, "cannot resolve " HOOKNET_NAME));
	assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME, "127.0.0.1"), 0);
	/* It is asked again, though not for each retry. */
	while (bench_send(h, "a:1:b", "{}")->result != PGTIDE_DELIVERED)
		sinkhost_run(h, 100);
	assert_int_equal(sinkhost_lookups(h), 2);
	assert_int_equal(sinkhost_state(h, NULL), 1);
	bench_close(h);
}

/* A refused connection makes the name be looked up again. */
static void
test_name_moves(void **state)
{
	struct pgtide_ctx *h = hooknet_by_name("/moved");

	(void)state;
	assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME, "127.0.0.77"), 0);
	hooknet_must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
	    PGTIDE_TRANSIENT);
	sinkhost_clear_names(h);
	assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME, "127.0.0.1"), 0);
	while (bench_send(h, "a:1:b", "{}")->result != PGTIDE_DELIVERED)
		sinkhost_run(h, 100);
	assert_int_equal(sinkhost_lookups(h), 2);
	bench_close(h);
}

static void
test_tls(void **state)
{
	const struct sinkhost_outcome *o;
	struct pgtide_ctx *h;
	int i;

	(void)state;
	h = hooknet_tls(HOOKNET_NAME, hooknet_receiver.port);
	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	hooknet_must_open(h);
	for (i = 0; i < 3; i++)
		assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
		    PGTIDE_DELIVERED);
	assert_int_equal(sinkhost_metric(h,
	    "connections_total"), 1);
	bench_close(h);
	/* The address is in the certificate as well. */
	h = hooknet_tls("127.0.0.1", hooknet_receiver.port);
	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	bench_set(h, "tls.min_version", "1.3");
	hooknet_must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 200);
	bench_close(h);
	/* Another name is not. */
	h = hooknet_tls("other.test", hooknet_receiver.port);
	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	hooknet_must_open(h);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->result, PGTIDE_TRANSIENT);
	assert_non_null(strstr(o->detail, "other.test"));
	bench_close(h);
}

static void
test_tls_untrusted(void **state)
{
	const struct sinkhost_outcome *o;
	struct pgtide_ctx *h;
	const char *text;

	(void)state;
	h = hooknet_tls(HOOKNET_NAME, hooknet_receiver.port);
	/* Not its authority. */
	hooknet_set_file(h, "tls.ca_file", "client.pem");
	hooknet_must_open(h);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->result, PGTIDE_TRANSIENT);
	assert_non_null(strstr(o->detail, "certificate"));
	assert_int_equal(sinkhost_state(h, &text), 0);
	bench_close(h);
	h = hooknet_tls(HOOKNET_NAME, hooknet_receiver.port);
	bench_set(h, "allow_insecure", "true");
	bench_set(h, "tls.verify", "false");
	hooknet_must_open(h);
	assert_true(sinkhost_logged(h, "not verified"));
	assert_int_equal(sinkhost_metric(h, "insecure"), 1);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 200);
	bench_close(h);
}

static void
test_client_certificate(void **state)
{
	char ca[256], server[256], key[256], *text;
	const char *args[] = {
		"--tls-cert", server, "--tls-key", key, "--client-ca", ca,
		NULL
	};
	struct peerprog receiver;
	struct pgtide_ctx *h;
	size_t len;

	(void)state;
	(void)snprintf(ca, sizeof(ca), "%s", hooknet_cert("ca.pem"));
	(void)snprintf(server, sizeof(server), "%s",
	    hooknet_cert("server.pem"));
	(void)snprintf(key, sizeof(key), "%s", hooknet_cert("server.key"));
	assert_int_equal(peerprog_receiver(&receiver, args), 0);
	h = hooknet_tls(HOOKNET_NAME, receiver.port);
	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	hooknet_must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
	    PGTIDE_TRANSIENT);
	hooknet_set_file(h, "tls.client_cert", "client.pem");
	text = hooknet_slurp(hooknet_cert("client.key"), &len);
	bench_set(h, "tls.client_key", text);
	free(text);
	assert_int_equal(sinkhost_reload(h), 0);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 200);
	bench_close(h);
	peerprog_stop(&receiver);
}

/*
 * nghttpd answers 200 to what is posted, and speaks nothing but HTTP/2.  All
 * requests share one connection.
 */
static void
test_http2(void **state)
{
	char port[16], key[256], server[256];
	const char *argv[] = {
		"nghttpd", "--echo-upload", "-a", "127.0.0.1", port, key,
		server, NULL
	};
	struct peerprog p;
	struct pgtide_ctx *h;
	int i, n;

	(void)state;
	if (!peerprog_exists("nghttpd"))
		skip();
	(void)snprintf(key, sizeof(key), "%s", hooknet_cert("server.key"));
	(void)snprintf(server, sizeof(server), "%s",
	    hooknet_cert("server.pem"));
	n = peerprog_free_port();
	(void)snprintf(port, sizeof(port), "%d", n);
	assert_int_equal(peerprog_start(&p, argv, n), 0);
	h = hooknet_tls(HOOKNET_NAME, n);
	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	hooknet_must_open(h);
	for (i = 0; i < 200; i++)
		(void)bench_submit(h, "a:1:b", "{\"h\":2}");
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	for (i = 1; i <= 200; i++)
		if (sinkhost_outcome(h, (uint64_t)i)->code != 200)
			fail_msg("%d of 200: %s", i, sinkhost_outcome(h,
			    (uint64_t)i)->detail);
	assert_int_equal(sinkhost_metric(h,
	    "connections_total"), 1);
	bench_close(h);
	/* Switched off, it cannot talk to such a server. */
	h = hooknet_tls(HOOKNET_NAME, n);
	hooknet_set_file(h, "tls.ca_file", "ca.pem");
	bench_set(h, "http2", "off");
	hooknet_must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
	    PGTIDE_TRANSIENT);
	bench_close(h);
	peerprog_stop(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_urls),
		cmocka_unit_test(test_refused_options),
		cmocka_unit_test(test_refused_answers),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_name_unknown),
		cmocka_unit_test(test_name_moves),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_tls_untrusted),
		cmocka_unit_test(test_client_certificate),
		cmocka_unit_test(test_http2)
	};

	return (cmocka_run_group_tests(tests, hooknet_setup, hooknet_teardown));
}
