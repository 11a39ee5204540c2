/* SPDX-License-Identifier: ISC */
/*
 * The parts of the webhook sink that need no network: signatures, address
 * rules, verdicts, URLs, header and text rules.
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

#include "plugins/webhook/address.h"
#include "plugins/webhook/headers.h"
#include "plugins/webhook/queue.h"
#include "plugins/webhook/sign.h"
#include "plugins/webhook/suspects.h"
#include "plugins/webhook/text.h"
#include "plugins/webhook/url.h"
#include "plugins/webhook/verdict.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* RFC 4231, section 4: cases 1 to 4, 6 and 7 (5 is truncated). */
static const struct {
	unsigned char	 fill;		/* key: this byte, or text */
	size_t		 keylen;
	const char	*key;
	const char	*data;
	const char	*mac;
} rfc4231[] = {
	{ 0x0b, 20, NULL, "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7" },
	{ 0, 4, "Jefe", "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843" },
	{ 0xaa, 131, NULL,
	    "Test Using Larger Than Block-Size Key - Hash Key First",
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54" },
	{ 0xaa, 131, NULL, "This is a test using a larger than block-size "
	    "key and a larger than block-size data. The key needs to be "
	    "hashed before being used by the HMAC algorithm.",
	    "9b09ffa71b942fcb27635fbcd5b0e944"
	    "bfdc63644f0713938a7f51535c3a35e2" }
};

static void
test_hmac_vectors(void **state)
{
	unsigned char key[131];
	char value[SIGN_VALUE_MAX];
	const char *reason;
	struct signer *s;
	size_t i, times;

	(void)state;
	assert_int_equal(sign_prepare(), 0);
	for (i = 0; i < COUNT(rfc4231); i++) {
		memset(key, rfc4231[i].fill, sizeof(key));
		s = signer_new(SIGN_HMAC_SHA256);
		assert_non_null(s);
		assert_int_equal(signer_add_key(s, rfc4231[i].key != NULL ?
		    (const void *)rfc4231[i].key : key, rfc4231[i].keylen,
		    &reason), 0);
		/* The keyed context is used again and again. */
		for (times = 0; times < 3; times++) {
			assert_int_equal(signer_value(s, "id", "1",
			    rfc4231[i].data, strlen(rfc4231[i].data), value),
			    0);
			assert_memory_equal(value, "sha256=", 7);
			assert_string_equal(value + 7, rfc4231[i].mac);
		}
		signer_free(s);
	}
}

static void
test_hmac_binary(void **state)
{
	static const unsigned char fill = 0xdd;
	unsigned char key[20], data[50];
	char value[SIGN_VALUE_MAX];
	const char *reason;
	struct signer *s;

	(void)state;
	memset(key, 0xaa, sizeof(key));		/* RFC 4231 case 3 */
	memset(data, fill, sizeof(data));
	s = signer_new(SIGN_HMAC_SHA256);
	assert_int_equal(signer_add_key(s, key, sizeof(key), &reason), 0);
	assert_int_equal(signer_value(s, "", "", data, sizeof(data), value),
	    0);
	assert_string_equal(value, "sha256=773ea91e36800e46854db8ebd09181a7"
	    "2959098b3ef8c122d9635514ced565fe");
	signer_free(s);
}

/* The vector that the Standard Webhooks libraries are tested with. */
static void
test_standard_webhooks_vector(void **state)
{
	static const char *const secrets[] = {
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	};
	static const char body[] = "{\"test\": 2432232314}";
	static const char want[] =
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
	char value[SIGN_VALUE_MAX], both[2 * sizeof(want)];
	const char *reason;
	struct signer *s;
	size_t i;

	(void)state;
	s = signer_new(SIGN_STANDARD_WEBHOOKS);
	for (i = 0; i < COUNT(secrets); i++)
		assert_int_equal(signer_add_key(s, secrets[i],
		    strlen(secrets[i]), &reason), 0);
	assert_int_equal(signer_value(s, "msg_p5jXN8AQM9LWM0D4loKWxJek",
	    "1614265330", body, strlen(body), value), 0);
	(void)snprintf(both, sizeof(both), "%s %s", want, want);
	assert_string_equal(value, both);
	signer_free(s);
}

static void
test_bad_keys(void **state)
{
	static const char *const bad[] = {
		"", "whsec_", "whsec_not base64", "whsec_YWJj=", "whsec_====",
		"YWJ"
	};
	const char *reason = NULL;
	struct signer *s;
	size_t i;

	(void)state;
	s = signer_new(SIGN_STANDARD_WEBHOOKS);
	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(signer_add_key(s, bad[i], strlen(bad[i]),
		    &reason), -1);
		assert_non_null(reason);
	}
	for (i = 0; i < SIGN_KEYS_MAX; i++)
		assert_int_equal(signer_add_key(s, "YWJj", 4, &reason), 0);
	assert_int_equal(signer_add_key(s, "YWJj", 4, &reason), -1);
	signer_free(s);
}

/* 0: free for all, 1: with allow_private, 2: never. */
static const struct {
	const char	*text;
	int		 refused;
} addresses[] = {
	{ "8.8.8.8", 0 }, { "1.1.1.1", 0 }, { "172.15.255.255", 0 },
	{ "172.32.0.0", 0 }, { "192.169.0.1", 0 }, { "100.63.255.255", 0 },
	{ "100.128.0.0", 0 }, { "11.0.0.0", 0 }, { "9.255.255.255", 0 },
	{ "126.255.255.255", 0 }, { "128.0.0.1", 0 }, { "223.255.255.255", 0 },
	{ "198.17.255.255", 0 }, { "198.20.0.0", 0 }, { "169.253.0.1", 0 },
	{ "127.0.0.1", 1 }, { "127.255.255.254", 1 }, { "10.0.0.0", 1 },
	{ "10.255.255.255", 1 }, { "172.16.0.1", 1 }, { "172.31.255.255", 1 },
	{ "192.168.0.1", 1 }, { "192.168.255.255", 1 }, { "100.64.0.1", 1 },
	{ "100.127.255.255", 1 }, { "192.0.0.1", 1 }, { "192.0.2.1", 1 },
	{ "198.18.0.1", 1 }, { "198.19.255.255", 1 }, { "198.51.100.7", 1 },
	{ "203.0.113.9", 1 }, { "192.88.99.1", 1 },
	{ "0.0.0.0", 2 }, { "0.1.2.3", 2 }, { "169.254.0.1", 2 },
	{ "169.254.169.254", 2 }, { "100.100.100.200", 2 },
	{ "192.0.0.192", 2 }, { "224.0.0.1", 2 }, { "239.255.255.255", 2 },
	{ "240.0.0.1", 2 }, { "255.255.255.255", 2 },
	{ "2600::1", 0 }, { "2a00:1450:4001::200e", 0 }, { "2001:4860::1", 0 },
	{ "2003::1", 0 }, { "64:ff9c::1", 0 },
	{ "::1", 1 }, { "fc00::1", 1 }, { "fdff::1", 1 }, { "fec0::1", 1 },
	{ "2001:db8::1", 1 }, { "2001::1", 1 }, { "64:ff9b:1::1", 1 },
	{ "::ffff:127.0.0.1", 1 }, { "::ffff:8.8.8.8", 1 },
	{ "::ffff:10.1.2.3", 1 }, { "64:ff9b::808:808", 1 },
	{ "64:ff9b::a00:1", 1 }, { "2002:0a00:0001::1", 1 },
	{ "2002:0808:0808::1", 1 }, { "::10.0.0.1", 1 },
	{ "::", 2 }, { "fe80::1", 2 }, { "febf::1", 2 }, { "ff02::1", 2 },
	{ "fd00:ec2::254", 2 }, { "fd20:ce::254", 2 }, { "100::1", 2 },
	{ "::ffff:169.254.169.254", 2 }, { "::ffff:0.0.0.0", 2 },
	{ "64:ff9b::a9fe:a9fe", 2 }, { "2002:a9fe:a9fe::1", 2 },
	{ "::169.254.169.254", 2 }
};

static void
test_addresses(void **state)
{
	struct pgtide_addr a;
	bool strict, lenient;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(addresses); i++) {
		assert_int_equal(address_parse(addresses[i].text, &a), 0);
		strict = address_refusal(&a, false) != NULL;
		lenient = address_refusal(&a, true) != NULL;
		if (strict != (addresses[i].refused > 0) ||
		    lenient != (addresses[i].refused > 1))
			fail_msg("%s: refused %d, with allow_private %d",
			    addresses[i].text, strict, lenient);
	}
	a.family = 0;
	assert_non_null(address_refusal(&a, true));
	assert_int_equal(address_parse("localhost", &a), -1);
}

static void
test_verdicts(void **state)
{
	static const struct {
		long		 status;
		int64_t		 after;
		uint32_t	 result, retry_ms;
	} t[] = {
		{ 200, -1, PGTIDE_DELIVERED, 0 },
		{ 202, -1, PGTIDE_DELIVERED, 0 },
		{ 204, -1, PGTIDE_DELIVERED, 0 },
		{ 301, -1, PGTIDE_TRANSIENT, 0 },
		{ 308, -1, PGTIDE_TRANSIENT, 0 },
		{ 400, -1, PGTIDE_PERMANENT, 0 },
		{ 401, -1, PGTIDE_TRANSIENT, 0 },
		{ 403, -1, PGTIDE_TRANSIENT, 0 },
		{ 404, -1, PGTIDE_TRANSIENT, 0 },
		{ 405, -1, PGTIDE_TRANSIENT, 0 },
		{ 408, -1, PGTIDE_TRANSIENT, 0 },
		{ 409, -1, PGTIDE_PERMANENT, 0 },
		{ 410, -1, PGTIDE_PAUSE, 0 },
		{ 413, -1, PGTIDE_PERMANENT, 0 },
		{ 418, -1, PGTIDE_PERMANENT, 0 },
		{ 422, -1, PGTIDE_PERMANENT, 0 },
		{ 425, -1, PGTIDE_TRANSIENT, 0 },
		{ 429, -1, PGTIDE_THROTTLED, 1000 },
		{ 429, 7000, PGTIDE_THROTTLED, 7000 },
		{ 500, 7000, PGTIDE_TRANSIENT, 0 },
		{ 502, -1, PGTIDE_TRANSIENT, 0 },
		{ 503, -1, PGTIDE_TRANSIENT, 0 },
		{ 503, 2000, PGTIDE_THROTTLED, 2000 },
		{ 599, -1, PGTIDE_TRANSIENT, 0 },
		{ 100, -1, PGTIDE_TRANSIENT, 0 },
		{ 999, -1, PGTIDE_TRANSIENT, 0 },
		{ 0, -1, PGTIDE_TRANSIENT, 0 }
	};
	struct verdict v;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(t); i++) {
		v = verdict_status(t[i].status, t[i].after);
		if (v.result != t[i].result || v.retry_ms != t[i].retry_ms)
			fail_msg("%ld: result %u, retry %u", t[i].status,
			    v.result, v.retry_ms);
		assert_int_equal(v.shared, v.result != PGTIDE_PERMANENT);
	}
}

static void
test_retry_after(void **state)
{
	static const char noon[] = "Sun, 06 Nov 1994 12:00:00 GMT";
	static const char later[] = "Sun, 06 Nov 1994 12:00:30 GMT";
	const time_t now = 784123200;		/* noon */

	(void)state;
	assert_int_equal(verdict_retry_after("5", NULL, now), 5000);
	assert_int_equal(verdict_retry_after("0", NULL, now), 100);
	assert_int_equal(verdict_retry_after("3600", NULL, now), 3600000);
	assert_int_equal(verdict_retry_after("86400", NULL, now), 3600000);
	assert_int_equal(verdict_retry_after("99999999999999999999", NULL,
	    now), 3600000);
	assert_int_equal(verdict_retry_after(later, NULL, now), 30000);
	assert_int_equal(verdict_retry_after(noon, NULL, now + 10), 100);
	/* The receiver's clock counts, not ours. */
	assert_int_equal(verdict_retry_after(later, noon, now + 500), 30000);
	assert_int_equal(verdict_retry_after("", NULL, now), -1);
	assert_int_equal(verdict_retry_after("-5", NULL, now), -1);
	assert_int_equal(verdict_retry_after("soon", NULL, now), -1);
	assert_int_equal(verdict_retry_after("5 minutes", NULL, now), -1);
}

static void
test_urls(void **state)
{
	static const struct {
		const char	*in, *out, *host;
		uint16_t	 port;
		bool		 tls, literal;
	} good[] = {
		{ "https://Example.COM/Hook?a=1", "https://example.com:443"
		    "/Hook?a=1", "example.com", 443, true, false },
		{ "http://h:8080", "http://h:8080/", "h", 8080, false,
		    false },
		{ "https://h./x", "https://h:443/x", "h", 443, true, false },
		{ "https://[2001:db8::1]:8443/", "https://[2001:db8::1]:8443/",
		    "2001:db8::1", 8443, true, true },
		{ "http://0x7f.1/", "http://127.0.0.1:80/", "127.0.0.1", 80,
		    false, true },
		{ "http://2130706433/", "http://127.0.0.1:80/", "127.0.0.1",
		    80, false, true },
		{ "https://xn--bcher-kva.example/", "https://xn--bcher-kva."
		    "example:443/", "xn--bcher-kva.example", 443, true, false }
	};
	static const char *const bad[] = {
		"", "example.com/hook", "ftp://h/", "file:///etc/passwd",
		"https://", "https://u:p@h/", "https://u@h/",
		"https://h/#f", "https://b\xc3\xbc" "cher.example/",
		"https://h:0/", "https://h:65536/", "https://h:x/",
		"https://[fe80::1%25eth0]/", "https://h h/", "https://[::1/",
		"gopher://h/", "http://h\r\nX: y/"
	};
	struct url url;
	char err[256];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		if (url_parse(&url, good[i].in, err, sizeof(err)) == -1)
			fail_msg("%s: %s", good[i].in, err);
		assert_string_equal(url.text, good[i].out);
		assert_string_equal(url.host, good[i].host);
		assert_int_equal(url.port, good[i].port);
		assert_int_equal(url.tls, good[i].tls);
		assert_int_equal(url.literal, good[i].literal);
		url_fini(&url);
	}
	for (i = 0; i < COUNT(bad); i++) {
		if (url_parse(&url, bad[i], err, sizeof(err)) == 0)
			fail_msg("taken: %s as %s", bad[i], url.text);
		assert_memory_equal(err, "url: ", 5);
		url_fini(&url);
	}
}

static void
test_text(void **state)
{
	char out[16], text[] = "a secret99 and secret99";

	(void)state;
	assert_int_equal(text_clean("a\r\nb\x01 ", 6, out, sizeof(out)), 4);
	assert_string_equal(out, "a  b");
	(void)text_clean("\xff\xc3\xa4\xc0\x80\xed\xa0\x80z", 9, out,
	    sizeof(out));
	assert_string_equal(out, "?\xc3\xa4?????z");
	/* Cut between characters, never inside one. */
	assert_int_equal(text_clean("1234567890123\xe2\x82\xac", 16, out,
	    sizeof(out)), 13);
	assert_int_equal(text_clean("\xe2\x82", 2, out, sizeof(out)), 2);
	assert_string_equal(out, "??");
	text_scrub(text, "secret99", 8);
	assert_string_equal(text, "a ******** and ********");
	assert_true(text_is_token("X-Signature-256", 15));
	assert_false(text_is_token("X Y", 3));
	assert_false(text_is_token("", 0));
	assert_false(text_is_token("a:b", 3));
	assert_false(text_is_token("a\0b", 3));
	assert_true(text_is_field("a\tb \xc3\xa4", 6));
	assert_false(text_is_field("a\r\nX: y", 7));
	assert_false(text_is_field("a\0b", 3));
	assert_false(text_is_field("\x7f", 1));
}

static void
test_headers(void **state)
{
	static struct headers h;
	struct curl_slist rest, *list;
	char big[HEADERS_BYTES];
	size_t i;

	(void)state;
	memset(big, 'x', sizeof(big));
	headers_begin(&h);
	assert_int_equal(headers_add_text(&h, "A", "1"), 0);
	assert_int_equal(headers_add_text(&h, "B", ""), 0);
	assert_int_equal(headers_add_text(&h, "C", "x\r\nEvil: y"), -1);
	assert_int_equal(headers_add_text(&h, "C: x\r\nEvil", "y"), -1);
	assert_int_equal(headers_add(&h, "C", big, sizeof(big)), -1);
	list = headers_end(&h, &rest);
	assert_string_equal(list->data, "A: 1");
	assert_string_equal(list->next->data, "B;");
	assert_ptr_equal(list->next->next, &rest);
	headers_begin(&h);
	assert_ptr_equal(headers_end(&h, &rest), &rest);
	for (i = 0; headers_add_text(&h, "N", "v") == 0; i++)
		assert_true(i < HEADERS_MAX);
	assert_int_equal(i, HEADERS_MAX);
	assert_true(header_is_reserved("content-length"));
	assert_true(header_is_reserved("Webhook-Signature"));
	assert_false(header_is_reserved("X-Tenant"));
	assert_true(header_is_private("authorization"));
	assert_true(header_is_private("proxy-authorization"));
	assert_false(header_is_private("event_type"));
}

static void
test_suspects(void **state)
{
	struct suspects *s = suspects_new();
	char id[32];
	int i;

	(void)state;
	assert_non_null(s);
	assert_false(suspects_has(s, "a"));
	suspects_add(s, "a");
	suspects_add(s, "a");
	assert_true(suspects_has(s, "a"));
	assert_false(suspects_has(s, "b"));
	suspects_remove(s, "b");
	suspects_remove(s, "a");
	assert_false(suspects_has(s, "a"));
	for (i = 0; i < 100000; i++) {		/* more than it can hold */
		(void)snprintf(id, sizeof(id), "orders:%d:k", i);
		suspects_add(s, id);
	}
	assert_true(suspects_has(s, "orders:99999:k"));
	suspects_free(s);
}

static void
test_queue(void **state)
{
	struct pgtide_msg m = { .token = 1 };
	struct queue q = { 0 };
	uint64_t want = 1;

	(void)state;
	assert_int_equal(queue_reserve(&q, 3), 0);
	assert_null(queue_head(&q));
	for (; m.token <= 3; m.token++)
		queue_put(&q, &m, sizeof(m));
	assert_true(queue_is_full(&q));
	queue_drop(&q);
	queue_put(&q, &m, sizeof(m));		/* goes round */
	assert_int_equal(queue_reserve(&q, 8), 0);
	assert_false(queue_is_full(&q));
	for (want = 2; queue_head(&q) != NULL; want++) {
		assert_int_equal(queue_head(&q)->token, want);
		queue_drop(&q);
	}
	assert_int_equal(want, 5);
	/* An older host's message is shorter: the rest is zero. */
	m.created_us = 77;
	queue_put(&q, &m, offsetof(struct pgtide_msg, created_us));
	assert_int_equal(queue_head(&q)->created_us, 0);
	queue_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hmac_vectors),
		cmocka_unit_test(test_hmac_binary),
		cmocka_unit_test(test_standard_webhooks_vector),
		cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_suspects),
		cmocka_unit_test(test_queue)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
