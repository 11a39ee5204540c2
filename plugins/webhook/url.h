/* SPDX-License-Identifier: ISC */
/*
 * The destination: a URL taken apart, checked and spelled canonically.
 */
#ifndef PGTIDE_WEBHOOK_URL_H
#define PGTIDE_WEBHOOK_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tide/sink.h>

struct url {
	char		*text;		/* what libcurl is given */
	char		*host;		/* lower case, IPv6 without brackets */
	char		*origin;	/* "https://host:port", for messages */
	char		*target;	/* path and query: may hold secrets */
	uint16_t	 port;
	bool		 tls;
	bool		 literal;	/* host is an address */
	struct pgtide_addr address;	/* literal */
};

/* 0, or -1 with a message; url_fini() is due in both cases. */
int	url_parse(struct url *, const char *, char *err, size_t errsize);
void	url_fini(struct url *);
/* Is the host this machine, by its spelling? */
bool	url_is_loopback(const struct url *);

#endif
