/* SPDX-License-Identifier: ISC */
/*
 * The scanner for ${env:NAME} and ${file:/path} inside a string.
 * "$${" is a literal "${".  The catalog lists references with it, the
 * worker and the supervisor replace them with it.
 */
#ifndef TIDE_COMMON_SECRETREF_H
#define TIDE_COMMON_SECRETREF_H

#include <stddef.h>

#include "common/messages.h"

/* Called for each reference, kind REF_ENV or REF_FILE; -1 stops the scan.*/
typedef int (*secretref_fn)(enum ref_kind, const char *name, size_t len,
	    void *arg);

/*
 * Returns 0, or -1 with a message in err for a malformed reference (unknown
 * scheme, missing brace, bad name), which names the offset, never the text
 * of a value.
 */
int	secretref_scan(const char *, size_t len, secretref_fn, void *arg,
	    char *err, size_t errsize);
/*
 * Replace.  look returns the value and its length, NULL when it is missing.
 * Writes at most size bytes and a NUL to dst (dst may be NULL to measure).
 * *outlen gets the length.  0 or -1 with a message.
 */
typedef const void *(*secretref_look_fn)(enum ref_kind, const char *name,
	    size_t *len, void *arg);
int	secretref_expand(const char *, size_t len, secretref_look_fn,
	    void *arg, char *dst, size_t size, size_t *outlen, char *err,
	    size_t errsize);

#endif
