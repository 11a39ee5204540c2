/* SPDX-License-Identifier: ISC */
/*
 * Options of a sink: what a document may say, and how it is told off.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/child.h"
#include "common/messages.h"
#include "common/secretmem.h"
#include "worker/sinkopt.h"

static const struct pgtide_option table[] = {
	{ "url", PGTIDE_OPT_ENDPOINT, PGTIDE_OPTF_REQUIRED, NULL, 0, 0, NULL,
	    "Where to send" },
	{ "batch", PGTIDE_OPT_BOOL, 0, "false", 0, 0, NULL, "Several" },
	{ "count", PGTIDE_OPT_INT, 0, "10", 1, 100, NULL, "How many" },
	{ "room", PGTIDE_OPT_SIZE, 0, "1MiB", 1024, 1 << 30, NULL, "Bytes" },
	{ "timeout", PGTIDE_OPT_DURATION, 0, "20s", 100, 300000, NULL,
	    "How long" },
	{ "signature.scheme", PGTIDE_OPT_ENUM, 0, "none", 0, 0,
	    "none|hmac-sha256", "Which" },
	{ "signature.secret", PGTIDE_OPT_SECRET, 0, NULL, 0, 0, NULL,
	    "With what" },
	{ "headers", PGTIDE_OPT_STRING, PGTIDE_OPTF_MAP, NULL, 0, 0, NULL,
	    "More headers" },
	{ "brokers", PGTIDE_OPT_ENDPOINT, PGTIDE_OPTF_LIST, NULL, 0, 0, NULL,
	    "Where else" },
	{ "ca", PGTIDE_OPT_FILE, 0, NULL, 0, 0, NULL, "Whom to trust" },
	{ "path", PGTIDE_OPT_OUTPUT, 0, NULL, 0, 0, NULL, "Where to write" }
};

#define NTABLE	(sizeof(table) / sizeof(table[0]))

static int file_fd = -1, output_fd = -1;

/* What the supervisor handed over, in place of common/child.c. */
int
child_file(const struct child *child, const char *path)
{
	(void)child;
	return (strcmp(path, "/etc/ca.pem") == 0 ? file_fd : -1);
}

int
child_output(const struct child *child, const char *path)
{
	(void)child;
	return (strcmp(path, "/out/x") == 0 ? output_fd : -1);
}

static struct sinkopt *
fresh(void)
{
	struct sinkopt *o;
	char err[256];

	o = sinkopt_new(table, NTABLE, sizeof(table[0]), err, sizeof(err));
	assert_non_null(o);
	return (o);
}

/* The required option goes without saying in most tests. */
static int
configure(struct sinkopt *o, const char *text, char *err, size_t size)
{
	struct json_object *json = json_tokener_parse(text);
	int rc;

	if (json == NULL)
		fail_msg("bad JSON in the test: %s", text);
	if (!json_object_object_get_ex(json, "url", NULL))
		json_object_object_add(json, "url",
		    json_object_new_string("http://a"));
	rc = sinkopt_configure(o, "sink", json, err, size);
	json_object_put(json);
	return (rc);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "{\"ulr\": \"http://a\"}",
		    "sink.ulr: unknown option; did you mean \"url\"?" },
		{ "{\"nothing_like_it\": 1}", "known are: url batch count" },
		{ "{\"signature\": {\"schema\": \"none\"}}",
		    "sink.signature.schema: unknown option; did you mean "
		    "\"signature.scheme\"?" },
		{ "{\"signature\": {\"scheme\": \"md5\"}}",
		    "sink.signature.scheme: bad value \"md5\", expected one "
		    "of none|hmac-sha256" },
		{ "{\"signature\": \"x\"}", "sink.signature: unknown" },
		{ "{\"signature.scheme\": \"none\", \"signature\": "
		    "{\"scheme\": \"none\"}}", "is given twice" },
		{ "{\"batch\": \"yes\"}",
		    "sink.batch: is a JSON string, expected boolean" },
		{ "{\"batch\": 1}", "sink.batch: is a JSON int" },
		{ "{\"count\": \"5\"}",
		    "sink.count: is a JSON string, expected integer" },
		{ "{\"count\": 1.5}", "sink.count: is a JSON double" },
		{ "{\"count\": 101}",
		    "sink.count: bad value \"101\", expected integer "
		    "(1..100)" },
		{ "{\"count\": 99999999999999999999}", "sink.count: bad" },
		{ "{\"count\": [1]}", "sink.count: is a JSON array" },
		{ "{\"timeout\": \"5m1\"}",
		    "sink.timeout: bad value \"5m1\", expected duration "
		    "(100ms..5m)" },
		{ "{\"timeout\": 50}", "sink.timeout: bad value \"50\"" },
		{ "{\"timeout\": true}", "sink.timeout: is a JSON boolean" },
		{ "{\"room\": \"2GiB\"}", "sink.room: bad value" },
		{ "{\"url\": 5}", "sink.url: is a JSON int" },
		{ "{\"url\": \"nowhere\"}",
		    "sink.url: bad value \"nowhere\", expected HOST:PORT" },
		{ "{\"url\": \"a:0\"}", "sink.url: bad value" },
		{ "{\"url\": \"a:65536\"}", "sink.url: bad value" },
		{ "{\"url\": \"http://a\\u0000b\"}", "NUL character" },
		{ "{\"headers\": []}",
		    "sink.headers: is a JSON array, expected an object" },
		{ "{\"headers\": {\"A\": 1}}",
		    "sink.headers.A: is a JSON int, expected string" },
		{ "{\"headers\": {\"A\": \"x\\r\\nB: y\"}}",
		    "sink.headers.A: bad value" },
		{ "{\"headers\": {\"A\\r\\nB\": \"y\"}}", "bad value" },
		{ "{\"headers\": {\"\": \"y\"}}", "a key is empty" },
		{ "{\"brokers\": {}}", "expected an array" },
		{ "{\"brokers\": [\"a:1\", 2]}",
		    "sink.brokers[1]: is a JSON int" },
		{ "{\"brokers\": [\"a:1\", \"b\"]}",
		    "sink.brokers[1]: bad value \"b\"" },
		{ "{\"signature\": {\"secret\": \"hunter2\"}}",
		    "sink.signature.secret: must be a reference such as" },
		{ "{\"signature\": {\"secret\": \"${env:}\"}}",
		    "sink.signature.secret: reference at offset 0" },
		{ "{\"url\": \"http://${vault:x}/\"}", "sink.url: reference" },
		{ "{\"ca\": \"${env:CA}\"}",
		    "sink.ca: a path cannot hold a reference" }
	};
	struct sinkopt *o = fresh();
	char err[512];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (configure(o, cases[i].json, err, sizeof(err)) == 0)
			fail_msg("accepted: %s", cases[i].json);
		if (strstr(err, cases[i].why) == NULL)
			fail_msg("%s: %s", cases[i].json, err);
		/* A literal that should have been a secret is not shown. */
		assert_null(strstr(err, "hunter2"));
	}
	sinkopt_free(o);
}

static void
test_shape(void **state)
{
	struct sinkopt *o = fresh();
	struct json_object *json = json_object_new_array();
	char err[512];

	(void)state;
	assert_int_equal(sinkopt_configure(o, "sink", json, err,
	    sizeof(err)), -1);
	assert_string_equal(err, "sink: must be a JSON object");
	assert_int_equal(sinkopt_configure(o, "sink", NULL, err,
	    sizeof(err)), -1);
	assert_string_equal(err, "sink.url: is required (Where to send)");
	assert_int_equal(configure(o, "{\"url\": null}", err,
	    sizeof(err)), -1);
	assert_string_equal(err, "sink.url: is required (Where to send)");
	json_object_put(json);
	sinkopt_free(o);
}

static const struct sinkopt_value *
value(const struct sinkopt *o, const char *name)
{
	const struct sinkopt_value *v = sinkopt_value(o, name, 0);

	assert_non_null(v);
	return (v);
}

static void
test_defaults(void **state)
{
	struct sinkopt *o = fresh();
	char err[512];

	(void)state;
	assert_int_equal(configure(o, "{\"url\": \"https://a.b/c\"}", err,
	    sizeof(err)), 0);
	assert_int_equal(value(o, "batch")->number, 0);
	assert_int_equal(value(o, "count")->number, 10);
	assert_int_equal(value(o, "room")->number, 1 << 20);
	assert_int_equal(value(o, "timeout")->number, 20000);
	assert_int_equal(value(o, "url")->port, 443);
	assert_string_equal(value(o, "signature.scheme")->text, "none");
	assert_null(sinkopt_value(o, "signature.secret", 0));
	assert_null(sinkopt_value(o, "headers", 0));
	assert_null(sinkopt_value(o, "no such option", 0));
	assert_int_equal(sinkopt_fd(o, "path"), -1);
	sinkopt_free(o);
}

static void
test_given(void **state)
{
	struct sinkopt *o = fresh();
	uint16_t ports[8];
	char err[512];

	(void)state;
	assert_int_equal(configure(o, "{\"url\": \"a:81\", \"batch\": true, "
	    "\"count\": 7, \"room\": 2048, \"timeout\": 1500, "
	    "\"signature.scheme\": \"hmac-sha256\", "
	    "\"headers\": {\"A\": \"1\", \"B\": \"$${x}\"}, "
	    "\"brokers\": [\"b:1\", \"[::1]:2\"]}", err, sizeof(err)), 0);
	assert_int_equal(value(o, "batch")->number, 1);
	assert_int_equal(value(o, "count")->number, 7);
	assert_int_equal(value(o, "room")->number, 2048);
	assert_int_equal(value(o, "timeout")->number, 1500);
	assert_int_equal(value(o, "signature.scheme")->number, 1);
	assert_string_equal(sinkopt_value(o, "headers", 1)->key, "B");
	assert_string_equal(sinkopt_value(o, "headers", 1)->text, "${x}");
	assert_null(sinkopt_value(o, "headers", 2));
	assert_int_equal(sinkopt_ports(o, ports, 8), 3);
	assert_int_equal(ports[0], 81);
	assert_int_equal(ports[1], 1);
	assert_int_equal(ports[2], 2);
	assert_int_equal(sinkopt_ports(o, ports, 2), 2);

	/* Again, with less: nothing of before is left. */
	assert_int_equal(configure(o, "{\"url\": \"a:82\", "
	    "\"brokers\": \"c:3, d:4\"}", err, sizeof(err)), 0);
	assert_null(sinkopt_value(o, "headers", 0));
	assert_string_equal(sinkopt_value(o, "brokers", 0)->text, "c:3");
	assert_string_equal(sinkopt_value(o, "brokers", 1)->text, "d:4");
	assert_int_equal(sinkopt_value(o, "brokers", 1)->port, 4);
	sinkopt_free(o);
}

static void
put_secret(struct secretmem *arena, uint8_t kind, const char *name,
    const char *text)
{
	void *p = secretmem_put(arena, kind, name, strlen(text));

	assert_non_null(p);
	memcpy(p, text, strlen(text));
}

static void
test_references(void **state)
{
	struct secretmem *arena = secretmem_new(65536, NULL);
	struct sinkopt *o = fresh();
	char err[512];

	(void)state;
	assert_non_null(arena);
	assert_int_equal(configure(o, "{\"url\": \"http://h:${env:PORT}/\", "
	    "\"count\": \"${env:COUNT}\", \"brokers\": \"${env:BROKERS}\", "
	    "\"signature\": {\"secret\": \"${file:/run/key}\"}, "
	    "\"headers\": {\"A\": \"x ${env:TOKEN} y\"}}", err,
	    sizeof(err)), 0);
	/* Not known yet. */
	assert_null(sinkopt_value(o, "url", 0));
	assert_null(sinkopt_value(o, "signature.secret", 0));

	assert_int_equal(sinkopt_resolve(o, arena, NULL, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "sink.url: reference at offset 9: "
	    "${env:PORT} has no value"));

	put_secret(arena, REF_ENV, "PORT", "8443");
	put_secret(arena, REF_ENV, "COUNT", "77");
	put_secret(arena, REF_ENV, "BROKERS", "a:1,b:2");
	put_secret(arena, REF_ENV, "TOKEN", "t0ken");
	put_secret(arena, REF_FILE, "/run/key", "line1\nline2");
	if (sinkopt_resolve(o, arena, NULL, err, sizeof(err)) == -1)
		fail_msg("%s", err);
	assert_int_equal(value(o, "url")->port, 8443);
	assert_int_equal(value(o, "count")->number, 77);
	assert_int_equal(sinkopt_value(o, "brokers", 1)->port, 2);
	assert_string_equal(value(o, "headers")->text, "x t0ken y");
	assert_int_equal(value(o, "signature.secret")->len, 11);

	/* Checked when it is known, and not shown. */
	put_secret(arena, REF_ENV, "COUNT", "hunter2");
	assert_int_equal(sinkopt_resolve(o, arena, NULL, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "sink.count: bad value, expected "
	    "integer (1..100)"));
	put_secret(arena, REF_ENV, "COUNT", "1");
	put_secret(arena, REF_ENV, "TOKEN", "hunter2\r\nX: y");
	assert_int_equal(sinkopt_resolve(o, arena, NULL, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "sink.headers.A: bad value"));
	assert_null(strstr(err, "hunter2"));
	sinkopt_free(o);
	secretmem_free(arena);
}

static int
memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return (fd);
}

static void
test_descriptors(void **state)
{
	struct secretmem *arena = secretmem_new(4096, NULL);
	struct sinkopt *o = fresh();
	char err[512], text[8] = "";
	int fd, old;
	size_t len;

	(void)state;
	assert_int_equal(configure(o, "{\"url\": \"a:1\", "
	    "\"ca\": \"/etc/ca.pem\", \"path\": \"/out/x\"}", err,
	    sizeof(err)), 0);
	assert_int_equal(sinkopt_resolve(o, arena, NULL, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "sink.ca: /etc/ca.pem was not handed"));
	file_fd = memory_file("PEM");
	assert_int_equal(sinkopt_resolve(o, arena, NULL, err, sizeof(err)),
	    -1);
	assert_non_null(strstr(err, "sink.path: /out/x was not opened"));
	output_fd = memory_file("");
	if (sinkopt_resolve(o, arena, NULL, err, sizeof(err)) == -1)
		fail_msg("%s", err);
	assert_memory_equal(sinkopt_bytes(o, "ca", &len), "PEM", 4);
	assert_int_equal(len, 3);
	assert_int_equal(old = sinkopt_fd(o, "path"), output_fd);

	/* Rotated: the number stays, the file is another. */
	fd = memory_file("new");
	assert_int_equal(sinkopt_reopen(o, "/out/x", fd), 0);
	assert_int_equal(sinkopt_fd(o, "path"), old);
	assert_int_equal(pread(old, text, sizeof(text), 0), 3);
	assert_string_equal(text, "new");
	assert_int_equal(sinkopt_reopen(o, "/out/y", memory_file("")), -1);
	close(file_fd);
	close(output_fd);
	file_fd = output_fd = -1;
	sinkopt_free(o);
	secretmem_free(arena);
}

static void
test_endpoints(void **state)
{
	static const struct {
		const char *text;
		int	 port;		/* 0: refused */
	} cases[] = {
		{ "http://h", 80 }, { "HTTPS://h/a:1", 443 },
		{ "https://h:8443", 8443 }, { "https://u:p@h:8443/x", 8443 },
		{ "https://u:p@h", 443 }, { "h:9092", 9092 },
		{ "[::1]:9092", 9092 }, { "http://[fe80::1]/", 80 },
		{ "http://[fe80::1]:81?x@y:9", 81 }, { "nats://h", 4222 },
		{ "h", 0 }, { "", 0 }, { ":80", 0 }, { "h:", 0 },
		{ "http://", 0 }, { "http://h:", 0 }, { "h:x", 0 },
		{ "h: 80", 0 }, { "h:+80", 0 }, { "h:080x", 0 },
		{ "[::1:80", 0 }, { "ftp://h", 0 }, { "h:70000", 0 }
	};
	uint16_t port;
	size_t i;
	int rc;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rc = endpoint_port(cases[i].text, &port);
		if ((rc == 0) != (cases[i].port != 0) ||
		    (rc == 0 && port != cases[i].port))
			fail_msg("%s: %d %d", cases[i].text, rc, port);
	}
}

static void
test_describe(void **state)
{
	struct sinkopt *o = fresh();
	struct json_object *json, *row, *field;
	char *text = NULL;
	size_t size;
	FILE *f;

	(void)state;
	assert_non_null(f = open_memstream(&text, &size));
	assert_int_equal(sinkopt_describe(o, f, 1), 0);
	fclose(f);
	assert_non_null(json = json_tokener_parse(text));
	assert_int_equal(json_object_array_length(json), NTABLE);
	row = json_object_array_get_idx(json, 5);
	assert_true(json_object_object_get_ex(row, "choices", &field));
	assert_int_equal(json_object_array_length(field), 2);
	assert_true(json_object_object_get_ex(row, "type", &field));
	assert_string_equal(json_object_get_string(field), "enum");
	json_object_put(json);
	free(text);

	text = NULL;
	assert_non_null(f = open_memstream(&text, &size));
	assert_int_equal(sinkopt_describe(o, f, 0), 0);
	fclose(f);
	assert_non_null(strstr(text, "duration (100ms..5m), default 20s"));
	free(text);
	sinkopt_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_describe)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
