/* SPDX-License-Identifier: ISC */
/*
 * A private PostgreSQL server for a test.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/pgserver.h"

#define DEADLINE_S	60

struct pgserver {
	char	dir[64];
	char	data[80];
	char	bindir[256];
	char	url[128];
	int	port;
	pid_t	pid;		/* 0: not running */
	uid_t	uid;
	gid_t	gid;
};

int
free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd, port = -1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		return (-1);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&sin, &len) == 0)
		port = ntohs(sin.sin_port);
	close(fd);
	return (port);
}

static int
bindir_find(struct pgserver *pg)
{
	const char *dir = getenv("PG_BINDIR");
	glob_t g;
	size_t i;

	if (dir != NULL) {
		snprintf(pg->bindir, sizeof(pg->bindir), "%s", dir);
		return (0);
	}
	if (glob("/usr/lib/postgresql/[0-9]*/bin", 0, NULL, &g) != 0)
		return (-1);
	for (i = 0; i < g.gl_pathc; i++)
		snprintf(pg->bindir, sizeof(pg->bindir), "%s",
		    g.gl_pathv[i]);
	globfree(&g);
	return (0);
}

/*
 * The child never returns from here.  Servers look for their other programs
 * beside argv[0].
 */
static void
server_exec(const struct pgserver *pg, char *argv[])
{
	char path[320], log[96];
	int fd;

	snprintf(log, sizeof(log), "%s/log", pg->dir);
	snprintf(path, sizeof(path), "%s/%s", pg->bindir, argv[0]);
	argv[0] = path;
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
	if (fd == -1 || dup2(fd, 1) == -1 || dup2(fd, 2) == -1)
		_exit(126);
	if (geteuid() == 0 && (setgid(pg->gid) == -1 ||
	    setuid(pg->uid) == -1))
		_exit(126);
	/* A test that is killed leaves no server behind. */
	if (chdir(pg->dir) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGQUIT, 0, 0, 0) == -1)
		_exit(126);
	execv(path, argv);
	_exit(127);
}

static pid_t
server_spawn(const struct pgserver *pg, char *argv[])
{
	pid_t pid = fork();

	if (pid == 0)
		server_exec(pg, argv);
	return (pid);
}

static int
file_write(const char *dir, const char *name, const char *mode,
    const char *text)
{
	char path[320];
	FILE *fp;
	int ok;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fp = fopen(path, mode)) == NULL)
		return (-1);
	ok = fputs(text, fp) >= 0;
	return (fclose(fp) == 0 && ok ? 0 : -1);
}

int
pgserver_set(struct pgserver *pg, const char *line)
{
	char text[1024];
	int len;

	len = snprintf(text, sizeof(text), "%s\n", line);
	if (len < 0 || (size_t)len >= sizeof(text))
		return (-1);
	return (file_write(pg->data, "postgresql.conf", "a", text));
}

static int
cluster_init(struct pgserver *pg, const char *hba)
{
	char data[sizeof(pg->data)], text[512];
	char *argv[] = { (char []){"initdb"}, (char []){"-D"}, data,
	    (char []){"-A"}, (char []){"trust"}, (char []){"-U"},
	    (char []){"postgres"}, (char []){"-E"}, (char []){"UTF8"},
	    (char []){"--no-locale"}, (char []){"--no-sync"}, NULL };
	int status;
	pid_t pid;

	memcpy(data, pg->data, sizeof(data));
	pid = server_spawn(pg, argv);
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status != 0)
		return (-1);
	snprintf(text, sizeof(text), "listen_addresses = '127.0.0.1'\n"
	    "port = %d\nunix_socket_directories = '%s'\nfsync = off\n"
	    "shared_buffers = 16MB\nmax_connections = 20\n", pg->port,
	    pg->dir);
	if (pgserver_set(pg, text) == -1)
		return (-1);
	return (hba == NULL ? 0 :
	    file_write(pg->data, "pg_hba.conf", "w", hba));
}

static int
user_find(struct pgserver *pg)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return (0);
	if ((pw = getpwnam("postgres")) == NULL)
		return (-1);
	pg->uid = pw->pw_uid;
	pg->gid = pw->pw_gid;
	return (chown(pg->dir, pg->uid, pg->gid));
}

struct pgserver *
pgserver_new(const char *hba, const char **why)
{
	struct pgserver *pg = calloc(1, sizeof(*pg));

	*why = "no PostgreSQL server below /usr/lib/postgresql; "
	    "set PG_BINDIR";
	if (pg == NULL || bindir_find(pg) == -1)
		goto fail;
	*why = "the user postgres is missing";
	snprintf(pg->dir, sizeof(pg->dir), "/tmp/tide-pg-XXXXXX");
	if (mkdtemp(pg->dir) == NULL || user_find(pg) == -1)
		goto fail;
	chmod(pg->dir, 0755);
	snprintf(pg->data, sizeof(pg->data), "%s/data", pg->dir);
	pg->port = free_port();
	snprintf(pg->url, sizeof(pg->url),
	    "postgres://postgres@127.0.0.1:%d/postgres", pg->port);
	*why = "initdb or the server failed";
	if (cluster_init(pg, hba) == -1 || pgserver_start(pg) == -1)
		goto fail;
	return (pg);
fail:
	pgserver_free(pg);
	return (NULL);
}

PGconn *
pgserver_connect(const struct pgserver *pg)
{
	char info[256];

	/* Over the socket: pg_hba.conf may be strict about TCP. */
	snprintf(info, sizeof(info), "host=%s port=%d user=postgres "
	    "dbname=postgres", pg->dir, pg->port);
	return (PQconnectdb(info));
}

static int
server_wait(const struct pgserver *pg)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	time_t deadline = time(NULL) + DEADLINE_S;
	PGconn *conn;
	int ok = 0;

	while (!ok && time(NULL) < deadline) {
		conn = pgserver_connect(pg);
		ok = PQstatus(conn) == CONNECTION_OK;
		PQfinish(conn);
		if (!ok)
			nanosleep(&pause, NULL);
	}
	return (ok ? 0 : -1);
}

int
pgserver_start(struct pgserver *pg)
{
	char data[sizeof(pg->data)];
	char *argv[] = { (char []){"postgres"}, (char []){"-D"}, data, NULL };

	memcpy(data, pg->data, sizeof(data));
	if ((pg->pid = server_spawn(pg, argv)) == -1)
		return (-1);
	return (server_wait(pg));
}

/* SIGQUIT is what pg_ctl stop -m immediate sends. */
int
pgserver_kill(struct pgserver *pg)
{
	int status;

	if (pg->pid <= 0 || kill(pg->pid, SIGQUIT) == -1 ||
	    waitpid(pg->pid, &status, 0) != pg->pid)
		return (-1);
	pg->pid = 0;
	return (0);
}

void
pgserver_free(struct pgserver *pg)
{
	char dir[sizeof(pg->dir)];
	int status;
	pid_t pid = -1;

	if (pg == NULL)
		return;
	if (pg->pid > 0)
		pgserver_kill(pg);
	memcpy(dir, pg->dir, sizeof(dir));
	if (*dir != '\0' && (pid = fork()) == 0) {
		execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	free(pg);
}

int
pgserver_port(const struct pgserver *pg)
{
	return (pg->port);
}

const char *
pgserver_dir(const struct pgserver *pg)
{
	return (pg->dir);
}

const char *
pgserver_url(const struct pgserver *pg)
{
	return (pg->url);
}

char *
pgserver_value(const struct pgserver *pg, const char *sql)
{
	PGconn *conn = pgserver_connect(pg);
	PGresult *res = PQexec(conn, sql);
	char *value = NULL;

	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) > 0 &&
	    PQnfields(res) > 0)
		value = strdup(PQgetvalue(res, 0, 0));
	else if (PQresultStatus(res) == PGRES_FATAL_ERROR)
		fprintf(stderr, "# %s", PQerrorMessage(conn));
	PQclear(res);
	PQfinish(conn);
	return (value);
}

int
pgserver_sql(const struct pgserver *pg, const char *sql)
{
	PGconn *conn = pgserver_connect(pg);
	PGresult *res = PQexec(conn, sql);
	int ok = PQresultStatus(res) == PGRES_COMMAND_OK ||
	    PQresultStatus(res) == PGRES_TUPLES_OK;

	if (!ok)
		fprintf(stderr, "# %s", PQerrorMessage(conn));
	PQclear(res);
	PQfinish(conn);
	return (ok ? 0 : -1);
}
