# SPDX-License-Identifier: ISC
# pg-tide-control; the library is what the unit tests use too.
CONTROL_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSON_CFLAGS)
CONTROL_LIBS = supervisor/control/libtidecontrol.a \
	common/sandbox/libtidesandbox.a common/libtide.a \
	$(EVENT_LIBS) $(JSON_LIBS) $(SECCOMP_LIBS) -lm

noinst_LIBRARIES += supervisor/control/libtidecontrol.a
supervisor_control_libtidecontrol_a_SOURCES = \
	supervisor/control/access.c supervisor/control/access.h \
	supervisor/control/channel.c supervisor/control/channel.h \
	supervisor/control/ctlsock.c supervisor/control/ctlsock.h \
	supervisor/control/derive.c supervisor/control/derive.h \
	supervisor/control/expose.c supervisor/control/expose.h \
	supervisor/control/family.c supervisor/control/family.h \
	supervisor/control/health.c supervisor/control/health.h \
	supervisor/control/httpd.c supervisor/control/httpd.h \
	supervisor/control/httphead.c supervisor/control/httphead.h \
	supervisor/control/hub.h \
	supervisor/control/limiter.c supervisor/control/limiter.h \
	supervisor/control/lines.c supervisor/control/lines.h \
	supervisor/control/page.c supervisor/control/page.h \
	supervisor/control/procs.c supervisor/control/procs.h \
	supervisor/control/report.c supervisor/control/report.h \
	supervisor/control/store.c supervisor/control/store.h \
	supervisor/control/text.c supervisor/control/text.h \
	supervisor/control/verbs.c supervisor/control/verbs.h \
	supervisor/control/view.c
supervisor_control_libtidecontrol_a_CFLAGS = $(CONTROL_CFLAGS)

pkglibexec_PROGRAMS += supervisor/control/pg-tide-control
supervisor_control_pg_tide_control_SOURCES = supervisor/control/control.c
supervisor_control_pg_tide_control_CFLAGS = $(CONTROL_CFLAGS)
supervisor_control_pg_tide_control_LDADD = $(CONTROL_LIBS)
