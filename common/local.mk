# SPDX-License-Identifier: ISC
# libtide.a: libc, libevent_core and nothing else.
noinst_LIBRARIES += common/libtide.a
common_libtide_a_SOURCES = \
	common/frame.c common/frame.h \
	common/log.c common/log.h \
	common/messages.c common/messages.h \
	common/msg_body.c \
	common/peer.c common/peer.h \
	common/units.c common/units.h \
	common/utf8.c common/utf8.h
common_libtide_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
