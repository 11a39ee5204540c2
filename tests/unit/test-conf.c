/* SPDX-License-Identifier: ISC */
/* pg-tided.conf and the command line: messages, precedence, masking. */
#include "config.h"

#include <getopt.h>

#include "common/log.h"
#include "supervisor/bindings.h"
#include "supervisor/cmdline.h"
#include "supervisor/conf.h"
#include "supervisor/options.h"
#include "tests/unit/tmpdir.h"
#include "tests/unit/unit.h"

static char err[512];
static struct bindings *bindings;

static struct option_set *
load(const char *text)
{
	struct cmdline c = { .config = tmp_write("conf", text, strlen(text),
	    0600), .config_given = true };

	err[0] = '\0';
	return (conf_load(&c, &bindings, err, sizeof(err)));
}

static void
refused(const char *text, const char *want)
{
	struct option_set *set = load(text);

	if (set != NULL)
		fail_msg("accepted: %s", text);
	if (strstr(err, want) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err, want);
}

static void
test_loads(void **state)
{
	struct option_set *s;

	(void)state;
	s = load("# a comment\n"
	    "postgres_url = host=/tmp dbname=x ; y # z\n"
	    "drain_timeout = 7\n"
	    "\n[secrets]\ndirs = /a, /b\ndirs = /c\n");
	assert_non_null(s);
	assert_string_equal(option_str(s, "postgres_url"),
	    "host=/tmp dbname=x ; y # z");
	assert_int_equal(option_num(s, "drain_timeout"), 7000000);
	assert_string_equal(option_item(s, "secrets.dirs", 0), "/a");
	assert_string_equal(option_item(s, "secrets.dirs", 2), "/c");
	assert_null(option_item(s, "secrets.dirs", 3));
	assert_non_null(strstr(option_get(s, "drain_timeout")->origin,
	    "/conf:3"));
	option_set_free(s);
	bindings_free(bindings);
}

#define URL	"postgres_url = x\n"

static void
test_messages_name_the_line(void **state)
{
	(void)state;
	refused("\n\nlog_level = loud\n", "/conf:3: log_level: bad value "
	    "\"loud\", expected one of error|warn|info|debug");
	refused(URL "[secrets]\n\ndir = /x\n", "/conf:4: unknown option "
	    "\"secrets.dir\", did you mean \"secrets.dirs\"?");
	refused("max_pipelines = 0\n", "/conf:1: max_pipelines: bad value "
	    "\"0\", expected integer (1..10000)");
	refused(URL "nonsense\n", "/conf:2: expected \"name = value\"");
	refused(URL "[open\n", "/conf:2: expected");
	refused(URL "secrets.dirs = relative\n", "/conf:2: secrets.dirs: "
	    "\"relative\" is not an absolute path");
	refused(URL "control_mode = 999\n", "/conf:2: control_mode");
	refused("log_level = info\n", "no database");
	refused("\xff = 1\n", "not a text file");
}

/* The rest of a line that is too long must not become an option. */
static void
test_long_line(void **state)
{
	static char text[20000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, URL "user = ", sizeof(URL "user = ") - 1);
	memcpy(text + 8300, "max_pipelines=0\n", 16);
	refused(text, "/conf:2: line is longer");
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "user = ", 7);
	text[5000] = '\n';
	text[5001] = '\0';
	refused(text, "/conf:1: user: longer than");
}

static void
test_not_trusted(void **state)
{
	struct cmdline c = { .config = tmp_write("w", "user = x\n", 9, 0620),
	    .config_given = true };

	(void)state;
	assert_null(conf_load(&c, &bindings, err, sizeof(err)));
	assert_non_null(strstr(err, "writable by group or others"));
	c.config = tmpdir;
	assert_null(conf_load(&c, &bindings, err, sizeof(err)));
	assert_non_null(strstr(err, "not a regular file"));
	c.config = tmp("missing");
	assert_null(conf_load(&c, &bindings, err, sizeof(err)));
	assert_non_null(strstr(err, "No such file"));
	c.config_given = false;			/* the default may be missing */
	assert_null(conf_load(&c, &bindings, err, sizeof(err)));
	assert_non_null(strstr(err, "no database"));
}

/* Names of pipelines may be longer than what inih keeps of a section. */
#define LONG	"a_pipeline-with_dashes-and-a-name-of-sixty-three-byte" \
		"s-in-lengt"

static void
test_bindings(void **state)
{
	struct option_set *s;

	(void)state;
	s = load(URL "[pipeline orders]\npostgres_url = a\n"
	    "[pipeline " LONG "]\npostgres_url = b\n"
	    "[pipeline orders]\npostgres_url = c\n[secrets]\ndirs = /a\n");
	if (s == NULL)
		fail_msg("%s", err);
	assert_string_equal(bindings_str(bindings, "orders", "postgres_url"),
	    "c");
	assert_string_equal(bindings_str(bindings, LONG, "postgres_url"),
	    "b");
	assert_null(bindings_str(bindings, "other", "postgres_url"));
	assert_null(bindings_str(NULL, "orders", "postgres_url"));
	assert_string_equal(option_item(s, "secrets.dirs", 0), "/a");
	option_set_free(s);
	bindings_free(bindings);
	refused(URL "[pipeline a]\npostgres_ulr = x\n",
	    "did you mean \"postgres_url\"?");
	refused(URL "[pipeline " LONG "x]\npostgres_url = x\n",
	    "1 to 63 letters");
	refused(URL "[pipeline a.b]\npostgres_url = x\n", "1 to 63 letters");
	refused(URL "[pipeline ]\npostgres_url = x\n", "[pipeline NAME]");
	refused(URL "[" LONG LONG LONG "]\na = x\n", "longer than 127");
}

static int
parse(struct cmdline *c, int argc, char **argv)
{
	optind = 0;
	return (cmdline_parse(c, argc, argv));
}

static void
test_precedence(void **state)
{
	static const char text[] = URL "log_level = debug\nlog_format = json\n"
	    "max_pipelines = 3\n";
	char path[600], level[] = "warn", flag[] = "--log-level",
	    conf[] = "--config", program[] = "x", fg[] = "-f";
	char *argv[] = { program, conf, path, flag, level, fg, NULL };
	struct option_set *s;
	struct cmdline c;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s",
	    tmp_write("prec", text, sizeof(text) - 1, 0600));
	assert_int_equal(setenv("PG_TIDE_LOG_LEVEL", "error", 1), 0);
	assert_int_equal(setenv("PG_TIDE_LOG_FORMAT", "text", 1), 0);
	assert_int_equal(parse(&c, 6, argv), 0);
	assert_true(c.foreground);
	s = conf_load(&c, &bindings, err, sizeof(err));
	assert_non_null(s);
	assert_string_equal(option_str(s, "log_level"), "warn");
	assert_string_equal(option_get(s, "log_level")->origin,
	    "--log-level");
	assert_string_equal(option_str(s, "log_format"), "text");
	assert_string_equal(option_get(s, "log_format")->origin,
	    "PG_TIDE_LOG_FORMAT");
	assert_int_equal(option_num(s, "max_pipelines"), 3);
	option_set_free(s);
	cmdline_free(&c);
	bindings_free(bindings);
	unsetenv("PG_TIDE_LOG_LEVEL");
	unsetenv("PG_TIDE_LOG_FORMAT");
}

/* Nothing of a password stays where ps(1) and /proc show it. */
static void
test_scrub(void **state)
{
	static const char *const kept = "postgres://u:hunter2@h/db";
	char joined[] = "--postgres-url=postgres://u:hunter2@h/db",
	    set[] = "worker_postgres_url=host=h password=hunter3",
	    flag[] = "--set", program[] = "x";
	char *argv[] = { program, joined, flag, set, NULL };
	struct cmdline c;
	size_t i;

	(void)state;
	assert_int_equal(setenv("PG_TIDE_POSTGRES_URL",
	    "postgres://u:hunter1@h", 1), 0);
	assert_int_equal(parse(&c, 4, argv), 0);
	for (i = 0; i < 4; i++)
		assert_null(strstr(argv[i], "hunter"));
	assert_null(strstr(getenv("PG_TIDE_POSTGRES_URL"), "hunter"));
	assert_true(c.scrubbed);
	assert_int_equal(c.noverrides, 3);
	assert_string_equal(c.overrides[0].value, "postgres://u:hunter1@h");
	assert_string_equal(c.overrides[1].value, kept);
	cmdline_free(&c);
	unsetenv("PG_TIDE_POSTGRES_URL");
}

static void
test_command_line_errors(void **state)
{
	char program[] = "x", bad[] = "--no-such", word[] = "word",
	    set[] = "--set", noeq[] = "name";
	char *one[] = { program, bad, NULL }, *two[] = { program, word, NULL };
	char *three[] = { program, set, noeq, NULL };
	struct cmdline c;

	(void)state;
	assert_int_equal(parse(&c, 2, one), -1);
	assert_int_equal(parse(&c, 2, two), -1);
	assert_int_equal(parse(&c, 3, three), -1);
}

static void
test_masking(void **state)
{
	static const struct { const char *text, *want; } rows[] = {
		{ "postgres://u:pw@h/db", "postgres://u:***@h/db" },
		{ "postgres://u@h/db", "postgres://u@h/db" },
		{ "postgres://h:5432/db", "postgres://h:5432/db" },
		{ "postgres://u:p@w:x@h/db", "postgres://u:***@h/db" },
		{ "postgres://u:p/w@h/db", "postgres://u:***@h/db" },
		{ "postgres://u:${file:/a/b@c}@h",
		    "postgres://u:${file:/a/b@c}@h" },
		{ "postgres://u:x${env:A}@h", "postgres://u:***@h" },
		{ "postgres://h/db?password=pw&sslmode=require",
		    "postgres://h/db?password=***&sslmode=require" },
		{ "host=h password=pw user=u", "host=h password=*** user=u" },
		{ "host=h password = 'p w\\'x' user=u",
		    "host=h password = *** user=u" },
		{ "sslpassword=a password=b", "sslpassword=*** password=***" },
		{ "password=${env:PW}", "password=${env:PW}" },
		{ "host=h passwords", "host=h passwords" },
		{ "", "" }
	};
	char out[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(conf_mask_url(rows[i].text, out,
		    sizeof(out)), rows[i].want);
	assert_string_equal(conf_mask_url("postgres://u:pw@host", out, 8),
	    "postgre");
}

/* Every default is one that its own row accepts. */
static void
test_table(void **state)
{
	struct option_set *s = option_set_new(tided_options, tided_noptions);
	size_t i;

	(void)state;
	assert_non_null(s);
	for (i = 0; i < tided_noptions; i++)
		assert_true(strlen(tided_options[i].name) < 50);
	option_set_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_messages_name_the_line),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_not_trusted),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_scrub),
		cmocka_unit_test(test_command_line_errors),
		cmocka_unit_test(test_masking),
		cmocka_unit_test(test_table)
	};

	return (cmocka_run_group_tests_name("conf", tests, tmpdir_make,
	    tmpdir_remove));
}
