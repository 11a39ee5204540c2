/* SPDX-License-Identifier: ISC */
/* The document of a pipeline, read against one table of options. */
#include "worker/pipeline.h"

#include <tide/sink.h>

#include <stdlib.h>
#include <string.h>

#include "worker/sinkopt.h"

#define SCHEMA_VERSION	1
#define KIB		INT64_C(1024)
#define GIB		(KIB * KIB * KIB)
#define HOUR_MS		INT64_C(3600000)
#define DAY_MS		(24 * HOUR_MS)

/* Choices in the order of enum wire_format and enum ordering. */
static const struct pgtide_option table[] = {
	{ "wire_format", PGTIDE_OPT_ENUM, 0, "native", 0, 0, "native|raw",
	    "What an event looks like at the destination" },
	{ "ordering", PGTIDE_OPT_ENUM, 0, "key", 0, 0, "key|strict|none",
	    "Which events may not overtake each other" },
	{ "batch_size", PGTIDE_OPT_INT, 0, "100", 1, 10000, NULL,
	    "Events given to the sink in one call" },
	{ "max_inflight", PGTIDE_OPT_INT, 0, "1000", 1, 1000000, NULL,
	    "Events read and not yet settled" },
	{ "max_inflight_bytes", PGTIDE_OPT_SIZE, 0, "16MiB", 64 * KIB,
	    4 * GIB, NULL, "Bytes read and not yet settled" },
	{ "checkpoint_interval", PGTIDE_OPT_DURATION, 0, "200ms", 10, 60000,
	    NULL, "Time between two writes of the checkpoint" },
	{ "poll_interval", PGTIDE_OPT_DURATION, 0, "1s", 10, HOUR_MS, NULL,
	    "Longest sleep without looking for events" },
	{ "ack_timeout", PGTIDE_OPT_DURATION, 0, "60s", 1000, HOUR_MS, NULL,
	    "How long the destination may take to acknowledge" },
	{ "drain_timeout", PGTIDE_OPT_DURATION, 0, "30s", 0, HOUR_MS, NULL,
	    "How long a stop waits for what is in flight" },
	{ "max_event_size", PGTIDE_OPT_SIZE, 0, "16MiB", KIB, GIB, NULL,
	    "Larger events become dead letters" },
	{ "max_permanent_ratio", PGTIDE_OPT_INT, 0, "20", 0, 1000, NULL,
	    "Permanent failures in a row that pause the pipeline; 0: never" },
	{ "retry.initial_backoff", PGTIDE_OPT_DURATION, 0, "100ms", 1,
	    HOUR_MS, NULL, "Wait before the first retry" },
	{ "retry.max_backoff", PGTIDE_OPT_DURATION, 0, "30s", 1, DAY_MS,
	    NULL, "Longest wait between two retries" },
	{ "retry.max_attempts", PGTIDE_OPT_INT, 0, "0", 0, 1000000, NULL,
	    "Attempts before an event is a dead letter; 0: no limit" },
	{ "retry.max_age", PGTIDE_OPT_DURATION, 0, "0", 0, 365 * DAY_MS,
	    NULL, "Age at which a failing event is a dead letter; "
	    "0: no limit" },
	{ "dlq.enabled", PGTIDE_OPT_BOOL, 0, "true", 0, 0, NULL,
	    "Whether there are dead letters; without, permanent failures "
	    "are retried" },
	{ "on_dead_letter", PGTIDE_OPT_ENUM, 0, "continue", 0, 0,
	    "continue|park_key", "What becomes of a key after a dead letter" },
	{ "start", PGTIDE_OPT_STRING, 0, "earliest", 0, 0, NULL,
	    "Where a new pipeline begins: earliest, now, or a time" }
};

static struct sinkopt *
options_new(char *err, size_t errsize)
{
	return (sinkopt_new(table, sizeof(table) / sizeof(table[0]),
	    sizeof(table[0]), err, errsize));
}

static int64_t
number(const struct sinkopt *o, const char *name)
{
	const struct sinkopt_value	*v = sinkopt_value(o, name, 0);

	return (v->number);
}

/* Every option has a default, so every value is there. */
static void
values_take(struct pipeline *p, const struct sinkopt *o)
{
	const int64_t	ms = 1000;

	p->wire_format = (enum wire_format)number(o, "wire_format");
	p->ordering = (enum ordering)number(o, "ordering");
	p->batch_size = (size_t)number(o, "batch_size");
	p->max_inflight = (size_t)number(o, "max_inflight");
	p->max_inflight_bytes = (size_t)number(o, "max_inflight_bytes");
	p->max_event_size = (size_t)number(o, "max_event_size");
	p->max_permanent_ratio =
	    (unsigned int)number(o, "max_permanent_ratio");
	p->checkpoint_interval_us = ms * number(o, "checkpoint_interval");
	p->poll_interval_us = ms * number(o, "poll_interval");
	p->ack_timeout_us = ms * number(o, "ack_timeout");
	p->drain_timeout_us = ms * number(o, "drain_timeout");
	p->retry_initial_us = ms * number(o, "retry.initial_backoff");
	p->retry_max_us = ms * number(o, "retry.max_backoff");
	p->retry_max_attempts =
	    (unsigned int)number(o, "retry.max_attempts");
	p->retry_max_age_us = ms * number(o, "retry.max_age");
	p->dlq_enabled = number(o, "dlq.enabled") != 0;
	p->park_key = number(o, "on_dead_letter") != 0;
}

/* A name of the envelope; it is taken out of the rest. */
static int
name_take(struct json_object *rest, const char *key, const char *path,
    char dst[64], char *err, size_t errsize)
{
	struct json_object	*v;
	const char		*text;

	if (!json_object_object_get_ex(rest, key, &v) ||
	    !json_object_is_type(v, json_type_string)) {
		(void)snprintf(err, errsize, "%s: must be a string", path);
		return (-1);
	}
	text = json_object_get_string(v);
	if (*text == '\0' || strlen(text) >= 64 ||
	    strlen(text) != (size_t)json_object_get_string_len(v)) {
		(void)snprintf(err, errsize,
		    "%s: must have 1 to 63 bytes, none of them zero", path);
		return (-1);
	}
	(void)snprintf(dst, 64, "%s", text);
	json_object_object_del(rest, key);
	return (0);
}

static int
version_take(struct json_object *rest, char *err, size_t errsize)
{
	struct json_object	*v;

	if (!json_object_object_get_ex(rest, "schema_version", &v) ||
	    !json_object_is_type(v, json_type_int) ||
	    json_object_get_int64(v) != SCHEMA_VERSION) {
		(void)snprintf(err, errsize,
		    "schema_version: must be %d", SCHEMA_VERSION);
		return (-1);
	}
	json_object_object_del(rest, "schema_version");
	return (0);
}

static int
source_take(struct pipeline *p, struct json_object *rest, char *err,
    size_t errsize)
{
	struct json_object	*source;
	char			 type[64];

	if (name_take(rest, "source_type", "source_type", type, err,
	    errsize) == -1)
		return (-1);
	if (strcmp(type, "outbox") != 0) {
		(void)snprintf(err, errsize,
		    "source_type: must be \"outbox\"");
		return (-1);
	}
	if (!json_object_object_get_ex(rest, "source", &source) ||
	    !json_object_is_type(source, json_type_object)) {
		(void)snprintf(err, errsize, "source: must be an object");
		return (-1);
	}
	if (name_take(source, "outbox", "source.outbox", p->outbox, err,
	    errsize) == -1)
		return (-1);
	json_object_object_foreach(source, key, v) {
		(void)v;
		(void)snprintf(err, errsize,
		    "source.%.64s: unknown key; known is: outbox", key);
		return (-1);
	}
	json_object_object_del(rest, "source");
	return (0);
}

static int
sink_take(struct pipeline *p, struct json_object *rest, char *err,
    size_t errsize)
{
	struct json_object	*sink = NULL;

	if (name_take(rest, "sink_type", "sink_type", p->sink_type, err,
	    errsize) == -1)
		return (-1);
	if (json_object_object_get_ex(rest, "sink", &sink) &&
	    !json_object_is_type(sink, json_type_object)) {
		(void)snprintf(err, errsize, "sink: must be an object");
		return (-1);
	}
	p->sink = sink != NULL ? json_object_get(sink) :
	    json_object_new_object();
	json_object_object_del(rest, "sink");
	return (0);
}

/* The envelope leaves the document; the options are what remains. */
static int
envelope_take(struct pipeline *p, char *err, size_t errsize)
{
	if (version_take(p->doc, err, errsize) == -1 ||
	    name_take(p->doc, "name", "name", p->name, err, errsize) == -1 ||
	    source_take(p, p->doc, err, errsize) == -1)
		return (-1);
	return (sink_take(p, p->doc, err, errsize));
}

static struct json_object *
json_read(const char *json, size_t len, char *err, size_t errsize)
{
	struct json_tokener	*tok;
	struct json_object	*doc;
	enum json_tokener_error	 why;

	if (len > INT32_MAX || (tok = json_tokener_new()) == NULL) {
		(void)snprintf(err, errsize, "no memory for the document");
		return (NULL);
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	doc = json_tokener_parse_ex(tok, json, (int)len);
	why = json_tokener_get_error(tok);
	json_tokener_free(tok);
	if (why == json_tokener_success &&
	    json_object_is_type(doc, json_type_object))
		return (doc);
	json_object_put(doc);
	(void)snprintf(err, errsize, "the document is no JSON object%s%s",
	    why == json_tokener_success ? "" : ": ",
	    why == json_tokener_success ? "" :
	    json_tokener_error_desc(why));
	return (NULL);
}

int
pipeline_parse(struct pipeline *p, const char *json, size_t len, char *err,
    size_t errsize)
{
	struct sinkopt	*o = NULL;
	int		 rc = -1;

	memset(p, 0, sizeof(*p));
	if ((p->doc = json_read(json, len, err, errsize)) == NULL)
		return (-1);
	if (envelope_take(p, err, errsize) == -1 ||
	    (o = options_new(err, errsize)) == NULL ||
	    sinkopt_configure(o, "", p->doc, err, errsize) == -1)
		goto out;
	values_take(p, o);
	if (p->retry_initial_us > p->retry_max_us) {
		(void)snprintf(err, errsize, "retry.initial_backoff: must "
		    "not be longer than retry.max_backoff");
		goto out;
	}
	rc = 0;
out:
	sinkopt_free(o);
	if (rc == -1)
		pipeline_free(p);
	return (rc);
}

void
pipeline_free(struct pipeline *p)
{
	json_object_put(p->sink);
	json_object_put(p->doc);
	p->sink = p->doc = NULL;
}

int
pipeline_describe(FILE *out, int json)
{
	char		 err[256];
	struct sinkopt	*o;
	int		 rc;

	if ((o = options_new(err, sizeof(err))) == NULL) {
		(void)fprintf(stderr, "%s\n", err);
		return (-1);
	}
	rc = sinkopt_describe(o, out, json);
	sinkopt_free(o);
	return (rc);
}
