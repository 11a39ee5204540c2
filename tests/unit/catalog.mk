# SPDX-License-Identifier: ISC
# Tests of the catalog and of the resolver.
if HAVE_CMOCKA
CATALOG_TESTS = tests/unit/test-doorbell \
	tests/unit/test-document \
	tests/unit/test-names
check_PROGRAMS += $(CATALOG_TESTS)
TESTS += $(CATALOG_TESTS)
endif
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
