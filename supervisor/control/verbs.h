/* SPDX-License-Identifier: ISC */
/*
 * The commands of the control socket: one table row each.  Some are
 * answered here, the changing ones become a request to the supervisor.
 */
#ifndef TIDE_CONTROL_VERBS_H
#define TIDE_CONTROL_VERBS_H

#include <json-c/json.h>

#include "common/messages.h"

struct access;
struct hub;

enum verb_outcome {
	VERB_DONE,		/* data holds the answer */
	VERB_FAILED,		/* error says why */
	VERB_FORWARD		/* ask the supervisor; id is the caller's */
};

struct verb_error {
	const char	*code;		/* "not_permitted" */
	char		 message[MSG_TEXT_MAX];
	const char	*cause;		/* likely cause */
	const char	*next;		/* what to do */
};

struct verb_answer {
	struct json_object *data;	/* the caller's to put */
	struct verb_error error;
	const char	*verb;		/* name, for the log */
	struct msg_request forward;
};

/* request is {"command":NAME, ...}, from whoever access says. */
enum verb_outcome verbs_run(struct hub *, const struct access *,
	    struct json_object *request, struct verb_answer *);
void	verbs_error(struct verb_error *, const char *code,
	    const char *message);
/* The reply document: ok, observed_at, data, error.  Takes data over. */
struct json_object *verbs_envelope(struct json_object *data,
	    const struct verb_error *);

#endif
