/* SPDX-License-Identifier: ISC */
/*
 * A pipeline's document, parsed: the options that any pipeline has (one
 * table, the row '@pipeline' of tide.sink_types) and its "sink" object.
 */
#ifndef TIDE_WORKER_PIPELINE_H
#define TIDE_WORKER_PIPELINE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum wire_format { WIRE_NATIVE, WIRE_RAW };
enum ordering { ORDER_KEY, ORDER_STRICT, ORDER_NONE };

struct pipeline {
	char		 name[64];
	char		 outbox[64];
	char		 sink_type[64];
	struct json_object *doc;	/* the options; owned */
	struct json_object *sink;	/* its "sink" object; owned */
	enum wire_format wire_format;
	enum ordering	 ordering;
	size_t		 batch_size;
	size_t		 max_inflight;
	size_t		 max_inflight_bytes;
	size_t		 max_event_size;
	unsigned int	 max_permanent_ratio;
	int64_t		 checkpoint_interval_us;
	int64_t		 poll_interval_us;
	int64_t		 ack_timeout_us;
	int64_t		 drain_timeout_us;
	int64_t		 retry_initial_us, retry_max_us, retry_max_age_us;
	unsigned int	 retry_max_attempts;	/* 0: no limit */
	bool		 dlq_enabled;
	bool		 park_key;		/* on_dead_letter: park_key */
};

/* Parse and check; 0, or -1 with a message that names the JSON path. */
int	pipeline_parse(struct pipeline *, const char *json, size_t len,
	    char *err, size_t errsize);
void	pipeline_free(struct pipeline *);
/* The option table as text or as the JSON of tide.sink_types. */
int	pipeline_describe(FILE *, int json);

#endif
