# SPDX-License-Identifier: ISC
# libtide.a: libc, libevent_core and nothing else.
noinst_LIBRARIES += common/libtide.a
common_libtide_a_SOURCES = \
	common/child.c common/child.h common/child_int.h \
	common/child_loop.c \
	common/frame.c common/frame.h \
	common/log.c common/log.h \
	common/messages.c common/messages.h \
	common/metrics.c common/metrics.h \
	common/metric_table.c \
	common/msg_body.c \
	common/option.c common/option.h \
	common/option_check.c \
	common/peer.c common/peer.h \
	common/resolve.c common/resolve.h \
	common/secretmem.c common/secretmem.h \
	common/secretref.c common/secretref.h \
	common/units.c common/units.h \
	common/utf8.c common/utf8.h
common_libtide_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
