# SPDX-License-Identifier: ISC
# The host of sink plugins, with a sink that misbehaves on demand; the
# classes of the sandbox.
if HAVE_CMOCKA
SINKHOST_TESTS = tests/unit/test-sinkhost tests/unit/test-sinkopt \
	tests/unit/test-sandbox
check_LTLIBRARIES += tests/unit/testsink.la
check_PROGRAMS += $(SINKHOST_TESTS)
TESTS += $(SINKHOST_TESTS)
endif
tests_unit_test_sandbox_SOURCES = tests/unit/test-sandbox.c \
	tests/sandbox/probe_acts.c tests/sandbox/probe_acts.h
tests_unit_test_sandbox_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_sandbox_LDADD = common/sandbox/libtidesandbox.a \
	$(UNIT_LIBS) $(SECCOMP_LIBS)
tests_unit_testsink_la_SOURCES = tests/unit/testsink.c
tests_unit_testsink_la_CFLAGS = $(TIDE_CFLAGS)
tests_unit_testsink_la_LDFLAGS = $(TIDE_MODULE_FLAGS) -rpath /nowhere
tests_unit_test_sinkhost_SOURCES = tests/unit/test-sinkhost.c
tests_unit_test_sinkhost_CFLAGS = $(UNIT_CFLAGS) $(JSON_CFLAGS)
tests_unit_test_sinkhost_LDADD = $(SINKHOST_LIBS) $(CMOCKA_LIBS)
tests_unit_test_sinkopt_SOURCES = tests/unit/test-sinkopt.c
tests_unit_test_sinkopt_CFLAGS = $(UNIT_CFLAGS) $(JSON_CFLAGS)
tests_unit_test_sinkopt_LDADD = $(SINKHOST_LIBS) $(CMOCKA_LIBS)
