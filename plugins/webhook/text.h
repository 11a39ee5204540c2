/* SPDX-License-Identifier: ISC */
/*
 * Text from strangers and secrets among it.  Pure functions, any thread.
 */
#ifndef PGTIDE_WEBHOOK_TEXT_H
#define PGTIDE_WEBHOOK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* May it be a header's name (RFC 9110 token), a header's value? */
bool	text_is_token(const char *, size_t);
bool	text_is_field(const void *, size_t);

/*
 * Copy so that it can go into a log line and a database column: one line
 * of valid UTF-8, NUL-terminated, cut to fit.  Returns its length.
 */
size_t	text_clean(const void *, size_t, char *out, size_t size);
/* Overwrite each occurrence of secret in text with asterisks. */
void	text_scrub(char *text, const char *secret, size_t len);

#endif
