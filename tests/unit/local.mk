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

# The sink plugins, in the test host.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-webhook-parts
TESTS += tests/unit/test-webhook-parts
endif
tests_unit_test_webhook_parts_SOURCES = tests/unit/test-webhook-parts.c
tests_unit_test_webhook_parts_CFLAGS = $(UNIT_CFLAGS) $(WEBHOOK_CFLAGS)
tests_unit_test_webhook_parts_LDADD = plugins/webhook/libwebhook.la \
	$(CMOCKA_LIBS)
