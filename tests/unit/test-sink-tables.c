/* SPDX-License-Identifier: ISC */
/*
 * The option tables of the built-in sinks are said three times: by the
 * plugin, by sql/sink_types.sql (the database validates pipelines without
 * having the plugin), and by the manual.  They agree.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/sinkhost/sinkhost.h"

#define ROW_MAX	2048

static const char *const types[] = {
	[PGTIDE_OPT_STRING] = "string", [PGTIDE_OPT_BOOL] = "bool",
	[PGTIDE_OPT_INT] = "int", [PGTIDE_OPT_SIZE] = "size",
	[PGTIDE_OPT_DURATION] = "duration", [PGTIDE_OPT_ENUM] = "enum",
	[PGTIDE_OPT_ENDPOINT] = "endpoint", [PGTIDE_OPT_FILE] = "file",
	[PGTIDE_OPT_SECRET] = "secret", [PGTIDE_OPT_OUTPUT] = "output"
};
static const struct {
	uint32_t	 flag;
	const char	*name;
} flags[] = {
	{ PGTIDE_OPTF_REQUIRED, "required" }, { PGTIDE_OPTF_LIST, "list" },
	{ PGTIDE_OPTF_MAP, "map" }, { PGTIDE_OPTF_RELOAD, "reload" },
	{ PGTIDE_OPTF_ADVANCED, "advanced" }
};

static char *
read_source(const char *name)
{
	const char *top = getenv("top_srcdir");
	char path[512], *text = NULL;
	size_t size = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", top != NULL ? top : ".",
	    name);
	if ((f = fopen(path, "re")) == NULL)
		fail_msg("cannot open %s", path);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	(void)fclose(f);
	return (text);
}

/* Text being written; the callers' texts are known to fit. */
struct row {
	char	text[ROW_MAX];
	size_t	len;
};

static void
put(struct row *r, const char *s)
{
	int n = snprintf(r->text + r->len, sizeof(r->text) - r->len, "%s", s);

	r->len += (size_t)n;
	assert_true(r->len < sizeof(r->text));
}

/* A JSON string within an SQL string. */
static void
put_quoted(struct row *r, const char *s)
{
	char one[2] = "";

	put(r, "\"");
	for (; *s != '\0'; s++) {
		one[0] = *s;
		put(r, *s == '"' ? "\\\"" : *s == '\'' ? "''" : one);
	}
	put(r, "\"");
}

static void
put_flags(struct row *r, uint32_t set)
{
	const char *separator = "";
	size_t i;

	put(r, ",\"flags\":[");
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if ((set & flags[i].flag) != 0) {
			put(r, separator);
			put_quoted(r, flags[i].name);
			separator = ",";
		}
	put(r, "]");
}

static void
put_choices(struct row *r, const char *choices)
{
	char one[2] = "";

	put(r, ",\"choices\":[\"");
	for (; *choices != '\0'; choices++) {
		one[0] = *choices;
		put(r, *choices == '|' ? "\",\"" : one);
	}
	put(r, "\"]");
}

static void
put_option(struct row *r, const struct pgtide_option *o)
{
	char bounds[64];

	r->len = 0;
	put(r, "{\"name\":");
	put_quoted(r, o->name);
	put(r, ",\"type\":");
	put_quoted(r, types[o->type]);
	put_flags(r, o->flags);
	if (o->dflt != NULL) {
		put(r, ",\"default\":");
		put_quoted(r, o->dflt);
	}
	if (o->min != 0 || o->max != 0) {
		(void)snprintf(bounds, sizeof(bounds), ",\"min\":%lld,"
		    "\"max\":%lld", (long long)o->min, (long long)o->max);
		put(r, bounds);
	}
	if (o->choices != NULL)
		put_choices(r, o->choices);
	put(r, ",\"help\":");
	put_quoted(r, o->help);
	put(r, "}");
}

/* The rows between ('NAME', and the end of its statement or next sink. */
static char *
sql_rows(const char *sink)
{
	char *text = read_source("sql/sink_types.sql"), mark[64];
	char *begin, *end;

	(void)snprintf(mark, sizeof(mark), "('%s', ", sink);
	begin = strstr(text, mark);
	assert_non_null(begin);
	end = strstr(begin, "]')");
	assert_non_null(end);
	*end = '\0';
	memmove(text, begin, strlen(begin) + 1);
	return (text);
}

static size_t
count(const char *text, const char *part)
{
	size_t n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return (n);
}

static void
check_sink(const char *sink)
{
	const char *top = getenv("top_builddir");
	const struct pgtide_sink_plugin *p;
	char path[512], err[256], item[128], *sql, *manual;
	struct row row;
	size_t i;

	(void)snprintf(path, sizeof(path), "%s/plugins/%s/.libs/%s.so",
	    top != NULL ? top : ".", sink, sink);
	if ((p = sinkhost_plugin_load(path, err, sizeof(err))) == NULL)
		fail_msg("%s", err);
	assert_string_equal(p->name, sink);
	sql = sql_rows(sink);
	(void)snprintf(path, sizeof(path), "man/pg-tide-%s.5", sink);
	manual = read_source(path);
	for (i = 0; i < p->noptions; i++) {
		put_option(&row, &p->options[i]);
		if (strstr(sql, row.text) == NULL)
			fail_msg("not in sql/sink_types.sql: %s", row.text);
		(void)snprintf(item, sizeof(item), "\n.It Cm %s",
		    p->options[i].name);
		if (strstr(manual, item) == NULL)
			fail_msg("%s: no %s", path, item + 1);
	}
	assert_int_equal(count(sql, "{\"name\":"), p->noptions);
	for (i = 0; i < p->nmetrics; i++)
		if (strstr(manual, p->metrics[i].name) == NULL)
			fail_msg("%s: no %s", path, p->metrics[i].name);
	free(sql);
	free(manual);
}

static void
test_webhook(void **state)
{
	(void)state;
	check_sink("webhook");
}

static void
test_file(void **state)
{
	(void)state;
	check_sink("file");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_webhook),
		cmocka_unit_test(test_file)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
