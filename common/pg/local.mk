# SPDX-License-Identifier: ISC
# libtidepg.a: PostgreSQL sessions on the event loop.
noinst_LIBRARIES += common/pg/libtidepg.a
common_pg_libtidepg_a_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(PQ_CFLAGS)
common_pg_libtidepg_a_SOURCES = \
	common/pg/conninfo.c \
	common/pg/conninfo.h \
	common/pg/connect.c \
	common/pg/query.c \
	common/pg/remedy.c \
	common/pg/remedy.h \
	common/pg/session.c \
	common/pg/session.h \
	common/pg/session_int.h \
	common/pg/setup.c
