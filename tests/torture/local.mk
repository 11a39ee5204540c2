# SPDX-License-Identifier: ISC
# Workers with a mistake in the reading rule: the torture test must find it.

MUTANTS = tests/torture/worker-last-id tests/torture/worker-by-xid \
	tests/torture/worker-bound
check_PROGRAMS += $(MUTANTS)
MUTANT_SOURCES = tests/torture/mutant.c worker/main.c worker/tool.c \
	worker/tool.h
tests_torture_worker_last_id_SOURCES = $(MUTANT_SOURCES)
tests_torture_worker_last_id_CPPFLAGS = $(AM_CPPFLAGS) -DMUTATION=1
tests_torture_worker_last_id_CFLAGS = $(worker_pg_tide_worker_CFLAGS)
tests_torture_worker_last_id_LDADD = $(worker_pg_tide_worker_LDADD)
tests_torture_worker_by_xid_SOURCES = $(MUTANT_SOURCES)
tests_torture_worker_by_xid_CPPFLAGS = $(AM_CPPFLAGS) -DMUTATION=2
tests_torture_worker_by_xid_CFLAGS = $(worker_pg_tide_worker_CFLAGS)
tests_torture_worker_by_xid_LDADD = $(worker_pg_tide_worker_LDADD)
tests_torture_worker_bound_SOURCES = $(MUTANT_SOURCES)
tests_torture_worker_bound_CPPFLAGS = $(AM_CPPFLAGS) -DMUTATION=3
tests_torture_worker_bound_CFLAGS = $(worker_pg_tide_worker_CFLAGS)
tests_torture_worker_bound_LDADD = $(worker_pg_tide_worker_LDADD)
EXTRA_DIST += tests/torture/publish.pgbench

check_PROGRAMS += tests/torture/queries
tests_torture_queries_SOURCES = tests/torture/queries.c
tests_torture_queries_LDADD = worker/librelay.a
