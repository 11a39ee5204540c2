# SPDX-License-Identifier: ISC
etcdatadir = $(datadir)/pg-tided
dist_etcdata_DATA = etc/prometheus-rules.yml

# The example configuration names the directories of this build.  It is not
# installed over a configuration that is there.
noinst_DATA += etc/pg-tided.conf
CLEANFILES += etc/pg-tided.conf
EXTRA_DIST += etc/pg-tided.conf.in etc/env
etc/pg-tided.conf: etc/pg-tided.conf.in Makefile
	$(AM_V_GEN)mkdir -p etc && sed -e 's|@confdir[@]|$(confdir)|g' \
	    -e 's|@rundir[@]|$(rundir)|g' -e 's|@user[@]|$(tide_user)|g' \
	    -e 's|@plugindir[@]|$(plugindir)|g' \
	    -e 's|@libexecdir[@]|$(pkglibexecdir)|g' \
	    $(srcdir)/etc/pg-tided.conf.in >$@.tmp && mv $@.tmp $@

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
