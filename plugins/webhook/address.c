/* SPDX-License-Identifier: ISC */
/*
 * Which addresses a URL may lead to: tables of networks.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "plugins/webhook/address.h"

enum reach {
	NEVER,			/* no webhook receiver can be there */
	PRIVATE,		/* admitted by allow_private */
	EMBEDS			/* PRIVATE, and the IPv4 address in it counts */
};

struct network {
	uint8_t		 family;	/* 4 or 6 */
	uint8_t		 prefix;	/* bits */
	uint8_t		 bytes[16];
	enum reach	 reach;
	uint8_t		 inner;		/* EMBEDS: offset of the address */
	const char	*why;
};

/*
 * The first match decides.  The metadata services come before the private
 * networks that two of them live in.
 */
static const struct network networks[] = {
	{ 4, 8, { 0 }, NEVER, 0, "unspecified" },
	{ 4, 16, { 169, 254 }, NEVER, 0, "link-local" },
	{ 4, 32, { 100, 100, 100, 200 }, NEVER, 0, "cloud metadata" },
	{ 4, 32, { 192, 0, 0, 192 }, NEVER, 0, "cloud metadata" },
	{ 4, 4, { 224 }, NEVER, 0, "multicast" },
	{ 4, 4, { 240 }, NEVER, 0, "reserved" },
	{ 4, 8, { 127 }, PRIVATE, 0, "loopback" },
	{ 4, 8, { 10 }, PRIVATE, 0, "private" },
	{ 4, 12, { 172, 16 }, PRIVATE, 0, "private" },
	{ 4, 16, { 192, 168 }, PRIVATE, 0, "private" },
	{ 4, 10, { 100, 64 }, PRIVATE, 0, "shared address space" },
	{ 4, 24, { 192, 0, 0 }, PRIVATE, 0, "protocol assignment" },
	{ 4, 24, { 192, 0, 2 }, PRIVATE, 0, "documentation" },
	{ 4, 24, { 192, 88, 99 }, PRIVATE, 0, "6to4 relay" },
	{ 4, 15, { 198, 18 }, PRIVATE, 0, "benchmarking" },
	{ 4, 24, { 198, 51, 100 }, PRIVATE, 0, "documentation" },
	{ 4, 24, { 203, 0, 113 }, PRIVATE, 0, "documentation" },

	{ 6, 128, { 0 }, NEVER, 0, "unspecified" },
	{ 6, 128, { [15] = 1 }, PRIVATE, 0, "loopback" },
	{ 6, 8, { 0xff }, NEVER, 0, "multicast" },
	{ 6, 10, { 0xfe, 0x80 }, NEVER, 0, "link-local" },
	{ 6, 128, { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, NEVER, 0,
	    "cloud metadata" },
	{ 6, 128, { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, NEVER, 0,
	    "cloud metadata" },
	{ 6, 10, { 0xfe, 0xc0 }, PRIVATE, 0, "site-local" },
	{ 6, 7, { 0xfc }, PRIVATE, 0, "private" },
	{ 6, 96, { [10] = 0xff, 0xff }, EMBEDS, 12, "IPv4-mapped" },
	{ 6, 96, { 0 }, EMBEDS, 12, "IPv4-compatible" },
	{ 6, 96, { 0x00, 0x64, 0xff, 0x9b }, EMBEDS, 12, "NAT64" },
	{ 6, 48, { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, PRIVATE, 0,
	    "local NAT64" },
	{ 6, 16, { 0x20, 0x02 }, EMBEDS, 2, "6to4" },
	{ 6, 32, { 0x20, 0x01, 0x00, 0x00 }, PRIVATE, 0, "Teredo" },
	{ 6, 32, { 0x20, 0x01, 0x0d, 0xb8 }, PRIVATE, 0, "documentation" },
	{ 6, 64, { 0x01, 0x00 }, NEVER, 0, "discard-only" }
};

static bool
network_has(const struct network *n, const struct pgtide_addr *a)
{
	unsigned int whole = n->prefix / 8, rest = n->prefix % 8;
	unsigned int mask = (0xff00u >> rest) & 0xffu;

	if (n->family != a->family ||
	    memcmp(n->bytes, a->bytes, whole) != 0)
		return (false);
	return (rest == 0 ||
	    (n->bytes[whole] & mask) == (a->bytes[whole] & mask));
}

static const struct network *
network_of(const struct pgtide_addr *a)
{
	size_t i;

	for (i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		if (network_has(&networks[i], a))
			return (&networks[i]);
	return (NULL);
}

static const char *
embedded_refusal(const struct network *n, const struct pgtide_addr *a)
{
	struct pgtide_addr inner = { .family = 4 };

	memcpy(inner.bytes, a->bytes + n->inner, 4);
	return (address_refusal(&inner, true));
}

const char *
address_refusal(const struct pgtide_addr *a, bool allow_private)
{
	const struct network *n;

	if (a->family != 4 && a->family != 6)
		return ("not an IP address");
	if ((n = network_of(a)) == NULL)
		return (NULL);
	if (n->reach == NEVER || !allow_private)
		return (n->why);
	return (n->reach == EMBEDS ? embedded_refusal(n, a) : NULL);
}

int
address_parse(const char *text, struct pgtide_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, text, a->bytes) == 1)
		a->family = 4;
	else if (inet_pton(AF_INET6, text, a->bytes) == 1)
		a->family = 6;
	else
		return (-1);
	return (0);
}

int
address_from_sockaddr(const struct sockaddr *sa, struct pgtide_addr *a)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(a, 0, sizeof(*a));
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		memcpy(a->bytes, &in.sin_addr, 4);
		a->family = 4;
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(a->bytes, &in6.sin6_addr, 16);
		a->family = 6;
	} else
		return (-1);
	return (0);
}

const char *
address_format(const struct pgtide_addr *a, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->bytes, text,
	    sizeof(text));
	(void)snprintf(buf, size, a->family == 6 ? "[%s]" : "%s", text);
	return (buf);
}
