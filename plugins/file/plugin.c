/* SPDX-License-Identifier: ISC */
/*
 * The file sink's face towards its host: options, metrics, entry points.
 */
#include "config.h"

#include "plugins/file/file.h"

#define COUNTER	1

static const struct pgtide_option options[] = {
	{ "path", PGTIDE_OPT_OUTPUT, PGTIDE_OPTF_REQUIRED, NULL, 0, 0, NULL,
	    "File that events are appended to, below output.dirs; - is "
	    "standard output, for a look only" },
	{ "format", PGTIDE_OPT_ENUM, PGTIDE_OPTF_RELOAD, "jsonl", 0, 0,
	    "jsonl|pretty",
	    "jsonl writes one event per line, pretty lays each out over "
	    "several for people to read" },
	{ "sync", PGTIDE_OPT_BOOL, PGTIDE_OPTF_RELOAD, "true", 0, 0, NULL,
	    "Events count as delivered when they are on the disk; false "
	    "leaves that to the system, and a crash of it may lose them" }
};

static const struct pgtide_metric metrics[] = {
	[METRIC_EVENTS] = { "events_total", COUNTER,
	    "Events appended" },
	[METRIC_BYTES] = { "bytes_total", COUNTER,
	    "Bytes appended" },
	[METRIC_SYNCS] = { "syncs_total", COUNTER,
	    "Waits for the disk, each for a group of events" },
	[METRIC_FAILURES] = { "failures_total", COUNTER,
	    "Groups of events that could not be appended" },
	[METRIC_REOPENED] = { "reopened_total", COUNTER,
	    "Changes to a new file, after rotation" }
};

static int
plugin_prepare(char *err, size_t errsize)
{
	(void)err;
	(void)errsize;
	return (0);
}

static int
plugin_open(const struct pgtide_host *host, struct pgtide_ctx *ctx,
    void **self, char *err, size_t errsize)
{
	*self = file_open(host, ctx, err, errsize);
	return (*self == NULL ? -1 : 0);
}

static size_t
plugin_deliver(void *self, const struct pgtide_batch *batch)
{
	return (file_deliver(self, batch));
}

static void
plugin_poll(void *self)
{
	file_poll(self);
}

/* The writer never lingers. */
static void
plugin_flush(void *self)
{
	(void)self;
}

static void
plugin_close(void *self, uint32_t ms)
{
	file_close(self, ms);
}

static int
plugin_reload(void *self)
{
	return (file_reload(self));
}

const struct pgtide_sink_plugin *
pgtide_sink_plugin(void)
{
	static const struct pgtide_sink_plugin plugin = {
		PGTIDE_SINK_HEADER,
		.name = "file",
		.version = PACKAGE_VERSION,
		.summary = "Appends events to a file as JSON lines",
		.needs = PGTIDE_NEED_THREADS,
		.options = options,
		.noptions = sizeof(options) / sizeof(options[0]),
		.option_size = sizeof(options[0]),
		.metrics = metrics,
		.nmetrics = sizeof(metrics) / sizeof(metrics[0]),
		.metric_size = sizeof(metrics[0]),
		.prepare = plugin_prepare,
		.open = plugin_open,
		.deliver = plugin_deliver,
		.poll = plugin_poll,
		.flush = plugin_flush,
		.close = plugin_close,
		.reload = plugin_reload
	};

	return (&plugin);
}
