/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the webhook sink share.
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

struct event_base *bench_base;
const struct pgtide_sink_plugin *bench_plugin;
struct peerprog bench_receiver;

int
bench_setup(void **state)
{
	static const char *const args[] = { "--secret", "s3", NULL };
	const char *top = getenv("top_builddir");
	char path[512], err[512];

	(void)state;
	(void)snprintf(path, sizeof(path),
	    "%s/plugins/webhook/.libs/webhook.so", top != NULL ? top : ".");
	bench_plugin = sinkhost_plugin_load(path, err, sizeof(err));
	if (bench_plugin == NULL) {
		print_error("%s\n", err);
		return (-1);
	}
	if ((bench_base = event_base_new()) == NULL ||
	    peerprog_receiver(&bench_receiver, args) == -1) {
		print_error("the receiver does not start\n");
		return (-1);
	}
	return (0);
}

int
bench_teardown(void **state)
{
	(void)state;
	peerprog_stop(&bench_receiver);
	peerprog_cleanup();
	if (bench_base != NULL)
		event_base_free(bench_base);
	return (0);
}

void
bench_set(struct pgtide_ctx *h, const char *name, const char *value)
{
	char err[512];
	int rc;

	if (strncmp(name, "headers.", 8) == 0)
		rc = sinkhost_set(h, "headers", name + 8, value, err,
		    sizeof(err));
	else
		rc = sinkhost_set(h, name, NULL, value, err, sizeof(err));
	if (rc == -1)
		fail_msg("%s: %s", name, err);
}

static struct pgtide_ctx *
new_va(const char *path, va_list ap)
{
	struct pgtide_ctx *h;
	const char *name;
	char url[256];

	h = sinkhost_new(bench_plugin, bench_base);
	assert_non_null(h);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s",
	    bench_receiver.port, path);
	bench_set(h, "url", url);
	bench_set(h, "allow_insecure", "true");
	bench_set(h, "allow_private", "true");
	while ((name = va_arg(ap, const char *)) != NULL)
		bench_set(h, name, va_arg(ap, const char *));
	return (h);
}

struct pgtide_ctx *
bench_new(const char *path, ...)
{
	struct pgtide_ctx *h;
	va_list ap;

	va_start(ap, path);
	h = new_va(path, ap);
	va_end(ap);
	return (h);
}

struct pgtide_ctx *
bench_open(const char *path, ...)
{
	struct pgtide_ctx *h;
	char err[512];
	va_list ap;

	va_start(ap, path);
	h = new_va(path, ap);
	va_end(ap);
	if (sinkhost_open(h, err, sizeof(err)) == -1)
		fail_msg("open: %s", err);
	return (h);
}

void
bench_refused(struct pgtide_ctx *h, const char *part)
{
	char err[512] = "";

	if (sinkhost_open(h, err, sizeof(err)) == 0)
		fail_msg("opened, although: %s", part);
	if (strstr(err, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err, part);
	sinkhost_free(h);
}

void
bench_close(struct pgtide_ctx *h)
{
	unsigned int breaches;
	const char *first;

	sinkhost_close(h, 0);
	if ((breaches = sinkhost_breaches(h, &first)) > 0)
		fail_msg("%u breaches: %s", breaches, first);
	sinkhost_free(h);
}

uint64_t
bench_submit(struct pgtide_ctx *h, const char *id, const char *value)
{
	static uint32_t lane;
	struct pgtide_msg m = { 0 };
	uint64_t token;

	m.id = id;
	m.attempt = 1;
	m.lane = lane++;
	m.value = value;
	m.valuelen = value != NULL ? strlen(value) : 0;
	token = sinkhost_submit(h, &m);
	assert_true(token != 0);
	return (token);
}

const struct sinkhost_outcome *
bench_send(struct pgtide_ctx *h, const char *id, const char *value)
{
	uint64_t token = bench_submit(h, id, value);

	assert_int_equal(sinkhost_wait_settled(h, PATIENCE_MS), 0);
	return (sinkhost_outcome(h, token));
}

struct sinkhost_outcome
bench_try(const char *path)
{
	struct pgtide_ctx *h = bench_open(path, "timeout", "500ms", NULL);
	struct sinkhost_outcome o;

	o = *bench_send(h, "orders:1:x", "{\"a\":1}");
	assert_int_equal(o.times, 1);
	bench_close(h);
	return (o);
}

void
bench_control(const char *json)
{
	assert_int_equal(peerprog_ask(bench_receiver.port, "/_control", json,
	    NULL, 0), 200);
}

int
bench_stat(const char *name)
{
	char body[1024] = "", key[64];
	const char *p;

	assert_int_equal(peerprog_ask(bench_receiver.port, "/_stats", "",
	    body, sizeof(body)), 200);
	(void)snprintf(key, sizeof(key), "\"%s\": ", name);
	p = strstr(body, key);
	assert_non_null(p);
	return ((int)strtol(p + strlen(key), NULL, 10));
}

bool
bench_recorded(const char *text)
{
	char *record = peerprog_record(&bench_receiver);
	bool found;

	assert_non_null(record);
	found = strstr(record, text) != NULL;
	free(record);
	return (found);
}
