/* SPDX-License-Identifier: ISC */
/*
 * From texts to values: references replaced, lists split, types and bounds
 * checked.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/option.h"
#include "common/secretmem.h"
#include "common/secretref.h"
#include "common/units.h"
#include "worker/sinkopt_i.h"

struct scheme {
	const char	*prefix;
	uint16_t	 port;
};

static const struct scheme schemes[] = {
	{ "http://", 80 }, { "https://", 443 }, { "ws://", 80 },
	{ "wss://", 443 }, { "nats://", 4222 }, { "tls://", 4222 },
	{ "kafka://", 9092 }
};

static int
port_parse(const char *s, size_t len, uint16_t *port)
{
	char digits[8];
	int64_t v;

	if (len == 0 || len >= sizeof(digits))
		return (-1);
	memcpy(digits, s, len);
	digits[len] = '\0';
	if (!isdigit((unsigned char)digits[0]) || int_parse(digits, &v) == -1
	    || v < 1 || v > 65535)
		return (-1);
	*port = (uint16_t)v;
	return (0);
}

/* The part of host[:port] behind the last colon that is not in []. */
static const char *
port_begin(const char *host, size_t len)
{
	const char *end = host + len, *p;

	if (*host == '[') {
		if ((p = memchr(host, ']', len)) == NULL)
			return (NULL);
		return (p + 1 < end && p[1] == ':' ? p + 2 : end);
	}
	p = memchr(host, ':', len);
	return (p == NULL ? end : p + 1);
}

int
endpoint_port(const char *text, uint16_t *port)
{
	const char *host = text, *at, *p;
	size_t i, len;

	*port = 0;
	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncasecmp(text, schemes[i].prefix,
		    strlen(schemes[i].prefix)) == 0) {
			host = text + strlen(schemes[i].prefix);
			*port = schemes[i].port;
		}
	/* The authority ends here, whatever the path holds. */
	len = strcspn(host, "/?#");
	if ((at = memrchr(host, '@', len)) != NULL) {
		len -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (len == 0 || *host == ':' || (p = port_begin(host, len)) == NULL)
		return (-1);
	if (p == host + len)
		return (*port != 0 && p[-1] != ':' ? 0 : -1);
	return (port_parse(p, len - (size_t)(p - host), port));
}

/* Where replaced texts go, and where errors about them go. */
struct builder {
	struct sinkopt	*opts;
	struct secretmem *arena;
	char		*err;
	size_t		 errsize;
};

static const void *
look_up(enum ref_kind kind, const char *name, size_t *len, void *arg)
{
	struct secretmem *arena = arg;

	return (arena == NULL ? NULL :
	    secretmem_get(arena, (uint8_t)kind, name, len));
}

/* Expanded text of raw; *owned is what has to be freed, if anything. */
static char *
raw_expand(const struct builder *b, const struct raw *raw, char **owned,
    size_t *len)
{
	size_t rawlen = strlen(raw->text);
	char why[MSG_REF_MAX + 128], *dst;

	*owned = NULL;
	if (secretref_expand(raw->text, rawlen, look_up, b->arena, NULL, 0,
	    len, why, sizeof(why)) == -1)
		goto fail;
	if (raw->refs)
		dst = secretmem_alloc(b->arena, *len + 1);
	else
		dst = *owned = malloc(*len + 1);
	if (dst == NULL) {
		snprintf(why, sizeof(why), "%s", strerror(errno));
		goto fail;
	}
	if (secretref_expand(raw->text, rawlen, look_up, b->arena, dst, *len,
	    len, why, sizeof(why)) == -1)
		goto fail;
	return (dst);
 fail:
	snprintf(b->err, b->errsize, "%s: %s", raw->path, why);
	free(*owned);
	*owned = NULL;
	return (NULL);
}

static int
value_check(const struct builder *b, size_t option, const struct raw *raw,
    struct sinkopt_value *v)
{
	struct option_def def = b->opts->defs[option];
	bool masked = raw->refs;

	/* A key file or a multi-line secret is text of any kind. */
	if (def.type == OPTION_SECRET) {
		if (v->len > 0)
			return (0);
		snprintf(b->err, b->errsize, "%s: the secret is empty",
		    raw->path);
		return (-1);
	}
	def.name = raw->path;
	def.flags = masked ? OPTION_MASK : 0;
	if (strlen(v->text) != v->len) {
		snprintf(b->err, b->errsize, "%s: holds a NUL character",
		    raw->path);
		return (-1);
	}
	if (option_check(&def, v->text, &v->number, b->err, b->errsize) == -1)
		return (-1);
	if (def.type == OPTION_DURATION)
		v->number /= 1000;
	if (def.type != OPTION_ENDPOINT ||
	    endpoint_port(v->text, &v->port) == 0)
		return (0);
	snprintf(b->err, b->errsize, "%s: bad value \"%.64s\", expected "
	    "HOST:PORT or a URL", raw->path, masked ? "(secret)" : v->text);
	return (-1);
}

static int
value_add(const struct builder *b, size_t option, const struct raw *raw,
    char *text, size_t len, char *owned)
{
	struct entry *e = &b->opts->entries[option];
	struct value *values;

	values = reallocarray(e->values, e->nvalues + 1, sizeof(*values));
	if (values == NULL) {
		free(owned);
		snprintf(b->err, b->errsize, "%s", strerror(errno));
		return (-1);
	}
	e->values = values;
	values = &e->values[e->nvalues++];
	memset(values, 0, sizeof(*values));
	values->owned = owned;
	values->v.key = raw->key;
	values->v.text = text;
	values->v.len = len;
	return (value_check(b, option, raw, &values->v));
}

/* "a, b" in place: the first element owns the memory of all. */
static int
values_split(const struct builder *b, size_t option, const struct raw *raw,
    char *text, char *owned)
{
	char *p, *rest = text;
	size_t len;

	while ((p = strsep(&rest, ",")) != NULL) {
		p += strspn(p, " \t");
		for (len = strlen(p); len > 0 && (p[len - 1] == ' ' ||
		    p[len - 1] == '\t'); len--)
			continue;
		p[len] = '\0';
		if (value_add(b, option, raw, p, len, owned) == -1)
			return (-1);
		owned = NULL;
	}
	return (0);
}

static int
raw_build(const struct builder *b, size_t option, const struct raw *raw)
{
	char *owned, *text;
	size_t len;

	if ((text = raw_expand(b, raw, &owned, &len)) == NULL)
		return (-1);
	if (raw->split)
		return (values_split(b, option, raw, text, owned));
	return (value_add(b, option, raw, text, len, owned));
}

static bool
entry_has_refs(const struct entry *e)
{
	size_t i;

	for (i = 0; i < e->nraws; i++)
		if (e->raws[i].refs)
			return (true);
	return (false);
}

static int
entry_build(const struct builder *b, size_t option)
{
	struct entry *e = &b->opts->entries[option];
	size_t i;

	for (i = 0; i < e->nvalues; i++)
		free(e->values[i].owned);
	e->nvalues = 0;
	if (b->arena == NULL && entry_has_refs(e))
		return (0);
	for (i = 0; i < e->nraws; i++)
		if (raw_build(b, option, &e->raws[i]) == -1)
			return (-1);
	return (0);
}

int
sinkopt_build(struct sinkopt *o, struct secretmem *arena, char *err,
    size_t errsize)
{
	struct builder b = { o, arena, err, errsize };
	size_t i;

	for (i = 0; i < o->n; i++)
		if (entry_build(&b, i) == -1)
			return (-1);
	return (0);
}
