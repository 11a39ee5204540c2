# SPDX-License-Identifier: ISC
# The runner, the checks on the text of the tree, and the demo.

dist_noinst_SCRIPTS += bootstrap .ci/run .ci/long \
	tests/run tests/installed tests/demo/demo \
	tests/lint/run tests/lint/analyzer tests/lint/cppcheck \
	tests/lint/functions tests/lint/headers tests/lint/layering \
	tests/lint/linkage tests/lint/manuals tests/lint/python \
	tests/lint/scripts tests/lint/style tests/lint/tarball \
	tests/lint/words
EXTRA_DIST += \
	.ci/parts.sh \
	tests/pytest.ini \
	tests/lint/analyzer.suppressions \
	tests/lint/cppcheck.suppressions \
	tests/lint/layering.table \
	tests/lint/tree.py \
	tests/lib/pgcluster.py \
	tests/lib/receiver.py \
	tests/lib/receiving.py \
	tests/lib/tided.py \
	tests/sql/conftest.py \
	tests/sql/test_publish.py \
	tests/integration/conftest.py \
	tests/integration/test_delivery.py \
	tests/integration/test_faults.py

# What was installed runs and is whole; also part of distcheck.
installcheck-local:
	$(srcdir)/tests/installed '$(DESTDIR)' '$(sbindir)' '$(bindir)' \
		'$(pkglibexecdir)' '$(plugindir)' '$(mandir)' '$(VERSION)'
