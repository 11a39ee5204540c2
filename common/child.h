/* SPDX-License-Identifier: ISC */
/*
 * What every child process of pg-tided has in common: the descriptors it
 * was born with, the conversation with the supervisor up to READY, beats,
 * log lines and metrics towards control, and the end.
 *
 * Descriptor map at exec (everything else is closed):
 *	0	/dev/null
 *	1, 2	catalog, control, resolver: the daemon's log (stderr, or a
 *		datagram socket to syslog); worker: a pipe that control reads
 *	3	the supervisor, SOCK_SEQPACKET
 *	4	control (a child's channel; in control itself: not open)
 *	5	the resolver (not open in control and in the resolver)
 * Arguments: argv[0] is the title, then --log=FORMAT --level=LEVEL; workers
 * get their pipeline's name as argv[1].  The environment is empty.
 *
 * Order: HELLO -> SETTING... CONFIG -> (stage 1) STAGE1 -> PROCEED ->
 * (plugin, prepare, stage 2) LOCKED -> SECRET... FILE... OUTPUT... GO ->
 * (stage 3) CONFINED -> READY.  Children without a plugin enter stages 1
 * and 2 at once and say both.
 *
 * Until READY a child is driven by child_wait_*(), which block on
 * descriptor 3 with a deadline and beat meanwhile; afterwards by the event
 * loop.
 */
#ifndef TIDE_COMMON_CHILD_H
#define TIDE_COMMON_CHILD_H

#include <event2/event.h>

#include "common/messages.h"
#include "common/peer.h"
#include "common/secretmem.h"

#define CHILD_FD_SUPERVISOR	3
#define CHILD_FD_CONTROL	4
#define CHILD_FD_RESOLVER	5

struct child;
struct metrics;

struct child_ops {
	/* Frames that child.c does not handle itself: from the supervisor
	 * WAKE, RELOAD, WORKER_STATE, IDLE, REPLY, PROC, LISTENER, OUTPUT
	 * (a reopened one: close the old descriptor after its last use), in
	 * control and resolver the CHANNEL of others; from the resolver
	 * ANSWER.  RELOAD in control comes when the new settings are in
	 * place.  0, or -1 for a malformed body. */
	int	(*frame)(struct child *, struct frame *, void *);
	/* MSG_DRAIN: finish within ms, then child_drained(). */
	void	(*drain)(struct child *, uint32_t ms, void *);
	/* MSG_STOP, or the supervisor is gone: return from the loop.  Before
	 * child_attach() the process simply exits. */
	void	(*stop)(struct child *, void *);
	/* The resolver's channel was replaced; the peer is NULL while it is
	 * away.  The function may be NULL, as the next one. */
	void	(*resolver)(struct child *, struct peer *, void *);
	/* The control process is new: say again what it should know beyond
	 * the last child_state() of this process's own pipeline. */
	void	(*control)(struct child *, struct peer *, void *);
};

/*
 * Set up log, title, signals (all blocked but the fatal ones, SIGPIPE
 * ignored), dumpable 0, PDEATHSIG check, core limit; say HELLO.  Exits when
 * descriptor 3 is not a SEQPACKET socket: these programs are of no use at
 * a shell, and say so.
 */
struct child *child_start(int argc, char **argv, enum role,
	    const struct child_ops *, void *arg);

/*
 * Receive settings and the configuration (its descriptor is the caller's).
 * Settings are looked up with child_setting() afterwards.  These functions
 * return 0, or -1 with errno when the supervisor is gone, silent for
 * 30 seconds, or says something out of place.
 */
int	child_wait_config(struct child *, struct msg_config *);
const char *child_setting(const struct child *, const char *name);
/* Calls fn for every setting in order. */
void	child_settings(const struct child *,
	    void (*fn)(const struct msg_setting *, void *), void *);
/* Say STAGE1 and wait for PROCEED. */
int	child_say_stage1(struct child *);
/* Say LOCKED; secrets go to the arena, files and outputs are kept, until
 * GO. */
int	child_say_locked(struct child *, uint32_t landlock_abi,
	    struct secretmem *);
/* A descriptor received for path with FILE or OUTPUT; stays ours, -1 none */
int	child_file(const struct child *, const char *path);
int	child_output(const struct child *, const char *path);
void	child_say_confined(struct child *);
void	child_say_ready(struct child *);
void	child_drained(struct child *);

/* From here on the event loop: attach the channels to base, start beats and
 * the once-a-second metrics snapshot (metrics_tick may be NULL, it is called
 * just before each). */
int	child_attach(struct child *, struct event_base *,
	    void (*metrics_tick)(void *), void *);
struct peer *child_supervisor(struct child *);
struct peer *child_control(struct child *);	/* NULL while it is away */
struct peer *child_resolver(struct child *);	/* NULL while it is away */
struct metrics *child_metrics(struct child *);
enum child_state child_life(const struct child *);
/* Unique per process start; 0 before the first frame came. */
uint64_t child_generation(const struct child *);

/* Health of a pipeline for status and metrics. */
void	child_state(struct child *, const struct msg_state *);
/* Say FATAL with the cause, flush, and _exit: for every fatal end. */
void	child_fatal(struct child *, enum exit_cause, const char *, ...)
	    __attribute__((__noreturn__, __format__(__printf__, 3, 4)));
/* Exit 0 after what waits was sent. */
void	child_exit(struct child *) __attribute__((__noreturn__));

#endif
