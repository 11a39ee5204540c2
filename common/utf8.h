/* SPDX-License-Identifier: ISC */
/*
 * UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above
 * U+10FFFF.  Text is validated where it enters a process.
 */
#ifndef TIDE_COMMON_UTF8_H
#define TIDE_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed sequence at s, 0 when there is none. */
size_t	utf8_sequence(const char *s, size_t len);
bool	utf8_valid(const char *s, size_t len);

#endif
