/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the webhook sink share about names and TLS, on top of
 * hookbench.h.
 */
#ifndef TIDE_TESTS_UNIT_HOOKNET_H
#define TIDE_TESTS_UNIT_HOOKNET_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/unit/hookbench.h"

/* In the receiver's certificate, together with 127.0.0.1. */
#define HOOKNET_NAME	"receiver.test"

extern struct peerprog hooknet_receiver;	/* speaks TLS */

/* Group setup: bench_setup(), certificates, a receiver with TLS. */
int	hooknet_setup(void **state);
int	hooknet_teardown(void **state);

/* Path of a made certificate or key; valid until the next call. */
const char *hooknet_cert(const char *name);
/* A file's contents, NUL-terminated, to be freed. */
char	*hooknet_slurp(const char *path, size_t *len);
/* Give a FILE option the contents of a certificate. */
void	hooknet_set_file(struct pgtide_ctx *, const char *option,
	    const char *name);

/* An instance for a URL, with only what is given. */
struct pgtide_ctx *hooknet_instance(const char *url, bool allow_private);
/* For the plain receiver by name, and for one with TLS: names resolve. */
struct pgtide_ctx *hooknet_by_name(const char *path);
struct pgtide_ctx *hooknet_tls(const char *host, int port);
void	hooknet_must_open(struct pgtide_ctx *);

#endif
