/* SPDX-License-Identifier: ISC */
/*
 * The options of a sink: the plugin's table, the pipeline's "sink" object
 * read against it, and the values that the plugin asks for.
 *
 * Nested objects become dotted names: {"signature": {"scheme": "x"}} sets
 * "signature.scheme".  Values are checked twice: without secrets when the
 * document is read, and in full when references were replaced.  Messages
 * name the place in the document and the allowed values, never a value that
 * came from a reference.  Loop thread only.
 */
#ifndef TIDE_WORKER_SINKOPT_H
#define TIDE_WORKER_SINKOPT_H

#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <tide/sink.h>

struct child;
struct secretmem;
struct sinkopt;

/* One element of an option; an option that is no list has one. */
struct sinkopt_value {
	const char	*key;		/* MAP: its key, else NULL */
	const char	*text;
	size_t		 len;
	int64_t		 number;	/* DURATION in ms, ENUM index */
	uint16_t	 port;		/* ENDPOINT */
};

/*
 * Copies the table (elements of stride bytes, whatever the plugin was built
 * with) and checks it.  NULL with a message that blames the plugin.
 */
struct sinkopt *sinkopt_new(const struct pgtide_option *, size_t n,
	    size_t stride, char *err, size_t errsize);
void	sinkopt_free(struct sinkopt *);		/* NULL is allowed */
const struct pgtide_option *sinkopt_table(const struct sinkopt *, size_t *n);

/* root is where the object lies in the document, "" or "sink".  0, or -1
 * with a message that names the JSON path. */
int	sinkopt_configure(struct sinkopt *, const char *root,
	    struct json_object *, char *err, size_t errsize);
/* Replace references, read FILE options, find OUTPUT descriptors. */
int	sinkopt_resolve(struct sinkopt *, struct secretmem *, struct child *,
	    char *err, size_t errsize);

/* Element i, or NULL. */
const struct sinkopt_value *sinkopt_value(const struct sinkopt *,
	    const char *name, size_t i);
const void *sinkopt_bytes(const struct sinkopt *, const char *name,
	    size_t *len);		/* FILE, NULL: none */
int	sinkopt_fd(const struct sinkopt *, const char *name);	/* OUTPUT */
size_t	sinkopt_ports(const struct sinkopt *, uint16_t *, size_t max);
/* The descriptor of an OUTPUT was opened again; takes it over. */
int	sinkopt_reopen(struct sinkopt *, const char *path, int fd);

/* Text for people, or the JSON array of tide.sink_types. */
int	sinkopt_describe(const struct sinkopt *, FILE *, int json);

/* The TCP port of "host:port" or a URL of a known scheme; 0 or -1. */
int	endpoint_port(const char *, uint16_t *);

#endif
