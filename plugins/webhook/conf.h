/* SPDX-License-Identifier: ISC */
/*
 * The options of one instance, read and checked.  Immutable and reference
 * counted: requests keep the one they were started with, reload() and
 * secret_changed() make a new one.  Loop thread only.
 */
#ifndef PGTIDE_WEBHOOK_CONF_H
#define PGTIDE_WEBHOOK_CONF_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include <tide/sink.h>

#include "plugins/webhook/sign.h"
#include "plugins/webhook/url.h"

struct conf {
	unsigned int	 refs;
	struct url	 url;
	bool		 allow_insecure, allow_private;

	bool		 batch;
	size_t		 batch_max_events, batch_max_bytes;
	size_t		 max_connections;
	long		 timeout_ms, connect_timeout_ms;
	long		 http_version;	/* CURL_HTTP_VERSION_* */

	bool		 verify;
	long		 min_tls;	/* CURL_SSLVERSION_* */
	X509_STORE	*store;
	struct curl_blob cert, key;	/* data NULL: none */

	struct signer	*signer;	/* NULL: not signed */
	char		 signature_header[64];

	bool		 forward_headers;
	bool		 has_content_type;	/* among headers */
	struct curl_slist *headers;	/* sent with every request */
};

/* NULL with a message that names the option. */
struct conf *conf_read(const struct pgtide_host *, struct pgtide_ctx *,
	    char *err, size_t errsize);
struct conf *conf_ref(struct conf *);
void	conf_unref(struct conf *);

/* Is a header of this name among headers? */
bool	conf_has_header(const struct conf *, const char *name);
/* Overwrite the operator's secrets in a text that a stranger sent. */
void	conf_scrub(const struct conf *, char *text);

#endif
