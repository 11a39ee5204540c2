/* SPDX-License-Identifier: ISC */
/*
 * Connecting: every way to name a host, every way to fail, standbys, TLS
 * with files that come as descriptors.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/pgharness.h"

static const char hba[] =
    "local all all trust\n"
    "hostssl all tls_user 127.0.0.1/32 trust\n"
    "hostnossl all tls_user 127.0.0.1/32 reject\n"
    "host all scram_user 127.0.0.1/32 scram-sha-256\n"
    "host all all 127.0.0.1/32 trust\n";

/* Every way to name a host gets through. */
static void
test_addresses(void **state)
{
	static const char *const forms[][2] = {
		{ "postgresql://postgres@127.0.0.1:", "/postgres" },
		{ "postgres://postgres@127.0.0.1:1,127.0.0.1:", "/postgres" },
		{ "host=127.0.0.1,127.0.0.1 port=1,", " user=postgres" },
		{ "hostaddr=127.0.0.1 port=", " user=postgres" },
		{ "host=name.invalid hostaddr=127.0.0.1 port=",
		    " user=postgres" },
		{ "host=db.test port=",
		    " user=postgres sslmode=disable" },
		{ "host=gone.test,db.test port=",
		    " user=postgres sslmode=prefer" }
	};
	struct pg_session *s;
	char info[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		snprintf(info, sizeof(info), "%s%d%s", forms[i][0],
		    pgserver_port(pg), forms[i][1]);
		s = session(info, 0);
		run_until(&seen.up, 1);
		ask(s, "SELECT current_user");
		assert_string_equal(seen.value, "postgres");
		pg_session_close(s);
	}
	snprintf(info, sizeof(info), "host=%s port=%d user=postgres",
	    pgserver_dir(pg), pgserver_port(pg));
	s = session(info, 0);
	run_until(&seen.up, 1);
	pg_session_close(s);
}

/* A listener that never answers, on a port that is returned. */
static int
silent_listener(int *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return (fd);
}

static void
test_silent(void **state)
{
	struct pg_session *s;
	char info[256];
	int fd, port;

	(void)state;
	fd = silent_listener(&port);
	snprintf(info, sizeof(info), "host=127.0.0.1,127.0.0.1 port=%d,%d "
	    "user=postgres", port, pgserver_port(pg));
	s = session(info, 200000);
	run_until(&seen.up, 1);
	pg_session_close(s);

	snprintf(info, sizeof(info), "host=127.0.0.1 port=%d user=postgres "
	    "connect_timeout=1", port);
	s = session(info, 0);
	run_until(&seen.failed, 1);
	assert_non_null(strstr(seen.text, "no answer in time"));
	pg_session_close(s);
	close(fd);

	s = session("host=silent.test user=postgres", 100000);
	run_until(&seen.failed, 1);
	assert_non_null(strstr(seen.text, "look-up did not end"));
	pg_session_close(s);

	lookups_cancelled = 0;
	s = session("host=silent.test user=postgres", 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	pg_session_close(s);
	assert_int_equal(lookups_cancelled, 1);
}

static void
test_refused(void **state)
{
	struct pg_session *s;
	char info[256];

	(void)state;
	snprintf(info, sizeof(info), "host=127.0.0.1,127.0.0.1 port=%d "
	    "user=scram_user password=hunter2wrong", pgserver_port(pg));
	s = session(info, 0);
	run_until(&seen.failed, 1);
	assert_string_equal(pg_session_sqlstate(s), "28P01");
	assert_null(strstr(seen.text, "hunter2"));
	assert_null(strstr(seen.text, "LOCATION"));
	/* said once: the second host was not asked */
	assert_null(strstr(strstr(seen.text, "28P01") + 1, "28P01"));
	pg_session_close(s);

	snprintf(info, sizeof(info), "host=127.0.0.1 port=%d user=scram_user "
	    "password=right dbname=nowhere", pgserver_port(pg));
	s = session(info, 0);
	run_until(&seen.failed, 1);
	assert_string_equal(pg_session_sqlstate(s), "3D000");
	pg_session_close(s);

	s = session("host=127.0.0.1 port=1 user=a", 0);
	seen.close = true;
	run_until(&seen.failed, 1);
	assert_non_null(strstr(seen.text, "127.0.0.1:1"));

	s = session("host=gone.test user=a", 0);
	run_until(&seen.failed, 1);
	assert_non_null(strstr(seen.text, "no such name"));
	pg_session_close(s);
}

static void
test_standby(void **state)
{
	struct pg_session_opts opts = { .primary = true,
	    .conninfo = pgserver_url(pg) };
	char path[128];
	struct pg_session *s;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/data/standby.signal",
	    pgserver_dir(pg));
	assert_int_equal(pgserver_kill(pg), 0);
	fd = open(path, O_WRONLY | O_CREAT, 0666);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(pgserver_start(pg), 0);
	memset(&seen, 0, sizeof(seen));
	s = pg_session_open(base, &opts, on_session, NULL);
	run_until(&seen.failed, 1);
	assert_non_null(strstr(seen.text, "standby"));
	pg_session_close(s);
	s = session_up();		/* who does not mind may read */
	pg_session_close(s);
	assert_int_equal(pgserver_kill(pg), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(pgserver_start(pg), 0);
}

static int
run(const char *cmd)
{
	int status = system(cmd);

	return (WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1);
}

/* A fresh copy of a file, as the supervisor hands it over. */
static int
memfd_of(const char *path)
{
	int from = open(path, O_RDONLY), to = memfd_create("file", 0);
	char buf[8192];
	ssize_t n;

	assert_int_not_equal(from, -1);
	assert_int_not_equal(to, -1);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, (size_t)n), n);
	close(from);
	return (to);
}

static int
file_fd(const char *path, void *arg)
{
	return (strcmp(path, "/etc/given.pem") == 0 ? *(int *)arg : -1);
}

static void
tls_try(const char *mode, const char *root, int fd, bool ok)
{
	char info[256];
	struct pg_session_opts opts = { .conninfo = info, .file = file_fd,
	    .file_arg = &fd };
	struct pg_session *s;

	snprintf(info, sizeof(info), "host=localhost hostaddr=127.0.0.1 "
	    "port=%d user=tls_user dbname=postgres sslmode=%s %s%s",
	    pgserver_port(pg), mode, *root != '\0' ? "sslrootcert=" : "",
	    root);
	memset(&seen, 0, sizeof(seen));
	s = pg_session_open(base, &opts, on_session, NULL);
	run_until(ok ? &seen.up : &seen.failed, 1);
	if (ok) {
		ask(s, "SELECT ssl FROM pg_stat_ssl WHERE "
		    "pid = pg_backend_pid()");
		assert_string_equal(seen.value, "t");
	}
	pg_session_close(s);
}

static void
test_tls(void **state)
{
	char cmd[1024], path[128];
	const char *dir = pgserver_dir(pg);
	int fd;

	(void)state;
	snprintf(cmd, sizeof(cmd), "cd %s/data && openssl req -x509 -newkey "
	    "ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
	    "/CN=localhost -addext subjectAltName=DNS:localhost "
	    "-keyout server.key -out server.crt 2>/dev/null && chmod 600 "
	    "server.key && { test $(id -u) != 0 || chown postgres server.*; }",
	    dir);
	if (run(cmd) == -1)
		skip();
	assert_int_equal(pgserver_kill(pg), 0);
	assert_int_equal(pgserver_set(pg, "ssl = on"), 0);
	assert_int_equal(pgserver_start(pg), 0);
	snprintf(path, sizeof(path), "%s/data/server.crt", dir);
	fd = memfd_of(path);
	tls_try("require", "", fd, true);
	tls_try("prefer", "", fd, true);
	tls_try("verify-full", "/etc/given.pem", fd, true);
	tls_try("verify-full", "/etc/given.pem", fd, true);	/* again */
	tls_try("verify-full", "", fd, false);
	tls_try("disable", "", fd, false);
	tls_try("verify-full", "/etc/other.pem", fd, false);
	assert_non_null(strstr(seen.text, "/etc/other.pem"));
	close(fd);
}

static int
setup(void **state)
{
	(void)state;
	if (harness_up(hba) == -1)
		return (-1);
	return (pgserver_sql(pg, "CREATE ROLE tls_user LOGIN; "
	    "CREATE ROLE scram_user LOGIN PASSWORD 'right'"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_standby),
		cmocka_unit_test(test_tls)
	};

	return (cmocka_run_group_tests_name("pgconnect", tests, setup,
	    harness_down));
}
