# SPDX-License-Identifier: ISC
noinst_LIBRARIES += worker/librelay.a
worker_librelay_a_SOURCES = \
	worker/breaker.c worker/breaker.h \
	worker/event.c worker/event.h \
	worker/held.c worker/held.h \
	worker/lane.h worker/lane_heap.c worker/lane_map.c \
	worker/lanes.c worker/lanes.h worker/lanes_away.c \
	worker/order.c worker/order.h \
	worker/pool.c worker/pool.h \
	worker/slab.c worker/slab.h \
	worker/snapshot.c worker/snapshot.h
worker_librelay_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(PQ_CFLAGS) \
	$(JSON_CFLAGS)
