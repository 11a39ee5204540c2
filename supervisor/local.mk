# SPDX-License-Identifier: ISC
# pg-tided: libc, libevent_core and inih; no client library.  The library is
# what the unit tests use too.
SUPERVISOR_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(INIH_CFLAGS)
SUPERVISOR_LIBS = supervisor/libtidesuper.a common/libtide.a $(EVENT_LIBS) \
	$(INIH_LIBS)

noinst_LIBRARIES += supervisor/libtidesuper.a
supervisor_libtidesuper_a_SOURCES = \
	supervisor/attest.c supervisor/attest.h \
	supervisor/beneath.c supervisor/beneath.h \
	supervisor/bindings.c supervisor/bindings.h \
	supervisor/channels.c supervisor/channels.h \
	supervisor/checkup.c supervisor/checkup.h \
	supervisor/cmdline.c supervisor/cmdline.h \
	supervisor/conf.c supervisor/conf.h \
	supervisor/conf_mask.c \
	supervisor/core.c supervisor/core.h \
	supervisor/daemon.c supervisor/daemon.h \
	supervisor/digest.c supervisor/digest.h \
	supervisor/document.c supervisor/document.h \
	supervisor/envfile.c supervisor/envfile.h \
	supervisor/handover.c supervisor/handover.h \
	supervisor/handshake.c supervisor/handshake.h \
	supervisor/identity.c supervisor/identity.h \
	supervisor/inspect.c supervisor/inspect.h \
	supervisor/listeners.c supervisor/listeners.h \
	supervisor/instance.c supervisor/instance.h \
	supervisor/login.c supervisor/login.h \
	supervisor/notify.c supervisor/notify.h \
	supervisor/options.c supervisor/options.h \
	supervisor/pgurl.c supervisor/pgurl.h \
	supervisor/pipelines.c supervisor/pipelines.h \
	supervisor/privdrop.c supervisor/privdrop.h \
	supervisor/process.c supervisor/process.h \
	supervisor/report.c supervisor/report.h \
	supervisor/requests.c supervisor/requests.h \
	supervisor/secrets.c supervisor/secrets.h \
	supervisor/spawn.c supervisor/spawn.h \
	supervisor/super.c supervisor/super.h \
	supervisor/syslog.c supervisor/syslog.h \
	supervisor/throttle.c supervisor/throttle.h \
	supervisor/trust.c supervisor/trust.h \
	supervisor/watch.c supervisor/watch.h \
	supervisor/worker_ops.c supervisor/worker_ops.h
supervisor_libtidesuper_a_CFLAGS = $(SUPERVISOR_CFLAGS)

sbin_PROGRAMS += supervisor/pg-tided
supervisor_pg_tided_SOURCES = supervisor/main.c
supervisor_pg_tided_CFLAGS = $(SUPERVISOR_CFLAGS)
supervisor_pg_tided_LDADD = $(SUPERVISOR_LIBS)

# A child that behaves, or not, as tests of the supervisor tell it.
noinst_PROGRAMS += tests/integration/fakechild
tests_integration_fakechild_SOURCES = tests/integration/fakechild.c
tests_integration_fakechild_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_integration_fakechild_LDADD = common/libtide.a $(EVENT_LIBS)

# The name that the reference's users know.
install-exec-hook: install-pg-tide
install-pg-tide:
	cd '$(DESTDIR)$(sbindir)' && rm -f pg-tide && $(LN_S) pg-tided pg-tide
uninstall-local:
	rm -f '$(DESTDIR)$(sbindir)/pg-tide'
.PHONY: install-pg-tide
