# SPDX-License-Identifier: ISC
# One file per subject, put together into the extension's script and into one
# file for servers where no file can be placed.

SQL_PARTS = \
	sql/settings.sql \
	sql/outbox_tables.sql \
	sql/generations.sql \
	sql/outbox.sql \
	sql/publish.sql \
	sql/sink_types_table.sql \
	sql/sink_types.sql \
	sql/document.sql \
	sql/audit.sql \
	sql/pipelines.sql \
	sql/checkpoints.sql \
	sql/dead_letters.sql \
	sql/inbox.sql \
	sql/views.sql \
	sql/ring.sql \
	sql/grants.sql

EXTRA_DIST += $(SQL_PARTS) sql/dump.sql sql/assemble

extensiondatadir = $(extensiondir)
dist_extensiondata_DATA = sql/pg_tide.control
nodist_extensiondata_DATA = sql/pg_tide--0.1.0.sql
sqldatadir = $(datadir)/pg-tided
dist_sqldata_DATA = sql/roles.sql
nodist_sqldata_DATA = sql/schema.sql

CLEANFILES += sql/pg_tide--0.1.0.sql sql/schema.sql

sql/pg_tide--0.1.0.sql: $(SQL_PARTS) sql/dump.sql sql/assemble
	$(AM_V_GEN)$(MKDIR_P) sql && $(SHELL) $(srcdir)/sql/assemble extension \
	    0.1.0 $(srcdir) $(SQL_PARTS) sql/dump.sql >$@.tmp && mv $@.tmp $@

sql/schema.sql: $(SQL_PARTS) sql/assemble
	$(AM_V_GEN)$(MKDIR_P) sql && $(SHELL) $(srcdir)/sql/assemble schema \
	    0.1.0 $(srcdir) $(SQL_PARTS) >$@.tmp && mv $@.tmp $@

EXTRA_DIST += sql/generate-sink-types tests/lib/pgcluster.py \
	tests/sql/conftest.py tests/sql/test_dump.py tests/sql/test_outbox.py \
	tests/sql/test_pipelines.py tests/sql/test_progress.py \
	tests/sql/test_publish.py tests/sql/test_rights.py \
	tests/sql/test_ring.py tests/sql/test_sink_types.py \
	tests/sql/test_views.py
