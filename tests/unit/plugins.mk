# SPDX-License-Identifier: ISC
# The sink plugins, in the test host.
if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test-webhook-parts
TESTS += tests/unit/test-webhook-parts
endif
tests_unit_test_webhook_parts_SOURCES = tests/unit/test-webhook-parts.c
tests_unit_test_webhook_parts_CFLAGS = $(UNIT_CFLAGS) $(WEBHOOK_CFLAGS)
tests_unit_test_webhook_parts_LDADD = plugins/webhook/libwebhook.la \
	$(CMOCKA_LIBS)
