/* SPDX-License-Identifier: ISC */
/*
 * The limit that draining to a file is measured against: a bare libpq
 * single-row reader of one query that writes the first column as lines.
 *
 * usage: read-baseline CONNINFO QUERY FILE
 * Prints one JSON object.
 */
#include <err.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static double
cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static void
row_write(FILE *out, const PGresult *res)
{
	int n, i;

	/* All columns are touched; the value is what a line holds. */
	n = PQnfields(res);
	for (i = 0; i < n; i++) {
		fwrite(PQgetvalue(res, 0, i), 1,
		    (size_t)PQgetlength(res, 0, i), out);
	}
	fputc('\n', out);
}

static long
read_all(PGconn *conn, const char *query, FILE *out)
{
	PGresult *res;
	long rows = 0;

	if (!PQsendQueryParams(conn, query, 0, NULL, NULL, NULL, NULL, 1))
		errx(1, "%s", PQerrorMessage(conn));
	if (!PQsetSingleRowMode(conn))
		errx(1, "single-row mode refused");
	while ((res = PQgetResult(conn)) != NULL) {
		switch (PQresultStatus(res)) {
		case PGRES_SINGLE_TUPLE:
			row_write(out, res);
			rows++;
			break;
		case PGRES_TUPLES_OK:
			break;
		default:
			errx(1, "%s", PQresultErrorMessage(res));
		}
		PQclear(res);
	}
	return (rows);
}

int
main(int argc, char **argv)
{
	PGconn *conn;
	FILE *out;
	double start, used;
	long rows;

	if (argc != 4) {
		fprintf(stderr, "usage: read-baseline CONNINFO QUERY FILE\n");
		return (2);
	}
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
		errx(1, "%s", PQerrorMessage(conn));
	out = fopen(argv[3], "w");
	if (out == NULL)
		err(1, "%s", argv[3]);
	start = now();
	rows = read_all(conn, argv[2], out);
	if (fflush(out) != 0 || fdatasync(fileno(out)) != 0)
		err(1, "%s", argv[3]);
	used = now() - start;
	printf("{\"rows\": %ld, \"seconds\": %.3f, \"rows_per_second\": %.0f, "
	    "\"cpu_seconds\": %.3f}\n", rows, used, (double)rows / used,
	    cpu());
	fclose(out);
	PQfinish(conn);
	return (0);
}
