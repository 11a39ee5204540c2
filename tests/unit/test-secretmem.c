/* SPDX-License-Identifier: ISC */
/* The arena of secrets: replacement, bounds, zeroing, guard pages. */
#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/secretmem.h"
#include "tests/unit/unit.h"

static void
put(struct secretmem *m, uint8_t kind, const char *name, const char *value)
{
	char *p = secretmem_put(m, kind, name, strlen(value));

	assert_non_null(p);
	memcpy(p, value, strlen(value));
}

static void
test_put_and_get(void **state)
{
	struct secretmem *m;
	size_t len;
	int locked;

	(void)state;
	m = secretmem_new(4096, &locked);
	assert_non_null(m);
	put(m, 1, "A", "first");
	put(m, 2, "A", "other kind");
	assert_string_equal(secretmem_get(m, 1, "A", &len), "first");
	assert_int_equal(len, 5);
	assert_string_equal(secretmem_get(m, 2, "A", NULL), "other kind");
	assert_null(secretmem_get(m, 1, "B", NULL));
	secretmem_free(m);
	secretmem_free(NULL);
}

static void
test_replacing_zeroes(void **state)
{
	struct secretmem *m = secretmem_new(4096, NULL);
	const char *old;
	size_t i;

	(void)state;
	put(m, 1, "A", "abcdefghijklmnop");
	old = secretmem_get(m, 1, "A", NULL);
	put(m, 1, "A", "a value which does not fit into the old place");
	assert_ptr_not_equal(secretmem_get(m, 1, "A", NULL), old);
	for (i = 0; i < 16; i++)
		assert_int_equal(old[i], 0);
	/* The old place is used again. */
	put(m, 1, "B", "short");
	assert_ptr_equal(secretmem_get(m, 1, "B", NULL), old);
	secretmem_free(m);
}

static void
test_rotation_does_not_leak_room(void **state)
{
	struct secretmem *m = secretmem_new(4096, NULL);
	int i;

	(void)state;
	for (i = 0; i < 10000; i++)
		assert_non_null(secretmem_put(m, 1, "A",
		    (size_t)(100 + i % 50)));
	secretmem_free(m);
}

static void
test_chunks(void **state)
{
	struct secretmem *m = secretmem_new(4096, NULL);

	(void)state;
	assert_non_null(secretmem_put(m, 1, "A", 6));
	assert_int_equal(secretmem_fill(m, 1, "A", 3, "def", 3), 0);
	assert_int_equal(secretmem_fill(m, 1, "A", 0, "abc", 3), 0);
	assert_string_equal(secretmem_get(m, 1, "A", NULL), "abcdef");
	assert_int_equal(secretmem_fill(m, 1, "A", 4, "xyz", 3), -1);
	assert_int_equal(errno, ERANGE);
	assert_int_equal(secretmem_fill(m, 1, "A", SIZE_MAX, "x", 1), -1);
	assert_int_equal(secretmem_fill(m, 1, "B", 0, "x", 1), -1);
	secretmem_free(m);
}

static void
test_full(void **state)
{
	struct secretmem *m = secretmem_new(1, NULL);	/* one page */

	(void)state;
	assert_null(secretmem_put(m, 1, "A", 1 << 20));
	assert_int_equal(errno, ENOSPC);
	assert_null(secretmem_put(m, 1, "A", SIZE_MAX));
	assert_int_equal(errno, ENOSPC);
	assert_null(secretmem_get(m, 1, "A", NULL));
	assert_non_null(secretmem_alloc(m, 100));
	secretmem_free(m);
}

static void
in_child(void (*fn)(char *), char *arg, int want_signal)
{
	int status;
	pid_t pid;

	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		(void)signal(SIGSEGV, SIG_DFL);
		(void)signal(SIGBUS, SIG_DFL);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (want_signal)
		assert_true(!(WIFEXITED(status) && WEXITSTATUS(status) == 0));
	else
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
poke(char *p)
{
	*(volatile char *)p = 1;
}

static void
test_guard_pages(void **state)
{
	struct secretmem *m = secretmem_new(4096, NULL);
	char *p = secretmem_alloc(m, 1);

	(void)state;
	in_child(poke, p - 1, 1);
	in_child(poke, p + sysconf(_SC_PAGESIZE), 1);
	secretmem_free(m);
}

/* Gone or wiped, a forked process sees no secret. */
static void
peek(char *p)
{
	if (*(volatile char *)p == 's')
		_exit(0);
	_exit(1);
}

static void
test_fork_sees_nothing(void **state)
{
	struct secretmem *m = secretmem_new(4096, NULL);
	char *p;

	(void)state;
	p = secretmem_put(m, 1, "A", 6);
	memcpy(p, "secret", 6);
	in_child(peek, p, 1);
	assert_string_equal(p, "secret");
	secretmem_free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_get),
		cmocka_unit_test(test_replacing_zeroes),
		cmocka_unit_test(test_rotation_does_not_leak_room),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_guard_pages),
		cmocka_unit_test(test_fork_sees_nothing)
	};

	return (cmocka_run_group_tests_name("secretmem", tests, NULL, NULL));
}
