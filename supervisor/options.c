/* SPDX-License-Identifier: ISC */
/* The table of pg-tided's options. */
#include "supervisor/options.h"

#include "supervisor/bindings.h"

#define STR	OPTION_STRING
#define DIRS	OPTION_FILE, OPTION_LIST | OPTION_RELOAD
#define SECOND	INT64_C(1000000)
#define NONE	0, 0, NULL

const struct option_def tided_options[] = {
	{ "postgres_url", STR, OPTION_MASK | OPTION_RELOAD, NULL, NONE,
	    "Database that holds the pipelines and outboxes, as a URL or"
	    " keywords; may hold ${file:...} and ${env:...}" },
	{ "postgres_url_file", OPTION_FILE, OPTION_RELOAD, NULL, NONE,
	    "File that holds the value of postgres_url" },
	{ "worker_postgres_url", STR, OPTION_MASK | OPTION_RELOAD, NULL, NONE,
	    "Database login of the workers, when it is another one" },
	{ "relay_group_id", STR, 0, "default", NONE,
	    "Group of instances that share the pipelines" },
	{ "metrics_addr", STR, 0, "127.0.0.1:9090", NONE,
	    "Address and port of metrics and health; \"off\" for none" },
	{ "control_socket", OPTION_FILE, 0, TIDE_RUNDIR "/control.sock", NONE,
	    "Socket that pg-tidectl speaks to" },
	{ "control_mode", STR, 0, "0660", NONE,
	    "Permissions of the control socket, octal" },
	{ "control_group", STR, 0, NULL, NONE,
	    "Group that owns the control socket" },
	{ "pid_file", OPTION_FILE, 0, TIDE_RUNDIR "/pg-tided.pid", NONE,
	    "File with the process id; it is locked while pg-tided runs" },
	{ "user", STR, 0, TIDE_USER, NONE,
	    "Unprivileged user that the children run as, when started by"
	    " root" },
	{ "log_target", OPTION_ENUM, 0, "stderr", 0, 0, "stderr|syslog",
	    "Where log lines go; syslog unless set when not in foreground" },
	{ "log_format", OPTION_ENUM, 0, "text", 0, 0, "text|json",
	    "Shape of log lines on stderr" },
	{ "log_level", OPTION_ENUM, OPTION_RELOAD, "info", 0, 0,
	    "error|warn|info|debug", "Least important lines that are logged" },
	{ "drain_timeout", OPTION_DURATION, OPTION_RELOAD, "30s", 0,
	    3600 * SECOND, NULL,
	    "Time for a worker to finish what is in flight before it ends" },
	{ "max_pipelines", OPTION_INT, OPTION_RELOAD, "50", 1, 10000, NULL,
	    "Most pipelines that this instance runs" },
	{ "sandbox", OPTION_ENUM, OPTION_RELOAD, "required", 0, 0,
	    "required|best-effort|off",
	    "What happens when the kernel cannot lock a process down" },
	{ "sandbox_action", OPTION_ENUM, OPTION_RELOAD, "kill", 0, 0,
	    "kill|trap|log", "What a forbidden system call does" },
	{ "required_net", OPTION_ENUM, OPTION_RELOAD, "auto", 0, 0,
	    "auto|yes|no", "Refuse kernels that cannot restrict TCP ports" },
	{ "allow_sandbox_off_as_root", OPTION_BOOL, OPTION_ADVANCED, "no",
	    NONE, "Second switch that sandbox = off needs under root" },
	{ "environment_file", OPTION_FILE, OPTION_RELOAD, TIDE_CONFDIR "/env",
	    NONE, "File of NAME=VALUE lines that ${env:NAME} may name" },
	{ "secrets.dirs", DIRS, TIDE_CONFDIR "/secrets,/run/secrets", NONE,
	    "Directories that ${file:/path} may name files in" },
	{ "secrets.env", STR, OPTION_LIST | OPTION_RELOAD, NULL, NONE,
	    "Names or patterns of pg-tided's own environment that ${env:NAME}"
	    " may name, besides PGTIDE_*" },
	{ "files.dirs", DIRS, TIDE_CONFDIR "/certs,/etc/ssl/certs", NONE,
	    "Directories that pipelines may read certificates and the like"
	    " from" },
	{ "output.dirs", DIRS, "/var/lib/pg-tide/out", NONE,
	    "Directories that file sinks may append to" },
	{ "plugin_dir", OPTION_FILE, OPTION_RELOAD | OPTION_ADVANCED,
	    TIDE_PLUGINDIR, NONE, "Directory that sink plugins come from" },
	{ "libexec_dir", OPTION_FILE, OPTION_RELOAD | OPTION_ADVANCED,
	    TIDE_LIBEXECDIR, NONE, "Directory of the child programs" }
};

const size_t tided_noptions = sizeof(tided_options) / sizeof(tided_options[0]);

static void
list(FILE *out, const struct option_def *o, size_t n, const char *prefix)
{
	char what[256];

	for (; n > 0; o++, n--) {
		fprintf(out, "%s%s\t%s\t%s\t%s\n", prefix, o->name,
		    option_describe(o, what, sizeof(what)),
		    o->dflt != NULL ? o->dflt : "-",
		    (o->flags & OPTION_RELOAD) != 0 ? "reload" : "restart");
	}
}

void
options_list(FILE *out)
{
	list(out, tided_options, tided_noptions, "");
	list(out, binding_options, binding_noptions, "pipeline NAME.");
}
