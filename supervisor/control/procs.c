/* SPDX-License-Identifier: ISC */
/* The process table, kept sorted by role and name. */
#include "config.h"

#include "supervisor/control/procs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/units.h"
#include "supervisor/control/text.h"

/* More than any max_pipelines; bounds what a hostile catalog can claim. */
#define PROCS_MAX	4096

struct procs {
	struct proc	**v;
	size_t		 n, room;
};

struct procs *
procs_new(void)
{
	return (calloc(1, sizeof(struct procs)));
}

void
procs_free(struct procs *ps)
{
	size_t i;

	if (ps == NULL)
		return;
	for (i = 0; i < ps->n; i++)
		free(ps->v[i]);
	free(ps->v);
	free(ps);
}

/* A pipeline that only the catalog knows has its place among workers. */
static unsigned int
rank(unsigned int role)
{
	return (role == 0 ? ROLE_WORKER : role);
}

static int
compare(const struct proc *p, unsigned int role, const char *name)
{
	if (rank(p->row.role) != rank(role))
		return (rank(p->row.role) < rank(role) ? -1 : 1);
	return (strcmp(p->row.name, name));
}

static size_t
lower_bound(const struct procs *ps, unsigned int role, const char *name)
{
	size_t i;

	for (i = 0; i < ps->n; i++)
		if (compare(ps->v[i], role, name) >= 0)
			break;
	return (i);
}

struct proc *
procs_find(const struct procs *ps, enum role role, const char *name)
{
	size_t i = lower_bound(ps, role, name);

	if (i < ps->n && compare(ps->v[i], role, name) == 0)
		return (ps->v[i]);
	return (NULL);
}

struct proc *
procs_pipeline(const struct procs *ps, const char *name)
{
	return (procs_find(ps, ROLE_WORKER, name));
}

size_t
procs_count(const struct procs *ps)
{
	return (ps->n);
}

struct proc *
procs_at(const struct procs *ps, size_t i)
{
	return (ps->v[i]);
}

static int
grow(struct procs *ps)
{
	size_t room = ps->room == 0 ? 64 : ps->room * 2;
	struct proc **v;

	if (ps->n < ps->room)
		return (0);
	if (ps->n >= PROCS_MAX) {
		errno = ENOSPC;
		return (-1);
	}
	if ((v = realloc(ps->v, room * sizeof(struct proc *))) == NULL)
		return (-1);
	ps->v = v;
	ps->room = room;
	return (0);
}

static struct proc *
insert(struct procs *ps, unsigned int role, const char *name)
{
	size_t i = lower_bound(ps, role, name);
	struct proc *p;

	if (grow(ps) == -1 || (p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	memcpy(p->row.name, name, strlen(name) + 1);
	memmove(&ps->v[i + 1], &ps->v[i],
	    (ps->n - i) * sizeof(struct proc *));
	ps->v[i] = p;
	ps->n++;
	return (p);
}

static void
drop(struct procs *ps, struct proc *p)
{
	size_t i;

	for (i = 0; ps->v[i] != p; i++)
		continue;
	free(p);
	ps->n--;
	memmove(&ps->v[i], &ps->v[i + 1],
	    (ps->n - i) * sizeof(struct proc *));
}

static void
compare_rows(const struct msg_proc *old, const struct msg_proc *new,
    struct proc_change *c)
{
	bool other = old->generation != new->generation;

	memset(c, 0, sizeof(*c));
	c->ended = old->pid != 0 && (other || new->pid == 0);
	c->restarted = other && old->generation != 0 && new->pid != 0;
	c->removed = new->removed != 0;
	c->cause = new->cause < CAUSE_MAX ? new->cause : CAUSE_NONE;
}

int
procs_update(struct procs *ps, const struct msg_proc *row,
    struct proc_change *change)
{
	static const struct msg_proc none;
	struct proc *p = procs_find(ps, row->role, row->name);

	compare_rows(p != NULL ? &p->row : &none, row, change);
	if (change->removed) {
		if (p != NULL)
			drop(ps, p);
		return (0);
	}
	if (p == NULL && (p = insert(ps, row->role, row->name)) == NULL)
		return (-1);
	if (p->row.generation != row->generation)
		memset(&p->worker, 0, sizeof(p->worker));
	p->row = *row;
	text_clean(p->row.text);
	if (change->ended && row->text[0] != '\0')
		p->error_us = clock_wall_us();
	return (0);
}

static void
state_copy(struct proc *p, struct msg_state *to, const struct msg_state *st)
{
	*to = *st;
	text_clean(to->text);
	text_clean(to->error_class);
	if (to->text[0] != '\0')
		p->error_us = clock_wall_us();
}

int
procs_state(struct procs *ps, enum role by, const struct msg_state *st)
{
	enum role role = st->name[0] != '\0' ? ROLE_WORKER : by;
	struct proc *p = procs_find(ps, role, st->name);

	if (by != ROLE_CATALOG || st->name[0] == '\0') {
		if (p != NULL)
			state_copy(p, &p->worker, st);
		return (0);
	}
	if (st->health == HEALTH_OK) {
		if (p != NULL && p->row.role == 0)
			drop(ps, p);
		else if (p != NULL)
			memset(&p->catalog, 0, sizeof(p->catalog));
		return (0);
	}
	if (p == NULL && (p = insert(ps, 0, st->name)) == NULL)
		return (-1);
	state_copy(p, &p->catalog, st);
	return (0);
}

void
procs_forget_catalog(struct procs *ps)
{
	size_t i = 0;

	while (i < ps->n) {
		memset(&ps->v[i]->catalog, 0, sizeof(ps->v[i]->catalog));
		if (ps->v[i]->row.role == 0)
			drop(ps, ps->v[i]);
		else
			i++;
	}
}

void
procs_heard(struct procs *ps, enum role role, const char *name)
{
	struct proc *p = procs_find(ps, role, name);

	if (p != NULL)
		p->heard_us = clock_mono_us();
}

bool
proc_is_pipeline(const struct proc *p)
{
	return (rank(p->row.role) == ROLE_WORKER);
}
