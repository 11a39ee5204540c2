# SPDX-License-Identifier: ISC
# Tests of the catalog and of the resolver.
if HAVE_CMOCKA
CATALOG_TESTS = tests/unit/test-catalog \
	tests/unit/test-catalog-bell \
	tests/unit/test-doorbell \
	tests/unit/test-document \
	tests/unit/test-names \
	tests/unit/test-resolver
check_PROGRAMS += $(CATALOG_TESTS)
TESTS += $(CATALOG_TESTS)
endif
# The processes themselves, with the test in the supervisor's place.
CHILD_DRIVER = tests/unit/childdriver.c tests/unit/childdriver.h
CATALOG_HARNESS = tests/unit/catalogtest.c tests/unit/catalogtest.h \
	$(CHILD_DRIVER) tests/unit/pgserver.c tests/unit/pgserver.h \
	tests/unit/unit.h
CATALOG_NEEDS = supervisor/catalog/pg-tide-catalog sql/schema.sql
tests_unit_test_catalog_SOURCES = tests/unit/test-catalog.c $(CATALOG_HARNESS)
tests_unit_test_catalog_CFLAGS = $(UNIT_CFLAGS) $(PQ_CFLAGS)
tests_unit_test_catalog_LDADD = $(UNIT_LIBS) $(PQ_LIBS)
EXTRA_tests_unit_test_catalog_DEPENDENCIES = $(CATALOG_NEEDS)
tests_unit_test_catalog_bell_SOURCES = tests/unit/test-catalog-bell.c \
	$(CATALOG_HARNESS)
tests_unit_test_catalog_bell_CFLAGS = $(UNIT_CFLAGS) $(PQ_CFLAGS)
tests_unit_test_catalog_bell_LDADD = $(UNIT_LIBS) $(PQ_LIBS)
EXTRA_tests_unit_test_catalog_bell_DEPENDENCIES = $(CATALOG_NEEDS)
tests_unit_test_resolver_SOURCES = tests/unit/test-resolver.c \
	$(CHILD_DRIVER) tests/unit/unit.h
tests_unit_test_resolver_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_resolver_LDADD = $(UNIT_LIBS)
EXTRA_tests_unit_test_resolver_DEPENDENCIES = \
	supervisor/resolver/pg-tide-resolver

tests_unit_test_doorbell_SOURCES = tests/unit/test-doorbell.c tests/unit/unit.h
tests_unit_test_doorbell_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_doorbell_LDADD = supervisor/catalog/libcatalog.a $(UNIT_LIBS)
tests_unit_test_document_SOURCES = tests/unit/test-document.c tests/unit/unit.h
tests_unit_test_document_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_document_LDADD = supervisor/catalog/libcatalog.a \
	$(JSON_LIBS) $(UNIT_LIBS)
tests_unit_test_names_SOURCES = tests/unit/test-names.c tests/unit/unit.h
tests_unit_test_names_CFLAGS = $(UNIT_CFLAGS) -pthread
tests_unit_test_names_LDADD = supervisor/resolver/libresolver.a $(UNIT_LIBS)
