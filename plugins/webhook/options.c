/* SPDX-License-Identifier: ISC */
/*
 * Options and metrics of the webhook sink.  The help texts are what
 * "describe sink webhook" prints and pg-tide-webhook(5) is made from.
 */
#include "plugins/webhook/metrics.h"
#include "plugins/webhook/options.h"

#define KIB		1024
#define MIB		(1024 * 1024)
#define SECOND		1000
#define R		PGTIDE_OPTF_RELOAD
#define RA		(PGTIDE_OPTF_RELOAD | PGTIDE_OPTF_ADVANCED)
#define A		PGTIDE_OPTF_ADVANCED

const struct pgtide_option webhook_options[] = {
	{ "url", PGTIDE_OPT_ENDPOINT, PGTIDE_OPTF_REQUIRED, NULL, 0, 0, NULL,
	    "Where events are sent by POST, as https://host[:port]/path; "
	    "credentials do not belong into it, redirects are not followed" },
	{ "batch", PGTIDE_OPT_BOOL, R, "false", 0, 0, NULL,
	    "Send JSON arrays of events instead of one event per request" },
	{ "batch_max_events", PGTIDE_OPT_INT, R, "100", 1, 10000, NULL,
	    "Most events in one array" },
	{ "batch_max_bytes", PGTIDE_OPT_SIZE, R, "1MiB", KIB, 64 * MIB, NULL,
	    "Size at which an array is closed; a larger event goes alone" },
	{ "timeout", PGTIDE_OPT_DURATION, R, "20s", 100, 300 * SECOND, NULL,
	    "How long a request may take from its start to the end of the "
	    "response" },
	{ "connect_timeout", PGTIDE_OPT_DURATION, R, "5s", 100, 60 * SECOND,
	    NULL, "How long connecting may take, TLS handshake included" },
	{ "max_connections", PGTIDE_OPT_INT, R, "16", 1, 1024, NULL,
	    "Most requests at a time; over HTTP/1.1 each has a connection of "
	    "its own, over HTTP/2 they share one" },
	{ "http2", PGTIDE_OPT_ENUM, RA, "auto", 0, 0, "auto|off",
	    "auto negotiates HTTP/2 over TLS; without TLS and when off it is "
	    "HTTP/1.1" },
	{ "bearer_token", PGTIDE_OPT_SECRET, R, NULL, 0, 0, NULL,
	    "Sent as Authorization: Bearer" },
	{ "headers", PGTIDE_OPT_STRING, PGTIDE_OPTF_MAP | R, NULL, 0, 0, NULL,
	    "Headers of every request, as {\"Name\": \"value\"}; values may "
	    "hold secret references" },
	{ "forward_headers", PGTIDE_OPT_BOOL, R, "true", 0, 0, NULL,
	    "Send an event's own headers as HTTP headers, unless their name "
	    "or value is unsafe or they are set otherwise; not for arrays of "
	    "several" },
	{ "signature.scheme", PGTIDE_OPT_ENUM, R, "none", 0, 0,
	    "none|hmac-sha256|standard-webhooks",
	    "How requests are signed" },
	{ "signature.secret", PGTIDE_OPT_SECRET, R, NULL, 0, 0, NULL,
	    "The signing key: its bytes for hmac-sha256, base64 with or "
	    "without whsec_ for standard-webhooks" },
	{ "signature.header", PGTIDE_OPT_STRING, R, "X-Signature-256", 0, 0,
	    NULL, "Name of the header with the signature of hmac-sha256" },
	{ "signature.extra_secrets", PGTIDE_OPT_SECRET,
	    PGTIDE_OPTF_LIST | RA, NULL, 0, 0, NULL,
	    "Further keys to sign with while receivers change over, at most "
	    "7; standard-webhooks only" },
	{ "tls.ca_file", PGTIDE_OPT_FILE, R, NULL, 0, 0, NULL,
	    "PEM certificates that the receiver's must lead to, instead of "
	    "the system's" },
	{ "tls.client_cert", PGTIDE_OPT_FILE, R, NULL, 0, 0, NULL,
	    "PEM certificate, and those between it and its authority, that "
	    "we show" },
	{ "tls.client_key", PGTIDE_OPT_SECRET, R, NULL, 0, 0, NULL,
	    "PEM private key of tls.client_cert" },
	{ "tls.min_version", PGTIDE_OPT_ENUM, RA, "1.2", 0, 0, "1.2|1.3",
	    "Oldest version of TLS that is accepted" },
	{ "tls.verify", PGTIDE_OPT_BOOL, A, "true", 0, 0, NULL,
	    "Verify the receiver's certificate; false only together with "
	    "allow_insecure, or on this machine" },
	{ "allow_insecure", PGTIDE_OPT_BOOL, A, "false", 0, 0, NULL,
	    "Admit http:// URLs, which anyone on the way can read and change, "
	    "and tls.verify false" },
	{ "allow_private", PGTIDE_OPT_BOOL, A, "false", 0, 0, NULL,
	    "Admit receivers on this machine and in private networks; "
	    "link-local and cloud metadata addresses are refused even then" }
};
const size_t webhook_noptions =
    sizeof(webhook_options) / sizeof(webhook_options[0]);

#define COUNTER	1
#define GAUGE	2

const struct pgtide_metric webhook_metrics[] = {
	[METRIC_REQUESTS] = { "requests_total", COUNTER,
	    "HTTP requests started" },
	[METRIC_CONNECTIONS] = { "connections_total", COUNTER,
	    "Connections attempted" },
	[METRIC_NETWORK_ERRORS] = { "network_errors_total",
	    COUNTER, "Requests that ended without a whole response" },
	[METRIC_ARRAYS_REFUSED] = { "arrays_refused_total",
	    COUNTER, "Arrays refused, whose events were then sent one by one" },
	[METRIC_HEADERS_DROPPED] = { "headers_dropped_total",
	    COUNTER, "Headers of events that could not become HTTP headers" },
	[METRIC_LOOKUPS] = { "lookups_total", COUNTER,
	    "Look-ups of the receiver's host name" },
	[METRIC_REFUSED] = { "addresses_refused_total",
	    COUNTER, "Addresses of the receiver's host that are not admitted" },
	[METRIC_INSECURE] = { "insecure", GAUGE,
	    "1 when TLS or the verification of certificates is off" }
};
const size_t webhook_nmetrics =
    sizeof(webhook_metrics) / sizeof(webhook_metrics[0]);
