/* SPDX-License-Identifier: ISC */
/* Readiness and the /health document. */
#include "config.h"

#include "supervisor/control/health.h"

#include "supervisor/control/hub.h"
#include "supervisor/control/procs.h"

static bool
serves(const struct procs *ps, enum role role)
{
	const struct proc *p = procs_find(ps, role, "");

	return (p != NULL && p->row.pid != 0 &&
	    (p->row.state & CHILD_SERVING) != 0);
}

/* The catalog says HEALTH_OK about itself once its session is up. */
static bool
database_answers(const struct procs *ps)
{
	const struct proc *p = procs_find(ps, ROLE_CATALOG, "");

	return (p != NULL && p->row.state == CHILD_READY &&
	    (p->worker.health == 0 || p->worker.health == HEALTH_OK));
}

static bool
pipelines_ready(const struct procs *ps)
{
	struct pipeline_view v;
	size_t i;

	for (i = 0; i < procs_count(ps); i++) {
		if (!proc_is_pipeline(procs_at(ps, i)))
			continue;
		procs_view(procs_at(ps, i), &v);
		if (!v.ready)
			return (false);
	}
	return (true);
}

bool
health_ready(const struct hub *h, const char **reason)
{
	*reason = "";
	if (!serves(h->procs, ROLE_CATALOG))
		*reason = "the catalog process does not serve";
	else if (!serves(h->procs, ROLE_RESOLVER))
		*reason = "the resolver process does not serve";
	else if (!database_answers(h->procs))
		*reason = "the catalog has no database session";
	else if (!pipelines_ready(h->procs))
		*reason = "a pipeline is not healthy";
	return (**reason == '\0');
}

static struct json_object *
pipeline_json(const struct proc *p)
{
	struct json_object *o = json_object_new_object();
	struct pipeline_view v;

	procs_view(p, &v);
	json_object_object_add(o, "name",
	    json_object_new_string(p->row.name));
	json_object_object_add(o, "state", json_object_new_string(v.state));
	json_object_object_add(o, "health", json_object_new_string(v.health));
	json_object_object_add(o, "ready", json_object_new_boolean(v.ready));
	json_object_object_add(o, "error_class", v.error_class[0] != '\0' ?
	    json_object_new_string(v.error_class) : NULL);
	return (o);
}

struct json_object *
health_json(const struct hub *h)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();
	const char *reason;
	bool ready = health_ready(h, &reason);
	size_t i;

	json_object_object_add(o, "status",
	    json_object_new_string(ready ? "ready" : "not ready"));
	json_object_object_add(o, "reason",
	    ready ? NULL : json_object_new_string(reason));
	json_object_object_add(o, "version",
	    json_object_new_string(PACKAGE_VERSION));
	for (i = 0; i < procs_count(h->procs); i++)
		if (proc_is_pipeline(procs_at(h->procs, i)))
			json_object_array_add(list,
			    pipeline_json(procs_at(h->procs, i)));
	json_object_object_add(o, "pipelines", list);
	return (o);
}
