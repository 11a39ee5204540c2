/* SPDX-License-Identifier: ISC */
/*
 * pg-tided sink plugin interface, ABI 1.
 *
 * A sink plugin is one shared object exporting one function,
 * pgtide_sink_plugin().  It includes no other pg-tided header and links
 * against nothing from pg-tided: every service of the host is reached
 * through struct pgtide_host.  See pg-tide-sink(3).
 *
 * Arrays that cross the interface carry the size of their element, so that
 * both sides can grow.  Fields are only appended, values never renumbered.
 *
 * Life of a plugin:
 *
 *	dlopen, pgtide_sink_plugin()	ABI, options and needs are checked
 *	prepare()	once per process; may read library files; no secrets,
 *			no sockets, no lasting threads; warm libraries up
 *	  --- the last lock-down: no file can be opened from here on ---
 *	open()		per instance; threads and connections from here on
 *	  deliver()	some messages are accepted, each gets one complete()
 *	  poll()	after wakeup(), on the loop thread
 *	  flush()	a hint: do not linger
 *	close(ms)	settle or abandon; afterwards silence
 *
 * Threads: the host calls a plugin on its loop thread only, never
 * concurrently for one instance.  Functions of struct pgtide_host that are
 * marked "any thread" never call back into the plugin.  Every call on the
 * loop thread must return within 50 ms.
 */
#ifndef PGTIDE_SINK_H
#define PGTIDE_SINK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PGTIDE_SINK_ABI_MAJOR	1	/* differs: the host refuses to load */
#define PGTIDE_SINK_ABI_MINOR	0	/* grows: fields were appended */

#if defined(__GNUC__)
#define PGTIDE_PRINTF(f, a)	__attribute__((__format__(__printf__, f, a)))
#define PGTIDE_EXPORT		__attribute__((__visibility__("default")))
#else
#define PGTIDE_PRINTF(f, a)
#define PGTIDE_EXPORT
#endif

struct pgtide_ctx;		/* host side of one sink instance */
struct pgtide_watch;		/* a file descriptor or timer on the loop */

/* Fate of one attempt.  Values are part of the ABI. */
enum pgtide_result {
	PGTIDE_DELIVERED	= 0,	/* durable at the destination */
	PGTIDE_TRANSIENT	= 1,	/* retry with back-off */
	PGTIDE_THROTTLED	= 2,	/* retry after retry_ms; not an error */
	PGTIDE_PERMANENT	= 3,	/* this message can never succeed */
	PGTIDE_PAUSE		= 4	/* no destination: stop, keep message */
};

struct pgtide_header {
	const char	*name;		/* NUL-terminated */
	const void	*value;
	size_t		 valuelen;
};

struct pgtide_msg {
	uint64_t	 token;		/* names this attempt in complete() */
	uint64_t	 seq;		/* grows in delivery order */
	const char	*id;		/* the event's identity, stable */
	uint32_t	 attempt;	/* 1, 2, ... */
	uint32_t	 lane;		/* hash of the ordering key */
	const void	*key;		/* NULL: no key */
	size_t		 keylen;
	const void	*value;		/* NULL: tombstone */
	size_t		 valuelen;
	const struct pgtide_header *headers;
	size_t		 nheaders;
	size_t		 header_size;	/* stride of headers */
	const char	*content_type;
	const char	*topic;		/* rendered destination, or NULL */
	const char	*traceparent;	/* or NULL */
	int64_t		 created_us;	/* microseconds since 1970, UTC */
};

/*
 * The array is valid during deliver() alone; what its elements point to
 * (id, key, value, headers, strings) stays until the token was given to
 * complete() or release().
 */
struct pgtide_batch {
	const void	*msgs;
	size_t		 nmsgs;
	size_t		 msg_size;	/* stride of msgs */
};

static inline const struct pgtide_msg *
pgtide_batch_at(const struct pgtide_batch *b, size_t i)
{
	return ((const struct pgtide_msg *)(const void *)
	    ((const char *)b->msgs + i * b->msg_size));
}

/*
 * One attempt's outcome.  The host copies what it needs before complete()
 * returns.
 */
struct pgtide_completion {
	uint64_t	 token;
	uint32_t	 result;	/* enum pgtide_result */
	uint32_t	 retry_ms;	/* THROTTLED: not sooner than this */
	int32_t		 code;		/* native error code, for the log */
	const char	*detail;	/* copied before complete() returns */
};

enum pgtide_opttype {
	PGTIDE_OPT_STRING	= 1,
	PGTIDE_OPT_BOOL		= 2,
	PGTIDE_OPT_INT		= 3,
	PGTIDE_OPT_SIZE		= 4,
	PGTIDE_OPT_DURATION	= 5,
	PGTIDE_OPT_ENUM		= 6,
	PGTIDE_OPT_ENDPOINT	= 7,	/* host:port, URL; opens its TCP port */
	PGTIDE_OPT_FILE		= 8,	/* read by the host, given as bytes */
	PGTIDE_OPT_SECRET	= 9,	/* ${env:N}, ${file:/p}; secret_get() */
	PGTIDE_OPT_OUTPUT	= 10	/* opened by the host for appending;
					 * "-": standard output */
};

#define PGTIDE_OPTF_REQUIRED	0x01u
#define PGTIDE_OPTF_LIST	0x02u
#define PGTIDE_OPTF_RELOAD	0x04u	/* may change without a restart */
#define PGTIDE_OPTF_MAP		0x08u	/* a JSON object; see option_key() */
#define PGTIDE_OPTF_ADVANCED	0x10u	/* documented last */

struct pgtide_option {
	const char	*name;
	uint32_t	 type;		/* enum pgtide_opttype */
	uint32_t	 flags;
	const char	*dflt;
	int64_t		 min, max;	/* INT, SIZE in bytes, DURATION in
					 * ms; both 0: no bounds */
	const char	*choices;	/* ENUM: "none|gzip|zstd" */
	const char	*help;		/* one sentence, no full stop */
};

/*
 * "requests_total" of the plugin webhook is exposed as
 * pg_tide_sink_webhook_requests_total.  A gauge named "insecure" becomes
 * pg_tide_relay_pipeline_insecure: set it to 1 when events go unencrypted.
 */
struct pgtide_metric {
	const char	*name;		/* [a-z0-9_]+; counters: ..._total */
	uint32_t	 type;		/* 1 counter, 2 gauge */
	const char	*help;
};

/* What the instance needs from the sandbox beyond the base class. */
#define PGTIDE_NEED_TCP		0x01u
#define PGTIDE_NEED_THREADS	0x02u
#define PGTIDE_NEED_UNIX	0x04u

/*
 * PGTIDE_CAP_FIFO: several messages of one lane may be in the plugin at
 * once.  The plugin then sends in accept order; the first message that ends
 * neither DELIVERED nor PERMANENT ends the epoch: nothing more is sent, and
 * all later accepted messages complete TRANSIENT, in order, once none of them
 * can still arrive.  Without it the host keeps one message per lane in flight.
 */
#define PGTIDE_CAP_FIFO		0x01u

/* Log levels of struct pgtide_host's log(). */
#define PGTIDE_LOG_ERROR	0
#define PGTIDE_LOG_WARN		1
#define PGTIDE_LOG_INFO		2
#define PGTIDE_LOG_DEBUG	3

/* One address from resolve(): network byte order, 4 or 16 bytes. */
struct pgtide_addr {
	uint32_t	 family;	/* 4 or 6 */
	uint8_t		 bytes[16];
};

#define PGTIDE_EV_READ		0x01u
#define PGTIDE_EV_WRITE		0x02u

struct pgtide_host {
	uint32_t	 struct_size;
	uint16_t	 abi_major;
	uint16_t	 abi_minor;

	/* Any thread. */
	void	(*complete)(struct pgtide_ctx *,
		    const struct pgtide_completion *, size_t n, size_t size);
	void	(*release)(struct pgtide_ctx *, const uint64_t *, size_t);
					/* bytes no longer needed, fate open */
	void	(*state)(struct pgtide_ctx *, int up, const char *text);
	void	(*fatal)(struct pgtide_ctx *, int32_t code, const char *text);
	void	(*wakeup)(struct pgtide_ctx *);	/* ->poll() runs on the loop */
	void	(*log)(struct pgtide_ctx *, int, const char *, ...)
		    PGTIDE_PRINTF(3, 4);
	void	(*metric_add)(struct pgtide_ctx *, unsigned int, int64_t);
	int	(*wakeup_fd)(struct pgtide_ctx *);	/* write 8 bytes */

	/*
	 * Loop thread only.  None of these calls the plugin back before it
	 * returned, and what was completed by then is settled before the
	 * next deliver().
	 */
	void	(*resume)(struct pgtide_ctx *);	/* after a short accept */
	/*
	 * Level-triggered until unwatch(), which a callback may call on its
	 * own watch; no events (0) is a pause.  Timers fire once per set.
	 */
	struct pgtide_watch *(*fd_watch)(struct pgtide_ctx *, int, unsigned int,
		    void (*)(void *, int, unsigned int), void *);
	int	(*fd_change)(struct pgtide_watch *, unsigned int);
	struct pgtide_watch *(*timer)(struct pgtide_ctx *,
		    void (*)(void *, int, unsigned int), void *);
	int	(*timer_set)(struct pgtide_watch *, int64_t);	/* ms, -1 off */
	void	(*unwatch)(struct pgtide_watch *);
	/*
	 * Options as the operator set them, or their defaults.  The index
	 * counts the elements of a LIST or MAP option and is 0 otherwise.
	 * Names of nested options are dotted: "signature.scheme".  Each
	 * returns 0, or -1 when there is no such element (not set and no
	 * default, or index past the end).  References such as ${env:NAME}
	 * are already replaced.  Pointers stay valid until close() returned
	 * or reload() or secret_changed() is called.
	 */
	int	(*option_str)(struct pgtide_ctx *, const char *, size_t,
		    const char **);
	int	(*option_int)(struct pgtide_ctx *, const char *, size_t,
		    int64_t *);		/* int, bool, size; duration in ms */
	int	(*option_key)(struct pgtide_ctx *, const char *, size_t,
		    const char **);	/* MAP: the element's key */
	int	(*option_bytes)(struct pgtide_ctx *, const char *,
		    const void **, size_t *);	/* FILE: its contents */
	/*
	 * OUTPUT: borrowed, or -1.  After a rotation the host calls reload(),
	 * and the same number or another leads to the new file: who writes
	 * on a thread works on a duplicate.
	 */
	int	(*option_fd)(struct pgtide_ctx *, const char *);
	/*
	 * A SECRET option.  Borrowed until secret_put(): copy what a library
	 * needs and give it back at once.
	 */
	int	(*secret_get)(struct pgtide_ctx *, const char *, size_t,
		    const void **, size_t *);
	void	(*secret_put)(struct pgtide_ctx *, const char *, size_t);
	/*
	 * A group of messages that becomes visible as one (an S3 object, a
	 * Kafka transaction): the host commits the plan with the checkpoint,
	 * then calls planned(); after a restart open() finds it pending.
	 */
	int	(*plan)(struct pgtide_ctx *, uint64_t first_seq,
		    uint64_t last_seq, const void *, size_t);
	/*
	 * Look a host name up outside this process.  The callback runs on
	 * the loop thread, exactly once unless close() came first, with
	 * error 0 or an EAI_* value of getaddrinfo(3) and naddrs elements
	 * of addr_size bytes that are valid during the call.  Returns 0, or
	 * -1 when no look-up could be started.
	 */
	int	(*resolve)(struct pgtide_ctx *, const char *name,
		    void (*)(void *, int error, const struct pgtide_addr *,
		    size_t naddrs, size_t addr_size), void *);
};

struct pgtide_sink_plugin {
	uint32_t	 struct_size;	/* sizeof, as the plugin saw it */
	uint16_t	 abi_major;
	uint16_t	 abi_minor;
	const char	*name;
	const char	*version;
	const char	*summary;
	uint64_t	 needs;		/* PGTIDE_NEED_* */
	uint64_t	 caps;		/* PGTIDE_CAP_* */
	const struct pgtide_option *options;
	size_t		 noptions, option_size;
	const struct pgtide_metric *metrics;
	size_t		 nmetrics, metric_size;

	int	(*prepare)(char *, size_t);
	/* Returns at once; state(up) says when the destination answers. */
	int	(*open)(const struct pgtide_host *, struct pgtide_ctx *,
		    void **, char *, size_t);
	size_t	(*deliver)(void *, const struct pgtide_batch *);
	void	(*poll)(void *);
	void	(*flush)(void *);
	void	(*close)(void *, uint32_t);

	/* Optional from here on; appended in minor versions. */
	void	(*planned)(void *, uint64_t first_seq, uint64_t last_seq);
	int	(*resume_plan)(void *, const void *, size_t,
		    const struct pgtide_batch *);
	int	(*reload)(void *);
	int	(*secret_changed)(void *, const char *);
};

#define PGTIDE_HOST_HAS(p, field)					\
	((p)->struct_size >= offsetof(struct pgtide_host, field) +	\
	    sizeof((p)->field) && (p)->field != NULL)

#define PGTIDE_MSG_HAS(b, field)					\
	((b)->msg_size >= offsetof(struct pgtide_msg, field) +		\
	    sizeof(((struct pgtide_msg *)0)->field))

#define PGTIDE_SINK_HEADER						\
	(uint32_t)sizeof(struct pgtide_sink_plugin),			\
	PGTIDE_SINK_ABI_MAJOR, PGTIDE_SINK_ABI_MINOR

PGTIDE_EXPORT const struct pgtide_sink_plugin *pgtide_sink_plugin(void);

#ifdef __cplusplus
}
#endif
#endif /* PGTIDE_SINK_H */
