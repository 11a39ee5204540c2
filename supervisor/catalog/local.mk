# SPDX-License-Identifier: ISC
# pg-tide-catalog.  What needs no process is a library, for the tests.
noinst_LIBRARIES += supervisor/catalog/libcatalog.a
supervisor_catalog_libcatalog_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	$(PQ_CFLAGS) $(JSON_CFLAGS)
supervisor_catalog_libcatalog_a_SOURCES = \
	supervisor/catalog/database.c \
	supervisor/catalog/database.h \
	supervisor/catalog/document.c \
	supervisor/catalog/document.h \
	supervisor/catalog/doorbell.c \
	supervisor/catalog/doorbell.h \
	supervisor/catalog/jsondoc.c \
	supervisor/catalog/jsondoc.h \
	supervisor/catalog/memfd.c \
	supervisor/catalog/memfd.h \
	supervisor/catalog/pipelines.c \
	supervisor/catalog/pipelines.h \
	supervisor/catalog/reconcile.c \
	supervisor/catalog/reconcile.h \
	supervisor/catalog/sinktypes.c \
	supervisor/catalog/sinktypes.h

pkglibexec_PROGRAMS += supervisor/catalog/pg-tide-catalog
supervisor_catalog_pg_tide_catalog_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) \
	$(PQ_CFLAGS)
supervisor_catalog_pg_tide_catalog_SOURCES = \
	supervisor/catalog/bell.c \
	supervisor/catalog/bell.h \
	supervisor/catalog/chores.c \
	supervisor/catalog/chores.h \
	supervisor/catalog/main.c
supervisor_catalog_pg_tide_catalog_LDADD = supervisor/catalog/libcatalog.a \
	common/pg/libtidepg.a common/sandbox/libtidesandbox.a \
	common/libtide.a $(PQ_LIBS) $(JSON_LIBS) $(SECCOMP_LIBS) $(EVENT_LIBS)
