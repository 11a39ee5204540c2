# SPDX-License-Identifier: ISC
# The control process: aggregation and exposition.  Its connections are
# tested as a process, in tests/integration.
CONTROL_TEST_LIBS = supervisor/control/libtidecontrol.a $(UNIT_LIBS) \
	$(JSON_LIBS) -lm
if HAVE_CMOCKA
CONTROL_TESTS = tests/unit/test-store tests/unit/test-expose
check_PROGRAMS += $(CONTROL_TESTS)
TESTS += $(CONTROL_TESTS)
endif
tests_unit_test_store_SOURCES = tests/unit/test-store.c tests/unit/unit.h
tests_unit_test_store_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_store_LDADD = $(CONTROL_TEST_LIBS)
tests_unit_test_expose_SOURCES = tests/unit/test-expose.c tests/unit/unit.h
tests_unit_test_expose_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_expose_LDADD = $(CONTROL_TEST_LIBS)
