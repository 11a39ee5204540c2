/* SPDX-License-Identifier: ISC */
/*
 * What the relay counts, and the health it reports.
 *
 * Hot counters are plain cells; latencies are sorted into buckets here and
 * handed to the metrics once a second.  Loop thread only.
 */
#ifndef TIDE_WORKER_RELAY_REPORT_H
#define TIDE_WORKER_RELAY_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/messages.h"
#include "common/metrics.h"

struct relay;
struct sink_outcome;

/* A histogram between two ticks. */
struct report_hist {
	const struct metric_def *def;
	const char	*labels;
	uint64_t	 n[METRIC_BUCKETS_MAX + 1];
	double		 sum[METRIC_BUCKETS_MAX + 1];
};

struct report {
	struct metrics	*metrics;
	double		*published, *consumed, *errors, *retries, *throttled;
	double		*polled, *encoded, *started, *acknowledged;
	double		*bytes, *polls;
	struct report_hist latency, duration;
	double		 last_success, last_error;	/* wall seconds */
	struct msg_state state;		/* as last sent */
	bool		 sink_down;
	char		 sink_text[256];
	int32_t		 error_code;
	int64_t		 error_us;	/* monotonic, 0: none */
	char		 error_text[512];
	char		 error_key[64];	/* quoted; "": it had none */
};

void	report_init(struct report *, struct metrics *, const char *sink_type);
void	report_observe(struct report_hist *, double seconds);
/* The key of the event that is about to fail, for the state's text. */
void	report_key(struct report *, const char *key, size_t len);
/* An attempt that did not deliver. */
void	report_failure(struct report *, const struct sink_outcome *,
	    int64_t now);
/* Once a second: gauges, histograms, health. */
void	report_tick(struct relay *, int64_t now);
/* Health, now; sent when it changed. */
void	report_health(struct relay *, int64_t now);
/* A state that is not derived: standby, cannot connect. */
void	report_state(struct relay *, enum health, const char *error_class,
	    const char *text);

#endif
