/* SPDX-License-Identifier: ISC */
/*
 * One HTTP request: the transfer and its verdict.
 */
#include "config.h"

#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugins/webhook/address.h"
#include "plugins/webhook/conf.h"
#include "plugins/webhook/lookup.h"
#include "plugins/webhook/metrics.h"
#include "plugins/webhook/request.h"
#include "plugins/webhook/text.h"
#include "plugins/webhook/tls.h"

#define LIFETIME_S	300	/* of a connection: addresses change */
#define BUFFER_BYTES	16384

struct request *
request_new(const struct pgtide_host *host, struct pgtide_ctx *ctx)
{
	struct request *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	r->host = host;
	r->ctx = ctx;
	if ((r->easy = curl_easy_init()) == NULL) {
		free(r);
		return (NULL);
	}
	return (r);
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	request_forget(r);
	curl_easy_cleanup(r->easy);
	free(r->msgs);
	free(r->array);
	free(r);
}

void
request_forget(struct request *r)
{
	curl_easy_reset(r->easy);
	pins_unref(r->pins);
	conf_unref(r->conf);
	r->pins = NULL;
	r->conf = NULL;
}

static size_t
take_body(char *data, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	size_t room = sizeof(r->answer) - r->kept;

	(void)size;			/* is always 1 */
	if (room > n)
		room = n;
	memcpy(r->answer + r->kept, data, room);
	r->kept += room;
	r->answered += n;
	if (r->answered <= ANSWER_LIMIT)
		return (n);
	r->cut = true;
	return (0);
}

static size_t
take_header(char *data, size_t size, size_t n, void *arg)
{
	struct request *r = arg;

	(void)data;
	(void)size;			/* is always 1 */
	r->header_bytes += n;
	return (r->header_bytes <= HEADERS_LIMIT ? n : 0);
}

/*
 * The last word on where a connection goes, whatever libcurl was told: a
 * refused address never gets a socket.
 */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct request *r = arg;
	struct pgtide_addr a;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    address_from_sockaddr(&sa->addr, &a) == -1 ||
	    address_refusal(&a, r->conf->allow_private) != NULL) {
		r->host->metric_add(r->ctx, METRIC_REFUSED, 1);
		return (CURL_SOCKET_BAD);
	}
	r->host->metric_add(r->ctx, METRIC_CONNECTIONS, 1);
	return (socket(sa->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    sa->protocol));
}

static int
setup_transfer(struct request *r)
{
	CURL *e = r->easy;
	int rc = 0;

	rc |= (int)curl_easy_setopt(e, CURLOPT_URL, r->conf->url.text);
	rc |= (int)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
	    r->conf->url.tls ? "https" : "http");
	rc |= (int)curl_easy_setopt(e, CURLOPT_POST, 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_PROXY, "");
	rc |= (int)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_USERAGENT, "pg-tided");
	rc |= (int)curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
	    r->conf->http_version);
	/* Wait for what ALPN says; in plain text libcurl would wait for the
	 * first answer, and one that hangs would stop all requests. */
	rc |= (int)curl_easy_setopt(e, CURLOPT_PIPEWAIT,
	    r->conf->url.tls ? 1L : 0L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
	    r->conf->timeout_ms);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
	    r->conf->connect_timeout_ms);
	rc |= (int)curl_easy_setopt(e, CURLOPT_MAXLIFETIME_CONN,
	    (long)LIFETIME_S);
	rc |= (int)curl_easy_setopt(e, CURLOPT_BUFFERSIZE,
	    (long)BUFFER_BYTES);
	rc |= (int)curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE,
	    (long)BUFFER_BYTES);
	return (rc == 0 ? 0 : -1);
}

static int
setup_callbacks(struct request *r)
{
	CURL *e = r->easy;
	int rc = 0;

	rc |= (int)curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	rc |= (int)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->error);
	rc |= (int)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	rc |= (int)curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	rc |= (int)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
	rc |= (int)curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
	rc |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION,
	    open_socket);
	rc |= (int)curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, r);
	return (rc == 0 ? 0 : -1);
}

static int
setup_tls(struct request *r)
{
	struct conf *c = r->conf;
	CURL *e = r->easy;
	int rc = 0;

	rc |= (int)curl_easy_setopt(e, CURLOPT_SSLVERSION, c->min_tls);
	rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER,
	    c->verify ? 1L : 0L);
	rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST,
	    c->verify ? 2L : 0L);
	/* No file is ever opened: tls_use_store() brings the authorities. */
	rc |= (int)curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
	rc |= (int)curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	if (c->store != NULL) {
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION,
		    tls_use_store);
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA,
		    c->store);
	}
	if (c->cert.data != NULL) {
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSLCERT_BLOB,
		    &c->cert);
		rc |= (int)curl_easy_setopt(e, CURLOPT_SSLKEY_BLOB, &c->key);
	}
	return (rc == 0 ? 0 : -1);
}

/* Everything that stays the same from request to request. */
static int
setup(struct request *r, struct conf *conf)
{
	request_forget(r);
	r->conf = conf_ref(conf);
	if (setup_transfer(r) == 0 && setup_callbacks(r) == 0 &&
	    (!conf->url.tls || setup_tls(r) == 0))
		return (0);
	request_forget(r);		/* so that the next try starts anew */
	return (-1);
}

static int
setup_pins(struct request *r, struct pins *pins)
{
	if (curl_easy_setopt(r->easy, CURLOPT_RESOLVE, pins->resolve) !=
	    CURLE_OK)
		return (-1);
	pins_unref(r->pins);
	r->pins = pins_ref(pins);
	return (0);
}

int
request_begin(struct request *r, struct conf *conf, struct pins *pins)
{
	struct pgtide_msg *msgs;

	r->nmsgs = 0;
	r->answered = r->kept = r->header_bytes = 0;
	r->cut = false;
	r->error[0] = '\0';
	r->detail[0] = '\0';
	if (r->max < conf->batch_max_events) {
		msgs = reallocarray(r->msgs, conf->batch_max_events,
		    sizeof(*msgs));
		if (msgs == NULL)
			return (-1);
		r->msgs = msgs;
		r->max = conf->batch_max_events;
	}
	if (r->conf != conf && setup(r, conf) == -1)
		return (-1);
	/* libcurl reads a list once, into a cache that all transfers share. */
	if (pins != NULL && pins != r->pins && setup_pins(r, pins) == -1)
		return (-1);
	return (0);
}

void
request_add(struct request *r, const struct pgtide_msg *m)
{
	r->msgs[r->nmsgs++] = *m;
}

static int64_t
retry_after(CURL *easy)
{
	struct curl_header *after, *date;

	if (curl_easy_header(easy, "Retry-After", 0, CURLH_HEADER, -1,
	    &after) != CURLHE_OK)
		return (-1);
	if (curl_easy_header(easy, "Date", 0, CURLH_HEADER, -1, &date) !=
	    CURLHE_OK)
		date = NULL;
	return (verdict_retry_after(after->value,
	    date != NULL ? date->value : NULL, time(NULL)));
}

static void
describe_status(struct request *r, long status, const struct verdict *v)
{
	char *p = r->detail;
	size_t left = sizeof(r->detail), n;

	n = (size_t)snprintf(p, left, "HTTP %ld%s%s", status,
	    v->advice != NULL ? ", " : "",
	    v->advice != NULL ? v->advice : "");
	if (r->kept == 0 || n + 3 >= left)
		return;
	p += n;
	left -= n;
	memcpy(p, ": ", 3);
	if (text_clean(r->answer, r->kept, p + 2, left - 2) == 0)
		*p = '\0';
	else
		conf_scrub(r->conf, p + 2);
}

static struct verdict
judge_failure(struct request *r, CURLcode rc, int32_t *code)
{
	static const struct verdict failure = {
		.result = PGTIDE_TRANSIENT, .shared = true
	};
	char text[CURL_ERROR_SIZE];

	*code = (int32_t)rc;
	r->host->metric_add(r->ctx, METRIC_NETWORK_ERRORS, 1);
	(void)text_clean(r->error, strlen(r->error), text, sizeof(text));
	(void)snprintf(r->detail, sizeof(r->detail), "%s: %s%s%s",
	    r->conf->url.origin, curl_easy_strerror(rc),
	    text[0] != '\0' ? ": " : "", text);
	return (failure);
}

struct verdict
request_judge(struct request *r, CURLcode rc, int32_t *code)
{
	struct verdict v;
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	/* A response that we cut off ourselves was long enough to judge. */
	if (rc != CURLE_OK && !(rc == CURLE_WRITE_ERROR && r->cut))
		return (judge_failure(r, rc, code));
	*code = (int32_t)status;
	v = verdict_status(status, status == 429 || status == 503 ?
	    retry_after(r->easy) : -1);
	if (v.result != PGTIDE_DELIVERED)
		describe_status(r, status, &v);
	return (v);
}
