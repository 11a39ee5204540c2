/* SPDX-License-Identifier: ISC */
/* Aggregation: what survives a restart, what goes, what is refused. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/control/store.h"
#include "tests/unit/unit.h"

#define SECOND	INT64_C(1000000)

struct fixture {
	struct families	*families;
	struct store	*store;
};

static int
setup(void **state)
{
	static struct fixture fx;

	fx.families = families_new();
	fx.store = store_new();
	*state = &fx;
	return (fx.families == NULL || fx.store == NULL ? -1 : 0);
}

static int
teardown(void **state)
{
	struct fixture *fx = *state;

	store_free(fx->store);
	families_free(fx->families);
	return (0);
}

static int
put(struct fixture *fx, uint64_t source, uint16_t id, const char *labels,
    double value, int64_t now_us)
{
	struct metric_sample m;

	memset(&m, 0, sizeof(m));
	(void)snprintf(m.labels, sizeof(m.labels), "%s", labels);
	m.value = value;
	return (store_put(fx->store, source, "p",
	    families_find(fx->families, id), &m, now_us));
}

static double
get(struct fixture *fx, uint16_t id, const char *labels, int64_t now_us)
{
	double v = -1;

	if (!store_get(fx->store, "p", families_find(fx->families, id),
	    labels, now_us, &v))
		return (-1);
	return (v);
}

#define assert_number(a, b) assert_true(fabs((a) - (b)) < 1e-9)

static void
test_counter_goes_on(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "", 5, 0), 0);
	assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "", 7, 0), 0);
	assert_number(get(fx, METRIC_PUBLISHED, "", 0), 7);
	store_source_gone(fx->store, 1);
	assert_number(get(fx, METRIC_PUBLISHED, "", 0), 7);
	assert_int_equal(put(fx, 2, METRIC_PUBLISHED, "", 1, 0), 0);
	assert_number(get(fx, METRIC_PUBLISHED, "", 0), 8);
	/* Two at the same time: the old one drains yet. */
	assert_int_equal(put(fx, 3, METRIC_PUBLISHED, "", 2, 0), 0);
	assert_number(get(fx, METRIC_PUBLISHED, "", 0), 10);
	store_source_gone(fx->store, 2);
	store_source_gone(fx->store, 3);
	store_source_gone(fx->store, 3);
	assert_number(get(fx, METRIC_PUBLISHED, "", 0), 10);
}

/* Any sequence of counting, restarts and ends: never down, nothing lost. */
static void
test_counter_never_goes_back(void **state)
{
	struct fixture *fx = *state;
	double mine[4] = { 0 }, sum = 0, last = 0, v;
	uint64_t seed = 42, generation[4] = { 1, 2, 3, 4 }, next = 5;
	size_t i, step;

	for (step = 0; step < 5000; step++) {
		i = (size_t)unit_random(&seed, 4);
		if (unit_random(&seed, 20) == 0) {
			store_source_gone(fx->store, generation[i]);
			generation[i] = next++;
			mine[i] = 0;
		} else {
			v = (double)unit_random(&seed, 100);
			mine[i] += v;
			sum += v;
			assert_int_equal(put(fx, generation[i],
			    METRIC_PUBLISHED, "", mine[i], 0), 0);
		}
		v = get(fx, METRIC_PUBLISHED, "", 0);
		assert_true(v >= last || step == 0);
		if (v >= 0)
			assert_number(v, sum);
		last = v;
	}
}

static void
test_counter_that_begins_again(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "", 5, 0), 0);
	assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "", 2, 0), 0);
	assert_number(get(fx, METRIC_PUBLISHED, "", 0), 7);
}

static void
test_gauge_goes(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(put(fx, 1, METRIC_INFLIGHT, "", 5, SECOND), 0);
	assert_int_equal(put(fx, 2, METRIC_INFLIGHT, "", 3, 2 * SECOND), 0);
	assert_number(get(fx, METRIC_INFLIGHT, "", 2 * SECOND), 3);
	/* Silent for too long. */
	assert_number(get(fx, METRIC_INFLIGHT, "", 3 * SECOND +
	    STORE_STALE_US), -1);
	store_source_gone(fx->store, 2);
	assert_number(get(fx, METRIC_INFLIGHT, "", 2 * SECOND), 5);
	store_source_gone(fx->store, 1);
	assert_int_equal(store_count(fx->store), 0);
}

static void
test_time_stamp_stays(void **state)
{
	struct fixture *fx = *state;

	assert_int_equal(put(fx, 1, METRIC_LAST_SUCCESS, "", 100, 0), 0);
	store_source_gone(fx->store, 1);
	assert_number(get(fx, METRIC_LAST_SUCCESS, "", 1000 * SECOND), 100);
	/* A worker that has not succeeded yet takes nothing back. */
	assert_int_equal(put(fx, 2, METRIC_LAST_SUCCESS, "", 0, 0), 0);
	assert_number(get(fx, METRIC_LAST_SUCCESS, "", 0), 100);
	assert_int_equal(put(fx, 2, METRIC_LAST_SUCCESS, "", 120, 0), 0);
	assert_number(get(fx, METRIC_LAST_SUCCESS, "", 0), 120);
}

static void
put_histogram(struct fixture *fx, uint64_t source, uint64_t each, double sum,
    int expected)
{
	const struct family *f = families_find(fx->families, METRIC_LATENCY);
	struct metric_sample m;
	size_t i;

	memset(&m, 0, sizeof(m));
	m.ncounts = f->nbuckets + 1;
	for (i = 0; i < m.ncounts; i++)
		m.counts[i] = each;
	m.sum = sum;
	assert_int_equal(store_put(fx->store, source, "p", f, &m, 0),
	    expected);
}

static void
see_histogram(const struct store_value *v, void *arg)
{
	double *seen = arg;

	seen[0] = (double)v->counts[0];
	seen[1] = (double)v->counts[v->family->nbuckets];
	seen[2] = v->sum;
}

static void
test_histogram_goes_on(void **state)
{
	struct fixture *fx = *state;
	double seen[3];

	put_histogram(fx, 1, 2, 0.5, 0);
	store_source_gone(fx->store, 1);
	put_histogram(fx, 2, 3, 1.5, 0);
	put_histogram(fx, 2, 4, NAN, -1);
	store_each(fx->store, 0, see_histogram, seen);
	assert_number(seen[0], 5);
	assert_number(seen[1], 5);
	assert_number(seen[2], 2);
}

static void
test_refuses(void **state)
{
	static const double bad[] = { -1, NAN, INFINITY, -INFINITY };
	struct fixture *fx = *state;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "", bad[i], 0),
		    -1);
		assert_int_equal(errno, EINVAL);
	}
	/* Too few, too many, and labels that are no text. */
	assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "x", 1, 0), -1);
	assert_int_equal(put(fx, 1, METRIC_STAGE, "", 1, 0), -1);
	assert_int_equal(put(fx, 1, METRIC_STAGE, "a", 1, 0), -1);
	assert_int_equal(put(fx, 1, METRIC_STAGE, "a\x1f" "b\x1f" "c", 1, 0),
	    -1);
	assert_int_equal(put(fx, 1, METRIC_STAGE, "a\x1f\xff", 1, 0), -1);
	assert_int_equal(put(fx, 1, METRIC_STAGE, "a\x1f" "b", 1, 0), 0);
	assert_int_equal(put(fx, 1, METRIC_LATENCY, "", 1, 0), -1);
	assert_int_equal(store_count(fx->store), 1);
}

static void
test_bounds_label_sets(void **state)
{
	struct fixture *fx = *state;
	char labels[64];
	int i, taken = 0;

	for (i = 0; i < 2 * STORE_LABELSETS_MAX; i++) {
		(void)snprintf(labels, sizeof(labels), "%d\x1fx", i);
		if (put(fx, 1, METRIC_STAGE, labels, 1, 0) == 0)
			taken++;
		else
			assert_int_equal(errno, ENOSPC);
	}
	assert_int_equal(taken, STORE_LABELSETS_MAX);
	/* Those that are known still move, and others have room. */
	assert_int_equal(put(fx, 1, METRIC_STAGE, "0\x1fx", 9, 0), 0);
	assert_int_equal(put(fx, 1, METRIC_PUBLISHED, "", 9, 0), 0);
}

static void
see_order(const struct store_value *v, void *arg)
{
	unsigned int *last = arg;

	assert_true(v->family->order >= *last);
	*last = v->family->order;
}

static void
test_order_and_forgetting(void **state)
{
	struct fixture *fx = *state;
	unsigned int last = 0;
	uint64_t seed = 7;
	uint16_t id;
	int i;

	for (i = 0; i < 200; i++) {
		id = (uint16_t)(1 + unit_random(&seed, METRIC_ID_MAX - 1));
		if (families_find(fx->families, id)->nlabels == 0)
			(void)put(fx, 1, id, "", 1, 0);
	}
	store_each(fx->store, 0, see_order, &last);
	assert_true(store_count(fx->store) > 10);
	store_forget(fx->store, "q");
	assert_true(store_count(fx->store) > 10);
	store_forget(fx->store, "p");
	assert_int_equal(store_count(fx->store), 0);
}

static void
test_plugin_families(void **state)
{
	struct fixture *fx = *state;
	struct msg_metric_def d = { .id = 1000, .type = METRIC_COUNTER,
	    .name = "opened", .help = "Connections" };
	const struct family *f;

	f = families_plugin(fx->families, "my-sink", &d);
	assert_non_null(f);
	assert_string_equal(f->name, "pg_tide_sink_my_sink_opened_total");
	assert_ptr_equal(families_plugin(fx->families, "my-sink", &d), f);
	d.type = METRIC_GAUGE;
	f = families_plugin(fx->families, "my-sink", &d);
	assert_string_equal(f->name, "pg_tide_sink_my_sink_opened");
	(void)snprintf(d.name, sizeof(d.name), "opened_total");
	assert_null(families_plugin(fx->families, "my-sink", &d));
	assert_int_equal(errno, EEXIST);
	d.type = METRIC_HISTOGRAM;
	assert_null(families_plugin(fx->families, "my-sink", &d));
	d.type = METRIC_COUNTER;
	(void)snprintf(d.name, sizeof(d.name), "a{b=\"c\"}");
	assert_null(families_plugin(fx->families, "my-sink", &d));
	(void)snprintf(d.name, sizeof(d.name), "a");
	assert_null(families_plugin(fx->families, "x y", &d));
}

#define T(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_counter_goes_on),
		T(test_counter_never_goes_back),
		T(test_counter_that_begins_again),
		T(test_gauge_goes),
		T(test_time_stamp_stays),
		T(test_histogram_goes_on),
		T(test_refuses),
		T(test_bounds_label_sets),
		T(test_order_and_forgetting),
		T(test_plugin_families)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
