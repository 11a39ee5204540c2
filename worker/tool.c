/* SPDX-License-Identifier: ISC */
/*
 * Describes plugins and checks documents, in a throw-away sandboxed process.
 */
#include "config.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/messages.h"
#include "worker/lockdown.h"
#include "worker/pipeline.h"
#include "worker/sinkhost.h"
#include "worker/tool.h"

#define EXIT_INVALID	3
#define ERR_SIZE	1024
#define NOBODY		65534

struct tool {
	const char	*describe;
	const char	*validate;
	const char	*print_sandbox;
	const char	*plugin_dir;
	int		 json;
	char		*document;
	size_t		 document_len;
};

bool
tool_wanted(int argc, char **argv)
{
	/* A worker's own arguments begin with its pipeline's name. */
	return (argc > 1 && strncmp(argv[1], "--", 2) == 0 &&
	    strncmp(argv[1], "--log=", 6) != 0);
}

static void __attribute__((__noreturn__))
usage(void)
{
	fprintf(stderr, "usage: pg-tide-worker [--plugin-dir DIR] "
	    "--describe PLUGIN|@pipeline [--json]\n"
	    "       pg-tide-worker [--plugin-dir DIR] --validate FILE\n"
	    "       pg-tide-worker [--plugin-dir DIR] "
	    "--print-sandbox PLUGIN\n");
	exit(EXIT_FAILURE);
}

static void
parse_arguments(struct tool *t, int argc, char **argv)
{
	static const struct option options[] = {
		{ "describe", required_argument, NULL, 'd' },
		{ "validate", required_argument, NULL, 'v' },
		{ "print-sandbox", required_argument, NULL, 's' },
		{ "plugin-dir", required_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	int ch;

	memset(t, 0, sizeof(*t));
	t->plugin_dir = TIDE_PLUGINDIR;
	while ((ch = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (ch) {
		case 'd':
			t->describe = optarg;
			break;
		case 'v':
			t->validate = optarg;
			break;
		case 's':
			t->print_sandbox = optarg;
			break;
		case 'p':
			t->plugin_dir = optarg;
			break;
		case 'j':
			t->json = 1;
			break;
		default:
			usage();
		}
	}
	if (optind != argc || (t->describe != NULL) +
	    (t->validate != NULL) + (t->print_sandbox != NULL) != 1)
		usage();
}

static int
read_document(struct tool *t)
{
	struct stat st;
	ssize_t n;
	int fd, rv = -1;

	if ((fd = open(t->validate, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	if (fstat(fd, &st) == -1)
		goto out;
	errno = EFBIG;
	if (st.st_size > MSG_CONFIG_MAX)
		goto out;
	/* May be a pipe: read up to the limit, whatever its size says. */
	if ((t->document = calloc(1, MSG_CONFIG_MAX + 1)) == NULL)
		goto out;
	while ((n = read(fd, t->document + t->document_len,
	    MSG_CONFIG_MAX - t->document_len)) > 0)
		t->document_len += (size_t)n;
	rv = n == 0 ? 0 : -1;
 out:
	close(fd);
	return (rv);
}

/* Not even a plugin's constructors run as root. */
static int
drop_root(void)
{
	const struct passwd *pw;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	if (geteuid() != 0)
		return (0);
	if ((pw = getpwnam(TIDE_USER)) != NULL && pw->pw_uid != 0) {
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	if (setgroups(0, NULL) == -1 || setresgid(gid, gid, gid) == -1 ||
	    setresuid(uid, uid, uid) == -1)
		return (-1);
	/* And prove it. */
	return (setuid(0) == -1 && geteuid() == uid ? 0 : -1);
}

static const char *
no_setting(void *arg, const char *name)
{
	(void)arg;
	return (strcmp(name, "sandbox") == 0 ? "best-effort" : NULL);
}

static int
plugin_path(const struct tool *t, const char *plugin, char *path,
    size_t size)
{
	char joined[PATH_MAX], *real;
	int n;

	n = strchr(plugin, '/') != NULL ?
	    snprintf(joined, sizeof(joined), "%s", plugin) :
	    snprintf(joined, sizeof(joined), "%s/%s.so", t->plugin_dir,
	    plugin);
	if (n < 0 || (size_t)n >= sizeof(joined)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if ((real = realpath(joined, NULL)) == NULL)
		return (-1);
	n = snprintf(path, size, "%s", real);
	free(real);
	return (n > 0 && (size_t)n < size ? 0 : -1);
}

/* "x" of ".../x.so" */
static void
plugin_name(const char *plugin, char *name, size_t size)
{
	const char *base = strrchr(plugin, '/');
	size_t len;

	(void)snprintf(name, size, "%s", base != NULL ? base + 1 : plugin);
	len = strlen(name);
	if (len > 3 && strcmp(name + len - 3, ".so") == 0)
		name[len - 3] = '\0';
}

static struct sinkhost *
load(const struct tool *t, const char *plugin, struct lockdown *lockdown)
{
	char path[1024], name[MSG_NAME_MAX], err[ERR_SIZE];
	struct sinkhost *sink = NULL;

	if (plugin_path(t, plugin, path, sizeof(path)) == -1) {
		fprintf(stderr, "%s: no such plugin in %s: %s\n", plugin,
		    t->plugin_dir, strerror(errno));
		return (NULL);
	}
	plugin_name(plugin, name, sizeof(name));
	if (lockdown_init(lockdown, path, no_setting, NULL, err,
	    sizeof(err)) == -1 ||
	    lockdown_stage1(lockdown, false, false, err, sizeof(err)) == -1
	    || (sink = sinkhost_load(path, name, err, sizeof(err))) == NULL)
		fprintf(stderr, "%s\n", err);
	return (sink);
}

static int
print_sandbox(const struct tool *t)
{
	struct lockdown lockdown;
	struct sinkhost *sink;
	int rc;

	if ((sink = load(t, t->print_sandbox, &lockdown)) == NULL)
		return (EXIT_INVALID);
	rc = lockdown_print(&lockdown, sinkhost_plugin(sink)->needs,
	    STDOUT_FILENO);
	sinkhost_free(sink);
	if (rc == 0)
		return (EXIT_SUCCESS);
	perror("the sandbox cannot be printed");
	return (EXIT_FAILURE);
}

static int
describe(const struct tool *t)
{
	struct lockdown lockdown;
	struct sinkhost *sink;
	int rc;

	if (strcmp(t->describe, "@pipeline") == 0)
		rc = pipeline_describe(stdout, t->json);
	else if ((sink = load(t, t->describe, &lockdown)) == NULL)
		return (EXIT_INVALID);
	else {
		rc = sinkhost_describe(sink, stdout, t->json);
		sinkhost_free(sink);
	}
	if (rc == -1 || fflush(stdout) == EOF) {
		perror("stdout");
		return (EXIT_FAILURE);
	}
	return (EXIT_SUCCESS);
}

static int
validate(struct tool *t)
{
	struct lockdown lockdown;
	struct pipeline pipeline;
	struct sinkhost *sink;
	char err[ERR_SIZE];
	int status = EXIT_INVALID;

	if (pipeline_parse(&pipeline, t->document, t->document_len, err,
	    sizeof(err)) == -1) {
		fprintf(stderr, "%s: %s\n", t->validate, err);
		return (EXIT_INVALID);
	}
	if (strchr(pipeline.sink_type, '/') != NULL)
		fprintf(stderr, "%s: sink_type: bad name\n", t->validate);
	else if ((sink = load(t, pipeline.sink_type, &lockdown)) != NULL) {
		if (sinkhost_configure(sink, pipeline.sink, err,
		    sizeof(err)) == -1)
			fprintf(stderr, "%s: %s\n", t->validate, err);
		else
			status = EXIT_SUCCESS;
		sinkhost_free(sink);
	}
	pipeline_free(&pipeline);
	return (status);
}

int
tool_main(int argc, char **argv)
{
	struct tool t;
	int status;

	log_init("pg-tide-worker", STDERR_FILENO, LOG_FMT_TEXT, LOG_LVL_WARN);
	parse_arguments(&t, argc, argv);
	/* The last thing that is read with the caller's rights. */
	if (t.validate != NULL && read_document(&t) == -1) {
		perror(t.validate);
		return (EXIT_FAILURE);
	}
	if (drop_root() == -1) {
		perror("cannot give up root");
		return (EXIT_FAILURE);
	}
	if (t.validate != NULL)
		status = validate(&t);
	else if (t.describe != NULL)
		status = describe(&t);
	else
		status = print_sandbox(&t);
	free(t.document);
	return (status);
}
