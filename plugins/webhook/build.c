/* SPDX-License-Identifier: ISC */
/*
 * One HTTP request: its body, headers and signature.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "plugins/webhook/conf.h"
#include "plugins/webhook/metrics.h"
#include "plugins/webhook/request.h"

#define BATCH_ID_MAX	80

static int
array_put(struct request *r, const void *data, size_t len)
{
	size_t need, size;
	char *p;

	if (__builtin_add_overflow(r->arraylen, len, &need))
		return (-1);
	if (need > r->arraysize) {
		size = need < 4096 ? 4096 : need + need / 2;
		if ((p = realloc(r->array, size)) == NULL)
			return (-1);
		r->array = p;
		r->arraysize = size;
	}
	memcpy(r->array + r->arraylen, data, len);
	r->arraylen = need;
	return (0);
}

/* "[a,b,c]"; a message without a value is null. */
static int
build_array(struct request *r)
{
	const struct pgtide_msg *m;
	size_t i;
	int rc;

	r->arraylen = 0;
	rc = array_put(r, "[", 1);
	for (i = 0; i < r->nmsgs && rc == 0; i++) {
		m = &r->msgs[i];
		if (i > 0)
			rc |= array_put(r, ",", 1);
		rc |= m->value != NULL ? array_put(r, m->value, m->valuelen) :
		    array_put(r, "null", 4);
	}
	return (rc == 0 ? array_put(r, "]", 1) : -1);
}

/*
 * A name for a batch that depends on its events alone: SHA-256 over the
 * length (8 bytes, big-endian) and bytes of each id.
 */
static int
batch_id(const struct request *r, char out[BATCH_ID_MAX])
{
	unsigned char digest[EVP_MAX_MD_SIZE], be[8];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t i, k, len;
	int ok;

	ok = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (i = 0; i < r->nmsgs && ok; i++) {
		len = strlen(r->msgs[i].id);
		for (k = 0; k < 8; k++)
			be[k] = (unsigned char)((uint64_t)len >> (56 - 8 * k));
		ok = EVP_DigestUpdate(ctx, be, sizeof(be)) == 1 &&
		    EVP_DigestUpdate(ctx, r->msgs[i].id, len) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, digest, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return (-1);
	memcpy(out, "batch-", 6);
	for (i = 0; i < 32; i++)
		(void)snprintf(out + 6 + 2 * i, 3, "%02x", digest[i]);
	return (0);
}

static int
add_signature(struct request *r, const char *id, const void *body, size_t len)
{
	char value[SIGN_VALUE_MAX], stamp[24];
	struct conf *c = r->conf;

	headers_begin(&r->headers);
	if (c->signer == NULL)
		return (0);
	(void)snprintf(stamp, sizeof(stamp), "%lld", (long long)time(NULL));
	if (signer_value(c->signer, id, stamp, body, len, value) == -1)
		return (-1);
	if (signer_scheme(c->signer) == SIGN_STANDARD_WEBHOOKS &&
	    headers_add_text(&r->headers, "webhook-timestamp", stamp) == -1)
		return (-1);
	return (headers_add_text(&r->headers, c->signature_header, value));
}

/* A message's own headers: those that are safe and that nobody sets. */
static void
forward_headers(struct request *r, const struct pgtide_msg *m)
{
	const struct pgtide_header *h;
	size_t i, dropped = 0;

	for (i = 0; i < m->nheaders; i++) {
		h = (const void *)((const char *)m->headers +
		    i * m->header_size);
		if (header_is_private(h->name) ||
		    strcasecmp(h->name, r->conf->signature_header) == 0 ||
		    conf_has_header(r->conf, h->name))
			continue;
		if (headers_add(&r->headers, h->name, h->value,
		    h->valuelen) == -1)
			dropped++;
	}
	if (dropped > 0)
		r->host->metric_add(r->ctx, METRIC_HEADERS_DROPPED,
		    (int64_t)dropped);
}

static int
add_headers(struct request *r, const char *id)
{
	const struct pgtide_msg *m = &r->msgs[0];
	const char *type = "application/json";
	struct headers *h = &r->headers;

	if (!r->conf->batch && m->content_type != NULL)
		type = m->content_type;
	if ((!r->conf->has_content_type &&
	    headers_add_text(h, "Content-Type", type) == -1) ||
	    headers_add_text(h, "Idempotency-Key", id) == -1 ||
	    headers_add_text(h, "webhook-id", id) == -1)
		return (-1);
	if (r->nmsgs > 1)
		return (0);
	if (m->traceparent != NULL &&
	    !conf_has_header(r->conf, "traceparent") &&
	    headers_add_text(h, "traceparent", m->traceparent) == -1)
		return (-1);
	if (r->conf->forward_headers)
		forward_headers(r, m);
	return (0);
}

int
request_build(struct request *r)
{
	const struct pgtide_msg *m = &r->msgs[0];
	const void *body = m->value != NULL ? m->value : "";
	char name[BATCH_ID_MAX];
	const char *id = m->id;
	size_t len = m->valuelen;
	int rc = 0;

	if (r->conf->batch) {
		rc = build_array(r);
		body = r->array;
		len = r->arraylen;
	}
	if (rc == 0 && r->nmsgs > 1) {
		rc = batch_id(r, name);
		id = name;
	}
	if (rc == -1 || add_signature(r, id, body, len) == -1) {
		errno = ENOMEM;
		return (-1);
	}
	if (add_headers(r, id) == -1) {
		errno = EINVAL;
		return (-1);
	}
	rc |= (int)curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)len);
	rc |= (int)curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, body);
	rc |= (int)curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER,
	    headers_end(&r->headers, r->conf->headers));
	errno = ENOMEM;
	return (rc == 0 ? 0 : -1);
}
