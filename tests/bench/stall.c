/* SPDX-License-Identifier: ISC */
/*
 * How much of the time a processor of this machine is taken away: spins on
 * the clock and adds up the gaps of more than a millisecond.  Printed beside
 * every figure, since a busy or shared machine makes them worthless.
 *
 * usage: stall [SECONDS]		prints percent
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

int
main(int argc, char **argv)
{
	double span, start, last, t, lost = 0;

	span = argc > 1 ? strtod(argv[1], NULL) : 0.5;
	if (!(span > 0 && span < 60)) {
		fprintf(stderr, "usage: stall [SECONDS < 60]\n");
		return (2);
	}
	start = last = now();
	while ((t = now()) - start < span) {
		if (t - last > 0.001)
			lost += t - last;
		last = t;
	}
	printf("%.1f\n", 100 * lost / span);
	return (0);
}
