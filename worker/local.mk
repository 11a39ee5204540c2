# SPDX-License-Identifier: ISC
noinst_LIBRARIES += worker/librelay.a
worker_librelay_a_SOURCES = \
	worker/breaker.c worker/breaker.h \
	worker/checkpoint.c worker/checkpoint.h \
	worker/deadletter.c worker/deadletter.h \
	worker/encode.c worker/encode.h \
	worker/held.c worker/held.h \
	worker/json_scan.c worker/json_scan.h \
	worker/lane.h worker/lane_heap.c worker/lane_map.c \
	worker/lanes.c worker/lanes.h worker/lanes_away.c \
	worker/order.c worker/order.h \
	worker/parcel.c worker/parcel.h \
	worker/pipeline.c worker/pipeline.h \
	worker/pool.c worker/pool.h \
	worker/query.c worker/query.h \
	worker/reader.c worker/reader.h \
	worker/refetch.c worker/refetch.h \
	worker/relay.c worker/relay.h \
	worker/relay_int.h \
	worker/relay_attach.c worker/relay_attach.h \
	worker/relay_server.c worker/relay_server.h \
	worker/relay_bell.c worker/relay_bell.h \
	worker/relay_deliver.c worker/relay_deliver.h \
	worker/relay_end.c worker/relay_end.h \
	worker/relay_intake.c \
	worker/relay_pump.c \
	worker/relay_report.c worker/relay_report.h \
	worker/rows.c worker/rows.h \
	worker/slab.c worker/slab.h \
	worker/snapshot.c worker/snapshot.h \
	worker/text.c worker/text.h
worker_librelay_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(PQ_CFLAGS) \
	$(JSON_CFLAGS)

# The plugin's side of a worker: host of the sink interface, lock-down.
noinst_LIBRARIES += worker/libsinkhost.a
worker_libsinkhost_a_SOURCES = \
	worker/lockdown.c worker/lockdown.h \
	worker/mailbox.c worker/mailbox.h \
	worker/services.c worker/services.h \
	worker/services_i.h worker/services_loop.c \
	worker/sinkhost.c worker/sinkhost.h \
	worker/sinkopt.c worker/sinkopt.h \
	worker/sinkopt_i.h worker/sinkopt_json.c \
	worker/sinkopt_print.c worker/sinkopt_value.c
worker_libsinkhost_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_CFLAGS) \
	$(SSL_CFLAGS)
SINKHOST_LIBS = worker/libsinkhost.a common/sandbox/libtidesandbox.a \
	common/libtide.a $(EVENT_LIBS) $(JSON_LIBS) $(SSL_LIBS) \
	$(CRYPTO_LIBS) $(SECCOMP_LIBS)

pkglibexec_PROGRAMS += worker/pg-tide-worker
worker_pg_tide_worker_SOURCES = worker/main.c worker/tool.c worker/tool.h
worker_pg_tide_worker_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(PQ_CFLAGS) \
	$(JSON_CFLAGS)
worker_pg_tide_worker_LDADD = worker/librelay.a common/pg/libtidepg.a \
	$(SINKHOST_LIBS) $(PQ_LIBS)
