/* SPDX-License-Identifier: ISC */
/* One peer per child process, and what its frames do. */
#include "config.h"

#include "supervisor/control/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/log.h"
#include "common/metrics.h"
#include "common/peer.h"
#include "common/units.h"
#include "supervisor/control/hub.h"
#include "supervisor/control/lines.h"
#include "supervisor/control/procs.h"
#include "supervisor/control/store.h"

/* Nothing is ever sent on a channel; a queue cannot be empty by contract. */
#define CHANNEL_QUEUE	1
#define CHANNEL_DEFS	64	/* metrics of one plugin */
#define LOG_RATE	100	/* log frames a second of one child */
#define LOG_BURST	500
#define COMPLAINT_RATE	0.1	/* our own words about its frames */
#define COMPLAINT_BURST	5

struct channel {
	TAILQ_ENTRY(channel) entry;
	struct channels	*owner;
	struct peer	*peer;
	enum role	 role;
	char		 name[MSG_NAME_MAX];
	uint64_t	 generation;
	struct speaker	 speaker;
	struct limiter	 complaints;
	const struct family *defs[CHANNEL_DEFS];	/* by id - 1000 */
};

struct channels {
	struct hub	*hub;
	struct lines	*lines;
	TAILQ_HEAD(, channel) list;
};

/* Speak of a pipeline: "" is the process itself. */
static bool
may_speak_of(const struct channel *c, const char *pipeline)
{
	return (c->role == ROLE_CATALOG || pipeline[0] == '\0' ||
	    strcmp(c->name, pipeline) == 0);
}

static void
complain(struct channel *c, const char *what, const char *why)
{
	uint64_t suppressed;

	if (limiter_take(&c->complaints, clock_mono_us(), &suppressed))
		log_warnx("%s %s: %s is not counted: %s", c->speaker.program,
		    c->speaker.context, what, why);
}

static const struct family *
family_of(const struct channel *c, uint16_t id)
{
	if (id < METRIC_PLUGIN_FIRST)
		return (families_find(c->owner->hub->families, id));
	if (id - METRIC_PLUGIN_FIRST >= CHANNEL_DEFS)
		return (NULL);
	return (c->defs[id - METRIC_PLUGIN_FIRST]);
}

static void
take_sample(struct channel *c, const char *pipeline,
    const struct metric_sample *m)
{
	const struct family *f = family_of(c, m->id);

	if (f == NULL) {
		complain(c, "a metric", "its number is unknown");
		return;
	}
	if (f->own)
		return;
	if (store_put(c->owner->hub->store, c->generation, pipeline, f, m,
	    clock_mono_us()) == -1)
		complain(c, f->name, strerror(errno));
}

static int
take_metrics(struct channel *c, struct frame *f)
{
	struct metric_sample sample;
	struct metric_frame head;
	int r;

	if (metrics_frame_begin(f, &head) == -1 ||
	    !may_speak_of(c, head.pipeline))
		return (-1);
	while ((r = metrics_frame_next(f, &sample)) == 1)
		take_sample(c, head.pipeline, &sample);
	return (r);
}

/*
 * Where a plugin's metric goes: into a family named after the plugin, but
 * for the one that every sink may tell and alerts ask for by one name.
 */
static const struct family *
plugin_family(struct channel *c, const struct msg_metric_def *d)
{
	struct hub *h = c->owner->hub;
	const struct proc *p = procs_pipeline(h->procs, c->name);

	if (d->type == METRIC_GAUGE && strcmp(d->name, "insecure") == 0)
		return (families_find(h->families, METRIC_INSECURE));
	return (families_plugin(h->families, p != NULL &&
	    p->row.plugin[0] != '\0' ? p->row.plugin : "unknown", d));
}

static int
take_def(struct channel *c, struct frame *f)
{
	const struct family *family;
	struct msg_metric_def d;

	if (msg_metric_def_get(f, &d) == -1 || c->role != ROLE_WORKER ||
	    d.id < METRIC_PLUGIN_FIRST ||
	    d.id - METRIC_PLUGIN_FIRST >= CHANNEL_DEFS)
		return (-1);
	if ((family = plugin_family(c, &d)) == NULL)
		complain(c, d.name, strerror(errno));
	c->defs[d.id - METRIC_PLUGIN_FIRST] = family;
	return (0);
}

static int
take_state(struct channel *c, struct frame *f)
{
	struct msg_state st;

	if (msg_state_get(f, &st) == -1)
		return (-1);
	if (c->role == ROLE_WORKER && strcmp(st.name, c->name) != 0)
		return (-1);
	if (procs_state(c->owner->hub->procs, c->role, &st) == -1)
		complain(c, "a state", strerror(errno));
	return (0);
}

static int
take_log(struct channel *c, struct frame *f)
{
	char line[4096 + 1];
	uint8_t level;

	level = frame_get_u8(f);
	frame_get_str(f, line, sizeof(line));
	if (frame_end(f) == -1 || level > LOG_LVL_DEBUG)
		return (-1);
	speaker_say(&c->speaker, level, line);
	return (0);
}

static const struct {
	uint16_t type;
	int	(*take)(struct channel *, struct frame *);
} handlers[] = {
	{ MSG_METRICS,		take_metrics },
	{ MSG_METRIC_DEF,	take_def },
	{ MSG_STATE,		take_state },
	{ MSG_LOG,		take_log }
};

static int
channel_frame(struct peer *peer, struct frame *f, void *arg)
{
	struct channel *c = arg;
	size_t i;

	(void)peer;
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++)
		if (handlers[i].type == f->type) {
			procs_heard(c->owner->hub->procs, c->role, c->name);
			return (handlers[i].take(c, f));
		}
	return (-1);
}

static void
channel_free(struct channel *c)
{
	TAILQ_REMOVE(&c->owner->list, c, entry);
	store_source_gone(c->owner->hub->store, c->generation);
	peer_free(c->peer);
	free(c);
}

static void
channel_gone(struct peer *peer, enum peer_gone how, const char *text,
    void *arg)
{
	struct channel *c = arg;

	(void)peer;
	if (how == PEER_PROTOCOL)
		log_warnx("%s %s: its channel is closed: %s",
		    c->speaker.program, c->speaker.context, text);
	channel_free(c);
}

static const struct peer_ops channel_ops = { channel_frame, channel_gone };

struct channels *
channels_new(struct hub *hub)
{
	struct channels *cs;

	if ((cs = calloc(1, sizeof(*cs))) == NULL)
		return (NULL);
	cs->hub = hub;
	TAILQ_INIT(&cs->list);
	if ((cs->lines = lines_new(hub->base)) == NULL) {
		free(cs);
		return (NULL);
	}
	return (cs);
}

void
channels_free(struct channels *cs)
{
	if (cs == NULL)
		return;
	while (!TAILQ_EMPTY(&cs->list))
		channel_free(TAILQ_FIRST(&cs->list));
	lines_free(cs->lines);
	free(cs);
}

static int
add_peer(struct channels *cs, const struct msg_channel *ch)
{
	struct channel *c;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		(void)close(ch->fd);
		return (-1);
	}
	c->owner = cs;
	c->role = ch->role;
	c->generation = ch->generation;
	memcpy(c->name, ch->name, sizeof(c->name));
	speaker_init(&c->speaker, ch, LOG_RATE, LOG_BURST);
	limiter_init(&c->complaints, COMPLAINT_RATE, COMPLAINT_BURST,
	    clock_mono_us());
	c->peer = peer_new(cs->hub->base, ch->fd, ROLE_CONTROL, c->role,
	    CHANNEL_QUEUE, c->speaker.program, &channel_ops, c);
	if (c->peer == NULL) {
		free(c);
		return (-1);
	}
	if (c->role == ROLE_CATALOG)
		procs_forget_catalog(cs->hub->procs);
	TAILQ_INSERT_TAIL(&cs->list, c, entry);
	return (0);
}

int
channels_add(struct channels *cs, const struct msg_channel *ch)
{
	if (ch->kind == CHANNEL_OUTPUT)
		return (lines_add(cs->lines, ch));
	return (add_peer(cs, ch));
}
