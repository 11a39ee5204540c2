/* SPDX-License-Identifier: ISC */
/*
 * Two sets of arrays, swapped under a mutex; the loop settles one while
 * threads fill the other.
 */
#include "config.h"

#include <sys/eventfd.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/mailbox.h"

struct mailbox {
	pthread_mutex_t	 lock;
	struct mail	 sets[2];
	struct mail	*in;		/* being filled */
	size_t		 reserved;	/* tokens without an outcome yet */
	bool		 rung;		/* eventfd was written since take */
	int		 fd;
};

static const char no_memory[] = "(no memory for the text)";

static void
bell_ring(struct mailbox *mb)
{
	const uint64_t one = 1;

	if (mb->rung)
		return;
	/* The counter cannot overflow: it is read before it is rung again. */
	mb->rung = write(mb->fd, &one, sizeof(one)) == (ssize_t)sizeof(one);
}

static void
mail_free_details(struct mail *m)
{
	size_t i;

	for (i = 0; i < m->noutcomes; i++)
		if (m->outcomes[i].detail[0] != '\0' &&
		    m->outcomes[i].detail != no_memory)
			free((void *)(uintptr_t)m->outcomes[i].detail);
	m->noutcomes = 0;
}

static void
mail_reset(struct mail *m)
{
	mail_free_details(m);
	m->nreleases = 0;
	m->has_state = false;
	m->has_fatal = false;
	m->broken = NULL;
	m->nlines = 0;
	m->lines_lost = 0;
}

static void
mail_done(struct mail *m)
{
	mail_free_details(m);
	free(m->outcomes);
	free(m->releases);
	free(m->lines);
}

struct mailbox *
mailbox_new(void)
{
	struct mailbox *mb;
	size_t i;

	if ((mb = calloc(1, sizeof(*mb))) == NULL)
		return (NULL);
	mb->in = &mb->sets[0];
	mb->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	for (i = 0; i < 2; i++)
		mb->sets[i].lines = calloc(MAIL_LINES,
		    sizeof(struct mail_line));
	if (mb->fd == -1 || mb->sets[0].lines == NULL ||
	    mb->sets[1].lines == NULL ||
	    pthread_mutex_init(&mb->lock, NULL) != 0) {
		mail_done(&mb->sets[0]);
		mail_done(&mb->sets[1]);
		if (mb->fd != -1)
			close(mb->fd);
		free(mb);
		errno = ENOMEM;
		return (NULL);
	}
	return (mb);
}

void
mailbox_free(struct mailbox *mb)
{
	if (mb == NULL)
		return;
	mail_done(&mb->sets[0]);
	mail_done(&mb->sets[1]);
	pthread_mutex_destroy(&mb->lock);
	close(mb->fd);
	free(mb);
}

int
mailbox_fd(const struct mailbox *mb)
{
	return (mb->fd);
}

static int
mail_grow(struct mail *m, size_t room)
{
	struct sink_outcome *outcomes;
	uint64_t *releases;

	if (room <= m->room)
		return (0);
	room = room < 64 ? 64 : room + room / 2;
	outcomes = reallocarray(m->outcomes, room, sizeof(*outcomes));
	if (outcomes == NULL)
		return (-1);
	m->outcomes = outcomes;
	releases = reallocarray(m->releases, room, sizeof(*releases));
	if (releases == NULL)
		return (-1);
	m->releases = releases;
	m->room = room;
	return (0);
}

int
mailbox_reserve(struct mailbox *mb, size_t n)
{
	int rv;

	pthread_mutex_lock(&mb->lock);
	/* Not the other set: it may be read just now. */
	rv = mail_grow(mb->in, mb->in->noutcomes + mb->reserved + n);
	if (rv == 0)
		mb->reserved += n;
	pthread_mutex_unlock(&mb->lock);
	return (rv);
}

void
mailbox_unreserve(struct mailbox *mb, size_t n)
{
	pthread_mutex_lock(&mb->lock);
	mb->reserved -= n < mb->reserved ? n : mb->reserved;
	pthread_mutex_unlock(&mb->lock);
}

size_t
mailbox_reserved(struct mailbox *mb)
{
	size_t n;

	pthread_mutex_lock(&mb->lock);
	n = mb->reserved;
	pthread_mutex_unlock(&mb->lock);
	return (n);
}

static bool
mail_empty(const struct mail *m)
{
	return (m->noutcomes == 0 && m->nreleases == 0 && !m->has_state &&
	    !m->has_fatal && m->broken == NULL && m->nlines == 0);
}

struct mail *
mailbox_take(struct mailbox *mb)
{
	struct mail *out, *spare;
	uint64_t count;

	pthread_mutex_lock(&mb->lock);
	out = mb->in;
	spare = out == &mb->sets[0] ? &mb->sets[1] : &mb->sets[0];
	mail_reset(spare);
	/* Without memory the bell stays rung: taken at the next try. */
	if (mail_grow(spare, mb->reserved) == -1) {
		pthread_mutex_unlock(&mb->lock);
		return (NULL);
	}
	if (mb->rung && read(mb->fd, &count, sizeof(count)) != -1)
		mb->rung = false;
	if (mail_empty(out))
		out = NULL;
	else
		mb->in = spare;
	pthread_mutex_unlock(&mb->lock);
	return (out);
}

static const char *
detail_copy(const char *detail)
{
	char *copy;

	if (detail == NULL || *detail == '\0')
		return ("");
	copy = strndup(detail, MAIL_TEXT);
	return (copy != NULL ? copy : no_memory);
}

/* With the lock held. */
static void
post_outcome(struct mailbox *mb, const struct pgtide_completion *c)
{
	struct sink_outcome *o;

	if (mb->reserved == 0) {
		mb->in->broken = "completed more messages than it accepted";
		return;
	}
	if (c->result > PGTIDE_PAUSE) {
		mb->in->broken = "gave a result that does not exist";
		return;
	}
	mb->reserved--;
	o = &mb->in->outcomes[mb->in->noutcomes++];
	o->token = c->token;
	o->result = (enum pgtide_result)c->result;
	o->retry_ms = c->retry_ms;
	o->code = c->code;
	o->detail = detail_copy(c->detail);
}

void
mailbox_complete(struct mailbox *mb, const void *array, size_t n, size_t size)
{
	struct pgtide_completion c;
	const char *p = array;
	size_t i;

	pthread_mutex_lock(&mb->lock);
	if (size < offsetof(struct pgtide_completion, retry_ms))
		mb->in->broken = "gave completions of impossible size";
	else
		for (i = 0; i < n; i++) {
			memset(&c, 0, sizeof(c));
			memcpy(&c, p + i * size,
			    size < sizeof(c) ? size : sizeof(c));
			post_outcome(mb, &c);
		}
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}

void
mailbox_release(struct mailbox *mb, const uint64_t *tokens, size_t n)
{
	size_t i;

	pthread_mutex_lock(&mb->lock);
	for (i = 0; i < n; i++) {
		if (mb->in->nreleases >= mb->in->room) {
			mb->in->broken = "released more than it accepted";
			break;
		}
		mb->in->releases[mb->in->nreleases++] = tokens[i];
	}
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}

void
mailbox_state(struct mailbox *mb, bool up, const char *text)
{
	pthread_mutex_lock(&mb->lock);
	mb->in->has_state = true;
	mb->in->up = up;
	snprintf(mb->in->state, sizeof(mb->in->state), "%s",
	    text != NULL ? text : "");
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}

void
mailbox_fatal(struct mailbox *mb, int32_t code, const char *text)
{
	pthread_mutex_lock(&mb->lock);
	if (!mb->in->has_fatal) {
		mb->in->has_fatal = true;
		mb->in->fatal_code = code;
		snprintf(mb->in->fatal, sizeof(mb->in->fatal), "%s",
		    text != NULL ? text : "no reason given");
	}
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}

void
mailbox_line(struct mailbox *mb, int level, const char *text)
{
	struct mail_line *line;

	pthread_mutex_lock(&mb->lock);
	if (mb->in->nlines < MAIL_LINES) {
		line = &mb->in->lines[mb->in->nlines++];
		line->level = level;
		snprintf(line->text, sizeof(line->text), "%s", text);
	} else
		mb->in->lines_lost++;
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}

void
mailbox_ring(struct mailbox *mb)
{
	pthread_mutex_lock(&mb->lock);
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}

void
mailbox_break(struct mailbox *mb, const char *rule)
{
	pthread_mutex_lock(&mb->lock);
	mb->in->broken = rule;
	bell_ring(mb);
	pthread_mutex_unlock(&mb->lock);
}
