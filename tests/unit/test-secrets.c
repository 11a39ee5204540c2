/* SPDX-License-Identifier: ISC */
/* Rules of references: what is found, what is refused, and which words. */
#include "config.h"

#include <errno.h>
#include <sys/mman.h>

#include "supervisor/beneath.h"
#include "supervisor/digest.h"
#include "supervisor/document.h"
#include "supervisor/envfile.h"
#include "supervisor/handover.h"
#include "supervisor/login.h"
#include "supervisor/options.h"
#include "supervisor/secrets.h"
#include "supervisor/super.h"
#include "tests/unit/tmpdir.h"
#include "tests/unit/unit.h"

static struct option_set *set;
static char err[512];

static void
put(const char *name, const char *value)
{
	if (option_set_put(set, name, value, name, err, sizeof(err)) == -1)
		fail_msg("%s", err);
}

static int
setup(void **state)
{
	if (tmpdir_make(state) == -1 ||
	    mkdir(tmp("secrets"), 0755) == -1 || mkdir(tmp("out"), 0755) == -1)
		return (-1);
	set = option_set_new(tided_options, tided_noptions);
	put("secrets.dirs", tmp("secrets"));
	put("output.dirs", tmp("out"));
	put("files.dirs", tmp("secrets"));
	put("environment_file", tmp("env"));
	put("secrets.env", "ALLOWED_*");
	(void)tmp_write("env", "", 0, 0600);
	return (0);
}

static int
teardown(void **state)
{
	option_set_free(set);
	return (tmpdir_remove(state));
}

static void
found(enum ref_kind kind, const char *name, const char *want)
{
	struct secret s;

	err[0] = '\0';
	if (secret_read(set, kind, name, &s, err, sizeof(err)) == -1)
		fail_msg("%s: %s", name, err);
	assert_string_equal(s.value, want);
	assert_int_equal(s.len, strlen(want));
	secret_wipe(&s);
}

static void
refused(enum ref_kind kind, const char *name, const char *why)
{
	struct secret s;

	err[0] = '\0';
	if (secret_read(set, kind, name, &s, err, sizeof(err)) != -1)
		fail_msg("%s was read", name);
	assert_null(s.value);
	if (strstr(err, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err, why);
}

static void
test_files(void **state)
{
	static char big[65537];

	(void)state;
	found(REF_FILE, tmp_write("secrets/a", " \n pass word\t\n\n", 15,
	    0600), "pass word");
	memset(big, 'x', sizeof(big));
	refused(REF_FILE, tmp_write("secrets/b", big, sizeof(big), 0600),
	    "larger than 65536");
	refused(REF_FILE, tmp_write("secrets/c", " \n", 2, 0600),
	    "is empty");
	refused(REF_FILE, tmp_write("secrets/d", "a\0b", 3, 0600), "NUL");
	refused(REF_FILE, tmp_write("secrets/e", "x", 1, 0602),
	    "writable by group or others");
	refused(REF_FILE, tmp("secrets/none"), "No such file");
	refused(REF_FILE, "/etc/shadow", "none of the directories of "
	    "secrets.dirs");
	refused(REF_FILE, tmp("secrets"), "none of the directories");
	refused(REF_FILE, tmp("secretsx/a"), "none of the directories");
}

static void
test_no_way_out(void **state)
{
	char path[512];

	(void)state;
	(void)tmp_write("outside", "x", 1, 0600);
	(void)snprintf(path, sizeof(path), "%s", tmp("outside"));
	assert_int_equal(symlink(path, tmp("secrets/absolute")), 0);
	assert_int_equal(symlink("../outside", tmp("secrets/up")), 0);
	assert_int_equal(mkfifo(tmp("secrets/fifo"), 0600), 0);
	refused(REF_FILE, tmp("secrets/absolute"), "leads out");
	refused(REF_FILE, tmp("secrets/up"), "leads out");
	refused(REF_FILE, tmp("secrets/../outside"), "leads out");
	refused(REF_FILE, tmp("secrets/fifo"), "not a regular file");
}

/* Kubernetes: key -> ..data/key, ..data -> ..2026_01_01. */
static void
test_kubernetes(void **state)
{
	(void)state;
	assert_int_equal(mkdir(tmp("secrets/..2026"), 0755), 0);
	(void)tmp_write("secrets/..2026/key", "value", 5, 0644);
	assert_int_equal(symlink("..2026", tmp("secrets/..data")), 0);
	assert_int_equal(symlink("..data/key", tmp("secrets/key")), 0);
	found(REF_FILE, tmp("secrets/key"), "value");
}

static void
test_environment(void **state)
{
	static const char file[] = "# comment\n\nPLAIN=a b\n"
	    "QUOTED = \" x \"\nexport EXPORTED='y'\nTWICE=1\nTWICE=2\n"
	    "WITH=equals=inside\nHOME=file wins";

	(void)state;
	(void)tmp_write("env", file, sizeof(file) - 1, 0600);
	found(REF_ENV, "PLAIN", "a b");
	found(REF_ENV, "QUOTED", " x ");
	found(REF_ENV, "EXPORTED", "y");
	found(REF_ENV, "TWICE", "2");
	found(REF_ENV, "WITH", "equals=inside");
	found(REF_ENV, "HOME", "file wins");
	assert_int_equal(setenv("PGTIDE_X", "own", 1), 0);
	assert_int_equal(setenv("ALLOWED_X", "listed", 1), 0);
	assert_int_equal(setenv("FORBIDDEN", "hunter2", 1), 0);
	found(REF_ENV, "PGTIDE_X", "own");
	found(REF_ENV, "ALLOWED_X", "listed");
	refused(REF_ENV, "FORBIDDEN", "\"env = FORBIDDEN\" below [secrets]");
	assert_null(strstr(err, "hunter2"));
	refused(REF_ENV, "ALLOWED_UNSET", "not set");
	(void)tmp_write("env", "GOOD=1\nbad line\n", 16, 0600);
	refused(REF_ENV, "GOOD", "env:2: expected NAME=VALUE");
	assert_int_equal(env_check(set, err, sizeof(err)), -1);
	(void)tmp_write("env", "A=1\n", 4, 0666);
	refused(REF_ENV, "A", "writable by group or others");
	(void)tmp_write("env", "A=1\n", 4, 0600);
	assert_int_equal(env_check(set, err, sizeof(err)), 0);
}

static void
url_is(enum role role, const char *pipeline, const char *want)
{
	struct super super = { .conf = set };
	struct secret s;

	err[0] = '\0';
	if (login_url(&super, role, pipeline, &s, err, sizeof(err)) == -1)
		fail_msg("%s", err);
	assert_string_equal(s.value, want);
	assert_int_equal(s.len, strlen(want));
	secret_wipe(&s);
}

static void
url_refused(const char *option, const char *why)
{
	struct super super = { .conf = set };
	struct secret s;

	if (login_url(&super, ROLE_CATALOG, "", &s, err, sizeof(err)) != -1)
		fail_msg("it was taken");
	assert_null(s.value);
	if (strstr(err, why) == NULL || strncmp(err, option,
	    strlen(option)) != 0)
		fail_msg("\"%s\" does not say \"%s\"", err, why);
}

static void
test_url(void **state)
{
	(void)state;
	put("postgres_url", "host=c");
	url_is(ROLE_WORKER, "p", "host=c");
	put("worker_postgres_url", "host=w");
	url_is(ROLE_WORKER, "p", "host=w");
	url_is(ROLE_CATALOG, "", "host=c");
	put("postgres_url", "postgres://u:${file:/etc/shadow}@h");
	url_refused("postgres_url: ", "secrets.dirs");
	put("postgres_url", "${vault:x}");
	url_refused("postgres_url: ", "it must be ${env:NAME}");
	put("postgres_url_file", tmp_write("url", "host=f\n", 7, 0600));
	url_is(ROLE_CATALOG, "", "host=f");
	url_is(ROLE_WORKER, "p", "host=w");
	(void)tmp_write("url", "host=f\n", 7, 0622);
	url_refused("postgres_url_file: ", "writable by group or others");
}

/* What a value becomes depends on where it stands. */
static void
test_url_places(void **state)
{
	static const char password[] = "p@s/s w'\\%o&r:d=#?%40";
	static const char url[] = "p%40s%2Fs%20w%27%5C%25o%26r%3Ad%3D%23%3F"
	    "%40";
	static const char keyword[] = "p@s/s\\ w\\'\\\\%o&r:d=#?%40";
	static const struct { const char *before, *after, *value; } rows[] = {
		{ "postgres://u:", "@h/db?sslmode=require", url },
		{ "postgresql://", ":x@h,g:1/db", url },
		{ "postgres://u@h/db?a=b&password=", "&c=d", url },
		{ "postgres://u@h/db?", "", password },
		{ "postgres://u@", "/db", password },
		{ "postgres://u@h/", "?a=b", password },
		{ "", "", password },
		{ "host=h password=", " user=u", keyword },
		{ "host = h password = '", "' user=u", keyword },
		{ "host=h application_name=a\\ b", "", keyword },
		{ "host=h ", " user=u", password }
	};
	struct option_set *others = set;
	char text[900], want[900];
	struct super super;
	struct secret s;
	size_t i;

	(void)state;
	(void)tmp_write("secrets/pw", password, strlen(password), 0600);
	memset(&super, 0, sizeof(super));
	set = super.conf = option_set_new(tided_options, tided_noptions);
	put("secrets.dirs", tmp("secrets"));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s${file:%s}%s",
		    rows[i].before, tmp("secrets/pw"), rows[i].after);
		(void)snprintf(want, sizeof(want), "%s%s%s", rows[i].before,
		    rows[i].value, rows[i].after);
		put("postgres_url", text);
		if (login_url(&super, ROLE_CATALOG, "", &s, err,
		    sizeof(err)) == -1)
			fail_msg("%s", err);
		assert_string_equal(s.value, want);
		secret_wipe(&s);
	}
	option_set_free(set);
	set = others;
}

static void
test_outputs(void **state)
{
	struct stat st;
	int fd;

	(void)state;
	fd = beneath_open_append(set, "output.dirs", tmp("out/x.jsonl"), err,
	    sizeof(err));
	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0640U, 0);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_APPEND | O_ACCMODE),
	    O_APPEND | O_WRONLY);
	close(fd);
	assert_int_equal(link(tmp("out/x.jsonl"), tmp("out/y")), 0);
	assert_int_equal(beneath_open_append(set, "output.dirs",
	    tmp("out/y"), err, sizeof(err)), -1);
	assert_non_null(strstr(err, "hard links"));
	assert_int_equal(beneath_open_append(set, "output.dirs",
	    tmp("env"), err, sizeof(err)), -1);
	assert_int_equal(handover_check(set, REF_OUTPUT, "-", false, NULL, err,
	    sizeof(err)), -1);
	assert_non_null(strstr(err, "--foreground"));
	assert_int_equal(handover_check(set, REF_OUTPUT, "-", true, NULL, err,
	    sizeof(err)), 0);
}

static void
test_copies(void **state)
{
	const struct identity self = { .uid = getuid(), .gid = getgid() };
	char buf[16];
	struct stat st;
	int fd, copy;

	(void)state;
	fd = open(tmp_write("secrets/cert", "PEM", 3, 0600), O_RDONLY);
	copy = handover_copy(fd, &self, err, sizeof(err));
	assert_int_not_equal(copy, -1);
	assert_int_equal(pread(copy, buf, sizeof(buf), 0), 3);
	assert_int_equal(pwrite(copy, "x", 1, 0), -1);
	assert_int_equal(fstat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0400);
	close(copy);
	close(fd);
}

static int
memfd(size_t size, int seals)
{
	int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_int_not_equal(fd, -1);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return (fd);
}

#define SEALED	(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK)

static struct document *
document(const char *name, const char *plugin, int fd, uint32_t nrefs)
{
	struct msg_pipeline m;

	memset(&m, 0, sizeof(m));
	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	(void)snprintf(m.plugin, sizeof(m.plugin), "%s", plugin);
	m.fd = fd;
	m.nrefs = nrefs;
	err[0] = '\0';
	return (document_new(&m, err, sizeof(err)));
}

/* The catalog may be taken over: nothing of it is believed. */
static void
test_documents(void **state)
{
	struct msg_pipeline_ref r = { .name = "p", .kind = REF_ENV,
	    .value = "A" };
	struct document *d;

	(void)state;
	assert_null(document("p", "../x", memfd(5, SEALED), 0));
	assert_null(document("p", "", memfd(5, SEALED), 0));
	assert_null(document("", "file", memfd(5, SEALED), 0));
	assert_null(document("--flag", "file", memfd(5, SEALED), 0));
	assert_null(document("a\nb", "file", memfd(5, SEALED), 0));
	assert_null(document("p", "file", memfd(5, F_SEAL_WRITE), 0));
	assert_null(document("p", "file", memfd(5, SEALED & ~F_SEAL_WRITE),
	    0));
	assert_null(document("p", "file", memfd(0, SEALED), 0));
	assert_null(document("p", "file", memfd(MSG_CONFIG_MAX + 1, SEALED),
	    0));
	assert_null(document("p", "file", open("/dev/null", O_RDONLY), 0));
	assert_null(document("p", "file",
	    open(tmp_write("plain", "x", 1, 0600), O_RDONLY), 0));
	assert_null(document("p", "file", memfd(5, SEALED), 257));
	d = document("p", "file", memfd(5, SEALED), 1);
	assert_non_null(d);
	assert_false(document_is_complete(d));
	r.kind = 9;
	assert_int_equal(document_add(d, &r), -1);
	r.kind = REF_ENV;
	r.name[0] = 'q';
	assert_int_equal(document_add(d, &r), -1);
	r.name[0] = 'p';
	assert_int_equal(document_add(d, &r), 0);
	assert_true(document_is_complete(d));
	assert_int_equal(document_add(d, &r), -1);
	document_drop(d);
}

/* The first values of the authors' table: key 00..0f, message 00.. */
static void
test_digest(void **state)
{
	static const uint64_t want[] = { UINT64_C(0x726fdb47dd0e0e31),
	    UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
	    UINT64_C(0x85676696d7fb7e2d) };
	uint8_t key[16], text[16];
	uint8_t i;

	(void)state;
	for (i = 0; i < 16; i++)
		key[i] = text[i] = i;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(digest_siphash(key, text, i) == want[i]);
	assert_true(digest_siphash(key, text, 15) ==
	    UINT64_C(0xa129ca6149be45e5));
	assert_true(digest_add(0, "a", 1) == digest_add(0, "a", 1));
	assert_true(digest_add(0, "a", 1) != digest_add(1, "a", 1));
	assert_true(digest_add(0, "a", 1) != digest_add(0, "b", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_no_way_out),
		cmocka_unit_test(test_kubernetes),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_url_places),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_digest)
	};

	return (cmocka_run_group_tests_name("secrets", tests, setup,
	    teardown));
}
