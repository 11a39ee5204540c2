/* SPDX-License-Identifier: ISC */
/*
 * The destination: a URL taken apart, checked and spelled canonically.
 *
 * libcurl's own parser is used, so that what is checked here is what is
 * connected to there ("http://0x7f.1/" is 127.0.0.1 to both).
 */
#include "config.h"

#include <ctype.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/webhook/address.h"
#include "plugins/webhook/url.h"

static char *
part(CURLU *u, CURLUPart what, unsigned int flags)
{
	char *from, *copy;

	if (curl_url_get(u, what, &from, flags) != CURLUE_OK)
		return (NULL);
	copy = strdup(from);
	curl_free(from);
	return (copy);
}

static bool
has_part(CURLU *u, CURLUPart what)
{
	char *text = part(u, what, 0);

	free(text);
	return (text != NULL);
}

/* "https" or "http", nothing else. */
static int
take_scheme(struct url *url, CURLU *u)
{
	char *scheme = part(u, CURLUPART_SCHEME, 0);
	int rc = -1;

	if (scheme != NULL) {
		url->tls = strcmp(scheme, "https") == 0;
		rc = url->tls || strcmp(scheme, "http") == 0 ? 0 : -1;
	}
	free(scheme);
	return (rc);
}

/*
 * A host that libcurl would translate (IDN) or whose spelling could differ
 * from the name that addresses are pinned to would be looked up by libcurl
 * itself: so plain lower-case ASCII, and no dot at the end.
 */
static int
take_host(struct url *url, CURLU *u)
{
	size_t len;
	char *p;

	if ((url->host = part(u, CURLUPART_HOST, 0)) == NULL)
		return (-1);
	len = strlen(url->host);
	if (len > 2 && url->host[0] == '[') {
		memmove(url->host, url->host + 1, len - 2);
		url->host[len - 2] = '\0';
	} else if (len > 1 && url->host[len - 1] == '.')
		url->host[len - 1] = '\0';
	for (p = url->host; *p != '\0'; p++) {
		if ((unsigned char)*p >= 0x80)
			return (-1);
		*p = (char)tolower((unsigned char)*p);
	}
	url->literal = address_parse(url->host, &url->address) == 0;
	return (url->host[0] != '\0' && strchr(url->host, '%') == NULL &&
	    (url->literal || strchr(url->host, ':') == NULL) ? 0 : -1);
}

static int
take_port(struct url *url, CURLU *u)
{
	char *text = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT), *end;
	unsigned long port = 0;

	if (text != NULL)
		port = strtoul(text, &end, 10);
	free(text);
	if (port == 0 || port > UINT16_MAX)
		return (-1);
	url->port = (uint16_t)port;
	return (0);
}

/* Spell it again from the parts that were checked. */
static int
compose(struct url *url, CURLU *u)
{
	const char *scheme = url->tls ? "https" : "http";
	bool v6 = url->literal && url->address.family == 6;
	char *path = part(u, CURLUPART_PATH, 0);
	char *query = part(u, CURLUPART_QUERY, 0);
	int rc = -1;

	if (path == NULL ||
	    asprintf(&url->target, "%s%s%s", path, query != NULL ? "?" : "",
	    query != NULL ? query : "") == -1) {
		url->target = NULL;
		goto out;
	}
	if (asprintf(&url->origin, "%s://%s%s%s:%u", scheme, v6 ? "[" : "",
	    url->host, v6 ? "]" : "", url->port) == -1) {
		url->origin = NULL;
		goto out;
	}
	if (asprintf(&url->text, "%s%s", url->origin, url->target) == -1) {
		url->text = NULL;
		goto out;
	}
	rc = 0;
out:
	free(path);
	free(query);
	return (rc);
}

static const char *
take_apart(struct url *url, CURLU *u)
{
	if (take_scheme(url, u) == -1)
		return ("it must begin with https:// (or http://)");
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		return ("credentials do not belong into it: use "
		    "bearer_token or headers");
	if (has_part(u, CURLUPART_FRAGMENT))
		return ("a fragment (#...) is never sent");
	if (has_part(u, CURLUPART_ZONEID) || take_host(url, u) == -1)
		return ("its host must be an address or a plain ASCII name "
		    "(xn--... for others)");
	if (take_port(url, u) == -1)
		return ("its port must be 1 to 65535");
	return (compose(url, u) == -1 ? "out of memory" : NULL);
}

int
url_parse(struct url *url, const char *text, char *err, size_t errsize)
{
	const char *fault = "out of memory";
	CURLU *u;

	memset(url, 0, sizeof(*url));
	if ((u = curl_url()) != NULL) {
		if (curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK)
			fault = "it is not a URL such as https://host/path";
		else
			fault = take_apart(url, u);
		curl_url_cleanup(u);
	}
	if (fault == NULL)
		return (0);
	(void)snprintf(err, errsize, "url: %s", fault);
	return (-1);
}

static void
wipe(char *text)
{
	if (text != NULL)
		OPENSSL_cleanse(text, strlen(text));
	free(text);
}

void
url_fini(struct url *url)
{
	wipe(url->text);
	wipe(url->target);
	free(url->host);
	free(url->origin);
	memset(url, 0, sizeof(*url));
}

bool
url_is_loopback(const struct url *url)
{
	if (!url->literal)
		return (strcmp(url->host, "localhost") == 0);
	if (url->address.family == 4)
		return (url->address.bytes[0] == 127);
	return (strcmp(url->host, "::1") == 0);
}
