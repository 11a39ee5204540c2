/* SPDX-License-Identifier: ISC */
/* Read pg-tided.conf, lay environment and flags over it, check the whole. */
#include "config.h"

#include "supervisor/conf.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/messages.h"
#include "common/utf8.h"
#include "supervisor/bindings.h"
#include "supervisor/instance.h"
#include "supervisor/options.h"
#include "supervisor/trust.h"

#define FILE_MAX	(1024 * 1024)
#define LINE_MAX_BYTES	8192
#define SECTION_MAX	128

/* One load under way. */
struct loading {
	struct option_set *set;
	struct bindings *bindings;
	const char	*path;
	const char	*text, *end;	/* what is still to be read */
	unsigned int	 line;
	char		 section[SECTION_MAX];
	unsigned int	 problems;
	char		*err;		/* for the first problem */
	size_t		 errsize;
};

static void problem(struct loading *, const char *, ...) LOG_PRINTF(2, 3);

static void
problem(struct loading *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_errorx("%s", text);
	if (l->problems++ == 0)
		(void)snprintf(l->err, l->errsize, "%s", text);
}

static void
put(struct loading *l, const char *name, const char *value,
    const char *origin)
{
	char err[400], seconds[32];

	/* Here a bare number has always been seconds. */
	if (strcmp(name, "drain_timeout") == 0 && *value != '\0' &&
	    strspn(value, "0123456789") == strlen(value)) {
		(void)snprintf(seconds, sizeof(seconds), "%ss", value);
		value = seconds;
	}
	/* It travels to the children in one piece. */
	if (strlen(value) >= MSG_REF_MAX) {
		problem(l, "%s: %s: longer than %d bytes", origin, name,
		    MSG_REF_MAX - 1);
		return;
	}
	if ((bindings_is_name(name) ?
	    bindings_put(l->bindings, name, value, origin, err,
	    sizeof(err)) :
	    option_set_put(l->set, name, value, origin, err,
	    sizeof(err))) == -1)
		problem(l, "%s: %s", origin, err);
}

/* inih calls this for each "name = value" below "[section]". */
static int
on_value(void *arg, const char *section, const char *name, const char *value)
{
	struct loading *l = arg;
	char full[2 * SECTION_MAX], origin[512];

	(void)section;
	(void)snprintf(full, sizeof(full), "%s%s%.100s", l->section,
	    l->section[0] != '\0' ? "." : "", name);
	(void)snprintf(origin, sizeof(origin), "%s:%u", l->path, l->line);
	put(l, full, value, origin);
	return (1);
}

/* inih keeps 49 bytes of a section's name, and says nothing of the rest. */
static void
note_section(struct loading *l, const char *line)
{
	const char *end;
	size_t n;

	line += strspn(line, " \t");
	if (*line != '[' || (end = strchr(line, ']')) == NULL)
		return;
	n = (size_t)(end - line) - 1;
	if (n >= sizeof(l->section)) {
		problem(l, "%s:%u: the section's name is longer than %zu"
		    " bytes", l->path, l->line, sizeof(l->section) - 1);
		n = 0;
	}
	memcpy(l->section, line + 1, n);
	l->section[n] = '\0';
}

/*
 * fgets() on memory, which counts lines.  inih would read the rest of a line
 * that is too long as a line of its own, so such a file ends here.
 */
static char *
read_line(char *dst, int size, void *arg)
{
	struct loading *l = arg;
	const char *newline;
	size_t n;

	if (l->text == l->end)
		return (NULL);
	l->line++;
	newline = memchr(l->text, '\n', (size_t)(l->end - l->text));
	n = (size_t)((newline != NULL ? newline + 1 : l->end) - l->text);
	if (n >= (size_t)size) {
		problem(l, "%s:%u: line is longer than %d bytes", l->path,
		    l->line, LINE_MAX_BYTES - 3);
		l->text = l->end;
		return (NULL);
	}
	memcpy(dst, l->text, n);
	dst[n] = '\0';
	l->text += n;
	note_section(l, dst);
	return (dst);
}

static void
parse_text(struct loading *l, const char *text, size_t len)
{
	int line;

	if (memchr(text, '\0', len) != NULL || !utf8_valid(text, len)) {
		problem(l, "%s: not a text file in UTF-8", l->path);
		return;
	}
	/* Values may hold ';', and a line that is indented is no value. */
	ini_allow_inline_comments = false;
	ini_allow_multiline = false;
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_max_line = LINE_MAX_BYTES;
	ini_initial_alloc = LINE_MAX_BYTES;
	l->text = text;
	l->end = text + len;
	l->line = 0;
	l->section[0] = '\0';
	line = ini_parse_stream(read_line, l, on_value, l);
	if (line > 0)
		problem(l, "%s:%d: expected \"name = value\" or \"[section]\"",
		    l->path, line);
	else if (line < 0)
		problem(l, "%s: out of memory", l->path);
}

static void
parse_file(struct loading *l, bool must_exist)
{
	char *text, err[256];
	size_t len;
	int fd;

	fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		if (errno != ENOENT || must_exist)
			problem(l, "%s: %s", l->path, strerror(errno));
		return;
	}
	text = trust_read(fd, FILE_MAX, &len, err, sizeof(err));
	close(fd);
	if (text == NULL) {
		problem(l, "%s: %s", l->path, err);
		return;
	}
	parse_text(l, text, len);
	explicit_bzero(text, len);
	free(text);
}

static void
check_mode(struct loading *l)
{
	const char *s = option_str(l->set, "control_mode");
	char *end;
	long mode;

	errno = 0;
	mode = strtol(s, &end, 8);
	if (*s == '\0' || *end != '\0' || errno != 0 || mode < 0 ||
	    mode > 0777)
		problem(l, "%s: control_mode: bad value \"%s\", expected an"
		    " octal number (0..0777)",
		    option_get(l->set, "control_mode")->origin, s);
}

static void
check_absolute(struct loading *l)
{
	const struct option_def *def;
	const char *s;
	size_t i, j;

	for (i = 0; i < tided_noptions; i++) {
		def = &tided_options[i];
		if (def->type != OPTION_FILE ||
		    option_is_default(l->set, def->name))
			continue;
		for (j = 0; (s = (def->flags & OPTION_LIST) != 0 ?
		    option_item(l->set, def->name, j) :
		    j == 0 ? option_str(l->set, def->name) : NULL) != NULL;
		    j++) {
			if (*s != '/')
				problem(l, "%s: %s: \"%s\" is not an absolute"
				    " path",
				    option_get(l->set, def->name)->origin,
				    def->name, s);
		}
	}
}

static void
check_urls(struct loading *l)
{
	bool url = !option_is_default(l->set, "postgres_url");
	bool file = !option_is_default(l->set, "postgres_url_file");

	if (!url && !file)
		problem(l, "no database: set postgres_url in %s, or give"
		    " --postgres-url", l->path);
	if (url && file)
		log_warnx("postgres_url_file (%s) wins over postgres_url (%s)",
		    option_get(l->set, "postgres_url_file")->origin,
		    option_get(l->set, "postgres_url")->origin);
}

static void
check_sandbox(struct loading *l)
{
	if (option_num(l->set, "sandbox") == MODE_OFF && geteuid() == 0 &&
	    !option_bool(l->set, "allow_sandbox_off_as_root"))
		problem(l, "%s: sandbox: \"off\" under root also needs"
		    " allow_sandbox_off_as_root = yes",
		    option_get(l->set, "sandbox")->origin);
}

static void
check_all(struct loading *l)
{
	char err[256];

	if (option_set_complete(l->set, err, sizeof(err)) == -1)
		problem(l, "%s: %s", l->path, err);
	check_mode(l);
	check_absolute(l);
	check_urls(l);
	check_sandbox(l);
}

static int
put_instance(const char *option, const char *value, void *arg)
{
	put(arg, option, value, "--instance");
	return (0);
}

struct option_set *
conf_load(const struct cmdline *c, struct bindings **bindings, char *err,
    size_t errsize)
{
	struct loading l = { .path = c->config, .err = err,
	    .errsize = errsize };
	const struct override *o;
	size_t i;

	l.set = option_set_new(tided_options, tided_noptions);
	l.bindings = bindings_new();
	if (l.set == NULL || l.bindings == NULL) {
		problem(&l, "out of memory");
		goto fail;
	}
	if (c->instance != NULL &&
	    instance_defaults(c->instance, put_instance, &l) == -1)
		problem(&l, "the name of the instance is too long");
	parse_file(&l, c->config_given);
	for (i = 0; i < c->noverrides; i++) {
		o = &c->overrides[i];
		put(&l, o->name, o->value, o->origin);
	}
	if (l.problems == 0)
		check_all(&l);
	if (l.problems == 0) {
		*bindings = l.bindings;
		return (l.set);
	}
fail:
	bindings_free(l.bindings);
	option_set_free(l.set);
	return (NULL);
}
