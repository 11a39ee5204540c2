# SPDX-License-Identifier: ISC
# pg-tide-resolver.  What needs no process is a library, for the tests.
noinst_LIBRARIES += supervisor/resolver/libresolver.a
supervisor_resolver_libresolver_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	-pthread
supervisor_resolver_libresolver_a_SOURCES = \
	supervisor/resolver/names.c \
	supervisor/resolver/names.h \
	supervisor/resolver/pool.c \
	supervisor/resolver/pool.h

pkglibexec_PROGRAMS += supervisor/resolver/pg-tide-resolver
supervisor_resolver_pg_tide_resolver_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	-pthread
supervisor_resolver_pg_tide_resolver_SOURCES = supervisor/resolver/main.c
supervisor_resolver_pg_tide_resolver_LDADD = \
	supervisor/resolver/libresolver.a \
	common/sandbox/libtidesandbox.a common/libtide.a $(SECCOMP_LIBS) \
	$(EVENT_LIBS)
