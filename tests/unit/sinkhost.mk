# SPDX-License-Identifier: ISC
# The host of sink plugins, with a sink that misbehaves on demand.
if HAVE_CMOCKA
check_LTLIBRARIES += tests/unit/testsink.la
check_PROGRAMS += tests/unit/test-sinkhost tests/unit/test-sinkopt
TESTS += tests/unit/test-sinkhost tests/unit/test-sinkopt
endif
tests_unit_testsink_la_SOURCES = tests/unit/testsink.c
tests_unit_testsink_la_CFLAGS = $(TIDE_CFLAGS)
tests_unit_testsink_la_LDFLAGS = $(TIDE_MODULE_FLAGS) -rpath /nowhere
tests_unit_test_sinkhost_SOURCES = tests/unit/test-sinkhost.c
tests_unit_test_sinkhost_CFLAGS = $(UNIT_CFLAGS) $(JSON_CFLAGS)
tests_unit_test_sinkhost_LDADD = $(SINKHOST_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sinkopt_SOURCES = tests/unit/test-sinkopt.c
tests_unit_test_sinkopt_CFLAGS = $(UNIT_CFLAGS) $(JSON_CFLAGS)
tests_unit_test_sinkopt_LDADD = $(SINKHOST_LIBS) $(CMOCKA_LIBS)
