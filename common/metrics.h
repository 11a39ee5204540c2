/* SPDX-License-Identifier: ISC */
/*
 * Metrics as every process counts them and as they travel to control.
 *
 * metrics.c holds the one table: id, name (pg_tide_relay_*), type, unit,
 * help, names of labels beyond "pipeline", bucket bounds.  A process keeps
 * plain numbers per (id, label values) and sends a snapshot once a second:
 * frames of samples
 *	u16 id, str labels (values joined by \x1f, "" if none),
 *	counter/gauge: f64
 *	histogram: u8 n, n * u64 counts (not cumulative, the last is +Inf),
 *	f64 sum
 * preceded in each frame by u32 sequence, u8 part, u8 last, str pipeline.
 * Counters start at zero in every process; control adds what earlier
 * processes had.
 */
#ifndef TIDE_COMMON_METRICS_H
#define TIDE_COMMON_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "common/frame.h"

struct peer;

enum metric_type { METRIC_COUNTER = 1, METRIC_GAUGE = 2,
	    METRIC_HISTOGRAM = 3 };

/* Append only; the numbers travel.  Names in metrics.c. */
enum metric_id {
	METRIC_PUBLISHED = 1,		/* messages_published_total */
	METRIC_CONSUMED,		/* messages_consumed_total: rows read */
	METRIC_PUBLISH_ERRORS,		/* publish_errors_total */
	METRIC_DLQ_WRITTEN,		/* dlq_entries_written_total */
	METRIC_CONNECTOR_FAILURES,	/* {connector,code,retry_class} */
	METRIC_PIPELINE_ERRORS,		/* {error_class} */
	METRIC_DLQ_WRITE_ERRORS,
	METRIC_STAGE,			/* delivery_stage_total
					 * {stage,outcome} */
	METRIC_CHECKPOINT_ERRORS,	/* checkpoint_commit_errors_total */
	METRIC_OWNERSHIP_EVENTS,	/* ownership_events_total {event} */
	METRIC_FORCED_SHUTDOWN,		/* from control, by cause */
	METRIC_POLL_QUERIES,		/* source_poll_queries_total */
	METRIC_OFFSET_WRITES,		/* offset_writes_total */
	METRIC_CATALOG_QUERIES,		/* catalog_discovery_queries_total */
	METRIC_HEALTHY,			/* pipeline_healthy 0/1 */
	METRIC_LAG,			/* consumer_lag, events */
	METRIC_LAG_SECONDS,		/* consumer_lag_seconds */
	METRIC_OWNED,			/* owned_pipelines */
	METRIC_RETRY_STATE,		/* retry_state {state} */
	METRIC_DLQ_DEPTH,
	METRIC_HEARTBEAT_AGE,		/* pipeline_heartbeat_age_seconds */
	METRIC_LAST_SUCCESS,		/* pipeline_last_success_timestamp_.. */
	METRIC_LAST_ERROR,
	METRIC_LATENCY,			/* delivery_latency_seconds: created_at
					 * to acknowledged */
	METRIC_SINK_DURATION,		/* sink_publish_duration_seconds
					 * {sink_type} */
	METRIC_RECONCILE_DURATION,	/* reconcile_duration_seconds */
	METRIC_INFLIGHT,		/* inflight_events */
	METRIC_INFLIGHT_BYTES,
	METRIC_HELD,			/* held_events */
	METRIC_RETRIES,			/* delivery_retries_total */
	METRIC_THROTTLED,		/* sink_throttled_total */
	METRIC_CHECKPOINT_AGE,		/* checkpoint_age_seconds */
	METRIC_PAYLOAD_BYTES,		/* payload_bytes_total */
	METRIC_SANDBOX_LEVEL,		/* worker_sandbox_level {layer} */
	METRIC_SANDBOX_KILLS,		/* worker_sandbox_kills_total */
	METRIC_RESTARTS,		/* worker_restarts_total {cause} */
	METRIC_DROPPED_FRAMES,		/* metric frames dropped */
	METRIC_WAKEUPS,			/* doorbell_wakeups_total {reason} */
	METRIC_LOOKUPS,			/* resolver_lookups_total {result} */
	METRIC_UP,			/* up: 1 while control serves */
	METRIC_BUILD_INFO,		/* build_info {version} */
	METRIC_INSECURE,		/* pipeline_insecure 0/1 */
	METRIC_PAUSED,			/* pipeline_paused 0/1 */
	METRIC_ID_MAX,
	METRIC_PLUGIN_FIRST = 1000	/* a plugin's own table */
};

#define METRIC_BUCKETS_MAX	16
struct metric_def {
	uint16_t	 id;
	enum metric_type type;
	const char	*name;		/* without _total for counters? no: the
					 * full exposed name */
	const char	*help;
	const char	*labels;	/* "connector,code,retry_class" or "" */
	size_t		 nbuckets;	/* histogram: upper bounds, no +Inf */
	double		 buckets[METRIC_BUCKETS_MAX];
};
const struct metric_def *metric_find(uint16_t id);
const struct metric_def *metric_table(size_t *n);

/* What one process counts about one pipeline ("" for itself). */
struct metrics;

struct metrics *metrics_new(const char *pipeline);
void	metrics_free(struct metrics *);
/* labels: values in the order of the table, joined by \x1f; "" if none. */
void	metrics_add(struct metrics *, uint16_t id, const char *labels, double);
void	metrics_set(struct metrics *, uint16_t id, const char *labels, double);
/* For hot paths: look the cell up once, then add to it directly. */
double	*metrics_cell(struct metrics *, uint16_t id, const char *labels);
void	metrics_observe(struct metrics *, uint16_t id, const char *labels,
	    double seconds, uint64_t times);
/* Send a snapshot of everything as offers to the control process. */
void	metrics_send(struct metrics *, struct peer *control);

/* Taking a frame apart, for control: 1 a sample, 0 the end, -1 malformed. */
struct metric_sample {
	uint16_t	id;
	char		labels[512];
	double		value;
	size_t		ncounts;
	uint64_t	counts[METRIC_BUCKETS_MAX + 1];
	double		sum;
};
struct metric_frame {
	uint32_t	seq;
	uint8_t		part, last;
	char		pipeline[64];
};
int	metrics_frame_begin(struct frame *, struct metric_frame *);
int	metrics_frame_next(struct frame *, struct metric_sample *);

#endif
