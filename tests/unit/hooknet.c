/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the webhook sink share about names and TLS.
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

static char certs[128];
struct peerprog hooknet_receiver;

const char *
hooknet_cert(const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", certs, name);
	return (path);
}

char *
hooknet_slurp(const char *path, size_t *len)
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

void
hooknet_set_file(struct pgtide_ctx *h, const char *option, const char *name)
{
	size_t len;
	char *text = hooknet_slurp(hooknet_cert(name), &len);

	assert_int_equal(sinkhost_set_bytes(h, option, text, len), 0);
	free(text);
}

int
hooknet_setup(void **state)
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
	    hooknet_cert("server.pem"));
	(void)snprintf(server_key, sizeof(server_key), "%s",
	    hooknet_cert("server.key"));
	return (peerprog_receiver(&hooknet_receiver, args));
}

int
hooknet_teardown(void **state)
{
	peerprog_stop(&hooknet_receiver);
	return (bench_teardown(state));
}

struct pgtide_ctx *
hooknet_instance(const char *url, bool allow_private)
{
	struct pgtide_ctx *h = bench_new("/", NULL);

	bench_set(h, "url", url);
	bench_set(h, "allow_insecure", "false");
	bench_set(h, "allow_private", allow_private ? "true" : "false");
	return (h);
}

void
hooknet_must_open(struct pgtide_ctx *h)
{
	char err[512];

	if (sinkhost_open(h, err, sizeof(err)) == -1)
		fail_msg("open: %s", err);
}

struct pgtide_ctx *
hooknet_by_name(const char *path)
{
	struct pgtide_ctx *h = bench_new(path, NULL);
	char url[128];

	(void)snprintf(url, sizeof(url), "http://" HOOKNET_NAME ":%d%s",
	    bench_receiver.port, path);
	bench_set(h, "url", url);
	return (h);
}

struct pgtide_ctx *
hooknet_tls(const char *host, int port)
{
	struct pgtide_ctx *h;
	char url[64];

	(void)snprintf(url, sizeof(url), "https://%s:%d/tls", host, port);
	h = hooknet_instance(url, true);
	assert_int_equal(sinkhost_add_name(h, HOOKNET_NAME, "127.0.0.1"), 0);
	assert_int_equal(sinkhost_add_name(h, "other.test", "127.0.0.1"), 0);
	return (h);
}
