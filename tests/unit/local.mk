# SPDX-License-Identifier: ISC
# cmocka programs; each speaks TAP when CMOCKA_MESSAGE_OUTPUT says so.
UNIT_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(EVENT_CFLAGS)
UNIT_LIBS = common/libtide.a $(CMOCKA_LIBS) $(EVENT_LIBS)

# Sessions and connection strings; the first two start a server.
PG_HARNESS = tests/unit/pgharness.c tests/unit/pgharness.h \
	tests/unit/pgserver.c tests/unit/pgserver.h
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-pgsession tests/unit/test-pgconnect \
	tests/unit/test-conninfo
TESTS += tests/unit/test-pgsession tests/unit/test-pgconnect \
	tests/unit/test-conninfo
endif
tests_unit_test_pgsession_SOURCES = tests/unit/test-pgsession.c $(PG_HARNESS)
tests_unit_test_pgsession_CFLAGS = $(UNIT_CFLAGS) $(PQ_CFLAGS)
tests_unit_test_pgsession_LDADD = common/pg/libtidepg.a $(UNIT_LIBS) $(PQ_LIBS)
tests_unit_test_pgconnect_SOURCES = tests/unit/test-pgconnect.c $(PG_HARNESS)
tests_unit_test_pgconnect_CFLAGS = $(UNIT_CFLAGS) $(PQ_CFLAGS)
tests_unit_test_pgconnect_LDADD = common/pg/libtidepg.a $(UNIT_LIBS) $(PQ_LIBS)
tests_unit_test_conninfo_SOURCES = tests/unit/test-conninfo.c
tests_unit_test_conninfo_CFLAGS = $(UNIT_CFLAGS) $(PQ_CFLAGS)
tests_unit_test_conninfo_LDADD = common/pg/libtidepg.a $(UNIT_LIBS) $(PQ_LIBS)

# The common library.
if HAVE_CMOCKA
COMMON_TESTS = tests/unit/test-frame \
	tests/unit/test-messages \
	tests/unit/test-units \
	tests/unit/test-log \
	tests/unit/test-peer \
	tests/unit/test-option \
	tests/unit/test-metrics \
	tests/unit/test-secretmem \
	tests/unit/test-secretref
check_PROGRAMS += $(COMMON_TESTS)
TESTS += $(COMMON_TESTS)
endif
tests_unit_test_frame_SOURCES = tests/unit/test-frame.c tests/unit/unit.h
tests_unit_test_frame_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_frame_LDADD = $(UNIT_LIBS)
tests_unit_test_messages_SOURCES = tests/unit/test-messages.c tests/unit/unit.h
tests_unit_test_messages_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_messages_LDADD = $(UNIT_LIBS)
tests_unit_test_units_SOURCES = tests/unit/test-units.c tests/unit/unit.h
tests_unit_test_units_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_units_LDADD = $(UNIT_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test-log.c tests/unit/unit.h
tests_unit_test_log_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_log_LDADD = $(UNIT_LIBS)
tests_unit_test_peer_SOURCES = tests/unit/test-peer.c tests/unit/unit.h
tests_unit_test_peer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_peer_LDADD = $(UNIT_LIBS)
tests_unit_test_option_SOURCES = tests/unit/test-option.c tests/unit/unit.h
tests_unit_test_option_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_option_LDADD = $(UNIT_LIBS)
tests_unit_test_metrics_SOURCES = tests/unit/test-metrics.c tests/unit/unit.h
tests_unit_test_metrics_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_metrics_LDADD = $(UNIT_LIBS)
tests_unit_test_secretmem_SOURCES = \
	tests/unit/test-secretmem.c tests/unit/unit.h
tests_unit_test_secretmem_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_secretmem_LDADD = $(UNIT_LIBS)
tests_unit_test_secretref_SOURCES = \
	tests/unit/test-secretref.c tests/unit/unit.h
tests_unit_test_secretref_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_secretref_LDADD = $(UNIT_LIBS)
include tests/unit/relay.mk
include tests/unit/plugins.mk
include tests/unit/control.mk
include tests/unit/sinkhost.mk
include tests/unit/catalog.mk

# The supervisor.
if HAVE_CMOCKA
SUPER_TESTS = tests/unit/test-conf \
	tests/unit/test-attest \
	tests/unit/test-throttle \
	tests/unit/test-pgurl \
	tests/unit/test-secrets \
	tests/unit/test-watch
check_PROGRAMS += $(SUPER_TESTS)
TESTS += $(SUPER_TESTS)
endif
# valgrind does not know openat2(2).
VALGRIND_UNABLE += tests/unit/test-secrets
tests_unit_test_conf_SOURCES = tests/unit/test-conf.c \
	tests/unit/unit.h tests/unit/tmpdir.h
tests_unit_test_conf_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_conf_LDADD = supervisor/libtidesuper.a \
	$(UNIT_LIBS) $(INIH_LIBS)
tests_unit_test_attest_SOURCES = tests/unit/test-attest.c tests/unit/unit.h
tests_unit_test_attest_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_attest_LDADD = supervisor/libtidesuper.a \
	$(UNIT_LIBS) $(INIH_LIBS)
tests_unit_test_throttle_SOURCES = tests/unit/test-throttle.c tests/unit/unit.h
tests_unit_test_throttle_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_throttle_LDADD = supervisor/libtidesuper.a \
	$(UNIT_LIBS) $(INIH_LIBS)
tests_unit_test_pgurl_SOURCES = tests/unit/test-pgurl.c tests/unit/unit.h
tests_unit_test_pgurl_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pgurl_LDADD = supervisor/libtidesuper.a \
	$(UNIT_LIBS) $(INIH_LIBS)
tests_unit_test_secrets_SOURCES = tests/unit/test-secrets.c \
	tests/unit/unit.h tests/unit/tmpdir.h
tests_unit_test_secrets_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_secrets_LDADD = supervisor/libtidesuper.a \
	$(UNIT_LIBS) $(INIH_LIBS)
tests_unit_test_watch_SOURCES = tests/unit/test-watch.c \
	tests/unit/unit.h tests/unit/tmpdir.h
tests_unit_test_watch_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_watch_LDADD = supervisor/libtidesuper.a $(UNIT_LIBS) \
	$(INIH_LIBS)
