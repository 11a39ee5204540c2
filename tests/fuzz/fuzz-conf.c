/* SPDX-License-Identifier: ISC */
/*
 * Fuzz pg-tided.conf, connection strings and how they are shown: nothing
 * crashes, what is accepted is complete, and a value fits its buffer.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/bindings.h"
#include "supervisor/cmdline.h"
#include "supervisor/conf.h"
#include "supervisor/options.h"
#include "supervisor/pgurl.h"
#include "tests/fuzz/fuzz.h"

static void
fuzz_file(const uint8_t *data, size_t len)
{
	char path[64], err[256], shown[512];
	struct cmdline c = { .config = path, .config_given = true };
	struct option_set *set;
	struct bindings *bindings;
	size_t i;
	int fd;

	fd = memfd_create("conf", MFD_CLOEXEC);
	if (fd == -1 || fchmod(fd, 0600) == -1 ||
	    write(fd, data, len) != (ssize_t)len)
		abort();
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	set = conf_load(&c, &bindings, err, sizeof(err));
	close(fd);
	if (set == NULL)
		return;
	if (option_is_default(set, "postgres_url") &&
	    option_is_default(set, "postgres_url_file"))
		abort();
	for (i = 0; i < tided_noptions; i++)
		(void)conf_masked(set, &tided_options[i], shown,
		    sizeof(shown));
	option_set_free(set);
	bindings_free(bindings);
}

static int
on_pair(const char *key, const char *value, void *arg)
{
	if (*key == '\0' || strlen(value) > 4095)
		abort();
	(void)pgurl_names_file(key, value);
	++*(size_t *)arg;
	return (0);
}

static void
fuzz_url(const uint8_t *data, size_t len)
{
	char *url, *shown;
	size_t n = 0;

	if ((url = malloc(len + 1)) == NULL ||
	    (shown = malloc(len * 3 + 4)) == NULL)
		abort();
	memcpy(url, data, len);
	url[len] = '\0';
	(void)pgurl_scan(url, on_pair, &n);
	(void)pgurl_is_unix(url);
	(void)conf_mask_url(url, shown, len * 3 + 4);
	(void)conf_mask_url(url, shown, 1);
	if (shown[0] != '\0')
		abort();
	free(url);
	free(shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int null = -1;

	/* What is wrong with the file is said at length. */
	if (null == -1) {
		null = memfd_create("log", MFD_CLOEXEC);
		log_init("fuzz", null, LOG_FMT_TEXT, LOG_LVL_ERROR);
	}
	if (ftruncate(null, 0) == -1)
		abort();
	fuzz_file(data, len);
	fuzz_url(data, len);
	return (0);
}
