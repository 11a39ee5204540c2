/* SPDX-License-Identifier: ISC */
/*
 * What the tests of the catalog process share: a server with the schema,
 * the process brought up, and its words read.  All of these fail the test.
 */
#ifndef TIDE_TESTS_CATALOGTEST_H
#define TIDE_TESTS_CATALOGTEST_H

#include "tests/unit/childdriver.h"
#include "tests/unit/pgserver.h"

#define PROGRAM		"supervisor/catalog/pg-tide-catalog"
#define PATIENCE_MS	20000

extern struct pgserver *pg;
extern char url[256];		/* of the role relay */

int	catalog_setup(void **);		/* for cmocka; no schema yet */
int	catalog_teardown(void **);
/* The schema, the roles, and the outbox orders. */
void	schema_install(void);

void	sql(const char *);
/* Wait until a query says true. */
void	sql_until(const char *);
/* A pipeline from orders to a file. */
void	pipeline_set(const char *name, const char *path);

/* Up to READY. */
void	catalog_start(struct driver *, const char *conninfo);

/* One list, up to its end. */
struct list {
	int	wanted, kept, gone, refs;
	struct msg_pipeline pipelines[8];
	struct msg_pipeline_ref ref[8];
	char	kept_name[MSG_NAME_MAX], gone_name[MSG_NAME_MAX];
	char	document[8][2048];
};
void	list_read(struct driver *, struct list *);
const struct msg_pipeline *list_find(const struct list *, const char *name);
/* Read lists until one has this pipeline with another generation. */
uint64_t list_until_changed(struct driver *, const char *name,
	    uint64_t generation);
/* The state of a pipeline ("": the catalog's) with this health, whose text
 * has these words. */
void	state_wait(struct driver *, const char *name, enum health,
	    const char *words);
/* WAKE of orders. */
void	wake_wait(struct driver *);
/* WAKE of all: nobody will ring. */
void	wake_all_wait(struct driver *);
void	worker_say(struct driver *, const char *name, enum child_state);
void	idle_say(struct driver *, const char *name);

#endif
