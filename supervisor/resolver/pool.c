/* SPDX-License-Identifier: ISC */
/* Threads that look names up. */
#include "config.h"

#include <sys/eventfd.h>
#include <sys/queue.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/resolver/pool.h"

#define STACK_SIZE	(256 * 1024)

struct job {
	TAILQ_ENTRY(job) entry;
	char		host[256];
	int		family;
	struct msg_answer answer;
	pool_done_fn	fn;
	void		*arg;
};
TAILQ_HEAD(jobs, job);

struct pool {
	pthread_mutex_t	 mutex;		/* for the next six */
	pthread_cond_t	 work;
	struct jobs	 todo, done;
	unsigned int	 ntodo;
	unsigned int	 nrunning;
	bool		 stopping;
	unsigned int	 queue;		/* constant, as the rest */
	pool_lookup_fn	 lookup;
	int		 wakefd;	/* eventfd: something is done */
	struct event	*ev;
	pthread_t	*threads;
	unsigned int	 nthreads;
};

static void
lock(struct pool *p)
{
	if (pthread_mutex_lock(&p->mutex) != 0)
		abort();
}

static void
unlock(struct pool *p)
{
	if (pthread_mutex_unlock(&p->mutex) != 0)
		abort();
}

/* The next job, NULL when the pool stops. */
static struct job *
job_wait(struct pool *p)
{
	struct job *job = NULL;

	lock(p);
	while (!p->stopping && TAILQ_EMPTY(&p->todo)) {
		if (pthread_cond_wait(&p->work, &p->mutex) != 0)
			abort();
	}
	if (!p->stopping) {
		job = TAILQ_FIRST(&p->todo);
		TAILQ_REMOVE(&p->todo, job, entry);
		p->ntodo--;
		p->nrunning++;
	}
	unlock(p);
	return (job);
}

static void
job_done(struct pool *p, struct job *job)
{
	const uint64_t one = 1;

	lock(p);
	TAILQ_INSERT_TAIL(&p->done, job, entry);
	p->nrunning--;
	unlock(p);
	/* Can only fail when the counter is full: then it is readable. */
	while (write(p->wakefd, &one, sizeof(one)) == -1 && errno == EINTR)
		continue;
}

static void *
thread_main(void *arg)
{
	struct pool *p = arg;
	struct job *job;

	while ((job = job_wait(p)) != NULL) {
		p->lookup(job->host, job->family, &job->answer);
		job_done(p, job);
	}
	return (NULL);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct jobs done = TAILQ_HEAD_INITIALIZER(done);
	struct job *job;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) == -1 && errno != EAGAIN)
		log_warn("eventfd");
	lock(p);
	TAILQ_CONCAT(&done, &p->done, entry);
	unlock(p);
	while ((job = TAILQ_FIRST(&done)) != NULL) {
		TAILQ_REMOVE(&done, job, entry);
		job->fn(&job->answer, job->arg);
		free(job);
	}
}

static int
threads_start(struct pool *p, unsigned int n)
{
	pthread_attr_t attr;
	int error;

	if ((p->threads = calloc(n, sizeof(*p->threads))) == NULL)
		return (-1);
	if ((error = pthread_attr_init(&attr)) == 0 &&
	    (error = pthread_attr_setstacksize(&attr, STACK_SIZE)) == 0) {
		while (p->nthreads < n && (error = pthread_create(
		    &p->threads[p->nthreads], &attr, thread_main, p)) == 0)
			p->nthreads++;
	}
	(void)pthread_attr_destroy(&attr);
	errno = error;
	return (error == 0 ? 0 : -1);
}

struct pool *
pool_new(struct event_base *base, unsigned int threads, unsigned int queue,
    pool_lookup_fn lookup)
{
	struct pool *p;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return (NULL);
	p->queue = queue;
	p->lookup = lookup;
	TAILQ_INIT(&p->todo);
	TAILQ_INIT(&p->done);
	if (pthread_mutex_init(&p->mutex, NULL) != 0 ||
	    pthread_cond_init(&p->work, NULL) != 0)
		abort();
	p->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wakefd == -1 || (p->ev = event_new(base, p->wakefd,
	    EV_READ | EV_PERSIST, on_wake, p)) == NULL ||
	    event_add(p->ev, NULL) == -1 || threads_start(p, threads) == -1) {
		pool_free(p);
		return (NULL);
	}
	return (p);
}

static void
jobs_free(struct jobs *jobs)
{
	struct job *job;

	while ((job = TAILQ_FIRST(jobs)) != NULL) {
		TAILQ_REMOVE(jobs, job, entry);
		free(job);
	}
}

void
pool_free(struct pool *p)
{
	unsigned int i, running;

	if (p == NULL)
		return;
	lock(p);
	p->stopping = true;
	running = p->nrunning;
	pthread_cond_broadcast(&p->work);
	unlock(p);
	if (p->ev != NULL)
		event_free(p->ev);
	/* A thread inside getaddrinfo() may stay there for long, and uses
	 * what is below: then the end of the process frees it. */
	if (running > 0)
		return;
	for (i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	if (p->wakefd != -1)
		close(p->wakefd);
	jobs_free(&p->todo);
	jobs_free(&p->done);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->mutex);
	free(p->threads);
	free(p);
}

bool
pool_idle(struct pool *p)
{
	bool idle;

	lock(p);
	idle = p->ntodo == 0 && p->nrunning == 0 && TAILQ_EMPTY(&p->done);
	unlock(p);
	return (idle);
}

int
pool_submit(struct pool *p, const char *host, int family, pool_done_fn fn,
    void *arg)
{
	struct job *job;
	bool full;

	if ((job = calloc(1, sizeof(*job))) == NULL)
		return (-1);
	(void)snprintf(job->host, sizeof(job->host), "%s", host);
	job->family = family;
	job->fn = fn;
	job->arg = arg;
	lock(p);
	full = p->ntodo >= p->queue;
	if (!full) {
		TAILQ_INSERT_TAIL(&p->todo, job, entry);
		p->ntodo++;
		pthread_cond_signal(&p->work);
	}
	unlock(p);
	if (full) {
		free(job);
		errno = EAGAIN;
		return (-1);
	}
	return (0);
}
