/* SPDX-License-Identifier: ISC */
/* One request, one reply, end of file. */
#include "config.h"

#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

#define REPLY_MAX	(16 * 1024 * 1024)
#define REPLY_S		20	/* longer than the daemon's own limits */
#define REPLY_CHUNK	16384

static int
unreachable(struct ctl *ctl, int error)
{
	char message[512];
	struct ctl_error e = {
		.status = CTL_UNREACHABLE, .code = "daemon_unreachable",
		.component = "control", .message = message,
		.cause = "pg-tided does not run, or listens elsewhere",
		.next = "start pg-tided, or give its control_socket with "
		    "--socket"
	};

	(void)snprintf(message, sizeof(message), "%s: %s", ctl->socket,
	    strerror(error));
	if (error == EACCES || error == EPERM) {
		e.cause = "the mode or the group of the socket";
		e.next = "run as root or as a member of control_group";
	} else if (error == EAGAIN || error == ETIMEDOUT) {
		e.cause = "the daemon is too busy to answer";
		e.next = "look at its log, and try again";
	}
	return (ctl_fail(ctl, &e));
}

static int
connect_socket(const char *path)
{
	struct timeval limit = { REPLY_S, 0 };
	struct sockaddr_un sun;
	int fd, error;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	memcpy(sun.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
	    sizeof(limit)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
	    sizeof(limit)) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		error = errno;
		(void)close(fd);
		errno = error;
		return (-1);
	}
	return (fd);
}

static int
send_all(int fd, const char *text, size_t len)
{
	ssize_t n;

	for (; len > 0; text += n, len -= (size_t)n)
		if ((n = send(fd, text, len, MSG_NOSIGNAL)) <= 0)
			return (-1);
	return (0);
}

static int
send_request(int fd, const char *command, const char *name,
    const char *value)
{
	struct json_object *o = json_object_new_object();
	const char *text;
	int r;

	json_object_object_add(o, "command", json_object_new_string(command));
	if (name != NULL)
		json_object_object_add(o, name,
		    json_object_new_string(value));
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	r = send_all(fd, text, strlen(text));
	if (r == 0)
		r = send_all(fd, "\n", 1);
	json_object_put(o);
	return (r);
}

/* Everything up to the end of file, terminated; NULL with errno. */
static char *
receive_all(int fd)
{
	char *text = NULL, *grown;
	size_t len = 0;
	ssize_t n;

	for (;;) {
		if (len > REPLY_MAX) {
			errno = EMSGSIZE;
			break;
		}
		if ((grown = realloc(text, len + REPLY_CHUNK + 1)) == NULL)
			break;
		text = grown;
		n = recv(fd, text + len, REPLY_CHUNK, 0);
		if (n == -1)
			break;
		if (n == 0) {
			text[len] = '\0';
			return (text);
		}
		len += (size_t)n;
	}
	free(text);
	return (NULL);
}

static struct json_object *
exchange(struct ctl *ctl, const char *command, const char *name,
    const char *value)
{
	struct json_object *reply = NULL;
	char *text = NULL;
	int fd, error;

	if ((fd = connect_socket(ctl->socket)) == -1)
		return (NULL);
	if (send_request(fd, command, name, value) == 0 &&
	    (text = receive_all(fd)) != NULL) {
		reply = json_tokener_parse(text);
		if (reply == NULL)
			errno = EBADMSG;
	}
	error = errno;
	free(text);
	(void)close(fd);
	errno = error;
	return (reply);
}

static const char *
error_text(struct json_object *error, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(error, key, &v) || v == NULL)
		return ("");
	return (json_object_get_string(v));
}

static int
refused(struct ctl *ctl, struct json_object *reply)
{
	struct json_object *error = NULL;
	struct ctl_error e = { .status = CTL_FAILED };

	(void)json_object_object_get_ex(reply, "error", &error);
	e.code = error_text(error, "code");
	e.component = error_text(error, "component");
	e.message = error_text(error, "message");
	e.cause = error_text(error, "likely_cause");
	e.next = error_text(error, "next_action");
	if (e.message[0] == '\0')
		e.message = "the daemon refused without a reason";
	return (ctl_fail(ctl, &e));
}

int
client_call(struct ctl *ctl, const char *command, const char *name,
    const char *value, struct json_object **data)
{
	struct json_object *reply, *ok = NULL;
	int status = CTL_OK;

	*data = NULL;
	if ((reply = exchange(ctl, command, name, value)) == NULL)
		return (unreachable(ctl, errno));
	if (json_object_object_get_ex(reply, "ok", &ok) &&
	    json_object_get_boolean(ok) &&
	    json_object_object_get_ex(reply, "data", data) && *data != NULL)
		(void)json_object_get(*data);
	else
		status = refused(ctl, reply);
	json_object_put(reply);
	return (status);
}

int
client_order(struct ctl *ctl, const char *command, const char *name,
    const char *value)
{
	struct json_object *data;
	int status;

	status = client_call(ctl, command, name, value, &data);
	if (status != CTL_OK)
		return (status);
	if (!ctl->json) {
		print_clean(stdout, error_text(data, "message")[0] != '\0' ?
		    error_text(data, "message") : "done");
		(void)putchar('\n');
	}
	return (ctl_done(ctl, data));
}
