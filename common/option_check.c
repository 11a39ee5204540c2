/* SPDX-License-Identifier: ISC */
/* Check the text of an option against its row, and describe the row. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/option.h"
#include "common/units.h"
#include "common/utf8.h"

typedef char *(*format_fn)(int64_t, char *, size_t);

static char *
int_format(int64_t v, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%" PRId64, v);
	return (dst);
}

static int
bool_check(const char *text, int64_t *number)
{
	int v;

	if (bool_parse(text, &v) == -1)
		return (-1);
	*number = v;
	return (0);
}

static int
text_check(const char *text, int64_t *number)
{
	*number = 0;
	return (*text == '\0' ? -1 : 0);
}

/* What a type is called, read and printed by. */
struct type {
	const char	*name;
	int		(*parse)(const char *, int64_t *);
	format_fn	 format;	/* NULL: it has no bounds */
};

static const struct type types[] = {
	[OPTION_STRING] = { "string", NULL, NULL },
	[OPTION_BOOL] = { "boolean (true, false)", bool_check, NULL },
	[OPTION_INT] = { "integer", int_parse, int_format },
	[OPTION_SIZE] = { "size", size_parse, size_format },
	[OPTION_DURATION] = { "duration", duration_parse, duration_format },
	[OPTION_ENUM] = { "one of ", NULL, NULL },
	[OPTION_ENDPOINT] = { "endpoint", text_check, NULL },
	[OPTION_FILE] = { "path", text_check, NULL },
	[OPTION_SECRET] = { "secret", text_check, NULL },
	[OPTION_OUTPUT] = { "output path", text_check, NULL }
};

static const struct type *
type_of(const struct option_def *def)
{
	size_t i = (size_t)def->type;

	if (i >= sizeof(types) / sizeof(types[0]) || types[i].name == NULL)
		return (&types[OPTION_STRING]);
	return (&types[i]);
}

static bool
has_bounds(const struct option_def *def)
{
	return (type_of(def)->format != NULL &&
	    (def->min != 0 || def->max != 0));
}

char *
option_describe(const struct option_def *def, char *dst, size_t size)
{
	const struct type *t = type_of(def);
	const char *list = (def->flags & OPTION_LIST) != 0 ? "list of " : "";
	char min[32], max[32];

	if (def->type == OPTION_ENUM)
		(void)snprintf(dst, size, "%s%s%s", list, t->name,
		    def->choices);
	else if (has_bounds(def))
		(void)snprintf(dst, size, "%s%s (%s..%s)", list, t->name,
		    t->format(def->min, min, sizeof(min)),
		    t->format(def->max, max, sizeof(max)));
	else
		(void)snprintf(dst, size, "%s%s", list, t->name);
	return (dst);
}

static int
enum_check(const char *choices, const char *text, int64_t *number)
{
	size_t len = strlen(text), n;
	int64_t i;

	for (i = 0; ; i++) {
		n = strcspn(choices, "|");
		if (n == len && memcmp(choices, text, n) == 0) {
			*number = i;
			return (0);
		}
		if (choices[n] == '\0')
			return (-1);
		choices += n + 1;
	}
}

static bool
text_is_clean(const char *text)
{
	const char *p;

	for (p = text; *p != '\0'; p++) {
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return (false);
	}
	return (utf8_valid(text, strlen(text)));
}

static int
complain(const struct option_def *def, const char *text, char *err,
    size_t errsize)
{
	char what[256];
	bool hide = (def->flags & OPTION_MASK) != 0 ||
	    def->type == OPTION_SECRET;

	(void)option_describe(def, what, sizeof(what));
	if (hide || !text_is_clean(text))
		(void)snprintf(err, errsize, "%s: bad value, expected %s",
		    def->name, what);
	else
		(void)snprintf(err, errsize,
		    "%s: bad value \"%.64s\", expected %s", def->name, text,
		    what);
	return (-1);
}

int
option_check(const struct option_def *def, const char *text, int64_t *number,
    char *err, size_t errsize)
{
	const struct type *t = type_of(def);
	int ret = 0;

	*number = 0;
	if (!text_is_clean(text))
		return (complain(def, text, err, errsize));
	/* Elements of a list are text; whoever uses them checks them. */
	if ((def->flags & OPTION_LIST) != 0)
		return (0);
	if (def->type == OPTION_ENUM)
		ret = enum_check(def->choices, text, number);
	else if (t->parse != NULL)
		ret = t->parse(text, number);
	if (ret == -1 || (has_bounds(def) &&
	    (*number < def->min || *number > def->max)))
		return (complain(def, text, err, errsize));
	return (0);
}

static size_t
smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return (m < c ? m : c);
}

#define NAME_LONGEST	63

/* Levenshtein, one row at a time; names are short. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_LONGEST + 1], i, j, diagonal, up, n = strlen(b);

	if (n > NAME_LONGEST || strlen(a) > NAME_LONGEST)
		return (NAME_LONGEST);
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1] != '\0'; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= n; j++) {
			up = row[j];
			row[j] = smallest(up + 1, row[j - 1] + 1,
			    diagonal + (a[i - 1] != b[j - 1]));
			diagonal = up;
		}
	}
	return (row[n]);
}

const char *
option_nearest(const struct option_def *defs, size_t n, const char *name)
{
	const char *best = NULL;
	size_t i, d, least = 4;

	for (i = 0; i < n; i++) {
		if ((d = distance(name, defs[i].name)) < least) {
			least = d;
			best = defs[i].name;
		}
	}
	return (best);
}

void
option_print_help(FILE *out, const struct option_def *defs, size_t n,
    const char *prefix)
{
	char what[256];
	size_t i;

	for (i = 0; i < n; i++) {
		fprintf(out, "  %s%s\n\t%s\n\t%s", prefix, defs[i].name,
		    defs[i].help,
		    option_describe(&defs[i], what, sizeof(what)));
		if (defs[i].dflt != NULL)
			fprintf(out, ", default %s", defs[i].dflt);
		if ((defs[i].flags & OPTION_REQUIRED) != 0)
			fprintf(out, ", required");
		fprintf(out, "\n");
	}
}
