# SPDX-License-Identifier: ISC
# A host for sink plugins outside the worker, for their tests.
check_LIBRARIES += tests/sinkhost/libsinkhost.a
tests_sinkhost_libsinkhost_a_SOURCES = \
	tests/sinkhost/sinkhost.h tests/sinkhost/instance.h \
	tests/sinkhost/account.c tests/sinkhost/host.c \
	tests/sinkhost/plugin.c tests/sinkhost/services.c \
	tests/sinkhost/settings.c
tests_sinkhost_libsinkhost_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
