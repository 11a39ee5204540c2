/* SPDX-License-Identifier: ISC */
/* Messages, headers and identities as bytes. */
#include "config.h"

#include "tests/unit/unit.h"

#include <tide/sink.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "worker/encode.h"
#include "worker/json_scan.h"
#include "worker/parcel.h"
#include "worker/slab.h"
#include "worker/text.h"

#define TRACE	"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"

static const char *
base36(int64_t v)
{
	static char	buf[TEXT_BASE36_MAX + 1];

	*text_base36(buf, v) = '\0';
	return (buf);
}

static const char *
rfc3339(int64_t us)
{
	static char	buf[TEXT_TIME_MAX + 1];

	*text_time(buf, us) = '\0';
	return (buf);
}

static void
numbers_and_times(void **state)
{
	(void)state;
	assert_string_equal(base36(0), "0");
	assert_string_equal(base36(35), "z");
	assert_string_equal(base36(36), "10");
	assert_string_equal(base36(-36), "-10");
	assert_string_equal(base36(INT64_MAX), "1y2p0ij32e8e7");
	assert_string_equal(base36(INT64_MIN), "-1y2p0ij32e8e8");
	assert_string_equal(rfc3339(0), "1970-01-01T00:00:00.000000Z");
	assert_string_equal(rfc3339(-1), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(rfc3339(INT64_C(951827696123456)),
	    "2000-02-29T12:34:56.123456Z");
	assert_true(strlen(rfc3339(INT64_MAX)) <= TEXT_TIME_MAX);
	assert_true(strlen(rfc3339(INT64_MIN)) <= TEXT_TIME_MAX);
}

/* Against the C library, over four thousand years. */
static void
times_match_gmtime(void **state)
{
	uint64_t	seed = 3;
	struct tm	tm;
	time_t		t;
	char		want[64];
	int		i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		t = (time_t)unit_random(&seed, UINT64_C(126230400000)) -
		    INT64_C(62167219200) + 86400 * 366;
		assert_non_null(gmtime_r(&t, &tm));
		if (tm.tm_year + 1900 > 9999)
			continue;
		(void)snprintf(want, sizeof(want),
		    "%04d-%02d-%02dT%02d:%02d:%02d.000007Z",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		    tm.tm_hour, tm.tm_min, tm.tm_sec);
		assert_string_equal(rfc3339((int64_t)t * 1000000 + 7), want);
	}
}

struct fixture {
	struct slab_pool	*slabs;
	struct parcel_table	*table;
	struct encoder		 enc;
};

static void
fixture_init(struct fixture *f, enum wire_format format, const char *outbox)
{
	f->slabs = slab_pool_new(0);
	f->table = parcel_table_new(f->slabs);
	encoder_init(&f->enc, format, outbox);
}

static void
fixture_free(struct fixture *f)
{
	parcel_table_free(f->table);
	assert_int_equal(slab_pool_bytes(f->slabs), 0);
	slab_pool_free(f->slabs);
}

static struct parcel *
encoded(struct fixture *f, const char *key, const char *payload,
    const char *headers)
{
	const struct row	row = { .id = 42,
	    .created_us = INT64_C(1700000000123456), .key = key,
	    .keylen = key != NULL ? strlen(key) : 0, .payload = payload,
	    .payloadlen = strlen(payload), .headers = headers,
	    .headerslen = strlen(headers) };
	struct parcel		*p = parcel_new(f->table);

	if (encode_event(&f->enc, f->slabs, &row, p) == 0)
		return (p);
	parcel_free(f->table, p);
	return (NULL);
}

static const char *
member(struct json_object *o, const char *name)
{
	struct json_object	*v;

	assert_true(json_object_object_get_ex(o, name, &v));
	return (json_object_get_string(v));
}

static void
native_has_ten_keys(void **state)
{
	struct fixture		 f;
	struct parcel		*p;
	struct json_tokener	*tok = json_tokener_new();
	struct json_object	*o;

	(void)state;
	fixture_init(&f, WIRE_NATIVE, "or\"d\\\x01");
	p = encoded(&f, "k", "{\"n\": 1.50}", "{\"a\": \"b\"}");
	assert_non_null(p);
	o = json_tokener_parse_ex(tok, p->value, (int)p->valuelen);
	assert_non_null(o);
	assert_int_equal(json_tokener_get_parse_end(tok), p->valuelen);
	assert_int_equal(json_object_object_length(o), 10);
	assert_string_equal(member(o, "dedup_key"), p->identity);
	assert_string_equal(p->identity, "or\"d\\\x01:42:" "gqll7vdgzk");
	assert_string_equal(member(o, "subject"), "or\"d\\\x01.insert");
	assert_string_equal(member(o, "op"), "insert");
	assert_string_equal(member(o, "outbox_id"), "42");
	assert_string_equal(member(o, "outbox_name"), "or\"d\\\x01");
	assert_string_equal(member(o, "is_full_refresh"), "false");
	assert_null(member(o, "refresh_id"));
	assert_string_equal(member(o, "headers"), "{ \"a\": \"b\" }");
	assert_string_equal(member(o, "created_at"),
	    "2023-11-14T22:13:20.123456Z");
	/* Spliced, not decoded: 1.50 stays 1.50. */
	assert_non_null(memmem(p->value, p->valuelen,
	    "\"payload\":{\"n\": 1.50},", 22));
	json_object_put(o);
	json_tokener_free(tok);
	parcel_free(f.table, p);
	fixture_free(&f);
}

static const struct pgtide_header *
header(const struct parcel *p, const char *name)
{
	size_t	i;

	for (i = 0; i < p->nheaders; i++)
		if (strcmp(p->headers[i].name, name) == 0)
			return (&p->headers[i]);
	return (NULL);
}

static void
header_is(const struct parcel *p, const char *name, const char *value)
{
	const struct pgtide_header	*h = header(p, name);

	assert_non_null(h);
	assert_int_equal(h->valuelen, strlen(value));
	assert_memory_equal(h->value, value, strlen(value));
}

static void
headers_are_taken_over(void **state)
{
	struct fixture	 f;
	struct parcel	*p;

	(void)state;
	fixture_init(&f, WIRE_RAW, "orders");
	p = encoded(&f, "key 1", "[1, 2]", "{\"traceparent\": \"" TRACE
	    "\", \"n\": 17, \"o\": {\"x\": [\"}\", 1]}, \"none\": null,"
	    " \"esc\": \"a\\\"\\n\\u00e4\\ud83d\\ude00\","
	    " \"tide-id\": \"forged\", \"\": \"x\"}");
	assert_non_null(p);
	assert_int_equal(p->valuelen, 6);
	assert_memory_equal(p->value, "[1, 2]", 6);
	assert_string_equal(p->key, "key 1");
	assert_string_equal(p->traceparent, TRACE);
	header_is(p, "traceparent", TRACE);
	header_is(p, "n", "17");
	header_is(p, "o", "{\"x\": [\"}\", 1]}");
	header_is(p, "esc", "a\"\n\xc3\xa4\xf0\x9f\x98\x80");
	header_is(p, "tide-id", p->identity);
	header_is(p, "tide-key", "key 1");
	header_is(p, "tide-outbox", "orders");
	header_is(p, "tide-created-at", "2023-11-14T22:13:20.123456Z");
	assert_null(header(p, "none"));
	assert_int_equal(p->nheaders, 8);
	parcel_free(f.table, p);
	p = encoded(&f, NULL, "1", "{}");
	assert_null(p->key);
	assert_null(header(p, "tide-key"));
	assert_null(p->traceparent);
	parcel_free(f.table, p);
	p = encoded(&f, NULL, "1", "{\"traceparent\": \"00-xyz\"}");
	assert_null(p->traceparent);
	parcel_free(f.table, p);
	fixture_free(&f);
}

static void
bad_headers_are_poison(void **state)
{
	static const char *const bad[] = { "", "null", "[]", "{", "{\"a\"}",
	    "{\"a\":}", "{\"a\":1,}", "{\"a\":1}x", "{\"a\":\"\\u12\"}",
	    "{\"a\":\"\\ud800\"}", "{\"a\":\"\\q\"}", "{\"a", "{\"a\":\"",
	    "{\"a\":\"\\", "{\"a\":[1}" };
	struct fixture	 f;
	size_t		 i;

	(void)state;
	fixture_init(&f, WIRE_NATIVE, "o");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		if (encoded(&f, "k", "1", bad[i]) != NULL)
			fail_msg("headers taken: %s", bad[i]);
		assert_int_equal(errno, EINVAL);
	}
	fixture_free(&f);
}

/* Whatever the scanner reads, it stays inside and comes to an end. */
static void
scanner_survives_garbage(void **state)
{
	static const char	alphabet[] = "{}[]\":,\\u0d8aen1 ";
	struct json_scan	s;
	struct json_member	m;
	uint64_t		seed = 21;
	char			text[40], out[40];
	size_t			i, len;
	int			round, n, ends = 0;

	(void)state;
	for (round = 0; round < 300000; round++) {
		len = unit_random(&seed, sizeof(text));
		for (i = 0; i < len; i++)
			text[i] = alphabet[unit_random(&seed, 18)];
		if (len > 0 && unit_random(&seed, 2) == 0)
			text[0] = '{';
		json_scan_begin(&s, text, len);
		while ((n = json_scan_next(&s, &m)) == 1) {
			assert_true(m.value + m.valuelen <= text + len);
			i = json_unescape(out, m.name, m.namelen);
			assert_true(i == SIZE_MAX || i <= m.namelen);
		}
		ends += n == 0;
	}
	assert_true(ends > 10);
}

static void
a_full_pool_says_so(void **state)
{
	static char	 payload[200000];
	struct fixture	 f;
	struct parcel	*p[8];
	size_t		 n;

	(void)state;
	memset(payload, '1', sizeof(payload) - 1);
	fixture_init(&f, WIRE_NATIVE, "o");
	for (n = 0; n < 8; n++)
		if ((p[n] = encoded(&f, NULL, payload, "{}")) == NULL)
			break;
	assert_int_equal(errno, ENOBUFS);
	assert_true(n >= 1 && n < 8);
	while (n > 0)
		parcel_free(f.table, p[--n]);
	fixture_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_times),
		cmocka_unit_test(times_match_gmtime),
		cmocka_unit_test(native_has_ten_keys),
		cmocka_unit_test(headers_are_taken_over),
		cmocka_unit_test(bad_headers_are_poison),
		cmocka_unit_test(scanner_survives_garbage),
		cmocka_unit_test(a_full_pool_says_so),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
