/* SPDX-License-Identifier: ISC */
/* Pipeline documents: what is taken, what is refused, and where it says. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/pipeline.h"

#define HEAD	"{\"schema_version\":1,\"name\":\"p\"," \
		"\"source_type\":\"outbox\",\"source\":{\"outbox\":\"o\"}," \
		"\"sink_type\":\"file\",\"sink\":{\"path\":\"/x\"}"

static void
defaults(void **state)
{
	static const char	json[] = HEAD "}";
	struct pipeline		p;
	char			err[512];

	(void)state;
	assert_int_equal(pipeline_parse(&p, json, strlen(json), err,
	    sizeof(err)), 0);
	assert_string_equal(p.name, "p");
	assert_string_equal(p.outbox, "o");
	assert_string_equal(p.sink_type, "file");
	assert_int_equal(json_object_object_length(p.sink), 1);
	assert_int_equal(p.wire_format, WIRE_NATIVE);
	assert_int_equal(p.ordering, ORDER_KEY);
	assert_int_equal(p.batch_size, 100);
	assert_int_equal(p.max_inflight, 1000);
	assert_int_equal(p.max_inflight_bytes, 16 * 1024 * 1024);
	assert_int_equal(p.max_event_size, 16 * 1024 * 1024);
	assert_int_equal(p.max_permanent_ratio, 20);
	assert_int_equal(p.checkpoint_interval_us, 200000);
	assert_int_equal(p.poll_interval_us, 1000000);
	assert_int_equal(p.ack_timeout_us, 60000000);
	assert_int_equal(p.drain_timeout_us, 30000000);
	assert_int_equal(p.retry_initial_us, 100000);
	assert_int_equal(p.retry_max_us, 30000000);
	assert_int_equal(p.retry_max_age_us, 0);
	assert_int_equal(p.retry_max_attempts, 0);
	assert_true(p.dlq_enabled);
	assert_false(p.park_key);
	pipeline_free(&p);
}

static void
values(void **state)
{
	static const char json[] = HEAD ",\"wire_format\":\"raw\","
	    "\"ordering\":\"none\",\"max_inflight_bytes\":\"1GB\","
	    "\"retry\":{\"max_attempts\":3,\"max_backoff\":\"1m\"},"
	    "\"dlq.enabled\":false,\"on_dead_letter\":\"park_key\","
	    "\"checkpoint_interval\":10}";
	struct pipeline	p;
	char		err[512];

	(void)state;
	assert_int_equal(pipeline_parse(&p, json, strlen(json), err,
	    sizeof(err)), 0);
	assert_int_equal(p.wire_format, WIRE_RAW);
	assert_int_equal(p.ordering, ORDER_NONE);
	assert_int_equal(p.max_inflight_bytes, 1000000000);
	assert_int_equal(p.retry_max_attempts, 3);
	assert_int_equal(p.retry_max_us, 60000000);
	assert_int_equal(p.checkpoint_interval_us, 10000);
	assert_false(p.dlq_enabled);
	assert_true(p.park_key);
	pipeline_free(&p);
}

static const struct {
	const char	*json, *says;
} bad[] = {
	{ "", "JSON" }, { "[]", "JSON object" }, { "{", "JSON" },
	{ HEAD "} x", "JSON" },
	{ "{\"name\":\"p\"}", "schema_version" },
	{ "{\"schema_version\":2}", "schema_version: must be 1" },
	{ "{\"schema_version\":1,\"name\":7}", "name: must be a string" },
	{ "{\"schema_version\":1,\"name\":\"\"}", "name: must have" },
	{ "{\"schema_version\":1,\"name\":\"p\",\"source_type\":\"inbox\"}",
	    "source_type" },
	{ "{\"schema_version\":1,\"name\":\"p\",\"source_type\":\"outbox\","
	    "\"source\":{\"outbox\":\"o\",\"more\":1}}", "source.more" },
	{ HEAD ",\"wire\":\"raw\"}", "wire" },
	{ HEAD ",\"wire_format\":\"avro\"}", "native" },
	{ HEAD ",\"batch_size\":0}", "batch_size" },
	{ HEAD ",\"batch_size\":\"many\"}", "batch_size" },
	{ HEAD ",\"retry\":{\"max_tries\":3}}", "retry.max_tries" },
	{ HEAD ",\"retry\":3}", "retry" },
	{ HEAD ",\"max_event_size\":\"2GiB\"}", "max_event_size" },
	{ HEAD ",\"retry\":{\"initial_backoff\":\"1m\"}}",
	    "retry.initial_backoff" },
	{ HEAD ",\"dlq\":{\"enabled\":\"perhaps\"}}", "dlq.enabled" }
};

static void
refusals_name_the_place(void **state)
{
	struct pipeline	p;
	char		err[512];
	size_t		i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err[0] = '\0';
		assert_int_equal(pipeline_parse(&p, bad[i].json,
		    strlen(bad[i].json), err, sizeof(err)), -1);
		if (strstr(err, bad[i].says) == NULL)
			fail_msg("%s: \"%s\" does not name \"%s\"",
			    bad[i].json, err, bad[i].says);
	}
}

/* What describe prints is the array that tide.sink_types holds. */
static void
description_is_json(void **state)
{
	struct json_object	*a, *row, *name;
	char			*text = NULL;
	size_t			 size = 0;
	FILE			*fp = open_memstream(&text, &size);

	(void)state;
	assert_int_equal(pipeline_describe(fp, 1), 0);
	assert_int_equal(fclose(fp), 0);
	a = json_tokener_parse(text);
	assert_true(json_object_is_type(a, json_type_array));
	assert_true(json_object_array_length(a) >= 18);
	row = json_object_array_get_idx(a, 0);
	assert_true(json_object_object_get_ex(row, "name", &name));
	assert_string_equal(json_object_get_string(name), "wire_format");
	json_object_put(a);
	free(text);
	fp = open_memstream(&text, &size);
	assert_int_equal(pipeline_describe(fp, 0), 0);
	assert_int_equal(fclose(fp), 0);
	assert_non_null(strstr(text, "retry.max_attempts"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(values),
		cmocka_unit_test(refusals_name_the_place),
		cmocka_unit_test(description_is_json),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
