# SPDX-License-Identifier: ISC
etcdatadir = $(datadir)/pg-tided
dist_etcdata_DATA = etc/prometheus-rules.yml

# The example configuration, the unit and the init script name the directories
# of this build.  The first is not installed over a configuration that is
# there, the unit only where configure was told to, the init script never:
# it lies with the other examples.
ETC_MADE = etc/pg-tided.conf etc/pg-tided.service etc/pg-tided.init \
	etc/pg-tided.logrotate
EXTRA_DIST += etc/pg-tided.conf.in etc/pg-tided.service.in \
	etc/pg-tided.init.in etc/pg-tided.logrotate.in etc/env
CLEANFILES += $(ETC_MADE)
noinst_DATA += etc/pg-tided.conf
exampledir = $(datadir)/pg-tided/examples
nodist_example_DATA = etc/pg-tided.init etc/pg-tided.service \
	etc/pg-tided.logrotate
dist_example_DATA = etc/examples/shop.sql etc/examples/file-archive.json \
	etc/examples/webhook-arrays.json etc/examples/webhook-signed.json
if SYSTEMD_UNIT
nodist_systemdsystemunit_DATA = etc/pg-tided.service
endif
$(ETC_MADE): Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && sed -e 's|@confdir[@]|$(confdir)|g' \
	    -e 's|@rundir[@]|$(rundir)|g' -e 's|@user[@]|$(tide_user)|g' \
	    -e 's|@plugindir[@]|$(plugindir)|g' \
	    -e 's|@libexecdir[@]|$(pkglibexecdir)|g' \
	    -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
	    -e 's|@sysconfdir[@]|$(sysconfdir)|g' \
	    $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
etc/pg-tided.conf: etc/pg-tided.conf.in
etc/pg-tided.service: etc/pg-tided.service.in
etc/pg-tided.init: etc/pg-tided.init.in
etc/pg-tided.logrotate: etc/pg-tided.logrotate.in

install-data-hook: install-configuration
install-configuration: etc/pg-tided.conf
	$(MKDIR_P) '$(DESTDIR)$(confdir)' '$(DESTDIR)$(confdir)/secrets' \
	    '$(DESTDIR)$(confdir)/certs'
	test -e '$(DESTDIR)$(confdir)/pg-tided.conf' || \
	    $(INSTALL) -m 640 etc/pg-tided.conf '$(DESTDIR)$(confdir)'
	test -e '$(DESTDIR)$(confdir)/env' || \
	    $(INSTALL) -m 600 $(srcdir)/etc/env '$(DESTDIR)$(confdir)'
uninstall-hook:
	-cmp -s etc/pg-tided.conf '$(DESTDIR)$(confdir)/pg-tided.conf' && \
	    rm -f '$(DESTDIR)$(confdir)/pg-tided.conf'
	-cmp -s $(srcdir)/etc/env '$(DESTDIR)$(confdir)/env' && \
	    rm -f '$(DESTDIR)$(confdir)/env'
	-rmdir '$(DESTDIR)$(confdir)/secrets' '$(DESTDIR)$(confdir)/certs' \
	    '$(DESTDIR)$(confdir)' 2>/dev/null
.PHONY: install-configuration
