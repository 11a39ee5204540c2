# SPDX-License-Identifier: ISC
# The worker's relay: modules that need neither a server nor a sink.
RELAY_LIBS = worker/librelay.a $(UNIT_LIBS) $(JSON_LIBS)
if HAVE_CMOCKA
RELAY_TESTS = tests/unit/test-snapshot tests/unit/test-slab \
	tests/unit/test-lanes tests/unit/test-order tests/unit/test-held \
	tests/unit/test-breaker tests/unit/test-encode \
	tests/unit/test-pipeline
check_PROGRAMS += $(RELAY_TESTS)
TESTS += $(RELAY_TESTS)
endif
tests_unit_test_snapshot_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_snapshot_LDADD = $(RELAY_LIBS)
tests_unit_test_slab_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_slab_LDADD = $(RELAY_LIBS)
tests_unit_test_lanes_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_lanes_LDADD = $(RELAY_LIBS)
tests_unit_test_order_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_order_LDADD = $(RELAY_LIBS)
tests_unit_test_held_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_held_LDADD = $(RELAY_LIBS)
tests_unit_test_breaker_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_breaker_LDADD = $(RELAY_LIBS)
tests_unit_test_encode_CFLAGS = $(UNIT_CFLAGS) $(JSON_CFLAGS)
tests_unit_test_encode_LDADD = $(RELAY_LIBS)
tests_unit_test_pipeline_CFLAGS = $(UNIT_CFLAGS) $(JSON_CFLAGS)
tests_unit_test_pipeline_LDADD = worker/librelay.a $(SINKHOST_LIBS) \
	$(UNIT_LIBS) $(JSON_LIBS)
