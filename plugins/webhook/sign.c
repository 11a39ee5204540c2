/* SPDX-License-Identifier: ISC */
/*
 * Signatures of request bodies.
 */
#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/webhook/sign.h"

#define MAC_SIZE	32
#define MAC_BASE64	44		/* without the NUL */
#define PREFIX		"whsec_"

struct signer {
	enum sign_scheme scheme;
	EVP_MAC_CTX	*keys[SIGN_KEYS_MAX];
	size_t		 nkeys;
};

static EVP_MAC *hmac;			/* fetched once, read-only */

int
sign_prepare(void)
{
	if (hmac == NULL)
		hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	return (hmac == NULL ? -1 : 0);
}

struct signer *
signer_new(enum sign_scheme scheme)
{
	struct signer *s;

	if ((s = calloc(1, sizeof(*s))) != NULL)
		s->scheme = scheme;
	return (s);
}

void
signer_free(struct signer *s)
{
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < s->nkeys; i++)
		EVP_MAC_CTX_free(s->keys[i]);
	free(s);
}

enum sign_scheme
signer_scheme(const struct signer *s)
{
	return (s->scheme);
}

static int
add_raw(struct signer *s, const unsigned char *key, size_t len,
    const char **reason)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[2];
	EVP_MAC_CTX *ctx;

	if ((ctx = EVP_MAC_CTX_new(hmac)) == NULL) {
		*reason = "out of memory";
		return (-1);
	}
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
	    digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (EVP_MAC_init(ctx, key, len, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		*reason = "OpenSSL does not take the key";
		return (-1);
	}
	s->keys[s->nkeys++] = ctx;
	return (0);
}

/*
 * Decoded length, or 0 when it is not base64 with padding.  OpenSSL's
 * decoder is lenient about white space and '=' anywhere.
 */
static size_t
base64_decode(const unsigned char *text, size_t len, unsigned char *out)
{
	size_t i, pad = 0;
	int n;

	while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
		pad++;
	for (i = 0; i < len - pad; i++)
		if (!isalnum(text[i]) && text[i] != '+' && text[i] != '/')
			return (0);
	if (len == 0 || len % 4 != 0 ||
	    (n = EVP_DecodeBlock(out, text, (int)len)) < (int)pad)
		return (0);
	return ((size_t)n - pad);
}

static int
add_base64(struct signer *s, const unsigned char *text, size_t len,
    const char **reason)
{
	unsigned char key[512];
	size_t n, skip = strlen(PREFIX);
	int rc;

	if (len > skip && memcmp(text, PREFIX, skip) == 0) {
		text += skip;
		len -= skip;
	}
	if (len > sizeof(key) || (n = base64_decode(text, len, key)) == 0) {
		*reason = "not base64, as standard-webhooks wants it";
		return (-1);
	}
	rc = add_raw(s, key, n, reason);
	OPENSSL_cleanse(key, sizeof(key));
	return (rc);
}

int
signer_add_key(struct signer *s, const void *secret, size_t len,
    const char **reason)
{
	if (len == 0) {
		*reason = "empty";
		return (-1);
	}
	if (s->nkeys == SIGN_KEYS_MAX) {
		*reason = "one too many";
		return (-1);
	}
	if (s->scheme == SIGN_STANDARD_WEBHOOKS)
		return (add_base64(s, secret, len, reason));
	return (add_raw(s, secret, len, reason));
}

/* Start anew with the key that the context already has. */
static bool
mac_begin(EVP_MAC_CTX *ctx)
{
	return (EVP_MAC_init(ctx, NULL, 0, NULL) == 1);
}

static bool
mac_add(EVP_MAC_CTX *ctx, const void *data, size_t len)
{
	return (len == 0 || EVP_MAC_update(ctx, data, len) == 1);
}

static bool
mac_end(EVP_MAC_CTX *ctx, unsigned char mac[MAC_SIZE])
{
	size_t len;

	return (EVP_MAC_final(ctx, mac, &len, MAC_SIZE) == 1 &&
	    len == MAC_SIZE);
}

static int
value_hmac(EVP_MAC_CTX *ctx, const void *body, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char mac[MAC_SIZE];
	size_t i;

	if (!mac_begin(ctx) || !mac_add(ctx, body, len) || !mac_end(ctx, mac))
		return (-1);
	memcpy(out, "sha256=", 7);
	out += 7;
	for (i = 0; i < MAC_SIZE; i++) {
		*out++ = digits[mac[i] >> 4];
		*out++ = digits[mac[i] & 15];
	}
	*out = '\0';
	return (0);
}

static int
value_standard(EVP_MAC_CTX *ctx, const char *id, const char *timestamp,
    const void *body, size_t len, char *out)
{
	unsigned char mac[MAC_SIZE];

	if (!mac_begin(ctx) || !mac_add(ctx, id, strlen(id)) ||
	    !mac_add(ctx, ".", 1) ||
	    !mac_add(ctx, timestamp, strlen(timestamp)) ||
	    !mac_add(ctx, ".", 1) || !mac_add(ctx, body, len) ||
	    !mac_end(ctx, mac))
		return (-1);
	memcpy(out, "v1,", 3);
	(void)EVP_EncodeBlock((unsigned char *)out + 3, mac, MAC_SIZE);
	return (0);
}

int
signer_value(struct signer *s, const char *id, const char *timestamp,
    const void *body, size_t len, char *out)
{
	size_t i;

	if (s->nkeys == 0)
		return (-1);
	if (s->scheme == SIGN_HMAC_SHA256)
		return (value_hmac(s->keys[0], body, len, out));
	for (i = 0; i < s->nkeys; i++) {
		if (i > 0)
			*out++ = ' ';
		if (value_standard(s->keys[i], id, timestamp, body, len,
		    out) == -1)
			return (-1);
		out += 3 + MAC_BASE64;
	}
	return (0);
}
