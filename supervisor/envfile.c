/* SPDX-License-Identifier: ISC */
/* Look up names for ${env:NAME}. */
#include "config.h"

#include "supervisor/envfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/trust.h"

#define ENVFILE_MAX	(1024 * 1024)

/* The whole file, "" when a default one is missing; NULL and why. */
static char *
file_read(const struct option_set *set, size_t *len, char *err,
    size_t errsize)
{
	const char *path = option_str(set, "environment_file");
	char why[128], *text;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		*len = 0;
		if (errno == ENOENT &&
		    option_is_default(set, "environment_file"))
			return (strdup(""));
		(void)snprintf(err, errsize, "environment_file %s: %s", path,
		    strerror(errno));
		return (NULL);
	}
	text = trust_read(fd, ENVFILE_MAX, len, why, sizeof(why));
	close(fd);
	if (text == NULL)
		(void)snprintf(err, errsize, "environment_file %s: %s", path,
		    why);
	return (text);
}

static bool
name_ok(const char *s, size_t n)
{
	size_t i;

	if (n == 0 || isdigit((unsigned char)s[0]))
		return (false);
	for (i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return (false);
	}
	return (true);
}

/* Cut white space off both ends, and one pair of quotes. */
static void
trim(const char **s, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)(*s)[*n - 1]))
		(*n)--;
	while (*n > 0 && isspace((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	if (*n >= 2 && (**s == '"' || **s == '\'') && (*s)[*n - 1] == **s) {
		(*s)++;
		*n -= 2;
	}
}

struct line {
	const char	*name, *value;
	size_t		 name_len, value_len;
};

/* 1 an assignment, 0 nothing, -1 nonsense. */
static int
line_parse(const char *s, size_t n, struct line *l)
{
	const char *equals;

	while (n > 0 && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	if (n == 0 || *s == '#' || *s == ';')
		return (0);
	if (n > 7 && memcmp(s, "export ", 7) == 0) {
		s += 7;
		n -= 7;
	}
	if ((equals = memchr(s, '=', n)) == NULL)
		return (-1);
	l->name = s;
	l->name_len = (size_t)(equals - s);
	while (l->name_len > 0 &&
	    isspace((unsigned char)s[l->name_len - 1]))
		l->name_len--;
	l->value = equals + 1;
	l->value_len = n - (size_t)(equals + 1 - s);
	trim(&l->value, &l->value_len);
	return (name_ok(l->name, l->name_len) ? 1 : -1);
}

/* The last assignment of name (NULL: none, a check of the text); its line's
 * number on nonsense, else 0. */
static unsigned int
text_find(const char *text, size_t len, const char *name, struct line *found)
{
	const char *end = text + len, *newline;
	unsigned int number;
	struct line l;
	size_t n;
	int kind;

	found->value = NULL;
	for (number = 1; text < end; number++) {
		newline = memchr(text, '\n', (size_t)(end - text));
		n = (size_t)((newline != NULL ? newline : end) - text);
		if ((kind = line_parse(text, n, &l)) == -1)
			return (number);
		if (kind == 1 && name != NULL && strlen(name) == l.name_len &&
		    memcmp(name, l.name, l.name_len) == 0)
			*found = l;
		text += n + 1;
	}
	return (0);
}

static bool
own_allowed(const struct option_set *set, const char *name)
{
	const char *pattern;
	size_t i;

	if (strncmp(name, "PGTIDE_", 7) == 0)
		return (true);
	for (i = 0; (pattern = option_item(set, "secrets.env", i)) != NULL;
	    i++) {
		if (fnmatch(pattern, name, 0) == 0)
			return (true);
	}
	return (false);
}

static char *
own_lookup(const struct option_set *set, const char *name, char *err,
    size_t errsize)
{
	const char *value = getenv(name);

	if (!own_allowed(set, name)) {
		(void)snprintf(err, errsize, "${env:%s}: not allowed: put"
		    " \"%s=...\" into %s, or \"env = %s\" below [secrets] in"
		    " pg-tided.conf", name, name,
		    option_str(set, "environment_file"), name);
		return (NULL);
	}
	if (value == NULL) {
		(void)snprintf(err, errsize, "${env:%s}: not set, neither in"
		    " %s nor in pg-tided's environment", name,
		    option_str(set, "environment_file"));
		return (NULL);
	}
	return (strdup(value));
}

char *
env_lookup(const struct option_set *set, const char *name, size_t *len,
    char *err, size_t errsize)
{
	struct line l;
	char *text, *value = NULL;
	size_t size;
	unsigned int bad;

	if ((text = file_read(set, &size, err, errsize)) == NULL)
		return (NULL);
	bad = text_find(text, size, name, &l);
	if (bad != 0)
		(void)snprintf(err, errsize, "%s:%u: expected NAME=VALUE",
		    option_str(set, "environment_file"), bad);
	else if (l.value != NULL)
		value = strndup(l.value, l.value_len);
	else
		value = own_lookup(set, name, err, errsize);
	explicit_bzero(text, size);
	free(text);
	if (value != NULL)
		*len = strlen(value);
	return (value);
}

int
env_check(const struct option_set *set, char *err, size_t errsize)
{
	struct line l;
	char *text;
	size_t size;
	unsigned int bad;

	if ((text = file_read(set, &size, err, errsize)) == NULL)
		return (-1);
	if ((bad = text_find(text, size, NULL, &l)) != 0)
		(void)snprintf(err, errsize, "%s:%u: expected NAME=VALUE",
		    option_str(set, "environment_file"), bad);
	explicit_bzero(text, size);
	free(text);
	return (bad == 0 ? 0 : -1);
}
