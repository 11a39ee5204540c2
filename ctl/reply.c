/* SPDX-License-Identifier: ISC */
/* How a command ends: the JSON envelope, or words for a person. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

#define ENVELOPE_VERSION	1

static void
add(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void
print_json(struct ctl *ctl, struct json_object *data,
    struct json_object *error)
{
	struct json_object *o = json_object_new_object();
	time_t now = time(NULL);
	struct tm tm;
	char when[32] = "";

	if (gmtime_r(&now, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	json_object_object_add(o, "schema_version",
	    json_object_new_int(ENVELOPE_VERSION));
	add(o, "command", ctl->label != NULL ? ctl->label : "");
	json_object_object_add(o, "ok",
	    json_object_new_boolean(error == NULL));
	add(o, "observed_at", when);
	json_object_object_add(o, "data", data);
	json_object_object_add(o, "error", error);
	(void)puts(json_object_to_json_string_ext(o,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

int
ctl_done(struct ctl *ctl, struct json_object *data)
{
	if (ctl->json)
		print_json(ctl, data, NULL);
	else
		json_object_put(data);
	return (CTL_OK);
}

static struct json_object *
error_json(const struct ctl_error *e)
{
	struct json_object *o = json_object_new_object();

	add(o, "code", e->code);
	add(o, "component", e->component);
	add(o, "message", e->message);
	add(o, "likely_cause", e->cause);
	add(o, "next_action", e->next);
	return (o);
}

int
ctl_fail(struct ctl *ctl, const struct ctl_error *e)
{
	if (ctl->json) {
		print_json(ctl, NULL, error_json(e));
		return (e->status);
	}
	(void)fputs("pg-tidectl: ", stderr);
	print_clean(stderr, e->message);
	(void)fputc('\n', stderr);
	if (e->cause[0] != '\0') {
		(void)fputs("  likely cause: ", stderr);
		print_clean(stderr, e->cause);
		(void)fputc('\n', stderr);
	}
	if (e->next[0] != '\0') {
		(void)fputs("  what to do: ", stderr);
		print_clean(stderr, e->next);
		(void)fputc('\n', stderr);
	}
	return (e->status);
}

int
ctl_usage(struct ctl *ctl, const char *message)
{
	const struct ctl_error e = {
		.status = CTL_USAGE, .code = "usage", .component = "cli",
		.message = message, .cause = "",
		.next = "see pg-tidectl help, or pg-tidectl(8)"
	};

	return (ctl_fail(ctl, &e));
}

void
ctl_progress(const struct ctl *ctl, const char *text)
{
	if (!ctl->json && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "%s\n", text);
}
