/* SPDX-License-Identifier: ISC */
/* Output pipes of workers, cut into lines. */
#include "config.h"

#include "supervisor/control/lines.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/messages.h"
#include "common/units.h"

#define STRAY_RATE	10	/* lines a second of one worker */
#define STRAY_BURST	100

struct output {
	TAILQ_ENTRY(output) entry;
	struct lines	*owner;
	struct event	*ev;
	int		 fd;
	struct speaker	 speaker;
	size_t		 len;
	char		 buf[LOG_LINE_MAX];
};

struct lines {
	struct event_base *base;
	TAILQ_HEAD(, output) outputs;
};

void
speaker_init(struct speaker *s, const struct msg_channel *ch, double rate,
    double burst)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->program, sizeof(s->program), "pg-tide-%s",
	    role_name(ch->role));
	if (ch->name[0] != '\0')
		(void)snprintf(s->context, sizeof(s->context), "pipeline=%s",
		    ch->name);
	s->pid = (long)ch->pid;
	limiter_init(&s->limit, rate, burst, clock_mono_us());
}

void
speaker_say(struct speaker *s, enum log_level level, const char *line)
{
	uint64_t suppressed;
	char note[64];

	if (!limiter_take(&s->limit, clock_mono_us(), &suppressed))
		return;
	if (suppressed > 0) {
		(void)snprintf(note, sizeof(note),
		    "%llu lines suppressed, it wrote too fast",
		    (unsigned long long)suppressed);
		log_foreign(LOG_LVL_WARN, s->program, s->pid, s->context,
		    note);
	}
	log_foreign(level, s->program, s->pid, s->context, line);
}

static void
output_free(struct output *o)
{
	TAILQ_REMOVE(&o->owner->outputs, o, entry);
	event_free(o->ev);
	(void)close(o->fd);
	free(o);
}

/*
 * A line that its own log wrote there, because the frame found no room or
 * another thread wrote it: "TIME program[pid]: level: context text".  Returns
 * the text; a line of another form is returned whole.
 */
static const char *
own_line(const struct speaker *s, const char *line, enum log_level *level)
{
	const char *p = line + strspn(line, "0123456789-T:.Z");
	char head[64], name[16];
	size_t n;

	(void)snprintf(head, sizeof(head), " %s[%ld]: ", s->program, s->pid);
	n = strlen(head);
	if (p == line || strncmp(p, head, n) != 0)
		return (line);
	p += n;
	n = strcspn(p, ":");
	if (n >= sizeof(name) || strncmp(p + n, ": ", 2) != 0)
		return (line);
	memcpy(name, p, n);
	name[n] = '\0';
	if (log_level_parse(name, level) == -1)
		return (line);
	p += n + 2;
	n = strlen(s->context);
	return (n > 0 && strncmp(p, s->context, n) == 0 && p[n] == ' ' ?
	    p + n + 1 : p);
}

/* Print what stands in buf[0..len), of which nothing is a newline. */
static void
output_line(struct output *o, const char *s, size_t len)
{
	enum log_level level = LOG_LVL_WARN;
	char line[LOG_LINE_MAX];

	while (len > 0 && s[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	memcpy(line, s, len);
	line[len] = '\0';
	for (s = line; len > 0; len--, s++)
		if (*s == '\0')
			line[s - line] = ' ';
	s = own_line(&o->speaker, line, &level);
	speaker_say(&o->speaker, level, s);
}

static void
output_cut(struct output *o)
{
	char *start = o->buf, *end = o->buf + o->len, *nl;

	while ((nl = memchr(start, '\n', (size_t)(end - start))) != NULL) {
		output_line(o, start, (size_t)(nl - start));
		start = nl + 1;
	}
	o->len = (size_t)(end - start);
	memmove(o->buf, start, o->len);
	if (o->len >= sizeof(o->buf) - 1) {
		output_line(o, o->buf, o->len);
		o->len = 0;
	}
}

static void
output_readable(evutil_socket_t fd, short what, void *arg)
{
	struct output *o = arg;
	ssize_t n;

	(void)what;
	n = read(fd, o->buf + o->len, sizeof(o->buf) - 1 - o->len);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		o->len += (size_t)n;
		output_cut(o);
		return;
	}
	if (n == -1)
		log_warn("reading what %s %s printed", o->speaker.program,
		    o->speaker.context);
	output_line(o, o->buf, o->len);
	output_free(o);
}

struct lines *
lines_new(struct event_base *base)
{
	struct lines *l;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->base = base;
	TAILQ_INIT(&l->outputs);
	return (l);
}

void
lines_free(struct lines *l)
{
	if (l == NULL)
		return;
	while (!TAILQ_EMPTY(&l->outputs))
		output_free(TAILQ_FIRST(&l->outputs));
	free(l);
}

int
lines_add(struct lines *l, const struct msg_channel *ch)
{
	struct output *o;

	if (evutil_make_socket_nonblocking(ch->fd) == -1 ||
	    (o = calloc(1, sizeof(*o))) == NULL) {
		(void)close(ch->fd);
		return (-1);
	}
	o->owner = l;
	o->fd = ch->fd;
	speaker_init(&o->speaker, ch, STRAY_RATE, STRAY_BURST);
	o->ev = event_new(l->base, o->fd, EV_READ | EV_PERSIST,
	    output_readable, o);
	if (o->ev == NULL || event_add(o->ev, NULL) == -1) {
		if (o->ev != NULL)
			event_free(o->ev);
		(void)close(o->fd);
		free(o);
		errno = ENOMEM;
		return (-1);
	}
	TAILQ_INSERT_TAIL(&l->outputs, o, entry);
	return (0);
}
