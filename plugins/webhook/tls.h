/* SPDX-License-Identifier: ISC */
/*
 * Trust: the certificates that a receiver's chain must end in.
 *
 * libcurl parses a bundle given as bytes again for every connection (about
 * ten milliseconds for a system bundle), so the parsed store is kept here
 * and handed to each connection's SSL_CTX.
 */
#ifndef PGTIDE_WEBHOOK_TLS_H
#define PGTIDE_WEBHOOK_TLS_H

#include <curl/curl.h>
#include <openssl/x509.h>
#include <stddef.h>

/* Read the system's bundle while files can be read.  0, or -1: memory. */
int	tls_prepare(void);

/* A new reference each, or NULL with a message in err. */
X509_STORE *tls_store_system(char *err, size_t errsize);
X509_STORE *tls_store_from_pem(const void *, size_t, char *err,
	    size_t errsize);

/* For CURLOPT_SSL_CTX_FUNCTION; the argument is the X509_STORE. */
CURLcode tls_use_store(CURL *, void *ssl_ctx, void *store);

#endif
