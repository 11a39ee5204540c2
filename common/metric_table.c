/* SPDX-License-Identifier: ISC */
/* The one table of metrics: names that dashboards and alerts rely on. */
#include <string.h>

#include "common/metrics.h"

#define P	"pg_tide_relay_"
#define COUNTER(id, name, help, labels)					\
	{ id, METRIC_COUNTER, P name "_total", help, labels, 0, { 0 } }
#define GAUGE(id, name, help, labels)					\
	{ id, METRIC_GAUGE, P name, help, labels, 0, { 0 } }

static const struct metric_def table[] = {
	COUNTER(METRIC_PUBLISHED, "messages_published",
	    "Events that the destination acknowledged", ""),
	COUNTER(METRIC_CONSUMED, "messages_consumed",
	    "Events read from the source", ""),
	COUNTER(METRIC_PUBLISH_ERRORS, "publish_errors",
	    "Deliveries that failed", ""),
	COUNTER(METRIC_DLQ_WRITTEN, "dlq_entries_written",
	    "Events written to the dead-letter table", ""),
	COUNTER(METRIC_CONNECTOR_FAILURES, "connector_failures",
	    "Failures of the destination by code and class",
	    "connector,code,retry_class"),
	COUNTER(METRIC_PIPELINE_ERRORS, "pipeline_errors",
	    "Errors of a pipeline by class", "error_class"),
	COUNTER(METRIC_DLQ_WRITE_ERRORS, "dlq_write_errors",
	    "Failed writes to the dead-letter table", ""),
	COUNTER(METRIC_STAGE, "delivery_stage",
	    "Events that passed a stage of delivery", "stage,outcome"),
	COUNTER(METRIC_CHECKPOINT_ERRORS, "checkpoint_commit_errors",
	    "Checkpoints that could not be written", ""),
	COUNTER(METRIC_OWNERSHIP_EVENTS, "ownership_events",
	    "Pipelines taken, lost and fenced", "event"),
	COUNTER(METRIC_FORCED_SHUTDOWN, "forced_shutdown",
	    "Workers that did not drain in time", ""),
	COUNTER(METRIC_POLL_QUERIES, "source_poll_queries",
	    "Queries for new events", ""),
	COUNTER(METRIC_OFFSET_WRITES, "offset_writes",
	    "Checkpoints written", ""),
	COUNTER(METRIC_CATALOG_QUERIES, "catalog_discovery_queries",
	    "Queries for the list of pipelines", ""),
	GAUGE(METRIC_HEALTHY, "pipeline_healthy",
	    "1 while the pipeline delivers", ""),
	GAUGE(METRIC_LAG, "consumer_lag",
	    "Events that wait for delivery", ""),
	GAUGE(METRIC_LAG_SECONDS, "consumer_lag_seconds",
	    "Age of the oldest event that waits", ""),
	GAUGE(METRIC_OWNED, "owned_pipelines",
	    "Pipelines that this instance runs", ""),
	GAUGE(METRIC_RETRY_STATE, "retry_state",
	    "1 for the state that the pipeline is in", "state"),
	GAUGE(METRIC_DLQ_DEPTH, "dlq_depth",
	    "Events in the dead-letter table", ""),
	GAUGE(METRIC_HEARTBEAT_AGE, "pipeline_heartbeat_age_seconds",
	    "Time since the worker was last heard", ""),
	GAUGE(METRIC_LAST_SUCCESS, "pipeline_last_success_timestamp_seconds",
	    "When an event was last acknowledged", ""),
	GAUGE(METRIC_LAST_ERROR, "pipeline_last_error_timestamp_seconds",
	    "When a delivery last failed", ""),
	{ METRIC_LATENCY, METRIC_HISTOGRAM, P "delivery_latency_seconds",
	    "Time from publication to acknowledgement", "", 9,
	    { .001, .005, .01, .05, .1, .5, 1, 5, 30 } },
	{ METRIC_SINK_DURATION, METRIC_HISTOGRAM,
	    P "sink_publish_duration_seconds",
	    "Time from handing an event to the sink to its outcome",
	    "sink_type", 10,
	    { .001, .005, .01, .05, .1, .25, .5, 1, 5, 30 } },
	{ METRIC_RECONCILE_DURATION, METRIC_HISTOGRAM,
	    P "reconcile_duration_seconds",
	    "Time to read the list of pipelines", "", 10,
	    { .001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5 } },
	GAUGE(METRIC_INFLIGHT, "inflight_events",
	    "Events read and not settled", ""),
	GAUGE(METRIC_INFLIGHT_BYTES, "inflight_bytes",
	    "Payload bytes read and not settled", ""),
	GAUGE(METRIC_HELD, "held_events",
	    "Events settled out of order that the checkpoint holds", ""),
	COUNTER(METRIC_RETRIES, "delivery_retries",
	    "Deliveries that were tried again", ""),
	COUNTER(METRIC_THROTTLED, "sink_throttled",
	    "Times that the destination asked to slow down", ""),
	GAUGE(METRIC_CHECKPOINT_AGE, "checkpoint_age_seconds",
	    "Time since the checkpoint was last written", ""),
	COUNTER(METRIC_PAYLOAD_BYTES, "payload_bytes",
	    "Payload bytes delivered", ""),
	GAUGE(METRIC_SANDBOX_LEVEL, "worker_sandbox_level",
	    "1 when a layer of the sandbox is in force", "layer"),
	COUNTER(METRIC_SANDBOX_KILLS, "worker_sandbox_kills",
	    "Workers that the system call filter killed", ""),
	COUNTER(METRIC_RESTARTS, "worker_restarts",
	    "Restarts of a process by cause", "cause"),
	COUNTER(METRIC_DROPPED_FRAMES, "metric_frames_dropped",
	    "Metric frames that were dropped for lack of room", ""),
	COUNTER(METRIC_WAKEUPS, "doorbell_wakeups",
	    "Wake-ups of idle pipelines by reason", "reason"),
	COUNTER(METRIC_LOOKUPS, "resolver_lookups",
	    "Name look-ups by result", "result"),
	GAUGE(METRIC_UP, "up", "1 while the control process serves", ""),
	GAUGE(METRIC_BUILD_INFO, "build_info",
	    "Always 1; the version is in the label", "version"),
	GAUGE(METRIC_INSECURE, "pipeline_insecure",
	    "1 when the pipeline sends without encryption", ""),
	GAUGE(METRIC_PAUSED, "pipeline_paused",
	    "1 while the pipeline is paused", "")
};
#define NTABLE	(sizeof(table) / sizeof(table[0]))

_Static_assert(NTABLE == METRIC_ID_MAX - 1, "a metric without a row");

const struct metric_def *
metric_find(uint16_t id)
{
	/* In the order of the enum; the unit test holds that. */
	if (id == 0 || id > NTABLE)
		return (NULL);
	return (&table[id - 1]);
}

const struct metric_def *
metric_table(size_t *n)
{
	*n = NTABLE;
	return (table);
}
