/* SPDX-License-Identifier: ISC */
/*
 * The webhook sink's face towards its host: description and entry points.
 */
#include "config.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "plugins/webhook/options.h"
#include "plugins/webhook/sign.h"
#include "plugins/webhook/tls.h"
#include "plugins/webhook/webhook.h"

/*
 * The last moment at which files can be read: OpenSSL's configuration, the
 * system's certificates, and the time zone, which gmtime_r() reads as well
 * when a certificate's dates are checked.
 */
static int
plugin_prepare(char *err, size_t errsize)
{
	const curl_version_info_data *info;

	tzset();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)snprintf(err, errsize, "libcurl cannot be initialised");
		return (-1);
	}
	info = curl_version_info(CURLVERSION_NOW);
	if (info->ssl_version == NULL ||
	    strncmp(info->ssl_version, "OpenSSL/", 8) != 0) {
		(void)snprintf(err, errsize, "libcurl uses %s for TLS, this "
		    "sink needs one that uses OpenSSL",
		    info->ssl_version != NULL ? info->ssl_version : "nothing");
		return (-1);
	}
	if (OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL) != 1 ||
	    sign_prepare() == -1 || tls_prepare() == -1) {
		(void)snprintf(err, errsize, "OpenSSL cannot be initialised");
		return (-1);
	}
	return (0);
}

static int
plugin_open(const struct pgtide_host *host, struct pgtide_ctx *ctx,
    void **self, char *err, size_t errsize)
{
	*self = webhook_open(host, ctx, err, errsize);
	return (*self == NULL ? -1 : 0);
}

static size_t
plugin_deliver(void *self, const struct pgtide_batch *batch)
{
	return (webhook_deliver(self, batch));
}

/* Everything happens in watches, timers and look-ups. */
static void
plugin_poll(void *self)
{
	(void)self;
}

/* Nothing lingers here. */
static void
plugin_flush(void *self)
{
	(void)self;
}

static void
plugin_close(void *self, uint32_t ms)
{
	(void)ms;			/* nothing to wait for: see poll */
	webhook_close(self);
}

static int
plugin_reload(void *self)
{
	return (webhook_reload(self));
}

static int
plugin_secret_changed(void *self, const char *name)
{
	(void)name;
	return (webhook_reload(self));
}

const struct pgtide_sink_plugin *
pgtide_sink_plugin(void)
{
	static struct pgtide_sink_plugin plugin = {
		PGTIDE_SINK_HEADER,
		.name = "webhook",
		.version = PACKAGE_VERSION,
		.summary = "POSTs events to an HTTP server, signed",
		.needs = PGTIDE_NEED_TCP,
		.options = webhook_options,
		.option_size = sizeof(struct pgtide_option),
		.metrics = webhook_metrics,
		.metric_size = sizeof(struct pgtide_metric),
		.prepare = plugin_prepare,
		.open = plugin_open,
		.deliver = plugin_deliver,
		.poll = plugin_poll,
		.flush = plugin_flush,
		.close = plugin_close,
		.reload = plugin_reload,
		.secret_changed = plugin_secret_changed
	};

	plugin.noptions = webhook_noptions;
	plugin.nmetrics = webhook_nmetrics;
	return (&plugin);
}
