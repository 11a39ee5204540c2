/* SPDX-License-Identifier: ISC */
/* Checks before the start, and those of --check-config. */
#include "config.h"

#include "supervisor/checkup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/bindings.h"
#include "supervisor/envfile.h"
#include "supervisor/login.h"
#include "supervisor/pgurl.h"
#include "supervisor/spawn.h"
#include "supervisor/super.h"
#include "supervisor/trust.h"

#define ERRSIZE		512

static int
verified(const char *path, char *err, size_t errsize)
{
	int fd;

	if ((fd = spawn_open_verified(path, err, errsize)) == -1)
		return (-1);
	close(fd);
	return (0);
}

/* A broken installation is better told now than once a minute. */
static int
programs_check(const struct option_set *conf, char *err, size_t errsize)
{
	static const enum role roles[] = { ROLE_CATALOG, ROLE_CONTROL,
	    ROLE_RESOLVER, ROLE_WORKER };
	char path[4096];
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/pg-tide-%s",
		    option_str(conf, "libexec_dir"), role_name(roles[i]));
		if (verified(path, err, errsize) == -1)
			return (-1);
	}
	return (0);
}

static int
plugin_dir_check(const struct option_set *conf, char *err, size_t errsize)
{
	const char *dir = option_str(conf, "plugin_dir");
	char why[128];
	int fd, ret;

	if ((fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1) {
		(void)snprintf(err, errsize, "plugin_dir %s: %s", dir,
		    strerror(errno));
		return (-1);
	}
	if ((ret = trust_check_dir(fd, why, sizeof(why))) == -1)
		(void)snprintf(err, errsize, "plugin_dir %s: %s", dir, why);
	close(fd);
	return (ret);
}

int
checkup_start(struct super *s)
{
	static int (*const checks[])(const struct option_set *, char *,
	    size_t) = {
		listeners_check, env_check, programs_check, plugin_dir_check
	};
	char err[ERRSIZE];
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (checks[i](s->conf, err, sizeof(err)) == 0)
			continue;
		log_errorx("%s", err);
		ret = -1;
	}
	if (identity_find(&s->who, option_str(s->conf, "user"), err,
	    sizeof(err)) == 0)
		return (ret);
	log_errorx("%s", err);
	return (-1);
}

static int
any_parameter(const char *key, const char *value, void *arg)
{
	(void)key;
	(void)value;
	(void)arg;
	return (0);
}

/* The value is never shown. */
static int
login_check(const struct super *s, enum role role, const char *pipeline)
{
	char err[ERRSIZE];
	struct secret url;
	int ret;

	if (login_url(s, role, pipeline, &url, err, sizeof(err)) == -1) {
		log_errorx("%s%s%s", pipeline, *pipeline != '\0' ? ": " : "",
		    err);
		return (-1);
	}
	if ((ret = pgurl_scan(url.value, any_parameter, NULL)) == -1)
		log_errorx("%s%s%s: the connection string is neither a URL nor"
		    " a list of keywords", role_name(role),
		    *pipeline != '\0' ? " of " : "", pipeline);
	secret_wipe(&url);
	return (ret);
}

struct visit {
	const struct super *super;
	int		 ret;
};

static int
binding_check(const char *pipeline, const struct option_set *set,
    const struct option_def *def, void *arg)
{
	struct visit *v = arg;

	(void)set;
	if (strcmp(def->name, "postgres_url") == 0 &&
	    login_check(v->super, ROLE_WORKER, pipeline) == -1)
		v->ret = -1;
	return (0);
}

/* What is in the directory and is no plugin is of no interest. */
static int
plugins_check(const struct option_set *conf)
{
	const char *dir = option_str(conf, "plugin_dir"), *dot;
	char path[4096], err[ERRSIZE];
	struct dirent *e;
	int ret = 0;
	DIR *d;

	if ((d = opendir(dir)) == NULL) {
		log_error("plugin_dir %s", dir);
		return (-1);
	}
	while ((e = readdir(d)) != NULL) {
		dot = strrchr(e->d_name, '.');
		if (dot == NULL || strcmp(dot, ".so") != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (verified(path, err, sizeof(err)) == 0)
			continue;
		log_errorx("%s", err);
		ret = -1;
	}
	closedir(d);
	return (ret);
}

int
checkup_rest(const struct super *s)
{
	struct visit v = { .super = s };

	if (login_check(s, ROLE_CATALOG, "") == -1)
		v.ret = -1;
	if (option_str(s->conf, "worker_postgres_url") != NULL &&
	    login_check(s, ROLE_WORKER, "") == -1)
		v.ret = -1;
	(void)bindings_each(s->bindings, binding_check, &v);
	if (plugins_check(s->conf) == -1)
		v.ret = -1;
	return (v.ret);
}
