/* SPDX-License-Identifier: ISC */
/* Scan connection strings: URLs and keywords. */
#include "config.h"

#include "supervisor/pgurl.h"

#include <ctype.h>
#include <string.h>

#define KEY_MAX		64
#define VALUE_MAX	4096

struct pair {
	char	key[KEY_MAX];
	char	value[VALUE_MAX];
	size_t	len;
};

static int
append(struct pair *p, char c)
{
	if (p->len == sizeof(p->value) - 1 || c == '\0')
		return (-1);
	p->value[p->len++] = c;
	p->value[p->len] = '\0';
	return (0);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	c = (char)tolower((unsigned char)c);
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

/* Percent-encoded bytes of s[0..n). */
static int
decode(struct pair *p, const char *s, size_t n)
{
	size_t i;

	p->len = 0;
	p->value[0] = '\0';
	for (i = 0; i < n; i++) {
		if (s[i] != '%') {
			if (append(p, s[i]) == -1)
				return (-1);
			continue;
		}
		if (n - i < 3 || hex(s[i + 1]) == -1 || hex(s[i + 2]) == -1 ||
		    append(p, (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]))) ==
		    -1)
			return (-1);
		i += 2;
	}
	return (0);
}

static int
set_key(struct pair *p, const char *s, size_t n)
{
	if (n == 0 || n >= sizeof(p->key))
		return (-1);
	memcpy(p->key, s, n);
	p->key[n] = '\0';
	return (0);
}

/* The host of "a:1", "[::1]:2" or "%2Frun". */
static int
host_decode(struct pair *p, const char *s, size_t n)
{
	const char *end = memchr(s, *s == '[' ? ']' : ':', n);

	if (n > 0 && *s == '[') {
		if (end == NULL)
			return (-1);
		s++;
	}
	return (decode(p, s, end != NULL ? (size_t)(end - s) : n));
}

static int
scan_hosts(struct pair *p, const char *s, size_t n, pgurl_fn fn, void *arg)
{
	const char *comma;
	size_t len;

	(void)set_key(p, "host", 4);
	for (;;) {
		comma = memchr(s, ',', n);
		len = comma != NULL ? (size_t)(comma - s) : n;
		if (host_decode(p, s, len) == -1 ||
		    fn(p->key, p->value, arg) == -1)
			return (-1);
		if (comma == NULL)
			return (0);
		s += len + 1;
		n -= len + 1;
	}
}

static int
scan_query(struct pair *p, const char *s, pgurl_fn fn, void *arg)
{
	size_t n, key;

	for (; *s != '\0'; s += n + (s[n] == '&')) {
		n = strcspn(s, "&");
		key = strcspn(s, "=&");
		if (s[key] != '=')
			return (-1);
		if (set_key(p, s, key) == -1 ||
		    decode(p, s + key + 1, n - key - 1) == -1 ||
		    fn(p->key, p->value, arg) == -1)
			return (-1);
	}
	return (0);
}

static int
scan_url(struct pair *p, const char *s, pgurl_fn fn, void *arg)
{
	size_t n = strcspn(s, "/?"), user;
	const char *query;

	/* User and password end at the last @ before the path. */
	for (user = n; user > 0 && s[user - 1] != '@'; user--)
		continue;
	if (scan_hosts(p, s + user, n - user, fn, arg) == -1)
		return (-1);
	query = strchr(s + n, '?');
	return (query == NULL ? 0 : scan_query(p, query + 1, fn, arg));
}

/* "value", or "'value with \' and \\'"; returns what follows it. */
static const char *
keyword_value(struct pair *p, const char *s)
{
	char quote = '\0';

	p->len = 0;
	p->value[0] = '\0';
	if (*s == '\'')
		quote = *s++;
	for (; *s != '\0' && *s != quote; s++) {
		if (quote == '\0' && isspace((unsigned char)*s))
			return (s);
		if (*s == '\\' && *++s == '\0')
			return (NULL);
		if (append(p, *s) == -1)
			return (NULL);
	}
	if (quote == '\0')
		return (s);
	return (*s == quote ? s + 1 : NULL);
}

static int
scan_keywords(struct pair *p, const char *s, pgurl_fn fn, void *arg)
{
	size_t n;

	for (;;) {
		s += strspn(s, " \t\r\n");
		if (*s == '\0')
			return (0);
		n = strcspn(s, "= \t\r\n");
		if (set_key(p, s, n) == -1)
			return (-1);
		s += n;
		s += strspn(s, " \t\r\n");
		if (*s++ != '=')
			return (-1);
		s += strspn(s, " \t\r\n");
		if ((s = keyword_value(p, s)) == NULL ||
		    fn(p->key, p->value, arg) == -1)
			return (-1);
	}
}

int
pgurl_scan(const char *url, pgurl_fn fn, void *arg)
{
	struct pair p;
	int ret;

	memset(&p, 0, sizeof(p));
	if (strncmp(url, "postgres://", 11) == 0)
		ret = scan_url(&p, url + 11, fn, arg);
	else if (strncmp(url, "postgresql://", 13) == 0)
		ret = scan_url(&p, url + 13, fn, arg);
	else
		ret = scan_keywords(&p, url, fn, arg);
	explicit_bzero(&p, sizeof(p));
	return (ret);
}

struct hosts {
	bool	any;		/* a host or address was named */
	bool	unix_socket;
};

static int
on_host(const char *key, const char *value, void *arg)
{
	struct hosts *h = arg;

	if ((strcmp(key, "host") != 0 && strcmp(key, "hostaddr") != 0) ||
	    *value == '\0')
		return (0);
	h->any = true;
	if (*value == '/' || *value == '@' || strstr(value, ",/") != NULL ||
	    strstr(value, ",@") != NULL)
		h->unix_socket = true;
	return (0);
}

bool
pgurl_is_unix(const char *url)
{
	struct hosts h = { false, false };

	if (pgurl_scan(url, on_host, &h) == -1)
		return (false);
	return (h.unix_socket || !h.any);
}

bool
pgurl_names_file(const char *key, const char *value)
{
	static const char *const keys[] = { "sslrootcert", "sslcert",
	    "sslkey", "sslcrl" };
	size_t i;

	/* "system" and the like are words, not files. */
	if (*value != '/')
		return (false);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i], key) == 0)
			return (true);
	}
	return (false);
}
