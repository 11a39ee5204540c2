/* SPDX-License-Identifier: ISC */
/*
 * The options of one instance, read and checked.
 */
#include "config.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plugins/webhook/address.h"
#include "plugins/webhook/conf.h"
#include "plugins/webhook/headers.h"
#include "plugins/webhook/text.h"
#include "plugins/webhook/tls.h"

#define SCRUB_MIN	8	/* shorter values would deface any text */

/* What every step of reading needs. */
struct reader {
	const struct pgtide_host *host;
	struct pgtide_ctx	*ctx;
	struct conf		*c;
	char			*err;
	size_t			 errsize;
};

static int
refuse(struct reader *r, const char *name, const char *why)
{
	(void)snprintf(r->err, r->errsize, "%s: %s", name, why);
	return (-1);
}

/* Options with a default are always there. */
static int64_t
number(struct reader *r, const char *name)
{
	int64_t n = 0;

	(void)r->host->option_int(r->ctx, name, 0, &n);
	return (n);
}

static const char *
string(struct reader *r, const char *name)
{
	const char *text = "";

	(void)r->host->option_str(r->ctx, name, 0, &text);
	return (text);
}

static int
read_url(struct reader *r)
{
	struct conf *c = r->c;
	const char *why;

	c->allow_insecure = number(r, "allow_insecure") != 0;
	c->allow_private = number(r, "allow_private") != 0;
	if (url_parse(&c->url, string(r, "url"), r->err, r->errsize) == -1)
		return (-1);
	if (!c->url.tls && !c->allow_insecure)
		return (refuse(r, "url", "http:// sends events and "
		    "signatures in plain text: use https://, or set "
		    "allow_insecure to true"));
	if (!c->url.literal ||
	    (why = address_refusal(&c->url.address, c->allow_private)) == NULL)
		return (0);
	(void)snprintf(r->err, r->errsize, "url: %s is a %s address%s",
	    c->url.host, why,
	    address_refusal(&c->url.address, true) == NULL ?
	    ": set allow_private to true to reach it" :
	    ", which is never connected to");
	return (-1);
}

static int
read_limits(struct reader *r)
{
	struct conf *c = r->c;

	c->batch = number(r, "batch") != 0;
	c->batch_max_events = c->batch ?
	    (size_t)number(r, "batch_max_events") : 1;
	c->batch_max_bytes = (size_t)number(r, "batch_max_bytes");
	c->max_connections = (size_t)number(r, "max_connections");
	c->timeout_ms = (long)number(r, "timeout");
	c->connect_timeout_ms = (long)number(r, "connect_timeout");
	/* Without TLS libcurl 7.88 breaks streams that share a connection. */
	c->http_version = strcmp(string(r, "http2"), "off") == 0 ?
	    CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS;
	return (0);
}

static int
blob_copy(struct curl_blob *blob, const void *data, size_t len)
{
	if (len == 0 || (blob->data = malloc(len)) == NULL)
		return (-1);
	memcpy(blob->data, data, len);
	blob->len = len;
	blob->flags = CURL_BLOB_NOCOPY;
	return (0);
}

static int
read_client_key(struct reader *r)
{
	const void *data;
	size_t len;
	int rc = 0;

	if (r->host->option_bytes(r->ctx, "tls.client_cert", &data,
	    &len) == 0 && blob_copy(&r->c->cert, data, len) == -1)
		return (refuse(r, "tls.client_cert", "empty"));
	if (r->host->secret_get(r->ctx, "tls.client_key", 0, &data,
	    &len) == 0) {
		rc = blob_copy(&r->c->key, data, len);
		r->host->secret_put(r->ctx, "tls.client_key", 0);
	}
	if (rc == -1)
		return (refuse(r, "tls.client_key", "empty"));
	if ((r->c->cert.data == NULL) != (r->c->key.data == NULL))
		return (refuse(r, "tls.client_key",
		    "goes together with tls.client_cert"));
	return (0);
}

static int
read_tls(struct reader *r)
{
	struct conf *c = r->c;
	const void *pem;
	size_t len;

	c->verify = number(r, "tls.verify") != 0;
	c->min_tls = strcmp(string(r, "tls.min_version"), "1.3") == 0 ?
	    CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
	if (!c->url.tls)
		return (0);
	if (!c->verify && !c->allow_insecure && !url_is_loopback(&c->url))
		return (refuse(r, "tls.verify", "can be false only together "
		    "with allow_insecure"));
	if (r->host->option_bytes(r->ctx, "tls.ca_file", &pem, &len) == 0)
		c->store = tls_store_from_pem(pem, len, r->err, r->errsize);
	else if (c->verify)
		c->store = tls_store_system(r->err, r->errsize);
	if (c->store == NULL && c->verify)
		return (-1);
	return (read_client_key(r));
}

static int
read_key(struct reader *r, const char *name, size_t i)
{
	const char *reason;
	const void *secret;
	size_t len;
	int rc;

	if (r->host->secret_get(r->ctx, name, i, &secret, &len) == -1)
		return (1);
	rc = signer_add_key(r->c->signer, secret, len, &reason);
	r->host->secret_put(r->ctx, name, i);
	return (rc == -1 ? refuse(r, name, reason) : 0);
}

static int
read_signature_header(struct reader *r)
{
	const char *name = string(r, "signature.header");
	size_t len = strlen(name);

	if (signer_scheme(r->c->signer) == SIGN_STANDARD_WEBHOOKS)
		name = "webhook-signature";
	else if (len >= sizeof(r->c->signature_header) ||
	    !text_is_token(name, len) || header_is_reserved(name))
		return (refuse(r, "signature.header",
		    "not a name that a header may have here"));
	(void)snprintf(r->c->signature_header,
	    sizeof(r->c->signature_header), "%s", name);
	return (0);
}

static int
read_signature(struct reader *r)
{
	const char *scheme = string(r, "signature.scheme");
	bool standard = strcmp(scheme, "standard-webhooks") == 0;
	size_t i = 0;
	int rc;

	if (strcmp(scheme, "none") == 0)
		return (0);
	r->c->signer = signer_new(standard ? SIGN_STANDARD_WEBHOOKS :
	    SIGN_HMAC_SHA256);
	if (r->c->signer == NULL)
		return (refuse(r, "signature", "out of memory"));
	if ((rc = read_key(r, "signature.secret", 0)) == 1)
		return (refuse(r, "signature.secret", "is required"));
	while (rc == 0)
		rc = read_key(r, "signature.extra_secrets", i++);
	if (rc == -1)
		return (-1);
	if (i > 1 && !standard)
		return (refuse(r, "signature.extra_secrets",
		    "only with the scheme standard-webhooks"));
	return (read_signature_header(r));
}

static int
append(struct conf *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->headers, line);

	if (list == NULL)
		return (-1);
	c->headers = list;
	return (0);
}

static int
append_pair(struct reader *r, const char *name, const char *value)
{
	char *line;
	int rc = -1;

	if (asprintf(&line, value[0] == '\0' ? "%s;" : "%s: %s", name,
	    value) != -1) {
		rc = append(r->c, line);
		OPENSSL_cleanse(line, strlen(line));
		free(line);
	}
	return (rc == -1 ? refuse(r, "headers", "out of memory") : 0);
}

static int
read_header(struct reader *r, const char *name, const char *value)
{
	struct conf *c = r->c;
	char option[96];

	(void)snprintf(option, sizeof(option), "headers.%s", name);
	if (!text_is_token(name, strlen(name)))
		return (refuse(r, "headers", "a name has characters that a "
		    "header's name cannot have"));
	if (header_is_reserved(name) ||
	    strcasecmp(name, c->signature_header) == 0)
		return (refuse(r, option, "is set by this sink itself"));
	if (!text_is_field(value, strlen(value)))
		return (refuse(r, option,
		    "the value has a line break or control character"));
	if (conf_has_header(c, name))
		return (refuse(r, option, "is there twice (with "
		    "bearer_token it is set already)"));
	if (strcasecmp(name, "Content-Type") == 0)
		c->has_content_type = true;
	return (append_pair(r, name, value));
}

static int
read_bearer(struct reader *r)
{
	const void *token;
	size_t len;
	char *line;
	int rc = -1;

	if (r->host->secret_get(r->ctx, "bearer_token", 0, &token,
	    &len) == -1)
		return (0);
	if (len > 0 && len <= 65536 && text_is_field(token, len) &&
	    asprintf(&line, "Authorization: Bearer %.*s", (int)len,
	    (const char *)token) != -1) {
		rc = append(r->c, line);
		OPENSSL_cleanse(line, strlen(line));
		free(line);
	}
	r->host->secret_put(r->ctx, "bearer_token", 0);
	return (rc == -1 ? refuse(r, "bearer_token",
	    "empty, or has a line break or control character") : 0);
}

static int
read_headers(struct reader *r)
{
	const char *name, *value;
	size_t i;

	r->c->forward_headers = number(r, "forward_headers") != 0;
	/* libcurl would ask before sending large bodies, and wait. */
	if (append(r->c, "Expect:") == -1)
		return (refuse(r, "headers", "out of memory"));
	if (read_bearer(r) == -1)
		return (-1);
	for (i = 0; r->host->option_key(r->ctx, "headers", i, &name) == 0 &&
	    r->host->option_str(r->ctx, "headers", i, &value) == 0; i++)
		if (read_header(r, name, value) == -1)
			return (-1);
	return (0);
}

struct conf *
conf_read(const struct pgtide_host *host, struct pgtide_ctx *ctx, char *err,
    size_t errsize)
{
	static int (*const steps[])(struct reader *) = {
		read_url, read_limits, read_tls, read_signature, read_headers
	};
	struct reader r = { host, ctx, NULL, err, errsize };
	size_t i;

	if ((r.c = calloc(1, sizeof(*r.c))) == NULL) {
		(void)snprintf(err, errsize, "out of memory");
		return (NULL);
	}
	r.c->refs = 1;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i](&r) == -1) {
			conf_unref(r.c);
			return (NULL);
		}
	return (r.c);
}

struct conf *
conf_ref(struct conf *c)
{
	c->refs++;
	return (c);
}

static void
wipe_blob(struct curl_blob *blob)
{
	if (blob->data != NULL)
		OPENSSL_cleanse(blob->data, blob->len);
	free(blob->data);
}

void
conf_unref(struct conf *c)
{
	struct curl_slist *node;

	if (c == NULL || --c->refs > 0)
		return;
	for (node = c->headers; node != NULL; node = node->next)
		OPENSSL_cleanse(node->data, strlen(node->data));
	curl_slist_free_all(c->headers);
	wipe_blob(&c->cert);
	wipe_blob(&c->key);
	X509_STORE_free(c->store);
	signer_free(c->signer);
	url_fini(&c->url);
	free(c);
}

bool
conf_has_header(const struct conf *c, const char *name)
{
	const struct curl_slist *node;
	size_t len = strlen(name);

	for (node = c->headers; node != NULL; node = node->next)
		if (strncasecmp(node->data, name, len) == 0 &&
		    (node->data[len] == ':' || node->data[len] == ';'))
			return (true);
	return (false);
}

static void
scrub_part(char *text, const char *secret)
{
	if (strlen(secret) >= SCRUB_MIN)
		text_scrub(text, secret, strlen(secret));
}

void
conf_scrub(const struct conf *c, char *text)
{
	const struct curl_slist *node;
	const char *value, *word;

	for (node = c->headers; node != NULL; node = node->next) {
		if ((value = strstr(node->data, ": ")) == NULL)
			continue;
		scrub_part(text, value + 2);
		/* "Bearer x", "Basic x": the word behind may come alone. */
		if ((word = strchr(value + 2, ' ')) != NULL)
			scrub_part(text, word + 1);
	}
	scrub_part(text, c->url.target);
	if ((word = strchr(c->url.target, '?')) != NULL)
		scrub_part(text, word + 1);
}
