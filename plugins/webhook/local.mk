# SPDX-License-Identifier: ISC
# All but the entry points is a library, so that its parts can be tested.
plugin_LTLIBRARIES += plugins/webhook/webhook.la
noinst_LTLIBRARIES += plugins/webhook/libwebhook.la
WEBHOOK_CFLAGS = $(TIDE_CFLAGS) $(CURL_CFLAGS) $(SSL_CFLAGS) \
	$(CRYPTO_CFLAGS) -fvisibility=hidden
plugins_webhook_libwebhook_la_SOURCES = \
	plugins/webhook/address.c plugins/webhook/address.h \
	plugins/webhook/build.c \
	plugins/webhook/conf.c plugins/webhook/conf.h \
	plugins/webhook/headers.c plugins/webhook/headers.h \
	plugins/webhook/lookup.c plugins/webhook/lookup.h \
	plugins/webhook/metrics.h \
	plugins/webhook/options.c plugins/webhook/options.h \
	plugins/webhook/queue.c plugins/webhook/queue.h \
	plugins/webhook/request.c plugins/webhook/request.h \
	plugins/webhook/sign.c plugins/webhook/sign.h \
	plugins/webhook/suspects.c plugins/webhook/suspects.h \
	plugins/webhook/text.c plugins/webhook/text.h \
	plugins/webhook/tls.c plugins/webhook/tls.h \
	plugins/webhook/transport.c plugins/webhook/transport.h \
	plugins/webhook/url.c plugins/webhook/url.h \
	plugins/webhook/verdict.c plugins/webhook/verdict.h \
	plugins/webhook/webhook.c plugins/webhook/webhook.h
plugins_webhook_libwebhook_la_CFLAGS = $(WEBHOOK_CFLAGS)
plugins_webhook_libwebhook_la_LIBADD = $(CURL_LIBS) $(SSL_LIBS) \
	$(CRYPTO_LIBS)
plugins_webhook_webhook_la_SOURCES = plugins/webhook/plugin.c
plugins_webhook_webhook_la_CFLAGS = $(WEBHOOK_CFLAGS)
plugins_webhook_webhook_la_LDFLAGS = $(TIDE_MODULE_FLAGS)
plugins_webhook_webhook_la_LIBADD = plugins/webhook/libwebhook.la
