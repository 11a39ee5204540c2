/* SPDX-License-Identifier: ISC */
/*
 * Signatures of request bodies: HMAC-SHA256 of the body, and the scheme of
 * Standard Webhooks.  Keys are prepared once; one thread per signer.
 */
#ifndef PGTIDE_WEBHOOK_SIGN_H
#define PGTIDE_WEBHOOK_SIGN_H

#include <stddef.h>
#include <stdint.h>

#define SIGN_KEYS_MAX	8
/* "sha256=" and 64 digits, or a "v1," and 44 characters for each key. */
#define SIGN_VALUE_MAX	(SIGN_KEYS_MAX * 48 + 1)

enum sign_scheme {
	SIGN_NONE,
	SIGN_HMAC_SHA256,
	SIGN_STANDARD_WEBHOOKS
};

struct signer;

/* Once per process, before the lock-down.  0 or -1. */
int	sign_prepare(void);

/* Without keys yet; NULL when out of memory. */
struct signer *signer_new(enum sign_scheme);
void	signer_free(struct signer *);
/*
 * Add a key as the operator wrote it: the bytes themselves, or for Standard
 * Webhooks base64 with or without "whsec_".  0, or -1 with a reason that
 * does not show the secret.
 */
int	signer_add_key(struct signer *, const void *, size_t,
	    const char **reason);
enum sign_scheme signer_scheme(const struct signer *);

/*
 * The signature header's value into out (SIGN_VALUE_MAX).  id and timestamp
 * (decimal) are part of what Standard Webhooks signs.  0 or -1.
 */
int	signer_value(struct signer *, const char *id, const char *timestamp,
	    const void *body, size_t len, char *out);

#endif
