/* SPDX-License-Identifier: ISC */
/*
 * Policy of the worker's three stages, and the warming up before them.
 */
#include "config.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <tide/sink.h>

#include "common/log.h"
#include "worker/lockdown.h"

/*
 * What dlopen() and the libraries' own preparations read.  No /etc as a
 * whole, no /proc, no home.
 */
static const char *const library_dirs[] = {
	"/lib", "/lib64", "/lib32", "/usr/lib", "/usr/lib64", "/usr/lib32",
	"/usr/local/lib", "/usr/local/lib64", "/etc/ld.so.cache",
	/* Trust anchors and settings of TLS libraries: public. */
	"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf",
	"/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
	"/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	"/usr/share/zoneinfo", "/etc/localtime"
};

static int
set_plugin_dir(struct lockdown *l, const char *path, char *err,
    size_t errsize)
{
	const char *slash = strrchr(path, '/');
	size_t len;

	if (*path != '/' || slash == path) {
		snprintf(err, errsize, "%s is not an absolute path below a "
		    "directory", path);
		return (-1);
	}
	len = (size_t)(slash - path);
	if (len >= sizeof(l->plugin_dir)) {
		snprintf(err, errsize, "%s is too long", path);
		return (-1);
	}
	memcpy(l->plugin_dir, path, len);
	l->plugin_dir[len] = '\0';
	return (0);
}

static int
bad_setting(const char *name, const char *text, char *err, size_t errsize)
{
	snprintf(err, errsize, "setting %s: bad value \"%.32s\"", name, text);
	return (-1);
}

static int
required_net_parse(const char *text, int *out)
{
	static const char *const words[] = { "no", "yes", "auto" };
	int i;

	for (i = 0; i < 3; i++)
		if (strcmp(words[i], text) == 0) {
			*out = i;
			return (0);
		}
	return (-1);
}

static int
read_settings(struct lockdown *l, lockdown_setting_fn get, void *arg,
    char *err, size_t errsize)
{
	const char *text;

	l->policy.required_net = 2;
	if ((text = get(arg, "sandbox")) != NULL &&
	    sandbox_mode_parse(text, &l->policy.mode) == -1)
		return (bad_setting("sandbox", text, err, errsize));
	if ((text = get(arg, "sandbox_action")) != NULL &&
	    sandbox_action_parse(text, &l->policy.action) == -1)
		return (bad_setting("sandbox_action", text, err, errsize));
	if ((text = get(arg, "required_net")) != NULL &&
	    required_net_parse(text, &l->policy.required_net) == -1)
		return (bad_setting("required_net", text, err, errsize));
	return (0);
}

int
lockdown_init(struct lockdown *l, const char *plugin_path,
    lockdown_setting_fn get, void *arg, char *err, size_t errsize)
{
	const size_t n = sizeof(library_dirs) / sizeof(library_dirs[0]);

	_Static_assert(sizeof(library_dirs) / sizeof(library_dirs[0]) <
	    LOCKDOWN_DIRS, "no room for the plugin's directory");
	memset(l, 0, sizeof(*l));
	if (read_settings(l, get, arg, err, errsize) == -1 ||
	    set_plugin_dir(l, plugin_path, err, errsize) == -1)
		return (-1);
	memcpy(l->dirs, library_dirs, sizeof(library_dirs));
	l->dirs[n] = l->plugin_dir;
	l->policy.read_dirs = l->dirs;
	l->policy.nread_dirs = n + 1;
	l->policy.ports = l->ports;
	return (0);
}

int
lockdown_stage1(struct lockdown *l, bool pgunix, bool pgfiles, char *err,
    size_t errsize)
{
	l->policy.needs = SANDBOX_TCP | SANDBOX_THREADS;
	if (pgunix)
		l->policy.needs |= SANDBOX_UNIX;
	/* No path is listed: Landlock lets memfds through, and them alone. */
	if (pgfiles)
		l->policy.needs |= SANDBOX_FILES;
	return (sandbox_stage1(&l->policy, &l->report, err, errsize));
}

/* TCP stays: the database. */
static void
narrow(struct lockdown *l, uint64_t needs)
{
	if ((needs & PGTIDE_NEED_THREADS) == 0)
		l->policy.needs &= ~SANDBOX_THREADS;
}

int
lockdown_stage2(struct lockdown *l, uint64_t needs, char *err, size_t errsize)
{
	narrow(l, needs);
	if ((needs & PGTIDE_NEED_UNIX) != 0 &&
	    (l->policy.needs & SANDBOX_UNIX) == 0 &&
	    l->policy.mode != SANDBOX_OFF) {
		snprintf(err, errsize, "the plugin needs AF_UNIX sockets, "
		    "which open every local daemon to it: they are allowed "
		    "only where the database is one, too");
		return (-1);
	}
	return (sandbox_stage2(&l->policy, &l->report, err, errsize));
}

int
lockdown_print(struct lockdown *l, uint64_t needs, int fd)
{
	narrow(l, needs);
	return (sandbox_print(&l->policy, fd));
}

int
lockdown_stage3(struct lockdown *l, char *err, size_t errsize)
{
	return (sandbox_stage3(&l->policy, &l->report, err, errsize));
}

static void *
throw_away(void *arg)
{
	/* Not a return: this loads libgcc_s, which unwinds the thread. */
	pthread_exit(arg);
}

static void
warm_up_threads(void)
{
	/* ThreadSanitizer keeps a thread of its own from the first one on. */
#if !defined(__SANITIZE_THREAD__)
	pthread_t thread;
	int error;

	error = pthread_create(&thread, NULL, throw_away, NULL);
	if (error == 0)
		error = pthread_join(thread, NULL);
	if (error != 0)
		log_warnx("no thread to warm up with: %s", strerror(error));
#else
	(void)throw_away;
#endif
}

void
lockdown_warm_up(void)
{
	unsigned char byte;

	warm_up_threads();
	/* Reads openssl.cnf and seeds, once for libpq and the plugin. */
	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1 ||
	    RAND_bytes(&byte, 1) != 1)
		log_warnx("OpenSSL could not be prepared");
	tzset();
}
