/* SPDX-License-Identifier: ISC */
/*
 * The host side of <tide/sink.h>: loads one plugin, checks its ABI and
 * tables, gives it its options and services, and hands its completions to
 * the relay on the loop thread.
 *
 * Loop thread only, but for what sink.h marks "any thread".
 */
#ifndef TIDE_WORKER_SINKHOST_H
#define TIDE_WORKER_SINKHOST_H

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <tide/sink.h>

struct child;
struct metrics;
struct resolve;
struct secretmem;
struct sinkhost;

/* One attempt's fate, as the plugin said it; detail lives during the call. */
struct sink_outcome {
	uint64_t	 token;
	enum pgtide_result result;
	uint32_t	 retry_ms;
	int32_t		 code;
	const char	*detail;	/* never NULL */
};

struct sinkhost_ops {
	void	(*complete)(const struct sink_outcome *, size_t, void *);
	void	(*release)(const uint64_t *tokens, size_t, void *);
	void	(*resume)(void *);
	void	(*state)(int up, const char *text, void *);
	void	(*fatal)(int32_t code, const char *text, void *);
};

/* dlopen and negotiate.  NULL with a message. */
struct sinkhost *sinkhost_load(const char *path, const char *name,
	    char *err, size_t errsize);
/* For tests; a worker keeps its plugin until it exits.  The library stays
 * loaded. */
void	sinkhost_free(struct sinkhost *);	/* NULL is allowed */
/* What the plugin says of itself; absent optional calls are NULL. */
const struct pgtide_sink_plugin *sinkhost_plugin(const struct sinkhost *);
/* Call prepare().  0, or -1 with a message. */
int	sinkhost_prepare(struct sinkhost *, char *err, size_t errsize);

/*
 * Read the pipeline's "sink" object against the plugin's option table:
 * unknown keys, types, bounds, choices; messages name the JSON path and the
 * allowed values.  Before secrets are there: values with references are
 * checked again by sinkhost_resolve().
 */
int	sinkhost_configure(struct sinkhost *, struct json_object *sink,
	    char *err, size_t errsize);
/* Replace references, take FILE bytes and OUTPUT descriptors. */
int	sinkhost_resolve(struct sinkhost *, struct secretmem *,
	    struct child *, char *err, size_t errsize);
/* TCP ports of the ENDPOINT options; how many were stored. */
size_t	sinkhost_ports(const struct sinkhost *, uint16_t *, size_t max);

int	sinkhost_open(struct sinkhost *, struct event_base *,
	    struct resolve *, struct metrics *, const struct sinkhost_ops *,
	    void *arg, char *err, size_t errsize);
/*
 * Offer messages; how many were accepted.  Fewer: wait for resume.  None are
 * accepted while outcomes that the plugin gave inside deliver() wait for the
 * loop; resume follows them.
 */
size_t	sinkhost_deliver(struct sinkhost *, const struct pgtide_msg *,
	    size_t n);
void	sinkhost_flush(struct sinkhost *);
void	sinkhost_close(struct sinkhost *, uint32_t ms);
bool	sinkhost_is_open(const struct sinkhost *);
/* Takes the descriptor over; the plugin keeps its number. */
void	sinkhost_output_reopened(struct sinkhost *, const char *path, int fd);
/* Move what the plugin counted to the metrics; before they are sent. */
void	sinkhost_tick(struct sinkhost *);

/* What "describe sink NAME" prints: text, or the JSON array of options
 * that tide.sink_types holds. */
int	sinkhost_describe(const struct sinkhost *, FILE *, int json);

#endif
