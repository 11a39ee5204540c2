/* SPDX-License-Identifier: ISC */
/*
 * Log verbs of every program.
 *
 * log_warn() and log_error() append strerror(errno), the x forms do not;
 * errno is preserved by all of them.  A line is one event: control
 * characters are escaped, lines are cut at LOG_LINE_MAX.  Context such as
 * pipeline=NAME is set once and printed on every line of the process.
 * Not for use in signal handlers.  Single-threaded programs only, except
 * log_line(), which a library thread of a worker may reach through the
 * sink interface; it writes with one system call.
 */
#ifndef TIDE_COMMON_LOG_H
#define TIDE_COMMON_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#define LOG_LINE_MAX	4000

#if defined(__GNUC__)
#define LOG_PRINTF(f, a)	__attribute__((__format__(__printf__, f, a)))
#else
#define LOG_PRINTF(f, a)
#endif

enum log_level {
	LOG_LVL_ERROR	= 0,
	LOG_LVL_WARN	= 1,
	LOG_LVL_INFO	= 2,
	LOG_LVL_DEBUG	= 3
};

enum log_format {
	LOG_FMT_TEXT,
	LOG_FMT_JSON,
	LOG_FMT_SYSLOG		/* <PRI>tag[pid]: on a datagram socket */
};

/*
 * Where finished lines go instead of the descriptor; a child sends them to
 * the control process as frames.  Returns 0, or -1 to fall back on the
 * descriptor.
 */
typedef int (*log_sink_fn)(enum log_level, const char *line, void *arg);

/* The descriptor is borrowed; program must outlive the process. */
void	log_init(const char *program, int fd, enum log_format, enum log_level);
void	log_set_level(enum log_level);
enum log_level	log_get_level(void);
void	log_set_context(const char *key, const char *value); /* copied */
void	log_set_sink(log_sink_fn, void *arg);

/* Parse "error|warn|info|debug" and "text|json|syslog"; 0 or -1. */
int	log_level_parse(const char *, enum log_level *);
const char *log_level_name(enum log_level);
int	log_format_parse(const char *, enum log_format *);

void	log_error(const char *, ...) LOG_PRINTF(1, 2);
void	log_errorx(const char *, ...) LOG_PRINTF(1, 2);
void	log_warn(const char *, ...) LOG_PRINTF(1, 2);
void	log_warnx(const char *, ...) LOG_PRINTF(1, 2);
void	log_info(const char *, ...) LOG_PRINTF(1, 2);
void	log_debug(const char *, ...) LOG_PRINTF(1, 2);
void	log_vline(enum log_level, const char *, va_list) LOG_PRINTF(2, 0);

/*
 * Print a line that another process wrote, under that process's name and
 * context ("pipeline=orders"); escaped here, never trusted.
 */
void	log_foreign(enum log_level, const char *program, long pid,
	    const char *context, const char *line);

/* errorx and exit(1); for main() paths only. */
void	fatal(const char *, ...) LOG_PRINTF(1, 2)
	    __attribute__((__noreturn__));
void	fatalx(const char *, ...) LOG_PRINTF(1, 2)
	    __attribute__((__noreturn__));

#endif
