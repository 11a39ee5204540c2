/* SPDX-License-Identifier: ISC */
/*
 * The limit that signed webhooks are measured against: a bare libcurl multi
 * loop that posts COUNT signed bodies of SIZE bytes over CONNECTIONS
 * keep-alive connections.
 *
 * usage: post-baseline URL COUNT SIZE CONNECTIONS
 * Prints one JSON object.
 */
#include <curl/curl.h>
#include <err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct slot {
	CURL		*easy;
	struct curl_slist *headers;
	char		*body;
	size_t		 len;
};

static long sent, done, failed, count;

static double
clock_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static size_t
discard(char *p, size_t size, size_t n, void *arg)
{
	(void)p;
	(void)arg;
	return (size * n);
}

static void
slot_start(CURLM *multi, struct slot *s, const char *url)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	char line[160];
	unsigned int n, i;
	size_t at;

	snprintf(s->body, 24, "%020ld", sent);
	s->body[20] = ' ';
	HMAC(EVP_sha256(), "secret", 6, (unsigned char *)s->body, s->len, mac,
	    &n);
	at = (size_t)snprintf(line, sizeof(line), "X-Signature-256: sha256=");
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, "%02x",
		    mac[i]);
	curl_slist_free_all(s->headers);
	s->headers = curl_slist_append(NULL, line);
	s->headers = curl_slist_append(s->headers,
	    "Content-Type: application/json");
	snprintf(line, sizeof(line), "Idempotency-Key: bench:%ld", sent);
	s->headers = curl_slist_append(s->headers, line);
	s->headers = curl_slist_append(s->headers, "Expect:");
	curl_easy_setopt(s->easy, CURLOPT_URL, url);
	curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, s->body);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE, (long)s->len);
	curl_easy_setopt(s->easy, CURLOPT_WRITEFUNCTION, discard);
	curl_multi_add_handle(multi, s->easy);
	sent++;
}

static void
reap(CURLM *multi, const char *url)
{
	struct slot *s;
	CURLMsg *msg;
	CURL *easy;
	long status;
	int left;

	while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		easy = msg->easy_handle;
		status = 0;
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (msg->data.result != CURLE_OK || status / 100 != 2)
			failed++;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&s);
		curl_multi_remove_handle(multi, easy);
		done++;
		if (sent < count)
			slot_start(multi, s, url);
	}
}

static void
run(CURLM *multi, const char *url)
{
	int running;

	while (done < count) {
		curl_multi_perform(multi, &running);
		reap(multi, url);
		if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

int
main(int argc, char **argv)
{
	struct slot *slots;
	CURLM *multi;
	double start, used;
	long n, i;

	if (argc != 5) {
		fprintf(stderr,
		    "usage: post-baseline URL COUNT SIZE CONNECTIONS\n");
		return (2);
	}
	count = strtol(argv[2], NULL, 10);
	n = strtol(argv[4], NULL, 10);
	if (count < 1 || n < 1 || strtol(argv[3], NULL, 10) < 32)
		errx(2, "COUNT and CONNECTIONS >= 1, SIZE >= 32");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	slots = calloc((size_t)n, sizeof(*slots));
	if (multi == NULL || slots == NULL)
		errx(1, "out of memory");
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, n);
	start = clock_of(CLOCK_MONOTONIC);
	for (i = 0; i < n && sent < count; i++) {
		slots[i].easy = curl_easy_init();
		slots[i].len = strtoul(argv[3], NULL, 10);
		slots[i].body = malloc(slots[i].len + 1);
		if (slots[i].easy == NULL || slots[i].body == NULL)
			errx(1, "out of memory");
		memset(slots[i].body, 'x', slots[i].len);
		slot_start(multi, &slots[i], argv[1]);
	}
	run(multi, argv[1]);
	used = clock_of(CLOCK_MONOTONIC) - start;
	printf("{\"posts\": %ld, \"failed\": %ld, \"seconds\": %.3f, "
	    "\"posts_per_second\": %.0f, \"cpu_seconds\": %.3f}\n", done,
	    failed, used, (double)done / used,
	    clock_of(CLOCK_PROCESS_CPUTIME_ID));
	return (failed != 0);
}
