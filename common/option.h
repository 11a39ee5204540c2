/* SPDX-License-Identifier: ISC */
/*
 * Typed option tables: one row drives parser, validator, default, --help,
 * the manual and "show config".  Used for pg-tided.conf and the command
 * line, for the options of a pipeline, and (with the same numbers) for
 * those of a sink plugin.
 */
#ifndef TIDE_COMMON_OPTION_H
#define TIDE_COMMON_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Same values as enum pgtide_opttype of <tide/sink.h>. */
enum option_type {
	OPTION_STRING	= 1,
	OPTION_BOOL	= 2,
	OPTION_INT	= 3,
	OPTION_SIZE	= 4,	/* bytes */
	OPTION_DURATION	= 5,	/* stored in microseconds */
	OPTION_ENUM	= 6,	/* stored as index into choices */
	OPTION_ENDPOINT	= 7,
	OPTION_FILE	= 8,
	OPTION_SECRET	= 9,
	OPTION_OUTPUT	= 10
};

#define OPTION_REQUIRED	0x01u
#define OPTION_LIST	0x02u	/* comma-separated, or given again */
#define OPTION_RELOAD	0x04u	/* may change without a restart */
#define OPTION_MAP	0x08u
#define OPTION_ADVANCED	0x10u
#define OPTION_MASK	0x20u	/* never show the value: passwords */

struct option_def {
	const char	*name;		/* "metrics_addr", "secrets.dirs" */
	enum option_type type;
	uint32_t	 flags;
	const char	*dflt;		/* text, NULL: none */
	int64_t		 min, max;	/* INT, SIZE bytes, DURATION us */
	const char	*choices;	/* ENUM: "a|b|c" */
	const char	*help;		/* one sentence, no full stop */
};

struct option_value {
	char	*text;		/* as given; NULL: default */
	char	*origin;	/* "default", "file:line", "--flag" */
	int64_t	 number;	/* BOOL INT SIZE DURATION, ENUM index */
};

/* Values for one table, in its order.  Copies what it is given. */
struct option_set;

struct option_set *option_set_new(const struct option_def *, size_t n);
void	option_set_free(struct option_set *);
const struct option_def *option_find(const struct option_def *, size_t n,
	    const char *name);

/*
 * Check text against the row: type, bounds, choices.  Returns 0, or -1 with
 * a message in err that names the key and the allowed values.
 */
int	option_check(const struct option_def *, const char *text,
	    int64_t *number, char *err, size_t errsize);
/*
 * Set one.  An unknown name is an error that suggests the nearest known
 * one.  LIST options append to what the same origin (another line of the
 * file, the flag again) gave, and replace what an earlier one gave.  origin
 * is shown by "show config".
 */
int	option_set_put(struct option_set *, const char *name,
	    const char *text, const char *origin, char *err, size_t errsize);
/* Every REQUIRED option is there?  0 or -1 with a message. */
int	option_set_complete(const struct option_set *, char *, size_t);

/* Values by name; asking for a name that is not in the table aborts. */
const char *option_str(const struct option_set *, const char *);
int64_t	option_num(const struct option_set *, const char *);
bool	option_bool(const struct option_set *, const char *);
/* Element i of a LIST, NULL past the end. */
const char *option_item(const struct option_set *, const char *, size_t i);
const struct option_value *option_get(const struct option_set *,
	    const char *);
bool	option_is_default(const struct option_set *, const char *);

/* The name that was probably meant, NULL when none is near. */
const char *option_nearest(const struct option_def *, size_t n,
	    const char *name);
/* Types and bounds as people read them: "duration (10ms..60s)". */
char	*option_describe(const struct option_def *, char *, size_t);
/* The --help text of a table, one option after the other. */
void	option_print_help(FILE *, const struct option_def *, size_t n,
	    const char *prefix);

#endif
