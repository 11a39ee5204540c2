/* SPDX-License-Identifier: ISC */
/*
 * Run every file of a fuzz target's seed folder through it, as TAP.  The
 * folder is named like the program: fuzz-secretref reads
 * $top_srcdir/tests/fuzz/seeds/secretref.
 */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_MAX	(1024 * 1024)

static void
replay_file(const char *dir, const char *name)
{
	static uint8_t buf[INPUT_MAX];
	uint8_t *exact;
	char path[4096];
	size_t n;
	FILE *f;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >=
	    sizeof(path))
		errx(1, "%s: path too long", name);
	f = fopen(path, "rb");
	if (f == NULL)
		err(1, "%s", path);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	/* An allocation of exactly that size shows reads past the end. */
	exact = malloc(n == 0 ? 1 : n);
	if (exact == NULL)
		err(1, NULL);
	memcpy(exact, buf, n);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

int
main(int argc, char **argv)
{
	struct dirent *d;
	char dir[2048];
	const char *top, *name;
	DIR *dp;
	int n = 0;

	(void)argc;
	top = getenv("top_srcdir");
	name = strrchr(argv[0], '/');
	name = name == NULL ? argv[0] : name + 1;
	if (strncmp(name, "lt-", 3) == 0)
		name += 3;
	if (strncmp(name, "fuzz-", 5) == 0)
		name += 5;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/seeds/%s",
	    top == NULL ? "." : top, name);
	dp = opendir(dir);
	if (dp == NULL)
		err(1, "%s", dir);
	while ((d = readdir(dp)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		replay_file(dir, d->d_name);
		printf("ok %d - %s\n", ++n, d->d_name);
	}
	closedir(dp);
	if (n == 0)
		errx(1, "%s holds no seed", dir);
	printf("1..%d\n", n);
	return (0);
}
