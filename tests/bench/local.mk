# SPDX-License-Identifier: ISC
# The yardsticks of the benches; built by "make bench-programs" only.

EXTRA_PROGRAMS = tests/bench/read-baseline tests/bench/post-baseline \
	tests/bench/http-sink tests/bench/stall
tests_bench_read_baseline_SOURCES = tests/bench/read-baseline.c
tests_bench_read_baseline_CFLAGS = $(AM_CFLAGS) $(PQ_CFLAGS)
tests_bench_read_baseline_LDADD = $(PQ_LIBS)
tests_bench_post_baseline_SOURCES = tests/bench/post-baseline.c
tests_bench_post_baseline_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) \
	$(CRYPTO_CFLAGS)
tests_bench_post_baseline_LDADD = $(CURL_LIBS) $(CRYPTO_LIBS)
tests_bench_http_sink_SOURCES = tests/bench/http-sink.c
tests_bench_http_sink_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
tests_bench_http_sink_LDADD = $(EVENT_LIBS) $(EVENT_EXTRA_LIBS)
tests_bench_stall_SOURCES = tests/bench/stall.c
CLEANFILES += $(EXTRA_PROGRAMS)
EXTRA_DIST += tests/bench/README tests/bench/bench.py

bench-programs: $(EXTRA_PROGRAMS)
.PHONY: bench-programs
