/* SPDX-License-Identifier: ISC */
/* Changed files are noticed, on whatever way; others are not. */
#include "config.h"

#include <event2/event.h>
#include <stdbool.h>

#include "supervisor/watch.h"
#include "tests/unit/tmpdir.h"
#include "tests/unit/unit.h"

static struct event_base *base;
static struct watch *watch;
static unsigned int told;

static struct event *enough;

static void
on_change(void *arg)
{
	(void)arg;
	told++;
}

static void
on_enough(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	(void)event_base_loopbreak(base);
}

static int
setup(void **state)
{
	if (tmpdir_make(state) == -1 || (base = event_base_new()) == NULL ||
	    (watch = watch_new(base, on_change, NULL)) == NULL ||
	    (enough = evtimer_new(base, on_enough, NULL)) == NULL)
		return (-1);
	return (0);
}

static int
teardown(void **state)
{
	watch_free(watch);
	event_free(enough);
	event_base_free(base);
	return (tmpdir_remove(state));
}

static void
watch_these(const char *a, const char *b)
{
	watch_begin(watch);
	watch_path(watch, a);
	if (b != NULL)
		watch_path(watch, b);
}

/* Everything that the kernel has to say by now, and the pause behind it. */
static bool
noticed(void)
{
	const struct timeval tv = { 0, 600000 };

	told = 0;
	assert_int_equal(evtimer_add(enough, &tv), 0);
	assert_int_not_equal(event_base_dispatch(base), -1);
	return (told > 0);
}

static void
test_rename_over(void **state)
{
	char new[600];

	(void)state;
	(void)snprintf(new, sizeof(new), "%s", tmp_write("new", "2", 1,
	    0600));
	watch_these(tmp_write("secret", "1", 1, 0600), NULL);
	assert_int_equal(rename(new, tmp("secret")), 0);
	assert_true(noticed());
	watch_these(tmp("secret"), NULL);
	assert_false(noticed());
	(void)tmp_write("secret", "3", 1, 0600);
	assert_true(noticed());
	watch_these(tmp("secret"), NULL);
	assert_int_equal(chmod(tmp("secret"), 0640), 0);
	assert_true(noticed());
	watch_these(tmp("secret"), NULL);
	assert_int_equal(unlink(tmp("secret")), 0);
	assert_true(noticed());
}

static void
test_neighbour(void **state)
{
	(void)state;
	(void)tmp_write("one", "1", 1, 0600);
	watch_these(tmp("one"), NULL);
	(void)tmp_write("other", "1", 1, 0600);
	assert_false(noticed());
}

static void
link_to(const char *target, const char *name)
{
	char path[600], swap[600];

	(void)snprintf(path, sizeof(path), "%s", tmp(name));
	(void)snprintf(swap, sizeof(swap), "%s", tmp("swap"));
	assert_int_equal(symlink(target, swap), 0);
	assert_int_equal(rename(swap, path), 0);
}

/* pw -> ..data/pw, ..data -> ..1, which becomes ..2. */
static void
test_mounted_secret(void **state)
{
	(void)state;
	assert_int_equal(mkdir(tmp("k8s"), 0755), 0);
	assert_int_equal(mkdir(tmp("k8s/..1"), 0755), 0);
	assert_int_equal(mkdir(tmp("k8s/..2"), 0755), 0);
	(void)tmp_write("k8s/..1/pw", "1", 1, 0600);
	(void)tmp_write("k8s/..2/pw", "2", 1, 0600);
	link_to("..1", "k8s/..data");
	link_to("..data/pw", "k8s/pw");
	watch_these(tmp("k8s/pw"), NULL);
	assert_false(noticed());
	link_to("..2", "k8s/..data");
	assert_true(noticed());
	watch_these(tmp("k8s/pw"), NULL);
	(void)tmp_write("k8s/..1/pw", "3", 1, 0600);
	assert_false(noticed());
	(void)tmp_write("k8s/..2/pw", "3", 1, 0600);
	assert_true(noticed());
}

/* A folder on the way is a link, absolute, that is swapped. */
static void
test_linked_folder(void **state)
{
	char target[600];

	(void)state;
	assert_int_equal(mkdir(tmp("v1"), 0755), 0);
	assert_int_equal(mkdir(tmp("v2"), 0755), 0);
	(void)tmp_write("v1/f", "1", 1, 0600);
	(void)snprintf(target, sizeof(target), "%s", tmp("v1"));
	link_to(target, "current");
	watch_these(tmp("current/f"), NULL);
	link_to("./v2/../v2", "current");
	assert_true(noticed());
	watch_these(tmp("current/f"), NULL);	/* which is not there yet */
	(void)tmp_write("v2/f", "1", 1, 0600);
	assert_true(noticed());
}

static void
test_replaced_folder(void **state)
{
	char old[600], gone[600];

	(void)state;
	assert_int_equal(mkdir(tmp("dir"), 0755), 0);
	(void)tmp_write("dir/f", "1", 1, 0600);
	(void)snprintf(old, sizeof(old), "%s", tmp("dir"));
	(void)snprintf(gone, sizeof(gone), "%s", tmp("gone"));
	watch_these(tmp("dir/f"), NULL);
	assert_int_equal(rename(old, gone), 0);
	assert_true(noticed());
	watch_these(tmp("dir/f"), NULL);
	assert_int_equal(rename(gone, old), 0);
	assert_true(noticed());
}

static void
test_odd_paths(void **state)
{
	static char big[5000] = "/";

	(void)state;
	memset(big + 1, 'x', sizeof(big) - 2);
	link_to("loop", "loop");
	watch_these(tmp("loop"), big);
	watch_path(watch, "relative");
	watch_path(watch, "");
	watch_path(watch, "/");
	watch_path(watch, "/dev/null/below");
	assert_false(noticed());
	watch_soon(watch);
	watch_soon(watch);
	assert_true(noticed());
	assert_int_equal(told, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rename_over),
		cmocka_unit_test(test_neighbour),
		cmocka_unit_test(test_mounted_secret),
		cmocka_unit_test(test_linked_folder),
		cmocka_unit_test(test_replaced_folder),
		cmocka_unit_test(test_odd_paths)
	};

	return (cmocka_run_group_tests(tests, setup, teardown));
}
