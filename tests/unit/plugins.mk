# SPDX-License-Identifier: ISC
# The sink plugins, in the test host; most talk to receiver.py.
PLUGIN_TESTS = tests/unit/test-webhook-parts tests/unit/test-webhook \
	tests/unit/test-webhook-net tests/unit/test-webhook-confined \
	tests/unit/test-file
if HAVE_CMOCKA
check_PROGRAMS += $(PLUGIN_TESTS)
TESTS += $(PLUGIN_TESTS)
endif
HOOKBENCH = tests/unit/hookbench.c tests/unit/hookbench.h \
	tests/unit/peerprog.c tests/unit/peerprog.h
TESTHOST_LIBS = tests/sinkhost/libsinkhost.a $(UNIT_LIBS)
tests_unit_test_webhook_parts_SOURCES = tests/unit/test-webhook-parts.c
tests_unit_test_webhook_parts_CFLAGS = $(UNIT_CFLAGS) $(WEBHOOK_CFLAGS)
tests_unit_test_webhook_parts_LDADD = plugins/webhook/libwebhook.la \
	$(CMOCKA_LIBS)
tests_unit_test_webhook_SOURCES = tests/unit/test-webhook.c $(HOOKBENCH)
tests_unit_test_webhook_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_webhook_LDADD = $(TESTHOST_LIBS)
EXTRA_tests_unit_test_webhook_DEPENDENCIES = plugins/webhook/webhook.la
HOOKNET = tests/unit/hooknet.c tests/unit/hooknet.h $(HOOKBENCH)
tests_unit_test_webhook_net_SOURCES = tests/unit/test-webhook-net.c $(HOOKNET)
tests_unit_test_webhook_net_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_webhook_net_LDADD = $(TESTHOST_LIBS)
EXTRA_tests_unit_test_webhook_net_DEPENDENCIES = plugins/webhook/webhook.la
tests_unit_test_webhook_confined_SOURCES = \
	tests/unit/test-webhook-confined.c $(HOOKNET)
tests_unit_test_webhook_confined_CFLAGS = $(UNIT_CFLAGS) $(SECCOMP_CFLAGS)
tests_unit_test_webhook_confined_LDADD = common/sandbox/libtidesandbox.a \
	$(TESTHOST_LIBS) $(SECCOMP_LIBS)
EXTRA_tests_unit_test_webhook_confined_DEPENDENCIES = \
	plugins/webhook/webhook.la
tests_unit_test_file_SOURCES = tests/unit/test-file.c \
	tests/unit/peerprog.c tests/unit/peerprog.h
tests_unit_test_file_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_file_LDADD = $(TESTHOST_LIBS)
EXTRA_tests_unit_test_file_DEPENDENCIES = plugins/file/file.la
