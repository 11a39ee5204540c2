/* SPDX-License-Identifier: ISC */
/*
 * A host for sink plugins outside the worker: loads a plugin, gives it the
 * services of struct pgtide_host on a libevent loop, and keeps account of
 * what it does.  Plugin tests and the conformance program are built on it.
 *
 * It is stricter than it needs to be: a message's bytes are freed as soon
 * as its token is settled, arrays have an enlarged stride, one message per
 * lane is in flight unless the plugin is FIFO, and every breach of the
 * interface is counted with a text.
 *
 * One thread, except that the plugin may call the "any thread" services
 * from wherever it likes.  Functions that return int give 0 or -1.
 */
#ifndef TIDE_TESTS_SINKHOST_H
#define TIDE_TESTS_SINKHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tide/sink.h>

struct event_base;

/* What became of one submitted message. */
struct sinkhost_outcome {
	unsigned int	times;		/* completions seen; 1 is right */
	unsigned int	order;		/* 1: settled first, ... */
	uint32_t	result;		/* enum pgtide_result */
	uint32_t	retry_ms;
	int32_t		code;
	char		detail[512];
};

/*
 * Load a plugin file and check its description; the returned description
 * lives as long as the process.  sinkhost_plugin_check() alone is for
 * plugins that are linked in.
 */
const struct pgtide_sink_plugin *sinkhost_plugin_load(const char *path,
	    char *err, size_t errsize);
const struct pgtide_sink_plugin *sinkhost_plugin_check(
	    const struct pgtide_sink_plugin *(*)(void), char *err,
	    size_t errsize);

/* An instance; the base is borrowed. */
struct pgtide_ctx *sinkhost_new(const struct pgtide_sink_plugin *,
	    struct event_base *);
/* Closes the instance first if it is open. */
void	sinkhost_free(struct pgtide_ctx *);

/*
 * Options as text, checked against the plugin's table.  key is the key of a
 * MAP element, else NULL.  LIST and MAP options grow, others are replaced.
 */
int	sinkhost_set(struct pgtide_ctx *, const char *name, const char *key,
	    const char *text, char *err, size_t errsize);
/* FILE: contents, copied.  OUTPUT: a descriptor, borrowed. */
int	sinkhost_set_bytes(struct pgtide_ctx *, const char *name,
	    const void *, size_t);
int	sinkhost_set_fd(struct pgtide_ctx *, const char *name, int fd);
/* Back to the default, e.g. before another value and reload(). */
void	sinkhost_unset(struct pgtide_ctx *, const char *name);

/* resolve() answers name with this address too; without any: EAI_NONAME. */
int	sinkhost_add_name(struct pgtide_ctx *, const char *name,
	    const char *address);
void	sinkhost_clear_names(struct pgtide_ctx *);
unsigned int sinkhost_lookups(const struct pgtide_ctx *);

int	sinkhost_open(struct pgtide_ctx *, char *err, size_t errsize);
void	sinkhost_close(struct pgtide_ctx *, uint32_t ms);
int	sinkhost_reload(struct pgtide_ctx *);
int	sinkhost_secret_changed(struct pgtide_ctx *, const char *name);
void	sinkhost_flush(struct pgtide_ctx *);

/*
 * Queue a deep copy for delivery; token is chosen here and returned, the
 * rest is taken as it is.  0 when out of memory.
 */
uint64_t sinkhost_submit(struct pgtide_ctx *, const struct pgtide_msg *);
/* NULL for a token that was never given out. */
const struct sinkhost_outcome *sinkhost_outcome(const struct pgtide_ctx *,
	    uint64_t token);
size_t	sinkhost_unsettled(const struct pgtide_ctx *);
/* Messages that the plugin has accepted and not completed. */
size_t	sinkhost_accepted(const struct pgtide_ctx *);

/* Run the loop until the condition holds (0) or ms have passed (-1). */
int	sinkhost_wait(struct pgtide_ctx *, bool (*)(struct pgtide_ctx *,
	    void *), void *, int ms);
/* ... until every submitted message is settled. */
int	sinkhost_wait_settled(struct pgtide_ctx *, int ms);
/* Run the loop for that long. */
void	sinkhost_run(struct pgtide_ctx *, int ms);

/* 1 up, 0 down, -1 nothing said yet; text of the last state(). */
int	sinkhost_state(const struct pgtide_ctx *, const char **text);
bool	sinkhost_logged(struct pgtide_ctx *, const char *part);
int64_t	sinkhost_metric(struct pgtide_ctx *, const char *name);
/* fatal() was called: its text, else NULL. */
const char *sinkhost_fatal(const struct pgtide_ctx *);

/* Breaches of the interface so far, the text of the first one. */
unsigned int sinkhost_breaches(const struct pgtide_ctx *, const char **first);
/* The longest call on the loop thread in microseconds, and its name. */
int64_t	sinkhost_slowest_us(const struct pgtide_ctx *, const char **call);

#endif
