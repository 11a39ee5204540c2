# SPDX-License-Identifier: ISC
# The probe plugin and the driver that runs it through a worker's stages.
noinst_LTLIBRARIES += tests/sandbox/probe.la
tests_sandbox_probe_la_SOURCES = tests/sandbox/probe.c \
	tests/sandbox/probe_acts.c tests/sandbox/probe_acts.h
tests_sandbox_probe_la_CFLAGS = $(TIDE_CFLAGS)
# A module that is not installed is shared only if it has a run path.
tests_sandbox_probe_la_LDFLAGS = $(TIDE_MODULE_FLAGS) -rpath /nowhere

noinst_PROGRAMS += tests/sandbox/probe-run
tests_sandbox_probe_run_SOURCES = tests/sandbox/probe-run.c
tests_sandbox_probe_run_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_CFLAGS)
tests_sandbox_probe_run_LDADD = $(SINKHOST_LIBS)

EXTRA_DIST += tests/sandbox/conftest.py tests/sandbox/test_probe.py \
	tests/sandbox/test_tided.py tests/sandbox/test_tool.py \
	tests/lib/probing.py

# Says more than it did: the supervisor must look for itself.
noinst_PROGRAMS += tests/sandbox/liar
tests_sandbox_liar_SOURCES = tests/sandbox/liar.c
tests_sandbox_liar_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_sandbox_liar_LDADD = common/sandbox/libtidesandbox.a \
	common/libtide.a $(EVENT_LIBS) $(SECCOMP_LIBS)
