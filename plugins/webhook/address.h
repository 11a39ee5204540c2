/* SPDX-License-Identifier: ISC */
/*
 * Which addresses a URL may lead to (protection against server-side
 * request forgery).  Pure functions, any thread.
 */
#ifndef PGTIDE_WEBHOOK_ADDRESS_H
#define PGTIDE_WEBHOOK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <tide/sink.h>

struct sockaddr;

#define ADDRESS_TEXT	64

/*
 * Why the address is refused ("loopback", "private", ...), NULL when it is
 * not.  allow_private admits loopback and private networks; link-local,
 * cloud metadata, multicast and unspecified addresses are always refused,
 * also when they are embedded in an IPv6 address.
 */
const char *address_refusal(const struct pgtide_addr *, bool allow_private);

/* From text without brackets, from a socket address; 0 or -1. */
int	address_parse(const char *, struct pgtide_addr *);
int	address_from_sockaddr(const struct sockaddr *, struct pgtide_addr *);
/* To text, IPv6 in brackets; always NUL-terminated. */
const char *address_format(const struct pgtide_addr *, char *, size_t);

#endif
