/* SPDX-License-Identifier: ISC */
/*
 * Trust: the certificates that a receiver's chain must end in.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugins/webhook/tls.h"

#define BUNDLE_MAX	(8 * 1024 * 1024)

/* Where distributions keep the bundle. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem"
};

/* Filled by tls_prepare() before there is any instance, then read-only. */
static char *bundle;
static size_t bundle_len;
static int bundle_errno = ENOENT;

static int
read_whole(int fd, size_t size)
{
	ssize_t n;

	if ((bundle = malloc(size)) == NULL)
		return (-1);
	while (bundle_len < size) {
		n = read(fd, bundle + bundle_len, size - bundle_len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		bundle_len += (size_t)n;
	}
	return (0);
}

/* 1 read, 0 not there or unreadable (bundle_errno says why), -1 memory. */
static int
read_bundle(const char *path)
{
	struct stat st;
	int fd, rc = 0;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		if (errno != ENOENT)
			bundle_errno = errno;
		return (0);
	}
	if (fstat(fd, &st) == -1 || st.st_size <= 0 ||
	    st.st_size > BUNDLE_MAX)
		bundle_errno = EFBIG;
	else if ((rc = read_whole(fd, (size_t)st.st_size)) == 0)
		rc = 1;
	(void)close(fd);
	return (rc);
}

int
tls_prepare(void)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && bundle == NULL &&
	    i < sizeof(bundles) / sizeof(bundles[0]); i++)
		rc = read_bundle(bundles[i]);
	return (rc == -1 ? -1 : 0);
}

static size_t
store_fill(X509_STORE *store, BIO *bio)
{
	X509 *cert;
	size_t n = 0;

	while ((cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) !=
	    NULL) {
		if (X509_STORE_add_cert(store, cert) == 1)
			n++;
		X509_free(cert);
	}
	/* The end of the data is reported as an error as well. */
	ERR_clear_error();
	return (n);
}

X509_STORE *
tls_store_from_pem(const void *pem, size_t len, char *err, size_t errsize)
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio = len > INT_MAX ? NULL : BIO_new_mem_buf(pem, (int)len);

	if (store == NULL || bio == NULL) {
		(void)snprintf(err, errsize, "out of memory");
		goto fail;
	}
	if (store_fill(store, bio) == 0) {
		(void)snprintf(err, errsize,
		    "tls.ca_file: no PEM certificate in it");
		goto fail;
	}
	/* An intermediate or the receiver's own certificate may be named. */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	BIO_free(bio);
	return (store);
fail:
	BIO_free(bio);
	X509_STORE_free(store);
	return (NULL);
}

X509_STORE *
tls_store_system(char *err, size_t errsize)
{
	if (bundle == NULL) {
		(void)snprintf(err, errsize, "the system's CA bundle (%s) "
		    "cannot be read: %s; set tls.ca_file", bundles[0],
		    strerror(bundle_errno));
		return (NULL);
	}
	return (tls_store_from_pem(bundle, bundle_len, err, errsize));
}

CURLcode
tls_use_store(CURL *easy, void *ssl_ctx, void *store)
{
	(void)easy;
	SSL_CTX_set1_cert_store(ssl_ctx, store);
	return (CURLE_OK);
}
