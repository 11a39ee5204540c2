/* SPDX-License-Identifier: ISC */
/* Log lines: one event, one line, one system call. */
#include "common/log.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/utf8.h"

#define LOG_CONTEXT_MAX	256
/* A line grows at most sixfold when it is escaped; what is more is cut. */
#define LOG_OUT_MAX	(2 * LOG_LINE_MAX)

struct log_state {
	const char	*program;
	int		 fd;
	enum log_format	 format;
	enum log_level	 level;
	char		 context[LOG_CONTEXT_MAX];
	log_sink_fn	 sink;
	void		*sink_arg;
};

static struct log_state state = { "pg-tided", STDERR_FILENO, LOG_FMT_TEXT,
    LOG_LVL_INFO, "", NULL, NULL };

static const char *const level_names[] = { "error", "warn", "info", "debug" };
static const char *const format_names[] = { "text", "json", "syslog" };
/* LOG_DAEMON with LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG. */
static const int syslog_priority[] = { 24 | 3, 24 | 4, 24 | 6, 24 | 7 };

/* What is being written; room for the newline is kept back. */
struct out {
	char	buf[LOG_OUT_MAX];
	size_t	len;
};

static void
out_raw(struct out *o, const char *s, size_t n)
{
	if (n > sizeof(o->buf) - 1 - o->len)
		return;
	memcpy(o->buf + o->len, s, n);
	o->len += n;
}

static void
out_str(struct out *o, const char *s)
{
	out_raw(o, s, strlen(s));
}

static void out_fmt(struct out *, const char *, ...) LOG_PRINTF(2, 3);

static void
out_fmt(struct out *o, const char *fmt, ...)
{
	char buf[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	if (n > 0)
		out_raw(o, buf, (size_t)n < sizeof(buf) ? (size_t)n :
		    sizeof(buf) - 1);
}

/* One byte that does not stand for itself. */
static void
out_escape(struct out *o, unsigned char c, bool json)
{
	if (json && (c == '"' || c == '\\'))
		out_fmt(o, "\\%c", c);
	else if (c == '\n')
		out_str(o, "\\n");
	else if (c == '\t')
		out_str(o, "\\t");
	else if (json)
		out_fmt(o, "\\u%04x", c < 0x80 ? c : 0xfffd);
	else
		out_fmt(o, "\\x%02x", c);
}

static bool
byte_is_plain(unsigned char c, bool json)
{
	return (c >= 0x20 && c != 0x7f && !(json && (c == '"' || c == '\\')));
}

/* C1 controls move terminals about as well as C0 does. */
static bool
sequence_is_plain(const char *s, size_t n, bool json)
{
	if (n == 0)
		return (false);
	if (n == 1)
		return (byte_is_plain((unsigned char)*s, json));
	return (!(n == 2 && (unsigned char)s[0] == 0xc2 &&
	    (unsigned char)s[1] < 0xa0));
}

static void
out_escaped(struct out *o, const char *s, bool json)
{
	size_t left = strlen(s), n, room = o->len + LOG_LINE_MAX;

	while (left > 0 && o->len < room) {
		n = utf8_sequence(s, left);
		if (sequence_is_plain(s, n, json)) {
			out_raw(o, s, n);
		} else {
			out_escape(o, (unsigned char)*s, json);
			n = 1;
		}
		s += n;
		left -= n;
	}
	if (left > 0)
		out_str(o, "...");
}

static void
out_time(struct out *o)
{
	struct timespec ts;
	struct tm tm;
	char buf[32];

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1 ||
	    gmtime_r(&ts.tv_sec, &tm) == NULL)
		return;
	if (strftime(buf, sizeof(buf), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		return;
	out_fmt(o, "%s.%03dZ", buf, (int)(ts.tv_nsec / 1000000));
}

/* "pipeline=a outbox=b" becomes ,"pipeline":"a","outbox":"b". */
static void
out_json_context(struct out *o, const char *context)
{
	char copy[LOG_CONTEXT_MAX], *p = copy, *word, *value;

	(void)snprintf(copy, sizeof(copy), "%s", context);
	while ((word = strsep(&p, " ")) != NULL) {
		if ((value = strchr(word, '=')) == NULL)
			continue;
		*value++ = '\0';
		out_str(o, ",\"");
		out_escaped(o, word, true);
		out_str(o, "\":\"");
		out_escaped(o, value, true);
		out_str(o, "\"");
	}
}

static void
out_json(struct out *o, enum log_level level, const char *program, long pid,
    const char *context, const char *line)
{
	out_str(o, "{\"ts\":\"");
	out_time(o);
	out_fmt(o, "\",\"level\":\"%s\",\"program\":\"%.40s\",\"pid\":%ld",
	    level_names[level], program, pid);
	out_json_context(o, context);
	out_str(o, ",\"msg\":\"");
	out_escaped(o, line, true);
	out_str(o, "\"}");
}

static void
out_text(struct out *o, enum log_level level, const char *program, long pid,
    const char *context, const char *line)
{
	if (state.format == LOG_FMT_SYSLOG)
		out_fmt(o, "<%d>", syslog_priority[level]);
	else {
		out_time(o);
		out_str(o, " ");
	}
	out_fmt(o, "%.40s[%ld]: %s: ", program, pid, level_names[level]);
	if (context[0] != '\0') {
		out_escaped(o, context, false);
		out_str(o, " ");
	}
	out_escaped(o, line, false);
}

/*
 * Nowhere is left to complain to when this fails, and a logger that blocks
 * or exits would be worse than a lost line.
 */
static void
out_write(struct out *o)
{
	ssize_t n;

	if (state.format == LOG_FMT_SYSLOG) {
		n = send(state.fd, o->buf, o->len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n != -1 || errno != ENOTSOCK)
			return;
	}
	o->buf[o->len++] = '\n';
	do {
		n = write(state.fd, o->buf, o->len);
	} while (n == -1 && errno == EINTR);
}

void
log_foreign(enum log_level level, const char *program, long pid,
    const char *context, const char *line)
{
	int saved_errno = errno;
	struct out o = { .len = 0 };

	if (level > LOG_LVL_DEBUG)
		level = LOG_LVL_DEBUG;
	if (level <= state.level) {
		if (state.format == LOG_FMT_JSON)
			out_json(&o, level, program, pid, context, line);
		else
			out_text(&o, level, program, pid, context, line);
		out_write(&o);
	}
	errno = saved_errno;
}

void
log_init(const char *program, int fd, enum log_format format,
    enum log_level level)
{
	state.program = program;
	state.fd = fd;
	state.format = format;
	state.level = level;
}

void
log_set_level(enum log_level level)
{
	state.level = level;
}

enum log_level
log_get_level(void)
{
	return (state.level);
}

void
log_set_context(const char *key, const char *value)
{
	size_t n = strlen(state.context);

	(void)snprintf(state.context + n, sizeof(state.context) - n, "%s%s=%s",
	    n > 0 ? " " : "", key, value);
}

void
log_set_sink(log_sink_fn fn, void *arg)
{
	state.sink = fn;
	state.sink_arg = arg;
}

static int
name_find(const char *const *names, size_t n, const char *s)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(names[i], s) == 0)
			return ((int)i);
	}
	return (-1);
}

int
log_level_parse(const char *s, enum log_level *level)
{
	int i = name_find(level_names, 4, s);

	if (i == -1)
		return (-1);
	*level = (enum log_level)i;
	return (0);
}

const char *
log_level_name(enum log_level level)
{
	return (level <= LOG_LVL_DEBUG ? level_names[level] : "unknown");
}

int
log_format_parse(const char *s, enum log_format *format)
{
	int i = name_find(format_names, 3, s);

	if (i == -1)
		return (-1);
	*format = (enum log_format)i;
	return (0);
}

static void
log_emit(enum log_level level, int error, const char *fmt, va_list ap)
    LOG_PRINTF(3, 0);

static void
log_emit(enum log_level level, int error, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX];
	int n;

	if (level > state.level)
		return;
	n = vsnprintf(line, sizeof(line), fmt, ap);
	if (n < 0)
		return;
	if (error != 0 && (size_t)n < sizeof(line))
		(void)snprintf(line + n, sizeof(line) - (size_t)n, ": %s",
		    strerror(error));
	if (state.sink != NULL && state.sink(level, line, state.sink_arg) == 0)
		return;
	log_foreign(level, state.program, (long)getpid(), state.context, line);
}

void
log_vline(enum log_level level, const char *fmt, va_list ap)
{
	int saved_errno = errno;

	log_emit(level, 0, fmt, ap);
	errno = saved_errno;
}

#define LOG_VERB(name, level, with_errno)				\
	void								\
	name(const char *fmt, ...)					\
	{								\
		int saved_errno = errno;				\
		va_list ap;						\
									\
		va_start(ap, fmt);					\
		log_emit(level, (with_errno) ? saved_errno : 0, fmt, ap); \
		va_end(ap);						\
		errno = saved_errno;					\
	}								\
	struct log_verb_takes_a_semicolon

LOG_VERB(log_error, LOG_LVL_ERROR, 1);
LOG_VERB(log_errorx, LOG_LVL_ERROR, 0);
LOG_VERB(log_warn, LOG_LVL_WARN, 1);
LOG_VERB(log_warnx, LOG_LVL_WARN, 0);
LOG_VERB(log_info, LOG_LVL_INFO, 0);
LOG_VERB(log_debug, LOG_LVL_DEBUG, 0);

void
fatal(const char *fmt, ...)
{
	int saved_errno = errno;
	va_list ap;

	va_start(ap, fmt);
	log_emit(LOG_LVL_ERROR, saved_errno, fmt, ap);
	va_end(ap);
	exit(EXIT_FAILURE);
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_emit(LOG_LVL_ERROR, 0, fmt, ap);
	va_end(ap);
	exit(EXIT_FAILURE);
}
