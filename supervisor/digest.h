/* SPDX-License-Identifier: ISC */
/*
 * Has a secret changed?  A keyed 64-bit hash (SipHash-2-4) with a key that
 * is drawn at each start of pg-tided: what is kept of a value tells nothing
 * about it.
 */
#ifndef TIDE_SUPERVISOR_DIGEST_H
#define TIDE_SUPERVISOR_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/* The digest of an earlier digest and some more bytes; begin with 0. */
uint64_t digest_add(uint64_t, const void *, size_t);
/* With a given key, for tests against the published values. */
uint64_t digest_siphash(const uint8_t key[16], const void *, size_t);

#endif
