# SPDX-License-Identifier: ISC
# The runner, the checks on the text of the tree, and the demo.

dist_noinst_SCRIPTS += bootstrap .ci/run .ci/long \
	tests/run tests/tap tests/installed tests/demo/demo \
	tests/lint/run tests/lint/analyzer tests/lint/cppcheck \
	tests/lint/functions tests/lint/headers tests/lint/layering \
	tests/lint/documented tests/lint/linkage tests/lint/manuals \
	tests/lint/python tests/lint/rules \
	tests/lint/scripts tests/lint/style tests/lint/tarball \
	tests/lint/words
# The Python of the tests is taken as it lies there: a test that is not in a
# list would be missed by nobody. (tests/lint/tarball compares with git.)
EXTRA_DIST += $(wildcard $(srcdir)/tests/*/*.py) \
	.ci/parts.sh \
	tests/pytest.ini \
	tests/lint/analyzer.suppressions \
	tests/lint/cppcheck.suppressions \
	tests/lint/layering.table

# What was installed runs and is whole; also part of distcheck.
installcheck-local:
	$(srcdir)/tests/installed '$(DESTDIR)' '$(sbindir)' '$(bindir)' \
		'$(pkglibexecdir)' '$(plugindir)' '$(mandir)' '$(VERSION)'
