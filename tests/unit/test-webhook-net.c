/* SPDX-License-Identifier: ISC */
/*
 * The webhook sink and the network: which addresses it reaches, names that
 * move, TLS, HTTP/2, and that it needs neither files nor threads.
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <dirent.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/sandbox/sandbox.h"
#include "tests/unit/hookbench.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define NAME		"receiver.test"

static char certs[128];
static struct peerprog tls_receiver;

static const char *
cert(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", certs, name);
	return (path);
}

/* A file's contents, NUL-terminated, to be freed. */
static char *
slurp(const char *path, size_t *len)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	n = getdelim(&text, &size, '\0', f);
	(void)fclose(f);
	assert_true(n > 0);
	*len = (size_t)n;
	return (text);
}

static void
set_file(struct pgtide_ctx *h, const char *option, const char *name)
{
	size_t len;
	char *text = slurp(cert(name), &len);

	assert_int_equal(sinkhost_set_bytes(h, option, text, len), 0);
	free(text);
}

static int
setup(void **state)
{
	const char *top = getenv("top_srcdir");
	char program[512], server_cert[256], server_key[256];
	const char *make[] = {
		"/usr/bin/python3", program, "--make-certificates", certs,
		NULL
	};
	const char *args[] = {
		"--tls-cert", server_cert, "--tls-key", server_key, "--scheme",
		"none", NULL
	};

	if (bench_setup(state) == -1)
		return (-1);
	(void)snprintf(program, sizeof(program), "%s/tests/lib/receiver.py",
	    top != NULL ? top : ".");
	(void)snprintf(certs, sizeof(certs), "%s/certs", peerprog_dir());
	if (peerprog_run(make) != 0) {
		print_error("no certificates: is openssl(1) installed?\n");
		return (-1);
	}
	(void)snprintf(server_cert, sizeof(server_cert), "%s",
	    cert("server.pem"));
	(void)snprintf(server_key, sizeof(server_key), "%s",
	    cert("server.key"));
	return (peerprog_receiver(&tls_receiver, args));
}

static int
teardown(void **state)
{
	peerprog_stop(&tls_receiver);
	return (bench_teardown(state));
}

/* An instance for a URL, with only what is given. */
static struct pgtide_ctx *
instance(const char *url, bool allow_private)
{
	struct pgtide_ctx *h = bench_new("/", NULL);

	bench_set(h, "url", url);
	bench_set(h, "allow_insecure", "false");
	bench_set(h, "allow_private", allow_private ? "true" : "false");
	return (h);
}

static void
must_open(struct pgtide_ctx *h)
{
	char err[512];

	if (sinkhost_open(h, err, sizeof(err)) == -1)
		fail_msg("open: %s", err);
}

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
		bench_refused(instance(t[i].url, t[i].private), t[i].why);
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
		h = instance("https://example.com/", false);
		bench_set(h, t[i].name, t[i].value);
		bench_refused(h, t[i].why);
	}
	h = instance("https://example.com/", false);
	assert_int_equal(sinkhost_set(h, "max_connections", NULL, "0", err,
	    sizeof(err)), -1);
	assert_int_equal(sinkhost_set(h, "http2", NULL, "maybe", err,
	    sizeof(err)), -1);
	bench_set(h, "signature.scheme", "hmac-sha256");
	bench_set(h, "signature.secret", "a");
	bench_set(h, "signature.extra_secrets", "b");
	bench_refused(h, "standard-webhooks");
	h = instance("https://example.com/", false);
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
	(void)snprintf(url, sizeof(url), "https://" NAME ":%d/",
	    tls_receiver.port);
	for (i = 0; i < COUNT(bad); i++) {
		h = instance(url, false);
		assert_int_equal(sinkhost_add_name(h, NAME, bad[i]), 0);
		must_open(h);
		o = bench_send(h, "a:1:b", "{}");
		assert_int_equal(o->result, PGTIDE_TRANSIENT);
		assert_non_null(strstr(o->detail, "address"));
		assert_int_equal(sinkhost_state(h, &text), 0);
		assert_non_null(strstr(text, NAME));
		assert_true(sinkhost_metric(h,
		    "pgtide_webhook_addresses_refused_total") > 0);
		assert_int_equal(sinkhost_metric(h,
		    "pgtide_webhook_connections_total"), 0);
		bench_close(h);
	}
}

static struct pgtide_ctx *
by_name(const char *path)
{
	struct pgtide_ctx *h = bench_new(path, NULL);
	char url[128];

	(void)snprintf(url, sizeof(url), "http://" NAME ":%d%s",
	    bench_receiver.port, path);
	bench_set(h, "url", url);
	return (h);
}

static void
test_name(void **state)
{
	struct pgtide_ctx *h = by_name("/by-name");
	int i;

	(void)state;
	/* Refused addresses beside a good one are left out. */
	assert_int_equal(sinkhost_add_name(h, NAME, "169.254.169.254"), 0);
	assert_int_equal(sinkhost_add_name(h, NAME, "127.0.0.1"), 0);
	must_open(h);
	assert_int_equal(sinkhost_state(h, NULL), -1);
	for (i = 0; i < 5; i++)
		assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
		    PGTIDE_DELIVERED);
	assert_int_equal(sinkhost_state(h, NULL), 1);
	assert_int_equal(sinkhost_lookups(h), 1);
	assert_int_equal(sinkhost_metric(h,
	    "pgtide_webhook_connections_total"), 1);
	bench_close(h);
}

static void
test_name_unknown(void **state)
{
	struct pgtide_ctx *h = by_name("/");
	const struct sinkhost_outcome *o;

	(void)state;
	must_open(h);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->result, PGTIDE_TRANSIENT);
	assert_non_null(strstr(o->detail, "cannot resolve " NAME));
	assert_int_equal(sinkhost_add_name(h, NAME, "127.0.0.1"), 0);
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
	struct pgtide_ctx *h = by_name("/moved");

	(void)state;
	assert_int_equal(sinkhost_add_name(h, NAME, "127.0.0.77"), 0);
	must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
	    PGTIDE_TRANSIENT);
	sinkhost_clear_names(h);
	assert_int_equal(sinkhost_add_name(h, NAME, "127.0.0.1"), 0);
	while (bench_send(h, "a:1:b", "{}")->result != PGTIDE_DELIVERED)
		sinkhost_run(h, 100);
	assert_int_equal(sinkhost_lookups(h), 2);
	bench_close(h);
}

static struct pgtide_ctx *
tls_instance(const char *host, int port)
{
	struct pgtide_ctx *h;
	char url[64];

	(void)snprintf(url, sizeof(url), "https://%s:%d/tls", host, port);
	h = instance(url, true);
	assert_int_equal(sinkhost_add_name(h, NAME, "127.0.0.1"), 0);
	assert_int_equal(sinkhost_add_name(h, "other.test", "127.0.0.1"), 0);
	return (h);
}

static void
test_tls(void **state)
{
	const struct sinkhost_outcome *o;
	struct pgtide_ctx *h;
	int i;

	(void)state;
	h = tls_instance(NAME, tls_receiver.port);
	set_file(h, "tls.ca_file", "ca.pem");
	must_open(h);
	for (i = 0; i < 3; i++)
		assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
		    PGTIDE_DELIVERED);
	assert_int_equal(sinkhost_metric(h,
	    "pgtide_webhook_connections_total"), 1);
	bench_close(h);
	/* The address is in the certificate as well. */
	h = tls_instance("127.0.0.1", tls_receiver.port);
	set_file(h, "tls.ca_file", "ca.pem");
	bench_set(h, "tls.min_version", "1.3");
	must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->code, 200);
	bench_close(h);
	/* Another name is not. */
	h = tls_instance("other.test", tls_receiver.port);
	set_file(h, "tls.ca_file", "ca.pem");
	must_open(h);
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
	h = tls_instance(NAME, tls_receiver.port);
	set_file(h, "tls.ca_file", "client.pem");	/* not its authority */
	must_open(h);
	o = bench_send(h, "a:1:b", "{}");
	assert_int_equal(o->result, PGTIDE_TRANSIENT);
	assert_non_null(strstr(o->detail, "certificate"));
	assert_int_equal(sinkhost_state(h, &text), 0);
	bench_close(h);
	h = tls_instance(NAME, tls_receiver.port);
	bench_set(h, "allow_insecure", "true");
	bench_set(h, "tls.verify", "false");
	must_open(h);
	assert_true(sinkhost_logged(h, "not verified"));
	assert_int_equal(sinkhost_metric(h, "pgtide_webhook_insecure"), 1);
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
	(void)snprintf(ca, sizeof(ca), "%s", cert("ca.pem"));
	(void)snprintf(server, sizeof(server), "%s", cert("server.pem"));
	(void)snprintf(key, sizeof(key), "%s", cert("server.key"));
	assert_int_equal(peerprog_receiver(&receiver, args), 0);
	h = tls_instance(NAME, receiver.port);
	set_file(h, "tls.ca_file", "ca.pem");
	must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
	    PGTIDE_TRANSIENT);
	set_file(h, "tls.client_cert", "client.pem");
	text = slurp(cert("client.key"), &len);
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
	(void)snprintf(key, sizeof(key), "%s", cert("server.key"));
	(void)snprintf(server, sizeof(server), "%s", cert("server.pem"));
	n = peerprog_free_port();
	(void)snprintf(port, sizeof(port), "%d", n);
	assert_int_equal(peerprog_start(&p, argv, n), 0);
	h = tls_instance(NAME, n);
	set_file(h, "tls.ca_file", "ca.pem");
	must_open(h);
	for (i = 0; i < 200; i++)
		(void)bench_submit(h, "a:1:b", "{\"h\":2}");
	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	for (i = 1; i <= 200; i++)
		if (sinkhost_outcome(h, (uint64_t)i)->code != 200)
			fail_msg("%d of 200: %s", i, sinkhost_outcome(h,
			    (uint64_t)i)->detail);
	assert_int_equal(sinkhost_metric(h,
	    "pgtide_webhook_connections_total"), 1);
	bench_close(h);
	/* Switched off, it cannot talk to such a server. */
	h = tls_instance(NAME, n);
	set_file(h, "tls.ca_file", "ca.pem");
	bench_set(h, "http2", "off");
	must_open(h);
	assert_int_equal(bench_send(h, "a:1:b", "{}")->result,
	    PGTIDE_TRANSIENT);
	bench_close(h);
	peerprog_stop(&p);
}

/* Death to whoever opens a file, makes a thread or a socket not of TCP. */
static int
confine(void)
{
	static const int forbidden[] = {
		SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(clone),
		SCMP_SYS(clone3), SCMP_SYS(fork), SCMP_SYS(vfork),
		SCMP_SYS(execve), SCMP_SYS(sendmmsg)
	};
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	size_t i;
	int rc = 0;

	if (ctx == NULL)
		return (-1);
	for (i = 0; i < COUNT(forbidden); i++)
		rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS,
		    forbidden[i], 0);
	rc |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(socket),
	    1, SCMP_A0(SCMP_CMP_GT, 10));
	rc |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(13), SCMP_SYS(socket), 1,
	    SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, 2));
	rc |= seccomp_load(ctx);
	seccomp_release(ctx);
	return (rc == 0 ? 0 : -1);
}

/* The worker's own lock-down, with nothing but what the plugin declares. */
static int
lock_down(void)
{
	const uint16_t ports[] = {
		(uint16_t)tls_receiver.port, (uint16_t)bench_receiver.port
	};
	struct sandbox_policy policy = {
		.mode = SANDBOX_BEST_EFFORT, .action = SANDBOX_KILL,
		.required_net = 2, .needs = SANDBOX_TCP, .ports = ports,
		.nports = COUNT(ports)
	};
	struct sandbox_report report = { 0 };
	char err[256];

	if (bench_plugin->needs != PGTIDE_NEED_TCP ||
	    sandbox_stage1(&policy, &report, err, sizeof(err)) == -1 ||
	    sandbox_stage2(&policy, &report, err, sizeof(err)) == -1 ||
	    sandbox_stage3(&policy, &report, err, sizeof(err)) == -1)
		return (-1);
	return (report.seccomp ? 0 : -1);
}

/* In a child: open, deliver by name over TLS, be refused, close. */
static int
confined_life(int (*restrain)(void))
{
	struct pgtide_ctx *h = tls_instance(NAME, tls_receiver.port);
	struct pgtide_msg m = { .id = "c:1:d", .value = "{}", .valuelen = 2 };
	char err[256];
	int i;

	set_file(h, "tls.ca_file", "ca.pem");
	bench_set(h, "signature.scheme", "hmac-sha256");
	bench_set(h, "signature.secret", "s3");
	if (restrain() == -1)
		return (2);
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		return (3);
	for (i = 0; i < 50; i++, m.lane++)
		if (sinkhost_submit(h, &m) == 0)
			return (4);
	if (sinkhost_wait_settled(h, PATIENCE_MS) == -1)
		return (5);
	for (i = 1; i <= 50; i++)
		if (sinkhost_outcome(h, (uint64_t)i)->code != 200)
			return (6);
	sinkhost_free(h);
	h = by_name("/hang");		/* the system's bundle, a time-out */
	bench_set(h, "timeout", "200ms");
	(void)sinkhost_add_name(h, NAME, "127.0.0.1");
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		return (7);
	if (sinkhost_submit(h, &m) == 0 ||
	    sinkhost_wait_settled(h, PATIENCE_MS) == -1 ||
	    sinkhost_outcome(h, 1)->result != PGTIDE_TRANSIENT)
		return (8);
	sinkhost_free(h);
	h = instance("https://example.com/", false);
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		return (9);
	sinkhost_free(h);
	return (0);
}

/* Their run time opens files and does much else. */
static bool
instrumented(void)
{
#ifdef TIDE_INSTRUMENTED
	return (true);
#else
	const char *preload = getenv("LD_PRELOAD");

	return (preload != NULL && strstr(preload, "vgpreload") != NULL);
#endif
}

static void
run_confined(int (*restrain)(void))
{
	pid_t pid;
	int status;

	if (instrumented())
		skip();
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		(void)event_reinit(bench_base);
		_exit(confined_life(restrain));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		fail_msg("killed by signal %d", WTERMSIG(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
test_confined(void **state)
{
	(void)state;
	run_confined(confine);
}

static void
test_locked_down(void **state)
{
	(void)state;
	run_confined(lock_down);
}

/* A filter that holds nothing back would prove nothing. */
static void
test_confinement_holds(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	pid = fork();
	assert_true(pid != -1);
	if (pid == 0) {
		if (confine() == 0)
			(void)opendir("/");
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSYS);
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
		cmocka_unit_test(test_http2),
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_locked_down),
		cmocka_unit_test(test_confinement_holds)
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
