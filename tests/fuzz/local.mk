# SPDX-License-Identifier: ISC
# Fuzz targets: libFuzzer programs with --enable-fuzzing (clang), replays of
# the seeds in "make check" otherwise.

FUZZ_TARGETS = tests/fuzz/fuzz-message tests/fuzz/fuzz-secretref \
	tests/fuzz/fuzz-units tests/fuzz/fuzz-http tests/fuzz/fuzz-expose \
	tests/fuzz/fuzz-document tests/fuzz/fuzz-snapshot \
	tests/fuzz/fuzz-headers tests/fuzz/fuzz-conf
check_PROGRAMS += $(FUZZ_TARGETS)

tests_fuzz_fuzz_message_SOURCES = tests/fuzz/fuzz-message.c \
	tests/fuzz/fuzz.h
tests_fuzz_fuzz_message_LDADD = common/libtide.a $(EVENT_LIBS)
tests_fuzz_fuzz_secretref_SOURCES = tests/fuzz/fuzz-secretref.c \
	tests/fuzz/fuzz.h
tests_fuzz_fuzz_secretref_LDADD = common/libtide.a $(EVENT_LIBS)
tests_fuzz_fuzz_units_SOURCES = tests/fuzz/fuzz-units.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_units_LDADD = common/libtide.a $(EVENT_LIBS)
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz-http.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_http_LDADD = supervisor/control/libtidecontrol.a \
	common/libtide.a $(EVENT_LIBS) -lm
tests_fuzz_fuzz_expose_SOURCES = tests/fuzz/fuzz-expose.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_expose_LDADD = supervisor/control/libtidecontrol.a \
	common/libtide.a $(EVENT_LIBS) -lm
tests_fuzz_fuzz_document_SOURCES = tests/fuzz/fuzz-document.c \
	tests/fuzz/fuzz.h
tests_fuzz_fuzz_document_LDADD = supervisor/catalog/libcatalog.a \
	common/libtide.a $(JSON_LIBS) $(EVENT_LIBS)
tests_fuzz_fuzz_snapshot_SOURCES = tests/fuzz/fuzz-snapshot.c \
	tests/fuzz/fuzz.h
tests_fuzz_fuzz_snapshot_LDADD = worker/librelay.a
tests_fuzz_fuzz_headers_SOURCES = tests/fuzz/fuzz-headers.c \
	tests/fuzz/fuzz.h
tests_fuzz_fuzz_headers_LDADD = worker/librelay.a
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz-conf.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_conf_LDADD = supervisor/libtidesuper.a common/libtide.a \
	$(EVENT_LIBS) $(INIH_LIBS)

if FUZZING
FUZZ_FLAGS = -fsanitize=fuzzer
else
FUZZ_FLAGS =
TESTS += $(FUZZ_TARGETS)
tests_fuzz_fuzz_message_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_conf_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_secretref_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_units_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_http_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_expose_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_document_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_snapshot_SOURCES += tests/fuzz/replay.c
tests_fuzz_fuzz_headers_SOURCES += tests/fuzz/replay.c
endif
tests_fuzz_fuzz_conf_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_message_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_message_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_secretref_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_secretref_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_units_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_units_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_http_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_http_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_expose_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_expose_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_document_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_document_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_snapshot_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_snapshot_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_headers_CFLAGS = $(AM_CFLAGS) $(JSON_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_headers_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)

# Each target for FUZZ_SECONDS on a copy of its seeds; what it finds stays
# in fuzz-work/ and becomes a seed once it is mended.
FUZZ_SECONDS = 5
fuzz-smoke: $(FUZZ_TARGETS)
	@set -e; for t in $(FUZZ_TARGETS); do \
	  n=$${t##*/fuzz-}; mkdir -p fuzz-work/$$n; \
	  echo "fuzzing $$n for $(FUZZ_SECONDS)s"; \
	  ./$$t -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 \
	    -artifact_prefix=fuzz-work/$$n/ fuzz-work/$$n \
	    $(top_srcdir)/tests/fuzz/seeds/$$n >fuzz-work/$$n.log 2>&1 || \
	    { tail -30 fuzz-work/$$n.log; exit 1; }; \
	done
.PHONY: fuzz-smoke
EXTRA_DIST += $(FUZZ_SEEDS)
FUZZ_SEEDS = tests/fuzz/seeds
