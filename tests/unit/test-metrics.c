/* SPDX-License-Identifier: ISC */
/* Metrics: the table's order, counting, and the way to control. */
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/messages.h"
#include "common/metrics.h"
#include "common/peer.h"
#include "tests/unit/unit.h"

static void
test_table(void **state)
{
	const struct metric_def *t, *d;
	size_t i, j, n;

	(void)state;
	t = metric_table(&n);
	assert_int_equal(n, METRIC_ID_MAX - 1);
	for (i = 0; i < n; i++) {
		assert_int_equal(t[i].id, i + 1);
		d = metric_find(t[i].id);
		assert_ptr_equal(d, &t[i]);
		assert_int_equal(strncmp(d->name, "pg_tide_relay_", 14), 0);
		if (d->type == METRIC_COUNTER)
			assert_string_equal(d->name + strlen(d->name) - 6,
			    "_total");
		for (j = 1; j < d->nbuckets; j++)
			assert_true(d->buckets[j] > d->buckets[j - 1]);
		for (j = 0; j < i; j++)
			assert_string_not_equal(d->name, t[j].name);
	}
	assert_null(metric_find(0));
	assert_null(metric_find(METRIC_ID_MAX));
	assert_null(metric_find(METRIC_PLUGIN_FIRST));
}

static int
no_frame(struct peer *p, struct frame *f, void *arg)
{
	(void)p;
	(void)f;
	(void)arg;
	return (0);
}

static void
no_gone(struct peer *p, enum peer_gone why, const char *text, void *arg)
{
	(void)p;
	(void)why;
	(void)text;
	(void)arg;
}

static struct event_base *base;
static struct peer *peer;
static int far;

static int
setup(void **state)
{
	static const struct peer_ops ops = { no_frame, no_gone };
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == -1)
		return (-1);
	base = event_base_new();
	far = pair[1];
	peer = peer_new(base, pair[0], ROLE_WORKER, ROLE_CONTROL, 64, "c",
	    &ops, NULL);
	return (peer == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	(void)state;
	peer_free(peer);
	close(far);
	event_base_free(base);
	return (0);
}

static void
test_snapshot(void **state)
{
	struct metrics *m = metrics_new("orders");
	struct metric_frame mf;
	struct metric_sample s;
	struct frame f;
	double *cell;

	(void)state;
	cell = metrics_cell(m, METRIC_PUBLISHED, "");
	*cell += 2;
	metrics_add(m, METRIC_PUBLISHED, "", 3);
	metrics_set(m, METRIC_RETRY_STATE, "retrying", 1);
	metrics_observe(m, METRIC_LATENCY, "", .001, 2);	/* on a bound */
	metrics_observe(m, METRIC_LATENCY, "", .0011, 1);
	metrics_observe(m, METRIC_LATENCY, "", 100, 1);
	metrics_add(m, METRIC_PLUGIN_FIRST + 3, "", 9);
	metrics_send(m, peer);

	assert_int_equal(frame_recv(far, &f), 1);
	assert_null(msg_refusal(&f, ROLE_WORKER, ROLE_CONTROL, CHILD_READY));
	assert_int_equal(metrics_frame_begin(&f, &mf), 0);
	assert_string_equal(mf.pipeline, "orders");
	assert_int_equal(mf.seq, 1);
	assert_int_equal(mf.part, 0);
	assert_int_equal(mf.last, 1);
	assert_int_equal(metrics_frame_next(&f, &s), 1);
	assert_int_equal(s.id, METRIC_PUBLISHED);
	assert_true(s.value == 5);
	assert_int_equal(metrics_frame_next(&f, &s), 1);
	assert_string_equal(s.labels, "retrying");
	assert_int_equal(metrics_frame_next(&f, &s), 1);
	assert_int_equal(s.ncounts, 10);
	assert_int_equal(s.counts[0], 2);
	assert_int_equal(s.counts[1], 1);
	assert_int_equal(s.counts[9], 1);
	assert_true(s.sum > 100.003 && s.sum < 100.0032);
	assert_int_equal(metrics_frame_next(&f, &s), 1);
	assert_int_equal(s.id, METRIC_PLUGIN_FIRST + 3);
	assert_int_equal(metrics_frame_next(&f, &s), 0);
	metrics_free(m);
}

static void
test_many_parts(void **state)
{
	struct metrics *m = metrics_new("");
	struct metric_frame mf = { .last = 0 };
	struct metric_sample s;
	struct frame f;
	char label[128];
	unsigned int i, samples = 0, parts = 0;
	int ret;

	(void)state;
	for (i = 0; i < 1000; i++) {
		(void)snprintf(label, sizeof(label), "%0100u", i);
		metrics_add(m, METRIC_PIPELINE_ERRORS, label, 1);
	}
	metrics_send(m, peer);
	while (!mf.last) {
		assert_int_equal(frame_recv(far, &f), 1);
		assert_int_equal(metrics_frame_begin(&f, &mf), 0);
		assert_int_equal(mf.part, parts++);
		while ((ret = metrics_frame_next(&f, &s)) == 1)
			samples++;
		assert_int_equal(ret, 0);
	}
	assert_true(parts > 1);
	assert_int_equal(samples, 1000);
	metrics_free(m);
}

static int
first_sample(struct frame *f)
{
	struct metric_frame mf;
	struct metric_sample s;

	if (metrics_frame_begin(f, &mf) == -1)
		return (-1);
	return (metrics_frame_next(f, &s));
}

static void
start(struct frame *f, uint16_t id)
{
	frame_start(f, MSG_METRICS, 0);
	frame_put_u32(f, 1);
	frame_put_u16(f, 0x0100);
	frame_put_str(f, "p");
	frame_put_u16(f, id);
	frame_put_str(f, "");
}

static void
test_malformed(void **state)
{
	struct frame f;

	(void)state;
	frame_start(&f, MSG_METRICS, 0);
	assert_int_equal(first_sample(&f), -1);
	start(&f, 900);			/* neither ours nor a plugin's */
	frame_put_f64(&f, 1);
	assert_int_equal(first_sample(&f), -1);
	start(&f, METRIC_PUBLISHED);	/* cut off */
	frame_put_u32(&f, 1);
	assert_int_equal(first_sample(&f), -1);
	start(&f, METRIC_LATENCY);	/* wrong number of buckets */
	frame_put_u8(&f, 255);
	frame_put_f64(&f, 1);
	assert_int_equal(first_sample(&f), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup_teardown(test_snapshot, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_many_parts, setup,
		    teardown),
		cmocka_unit_test(test_malformed)
	};

	return (cmocka_run_group_tests_name("metrics", tests, NULL, NULL));
}
